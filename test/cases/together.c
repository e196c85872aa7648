/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small records that a backend takes with one call: whatever comes of them is what comes of the
 * same records one at a time. The other groups run that way, too, where the provider has such
 * calls; here every provider has, by watch_groups.
 */
#include "fixture.h"

#define MOST   48u /* records of a scenario */
#define ROUNDS 40u

/* The same direction on a backend that takes one record at a time. */
static struct {
    struct weir_aead aead;
    struct weir_soft soft;
    struct weir_tx tx;
    struct weir_rx rx;
    uint8_t out[OUT_LEN], in[IN_LEN];
    _Alignas(TEST_CTX_ALIGN) uint8_t tx_ctx[TEST_CTX_LEN], rx_ctx[TEST_CTX_LEN];
} single;

static void single_begin(struct fixture *f)
{
    struct weir_keys tx_keys = f->tx_keys, rx_keys = f->rx_keys;
    struct weir_refusal why;

    single.aead = *f->t->aead;
    single.aead.seal_each = NULL;
    single.aead.open_each = NULL;
    weir_tx_wipe(&single.tx);
    weir_rx_wipe(&single.rx);
    CHECK_STATUS(f->t, weir_soft_init(&single.soft, &single.aead, &why), WEIR_OK);
    CHECK_STATUS(
        f->t,
        weir_tx_init(&single.tx, &tx_keys, &single.soft.backend, single.tx_ctx, TEST_CTX_LEN, &why),
        WEIR_OK);
    CHECK_STATUS(
        f->t,
        weir_rx_init(&single.rx, &rx_keys, &single.soft.backend, single.rx_ctx, TEST_CTX_LEN, &why),
        WEIR_OK);
}

/* Both anew, and alike. */
static void begin(struct fixture *f)
{
    watch_groups = true;
    fixture_again(f);
    watch_groups = false;
    single_begin(f);
}

static void end(void)
{
    weir_tx_wipe(&single.tx);
    weir_rx_wipe(&single.rx);
}

/* Where space counts, weir never makes those calls. */
static bool has_groups(const struct fixture *f)
{
    return f->watch.backend.open_each != NULL;
}

static size_t random_below(struct fixture *f, size_t bound)
{
    return (size_t)(test_random(&f->random) % bound);
}

/* Mostly small, around what is taken together, or large. */
static size_t random_len(struct fixture *f)
{
    switch (random_below(f, 12)) {
    case 0:
        return random_below(f, 3000);
    case 1:
        return 470 + random_below(f, 60);
    case 2:
        return 0;
    default:
        return 1 + random_below(f, 200);
    }
}

static void same_counters(struct test *t, struct weir_counters a, struct weir_counters b)
{
    CHECK_EQ(t, a.records, b.records);
    CHECK_EQ(t, a.bytes, b.bytes);
    CHECK_EQ(t, a.wire_bytes, b.wire_bytes);
    CHECK_EQ(t, a.rekeys, b.rekeys);
}

static void same_position(struct test *t, struct weir_position a, struct weir_position b)
{
    CHECK_EQ(t, a.seq, b.seq);
    CHECK_EQ(t, a.explicit_nonce, b.explicit_nonce);
    CHECK_EQ(t, a.blocks, b.blocks);
    CHECK_EQ(t, a.epoch, b.epoch);
}

/* A limit within reach now and then, of records and of the key. */
static void random_limits(struct fixture *f)
{
    if (random_below(f, 3) == 0) {
        const struct weir_limit limit = {.soft = 1 + random_below(f, 200),
                                         .hard = 100 + random_below(f, 300)};
        weir_tx_set_limit(&f->tx, limit);
        weir_rx_set_limit(&f->rx, limit);
        weir_tx_set_limit(&single.tx, limit);
        weir_rx_set_limit(&single.rx, limit);
    }
    if (random_below(f, 4) == 0) {
        const size_t limit = 64 + random_below(f, 300);
        CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limit), WEIR_OK);
        CHECK_STATUS(f->t, weir_tx_set_record_limit(&single.tx, limit), WEIR_OK);
        CHECK_STATUS(f->t, weir_rx_set_record_limit(&f->rx, limit), WEIR_OK);
        CHECK_STATUS(f->t, weir_rx_set_record_limit(&single.rx, limit), WEIR_OK);
    }
}

