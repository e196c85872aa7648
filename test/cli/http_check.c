/* SPDX-License-Identifier: BSD-2-Clause */
#include "http_check.h"

#include "http_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- cases ---- */

static struct {
    const char *name;
    bool bad;
    char why[300];
    unsigned failed;
} current;

static void end_case(void)
{
    if (current.name == NULL) {
        return;
    }
    (void)printf("%s %s%s%s\n", current.bad ? "FAIL" : "PASS", current.name,
                 current.bad ? ": " : "", current.bad ? current.why : "");
    (void)fflush(stdout);
    current.failed += current.bad ? 1 : 0;
}

void check_begin(const char *name)
{
    end_case();
    current.name = name;
    current.bad = false;
}

void check_that(bool good, const char *words)
{
    if (!good && !current.bad) {
        current.bad = true;
        (void)snprintf(current.why, sizeof current.why, "%s", words);
    }
}

void check_same(const char *got, const char *wanted)
{
    char words[300];
    (void)snprintf(words, sizeof words, "'%.100s' instead of '%.100s'", got, wanted);
    check_that(strcmp(got, wanted) == 0, words);
}

int check_end(void)
{
    end_case();
    return current.failed == 0 ? 0 : 1;
}

/* ---- the directory ---- */

static char site[64] = "/tmp/weir-http-XXXXXX";

static const char *const directories[] = {"in",    "in/sub",   "in/sub/deep", "in/indexed",
                                          "in/ d", "in/.dots", "out",         NULL};
static const char *const files[] = {
    "in/a.txt",
    "0123456789",
    "in/empty",
    "",
    "in/b<&>\"'%.html",
    "<p>",
    "in/sub/c.css",
    "css",
    "in/sub/deep/d.js",
    "js",
    "in/indexed/index.html",
    "<h1>index</h1>",
    "in/.secret",
    "secret",
    "in/shrinks",
    "",
    "in/.dots/x",
    "secret",
    "out/secret.txt",
    "secret",
    NULL,
};
static const char *const links[] = {
    "in/inside",         "sub/c.css",      "in/inside-dir", "sub",         "in/outside",
    "../out/secret.txt", "in/outside-dir", "../out",        "in/absolute", "/etc/passwd",
    "in/round",          "round",          "in/sub/up",     "../a.txt",    NULL,
};

static void in_site(char *path, size_t size, const char *name)
{
    (void)snprintf(path, size, "%s/%s", site, name);
}

static bool write_file(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t n = fd < 0 ? -1 : write(fd, content, strlen(content));
    return fd >= 0 && close(fd) == 0 && n == (ssize_t)strlen(content);
}

int site_open(void)
{
    char path[256];
    bool good = mkdtemp(site) != NULL;
    for (size_t i = 0; good && directories[i] != NULL; i++) {
        in_site(path, sizeof path, directories[i]);
        good = mkdir(path, 0755) == 0;
    }
    for (size_t i = 0; good && files[i] != NULL; i += 2) {
        in_site(path, sizeof path, files[i]);
        good = write_file(path, files[i + 1]);
    }
    for (size_t i = 0; good && links[i] != NULL; i += 2) {
        in_site(path, sizeof path, links[i]);
        good = symlink(links[i + 1], path) == 0;
    }
    in_site(path, sizeof path, "in/fifo");
    good = good && mkfifo(path, 0644) == 0;
    in_site(path, sizeof path, "in");
    int root = good ? http_root_open(path) : -1;
    if (root < 0) {
        perror(site);
        exit(1);
    }
    return root;
}

bool site_write(const char *name, const char *content)
{
    char path[256];
    in_site(path, sizeof path, name);
    return write_file(path, content);
}

void site_remove(void)
{
    char path[256];
    in_site(path, sizeof path, "in/fifo");
    (void)unlink(path);
    for (size_t i = 0; links[i] != NULL; i += 2) {
        in_site(path, sizeof path, links[i]);
        (void)unlink(path);
    }
    for (size_t i = 0; files[i] != NULL; i += 2) {
        in_site(path, sizeof path, files[i]);
        (void)unlink(path);
    }
    for (size_t i = sizeof directories / sizeof directories[0] - 1; i-- > 0;) {
        in_site(path, sizeof path, directories[i]);
        (void)rmdir(path);
    }
    (void)rmdir(site);
}

