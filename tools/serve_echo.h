/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every byte is answered with itself, until the peer ends its direction; then ours ends, too.
 */
#ifndef WEIR_TOOLS_SERVE_ECHO_H
#define WEIR_TOOLS_SERVE_ECHO_H

#include "http.h"

struct echo;

/* NULL: no memory. */
struct echo *echo_new(struct http_stream *stream);
void echo_free(struct echo *echo);

/* As http_session_run; of its states there are HTTP_IDLE, HTTP_SENDING, and the last two. */
enum http_state echo_run(struct echo *echo, unsigned *want, weir_status *why);

#endif