/* Everything a call answers, and all it leaves behind, is the same. */
static weir_status seal_alike(struct fixture *f, const struct weir_iov *in, size_t count,
                              size_t cap)
{
    size_t taken[2] = {77, 77}, made[2] = {77, 77};

    memset(f->out, 0xa5, cap);
    memset(single.out, 0xa5, cap);
    weir_status status =
        weir_tx_seal_each(&f->tx, WEIR_TYPE_DATA, in, count, f->out, cap, &taken[0], &made[0]);
    CHECK_STATUS(f->t,
                 weir_tx_seal_each(&single.tx, WEIR_TYPE_DATA, in, count, single.out, cap,
                                   &taken[1], &made[1]),
                 status);
    CHECK_EQ(f->t, taken[0], taken[1]);
    CHECK_EQ(f->t, made[0], made[1]);
    CHECK_MEM(f->t, f->out, single.out, cap);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), weir_tx_status(&single.tx));
    same_counters(f->t, weir_tx_counters(&f->tx), weir_tx_counters(&single.tx));
    same_position(f->t, weir_tx_position(&f->tx), weir_tx_position(&single.tx));
    return status;
}

ON(BOTH, sealed_as_one_at_a_time)
{
    uint32_t groups = 0;

    for (size_t round = 0; round < ROUNDS; round++) {
        struct weir_iov in[MOST];
        weir_status status = WEIR_OK;

        fixture_at(f, round);
        begin(f);
        random_limits(f);
        for (size_t calls = 0; calls < 4 && status >= 0; calls++) {
            const size_t count = 1 + random_below(f, MOST);
            const uint8_t *at = f->text + random_below(f, 100);
            size_t total = 0;

            for (size_t i = 0; i < count; i++) {
                in[i] = (struct weir_iov){at, random_len(f)};
                at += in[i].len;
                total += in[i].len + 40;
            }
            if (random_below(f, 3) == 0)
                total = random_below(f, total);
            status = seal_alike(f, in, count, total);
        }
        groups += f->watch.groups;
    }
    CHECK_EQ(f->t, groups > ROUNDS, has_groups(f));
    end();
}

/* A call that crosses the last sequence numbers of data. */
ON(BOTH, sealed_to_the_last_number)
{
    struct weir_iov in[MOST];

    for (size_t i = 0; i < MOST; i++)
        in[i] = (struct weir_iov){f->text + i, 20};
    for (uint64_t left = 0; left <= MOST; left++) {
        struct weir_keys keys;

        fixture_at(f, left);
        begin(f);
        fixture_keys(f, &keys);
        keys.at.seq = UINT64_MAX - 64 - left; /* core/seal.h */
        if (keys.at.nonce_rule == WEIR_NONCE_SEQ)
            keys.at.explicit_nonce = keys.at.seq;
        CHECK_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
        single_begin(f);
        CHECK_STATUS(f->t, seal_alike(f, in, MOST, OUT_LEN),
                     left == MOST ? WEIR_OK : WEIR_E_KEY_LIMIT);
        CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, left);
    }
    end();
}

/* What became of a stream. */
struct outcome {
    size_t records, consumed;
    weir_status status;
    uint64_t sum; /* of types, lengths and contents */
};

static void add_record(struct outcome *o, const struct weir_record *r)
{
    o->records++;
    o->sum = (o->sum ^ r->type ^ (uint64_t)r->len << 8) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < r->len; i++)
        o->sum = (o->sum ^ r->data[i]) * UINT64_C(0x9e3779b97f4a7c15);
}

static bool is_update(const struct weir_record *r)
{
    return r->type == WEIR_TYPE_HANDSHAKE && r->len == 5 && r->data[0] == 24;
}

/* Opens all of buf[0..len), `cap` records with a call; follows every KeyUpdate. What is not
 * consumed must be there as it came, at `came`, as long as nothing is wrong. */
