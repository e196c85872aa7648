/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel of below.c and the backend of below_backend.c have in common.
 */
#ifndef TEST_IO_BELOW_ABI_H
#define TEST_IO_BELOW_ABI_H

#include "below.h"

/* Numbers that no operating system uses. */
enum { LEVEL = 0x5757, ULP = 1, KEY_TX = 2, KEY_RX = 3, SET_TYPE = 4, GET_TYPE = 5 };
#ifndef EKEYEXPIRED
#define EKEYEXPIRED 127
#endif

#endif
