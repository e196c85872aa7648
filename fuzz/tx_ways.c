/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any calls in any order of weir_tx_seal, weir_tx_seal_lent, weir_tx_seal_each and
 * weir_tx_seal_in_place: what comes out is held against a second reading of tx.h, which knows no
 * fast way and makes its records with the null provider itself. Every range has its exact size, so
 * that a sanitizer sees whoever leaves it.
 */
#include "tx_ways.h"
#include "aead_null.h"
#include "fuzz.h"

#include <stdlib.h>

#define MAX_OUT   (1u << 18)
#define UNTOUCHED 0xa5u
#define MOST_WORK 100000u /* bytes of plaintext that one input asks for */

/* ---- The provider: the null one, which fails when it is told to ---- */

static unsigned seals_left; /* until one fails; 0: none does */

static weir_status failing_seal(void *ctx, const struct weir_aead_op *op)
{
    if (seals_left > 0 && --seals_left == 0) {
        /* What one leaves behind that broke on its way. */
        if (op->in_len > 0 && op->out != op->in[0].base && op->in[0].len > 0)
            memcpy(op->out, op->in[0].base, op->in[0].len);
        memset(op->tag, 1, WEIR_TAG_LEN);
        return WEIR_E_PROVIDER;
    }
    return weir_aead_null.seal(ctx, op);
}

static weir_status seal_each(void *ctx, const struct weir_aead_op *ops, size_t count)
{
    weir_status status = WEIR_OK;

    PROMISE(count >= 1 && count <= WEIR_AEAD_MAX_EACH);
    for (size_t i = 0; i < count && status == WEIR_OK; i++)
        status = weir_aead_null.seal(ctx, &ops[i]);
    return status;
}

/* ---- What must come out ---- */

/* A sending direction, as tx.h describes it. */
struct model {
    struct weir_keys keys;
    struct weir_limit limit; /* UINT64_MAX: none */
    size_t record_limit, padding;
    unsigned seals_left;
    bool together; /* the provider takes several small messages at once */
    weir_status status;
    bool ended; /* its keys are gone: nothing can be sealed, not even an alert */
    struct weir_counters counters;
    uint8_t out[MAX_OUT];
    size_t made;
};

static bool salted(const struct model *m)
{
    return rx_stream_salted(&m->keys);
}

static size_t padded(const struct model *m, size_t len)
{
    if (m->padding <= 1)
        return len;
    size_t full = (len + m->padding - 1) / m->padding * m->padding;
    full = full > 0 ? full : m->padding;
    full = full < m->record_limit ? full : m->record_limit;
    return full > len ? full : len;
}

static size_t message_of(const struct model *m, size_t len)
{
    return m->keys.version == WEIR_TLS13 ? padded(m, len) + 1 : len;
}

static size_t wire_of(const struct model *m, size_t len)
{
    return WEIR_HEADER_LEN + (salted(m) ? 8u : 0u) + message_of(m, len) + WEIR_TAG_LEN;
}