static struct outcome open_all(struct test *t, struct weir_rx *rx, uint8_t *buf,
                               const uint8_t *came, size_t len, size_t cap)
{
    struct outcome o = {0, 0, WEIR_OK, 0};

    while (o.status == WEIR_OK && t->failed == 0) {
        struct weir_record out[MOST];
        size_t used = 77, count = 77;

        o.status = weir_rx_open(rx, buf + o.consumed, len - o.consumed, &used, out, cap, &count);
        CHECK(t, used <= len - o.consumed && count <= cap);
        CHECK(t, o.status != WEIR_OK || count > 0);
        o.consumed += used;
        if (weir_rx_status(rx) >= 0)
            CHECK_MEM(t, buf + o.consumed, came + o.consumed, len - o.consumed);
        for (size_t i = 0; i < count; i++) {
            add_record(&o, &out[i]);
            CHECK(t, i + 1 == count || out[i].type == WEIR_TYPE_DATA);
        }
        if (count > 0 && is_update(&out[count - 1]) && weir_rx_status(rx) >= 0)
            CHECK_STATUS(t, weir_rx_rekey(rx, &watch_kdf), WEIR_OK);
    }
    return o;
}

/* What waits in `in` comes to the same whichever way it is opened. */
static struct outcome open_alike(struct fixture *f, size_t cap)
{
    static uint8_t together[IN_LEN];
    struct test *t = f->t;

    memcpy(together, f->in, f->in_len);
    memcpy(single.in, f->in, f->in_len);
    const struct outcome a = open_all(t, &f->rx, together, f->in, f->in_len, cap);
    const struct outcome b = open_all(t, &single.rx, single.in, f->in, f->in_len, 1);

    CHECK_EQ(t, a.records, b.records);
    CHECK_EQ(t, a.consumed, b.consumed);
    CHECK_STATUS(t, a.status, b.status);
    CHECK_EQ(t, a.sum, b.sum);
    CHECK_STATUS(t, weir_rx_status(&f->rx), weir_rx_status(&single.rx));
    same_counters(t, weir_rx_counters(&f->rx), weir_rx_counters(&single.rx));
    same_position(t, weir_rx_position(&f->rx), weir_rx_position(&single.rx));
    if (a.status < 0) {
        /* The record that is wrong is as it is left by itself; what lies behind it is wiped or as
         * it came, so that none of it can be read. */
        const uint8_t *wrong = together + a.consumed;
        const size_t left = f->in_len - a.consumed;
        const size_t record = left < 5 ? left : 5 + ((size_t)wrong[3] << 8 | wrong[4]);

        CHECK_MEM(t, wrong, single.in + a.consumed, record < left ? record : left);
        for (size_t i = a.consumed; i < f->in_len; i++)
            if (together[i] != 0 && together[i] != f->in[i])
                CHECK_EQ(t, together[i], f->in[i]);
    }
    f->in_len = 0;
    return a;
}

static void peer_says_something(struct fixture *f)
{
    const size_t len = random_len(f),
                 pad = f->tls13 && random_below(f, 6) == 0 ? random_below(f, 100) : 0;
    const uint8_t *text = f->text + random_below(f, 1000);

    switch (random_below(f, 40)) {
    case 0:
        if (f->tls13)
            peer_updates(f, false);
        break;
    case 1:
        peer_says_padded(f, WEIR_TYPE_HANDSHAKE, text, len + 1, pad);
        break;
    case 2:
        peer_says_padded(f, WEIR_TYPE_ALERT, text, 2, pad);
        break;
    default:
        peer_says_padded(f, WEIR_TYPE_DATA, text, len, pad);
    }
}

