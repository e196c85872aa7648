/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

#include "crypto.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/record.h>

#define ROOM             (1u << 20)
#define NO_RENEGOTIATION 100

/* One use of a nonce: which key, then the nonce. */
struct use {
    uint32_t key;
    uint8_t nonce[WEIR_IV_LEN];
};

struct wire {
    pthread_mutex_t lock;
    size_t limit, pad;
    struct wire_report report;
    struct crypto_digest *digest;

    uint8_t buf[ROOM]; /* what is not judged yet */
    size_t len;
    uint64_t judged; /* bytes judged before buf */

    bool have_keys, ours; /* `ours`: the records are weir's from here on */
    uint64_t offset;
    struct weir_keys keys; /* at.seq: the next record */
    uint64_t left;         /* bytes of the current handshake message still to come */
    uint8_t prefix[4];     /* its header, as far as it came */
    size_t prefix_len;

    uint8_t plain[WEIR_MAX_RECORD];
    struct use *uses;
    size_t use_count, use_room;
};

/* One record as it lies in `buf`. */
struct sealed {
    const uint8_t *header, *body;
    size_t len; /* of body */
};

/* Room for the words of one more fault; when there have been many, those of the last are replaced.
 */
static char *next_fault(struct wire *w)
{
    size_t n = w->report.fault_count++;
    return w->report.faults[n < WIRE_FAULTS ? n : WIRE_FAULTS - 1];
}

/* Notes what is wrong, in words with numbers in them. */
#define FAULT(w, ...) ((void)snprintf(next_fault(w), WIRE_FAULT_ROOM, __VA_ARGS__))

struct wire *wire_new(size_t limit, size_t pad)
{
    struct wire *w = calloc(1, sizeof *w);

    if (w == NULL || pthread_mutex_init(&w->lock, NULL) != 0)
        abort();
    w->limit = limit != 0 ? limit : WEIR_MAX_PLAINTEXT;
    w->pad = pad;
    w->report.fatal_alert = -1;
    w->digest = crypto_digest_new();
    return w;
}

/* ---- keys ---- */

/* A key and its IV in 16 digits, to compare the keys of many connections. */
static void name_key(struct wire *w)
{
    char hex[65];
    struct crypto_digest *digest = crypto_digest_new();

    crypto_digest_add(digest, w->keys.key, sizeof w->keys.key);
    crypto_digest_add(digest, w->keys.iv, sizeof w->keys.iv);
    crypto_digest_end(digest, hex);
    if (w->report.key_count < WIRE_KEYS) {
        memcpy(w->report.keys[w->report.key_count], hex, 16);
        w->report.keys[w->report.key_count][16] = '\0';
    }
    w->report.key_count++;
}

/* HKDF-Expand-Label without context (RFC 8446 section 7.1), for at most one block of the hash. */
static bool expand(weir_hash hash, const uint8_t *secret, const char *label, uint8_t *out,
                   size_t len)
{
    uint8_t info[64], block[WEIR_MAX_SECRET];
    size_t n = strlen(label);

    info[0] = 0;
    info[1] = (uint8_t)len;
    info[2] = (uint8_t)(6 + n);
    memcpy(info + 3, "tls13 ", 6);
    memcpy(info + 9, label, n);
    info[9 + n] = 0;  /* no context */
    info[10 + n] = 1; /* the only block */
    bool ok = crypto_hmac(hash, secret, WEIR_HASH_LEN(hash), info, 11 + n, block);
    memcpy(out, block, len);
    return ok;
}

/* The keys of the next epoch (RFC 8446 section 7.2). */
static void next_epoch(struct wire *w)
{
    const struct weir_suite *suite = weir_suite_find(w->keys.suite);
    weir_hash hash = (weir_hash)suite->hash;
    uint8_t next[WEIR_MAX_SECRET] = {0};

    bool ok = expand(hash, w->keys.secret, "traffic upd", next, WEIR_HASH_LEN(hash));
    memcpy(w->keys.secret, next, sizeof next);
    ok = ok && expand(hash, next, "key", w->keys.key, weir_alg_key_len((weir_alg)suite->alg)) &&
         expand(hash, next, "iv", w->keys.iv, WEIR_IV_LEN);
    if (!ok)
        FAULT(w, "the keys after KeyUpdate could not be derived");
    w->keys.at.seq = 0;
    name_key(w);
}

/* ---- records ---- */