/* ---- the stream ---- */

static bool fails_now(struct memory_stream *m)
{
    m->calls++;
    return m->fail_after != 0 && m->calls >= m->fail_after;
}

static weir_status memory_read(struct http_stream *stream, void *buf, size_t len, size_t *got)
{
    struct memory_stream *m = (struct memory_stream *)stream;
    *got = 0;
    if (fails_now(m)) {
        return WEIR_E_IO;
    }
    if (m->stalls) {
        m->stalls = false;
        return WEIR_NEED_INPUT;
    }
    if (m->input_at == m->input_len) {
        return m->stays_open ? WEIR_NEED_INPUT : WEIR_CLOSED;
    }
    char *to = buf;
    while (*got < len && m->input_at < m->input_len) {
        to[(*got)++] = m->input[m->input_at++];
        if (m->cuts != NULL && m->cuts[m->input_at]) {
            m->stalls = true; /* the rest has not arrived yet */
            break;
        }
    }
    return WEIR_OK;
}

/* How much a call that writes takes: nothing, every other time. */
static size_t take(struct memory_stream *m, size_t len)
{
    if (m->room == 0) {
        return len;
    }
    return m->calls % 2 == 0 ? 0 : len < m->room ? len : m->room;
}

static weir_status memory_write(struct http_stream *stream, const void *buf, size_t len,
                                size_t *put)
{
    struct memory_stream *m = (struct memory_stream *)stream;
    *put = 0;
    if (fails_now(m)) {
        return WEIR_E_IO;
    }
    *put = take(m, len);
    text_add_bytes(&m->output, buf, *put);
    return *put == len ? WEIR_OK : WEIR_NEED_OUTPUT;
}

static weir_status memory_sendfile(struct http_stream *stream, int file, uint64_t *offset,
                                   uint64_t len)
{
    struct memory_stream *m = (struct memory_stream *)stream;
    char piece[4096];
    if (fails_now(m)) {
        return WEIR_E_IO;
    }
    size_t wanted = len < sizeof piece ? (size_t)len : sizeof piece;
    size_t room = take(m, wanted);
    ssize_t n = pread(file, piece, room, (off_t)*offset);
    if (n < 0) {
        return WEIR_E_IO;
    }
    text_add_bytes(&m->output, piece, (size_t)n);
    *offset += (uint64_t)n;
    /* The end of the file is no reason to wait. */
    return room == wanted || (size_t)n < room ? WEIR_OK : WEIR_NEED_OUTPUT;
}

static void memory_log(struct http_stream *stream, const char *line)
{
    struct memory_stream *m = (struct memory_stream *)stream;
    for (const char *c = line; *c != '\0'; c++) {
        check_that(*c >= ' ' && *c <= '~', "a line of the log is not plain ASCII");
    }
    m->logged++;
}

void memory_stream_init(struct memory_stream *m, const char *input, size_t len)
{
    struct text output = m->output;
    text_clear(&output);
    *m = (struct memory_stream){
        .stream = {.read = memory_read,
                   .write = memory_write,
                   .sendfile = memory_sendfile,
                   .log = memory_log},
        .input = input,
        .input_len = len,
        .output = output,
    };
}

enum http_state memory_stream_run(struct memory_stream *m, int root)
{
    struct http_session *session = http_session_new(root, &m->stream);
    enum http_state state = HTTP_IDLE;
    /* Every round moves at least a byte, or is a stall. */
    for (size_t i = 0; i < 1000000 && session != NULL && state < HTTP_FINISHED; i++) {
        unsigned want = 0;
        weir_status why = WEIR_OK;
        state = http_session_run(session, &want, &why);
        check_that(state >= HTTP_FINISHED || want != 0, "waits for nothing");
        check_that(why == WEIR_OK || state == HTTP_BROKEN, "a reason without a failure");
        if (m->stays_open && m->input_at == m->input_len && want == HTTP_WANT_READ) {
            break;
        }
    }
    http_session_free(session);
    text_add_bytes(&m->output, "", 1);
    return state;
}

int main(void)
{
    int root = site_open();
    check_parts();
    check_files(root);
    check_sessions(root);
    check_echo();
    (void)close(root);
    site_remove();
    return check_end();
}
