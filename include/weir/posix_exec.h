/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Carries out, on a descriptor, what core and backends ask for (cmd.h): socket options, and calls
 * of sendmsg(2) and recvmsg(2) with their control messages. For whoever has sessions or directions
 * of their own over sockets; weir_conn does all of this by itself.
 *
 * Nothing here waits, and a call that a signal interrupts is made again.
 */
#ifndef WEIR_POSIX_EXEC_H
#define WEIR_POSIX_EXEC_H

#include "session.h"

/** Pieces that one weir_posix_send takes: of more, what is beyond them waits for the next call. */
#define WEIR_POSIX_PIECES 64u

WEIR_BEGIN

/**
 * Sets or gets a socket option. done.os_error: 0, or errno; EINVAL for a kind of command that is
 * none. Keeps no copy of what the command holds.
 */
WEIR_API struct weir_done weir_posix_command(int fd, const struct weir_cmd *cmd);

/**
 * Carries out one command after the other until `session` has none left.
 *
 * WEIR_OK: done, or nothing was to be done. WEIR_NEED_OUTPUT: the operating system puts one off
 * (EAGAIN); call again when the socket can be written to. WEIR_REFUSED with `why` filled: a move
 * that was not made, or a query without an answer; call again, as something else may wait. Below
 * zero, sticky: see weir_session_complete.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_posix_carry_out(int fd, struct weir_session *session,
                                                          struct weir_refusal *why);

/**
 * Sends, in one call, at most op->len bytes of `in` (`count` pieces, in order), with the control
 * message that `op` asks for. Never a SIGPIPE. A record type wants its content whole: give it in
 * one piece.
 */
WEIR_API struct weir_stream_done weir_posix_send(int fd, const struct weir_stream_op *op,
                                                 const struct weir_iov *in, size_t count);

/**
 * Receives, in one call, up to `cap` bytes to `buf`, and the control message that `op` names; of
 * several the last. done.os_error is EINVAL when `cap` is below op->len. With 0 bytes, no error and
 * no control message the peer has ended its direction.
 */
WEIR_API struct weir_stream_done weir_posix_receive(int fd, const struct weir_stream_op *op,
                                                    void *buf, size_t cap);

WEIR_END
#endif
