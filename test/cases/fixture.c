/* SPDX-License-Identifier: BSD-2-Clause */
#include "fixture.h"

static const struct profile profiles[] = {
    {"1.3 AES-128", WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256, WEIR_NONCE_IMPLICIT},
    {"1.3 AES-256", WEIR_TLS13, WEIR_TLS_AES_256_GCM_SHA384, WEIR_NONCE_IMPLICIT},
    {"1.3 ChaCha20", WEIR_TLS13, WEIR_TLS_CHACHA20_POLY1305_SHA256, WEIR_NONCE_IMPLICIT},
    {"1.2 AES-128 seq", WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, WEIR_NONCE_SEQ},
    {"1.2 AES-256 counter", WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
     WEIR_NONCE_COUNTER},
    {"1.2 AES-128 xor", WEIR_TLS12, WEIR_TLS_RSA_WITH_AES_128_GCM_SHA256, WEIR_NONCE_XOR},
    {"1.2 ChaCha20", WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
     WEIR_NONCE_IMPLICIT},
};
#define PROFILES (sizeof profiles / sizeof *profiles)

/* Apart from everything else, so that a sanitizer's red zone comes right behind it. */
static uint8_t lane[IN_LEN];
static size_t lane_at;

static struct fixture the_fixture;

void fixture_at(struct fixture *f, uint64_t index)
{
    f->t->at = (uint64_t)(f->profile - profiles) * 1000000000u + index;
}

void fixture_keys(struct fixture *f, struct weir_keys *keys)
{
    const struct weir_suite *suite = weir_suite_find(f->profile->suite);

    memset(keys, 0, sizeof *keys);
    keys->version = f->profile->version;
    keys->suite = f->profile->suite;
    test_random_fill(&f->random, keys->key, weir_alg_key_len((weir_alg)suite->alg));
    keys->at.nonce_rule = f->profile->nonce_rule;
    test_random_fill(&f->random, keys->iv, keys->at.nonce_rule == WEIR_NONCE_IMPLICIT ? 12 : 4);
    if (f->tls13) {
        keys->secret_len = (uint8_t)WEIR_HASH_LEN(suite->hash);
        test_random_fill(&f->random, keys->secret, keys->secret_len);
    }
    if (keys->at.nonce_rule == WEIR_NONCE_COUNTER || keys->at.nonce_rule == WEIR_NONCE_XOR)
        keys->at.explicit_nonce = test_random(&f->random);
}

weir_status fixture_tx(struct fixture *f, const struct weir_keys *keys)
{
    struct weir_refusal why;

    weir_tx_wipe(&f->tx);
    wire_end(&f->ours);
    struct weir_keys given = *keys;
    f->tx_keys = *keys;
    f->out_len = f->said_len = 0;
    weir_status status =
        weir_tx_init(&f->tx, &given, &f->watch.backend, f->tx_ctx, sizeof f->tx_ctx, &why);
    if (status == WEIR_OK)
        wire_begin(&f->ours, f->t->aead, keys);
    return status;
}

weir_status fixture_rx(struct fixture *f, const struct weir_keys *keys)
{
    struct weir_refusal why;

    weir_rx_wipe(&f->rx);
    wire_end(&f->theirs);
    struct weir_keys given = *keys;
    f->rx_keys = *keys;
    f->in_len = 0;
    lane_at = IN_LEN;
    weir_status status =
        weir_rx_init(&f->rx, &given, &f->watch.backend, f->rx_ctx, sizeof f->rx_ctx, &why);
    if (status == WEIR_OK)
        wire_begin(&f->theirs, f->t->aead, keys);
    return status;
}

#if WEIR_HAS_EXPORT
static void check_export(struct fixture *f, weir_status got, weir_status want,
                         const struct weir_keys *keys)
{
    CHECK_STATUS(f->t, got, want);
    if (want != WEIR_OK)
        CHECK_ZERO(f->t, keys, sizeof *keys);
}

void check_tx_export(struct fixture *f, struct weir_tx *tx, weir_status want)
{
    struct weir_keys keys;

    memset(&keys, 0xa5, sizeof keys);
    check_export(f, weir_tx_export(tx, &keys, NULL), want, &keys);
}

