/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text that grows, and the three ways in which foreign text may enter it: escaped for HTML, for a
 * URL, or for a line of a log.
 */
#ifndef WEIR_TOOLS_HTTP_TEXT_H
#define WEIR_TOOLS_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty text. After memory ran out `failed` is set and adding does nothing. */
struct text {
    char *data;
    size_t len, cap;
    bool failed;
};

void text_add_bytes(struct text *t, const char *bytes, size_t len);
void text_add(struct text *t, const char *string);
void text_add_number(struct text *t, uint64_t number);
void text_add_hex(struct text *t, uint64_t number);
/* `<`, `>`, `&` and both quotes as entities. */
void text_add_html(struct text *t, const char *string);
/* All but letters, digits, `-._~` and `/` as %XX. */
void text_add_url(struct text *t, const char *string);
/* Quotes, backslashes and all that is not printable ASCII as \xXX. */
void text_add_quoted(struct text *t, const char *bytes, size_t len);
/* Empties it and keeps the memory. */
void text_clear(struct text *t);
void text_free(struct text *t);

#endif
