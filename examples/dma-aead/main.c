/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records between two ends of a connection: one protects them with the engine, the other with
 * weir's portable AES-GCM. Says how often the engine worked on the text where it lay, and what
 * happens when it does not answer.
 */
#include "dma_aead.h"
#include "engine.h"

#include <stdio.h>
#include <string.h>
#include <weir/portable.h>
#include <weir/weir.h>

#define RECORDS  100u
#define TEXT_LEN 1000u

/* An end: its providers' memory and its two directions. */
struct end {
    struct weir_soft soft;
    struct weir_tx tx;
    struct weir_rx rx;
    _Alignas(16) uint8_t tx_ctx[1024], rx_ctx[1024];
};

static struct end device, server;
static _Alignas(16) uint8_t buffer[2048];

/* A key of an example. One from a handshake comes by a binding, or by the program's own. */
static struct weir_keys keys_of(uint16_t version, uint8_t first)
{
    struct weir_keys keys = {.version = version};

    keys.suite = (uint16_t)(version == WEIR_TLS13 ? WEIR_TLS_AES_128_GCM_SHA256
                                                  : WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
    keys.at.nonce_rule = version == WEIR_TLS13 ? WEIR_NONCE_IMPLICIT : WEIR_NONCE_SEQ;
    memset(keys.key, first, 16);
    memset(keys.iv, first ^ 0x55, version == WEIR_TLS13 ? 12 : 4);
    return keys;
}

static bool connect_end(struct end *end, const struct weir_aead *aead, uint16_t version,
                        uint8_t send, uint8_t receive)
{
    struct weir_keys tx = keys_of(version, send), rx = keys_of(version, receive);
    struct weir_refusal why;

    if (weir_soft_init(&end->soft, aead, &why) != WEIR_OK ||
        weir_tx_init(&end->tx, &tx, &end->soft.backend, end->tx_ctx, sizeof end->tx_ctx, &why) !=
            WEIR_OK)
        return false;
    if (weir_rx_init(&end->rx, &rx, &end->soft.backend, end->rx_ctx, sizeof end->rx_ctx, &why) ==
        WEIR_OK)
        return true;
    weir_tx_wipe(&end->tx);
    return false;
}

static void disconnect(struct end *end)
{
    weir_tx_wipe(&end->tx);
    weir_rx_wipe(&end->rx);
}

/* One record from one end to the other, sealed and opened where it lies, `shift` bytes into the
 * buffer. */
static bool carry(struct end *from, struct end *to, size_t shift, uint8_t number)
{
    uint8_t *at = buffer + shift;
    uint8_t *text = at + weir_tx_shape(&from->tx).prefix;
    struct weir_record record;
    size_t made, consumed, count;

    for (size_t i = 0; i < TEXT_LEN; i++)
        text[i] = (uint8_t)(i * number);
    if (weir_tx_seal_in_place(&from->tx, WEIR_TYPE_DATA, at, TEXT_LEN, sizeof buffer - shift,
                              &made) != WEIR_OK)
        return false;
    if (weir_rx_open(&to->rx, at, made, &consumed, &record, 1, &count) != WEIR_OK || count != 1 ||
        consumed != made || record.len != TEXT_LEN)
        return false;
    for (size_t i = 0; i < TEXT_LEN; i++) {
        if (record.data[i] != (uint8_t)(i * number))
            return false;
    }
    return true;
}

static bool run(uint16_t version)
{
    bool good = connect_end(&device, &weir_aead_dma, version, 1, 2) &&
                connect_end(&server, &weir_aead_portable, version, 2, 1);
    const size_t prefix = good ? weir_tx_shape(&device.tx).prefix : 0;
    const size_t shifts[] = {DMA_AEAD_HEADROOM(prefix), DMA_AEAD_HEADROOM(prefix) + 1};

    for (size_t s = 0; good && s < 2; s++) {
        engine_behave((struct engine_manner){.polls = 20});
        for (uint8_t i = 0; good && i < RECORDS / 2; i++)
            good = carry(&device, &server, shifts[s], i) && carry(&server, &device, shifts[s], i);
        if (good)
            printf("TLS 1.%d, %s: %u records of %u bytes, %u transfers\n",
                   version == WEIR_TLS13 ? 3 : 2, s == 0 ? "text aligned" : "text anywhere",
                   RECORDS, TEXT_LEN, (unsigned)engine_transfers());
    }
    disconnect(&device);
    disconnect(&server);
    return good;
}

/* An engine that hangs ends the direction, and the connection with it. */
static bool hang(void)
{
    bool good = connect_end(&device, &weir_aead_dma, WEIR_TLS13, 3, 4) &&
                connect_end(&server, &weir_aead_portable, WEIR_TLS13, 4, 3);

    engine_behave((struct engine_manner){.at = 3, .fault = ENGINE_HANGS});
    good = good && !carry(&device, &server, 0, 1) && weir_tx_status(&device.tx) == WEIR_E_PROVIDER;
    disconnect(&device);
    disconnect(&server);
    printf("an engine that hangs: %s, keys left in it: %u\n",
           good ? weir_status_text(WEIR_E_PROVIDER) : "not noticed",
           (unsigned)engine_read(ENGINE_LOADED));
    return good && engine_read(ENGINE_LOADED) == 0;
}

int main(void)
{
    engine_power_up((struct engine_manner){.polls = 20});
    return run(WEIR_TLS13) && run(WEIR_TLS12) && hang() ? 0 : 1;
}
