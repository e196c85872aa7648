/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The input of fuzz target tx_ways: how a sending direction is set up, then calls of it until the
 * input ends.
 *
 *     1  flavour: as RX_STREAM_SUITE, RX_STREAM_LATE, TX_WAYS_TOGETHER, _COUNTER, _XOR
 *     1  record limit: 0 none, to 127 itself, beyond 128 for each step
 *     1  padding, likewise (TLS 1.3)
 *     1  hard limit of the key, in 16 blocks; 0: none
 *     1  soft limit, likewise
 *     1  the seal that fails, from 1 on; 0: none
 *
 *     each call:
 *     1  way in the low two bits, then two bits of type, then TX_WAYS_SHORT
 *     1  number of pieces, modulo 41; 2 for the length of each, modulo 20000
 *     2  with TX_WAYS_SHORT: bytes by which the room is too small, modulo all of it
 */
#ifndef WEIR_FUZZ_TX_WAYS_H
#define WEIR_FUZZ_TX_WAYS_H

#include "rx_stream.h"

#define TX_WAYS_TOGETHER 0x04u /**< the provider takes several messages at once; none fails */
#define TX_WAYS_COUNTER  0x40u /**< TLS 1.2: an explicit nonce that only counts up */
#define TX_WAYS_XOR      0x80u /**< TLS 1.2: a mask xor the sequence number */

#define TX_WAYS_SHORT 0x10u

#define TX_WAYS_MAX_PIECES 41u
#define TX_WAYS_MAX_PIECE  20000u

enum tx_way { TX_WAY_SEAL, TX_WAY_LENT, TX_WAY_EACH, TX_WAY_IN_PLACE };

#endif
