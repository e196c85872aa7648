/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pure parts: targets, dates, entity tags, ranges, types, escaping.
 */
#include "http_check.h"
#include "http_fields.h"
#include "http_path.h"

#include <stdio.h>
#include <string.h>

struct target_case {
    const char *target;
    enum http_path_answer answer;
    const char *name;
    bool slash;
};

static const struct target_case targets[] = {
    {"/", HTTP_PATH_OK, "", true},
    {"/a", HTTP_PATH_OK, "a", false},
    {"/a/", HTTP_PATH_OK, "a", true},
    {"/a/b.c", HTTP_PATH_OK, "a/b.c", false},
    {"//a//b//", HTTP_PATH_OK, "a/b", true},
    {"//etc/passwd", HTTP_PATH_OK, "etc/passwd", false},
    {"/./a/./b/.", HTTP_PATH_OK, "a/b", true},
    {"/.", HTTP_PATH_OK, "", true},
    {"/%61%2Eb", HTTP_PATH_OK, "a.b", false},
    {"/a?b/../c", HTTP_PATH_OK, "a", false},
    {"/a#b", HTTP_PATH_OK, "a", false},
    {"/a%3Fb", HTTP_PATH_OK, "a?b", false},
    {"/a%25 2f", HTTP_PATH_OK, "a% 2f", false},
    {"/%252e%252e/x", HTTP_PATH_OK, "%2e%2e/x", false},
    {"/a\\..\\b", HTTP_PATH_OK, "a\\..\\b", false},
    {"/.well-known/x", HTTP_PATH_OK, ".well-known/x", false},
    {"http://host/a/b", HTTP_PATH_OK, "a/b", false},
    {"https://host:1/a?q", HTTP_PATH_OK, "a", false},
    {"http://host", HTTP_PATH_OK, "", true},
    {"http://host/%2e%2e/a", HTTP_PATH_NONE, NULL, false},
    {"/..", HTTP_PATH_NONE, NULL, false},
    {"/../", HTTP_PATH_NONE, NULL, false},
    {"/a/../b", HTTP_PATH_NONE, NULL, false},
    {"/a/..", HTTP_PATH_NONE, NULL, false},
    {"/%2e%2e/b", HTTP_PATH_NONE, NULL, false},
    {"/.%2E/b", HTTP_PATH_NONE, NULL, false},
    {"/...", HTTP_PATH_NONE, NULL, false},
    {"/%2fetc/passwd", HTTP_PATH_NONE, NULL, false},
    {"/a%2Fb", HTTP_PATH_NONE, NULL, false},
    {"/.git/config", HTTP_PATH_NONE, NULL, false},
    {"/a/.env", HTTP_PATH_NONE, NULL, false},
    {"/.well-known2", HTTP_PATH_NONE, NULL, false},
    {"/a%00b", HTTP_PATH_BAD, NULL, false},
    {"/%", HTTP_PATH_BAD, NULL, false},
    {"/%2", HTTP_PATH_BAD, NULL, false},
    {"/%zz", HTTP_PATH_BAD, NULL, false},
    {"/a%2", HTTP_PATH_BAD, NULL, false},
    {"", HTTP_PATH_BAD, NULL, false},
    {"*", HTTP_PATH_BAD, NULL, false},
    {"a", HTTP_PATH_BAD, NULL, false},
    {"host:443", HTTP_PATH_BAD, NULL, false},
};

static void check_targets(void)
{
    static char names[sizeof targets / sizeof targets[0]][64];
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const struct target_case *t = &targets[i];
        struct http_path path;
        (void)snprintf(names[i], sizeof names[i], "target '%s'", t->target);
        for (char *c = names[i]; *c != '\0'; c++) {
            *c = *c == ':' ? ';' : *c; /* a colon would end the name in the line */
        }
        check_begin(names[i]);
        enum http_path_answer answer = http_path_from_target(t->target, strlen(t->target), &path);
        check_that(answer == t->answer, "another answer");
        if (answer == HTTP_PATH_OK && t->answer == HTTP_PATH_OK) {
            check_same(path.name, t->name);
            check_that(path.slash == t->slash, "the slash at the end is lost");
        }
    }
    check_begin("targets of every length");
    static char longest[HTTP_PATH_MAX + 16];
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    for (size_t len = HTTP_PATH_MAX - 8; len < sizeof longest; len++) {
        struct http_path path;
        enum http_path_answer answer = http_path_from_target(longest, len, &path);
        check_that(answer == (len <= HTTP_PATH_MAX ? HTTP_PATH_OK : HTTP_PATH_NONE),
                   "a name of the wrong length is taken");
        check_that(answer != HTTP_PATH_OK || strlen(path.name) == len - 1, "the name is cut");
    }
}