static bool explicit_nonces(const struct wire *w)
{
    return w->keys.version == WEIR_TLS12 &&
           weir_suite_find(w->keys.suite)->alg != WEIR_CHACHA20_POLY1305;
}

static void make_nonce(const struct wire *w, const struct sealed *r, uint64_t seq, uint8_t *nonce)
{
    memcpy(nonce, w->keys.iv, WEIR_IV_LEN);
    if (explicit_nonces(w)) {
        memcpy(nonce + 4, r->body, 8);
    } else {
        for (size_t i = 0; i < 8; i++)
            nonce[11 - i] ^= (uint8_t)(seq >> (8 * i));
    }
}

/* Opens a record as number `seq`; its plaintext, padding included, goes to `plain`. */
static bool open_as(struct wire *w, const struct sealed *r, uint64_t seq, size_t *len)
{
    uint8_t aad[13], nonce[WEIR_IV_LEN];
    size_t skip = explicit_nonces(w) ? 8 : 0;
    struct crypto_message m = {.alg = (weir_alg)weir_suite_find(w->keys.suite)->alg,
                               .key = w->keys.key,
                               .nonce = nonce,
                               .aad = aad};

    if (r->len < skip + WEIR_TAG_LEN || r->len > WEIR_MAX_RECORD - WEIR_HEADER_LEN)
        return false;
    *len = r->len - skip - WEIR_TAG_LEN;
    make_nonce(w, r, seq, nonce);
    if (w->keys.version == WEIR_TLS13) {
        memcpy(aad, r->header, WEIR_HEADER_LEN);
        m.aad_len = WEIR_HEADER_LEN;
    } else {
        for (size_t i = 0; i < 8; i++)
            aad[7 - i] = (uint8_t)(seq >> (8 * i));
        memcpy(aad + 8, r->header, 3);
        aad[11] = (uint8_t)(*len >> 8);
        aad[12] = (uint8_t)*len;
        m.aad_len = 13;
    }
    return crypto_open(&m, r->body + skip, r->len - skip, w->plain);
}

static void note_use(struct wire *w, const struct sealed *r, uint64_t seq)
{
    if (w->use_count == w->use_room) {
        w->use_room = w->use_room == 0 ? 1024 : w->use_room * 2;
        w->uses = realloc(w->uses, w->use_room * sizeof *w->uses);
        if (w->uses == NULL)
            abort();
    }
    struct use *use = &w->uses[w->use_count++];
    use->key = (uint32_t)w->report.key_count;
    make_nonce(w, r, seq, use->nonce);
    w->report.records++;
}

/* A record that does not open where it stands: is it out of order? Then it is judged as such. */
static bool open_elsewhere(struct wire *w, const struct sealed *r, size_t *len)
{
    uint64_t seq = w->keys.at.seq;

    if (w->report.fault_count >= WIRE_FAULTS)
        return false; /* the search takes its time */
    for (uint64_t other = seq < 1000 ? 0 : seq - 1000; other < seq + 1000; other++) {
        if (other != seq && open_as(w, r, other, len)) {
            FAULT(w, "record %llu of its key carries sequence number %llu", (unsigned long long)seq,
                  (unsigned long long)other);
            note_use(w, r, other);
            w->keys.at.seq = other + 1;
            return true;
        }
    }
    FAULT(w, "record %llu of its key does not open", (unsigned long long)seq);
    w->keys.at.seq++;
    return false;
}

static bool open_next(struct wire *w, const struct sealed *r, size_t *len)
{
    if (!open_as(w, r, w->keys.at.seq, len))
        return open_elsewhere(w, r, len);
    note_use(w, r, w->keys.at.seq);
    w->keys.at.seq++;
    return true;
}

/* ---- content ---- */

static void judge_key_update(struct wire *w, uint8_t value, bool last)
{
    if (value > 1)
        FAULT(w, "KeyUpdate with the value %u", value);
    /* RFC 8446 section 5.1: "Handshake messages MUST NOT span key changes". */
    if (!last)
        FAULT(w, "KeyUpdate is not at the end of its record");
    w->report.key_updates++;
    w->report.requests += value;
    next_epoch(w);
}

