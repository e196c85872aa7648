/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A directory as a page.
 */
#ifndef WEIR_TOOLS_HTTP_LISTING_H
#define WEIR_TOOLS_HTTP_LISTING_H

#include "http_text.h"

/*
 * Adds a page with the names in the directory open as `fd`, which it closes; `name` is what it is
 * called below the root. Answers 0 or an errno value, with the page as it was or not whole.
 */
int http_listing_add(struct text *page, int fd, const char *name);

#endif