ON(BOTH, opened_as_one_at_a_time)
{
    uint32_t groups = 0, closed = 0, wrong = 0;

    for (size_t round = 0; round < 4 * (size_t)ROUNDS; round++) {
        fixture_at(f, round);
        begin(f);
        random_limits(f);
        for (size_t calls = 0; calls < 3; calls++) {
            const size_t count = 1 + random_below(f, MOST);

            for (size_t i = 0; i < count; i++)
                peer_says_something(f);
            if (random_below(f, 4) == 0) {
                const size_t at = random_below(f, f->in_len + 1);
                f->in[at] ^= (uint8_t)(1u << random_below(f, 8));
            }
            if (random_below(f, 4) == 0)
                f->in_len = random_below(f, f->in_len + 1);
            const struct outcome o = open_alike(f, 2 + random_below(f, MOST - 2));
            wrong += o.status < 0;
            if (o.status < 0 || o.consumed != f->in_len)
                break;
        }
        groups += f->watch.groups;
        closed += f->watch.closed;
    }
    CHECK_EQ(f->t, groups > ROUNDS, has_groups(f));
    CHECK_EQ(f->t, closed > 0, has_groups(f) && f->tls13);
    CHECK(f->t, wrong > 10);
    end();
}

/* Exactly the forged one is refused, and nothing from it on is released. */
ON(BOTH, forged_at_every_place)
{
    const size_t count = 20, len = 60;
    const size_t wire = weir_tx_record_len(&f->tx, len), prefix = weir_tx_shape(&f->tx).prefix;

    for (size_t forged = 0; forged < count; forged++) {
        for (size_t where = 0; where < 3; where++) { /* text, tag, the length it had */
            struct weir_record out[MOST];
            size_t used = 77, got = 77;

            fixture_at(f, forged * 10 + where);
            begin(f);
            for (size_t i = 0; i < count; i++)
                peer_says(f, WEIR_TYPE_DATA, f->text + i, len);
            f->in[forged * wire + (where == 0 ? prefix : wire - where)] ^= 1;
            weir_status status = weir_rx_open(&f->rx, f->in, f->in_len, &used, out, MOST, &got);
            CHECK_STATUS(f->t, status, forged == 0 ? WEIR_E_AUTH : WEIR_OK);
            CHECK_EQ(f->t, got, forged);
            CHECK_EQ(f->t, used, forged * wire);
            for (size_t i = 0; i < got; i++) {
                CHECK_EQ(f->t, out[i].len, len);
                CHECK_MEM(f->t, out[i].data, f->text + i, len);
            }
            const bool secret = (f->t->aead->flags & WEIR_AEAD_INSECURE) == 0;
            for (size_t i = forged; i < count && secret; i++) /* more bytes than chance can do */
                CHECK(f->t, memcmp(f->in + i * wire + prefix, f->text + i, 8) != 0);
            CHECK_ZERO(f->t, f->in + forged * wire + 5, wire - 5);
            CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_AUTH);
            CHECK_EQ(f->t, weir_rx_counters(&f->rx).records, forged);
            CHECK_STATUS(f->t, weir_rx_open(&f->rx, f->in, f->in_len, &used, out, MOST, &got),
                         WEIR_E_AUTH);
            CHECK_EQ(f->t, used + got, 0);
        }
    }
    end();
}

/* Behind a KeyUpdate another key holds; what lies there is given back as it came. */
ON(TLS13, key_update_at_every_place)
{
    const size_t count = 20;

    for (size_t at = 0; at < count; at++) {
        fixture_at(f, at);
        begin(f);
        for (size_t i = 0; i < count; i++) {
            if (i == at)
                peer_updates(f, false);
            else
                peer_says(f, WEIR_TYPE_DATA, f->text + i, 30);
        }
        const struct outcome o = open_alike(f, MOST);
        CHECK_STATUS(f->t, o.status, WEIR_NEED_INPUT);
        CHECK_EQ(f->t, o.records, count);
        CHECK_EQ(f->t, weir_rx_position(&f->rx).epoch, 1);
        const size_t groups_end = at < 16 ? 16 : count;
        CHECK_EQ(f->t, f->watch.closed, has_groups(f) ? groups_end - at - 1 : 0);
    }
    end();
}

