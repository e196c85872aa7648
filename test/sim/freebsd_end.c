/* SPDX-License-Identifier: BSD-2-Clause */
#include "freebsd_end.h"

#include END_HEADER
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sim/freebsd_exec.h"

static const uint16_t iana[SUITES] = {
    WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    WEIR_TLS_AES_128_GCM_SHA256,
    WEIR_TLS_AES_256_GCM_SHA384,
    WEIR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    WEIR_TLS_CHACHA20_POLY1305_SHA256,
};

static void direction_keys(struct end *e, size_t suite, struct weir_keys *keys, uint64_t seq)
{
    const struct params *p = &suites[suite];

    *keys = (struct weir_keys){.version = p->vminor == 4 ? WEIR_TLS13 : WEIR_TLS12,
                               .suite = iana[suite]};
    memcpy(keys->key, e->bed.key, (size_t)p->key_len);
    memcpy(keys->iv, e->bed.iv, (size_t)p->iv_len);
    keys->at.seq = seq;
    if (p->iv_len == 4) {
        keys->at.nonce_rule = WEIR_NONCE_SEQ;
        keys->at.explicit_nonce = seq;
    }
    if (p->vminor == 4)
        keys->secret_len = (uint8_t)WEIR_HASH_LEN(weir_suite_find(iana[suite])->hash);
}

void end_begin(struct end *e, enum sim_freebsd_release release, size_t suite, weir_carrier want)
{
    struct weir_keys keys;
    struct weir_session_config config = {
        .tx = &e->tx, .rx = &e->rx, .kdf = &END_KDF, .server = false};

    memset(e, 0, sizeof *e);
    bed_begin(&e->bed, release);
    e->bed.suite = &suites[suite];
    e->bed.our_seq = 3;
    e->bed.their_seq = 8;
    cr_assert_eq(weir_soft_init(&e->soft, &END_AEAD, &e->why), WEIR_OK);
    e->tx_memory = sim_alloc(e->soft.backend.ctx_size + 64);
    e->rx_memory = sim_alloc(e->soft.backend.ctx_size + 64);
    direction_keys(e, suite, &keys, e->bed.our_seq);
    cr_assert_eq(weir_tx_init(&e->tx, &keys, &e->soft.backend, e->tx_memory,
                              e->soft.backend.ctx_size, &e->why),
                 WEIR_OK);
    direction_keys(e, suite, &keys, e->bed.their_seq);
    cr_assert_eq(weir_rx_init(&e->rx, &keys, &e->soft.backend, e->rx_memory,
                              e->soft.backend.ctx_size, &e->why),
                 WEIR_OK);
    cr_assert_eq(weir_session_init(&e->session, &config), WEIR_OK);
    weir_mlx5_ktls_init(&e->ktls, weir_mlx5_ktls_of_release(e->bed.host.osreldate),
                        (uint16_t)e->bed.host.maxlen, want);
}

void end_close(struct end *e)
{
    weir_session_wipe(&e->session);
    weir_tx_wipe(&e->tx);
    weir_rx_wipe(&e->rx);
    free(e->tx_memory);
    free(e->rx_memory);
    bed_end(&e->bed);
}

weir_status end_move(struct end *e, enum weir_dir dir, weir_policy policy)
{
    const struct weir_move move = {
        .backend = &e->ktls.backend,
        .ctx = dir == WEIR_TX ? &e->tx_ctx : &e->rx_ctx,
        .ctx_len = sizeof e->tx_ctx,
        .left = dir == WEIR_TX ? 0 : e->in_len,
        .policy = policy,
    };
    weir_status status = weir_session_offload(&e->session, dir, &move, &e->why);

    while (status == WEIR_PENDING) {
        enum weir_dir of;
        const struct weir_cmd *cmd = weir_session_command(&e->session, &of);
        struct weir_done done = sim_freebsd_command(e->bed.s, cmd);

        status = weir_session_complete(&e->session, of, &done, &e->why);
    }
    return status;
}

weir_status end_query(struct end *e, enum weir_dir dir, weir_carrier *carrier)
{
    bool tx = dir == WEIR_TX;
    weir_status status = tx ? weir_tx_query(&e->tx, &e->why) : weir_rx_query(&e->rx, &e->why);

    while (status == WEIR_PENDING) {
        const struct weir_cmd *cmd = tx ? weir_tx_command(&e->tx) : weir_rx_command(&e->rx);
        struct weir_done done = sim_freebsd_command(e->bed.s, cmd);

        status = tx ? weir_tx_complete(&e->tx, &done, &e->why)
                    : weir_rx_complete(&e->rx, &done, &e->why);
    }
    *carrier = tx ? weir_tx_carrier(&e->tx) : weir_rx_carrier(&e->rx);
    return status;
}

static bool streams(const struct weir_backend *backend)
{
    return backend != NULL && backend->form == WEIR_FORM_STREAM;
}

