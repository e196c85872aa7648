/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP connections of Linux whose records the kernel carries, as sock_diag(7) tells them; before
 * Linux 6.15 to CAP_NET_ADMIN only.
 */
#ifndef WEIR_TOOLS_SOCKDIAG_H
#define WEIR_TOOLS_SOCKDIAG_H

#include "kinds.h"

#include <stdbool.h>
#include <stdint.h>

/* Writes a line for each kind: how many, version, suite, who has each direction. 0 or an errno. */
int sockdiag_print(FILE *out);

/*
 * Counts what is in one answer of the kernel; *done at the last part of a list. 0 or an errno.
 * Source: linux/inet_diag.h, linux/tls.h (TLS_INFO_…).
 */
int sockdiag_read(const uint8_t *bytes, size_t len, struct kinds *kinds, bool *done);

#endif