/* A peer that keeps us closing what we have opened costs us no more than twice the work. */
ON(TLS13, closing_again_has_a_bound)
{
    begin(f);
    for (size_t i = 0; i < 600; i++)
        peer_says(f, i % 2 == 0 ? WEIR_TYPE_DATA : WEIR_TYPE_HANDSHAKE, f->text, 20);
    CHECK_EQ(f->t, open_alike(f, MOST).records, 600);
    CHECK(f->t, f->watch.opens + f->watch.closed <= 2 * 600 + 2 * WEIR_AEAD_MAX_EACH);
    CHECK_EQ(f->t, f->watch.closed > 0, has_groups(f));
    end();
}

/* What was opened beyond a record cannot be closed: then it is wiped, and that is the end. */
ON(TLS13, closing_again_fails)
{
    struct weir_record out[MOST];
    size_t used = 77, got = 77;

    begin(f);
    for (size_t i = 0; i < 10; i++)
        peer_says(f, i == 4 ? WEIR_TYPE_HANDSHAKE : WEIR_TYPE_DATA, f->text + i, 30);
    const size_t wire = f->in_len / 10;
    watch_faults.seal = 2;
    CHECK_STATUS(f->t, weir_rx_open(&f->rx, f->in, f->in_len, &used, out, MOST, &got), WEIR_OK);
    CHECK_EQ(f->t, got, 5);
    CHECK_EQ(f->t, used, 5 * wire);
    for (size_t i = 0; i < got && i < 10; i++)
        CHECK_MEM(f->t, out[i].data, f->text + i, 30);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), has_groups(f) ? WEIR_E_PROVIDER : WEIR_OK);
    if (has_groups(f))
        CHECK_ZERO(f->t, f->in + 5 * wire + 5, 5 * wire - 5);
    end();
}

/* When the provider breaks nothing of the group is given, or left. */
ON(BOTH, group_fails)
{
    struct weir_iov pieces[20];
    const size_t len = 50, wire = weir_tx_record_len(&f->tx, len);

    for (size_t i = 0; i < 20; i++)
        pieces[i] = (struct weir_iov){f->text + i, len};
    for (uint32_t n = 1; n <= 20; n++) {
        struct weir_record out[MOST];
        size_t used = 77, got = 77, taken = 77, made = 77;
        const size_t good = !has_groups(f) ? n - 1 : n <= 16 ? 0 : 16;

        fixture_at(f, n);
        begin(f);
        memset(f->out, 0xa5, 20 * wire);
        watch_faults.seal = n;
        CHECK_STATUS(
            f->t,
            weir_tx_seal_each(&f->tx, WEIR_TYPE_DATA, pieces, 20, f->out, OUT_LEN, &taken, &made),
            WEIR_E_PROVIDER);
        CHECK_EQ(f->t, taken, good);
        CHECK_EQ(f->t, made, good * wire);
        CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, good);
        CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_PROVIDER);
        if (has_groups(f))
            CHECK_ZERO(f->t, f->out + made, (n <= 16 ? 16 : 4) * wire);
        for (size_t i = 0; i < 20; i++)
            peer_says(f, WEIR_TYPE_DATA, f->text + i, len);
        watch_faults.open = n;
        CHECK_STATUS(f->t, weir_rx_open(&f->rx, f->in, f->in_len, &used, out, MOST, &got),
                     good > 0 ? WEIR_OK : WEIR_E_PROVIDER);
        CHECK_EQ(f->t, got, good);
        CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_PROVIDER);
        CHECK_ZERO(f->t, f->in + good * wire + 5, wire - 5);
        if (has_groups(f))
            CHECK_ZERO(f->t, f->in + good * wire + 5, (n <= 16 ? 16 : 4) * wire - 5);
    }
    end();
}

/* ---- the calls of the provider itself ---- */

#define TEXT_LEN 700u

struct message {
    struct weir_aead_op op;
    struct weir_iov in;
    uint8_t aad[13], from[TEXT_LEN], to[TEXT_LEN], tag[WEIR_TAG_LEN];
};

static struct message message[WEIR_AEAD_MAX_EACH];

