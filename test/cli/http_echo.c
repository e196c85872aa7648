/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The echo over a stream in memory: the same bytes come back, however they come and go.
 */
#include "http_check.h"
#include "serve_echo.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES = 200000 };

static enum http_state run_echo(struct memory_stream *m, weir_status *why)
{
    struct echo *echo = echo_new(&m->stream);
    enum http_state state = HTTP_IDLE;
    for (int i = 0; i < 1000000 && echo != NULL && state < HTTP_FINISHED; i++) {
        unsigned want = 0;
        state = echo_run(echo, &want, why);
        check_that(state >= HTTP_FINISHED || want != 0, "waits for nothing");
        check_that(state != HTTP_SENDING || want == HTTP_WANT_WRITE, "reads from who does not");
    }
    echo_free(echo);
    return state;
}

void check_echo(void)
{
    static char input[BYTES];
    static bool cuts[BYTES + 1];
    static const size_t rooms[] = {0, 7, 65535};
    struct memory_stream m = {0};
    weir_status why = WEIR_OK;
    for (size_t i = 0; i < BYTES; i++) {
        input[i] = (char)(i * 7 + i / 251);
        cuts[i] = i % 9973 == 0;
    }
    check_begin("an echo has the same bytes");
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        memory_stream_init(&m, input, BYTES);
        m.cuts = cuts;
        m.room = rooms[i];
        check_that(run_echo(&m, &why) == HTTP_FINISHED, "does not come to its end");
        check_that(m.output.len == BYTES && memcmp(m.output.data, input, BYTES) == 0,
                   "other bytes come back");
    }
    check_begin("an echo ends with its stream");
    for (unsigned n = 1; n < 8; n++) {
        memory_stream_init(&m, input, BYTES);
        m.fail_after = n;
        check_that(run_echo(&m, &why) == HTTP_BROKEN && why == WEIR_E_IO, "goes unnoticed");
        check_that(m.calls == n, "the stream is used after its end");
    }
    text_free(&m.output);
}
