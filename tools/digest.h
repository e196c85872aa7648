/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256 of a stream, by a TLS library of this build.
 */
#ifndef WEIR_TOOLS_DIGEST_H
#define WEIR_TOOLS_DIGEST_H

#include <stddef.h>

struct digest;

/* NULL when memory ran out or the library failed. */
struct digest *digest_new(void);
void digest_add(struct digest *digest, const void *data, size_t len);

struct digest_text {
    char hex[65];
};
/* The digest of all that was added; nothing may be added after it. */
struct digest_text digest_end(struct digest *digest);
void digest_free(struct digest *digest);

#endif