static void check_dates(void)
{
    time_t when = 0;
    check_begin("a date is shown and read back");
    check_same(http_date_show(784111777).text, "Sun, 06 Nov 1994 08:49:37 GMT");
    check_same(http_date_show(0).text, "Thu, 01 Jan 1970 00:00:00 GMT");
    check_same(http_date_show(951782400).text, "Tue, 29 Feb 2000 00:00:00 GMT");
    for (time_t t = 1; t < 4000000000; t += (time_t)86399 * 37) {
        check_that(http_date_parse(http_date_show(t).text, &when) && when == t,
                   "another date is read than was shown");
    }
    check_begin("the three formats of a date"); /* RFC 9110 section 5.6.7 */
    static const char *const same[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                       "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < 3; i++) {
        check_that(http_date_parse(same[i], &when) && when == 784111777, same[i]);
    }
    check_begin("what is no date");
    static const char *const wrong[] = {"",
                                        "0",
                                        "784111777",
                                        "Sun, 06 Nov 1994 08:49:37",
                                        "Sun, 06 Nov 1994 08:49:37 GMT;",
                                        "Sun, 06 Nov 1994 25:49:37 GMT",
                                        "Sun, 06 Foo 1994 08:49:37 GMT"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        check_that(!http_date_parse(wrong[i], &when), wrong[i]);
    }
}

struct range_case {
    const char *value;
    uint64_t size;
    enum http_range_answer answer;
    uint64_t begin, end;
};

static const struct range_case ranges[] = {
    {"bytes=0-0", 10, HTTP_RANGE_PART, 0, 1},
    {"bytes=0-9", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=0-10", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=3-", 10, HTTP_RANGE_PART, 3, 10},
    {"bytes=9-", 10, HTTP_RANGE_PART, 9, 10},
    {"bytes= 3-4 ", 10, HTTP_RANGE_PART, 3, 5},
    {"bytes=-3", 10, HTTP_RANGE_PART, 7, 10},
    {"bytes=-10", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=-11", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=0-99999999999999999999999", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=-99999999999999999999999", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=10-", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=10-20", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=18446744073709551615-", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=99999999999999999999999-", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=-0", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=0-", 0, HTTP_RANGE_NONE, 0, 0},
    {"bytes=-5", 0, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=5-4", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=0-1,3-4", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=-", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=a-b", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=1-2x", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=--1", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"bytes=+1-2", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"items=0-1", 10, HTTP_RANGE_WHOLE, 0, 0},
    {"", 10, HTTP_RANGE_WHOLE, 0, 0},
};

static void check_ranges(void)
{
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        static char names[sizeof ranges / sizeof ranges[0]][64];
        const struct range_case *r = &ranges[i];
        uint64_t begin = 0, end = 0;
        (void)snprintf(names[i], sizeof names[i], "range '%.40s' of %llu", r->value,
                       (unsigned long long)r->size);
        check_begin(names[i]);
        check_that(http_range_parse(r->value, r->size, &begin, &end) == r->answer,
                   "another answer");
        check_that(begin == r->begin && end == r->end, "another part");
    }
}

