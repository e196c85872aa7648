/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the target of a request to a path below the served directory.
 */
#ifndef WEIR_TOOLS_HTTP_PATH_H
#define WEIR_TOOLS_HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* As PATH_MAX of most systems; longer names could not be opened anyway. */
enum { HTTP_PATH_MAX = 4096 };

enum http_path_answer {
    HTTP_PATH_OK,
    HTTP_PATH_BAD,  /* not a target at all: 400 */
    HTTP_PATH_NONE, /* a target for which there can be no file: 404 */
};

struct http_path {
    char name[HTTP_PATH_MAX]; /* "a/b": no slash at either end, no empty, "." or ".." part; or "" */
    bool slash;               /* a directory was asked for: the target ends with a slash */
};

/*
 * Decodes the target of a request (RFC 9112 section 3.2; origin-form or absolute-form), once.
 * Query and fragment are dropped, "//" and "/./" count as "/". There is no file for "..", for an
 * encoded slash, and for names with a dot in front (only ".well-known" is served, RFC 8615).
 */
enum http_path_answer http_path_from_target(const char *target, size_t len, struct http_path *path);

/* Whether a name within a directory is neither served nor listed. */
bool http_path_hidden(const char *name, size_t len);

#endif
