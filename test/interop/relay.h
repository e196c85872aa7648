/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread between weir's socket and the peer's: carries bytes both ways, shows the tap what weir
 * sends, and can cut the streams into small pieces.
 *
 * weir's end is a socket of TCP over loopback, as it would be without the relay.
 */
#ifndef INTEROP_RELAY_H
#define INTEROP_RELAY_H

#include "wire.h"

struct relay;

/*
 * Starts the thread on `peer`, a connected socket that belongs to the relay from now on; `*ours`
 * is the socket for weir, which belongs to the caller. `chop`: no send is longer than this many
 * bytes, most are shorter; 0: no limit.
 */
struct relay *relay_start(int peer, struct wire *wire, size_t chop, int *ours);

/*
 * weir's socket is closed: sends what is left, ends the sending direction, waits for the peer to do
 * the same (a few seconds at most), and frees the relay.
 */
void relay_end(struct relay *relay);

#endif
