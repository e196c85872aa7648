/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection of this process with itself, to try things on.
 */
#ifndef WEIR_IO_LOOPBACK_H
#define WEIR_IO_LOOPBACK_H

/* Both ends of a TCP connection over the loopback interface, to be closed by the caller. 0, or an
 * errno value. Waits a second at most. */
int io_loopback(int ends[2]);

#endif
