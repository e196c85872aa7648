/* SPDX-License-Identifier: BSD-2-Clause */
#include "http_path.h"

#include <http_parser.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool http_path_hidden(const char *name, size_t len)
{
    static const char known[] = ".well-known";
    return len > 0 && name[0] == '.' && !(len == sizeof known - 1 && memcmp(name, known, len) == 0);
}

/* Takes the segment name[start..len) in: drops it when it says nothing. */
static bool end_segment(const char *name, size_t start, size_t *len)
{
    size_t size = *len - start;
    if (size == 1 && name[start] == '.') {
        *len = start;
        size = 0;
    }
    /* ".." is hidden, too. */
    return !http_path_hidden(name + start, size);
}

static enum http_path_answer decode(const char *path, size_t len, struct http_path *out)
{
    size_t used = 0, start = 0;
    out->slash = false;
    for (size_t i = 0; i < len; i++) {
        char c = path[i];
        bool coded = c == '%';
        if (coded) {
            int high = i + 2 < len ? hex_digit(path[i + 1]) : -1;
            int low = i + 2 < len ? hex_digit(path[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return HTTP_PATH_BAD;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0') {
            return HTTP_PATH_BAD;
        }
        if (c == '/' && coded) {
            return HTTP_PATH_NONE;
        }
        if (used + 1 >= sizeof out->name) {
            return HTTP_PATH_NONE;
        }
        if (c != '/') {
            out->name[used++] = c;
            out->slash = false;
            continue;
        }
        if (!end_segment(out->name, start, &used)) {
            return HTTP_PATH_NONE;
        }
        if (used > start) {
            out->name[used++] = '/';
            start = used;
        }
        out->slash = true;
    }
    if (!end_segment(out->name, start, &used)) {
        return HTTP_PATH_NONE;
    }
    if (used == start) {
        out->slash = true; /* it ended with "/" or "/." */
    }
    used -= used > 0 && out->name[used - 1] == '/' ? 1 : 0;
    out->name[used] = '\0';
    return HTTP_PATH_OK;
}

enum http_path_answer http_path_from_target(const char *target, size_t len, struct http_path *path)
{
    if (len == 0) {
        return HTTP_PATH_BAD;
    }
    if (target[0] == '/') {
        size_t end = 0;
        while (end < len && target[end] != '?' && target[end] != '#') {
            end++;
        }
        return decode(target, end, path);
    }
    /* "a server MUST accept the absolute-form in requests" (RFC 9112 section 3.2.2) */
    struct http_parser_url url;
    http_parser_url_init(&url);
    if (http_parser_parse_url(target, len, 0, &url) != 0 ||
        (url.field_set & (1U << UF_HOST)) == 0) {
        return HTTP_PATH_BAD;
    }
    if ((url.field_set & (1U << UF_PATH)) == 0) {
        return decode("/", 1, path);
    }
    return decode(target + url.field_data[UF_PATH].off, url.field_data[UF_PATH].len, path);
}
