/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection between two ends of this process, without any input or output. */
#include "project.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CTX_SIZE 512u
#define CHUNK    40000u
#define WIRE     (CHUNK + 1024u)

struct end {
    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
    alignas(64) uint8_t tx_ctx[CTX_SIZE];
    alignas(64) uint8_t rx_ctx[CTX_SIZE];
};

static const struct weir_backend *first_that_takes(const struct choice *choice,
                                                   const struct weir_keys *keys)
{
    struct weir_refusal why;

    for (size_t i = 0; i < choice->count; i++) {
        if (weir_backend_check(choice->backends[i], keys, WEIR_TX, &why))
            return choice->backends[i];
        printf("refused %s %s %u\n", choice->backends[i]->name, weir_refusal_name(why.code),
               (unsigned)why.detail);
    }
    return NULL;
}

static bool start(struct end *end, const struct weir_backend *backend, bool server)
{
    struct weir_keys tx;
    struct weir_keys rx;
    struct weir_refusal why;
    const struct weir_session_config config = {.tx = &end->tx, .rx = &end->rx, .server = server};

    shared_keys(server, &tx, &rx);
    bool ok = weir_tx_init(&end->tx, &tx, backend, end->tx_ctx, CTX_SIZE, &why) == WEIR_OK &&
              weir_rx_init(&end->rx, &rx, backend, end->rx_ctx, CTX_SIZE, &why) == WEIR_OK &&
              weir_session_init(&end->session, &config) == WEIR_OK;
    weir_keys_wipe(&tx);
    weir_keys_wipe(&rx);
    return ok;
}

/* Opens wire[0..len), which holds `expected` bytes of the pattern from `at` on. */
static bool receive(struct end *to, uint8_t *wire, size_t len, size_t at, size_t expected)
{
    struct weir_record records[8];
    size_t done = 0;
    size_t got = 0;
    weir_status status = WEIR_OK;

    while (status == WEIR_OK) {
        size_t used = 0;
        size_t count = 0;
        status =
            weir_session_receive(&to->session, wire + done, len - done, &used, records, 8, &count);
        done += used;
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < records[i].len; k++)
                if (records[i].type != WEIR_TYPE_DATA || records[i].data[k] != pattern(at + got++))
                    return false;
    }
    return status == WEIR_NEED_INPUT && done == len && got == expected;
}

static bool send_pattern(struct end *from, struct end *to, size_t len)
{
    static uint8_t text[CHUNK];
    static uint8_t wire[WIRE];

    for (size_t at = 0; at < len;) {
        size_t here = len - at < CHUNK ? len - at : CHUNK;
        for (size_t i = 0; i < here; i++)
            text[i] = pattern(at + i);
        const struct weir_iov in[2] = {{text, here / 3}, {text + here / 3, here - here / 3}};
        size_t taken = 0;
        size_t made = 0;
        if (weir_session_send(&from->session, in, 2, wire, sizeof wire, &taken, &made) != WEIR_OK ||
            taken != here || !receive(to, wire, made, at, here))
            return false;
        at += here;
    }
    return true;
}

/* A KeyUpdate needs a traffic secret, which keys agreed on beforehand do not have. */
static bool key_update_is_refused(struct end *end)
{
    struct weir_refusal why;

    return weir_session_key_update(&end->session, true, &why) == WEIR_REFUSED &&
           why.code == WEIR_REFUSAL_SECRET;
}

static bool close_both(struct end *from, struct end *to)
{
    uint8_t wire[64];
    struct weir_record record;
    size_t made = 0;
    size_t used = 0;
    size_t count = 0;

    return weir_session_close(&from->session) == WEIR_OK &&
           weir_session_flush(&from->session, wire, sizeof wire, &made) == WEIR_OK &&
           weir_session_receive(&to->session, wire, made, &used, &record, 1, &count) ==
               WEIR_CLOSED &&
           count == 0 && used == made;
}

/* A record with one bit changed ends the direction, and nothing of it is left. */
static bool forgery_is_refused(struct end *from, struct end *to)
{
    const struct weir_iov in = {(const uint8_t *)"a secret", 8};
    uint8_t wire[64];
    uint8_t zeros[64] = {0};
    struct weir_record record;
    size_t taken = 0;
    size_t made = 0;
    size_t used = 0;
    size_t count = 0;

    if (weir_session_send(&from->session, &in, 1, wire, sizeof wire, &taken, &made) != WEIR_OK)
        return false;
    wire[made - 1] ^= 1;
    return weir_session_receive(&to->session, wire, made, &used, &record, 1, &count) ==
               WEIR_E_AUTH &&
           count == 0 && memcmp(wire + 5, zeros, made - 5) == 0 &&
           weir_rx_status(&to->rx) == WEIR_E_AUTH;
}

int carry_in_memory(const struct choice *choice, size_t len)
{
    static struct end client;
    static struct end server;
    struct weir_keys tx;
    struct weir_keys rx;

    shared_keys(false, &tx, &rx);
    const struct weir_backend *backend = first_that_takes(choice, &tx);
    if (backend == NULL)
        return 3;
    if (!start(&client, backend, false) || !start(&server, backend, true) ||
        !send_pattern(&client, &server, len) || !send_pattern(&server, &client, len) ||
        !key_update_is_refused(&client) || !close_both(&client, &server) ||
        !forgery_is_refused(&server, &client))
        return 1;
    struct weir_counters sent = weir_tx_counters(&client.tx);
    printf("carried %s %llu bytes %llu records\n", backend->name, (unsigned long long)sent.bytes,
           (unsigned long long)sent.records);
    weir_session_wipe(&client.session);
    weir_session_wipe(&server.session);
    return 0;
}
