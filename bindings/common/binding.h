/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What the bindings share, whatever the TLS library.
 *
 * A binding allocates its struct with a struct weir_handshake in front, and uses, in this order:
 *
 * | while           | what                                                                      |
 * |-----------------|---------------------------------------------------------------------------|
 * | it is made      | weir_soft_init with the library's own AEAD: once.soft, memory: once.ctx   |
 * | the handshake   | struct weir_tap, allocated apart: sees all bytes, hears all secrets       |
 * | take_keys       | weir_take; weir_loop_init; the library's transport becomes memory; the    |
 * |                 | tap is wiped and released                                                 |
 * | the connection  | deliver: weir_loop_seal; collect: weir_loop_next, weir_loop_open          |
 *
 * These functions are part of libweir so that two bindings in one process share them; they are no
 * part of its interface, and their headers are not installed.
 */
#ifndef WEIR_COMMON_BINDING_H
#define WEIR_COMMON_BINDING_H

#include "loop.h"
#include "once.h"
#include "take.h"
#include "tap.h"
#include "tls12.h"

#endif