void check_rx_export(struct fixture *f, struct weir_rx *rx, weir_status want)
{
    struct weir_keys keys;

    memset(&keys, 0xa5, sizeof keys);
    check_export(f, weir_rx_export(rx, &keys, NULL), want, &keys);
}
#else
void check_tx_export(struct fixture *f, struct weir_tx *tx, weir_status want)
{
    (void)f;
    (void)tx;
    (void)want;
}

void check_rx_export(struct fixture *f, struct weir_rx *rx, weir_status want)
{
    (void)f;
    (void)rx;
    (void)want;
}
#endif

void fixture_session(struct fixture *f, const struct weir_kdf *kdf)
{
    const struct weir_session_config config = {
        .tx = &f->tx, .rx = &f->rx, .kdf = kdf, .server = f->server};

    CHECK_STATUS(f->t, weir_session_init(&f->session, &config), WEIR_OK);
}

static void end(struct fixture *f)
{
    weir_tx_wipe(&f->tx);
    weir_rx_wipe(&f->rx);
    wire_end(&f->ours);
    wire_end(&f->theirs);
    CHECK_EQ(f->t, f->watch.attached, 0);
}

static void begin(struct fixture *f, const struct weir_keys *rx_keys)
{
    struct weir_keys tx_keys;

    watch_begin(&f->watch, f->t, f->t->aead);
    /* Not its bytes: clearing them takes longer than all else a short case does. */
    f->heard.len = f->heard.count = f->heard.told = f->heard.told_len = 0;
    fixture_keys(f, &tx_keys);
    CHECK_STATUS(f->t, fixture_tx(f, &tx_keys), WEIR_OK);
    CHECK_STATUS(f->t, fixture_rx(f, rx_keys), WEIR_OK);
    fixture_session(f, &watch_kdf);
}

void fixture_again(struct fixture *f)
{
    struct weir_keys rx_keys;

    end(f);
    fixture_keys(f, &rx_keys);
    begin(f, &rx_keys);
}

void fixture_replay(struct fixture *f)
{
    struct weir_keys rx_keys = f->rx_keys;

    end(f);
    begin(f, &rx_keys);
}

void fixture_as(struct fixture *f, bool server)
{
    f->server = server;
    fixture_again(f);
}

void fixture_each(struct test *t, unsigned versions, void (*body)(struct fixture *f))
{
    struct fixture *f = &the_fixture;
    struct weir_keys rx_keys;

    for (size_t i = 0; i < PROFILES; i++) {
        bool tls13 = profiles[i].version == WEIR_TLS13;
        if ((versions & (tls13 ? TLS13 : TLS12)) == 0)
            continue;
        if (!(tls13 ? WEIR_HAS_TLS13 : WEIR_HAS_TLS12)) {
            t->skipped = "this build is without the version";
            continue;
        }
        /* Not every provider has every algorithm. All have AES-GCM, so no case goes without. */
        if ((t->aead->algs & WEIR_ALG_BIT(weir_suite_find(profiles[i].suite)->alg)) == 0)
            continue;
        uint64_t random = f->random; /* goes on, so that no two connections have the same keys */
        memset(f, 0, sizeof *f);
        f->random = random;
        f->t = t;
        f->profile = &profiles[i];
        f->tls13 = tls13;
        test_random_fill(&f->random, f->text, sizeof f->text);
        fixture_at(f, 0);
        fixture_keys(f, &rx_keys);
        begin(f, &rx_keys);
        body(f);
        end(f);
    }
    if (t->checks > 0)
        t->skipped = NULL;
}

/* The peer */

static bool peer_has_room(struct fixture *f, size_t len)
{
    bool room = len + 2 * (size_t)WEIR_MAX_RECORD < IN_LEN - f->in_len;

    CHECK(f->t, room);
    return room;
}

void peer_says_padded(struct fixture *f, uint8_t type, const void *content, size_t len, size_t pad)
{
    if (peer_has_room(f, len + pad))
        f->in_len += wire_say(&f->theirs, type, content, len, pad, f->in + f->in_len);
}

void peer_says(struct fixture *f, uint8_t type, const void *content, size_t len)
{
    peer_says_padded(f, type, content, len, 0);
}

void peer_seals(struct fixture *f, uint8_t type, const void *message, size_t len)
{
    if (peer_has_room(f, len))
        f->in_len += wire_seal(&f->theirs, type, message, len, f->in + f->in_len);
}

