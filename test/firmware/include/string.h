/* SPDX-License-Identifier: BSD-2-Clause */
/* All of libc that a target without one has to have; see mem.c. */
#ifndef WEIR_TEST_FIRMWARE_STRING_H
#define WEIR_TEST_FIRMWARE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

#endif