static void check_etags(void)
{
    const struct http_etag strong = {.text = "\"a-1\"", .weak = false};
    const struct http_etag weak = {.text = "W/\"a-1\"", .weak = true};
    check_begin("lists of entity tags");
    static const char *const having[] = {"*",
                                         " * ",
                                         "\"a-1\"",
                                         "W/\"a-1\"",
                                         "\"b\", \"a-1\"",
                                         "\"b\",W/\"a-1\" , \"c\"",
                                         ",, \"a-1\"",
                                         "\"\", \"a-1\""};
    for (size_t i = 0; i < sizeof having / sizeof having[0]; i++) {
        check_that(http_etag_listed(having[i], &strong, false), having[i]);
        check_that(http_etag_listed(having[i], &weak, false), having[i]);
    }
    static const char *const lacking[] = {"",        "\"a\"", "a-1",       "\"a-1",     "\"A-1\"",
                                          "* \"x\"", "W/",    "\"b\" a-1", "w/\"a-1\"", "\"a-1 \""};
    for (size_t i = 0; i < sizeof lacking / sizeof lacking[0]; i++) {
        check_that(!http_etag_listed(lacking[i], &strong, false), lacking[i]);
        check_that(!http_etag_listed(lacking[i], &weak, false), lacking[i]);
    }
    check_begin("the strong comparison of entity tags");
    check_that(http_etag_listed("\"a-1\"", &strong, true), "equal strong tags differ");
    check_that(!http_etag_listed("W/\"a-1\"", &strong, true), "a weak tag counts");
    check_that(!http_etag_listed("W/\"a-1\"", &weak, true), "two weak tags count");
    check_begin("an entity tag changes with the file");
    struct stat st;
    memset(&st, 0, sizeof st);
    st.st_ino = 5;
    st.st_size = 100;
    st.st_ctim.tv_sec = 1000;
    struct http_etag old = http_etag_of(&st, 2000);
    check_that(!old.weak, "weak, though the file has rested");
    check_that(http_etag_of(&st, 1001).weak, "strong, though the file is young");
    st.st_ctim.tv_nsec = 1;
    check_that(strcmp(http_etag_of(&st, 2000).text, old.text) != 0, "same at another time");
    st.st_ctim.tv_nsec = 0;
    st.st_size = 101;
    check_that(strcmp(http_etag_of(&st, 2000).text, old.text) != 0, "same with another size");
    st.st_size = 100;
    st.st_ino = 6;
    check_that(strcmp(http_etag_of(&st, 2000).text, old.text) != 0, "same for another file");
}

static void check_types(void)
{
    static const char *const types[][2] = {
        {"a.html", "text/html; charset=utf-8"},
        {"a.HTM", "text/html; charset=utf-8"},
        {"a.css", "text/css; charset=utf-8"},
        {"a.js", "text/javascript; charset=utf-8"},
        {"a.mjs", "text/javascript; charset=utf-8"},
        {"a.json", "application/json"},
        {"a.svg", "image/svg+xml"},
        {"a.png", "image/png"},
        {"a.jpg", "image/jpeg"},
        {"a.jpeg", "image/jpeg"},
        {"a.gif", "image/gif"},
        {"a.webp", "image/webp"},
        {"favicon.ico", "image/vnd.microsoft.icon"},
        {"a.txt", "text/plain; charset=utf-8"},
        {"a.wasm", "application/wasm"},
        {"a.mp4", "video/mp4"},
        {"a.pdf", "application/pdf"},
        {"a.b.c/d.html", "text/html; charset=utf-8"},
        {"html", "application/octet-stream"},
        {"a.html/b", "application/octet-stream"},
        {"a.unknown", "application/octet-stream"},
        {"a.", "application/octet-stream"},
        {"", "application/octet-stream"},
    };
    check_begin("content types");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        check_same(http_type_of(types[i][0]), types[i][1]);
    }
}

static void check_text(void)
{
    struct text t = {0};
    check_begin("foreign text is escaped");
    text_add_html(&t, "<a href=\"x\">&'</a>");
    text_add(&t, "|");
    text_add_url(&t, "a b/c?d%\"\xc3\xa9.~-_");
    text_add(&t, "|");
    text_add_quoted(&t, "a\"\\\x1b\x7f\xff\0b", 8);
    text_add(&t, "|");
    text_add_number(&t, UINT64_MAX);
    text_add_bytes(&t, "", 1);
    check_same(t.data, "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;"
                       "|a%20b/c%3Fd%25%22%C3%A9.~-_"
                       "|a\\x22\\x5c\\x1b\\x7f\\xff\\x00b"
                       "|18446744073709551615");
    text_free(&t);
}

void check_parts(void)
{
    check_targets();
    check_dates();
    check_ranges();
    check_etags();
    check_types();
    check_text();
}
