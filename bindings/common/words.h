/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What a binding says, in words, about a wish of its library that was not to be. The bindings have
 * a C library; libweir needs none, so this is theirs alone.
 */
#ifndef WEIR_COMMON_WORDS_H
#define WEIR_COMMON_WORDS_H

#include <stdio.h>
#include <weir/handshake.h>

/**
 * One line to error[0..len) about what collect answers: WEIR_REFUSED, or a status below zero of
 * weir_loop_open. `write`: the library's function that an application must not send with any more.
 * Returns `status`.
 */
static inline weir_status weir_loop_explain(weir_status status, const struct weir_control *control,
                                            const char *write, char *error, size_t len)
{
    if (status == WEIR_REFUSED)
        (void)snprintf(error, len, "handshake message %u: %s: %s", (unsigned)control->why.detail,
                       weir_refusal_name(control->why.code), weir_refusal_text(control->why.code));
    else if (status == WEIR_E_MISUSE)
        (void)snprintf(error, len, "application data was written with %s", write);
    else if (status < 0)
        (void)snprintf(error, len, "what the library wrote cannot be read");
    return status;
}

#endif
