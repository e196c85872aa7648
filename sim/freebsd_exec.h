/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Carries out weir's commands and typed calls on a socket of the FreeBSD model, as io does on a
 * descriptor: only numbers and bytes go across. The one part of sim/ that knows weir.
 */
#ifndef WEIR_SIM_FREEBSD_EXEC_H
#define WEIR_SIM_FREEBSD_EXEC_H

#include <weir/cmd.h>

#include "freebsd_ktls.h"

/** Sets or gets a socket option. */
struct weir_done sim_freebsd_command(struct sim_freebsd_socket *s, const struct weir_cmd *cmd);

/** One sendmsg of at most op->len bytes, with the control message that `op` asks for. */
struct weir_stream_done sim_freebsd_send(struct sim_freebsd_socket *s,
                                         const struct weir_stream_op *op, const void *data,
                                         size_t len);

/** One recvmsg to buf[0..cap), with room for many control messages; of several the last is told. */
struct weir_stream_done sim_freebsd_receive(struct sim_freebsd_socket *s,
                                            const struct weir_stream_op *op, void *buf, size_t cap);

#endif
