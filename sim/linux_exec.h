/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Carries out what weir asks of a socket on a socket of the Linux model, as an I/O layer does on a
 * real one. The only part of sim/ that knows weir; compiled by the tests that need it.
 */
#ifndef WEIR_SIM_LINUX_EXEC_H
#define WEIR_SIM_LINUX_EXEC_H

#include "linux_ktls.h"

#include <weir/cmd.h>

/** Sets or gets a socket option. */
struct weir_done sim_linux_exec(struct sim_linux_socket *s, const struct weir_cmd *cmd);

/** One sendmsg of data[0..op->len). */
struct weir_stream_done sim_linux_exec_send(struct sim_linux_socket *s,
                                            const struct weir_stream_op *op, const uint8_t *data);

/** One recvmsg to buf[0..room), room at least op->len. */
struct weir_stream_done sim_linux_exec_receive(struct sim_linux_socket *s,
                                               const struct weir_stream_op *op, uint8_t *buf,
                                               size_t room);

#endif