static void put64(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static weir_status end(struct model *m, weir_status status)
{
    if (m->status == WEIR_OK)
        m->status = status;
    m->ended = true;
    return m->status;
}

static void step_nonce(struct weir_position *at)
{
    if (at->nonce_rule == WEIR_NONCE_XOR)
        at->explicit_nonce ^= at->seq ^ (at->seq + 1);
    else
        at->explicit_nonce++;
}

/* Makes the record, byte by byte. */
static weir_status make(struct model *m, uint8_t type, const uint8_t *text, size_t len)
{
    const bool tls13 = m->keys.version == WEIR_TLS13;
    const size_t message = message_of(m, len), wire = wire_of(m, len);
    uint8_t *out = m->out + m->made, *at = out + WEIR_HEADER_LEN;
    uint8_t aad[13];
    uint64_t ctx[16];

    PROMISE(wire <= sizeof m->out - m->made);
    memset(out, 0, wire);
    out[0] = tls13 ? WEIR_TYPE_DATA : type;
    out[1] = out[2] = 3;
    out[3] = (uint8_t)((wire - WEIR_HEADER_LEN) >> 8);
    out[4] = (uint8_t)(wire - WEIR_HEADER_LEN);
    if (salted(m)) {
        put64(at, m->keys.at.explicit_nonce);
        at += 8;
    }
    if (len > 0)
        memcpy(at, text, len);
    if (tls13)
        at[len] = type;
    const struct weir_iov in = {at, message};
    struct weir_aead_op op = {.aad = {aad, sizeof aad},
                              .in = &in,
                              .in_count = 1,
                              .in_len = message,
                              .out = at,
                              .tag = at + message};
    memcpy(op.nonce, m->keys.iv, WEIR_IV_LEN);
    if (salted(m)) {
        put64(op.nonce + 4, m->keys.at.explicit_nonce);
        step_nonce(&m->keys.at);
    } else {
        for (unsigned i = 0; i < 8; i++)
            op.nonce[4 + i] ^= (uint8_t)(m->keys.at.seq >> (56 - 8 * i));
    }
    put64(aad, m->keys.at.seq);
    aad[8] = type;
    aad[9] = aad[10] = 3;
    aad[11] = (uint8_t)(message >> 8);
    aad[12] = (uint8_t)message;
    if (tls13)
        op.aad = (struct weir_iov){out, WEIR_HEADER_LEN};
    m->keys.at.seq++;
    m->keys.at.blocks += (message + 15) / 16 + 1;
    if (m->seals_left > 0 && --m->seals_left == 0)
        return end(m, WEIR_E_PROVIDER);
    const weir_alg alg = (weir_alg)weir_suite_find(m->keys.suite)->alg;
    PROMISE(weir_aead_null.init(ctx, alg, m->keys.key) == WEIR_OK);
    PROMISE(weir_aead_null.seal(ctx, &op) == WEIR_OK);
    m->made += wire;
    m->counters.records++;
    m->counters.wire_bytes += wire;
    m->counters.bytes += type == WEIR_TYPE_DATA ? len : 0;
    return WEIR_OK;
}

/* Whether the key may protect one more record. Alerts and handshake messages have 1024 blocks and
 * 64 records more than data (core/direction.h). */
static bool key_allows(const struct model *m, uint8_t type, size_t len)
{
    const uint64_t more = (message_of(m, len) + 15) / 16 + 1;
    const bool data = type == WEIR_TYPE_DATA;

    if (m->keys.at.seq >= UINT64_MAX - (data ? 64 : 0))
        return false;
    return m->limit.hard == UINT64_MAX ||
           m->keys.at.blocks + more <= m->limit.hard + (data ? 0 : 1024);
}

static weir_status one(struct model *m, uint8_t type, const uint8_t *text, size_t len, size_t cap)
{
    if (wire_of(m, len) > cap - m->made)
        return WEIR_NEED_OUTPUT;
    if (!key_allows(m, type, len)) {
        if (type != WEIR_TYPE_DATA)
            return end(m, WEIR_E_KEY_LIMIT);
        m->status = WEIR_E_KEY_LIMIT;
        return m->status;
    }
    return make(m, type, text, len);
}

static size_t most_in(const struct model *m, uint8_t type)
{
    return type != WEIR_TYPE_DATA && m->record_limit < 63 ? 63 : m->record_limit;
}

/* What a call answers before it looks for room. */
static weir_status ready(struct model *m, uint8_t type, size_t len)
{
    bool allowed = type == WEIR_TYPE_DATA || (type == WEIR_TYPE_ALERT && len == 2) ||
                   (type == WEIR_TYPE_HANDSHAKE && len > 0);

    if (m->ended || !allowed)
        return end(m, WEIR_E_MISUSE);
    return type == WEIR_TYPE_DATA ? m->status : WEIR_OK;
}

static weir_status model_seal(struct model *m, uint8_t type, const uint8_t *text, size_t len,
                              size_t cap, size_t *taken)
{
    weir_status status = ready(m, type, len);

    *taken = 0;
    if (status != WEIR_OK)
        return status;
    do {
        size_t most = most_in(m, type);
        size_t here = len - *taken < most ? len - *taken : most;
        status = one(m, type, text + *taken, here, cap);
        if (status != WEIR_OK)
            return status;
        *taken += here;
    } while (*taken < len);
    return type == WEIR_TYPE_DATA && m->keys.at.blocks > m->limit.soft ? WEIR_REKEY_DUE : WEIR_OK;
}

static weir_status model_each(struct model *m, uint8_t type, const struct weir_iov *in,
                              size_t count, size_t cap, size_t *taken)
{
    weir_status status = WEIR_OK;

    *taken = 0;
    while (*taken < count && status >= WEIR_OK && status != WEIR_NEED_OUTPUT) {
        size_t before = m->made, bytes;
        if (in[*taken].len > most_in(m, type))
            return end(m, WEIR_E_MISUSE);
        status = model_seal(m, type, in[*taken].base, in[*taken].len, cap, &bytes);
        *taken += m->made > before;
    }
    return status;
}

static weir_status model_in_place(struct model *m, uint8_t type, const uint8_t *text, size_t len,
                                  size_t cap)
{
    weir_status status = ready(m, type, len);
    size_t taken;

    if (status != WEIR_OK)
        return status;
    if (len > most_in(m, type))
        return end(m, WEIR_E_MISUSE);
    return model_seal(m, type, text, len, cap, &taken);
}

/* ---- One call ---- */

struct call {
    uint8_t way, type;
    size_t count, len, missing;
    struct weir_iov in[TX_WAYS_MAX_PIECES];
    uint8_t *pieces[TX_WAYS_MAX_PIECES];
    uint8_t *text; /* all pieces, one behind the other */
};

static bool take_call(struct fuzz_bytes *bytes, struct call *c)
{
    static const uint8_t types[] = {WEIR_TYPE_DATA, WEIR_TYPE_DATA, WEIR_TYPE_ALERT,
                                    WEIR_TYPE_HANDSHAKE};
    size_t lens[TX_WAYS_MAX_PIECES], at = 0;
    uint8_t what = fuzz_take8(bytes);

    c->way = what & 3;
    c->type = types[what >> 2 & 3];
    c->count = fuzz_take8(bytes) % TX_WAYS_MAX_PIECES;
    if (c->way == TX_WAY_LENT || c->way == TX_WAY_IN_PLACE)
        c->count = 1;
    c->len = 0;
    for (size_t i = 0; i < c->count; i++)
        c->len += lens[i] = fuzz_take16(bytes) % TX_WAYS_MAX_PIECE;
    c->missing = what & TX_WAYS_SHORT ? 1u + fuzz_take16(bytes) : 0;
    if (c->len > MOST_WORK)
        return false;
    /* No byte is 0 or UNTOUCHED, so that what is left behind is seen. */
    c->text = malloc(c->len + 1);
    PROMISE(c->text != NULL);
    for (size_t i = 0; i < c->len; i++)
        c->text[i] = (uint8_t)(1 + i % 163);
    for (size_t i = 0; i < c->count; at += lens[i++]) {
        c->pieces[i] = fuzz_exact_copy(c->text + at, lens[i]);
        c->in[i] = (struct weir_iov){c->pieces[i], lens[i]};
    }
    return true;
}

static void free_call(struct call *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->pieces[i]);
    free(c->text);
}

