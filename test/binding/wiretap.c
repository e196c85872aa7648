/* SPDX-License-Identifier: BSD-2-Clause */
#include "wiretap.h"

#include "once.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

void wiretap_see(struct wiretap *t, bool from_server, const uint8_t *data, size_t len)
{
    bytes_add(&t->side[from_server].stream, data, len);
}

void wiretap_free(struct wiretap *t)
{
    for (size_t i = 0; i < 2; i++) {
        bytes_free(&t->side[i].stream);
        free(t->side[i].used);
        t->side[i].used = NULL;
    }
}

/* The nonce `keys` stands at, computed here and not taken from weir. */
static void nonce_of(const struct weir_keys *keys, const uint8_t *record, uint8_t *nonce)
{
    const struct weir_suite *suite = weir_suite_find(keys->suite);

    memcpy(nonce, keys->iv, WEIR_IV_LEN);
    if (suite->version == WEIR_TLS12 && suite->alg != WEIR_CHACHA20_POLY1305) {
        memcpy(nonce + 4, record + WEIR_HEADER_LEN, 8);
        return;
    }
    for (unsigned i = 0; i < 8; i++)
        nonce[4 + i] ^= (uint8_t)(keys->at.seq >> (56 - 8 * i));
}

static void note_use(struct wiretap_side *side, const struct weir_keys *keys, const uint8_t *record)
{
    struct used use;

    memcpy(use.key, keys->key, sizeof use.key);
    nonce_of(keys, record, use.nonce);
    for (size_t i = 0; i < side->used_count; i++)
        cr_assert(memcmp(&side->used[i], &use, sizeof use) != 0, "a nonce was used twice");
    side->used = realloc(side->used, (side->used_count + 1) * sizeof use);
    cr_assert_not_null(side->used);
    side->used[side->used_count++] = use;
}

static bool opens(const struct weir_once *once, struct wiretap_side *side,
                  const struct weir_keys *keys, const uint8_t *record, size_t len)
{
    struct weir_keys after = *keys;
    struct weir_record content;
    uint8_t *copy = malloc(len);

    cr_assert_not_null(copy);
    memcpy(copy, record, len);
    bool good = keys->version != 0 && weir_once_open(once, &after, copy, len, &content) == WEIR_OK;
    if (good) {
        note_use(side, keys, record);
        side->by_type[content.type]++;
        side->keys = after;
    }
    free(copy);
    return good;
}

static void judge_protected(struct wiretap *t, const struct weir_once *once,
                            struct wiretap_side *side, const uint8_t *record, size_t len)
{
    struct weir_keys next = side->keys;

    if (opens(once, side, &side->keys, record, len)) {
        side->application += side->then.version == 0 && side->keys.at.epoch == 0;
        return;
    }
    if (side->then.version != 0 && opens(once, side, &side->then, record, len)) {
        side->then.version = 0;
        side->application++;
        return;
    }
    if (next.version == WEIR_TLS13 && weir_keys_update(&next, t->kdf) == WEIR_OK &&
        opens(once, side, &next, record, len))
        return;
    cr_assert(t->lenient, "a record on the wire is not under the key and number it should have");
    t->unreadable++;
}

static void judge_side(struct wiretap *t, const struct weir_once *once, struct wiretap_side *side)
{
    const uint8_t *p = side->stream.data;
    size_t left = side->stream.len;
    bool changed = false;

    while (left > 0) {
        cr_assert_geq(left, WEIR_HEADER_LEN, "half a record at the end of the stream");
        size_t len = WEIR_HEADER_LEN + ((size_t)p[3] << 8 | p[4]);
        cr_assert_leq(len, left, "half a record at the end of the stream");
        bool protected = side->keys.version == WEIR_TLS12 ? changed : p[0] == WEIR_TYPE_DATA;
        if (protected)
            judge_protected(t, once, side, p, len);
        else if (p[0] == WEIR_TYPE_CHANGE_CIPHER_SPEC)
            changed = true;
        else
            side->plain_records++;
        p += len;
        left -= len;
    }
}

void wiretap_judge(struct wiretap *t)
{
    struct weir_once once;
    struct weir_refusal why;

    cr_assert_eq(weir_soft_init(&once.soft, t->aead, &why), WEIR_OK);
    once.ctx = aligned_alloc(64, (once.soft.backend.ctx_size + 63) / 64 * 64);
    cr_assert_not_null(once.ctx);
    judge_side(t, &once, &t->side[0]);
    judge_side(t, &once, &t->side[1]);
    free(once.ctx);
}