/* Handshake messages of TLS 1.3, in any pieces. */
static void judge_handshake(struct wire *w, const uint8_t *data, size_t len)
{
    while (len > 0) {
        if (w->left > 0) {
            size_t n = w->left < len ? (size_t)w->left : len;
            bool update = w->prefix[0] == 24;
            uint8_t value = data[0];
            w->left -= n;
            data += n;
            len -= n;
            if (update)
                judge_key_update(w, value, len == 0);
            continue;
        }
        w->prefix[w->prefix_len++] = *data++;
        len--;
        if (w->prefix_len < sizeof w->prefix)
            continue;
        w->prefix_len = 0;
        w->left = (uint64_t)w->prefix[1] << 16 | (uint64_t)w->prefix[2] << 8 | w->prefix[3];
        if (w->prefix[0] != 24)
            w->report.other_messages++;
        else if (w->left != 1)
            FAULT(w, "KeyUpdate of %llu bytes", (unsigned long long)w->left);
    }
}

static void judge_alert(struct wire *w, const uint8_t *data, size_t len)
{
    if (len != 2 || data[0] < 1 || data[0] > 2) {
        FAULT(w, "alert of %zu bytes, or of no known level", len);
    } else if (data[1] == 0) {
        w->report.close_notify = true;
    } else if (data[0] == 2) {
        w->report.fatal_alert = data[1];
    } else if (data[1] == NO_RENEGOTIATION) {
        w->report.refusals++;
    } else {
        FAULT(w, "a warning alert of number %u", data[1]);
    }
}

/* RFC 5246 section 7.4.9: weir below OpenSSL has the key from ChangeCipherSpec on, so Finished is
 * its record 0. */
static bool is_finished(const struct wire *w, uint8_t type, const uint8_t *data, size_t len)
{
    return type == WEIR_TYPE_HANDSHAKE && w->keys.version == WEIR_TLS12 && w->keys.at.seq == 1 &&
           len == 16 && data[0] == 20;
}

static void judge_content(struct wire *w, uint8_t type, const uint8_t *data, size_t len)
{
    if (w->report.close_notify || w->report.fatal_alert >= 0)
        FAULT(w, "a record of type %u after the end", type);
    if (type != WEIR_TYPE_HANDSHAKE && (w->left > 0 || w->prefix_len > 0))
        FAULT(w, "a record of type %u inside a handshake message", type);
    if (len > w->limit)
        FAULT(w, "%zu bytes of plaintext in one record", len);
    if (type == WEIR_TYPE_DATA) {
        crypto_digest_add(w->digest, data, len);
        w->report.bytes += len;
        w->report.data_records++;
    } else if (type == WEIR_TYPE_ALERT) {
        judge_alert(w, data, len);
    } else if (type == WEIR_TYPE_HANDSHAKE && w->keys.version == WEIR_TLS13 && len > 0) {
        judge_handshake(w, data, len);
    } else if (is_finished(w, type, data, len)) {
        w->report.other_messages++;
    } else {
        FAULT(w, "a record of type %u with %zu bytes", type, len);
    }
}

/* Takes the padding of TLS 1.3 away. False: there is no content type. */
static bool unpad(struct wire *w, size_t *len, uint8_t *type)
{
    size_t all = *len, n = *len;

    while (n > 0 && w->plain[n - 1] == 0)
        n--;
    if (n == 0) {
        FAULT(w, "a record without a content type");
        return false;
    }
    *type = w->plain[n - 1];
    *len = n - 1;
    if (all - 1 > w->limit)
        FAULT(w, "plaintext and padding of %zu bytes", all - 1);
    if (w->pad > 1 && (all - 1) % w->pad != 0 && all - 1 != w->limit)
        FAULT(w, "plaintext and padding of %zu bytes, no multiple of %zu", all - 1, w->pad);
    if (w->pad <= 1 && all != n)
        FAULT(w, "padding that nobody asked for");
    w->report.padding += all - n;
    if (all - 1 > w->report.longest)
        w->report.longest = all - 1;
    return true;
}

/* The first record that is weir's: all before must agree with what was handed over. */
static void judge_hand_over(struct wire *w)
{
    w->ours = true;
    if (w->judged != w->offset)
        FAULT(w, "the hand-over lies inside a record");
    if (w->keys.at.seq != w->report.records)
        FAULT(w, "handed over at record %llu, but the wire has %llu before it",
              (unsigned long long)w->keys.at.seq, (unsigned long long)w->report.records);
    w->report.library_records = w->report.records;
}

/* A record of the TLS library's. Those under handshake keys, or under none, do not open. */
static void judge_library(struct wire *w, const struct sealed *r)
{
    size_t len;

    if (w->keys.version == WEIR_TLS13 && r->header[0] != WEIR_TYPE_DATA)
        return;
    if (open_as(w, r, w->report.records, &len))
        note_use(w, r, w->report.records);
}