/* Records of weir's own making go out as they are. */
static weir_status raw_out(struct end *e, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        long n = sim_freebsd_sendmsg(e->bed.s, bytes, len, NULL, 0, 0);

        if (n < 0 && e->bed.s->err == FREEBSD_EINTR)
            continue;
        if (n < 0) {
            weir_session_fail(&e->session, WEIR_E_IO);
            return WEIR_E_IO;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return WEIR_OK;
}

/* One round of sending below the socket. */
static weir_status stream_once(struct end *e, const uint8_t *data, size_t len, size_t *went)
{
    const uint8_t *own = NULL;
    struct weir_stream_op op;
    weir_status status = weir_session_next(&e->session, WEIR_TYPE_DATA, len, &op, &own);

    *went = 0;
    if (status != WEIR_OK || op.len == 0)
        return status != WEIR_OK ? status : WEIR_CLOSED; /* nothing left to send */
    struct weir_stream_done done =
        sim_freebsd_send(e->bed.s, &op, own != NULL ? own : data, op.len);
    status = weir_session_sent(&e->session, &done);
    if (own == NULL)
        *went = done.len;
    return status;
}

weir_status end_send(struct end *e, size_t at, size_t len, size_t *sent)
{
    static uint8_t out[80000];
    weir_status status = WEIR_OK;
    int waits = 0;

    *sent = 0;
    while (*sent < len && status == WEIR_OK) {
        size_t went = 0, made = 0;

        if (streams(weir_tx_backend(&e->tx))) {
            status = stream_once(e, text + at + *sent, len - *sent, &went);
        } else {
            const struct weir_iov in = {text + at + *sent, len - *sent};

            status = weir_session_send(&e->session, &in, 1, out, sizeof out, &went, &made);
            weir_status io = raw_out(e, out, made);
            status = io != WEIR_OK ? io : status;
        }
        *sent += went;
        if (status == WEIR_NEED_OUTPUT && ++waits < 3)
            status = WEIR_OK; /* the socket takes more by now, or never */
    }
    return status;
}

weir_status end_flush(struct end *e)
{
    uint8_t out[2000];
    size_t made = 0;
    weir_status status = WEIR_OK;

    if (!streams(weir_tx_backend(&e->tx))) {
        status = weir_session_flush(&e->session, out, sizeof out, &made);
        weir_status io = raw_out(e, out, made);
        return io != WEIR_OK ? io : status;
    }
    while (status == WEIR_OK)
        status = stream_once(e, NULL, 0, &made);
    return status == WEIR_CLOSED ? WEIR_OK : status;
}

static void keep(struct end *e, const struct weir_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (records[i].type != WEIR_TYPE_DATA)
            continue;
        cr_assert(e->got_len + records[i].len <= sizeof e->got);
        sim_copy(e->got + e->got_len, records[i].data, records[i].len);
        e->got_len += records[i].len;
    }
}

/* Reads no further than to the end of a record, so that the direction may move there. */
static weir_status soft_receive(struct end *e)
{
    struct weir_record records[4];
    size_t consumed = 0, count = 0;
    const size_t want = weir_rx_want(&e->rx, e->in, e->in_len);
    struct sim_freebsd_msg msg = {.data = e->in + e->in_len, .len = want - e->in_len};
    long n = sim_freebsd_recvmsg(e->bed.s, &msg, 0);

    if (n < 0 && (e->bed.s->err == FREEBSD_EAGAIN || e->bed.s->err == FREEBSD_EINTR))
        return WEIR_NEED_INPUT;
    if (n < 0) {
        weir_session_fail(&e->session, WEIR_E_IO);
        return WEIR_E_IO;
    }
    if (n == 0)
        return weir_session_end_of_stream(&e->session);
    e->in_len += (size_t)n;
    weir_status status =
        weir_session_receive(&e->session, e->in, e->in_len, &consumed, records, 4, &count);
    keep(e, records, count);
    e->in_len -= consumed;
    memmove(e->in, e->in + consumed, e->in_len);
    return status == WEIR_NEED_INPUT ? WEIR_OK : status;
}

static weir_status stream_receive(struct end *e)
{
    static uint8_t buf[20000];
    struct weir_record record;
    struct weir_stream_op op;
    size_t count = 0;
    weir_status status = weir_session_want(&e->session, &op);

    if (status != WEIR_OK)
        return status;
    struct weir_stream_done done = sim_freebsd_receive(e->bed.s, &op, buf, op.len);
    status = weir_session_received(&e->session, &done, buf, &record, &count);
    keep(e, &record, count);
    return status;
}

weir_status end_receive(struct end *e)
{
    weir_status status = WEIR_OK;

    for (int round = 0; status == WEIR_OK; round++) {
        cr_assert(round < 10000);
        status = streams(weir_rx_backend(&e->rx)) ? stream_receive(e) : soft_receive(e);
    }
    return status == WEIR_NEED_INPUT ? WEIR_OK : status;
}

void end_peer_reads(struct end *e)
{
    static uint8_t record[20000];
    uint8_t type;
    long n;

    while ((n = bed_heard(&e->bed, &type, record)) >= 0) {
        if (type == WEIR_TYPE_DATA) {
            cr_assert(e->heard_len + (size_t)n <= sizeof e->heard);
            sim_copy(e->heard + e->heard_len, record, (size_t)n);
            e->heard_len += (size_t)n;
            continue;
        }
        e->peer_type = type;
        if (type == WEIR_TYPE_ALERT && n == 2)
            memcpy(e->alert, record, 2);
    }
}

void end_lives(struct end *e, size_t len)
{
    size_t sent, from = e->got_len;

    e->heard_len = 0;
    cr_assert_eq(end_send(e, 0, len, &sent), WEIR_OK);
    sim_freebsd_run(e->bed.s);
    end_peer_reads(e);
    cr_assert_eq(e->heard_len, len);
    cr_assert_arr_eq(e->heard, text, len);
    for (size_t at = 0; at < len; at += 16000)
        bed_peer(&e->bed, 23, text + at, len - at < 16000 ? len - at : 16000);
    cr_assert_eq(end_receive(e), WEIR_OK);
    cr_assert_eq(e->got_len - from, len);
    cr_assert_arr_eq(e->got + from, text, len);
    e->got_len = 0;
}

void end_no_wrong_byte(struct end *e)
{
    end_peer_reads(e);
    cr_assert(e->heard_len <= TEXT_LEN && memcmp(e->heard, text, e->heard_len) == 0);
    cr_assert(e->got_len <= TEXT_LEN && memcmp(e->got, text, e->got_len) == 0);
}
