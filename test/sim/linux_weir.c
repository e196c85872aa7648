/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model against weir's own record layer, which is tested against TLS libraries elsewhere: what
 * one seals the other opens, so the record forms of the model are not just its own idea.
 */
#include "linux_ends.h"

#include <weir/weir.h>
#include TEST_HEADER

#include <stdalign.h>

static const uint16_t iana[SUITES] = {0xc02f, 0xc030, 0xcca8, 0x1301, 0x1302, 0x1303};

struct layer {
    struct weir_soft soft;
    struct weir_tx tx;
    struct weir_rx rx;
    alignas(64) uint8_t tx_ctx[4096], rx_ctx[4096];
};

static struct weir_keys keys_of(size_t suite, unsigned number, uint64_t explicit_nonce)
{
    struct weir_keys keys = {.version = suites[suite].version, .suite = iana[suite]};
    bool counter = suites[suite].prefix == 13;

    key_material(number, keys.key, keys.iv);
    if (suites[suite].alg == SIM_AES_128_GCM)
        memset(keys.key + 16, 0, 16);
    if (counter) {
        memset(keys.iv + 4, 0, 8);
        keys.at.explicit_nonce = explicit_nonce;
    }
    keys.at.nonce_rule = counter ? WEIR_NONCE_COUNTER : WEIR_NONCE_IMPLICIT;
    return keys;
}

/* Seals with what the socket of ends_raw receives with, and opens what it sends. */
static void layer_open(struct layer *layer, size_t suite)
{
    struct weir_keys tx = keys_of(suite, 1, 0xfffffffffffffff0u), rx = keys_of(suite, 2, 0);
    struct weir_refusal why;

    memset(layer, 0, sizeof *layer);
    cr_assert_eq(weir_soft_init(&layer->soft, &TEST_AEAD, &why), WEIR_OK);
    cr_assert_eq(weir_tx_init(&layer->tx, &tx, &layer->soft.backend, layer->tx_ctx,
                              sizeof layer->tx_ctx, &why),
                 WEIR_OK);
    cr_assert_eq(weir_rx_init(&layer->rx, &rx, &layer->soft.backend, layer->rx_ctx,
                              sizeof layer->rx_ctx, &why),
                 WEIR_OK);
}

static void layer_close(struct layer *layer)
{
    weir_tx_wipe(&layer->tx);
    weir_rx_wipe(&layer->rx);
}

static void layer_say(struct layer *layer, struct ends *e, uint8_t type, size_t at, size_t len)
{
    static uint8_t wire[100000];
    struct weir_iov in = {data + at, len};
    size_t taken = 0, made = 0;

    cr_assert_eq(weir_tx_seal(&layer->tx, type, &in, 1, wire, sizeof wire, &taken, &made), WEIR_OK);
    cr_assert_eq(taken, len);
    cr_assert_eq(sim_pipe_write(e->in, wire, made), made);
}

static uint8_t layer_hear(struct layer *layer, struct ends *e, size_t at, size_t len)
{
    static uint8_t wire[100000];
    struct weir_record records[16];
    size_t n = sim_pipe_read(e->out, wire, sizeof wire), used = 0, count = 0, got = 0;

    weir_status status = weir_rx_open(&layer->rx, wire, n, &used, records, 16, &count);
    cr_assert(status == WEIR_OK || status == WEIR_NEED_INPUT, "%s", weir_status_name(status));
    cr_assert_eq(used, n);
    cr_assert(count > 0);
    for (size_t i = 0; i < count; i++) {
        cr_assert(is_pattern(records[i].data, at + got, records[i].len));
        got += records[i].len;
    }
    cr_assert_eq(got, len);
    return records[0].type;
}

Test(linux_weir, each_opens_what_the_other_seals)
{
    static struct layer layer;

    fill_data();
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_raw(&suites[i]);
        layer_open(&layer, i);

        for (size_t len = 1; len < 50000; len = 3 * len + 1) {
            layer_say(&layer, e, 23, 0, len);
            EXPECT_HEARD(e->a, HEAR_MAX, (int64_t)len, 23);
            cr_assert(is_pattern(heard_bytes, 0, len));
            cr_assert_eq(say(e->a, data, len, 0), (int64_t)len);
            cr_assert_eq(layer_hear(&layer, e, 0, len), 23);
        }
        layer_say(&layer, e, 22, 0, 7);
        EXPECT_HEARD(e->a, 100, 7, 22);
        cr_assert_eq(say_typed(e->a, 22, data, 9, 0), 9);
        cr_assert_eq(layer_hear(&layer, e, 0, 9), 22);
        cr_assert_eq(weir_tx_position(&layer.tx).seq, told_seq(e->a, LINUX_TLS_RX, &suites[i]));
        cr_assert_eq(weir_rx_position(&layer.rx).seq, told_seq(e->a, LINUX_TLS_TX, &suites[i]));
        layer_close(&layer);
        ends_close(e);
    }
}

Test(linux_weir, padded_records_are_opened)
{
    static struct layer layer;

    fill_data();
    for (size_t i = 3; i < SUITES; i++) {
        struct ends *e = ends_raw(&suites[i]);
        layer_open(&layer, i);
        cr_assert_eq(weir_tx_set_padding(&layer.tx, 512), WEIR_OK);
        layer_say(&layer, e, 23, 0, 100);
        cr_assert(sim_pipe_readable(e->in) > 512);
        EXPECT_HEARD(e->a, 1000, 100, 23);
        cr_assert(is_pattern(heard_bytes, 0, 100));
        layer_close(&layer);
        ends_close(e);
    }
}
