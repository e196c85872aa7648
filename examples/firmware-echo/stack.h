/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * How much stack the image has ever used: what it will use is painted at the start, and what has
 * lost its paint was used.
 */
#ifndef FIRMWARE_ECHO_STACK_H
#define FIRMWARE_ECHO_STACK_H

#include <stdint.h>

/** Bytes of stack the image is given. */
#define STACK_LEN 4096u

/** Paints what lies below the caller, to be called first of all. */
void stack_paint(void);

/** Bytes of stack ever used, from its top on; STACK_LEN: all of it, or more. */
uint32_t stack_used(void);

#endif