/* Room for all of it, less what the input takes away. */
static size_t room_for(const struct model *m, const struct call *c)
{
    size_t whole = 0, done = 0, most = most_in(m, c->type);

    if (c->way == TX_WAY_EACH) {
        for (size_t i = 0; i < c->count; i++)
            whole += wire_of(m, c->in[i].len);
    } else {
        do {
            size_t here = c->len - done < most ? c->len - done : most;
            whole += wire_of(m, here);
            done += here;
        } while (done < c->len);
    }
    if (c->missing == 0)
        return whole;
    return whole - c->missing % (whole + 1);
}

/* Nothing of a record that was not made is left behind the ones that were. */
static void check_rest(const uint8_t *out, size_t from, size_t to, weir_status status)
{
    for (; from < to; from++)
        PROMISE(out[from] == UNTOUCHED || (status < WEIR_OK && out[from] == 0));
}

static void check_in_place(struct weir_tx *tx, struct model *m, const struct call *c)
{
    const size_t prefix = weir_tx_shape(tx).prefix, least = prefix + c->len;
    size_t cap = room_for(m, c), made = 99;
    uint8_t *buf;

    if (c->len > WEIR_MAX_PLAINTEXT && cap < least)
        cap = least;
    buf = malloc(cap > least ? cap : least);
    PROMISE(buf != NULL);
    memset(buf, UNTOUCHED, cap > least ? cap : least);
    if (c->len > 0)
        memcpy(buf + prefix, c->text, c->len);
    m->made = 0;
    weir_status wanted = model_in_place(m, c->type, c->text, c->len, cap);
    weir_status got = weir_tx_seal_in_place(tx, c->type, buf, c->len, cap, &made);
    PROMISE(got == wanted && made == m->made);
    if (made > 0)
        PROMISE(memcmp(buf, m->out, made) == 0);
    if (got == WEIR_NEED_OUTPUT)
        PROMISE(c->len == 0 || memcmp(buf + prefix, c->text, c->len) == 0);
    if (got < WEIR_OK)
        for (size_t i = 0; i < cap; i++)
            PROMISE(buf[i] == 0);
    if (got == WEIR_OK || got == WEIR_REKEY_DUE)
        check_rest(buf, made, cap, got);
    free(buf);
}

