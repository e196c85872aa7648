/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A directory as a page.
 */
#ifndef WEIR_TOOLS_HTTP_LISTING_H
#define WEIR_TOOLS_HTTP_LISTING_H

#include "http_text.h"

/* Rows begin up to this length of the page; 5000 names of usual length need half of it. A byte of a
 * name can become nine of the page. */
#define HTTP_LISTING_MAX ((size_t)1024 * 1024)

/*
 * Adds a page with the names in the directory open as `fd`, which it closes; `name` is what it is
 * called below the root. Names beyond 5000, or beyond HTTP_LISTING_MAX bytes of page, are only said
 * to be there. Answers 0 or an errno value, with the page as it was or not whole.
 */
int http_listing_add(struct text *page, int fd, const char *name);

#endif