static void make_messages(uint64_t *random, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct message *m = &message[i];
        const size_t len = (size_t)(test_random(random) % (i % 3 == 0 ? TEXT_LEN : 80));

        test_random_fill(random, m->aad, sizeof m->aad);
        test_random_fill(random, m->from, len);
        m->in = (struct weir_iov){m->from, len};
        m->op = (struct weir_aead_op){.aad = {m->aad, test_random(random) % 2 == 0 ? 5 : 13},
                                      .in = &m->in,
                                      .in_count = 1,
                                      .in_len = len,
                                      .out = test_random(random) % 2 == 0 ? m->to : m->from,
                                      .tag = m->tag};
        test_random_fill(random, m->op.nonce, WEIR_IV_LEN);
    }
}

/* What `seal` makes of a message's input, and its tag, at `out`. */
static void seal_apart(struct test *t, void *ctx, const struct message *m,
                       uint8_t out[TEXT_LEN + WEIR_TAG_LEN])
{
    struct weir_aead_op op = m->op;

    op.out = out;
    op.tag = out + op.in_len;
    CHECK_STATUS(t, t->aead->seal(ctx, &op), WEIR_OK);
}

static void several_with_one_call(struct test *t)
{
    static _Alignas(TEST_CTX_ALIGN) uint8_t ctx[TEST_CTX_LEN];
    static uint8_t want[WEIR_AEAD_MAX_EACH][TEXT_LEN + WEIR_TAG_LEN];
    uint64_t random = 7;

    CHECK_EQ(t, t->aead->seal_each != NULL, t->aead->open_each != NULL);
    for (size_t round = 0; round < 400 && t->aead->seal_each != NULL; round++) {
        const size_t count = 1 + round % WEIR_AEAD_MAX_EACH;
        const weir_alg alg = (weir_alg)(round / WEIR_AEAD_MAX_EACH % WEIR_ALG_COUNT);
        uint8_t key[WEIR_MAX_KEY];
        size_t good = 77, wrong = count;

        t->at = round;
        if ((t->aead->algs & WEIR_ALG_BIT(alg)) == 0)
            continue;
        test_random_fill(&random, key, sizeof key);
        CHECK_STATUS(t, t->aead->init(ctx, alg, key), WEIR_OK);
        make_messages(&random, count);
        struct weir_aead_op ops[WEIR_AEAD_MAX_EACH];
        for (size_t i = 0; i < count; i++) {
            seal_apart(t, ctx, &message[i], want[i]);
            ops[i] = message[i].op;
        }
        CHECK_STATUS(t, t->aead->seal_each(ctx, ops, count), WEIR_OK);
        for (size_t i = 0; i < count; i++) {
            CHECK_MEM(t, ops[i].out, want[i], ops[i].in_len);
            CHECK_MEM(t, ops[i].tag, want[i] + ops[i].in_len, WEIR_TAG_LEN);
            /* On to opening: the input is what was sealed, some of it forged. */
            if (ops[i].out == message[i].to)
                memcpy(message[i].from, message[i].to, ops[i].in_len);
            if (test_random(&random) % 8 == 0) {
                ops[i].tag[test_random(&random) % WEIR_TAG_LEN] ^= 4;
                wrong = wrong < i ? wrong : i;
            }
            /* Decrypting is encrypting again. */
            seal_apart(t, ctx, &message[i], want[i]);
        }
        CHECK_STATUS(t, t->aead->open_each(ctx, ops, count, &good),
                     wrong < count ? WEIR_E_AUTH : WEIR_OK);
        if (wrong < count)
            CHECK_EQ(t, good, wrong);
        for (size_t i = 0; i < count; i++)
            CHECK_MEM(t, ops[i].out, want[i], ops[i].in_len);
        t->aead->wipe(ctx);
    }
}

static const struct test_case table[] = {
    CASE(sealed_as_one_at_a_time),   CASE(sealed_to_the_last_number),
    CASE(opened_as_one_at_a_time),   CASE(forged_at_every_place),
    CASE(key_update_at_every_place), CASE(closing_again_has_a_bound),
    CASE(closing_again_fails),       CASE(group_fails),
    CASE(several_with_one_call),
};
CASE_GROUP(together, table, TEST_EACH_AEAD);