static void check_apart(struct weir_tx *tx, struct model *m, const struct call *c)
{
    size_t cap = room_for(m, c), taken = 99, made = 99, wanted_taken = 0;
    uint8_t *out = malloc(cap > 0 ? cap : 1), *lent = NULL;
    weir_status wanted, got;

    PROMISE(out != NULL);
    if (cap > 0)
        memset(out, UNTOUCHED, cap);
    m->made = 0;
    if (c->way == TX_WAY_EACH) {
        wanted = model_each(m, c->type, c->in, c->count, cap, &wanted_taken);
        got = weir_tx_seal_each(tx, c->type, c->in, c->count, out, cap, &taken, &made);
    } else if (c->way == TX_WAY_LENT) {
        lent = fuzz_exact_copy(c->text, c->len + 1);
        wanted = model_seal(m, c->type, c->text, c->len, cap, &wanted_taken);
        got = weir_tx_seal_lent(tx, c->type, lent, c->len, out, cap, &taken, &made);
        PROMISE(memcmp(lent, c->text, c->len) == 0);
        free(lent);
    } else {
        wanted = model_seal(m, c->type, c->text, c->len, cap, &wanted_taken);
        got = weir_tx_seal(tx, c->type, c->in, c->count, out, cap, &taken, &made);
    }
    PROMISE(got == wanted);
    PROMISE(taken == wanted_taken);
    PROMISE(made == m->made);
    if (made > 0)
        PROMISE(memcmp(out, m->out, made) == 0);
    check_rest(out, made, cap, got);
    free(out);
}

/* Both stand where they should. */
static void check_position(const struct weir_tx *tx, const struct model *m)
{
    const struct weir_position at = weir_tx_position(tx);
    const struct weir_counters counters = weir_tx_counters(tx);

    PROMISE(at.seq == m->keys.at.seq && at.blocks == m->keys.at.blocks);
    PROMISE(at.explicit_nonce == m->keys.at.explicit_nonce);
    PROMISE(counters.records == m->counters.records && counters.bytes == m->counters.bytes);
    PROMISE(counters.wire_bytes == m->counters.wire_bytes);
    PROMISE((weir_tx_status(tx) < WEIR_OK) == (m->status < WEIR_OK));
    PROMISE(m->status == WEIR_OK || weir_tx_status(tx) == m->status);
}

static size_t take_size(struct fuzz_bytes *bytes)
{
    size_t value = fuzz_take8(bytes);

    return value <= 127 ? value : (value - 127) * 128;
}

