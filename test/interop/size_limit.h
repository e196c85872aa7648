/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_size_limit (RFC 8449) with OpenSSL, which has none of its own up to 3.x: an extension of
 * the application carries it, and the answer goes to weir in place of the binding's record limit.
 */
#ifndef INTEROP_SIZE_LIMIT_H
#define INTEROP_SIZE_LIMIT_H

#include <openssl/ssl.h>
#include <weir/handshake.h>

/* Has connections of `ctx` say that this end takes `limit` bytes, as the extension counts them.
 * False: OpenSSL did not take it. One such context in a process. */
bool size_limit_offer(SSL_CTX *ctx, uint16_t limit);

/* Has `hs`, the binding of `ssl`, answer what was agreed on. With `overstep` it answers for sending
 * as if nothing were, as a peer must not take it. One connection at a time. */
void size_limit_heed(struct weir_handshake *hs, SSL *ssl, bool overstep);

#endif
