/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A handshake of this project's own, in the place of a TLS library: both ends have the keys
 * already, say hello, and begin.
 */
#ifndef PRESHARED_H
#define PRESHARED_H

#include <weir/handshake.h>

struct preshared {
    struct weir_handshake handshake; /* first, so that a pointer to it is a pointer to this */
    size_t said, heard;              /* bytes of the hello */
};

void preshared_init(struct preshared *preshared, bool server);

#endif
