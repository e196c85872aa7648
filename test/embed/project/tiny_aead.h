/* SPDX-License-Identifier: BSD-2-Clause */
/* An AEAD provider of this project's own: ChaCha20-Poly1305 in plain C, RFC 8439. */
#ifndef TINY_AEAD_H
#define TINY_AEAD_H

#include <weir/aead.h>

extern const struct weir_aead tiny_aead;

/* Whether it gives the result of RFC 8439 section 2.8.2. */
bool tiny_aead_works(void);

#endif
