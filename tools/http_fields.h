/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values of header fields: dates, entity tags, ranges, content types.
 */
#ifndef WEIR_TOOLS_HTTP_FIELDS_H
#define WEIR_TOOLS_HTTP_FIELDS_H

#include "http_text.h"

#include <sys/stat.h>
#include <time.h>

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
struct http_date {
    char text[80];
};
struct http_date http_date_show(time_t when);
/* All three formats that a recipient has to take (RFC 9110 section 5.6.7). */
bool http_date_parse(const char *text, time_t *when);

/*
 * An entity tag made from what changes with a file. Weak ("W/…") while the file is so young that it
 * could change once more without a new time stamp.
 */
struct http_etag {
    char text[80];
    bool weak;
};
struct http_etag http_etag_of(const struct stat *st, time_t now);
/*
 * Whether a list of entity tags ("*", or tags between commas) has this one; by the weak comparison
 * of RFC 9110 section 8.8.3.2, or by the strong one.
 */
bool http_etag_listed(const char *list, const struct http_etag *etag, bool strong);

enum http_range_answer {
    HTTP_RANGE_WHOLE, /* not a range this server cuts: send all of it */
    HTTP_RANGE_PART,
    HTTP_RANGE_NONE, /* nothing there to send: 416 */
};
/* Value of Range for a file of `size` bytes; the bytes asked for are [*begin, *end). */
enum http_range_answer http_range_parse(const char *value, uint64_t size, uint64_t *begin,
                                        uint64_t *end);

/* Value of Content-Type by the ending of a file's name. */
const char *http_type_of(const char *name);

#endif
