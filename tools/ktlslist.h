/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of kernel TLS sessions that FreeBSD gives away by the sysctl net.inet.tcp.ktlslist
 * (15.0, late 14). Nothing here is FreeBSD's, so that it can be tested everywhere.
 */
#ifndef WEIR_TOOLS_KTLSLIST_H
#define WEIR_TOOLS_KTLSLIST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Writes a line for each kind of session: how many, version, suite, the interface that has each
 * direction ("-": none), what its driver says. Neither addresses nor keys. 0, or EBADMSG when the
 * bytes are not laid out as they were when this was written.
 *
 * Source: sys/sys/ktls.h (struct xktls_session), sys/netinet/in_pcb.h (struct xinpgen), amd64.
 */
int ktlslist_print(const uint8_t *bytes, size_t len, FILE *out);

#endif
