/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole connections over a stream in memory: what is answered to what, and that neither the pieces
 * in which bytes come nor those in which they go change anything.
 */
#include "http_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct session_case {
    const char *name;
    const char *input;
    size_t len;
    const char *statuses; /* of the answers, in order */
    const char *body;     /* what the output ends with; NULL: whatever */
};

#define H         "Host: x\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "\r\n"
#define IN(text)  text, sizeof(text) - 1

static const struct session_case cases[] = {
    {"GET", IN(GET("/a.txt")), "200", "\r\n\r\n0123456789"},
    {"HEAD", IN("HEAD /a.txt HTTP/1.1\r\n" H "\r\n"), "200", "Content-Length: 10\r\n\r\n"},
    {"an empty file", IN(GET("/empty")), "200", "Content-Length: 0\r\n\r\n"},
    {"HTTP/1.0", IN("GET /a.txt HTTP/1.0\r\n\r\n" GET("/a.txt")), "200", "0123456789"},
    {"HTTP/1.0 kept alive",
     IN("GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET("/sub/c.css")), "200 200",
     "css"},
    {"Connection close", IN("GET /a.txt HTTP/1.1\r\n" H "Connection: close\r\n\r\n" GET("/a.txt")),
     "200", "0123456789"},
    {"pipelining", IN(GET("/a.txt") GET("/none") GET("/sub/c.css") GET("/empty") GET("/a.txt")),
     "200 404 200 200 200", "0123456789"},
    {"bare LF", IN("GET /a.txt HTTP/1.1\nHost: x\n\n" GET("/sub/c.css")), "200 200", "css"},
    {"empty lines before a request", IN("\r\n\r\n\n" GET("/a.txt")), "200", "0123456789"},
    {"absolute form", IN("GET http://x/a.txt HTTP/1.1\r\n" H "\r\n"), "200", "0123456789"},
    {"a query is ignored", IN(GET("/a.txt?x=/../y")), "200", "0123456789"},
    {"a directory without its slash", IN(GET("/sub")), "301", "301 Moved Permanently\n"},
    {"a file with a slash", IN(GET("/a.txt/")), "404", "404 Not Found\n"},
    {"a directory with an index", IN(GET("/indexed/")), "200", "<h1>index</h1>"},
    {"a list of a directory", IN(GET("/sub/deep/")), "200", NULL},
    {"a range", IN("GET /a.txt HTTP/1.1\r\n" H "Range: bytes=2-4\r\n\r\n"), "206", "\r\n\r\n234"},
    {"a suffix", IN("GET /a.txt HTTP/1.1\r\n" H "Range: bytes=-2\r\n\r\n"), "206", "\r\n\r\n89"},
    {"a range beyond the end", IN("GET /a.txt HTTP/1.1\r\n" H "Range: bytes=10-\r\n\r\n"), "416",
     "Content-Range: bytes */10\r\nContent-Length: 0\r\n\r\n"},
    {"several ranges", IN("GET /a.txt HTTP/1.1\r\n" H "Range: bytes=0-1,4-5\r\n\r\n"), "200",
     "\r\n\r\n0123456789"},
    {"a range, and then another",
     IN("GET /a.txt HTTP/1.1\r\n" H "Range: bytes=2-4\r\n\r\n"
        "GET /a.txt HTTP/1.1\r\n" H "Range: bytes=5-6\r\n\r\n"),
     "206 206", "\r\n\r\n56"},
    {"Range twice", IN("GET /a.txt HTTP/1.1\r\n" H "Range: bytes=0-1\r\nRange: bytes=4-5\r\n\r\n"),
     "200", "\r\n\r\n0123456789"},
    {"HEAD has no ranges", IN("HEAD /a.txt HTTP/1.1\r\n" H "Range: bytes=2-4\r\n\r\n"), "200",
     "Content-Length: 10\r\n\r\n"},
    {"If-Range with a date",
     IN("GET /a.txt HTTP/1.1\r\n" H "Range: bytes=2-4\r\n"
        "If-Range: Sun, 06 Nov 2094 08:49:37 GMT\r\n\r\n"),
     "200", "\r\n\r\n0123456789"},
    {"If-Range with another tag",
     IN("GET /a.txt HTTP/1.1\r\n" H "Range: bytes=2-4\r\nIf-Range: \"x\"\r\n\r\n"), "200",
     "\r\n\r\n0123456789"},
    {"If-None-Match of everything",
     IN("GET /a.txt HTTP/1.1\r\n" H "If-None-Match: *\r\n\r\n" GET("/a.txt")), "304 200",
     "0123456789"},
    {"If-None-Match before If-Modified-Since",
     IN("GET /a.txt HTTP/1.1\r\n" H "If-None-Match: \"x\"\r\n"
        "If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n\r\n"),
     "200", "0123456789"},
    {"If-Modified-Since",
     IN("GET /a.txt HTTP/1.1\r\n" H "If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n\r\n"),
     "304", NULL},
    {"If-Modified-Since long ago",
     IN("GET /a.txt HTTP/1.1\r\n" H "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"),
     "200", "0123456789"},
    {"If-Modified-Since without sense",
     IN("GET /a.txt HTTP/1.1\r\n" H "If-Modified-Since: yesterday\r\n\r\n"), "200", "0123456789"},
    {"If-Match of another", IN("GET /a.txt HTTP/1.1\r\n" H "If-Match: \"x\"\r\n\r\n"), "412",
     "412 Precondition Failed\n"},
    {"If-Unmodified-Since",
     IN("GET /a.txt HTTP/1.1\r\n" H "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"),
     "412", NULL},
    {"a missing file", IN(GET("/none") GET("/a.txt")), "404 200", "0123456789"},
    {"HEAD of a missing file", IN("HEAD /none HTTP/1.1\r\n" H "\r\n"), "404", "\r\n\r\n"},
    {"dots", IN(GET("/../out/secret.txt")), "404", "404 Not Found\n"},
    {"coded dots", IN(GET("/%2e%2e/out/secret.txt")), "404", "404 Not Found\n"},
    {"a coded slash", IN(GET("/..%2fout/secret.txt")), "404", "404 Not Found\n"},
    {"a link to the outside", IN(GET("/outside")), "404", "404 Not Found\n"},
    {"a directory linked to the outside", IN(GET("/outside-dir/secret.txt")), "404",
     "404 Not Found\n"},
    {"an absolute link", IN(GET("/absolute")), "404", "404 Not Found\n"},
    {"a link to itself", IN(GET("/round")), "404", "404 Not Found\n"},
    {"a hidden file", IN(GET("/.secret")), "404", "404 Not Found\n"},
    {"a hidden directory", IN(GET("/.dots/x")), "404", "404 Not Found\n"},
    {"a FIFO", IN(GET("/fifo")), "404", "404 Not Found\n"},
    {"a coded NUL", IN(GET("/a.txt%00.html") GET("/a.txt")), "400 200", "0123456789"},
    {"a bad escape", IN(GET("/%zz")), "400", "400 Bad Request\n"},
    {"no Host", IN("GET /a.txt HTTP/1.1\r\n\r\n"), "400", "400 Bad Request\n"},
    {"two Hosts", IN("GET /a.txt HTTP/1.1\r\n" H H "\r\n"), "400", "400 Bad Request\n"},
    {"an empty Host", IN("GET /a.txt HTTP/1.1\r\nHost:\r\n\r\n"), "200", "0123456789"},
    {"a blank before the colon", IN("GET /a.txt HTTP/1.1\r\n" H "X : y\r\n\r\n"), "400", NULL},
    {"a field with a name longer than any that counts",
     IN("GET /a.txt HTTP/1.1\r\n" H
        "If-None-Match-Or-Something-Else-Of-That-Kind-That-Is-Longer-Still: *\r\n\r\n"),
     "200", "0123456789"},
    {"a field without a colon", IN("GET /a.txt HTTP/1.1\r\n" H "nonsense\r\n\r\n"), "400", NULL},
    {"a NUL in a field", IN("GET /a.txt HTTP/1.1\r\n" H "X: \0\r\n\r\n"), "400", NULL},
    {"a NUL in the target", IN("GET /a\0.txt HTTP/1.1\r\n" H "\r\n"), "400", NULL},
    {"POST", IN("POST /a.txt HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc" GET("/a.txt")), "405",
     "405 Method Not Allowed\n"},
    {"OPTIONS", IN("OPTIONS * HTTP/1.1\r\n" H "\r\n"), "405", "405 Method Not Allowed\n"},
    {"CONNECT", IN("CONNECT x:443 HTTP/1.1\r\n" H "\r\n"), "405", "405 Method Not Allowed\n"},
    {"an unknown method", IN("FETCH /a.txt HTTP/1.1\r\n" H "\r\n"), "501", NULL},
    {"an unknown method that begins as HEAD", IN("HEED /a.txt HTTP/1.1\r\n" H "\r\n"), "501",
     "501 Not Implemented\n"},
    {"rubbish", IN("\x16\x03\x01\x02\x00\x01\x00"), "400", "400 Bad Request\n"},
    {"a version to come", IN("GET /a.txt HTTP/2.0\r\n" H "\r\n"), "505", NULL},
    {"a version of old", IN("GET /a.txt\r\n\r\n"), "505", NULL},
    {"no version", IN("GET /a.txt HTTP\r\n\r\n"), "400", NULL},
    {"a body is dropped",
     IN("GET /a.txt HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello" GET("/sub/c.css")), "200 200",
     "css"},
    {"a body in chunks is dropped",
     IN("GET /a.txt HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n0\r\nRange: bytes=0-1\r\n\r\n" GET("/sub/c.css")),
     "200 200", "css"},
    {"a body too large", IN("GET /a.txt HTTP/1.1\r\n" H "Content-Length: 65537\r\n\r\n"), "413",
     NULL},
    {"a body in one chunk too large",
     IN("GET /a.txt HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFF\r\nx"), "",
     NULL},
    {"a length beyond 64 bits",
     IN("GET /a.txt HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n"), "400", NULL},
    {"two lengths",
     IN("GET /a.txt HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), "400", NULL},
    {"a length and chunks",
     IN("GET /a.txt HTTP/1.1\r\n" H "Content-Length: 5\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     "400", NULL},
    {"chunks of HTTP/1.0",
     IN("GET /a.txt HTTP/1.0\r\n" H "Connection: keep-alive\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/sub/c.css")),
     "400", NULL},
    {"Expect with a body",
     IN("GET /a.txt HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"), "413",
     NULL},
    {"Upgrade is ignored",
     IN("GET /a.txt HTTP/1.1\r\n" H "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n" GET("/empty")),
     "200 200", "Content-Length: 0\r\n\r\n"},
    {"nothing", IN(""), "", NULL},
    {"nothing but empty lines", IN("\r\n\r\n"), "", NULL},
};

/* The statuses of all answers in an output. */
static void statuses_of(const char *output, char *out, size_t size)
{
    out[0] = '\0';
    size_t used = 0;
    for (const char *at = strstr(output, "HTTP/1.1 "); at != NULL;
         at = strstr(at + 1, "HTTP/1.1 ")) {
        int n = snprintf(out + used, size - used, "%s%.3s", used == 0 ? "" : " ", at + 9);
        used += (size_t)n;
    }
}

/* Takes out what may change from one moment to the next. */
static void drop_field(char *output, const char *name)
{
    for (char *at = strstr(output, name); at != NULL; at = strstr(at, name)) {
        char *end = strstr(at, "\r\n");
        memmove(at, end + 2, strlen(end + 2) + 1);
    }
}

static char *settled(const char *output)
{
    char *copy = strdup(output);
    if (copy == NULL) {
        abort();
    }
    drop_field(copy, "Date: ");
    drop_field(copy, "ETag: ");
    return copy;
}

static void check_case(int root, const struct session_case *c)
{
    struct memory_stream m = {0};
    char statuses[200];
    memory_stream_init(&m, c->input, c->len);
    check_that(memory_stream_run(&m, root) == HTTP_FINISHED, "does not come to its end");
    statuses_of(m.output.data, statuses, sizeof statuses);
    check_same(statuses, c->statuses);
    check_that(m.logged == (strlen(c->statuses) + 1) / 4, "not one line for each answer");
    size_t len = strlen(m.output.data);
    if (c->body != NULL) {
        size_t body = strlen(c->body);
        check_that(len >= body, "too short");
        check_same(len >= body ? m.output.data + len - body : "", c->body);
    }
    text_free(&m.output);
}

/* One whole run gives the reference; every other run has to give the same. */
static void check_pieces(int root, const struct session_case *c)
{
    struct memory_stream m = {0};
    bool *cuts = calloc(c->len + 1, sizeof *cuts);
    if (cuts == NULL) {
        abort();
    }
    memory_stream_init(&m, c->input, c->len);
    (void)memory_stream_run(&m, root);
    char *reference = settled(m.output.data);
    for (size_t cut = 0; cut <= c->len; cut++) {
        memset(cuts, cut == c->len, c->len + 1); /* the last round: after every byte */
        cuts[cut] = true;
        for (size_t room = 0; room <= 7; room += 7) {
            memory_stream_init(&m, c->input, c->len);
            m.cuts = cuts;
            m.room = room;
            (void)memory_stream_run(&m, root);
            char *output = settled(m.output.data);
            check_same(output, reference);
            free(output);
        }
    }
    free(reference);
    free(cuts);
    text_free(&m.output);
}

/* The stream breaks at every call; the session ends, and says nothing more. */
static void check_failures(int root, const struct session_case *c)
{
    struct memory_stream m = {0};
    memory_stream_init(&m, c->input, c->len);
    (void)memory_stream_run(&m, root);
    unsigned calls = m.calls;
    for (unsigned n = 1; n <= calls; n++) {
        memory_stream_init(&m, c->input, c->len);
        m.fail_after = n;
        check_that(memory_stream_run(&m, root) == HTTP_BROKEN, "a broken stream goes unnoticed");
        check_that(m.calls == n, "the stream is used after its end");
    }
    text_free(&m.output);
}

/* Everything but the last byte, and then the end: no answer to what has not come. */
static void check_cut_short(int root)
{
    static const char input[] = GET("/a.txt");
    struct memory_stream m = {0};
    check_begin("a request that ends at every byte");
    for (size_t len = 0; len < sizeof input - 1; len++) {
        memory_stream_init(&m, input, len);
        check_that(memory_stream_run(&m, root) == HTTP_FINISHED, "does not come to its end");
        check_same(m.output.data, "");
    }
    text_free(&m.output);
}

/* A request line and fields of `total` bytes. */
static char *long_head(size_t total, const char *line)
{
    char *head = malloc(total + 1);
    if (head == NULL) {
        abort();
    }
    size_t used = (size_t)snprintf(head, total, "%s" H, line);
    while (total - used > 2) {
        size_t field = total - used - 2 < 1000 ? total - used - 2 : 1000;
        if (total - used - 2 - field > 0 && total - used - 2 - field < 8) {
            field -= 8; /* leave room for another one */
        }
        memset(head + used, 'x', field);
        memcpy(head + used, "X: ", 3);
        memcpy(head + used + field - 2, "\r\n", 2);
        used += field;
    }
    memcpy(head + total - 2, "\r\n", 3);
    return head;
}

static void check_long(int root)
{
    static const struct {
        const char *name;
        size_t total;
        const char *statuses;
    } heads[] = {
        {"a head of 16 KiB", 16384, "200"},
        {"a head of 64 KiB", 65536, "200"},
        {"a head of 80 KiB", 81920, "431"},
        {"a head of 1 MiB", 1048576, "431"},
    };
    struct memory_stream m = {0};
    char statuses[64];
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        check_begin(heads[i].name);
        char *head = long_head(heads[i].total, "GET /a.txt HTTP/1.1\r\n");
        memory_stream_init(&m, head, heads[i].total);
        check_that(memory_stream_run(&m, root) == HTTP_FINISHED, "does not come to its end");
        statuses_of(m.output.data, statuses, sizeof statuses);
        check_same(statuses, heads[i].statuses);
        free(head);
    }
    for (size_t size = 65536; size <= 65537; size++) {
        check_begin(size == 65536 ? "a body of 64 KiB in a chunk" : "a body too large in a chunk");
        char *body = malloc(size + 200);
        if (body == NULL) {
            abort();
        }
        int n =
            snprintf(body, 200,
                     "GET /a.txt HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", size);
        memset(body + n, 'x', size);
        memcpy(body + n + size, "\r\n0\r\n\r\n", 7);
        memory_stream_init(&m, body, (size_t)n + size + 7);
        (void)memory_stream_run(&m, root);
        statuses_of(m.output.data, statuses, sizeof statuses);
        check_same(statuses, size == 65536 ? "200" : "413");
        free(body);
    }
    for (size_t len = 8192; len <= 8193; len++) {
        static char line[16384];
        check_begin(len == 8192 ? "a target of 8 KiB" : "a target too long");
        int n =
            snprintf(line, sizeof line, "GET /a.txt?%0*d HTTP/1.1\r\n" H "\r\n", (int)len - 7, 0);
        memory_stream_init(&m, line, (size_t)n);
        (void)memory_stream_run(&m, root);
        statuses_of(m.output.data, statuses, sizeof statuses);
        check_same(statuses, len == 8192 ? "200" : "414");
    }
    text_free(&m.output);
}

static void check_escaping(int root)
{
    struct memory_stream m = {0};
    static const char list[] = GET("/");
    static const char evil[] = "GET /<script>\"&'\x1b[31m HTTP/1.1\r\n" H "\r\n";
    check_begin("a list escapes names and leaves out what is not served");
    memory_stream_init(&m, list, sizeof list - 1);
    (void)memory_stream_run(&m, root);
    const char *out = m.output.data;
    check_that(
        strstr(out, "<a href=\"b%3C%26%3E%22%27%25.html\">b&lt;&amp;&gt;&quot;&#39;%.html<") !=
            NULL,
        "the odd name is not there, or not escaped");
    check_that(strstr(out, "<a href=\"sub/\">sub/<") != NULL, "the directory is not there");
    check_that(strstr(out, "<a href=\"%20d/\"> d/<") != NULL, "the blank is not there");
    check_that(strstr(out, "secret") == NULL && strstr(out, ".dots") == NULL, "hidden names");
    check_that(strstr(out, "fifo") == NULL, "the FIFO is there");
    check_that(strstr(out, "../") == NULL, "a link above the root");
    check_begin("an error does not repeat the request");
    memory_stream_init(&m, evil, sizeof evil - 1);
    (void)memory_stream_run(&m, root);
    check_that(strstr(m.output.data, "script") == NULL, "it does");
    text_free(&m.output);
}

static void check_redirect(int root)
{
    struct memory_stream m = {0};
    static const char input[] = GET("//%20d");
    check_begin("a redirection stays on the server");
    memory_stream_init(&m, input, sizeof input - 1);
    (void)memory_stream_run(&m, root);
    check_that(strstr(m.output.data, "\r\nLocation: /%20d/\r\n") != NULL, "it leads elsewhere");
    text_free(&m.output);
}

/* The whole session by hand, for what time does to it. */
static void check_times(int root)
{
    struct memory_stream m = {0};
    unsigned want = 0;
    weir_status why = WEIR_OK;
    check_begin("a request that takes too long is answered with 408");
    memory_stream_init(&m, "GET /a.txt HT", 13);
    m.stays_open = true;
    struct http_session *s = http_session_new(root, &m.stream);
    check_that(http_session_run(s, &want, &why) == HTTP_RECEIVING && want == HTTP_WANT_READ,
               "does not wait for the rest");
    http_session_time_out(s);
    check_that(http_session_run(s, &want, &why) == HTTP_FINISHED, "goes on");
    text_add_bytes(&m.output, "", 1);
    check_that(strncmp(m.output.data, "HTTP/1.1 408 ", 13) == 0, "no 408");
    check_that(strstr(m.output.data, "Connection: close\r\n") != NULL, "does not say so");
    http_session_free(s);

    check_begin("a silent connection is closed without a word");
    memory_stream_init(&m, "", 0);
    m.stays_open = true;
    s = http_session_new(root, &m.stream);
    check_that(http_session_run(s, &want, &why) == HTTP_IDLE, "not idle");
    http_session_time_out(s);
    check_that(http_session_run(s, &want, &why) == HTTP_FINISHED && m.output.len == 0,
               "says something");
    http_session_free(s);
    text_free(&m.output);
}

/* What a peer sends while an answer waits for it is taken in, as far as there is room: else a loop
 * would wake up for it again and again. */
static void check_reading_ahead(int root)
{
    struct memory_stream m = {0};
    static char input[20000] = GET("/a.txt");
    static bool cuts[sizeof input + 1];
    unsigned want = 0;
    weir_status why = WEIR_OK;
    check_begin("a peer is heard while its answer waits");
    size_t first = strlen(input);
    memset(input + first, '\n', sizeof input - first);
    cuts[first] = true;
    memory_stream_init(&m, input, first + 100);
    m.cuts = cuts;
    m.room = 1;
    struct http_session *s = http_session_new(root, &m.stream);
    for (int i = 0; i < 3; i++) {
        check_that(http_session_run(s, &want, &why) == HTTP_SENDING, "is not sending");
    }
    check_that(m.input_at == first + 100, "it is not");
    http_session_free(s);
    check_begin("a peer is not heard for ever while its answer waits");
    memory_stream_init(&m, input, sizeof input);
    m.cuts = cuts;
    m.room = 1;
    s = http_session_new(root, &m.stream);
    for (int i = 0; i < 10; i++) {
        check_that(http_session_run(s, &want, &why) == HTTP_SENDING, "is not sending");
    }
    check_that(want == HTTP_WANT_WRITE && m.input_at < sizeof input, "it is");
    http_session_free(s);
    text_free(&m.output);
}

/* Answers of one byte a call, so that the file can change in between. */
static void check_shrinking(int root)
{
    struct memory_stream m = {0};
    static const char input[] = GET("/shrinks") GET("/a.txt");
    unsigned want = 0;
    weir_status why = WEIR_OK;
    check_begin("a file that becomes shorter breaks the connection");
    check_that(site_write("in/shrinks", "0123456789"), "cannot write");
    memory_stream_init(&m, input, sizeof input - 1);
    m.room = 1;
    struct http_session *s = http_session_new(root, &m.stream);
    enum http_state state = HTTP_IDLE;
    for (int i = 0; i < 10000 && state < HTTP_FINISHED; i++) {
        state = http_session_run(s, &want, &why);
        if (m.output.len > 4 && memcmp(m.output.data + m.output.len - 4, "\n012", 4) == 0) {
            check_that(site_write("in/shrinks", "0"), "cannot write");
        }
    }
    check_that(state == HTTP_BROKEN && why == WEIR_OK, "not broken");
    text_add_bytes(&m.output, "", 1);
    check_that(strstr(m.output.data + 1, "HTTP/1.1") == NULL, "another answer follows");
    http_session_free(s);
    check_begin("a file that becomes longer is sent as long as was said");
    check_that(site_write("in/shrinks", "0123456789"), "cannot write");
    memory_stream_init(&m, input, sizeof input - 1);
    m.room = 1;
    s = http_session_new(root, &m.stream);
    state = HTTP_IDLE;
    for (int i = 0; i < 10000 && state < HTTP_FINISHED; i++) {
        state = http_session_run(s, &want, &why);
        if (m.output.len > 4 && memcmp(m.output.data + m.output.len - 4, "\n012", 4) == 0) {
            check_that(site_write("in/shrinks", "0123456789abcdef"), "cannot write");
        }
    }
    check_that(state == HTTP_FINISHED, "does not come to its end");
    text_add_bytes(&m.output, "", 1);
    check_that(strstr(m.output.data, "\r\n\r\n0123456789HTTP/1.1 200 ") != NULL, "another length");
    http_session_free(s);
    text_free(&m.output);
}

/* The number that the next descriptor will have. */
static int next_descriptor(int root)
{
    int fd = dup(root);
    (void)close(fd);
    return fd;
}

void check_sessions(int root)
{
    int before = next_descriptor(root);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_begin(cases[i].name);
        check_case(root, &cases[i]);
        check_pieces(root, &cases[i]);
        check_failures(root, &cases[i]);
    }
    check_cut_short(root);
    check_long(root);
    check_escaping(root);
    check_redirect(root);
    check_times(root);
    check_reading_ahead(root);
    check_shrinking(root);
    check_begin("no session loses a descriptor");
    check_that(next_descriptor(root) == before, "the next free descriptor is another one");
}
