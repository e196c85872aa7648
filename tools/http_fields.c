/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* strptime and timegm */
#endif
#include "http_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Seconds after which a change of a file surely gets a new time stamp. */
#define SETTLED 2

struct http_date http_date_show(time_t when)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct http_date date = {.text = "Thu, 01 Jan 1970 00:00:00 GMT"};
    struct tm tm;
    if (gmtime_r(&when, &tm) != NULL && tm.tm_year > -1900 && tm.tm_year <= 9999 - 1900) {
        (void)snprintf(date.text, sizeof date.text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                       days + (ptrdiff_t)3 * tm.tm_wday, tm.tm_mday,
                       months + (ptrdiff_t)3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                       tm.tm_sec);
    }
    return date;
}

bool http_date_parse(const char *text, time_t *when)
{
    static const char *const formats[] = {
        "%a, %d %b %Y %H:%M:%S GMT", /* IMF-fixdate */
        "%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
        "%a %b %e %H:%M:%S %Y",      /* asctime */
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct tm tm;
        memset(&tm, 0, sizeof tm);
        const char *rest = strptime(text, formats[i], &tm);
        if (rest != NULL && *rest == '\0') {
            *when = timegm(&tm);
            return *when != (time_t)-1;
        }
    }
    return false;
}

struct http_etag http_etag_of(const struct stat *st, time_t now)
{
    struct http_etag etag;
    /* The time of the last change of the inode cannot be set back by a program. */
    etag.weak = now - st->st_ctim.tv_sec < SETTLED;
    (void)snprintf(etag.text, sizeof etag.text, "%s\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "%08lx\"",
                   etag.weak ? "W/" : "", (uint64_t)st->st_ino, (uint64_t)st->st_size,
                   (uint64_t)st->st_ctim.tv_sec, (unsigned long)st->st_ctim.tv_nsec);
    return etag;
}

/* What stands between the quotes, quotes included. */
static const char *opaque(const struct http_etag *etag)
{
    return etag->weak ? etag->text + 2 : etag->text;
}

bool http_etag_listed(const char *list, const struct http_etag *etag, bool strong)
{
    const char *at = list + strspn(list, " \t");
    if (at[0] == '*' && at[1 + strspn(at + 1, " \t")] == '\0') {
        return true;
    }
    for (at = list;;) {
        at += strspn(at, " \t,");
        bool weak = strncmp(at, "W/", 2) == 0;
        at += weak ? 2 : 0;
        const char *end = at[0] == '"' ? strchr(at + 1, '"') : NULL;
        if (end == NULL) {
            return false;
        }
        size_t len = (size_t)(end + 1 - at);
        if (strlen(opaque(etag)) == len && memcmp(at, opaque(etag), len) == 0 &&
            !(strong && (weak || etag->weak))) {
            return true;
        }
        at = end + 1;
    }
}

/* Digits at *at; a number too large for 64 bits stays the largest. False: there is none. */
static bool take_number(const char **at, uint64_t *number)
{
    const char *c = *at;
    *number = 0;
    for (; *c >= '0' && *c <= '9'; c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        *number = *number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *number * 10 + digit;
    }
    bool any = c != *at;
    *at = c;
    return any;
}

static enum http_range_answer suffix(uint64_t count, uint64_t size, uint64_t *begin, uint64_t *end)
{
    if (count == 0) {
        return HTTP_RANGE_NONE;
    }
    if (size == 0) {
        return HTTP_RANGE_WHOLE; /* satisfied by nothing, which Content-Range cannot say */
    }
    *begin = count < size ? size - count : 0;
    *end = size;
    return HTTP_RANGE_PART;
}

enum http_range_answer http_range_parse(const char *value, uint64_t size, uint64_t *begin,
                                        uint64_t *end)
{
    static const char unit[] = "bytes=";
    uint64_t first = 0, last = UINT64_MAX;
    /* "An origin server MUST ignore a Range header field that contains a range unit it does not
     * understand" (RFC 9110 section 14.2); what has no meaning is ignored, too. */
    if (strncmp(value, unit, sizeof unit - 1) != 0) {
        return HTTP_RANGE_WHOLE;
    }
    const char *at = value + sizeof unit - 1;
    at += strspn(at, " \t");
    bool has_first = take_number(&at, &first);
    if (*at++ != '-') {
        return HTTP_RANGE_WHOLE;
    }
    bool has_last = take_number(&at, &last);
    at += strspn(at, " \t");
    if (*at != '\0' || (!has_first && !has_last) || (has_first && has_last && last < first)) {
        return HTTP_RANGE_WHOLE; /* several ranges, too, come as the whole */
    }
    if (!has_first) {
        return suffix(last, size, begin, end);
    }
    if (first >= size) {
        return HTTP_RANGE_NONE;
    }
    *begin = first;
    *end = has_last && last < size - 1 ? last + 1 : size;
    return HTTP_RANGE_PART;
}

#define UTF8 "; charset=utf-8"

static const struct {
    const char *ending, *type;
} types[] = {
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"c", "text/plain" UTF8},
    {"css", "text/css" UTF8},
    {"csv", "text/csv" UTF8},
    {"eot", "application/vnd.ms-fontobject"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"h", "text/plain" UTF8},
    {"htm", "text/html" UTF8},
    {"html", "text/html" UTF8},
    {"ico", "image/vnd.microsoft.icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript" UTF8},
    {"json", "application/json"},
    {"log", "text/plain" UTF8},
    {"m4a", "audio/mp4"},
    {"map", "application/json"},
    {"md", "text/markdown" UTF8},
    {"mjs", "text/javascript" UTF8},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"ogg", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"txt", "text/plain" UTF8},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xml", "application/xml"},
    {"zip", "application/zip"},
};

const char *http_type_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *dot = strrchr(slash == NULL ? name : slash, '.');
    if (dot != NULL) {
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            if (strcasecmp(types[i].ending, dot + 1) == 0) {
                return types[i].type;
            }
        }
    }
    return "application/octet-stream";
}