static void take_setup(struct fuzz_bytes *bytes, struct model *m)
{
    uint8_t flavour = fuzz_take8(bytes);

    memset(m, 0, offsetof(struct model, out));
    m->made = 0;
    rx_stream_keys(flavour, &m->keys);
    if (rx_stream_salted(&m->keys)) {
        m->keys.at.nonce_rule = flavour & TX_WAYS_COUNTER ? WEIR_NONCE_COUNTER
                                : flavour & TX_WAYS_XOR   ? WEIR_NONCE_XOR
                                                          : WEIR_NONCE_SEQ;
        m->keys.at.explicit_nonce =
            m->keys.at.nonce_rule == WEIR_NONCE_SEQ ? m->keys.at.seq : UINT64_C(0xfffffffffffffffe);
    }
    if (flavour & RX_STREAM_LATE) { /* and where data must end */
        m->keys.at.seq -= 64 + 40;
        if (m->keys.at.nonce_rule == WEIR_NONCE_SEQ)
            m->keys.at.explicit_nonce = m->keys.at.seq;
    }
    m->record_limit = take_size(bytes);
    m->record_limit = m->record_limit == 0 ? WEIR_MAX_PLAINTEXT : m->record_limit;
    m->padding = take_size(bytes);
    m->padding = m->keys.version == WEIR_TLS13 ? m->padding : 0;
    m->limit.hard = 16u * (uint64_t)fuzz_take8(bytes);
    m->limit.soft = 16u * (uint64_t)fuzz_take8(bytes);
    m->seals_left = fuzz_take8(bytes);
    m->together = (flavour & TX_WAYS_TOGETHER) != 0;
    if (m->together)
        m->seals_left = 0; /* how many are then lost depends on how many went together */
}

static void begin(struct weir_tx *tx, struct weir_soft *soft, void *ctx, size_t len,
                  struct model *m)
{
    struct weir_keys keys = m->keys;
    struct weir_refusal why;

    PROMISE(weir_tx_init(tx, &keys, &soft->backend, ctx, len, &why) == WEIR_OK);
    PROMISE(weir_tx_set_record_limit(tx, m->record_limit) == WEIR_OK);
    if (m->keys.version == WEIR_TLS13)
        PROMISE(weir_tx_set_padding(tx, m->padding) == WEIR_OK);
    weir_tx_set_limit(tx, m->limit);
    struct weir_limit own = weir_alg_limit((weir_alg)weir_suite_find(m->keys.suite)->alg);
    m->limit.hard = m->limit.hard != 0 ? m->limit.hard : own.hard;
    m->limit.hard = m->limit.hard != 0 ? m->limit.hard : UINT64_MAX;
    m->limit.soft = m->limit.soft != 0 ? m->limit.soft : own.soft;
    m->limit.soft = m->limit.soft != 0 ? m->limit.soft : UINT64_MAX;
    seals_left = m->seals_left;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model model;
    struct fuzz_bytes bytes = {data, size};
    struct weir_aead aead = weir_aead_null;
    struct weir_refusal why;
    struct weir_soft soft;
    struct weir_tx tx;
    struct call call;
    uint64_t ctx[16];
    size_t work = 0;

    aead.seal = failing_seal;
    take_setup(&bytes, &model);
    aead.seal_each = model.together ? seal_each : NULL;
    PROMISE(weir_soft_init(&soft, &aead, &why) == WEIR_OK && aead.ctx_size <= sizeof ctx);
    begin(&tx, &soft, ctx, sizeof ctx, &model);
    while (bytes.left > 0 && take_call(&bytes, &call)) {
        work += call.len;
        /* Small limits and much padding would make more of it than there is room for. */
        if (work <= MOST_WORK && room_for(&model, &call) <= MAX_OUT) {
            if (call.way == TX_WAY_IN_PLACE)
                check_in_place(&tx, &model, &call);
            else
                check_apart(&tx, &model, &call);
            check_position(&tx, &model);
        }
        free_call(&call);
    }
    weir_tx_wipe(&tx);
    return 0;
}
