/* SPDX-License-Identifier: BSD-2-Clause */
#include "http_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_add_bytes(struct text *t, const char *bytes, size_t len)
{
    if (t->failed || len == 0) {
        return;
    }
    if (len > t->cap - t->len) {
        size_t cap = t->cap < 512 ? 512 : t->cap;
        while (cap - t->len < len) {
            cap *= 2;
        }
        char *data = realloc(t->data, cap);
        if (data == NULL) {
            t->failed = true;
            return;
        }
        t->data = data;
        t->cap = cap;
    }
    memcpy(t->data + t->len, bytes, len);
    t->len += len;
}

void text_add(struct text *t, const char *string)
{
    text_add_bytes(t, string, strlen(string));
}

void text_add_number(struct text *t, uint64_t number)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, number);
    text_add(t, digits);
}

void text_add_hex(struct text *t, uint64_t number)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRIx64, number);
    text_add(t, digits);
}

void text_add_html(struct text *t, const char *string)
{
    for (const char *c = string; *c != '\0'; c++) {
        switch (*c) {
        case '<':
            text_add(t, "&lt;");
            break;
        case '>':
            text_add(t, "&gt;");
            break;
        case '&':
            text_add(t, "&amp;");
            break;
        case '"':
            text_add(t, "&quot;");
            break;
        case '\'':
            text_add(t, "&#39;");
            break;
        default:
            text_add_bytes(t, c, 1);
        }
    }
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

void text_add_url(struct text *t, const char *string)
{
    for (const char *c = string; *c != '\0'; c++) {
        if (is_alnum(*c) || strchr("-._~/", *c) != NULL) {
            text_add_bytes(t, c, 1);
        } else {
            char coded[4];
            (void)snprintf(coded, sizeof coded, "%%%02X", (unsigned)(unsigned char)*c);
            text_add_bytes(t, coded, 3);
        }
    }
}

void text_add_quoted(struct text *t, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
            text_add_bytes(t, &c, 1);
        } else {
            char coded[5];
            (void)snprintf(coded, sizeof coded, "\\x%02x", (unsigned)(unsigned char)c);
            text_add_bytes(t, coded, 4);
        }
    }
}

void text_clear(struct text *t)
{
    t->len = 0;
    t->failed = false;
}

void text_free(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}
