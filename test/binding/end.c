/* SPDX-License-Identifier: BSD-2-Clause */
#include "end.h"
#include "wiretap.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

void bytes_add(struct bytes *b, const void *data, size_t len)
{
    if (b->len + len > b->cap) {
        b->cap = (b->len + len) * 2;
        b->data = realloc(b->data, b->cap);
        cr_assert_not_null(b->data);
    }
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
}

void bytes_drop(struct bytes *b, size_t len)
{
    cr_assert_leq(len, b->len);
    if (len > 0)
        memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
}

void bytes_free(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){0};
}

void end_weir(struct end *e, const char *name, struct weir_handshake *hs,
              const struct weir_aead *aead)
{
    memset(e, 0, sizeof *e);
    e->name = name;
    e->hs = hs;
    e->aead = aead;
    cr_assert_not_null(hs);
    cr_assert_eq(hs->abi, WEIR_HANDSHAKE_ABI);
}

void end_free(struct end *e)
{
    if (e->hs != NULL)
        e->hs->release(e->hs);
    if (e->up)
        weir_session_wipe(&e->session);
    bytes_free(&e->in);
    bytes_free(&e->out);
    bytes_free(&e->data);
}

static void take_keys(struct end *e)
{
    struct weir_keys tx;
    struct weir_keys rx;
    const uint8_t *left = NULL;
    size_t left_len = 0;

    e->status = e->hs->take_keys(e->hs, &tx, &rx, &e->why);
    if (e->status != WEIR_OK)
        return;
    e->tx_start = tx.at;
    e->rx_start = rx.at;
    cr_assert_eq(weir_soft_init(&e->soft, e->aead, &e->why), WEIR_OK);
    cr_assert_eq(weir_tx_init(&e->tx, &tx, &e->soft.backend, e->tx_ctx, sizeof e->tx_ctx, &e->why),
                 WEIR_OK, "%s", weir_refusal_text(e->why.code));
    cr_assert_eq(weir_rx_init(&e->rx, &rx, &e->soft.backend, e->rx_ctx, sizeof e->rx_ctx, &e->why),
                 WEIR_OK, "%s", weir_refusal_text(e->why.code));
    weir_keys_wipe(&tx);
    weir_keys_wipe(&rx);
    const struct weir_session_config config = {
        .tx = &e->tx, .rx = &e->rx, .kdf = e->hs->kdf, .server = e->hs->server};
    cr_assert_eq(weir_session_init(&e->session, &config), WEIR_OK);
    if (e->hs->record_limit != NULL) {
        size_t tx_limit = e->hs->record_limit(e->hs, WEIR_TX);
        size_t rx_limit = e->hs->record_limit(e->hs, WEIR_RX);
        cr_assert_eq(weir_tx_set_record_limit(&e->tx, tx_limit), WEIR_OK);
        cr_assert_eq(weir_rx_set_record_limit(&e->rx, rx_limit), WEIR_OK);
    }
    e->up = true;
    /* From here on the library has no path to the transport. */
    e->hs->output(e->hs, &left, &left_len);
    cr_assert_eq(left_len, 0);
}

static void step_handshake(struct end *e)
{
    const uint8_t *data = NULL;
    size_t len = 0;
    size_t consumed = 0;

    e->status = e->hs->drive(e->hs, e->in.data, e->in.len, &consumed);
    bytes_drop(&e->in, consumed);
    e->hs->output(e->hs, &data, &len);
    bytes_add(&e->out, data, len);
    e->hs->output_taken(e->hs, len);
    if (e->status == WEIR_OK && !e->stop_before_keys)
        take_keys(e);
}

weir_status end_pump(struct end *e)
{
    size_t room = e->pump_room > 0 ? e->pump_room : 65536;
    weir_status status = WEIR_NEED_OUTPUT;

    while (status == WEIR_NEED_OUTPUT) {
        uint8_t *out = malloc(room);
        size_t made = 0;
        status = weir_loop_pump(e->hs, &e->session, out, room, &made);
        cr_assert_leq(made, room);
        bytes_add(&e->out, out, made);
        free(out);
        if (made == 0)
            room += 64;
        cr_assert_leq(room, 1u << 20, "the pump never has enough room");
    }
    /* Loop ciphertext never shows here. */
    const uint8_t *left = NULL;
    size_t left_len = 0;
    e->hs->output(e->hs, &left, &left_len);
    cr_assert_eq(left_len, 0);
    return status;
}

static void step_session(struct end *e)
{
    struct weir_record records[8];
    weir_status status = WEIR_OK;

    while (status == WEIR_OK) {
        size_t consumed = 0;
        size_t count = 0;
        status =
            weir_session_receive(&e->session, e->in.data, e->in.len, &consumed, records, 8, &count);
        for (size_t i = 0; i < count; i++) {
            if (records[i].type == WEIR_TYPE_DATA) {
                bytes_add(&e->data, records[i].data, records[i].len);
            } else {
                weir_status said = e->hs->deliver(e->hs, records[i].data, records[i].len);
                e->delivered++;
                cr_assert(said == WEIR_OK || said == WEIR_E_HANDSHAKE);
                weir_status pumped = end_pump(e);
                cr_assert(said == WEIR_OK || pumped < 0);
            }
        }
        bytes_drop(&e->in, consumed);
        if (weir_session_status(&e->session) != WEIR_OK)
            status = weir_session_status(&e->session);
    }
    weir_status pumped = end_pump(e);
    e->status = status;
    if (status >= 0 && pumped != WEIR_OK)
        e->status = pumped;
}

void end_step(struct end *e)
{
    if (e->plain) {
        e->plain->step(e);
        return;
    }
    if (!e->up && (e->status >= 0 && e->status != WEIR_REFUSED))
        step_handshake(e);
    if (e->up)
        step_session(e);
}

bool end_up(const struct end *e)
{
    return e->plain ? e->plain->up(e) : e->up;
}

void end_send(struct end *e, const void *data, size_t len)
{
    const struct weir_iov in = {data, len};
    size_t taken = 0;
    size_t made = 0;

    if (e->plain) {
        e->plain->send(e, data, len);
        return;
    }
    uint8_t *out = malloc(len + len / 64 + 8192);
    cr_assert_eq(weir_session_send(&e->session, &in, 1, out, len + len / 64 + 8192, &taken, &made),
                 WEIR_OK);
    cr_assert_eq(taken, len);
    bytes_add(&e->out, out, made);
    free(out);
}

/* Carries what `from` has to say. */
static bool carry(struct wire *w, struct end *from, struct end *to)
{
    bool any = from->out.len > 0;

    while (from->out.len > 0) {
        size_t n = w->chunk > 0 && w->chunk < from->out.len ? w->chunk : from->out.len;
        if (w->tap != NULL)
            wiretap_see(w->tap, from == w->server, from->out.data, n);
        bytes_add(&to->in, from->out.data, n);
        bytes_drop(&from->out, n);
        if (w->chunk > 0)
            end_step(to);
    }
    return any;
}

void wire_run(struct wire *w)
{
    bool busy = true;

    for (unsigned round = 0; busy; round++) {
        cr_assert_leq(round, 100, "the ends never fall silent");
        end_step(w->client);
        end_step(w->server);
        busy = carry(w, w->client, w->server);
        busy = carry(w, w->server, w->client) || busy;
    }
}