void peer_updates(struct fixture *f, bool request)
{
    const uint8_t message[] = {24, 0, 0, 1, request};

    peer_says(f, WEIR_TYPE_HANDSHAKE, message, sizeof message);
    wire_update(&f->theirs, &watch_kdf);
}

/* What weir hears */

static void take(struct fixture *f, const struct weir_record *r)
{
    struct heard *h = &f->heard;
    bool room = h->count < HEARD_RECORDS && h->len + r->len <= sizeof h->bytes;

    CHECK(f->t, room);
    CHECK(f->t, r->data >= lane && r->len <= (size_t)(lane + IN_LEN - r->data));
    if (!room)
        return;
    h->record[h->count].type = r->type;
    h->record[h->count++].len = (uint32_t)r->len;
    memcpy(h->bytes + h->len, r->data, r->len);
    h->len += r->len;
}

/* One call of weir_session_receive (or weir_rx_open) with what is on the lane. */
static weir_status give(struct fixture *f, bool session, size_t *consumed)
{
    struct weir_record records[5];
    size_t count = 77, cap = sizeof records / sizeof *records;
    uint8_t *bytes = lane + lane_at;
    weir_status status =
        session ? weir_session_receive(&f->session, bytes, IN_LEN - lane_at, consumed, records, cap,
                                       &count)
                : weir_rx_open(&f->rx, bytes, IN_LEN - lane_at, consumed, records, cap, &count);

    CHECK(f->t, count <= cap);
    CHECK(f->t, *consumed <= IN_LEN - lane_at);
    CHECK(f->t, count == 0 || status == WEIR_OK || status == WEIR_NEED_INPUT);
    for (size_t i = 0; i < count && i < cap; i++)
        take(f, &records[i]);
    return status;
}

static weir_status give_part(struct fixture *f, bool session, size_t got)
{
    weir_status status;

    if (got > f->in_len)
        got = f->in_len;
    lane_at = IN_LEN - got;
    memcpy(lane + lane_at, f->in, got);
    do {
        size_t consumed = 0, heard = f->heard.count;
        status = give(f, session, &consumed);
        bool goes_on = status != WEIR_OK || consumed > 0 || f->heard.count > heard;
        CHECK(f->t, goes_on);
        if (!goes_on)
            break;
        lane_at += consumed;
        f->in_len -= consumed;
        memmove(f->in, f->in + consumed, f->in_len);
        if (status == WEIR_NEED_INPUT) /* what is not consumed may not be touched */
            CHECK_MEM(f->t, lane + lane_at, f->in, IN_LEN - lane_at);
    } while (status == WEIR_OK);
    return status;
}

weir_status we_hear(struct fixture *f)
{
    return give_part(f, true, f->in_len);
}

weir_status we_open(struct fixture *f)
{
    return give_part(f, false, f->in_len);
}

weir_status we_hear_part(struct fixture *f, size_t got)
{
    return give_part(f, true, got);
}

weir_status we_open_part(struct fixture *f, size_t got)
{
    return give_part(f, false, got);
}

const uint8_t *we_left(const struct fixture *f)
{
    (void)f;
    return lane + lane_at;
}

void we_heard(struct fixture *f, uint8_t type, const void *content, size_t len)
{
    struct heard *h = &f->heard;

    CHECK(f->t, h->told < h->count);
    if (h->told >= h->count)
        return;
    CHECK_EQ(f->t, h->record[h->told].type, type);
    CHECK_EQ(f->t, h->record[h->told].len, len);
    if (h->record[h->told].len == len)
        CHECK_MEM(f->t, h->bytes + h->told_len, content, len);
    h->told_len += h->record[h->told++].len;
    if (h->told == h->count)
        h->told = h->told_len = h->count = h->len = 0;
}

void we_heard_nothing(struct fixture *f)
{
    CHECK_EQ(f->t, f->heard.count - f->heard.told, 0);
    f->heard.told = f->heard.told_len = f->heard.count = f->heard.len = 0;
}

/* What weir says */

void we_seal(struct fixture *f, size_t records)
{
    const struct weir_iov in = {f->text, 10};
    size_t taken, made;

    while (records-- > 0) {
        CHECK_STATUS(
            f->t,
            weir_tx_seal(&f->tx, WEIR_TYPE_DATA, &in, 1, f->out + f->out_len, 100, &taken, &made),
            WEIR_OK);
        f->out_len += made;
    }
}