/* A record of weir's. */
static void judge_ours(struct wire *w, const struct sealed *r)
{
    bool tls13 = w->keys.version == WEIR_TLS13;
    uint8_t type = r->header[0];
    size_t len, most = w->limit + WEIR_TAG_LEN + (tls13 ? 1 : 0) + (explicit_nonces(w) ? 8 : 0);

    if (!w->ours) {
        judge_hand_over(w);
        if (explicit_nonces(w) && r->len >= 8) {
            uint64_t first = 0;
            for (size_t i = 0; i < 8; i++)
                first = first << 8 | r->body[i];
            if (first != w->keys.at.explicit_nonce)
                FAULT(w, "the first explicit nonce is not the one handed over");
        }
    }
    if (r->header[1] != 3 || r->header[2] != 3 || (tls13 && type != WEIR_TYPE_DATA))
        FAULT(w, "a header of type %u, version %u.%u", type, r->header[1], r->header[2]);
    if (r->len > most)
        FAULT(w, "%zu bytes behind a header", r->len);
    if (!open_next(w, r, &len))
        return;
    if (tls13 && !unpad(w, &len, &type))
        return;
    if (!tls13 && len > w->report.longest)
        w->report.longest = len;
    judge_content(w, type, w->plain, len);
}

static void judge_all(struct wire *w)
{
    size_t at = 0;

    while (w->len - at >= WEIR_HEADER_LEN) {
        struct sealed r = {.header = w->buf + at, .body = w->buf + at + WEIR_HEADER_LEN};
        r.len = (size_t)r.header[3] << 8 | r.header[4];
        if (w->len - at < WEIR_HEADER_LEN + r.len)
            break;
        if (w->judged < w->offset)
            judge_library(w, &r);
        else
            judge_ours(w, &r);
        at += WEIR_HEADER_LEN + r.len;
        w->judged += WEIR_HEADER_LEN + r.len;
    }
    memmove(w->buf, w->buf + at, w->len - at);
    w->len -= at;
}

void wire_keys(struct wire *w, const struct weir_keys *keys, uint64_t offset, size_t limit)
{
    (void)pthread_mutex_lock(&w->lock);
    if (limit < w->limit)
        w->limit = limit;
    w->keys = *keys;
    w->offset = offset;
    w->have_keys = true;
    name_key(w);
    judge_all(w);
    (void)pthread_mutex_unlock(&w->lock);
}

void wire_sent(struct wire *w, const uint8_t *data, size_t len)
{
    (void)pthread_mutex_lock(&w->lock);
    while (len > 0) {
        size_t n = len < ROOM - w->len ? len : ROOM - w->len;
        if (n == 0) {
            FAULT(w, "a mebibyte was sent before any keys were there");
            break;
        }
        memcpy(w->buf + w->len, data, n);
        w->len += n;
        data += n;
        len -= n;
        if (w->have_keys)
            judge_all(w);
    }
    (void)pthread_mutex_unlock(&w->lock);
}

static int compare_uses(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct use));
}

/* "No (key, nonce) twice", over all that was opened. */
static void judge_nonces(struct wire *w)
{
    if (w->use_count > 0)
        qsort(w->uses, w->use_count, sizeof *w->uses, compare_uses);
    for (size_t i = 1; i < w->use_count; i++) {
        if (compare_uses(&w->uses[i - 1], &w->uses[i]) == 0)
            FAULT(w, "key %u: one nonce used twice", w->uses[i].key);
    }
    size_t names = w->report.key_count < WIRE_KEYS ? w->report.key_count : WIRE_KEYS;
    for (size_t i = 0; i < names; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(w->report.keys[i], w->report.keys[j]) == 0)
                FAULT(w, "keys %zu and %zu are the same", j + 1, i + 1);
}

void wire_end(struct wire *w, bool cut, struct wire_report *report)
{
    (void)pthread_mutex_lock(&w->lock);
    if (w->have_keys && !w->ours)
        judge_hand_over(w);
    if (w->have_keys && !cut && w->len > 0)
        FAULT(w, "the stream ends inside a record");
    judge_nonces(w);
    crypto_digest_end(w->digest, w->report.digest);
    *report = w->report;
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_mutex_destroy(&w->lock);
    free(w->uses);
    weir_keys_wipe(&w->keys);
    free(w);
}