weir_status we_send(struct fixture *f, const void *data, size_t len)
{
    const struct weir_iov in = {data, len};
    size_t taken = 77, made = 77;
    weir_status status = weir_session_send(&f->session, &in, 1, f->out + f->out_len,
                                           OUT_LEN - f->out_len, &taken, &made);

    CHECK(f->t, made <= OUT_LEN - f->out_len);
    if (status == WEIR_OK || status == WEIR_REKEY_DUE)
        CHECK_EQ(f->t, taken, len);
    f->out_len += made;
    return status;
}

weir_status we_flush(struct fixture *f)
{
    size_t made = 77;
    weir_status status =
        weir_session_flush(&f->session, f->out + f->out_len, OUT_LEN - f->out_len, &made);

    CHECK(f->t, made <= OUT_LEN - f->out_len);
    f->out_len += made;
    return status;
}

bool we_said_next(struct fixture *f, struct wire_record *r)
{
    size_t len = wire_take(&f->ours, f->out + f->said_len, f->out_len - f->said_len, r);

    f->said_len += len;
    if (f->said_len == f->out_len)
        f->said_len = f->out_len = 0;
    return len > 0;
}

void we_said(struct fixture *f, uint8_t type, const void *content, size_t len)
{
    struct wire_record r;
    bool whole = we_said_next(f, &r);

    CHECK(f->t, whole);
    if (!whole)
        return;
    CHECK_EQ(f->t, r.type, type);
    CHECK_EQ(f->t, r.len, len);
    if (r.len == len)
        CHECK_MEM(f->t, r.data, content, len);
}

void we_said_update(struct fixture *f, bool request)
{
    const uint8_t message[] = {24, 0, 0, 1, request};

    we_said(f, WEIR_TYPE_HANDSHAKE, message, sizeof message);
    wire_update(&f->ours, &watch_kdf);
}

void we_said_alert(struct fixture *f, uint8_t level, uint8_t description)
{
    const uint8_t message[] = {level, description};

    we_said(f, WEIR_TYPE_ALERT, message, sizeof message);
}

void we_said_nothing(struct fixture *f)
{
    CHECK_EQ(f->t, f->out_len - f->said_len, 0);
    f->said_len = f->out_len = 0;
}

void we_died(struct fixture *f, weir_status status)
{
    we_died_with(f, status, weir_status_alert(status));
}

void we_died_with(struct fixture *f, weir_status status, uint8_t alert)
{
    struct test *t = f->t;
    struct weir_refusal why;

    CHECK_STATUS(t, weir_session_status(&f->session), status);
    CHECK_STATUS(t, weir_rx_status(&f->rx), status);
    CHECK_STATUS(t, we_hear(f), status);
    CHECK_STATUS(t, we_hear_part(f, 0), status);
    we_heard_nothing(f);
    CHECK_STATUS(t, we_send(f, "late", 4), status);
    CHECK_STATUS(t, weir_session_close(&f->session), status);
    CHECK_STATUS(t, weir_session_key_update(&f->session, true, &why), status);
    CHECK_STATUS(t, weir_session_end_of_stream(&f->session), status);
    we_said_nothing(f);
    CHECK_EQ(t, weir_session_wants_flush(&f->session), alert != WEIR_ALERT_NONE);
    CHECK_STATUS(t, we_flush(f), WEIR_OK);
    if (alert != WEIR_ALERT_NONE) {
        we_said_alert(f, 2, alert);
        CHECK(t, weir_session_send_ended(&f->session));
    }
    /* Nothing is left that could seal or open, and nothing more is said. */
    CHECK_EQ(t, f->watch.attached, 0);
    CHECK_STATUS(t, weir_tx_status(&f->tx), status);
    CHECK_STATUS(t, we_send(f, "late", 4), status);
    CHECK(t, !weir_session_wants_flush(&f->session));
    CHECK_STATUS(t, we_flush(f), WEIR_OK);
    we_said_nothing(f);
    CHECK_STATUS(t, weir_session_status(&f->session), status);
}

void we_live(struct fixture *f)
{
    CHECK_STATUS(f->t, we_send(f, "from us", 7), WEIR_OK);
    we_said(f, WEIR_TYPE_DATA, "from us", 7);
    we_said_nothing(f);
    peer_says(f, WEIR_TYPE_DATA, "from them", 9);
    CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
    we_heard(f, WEIR_TYPE_DATA, "from them", 9);
    we_heard_nothing(f);
}
