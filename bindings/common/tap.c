/* SPDX-License-Identifier: BSD-2-Clause */
#include "tap.h"

#include <string.h>

void weir_tap_init(struct weir_tap *tap, const struct weir_once *once, const struct weir_kdf *kdf,
                   bool server)
{
    memset(tap, 0, sizeof *tap);
    tap->once = once;
    tap->kdf = kdf;
    tap->server = server;
}

void weir_tap_wipe(struct weir_tap *tap)
{
    weir_wipe(tap, sizeof *tap);
}

/* Finds max_fragment_length (RFC 6066 section 4) in the extensions from hello[at] on. */
static size_t read_fragment_limit(const struct weir_tap_side *side, size_t at)
{
    const uint8_t *hello = side->hello;

    while (at + 5 <= side->hello_len) {
        size_t len = (size_t)hello[at + 2] << 8 | hello[at + 3];
        uint8_t code = hello[at + 4];

        if (hello[at] == 0 && hello[at + 1] == 1 && len == 1 && code >= 1 && code <= 4)
            return (size_t)256 << code;
        at += 4 + len;
    }
    return 0;
}

/*
 * A ServerHello holds, behind its random, the session id, the suite, the compression method, and
 * the extensions behind their length.
 */
static void read_server_hello(struct weir_tap *tap, const struct weir_tap_side *side)
{
    const size_t id = 2 + WEIR_RANDOM_LEN;

    if (side->hello_len > id) {
        size_t at = id + 1 + side->hello[id];
        if (at + 2 <= side->hello_len)
            tap->suite = (uint16_t)(side->hello[at] << 8 | side->hello[at + 1]);
        tap->fragment_limit = read_fragment_limit(side, at + 2 + 1 + 2);
    }
}

/* Keeps what is needed of the plaintext hellos; of several (HelloRetryRequest) the last stays. */
static void see_hello(struct weir_tap *tap, enum weir_dir dir, const struct weir_span *span)
{
    struct weir_tap_side *side = &tap->side[dir];
    bool from_server = (dir == WEIR_TX) == tap->server;
    uint8_t wanted = from_server ? WEIR_MESSAGE_SERVER_HELLO : WEIR_MESSAGE_CLIENT_HELLO;

    if (span->type != wanted)
        return;
    if (span->begins)
        side->hello_len = 0;
    size_t room = sizeof side->hello - side->hello_len;
    size_t here = span->len < room ? span->len : room;
    if (here > 0)
        memcpy(side->hello + side->hello_len, span->body, here);
    side->hello_len = (uint16_t)(side->hello_len + here);
    if (!span->ends || side->hello_len < 2 + WEIR_RANDOM_LEN)
        return;
    memcpy(from_server ? tap->server_random : tap->client_random, side->hello + 2, WEIR_RANDOM_LEN);
    if (from_server)
        read_server_hello(tap, side);
}

static void see_messages(struct weir_tap *tap, enum weir_dir dir, const uint8_t *data, size_t len)
{
    struct weir_tap_side *side = &tap->side[dir];
    struct weir_span span;

    while (len > 0) {
        size_t n = weir_cursor_next(&side->cursor, data, len, &span);
        data += n;
        len -= n;
        if (!side->protecting)
            see_hello(tap, dir, &span);
        else if (side->finished && span.begins && span.type == WEIR_MESSAGE_KEY_UPDATE)
            side->unaccounted = true; /* what follows is under a key that is not known here */
        else if (span.ends && span.type == WEIR_MESSAGE_FINISHED)
            side->finished = true;
    }
}

/* Makes the keys ready under which the next protected record of TLS 1.3 must be. */
static bool choose_keys(struct weir_tap *tap, struct weir_tap_side *side)
{
    enum weir_tap_secret which = side->finished ? WEIR_TAP_APPLICATION : WEIR_TAP_HANDSHAKE;
    uint8_t len = side->secret_len[which];

    if (len == 0)
        return false;
    if (side->in_use == 1 + (unsigned)which)
        return true;
    if (weir_keys_from_secret(&side->keys, tap->kdf, tap->suite, side->secret[which], len) !=
        WEIR_OK)
        return false;
    side->in_use = (uint8_t)(1 + (unsigned)which);
    return true;
}

/*
 * A protected record of TLS 1.3. One that opens with no key could repeat a nonce if it was ours; of
 * the peer's, a server may legally skip early data it has rejected (RFC 8446 section 4.2.10).
 */
static void see_protected(struct weir_tap *tap, enum weir_dir dir)
{
    struct weir_tap_side *side = &tap->side[dir];
    struct weir_record content;

    side->protecting = true;
    if (choose_keys(tap, side) &&
        weir_once_open(tap->once, &side->keys, side->record, side->have, &content) == WEIR_OK) {
        if (content.type == WEIR_TYPE_HANDSHAKE)
            see_messages(tap, dir, content.data, content.len);
    } else if (dir == WEIR_TX || side->finished) {
        side->unaccounted = true;
    }
    weir_wipe(side->record, side->have);
}

static bool is_tls13(const struct weir_tap *tap)
{
    return tap->side[WEIR_TX].secret_len[WEIR_TAP_HANDSHAKE] > 0 ||
           tap->side[WEIR_RX].secret_len[WEIR_TAP_HANDSHAKE] > 0;
}

static void see_record(struct weir_tap *tap, enum weir_dir dir)
{
    struct weir_tap_side *side = &tap->side[dir];
    uint8_t type = side->record[0];

    if (side->changed)
        side->counted++;
    if (type == WEIR_TYPE_CHANGE_CIPHER_SPEC)
        side->changed = true;
    else if (type == WEIR_TYPE_HANDSHAKE && !side->changed)
        see_messages(tap, dir, side->record + WEIR_HEADER_LEN, side->have - WEIR_HEADER_LEN);
    else if (type == WEIR_TYPE_DATA && is_tls13(tap))
        see_protected(tap, dir);
}

/* Bytes of the record under way, as far as its header tells. */
static size_t record_len(const struct weir_tap_side *side)
{
    if (side->have < WEIR_HEADER_LEN)
        return WEIR_HEADER_LEN;
    size_t len = WEIR_HEADER_LEN + weir_body_len(side->record);
    bool possible = side->record[0] >= WEIR_TYPE_CHANGE_CIPHER_SPEC &&
                    side->record[0] <= WEIR_TYPE_DATA && side->record[1] == 3 &&
                    len <= WEIR_MAX_RECORD;
    return possible ? len : WEIR_HEADER_LEN;
}

size_t weir_tap_see(struct weir_tap *tap, enum weir_dir dir, const uint8_t *data, size_t len)
{
    struct weir_tap_side *side = &tap->side[dir];
    size_t taken = 0;

    if (len > 0 && side->whole) {
        side->have = 0;
        side->whole = false;
    }
    while (taken < len && !side->whole) {
        size_t want = record_len(side) - side->have;
        size_t here = len - taken < want ? len - taken : want;
        memcpy(side->record + side->have, data + taken, here);
        side->have += here;
        taken += here;
        side->whole = side->have >= WEIR_HEADER_LEN && side->have == record_len(side);
    }
    if (taken > 0 && side->whole)
        see_record(tap, dir);
    return taken;
}

bool weir_tap_at_boundary(const struct weir_tap *tap, enum weir_dir dir)
{
    const struct weir_tap_side *side = &tap->side[dir];

    return side->whole || side->have == 0;
}

void weir_tap_secret(struct weir_tap *tap, enum weir_dir dir, enum weir_tap_secret which,
                     const uint8_t *secret, size_t len)
{
    struct weir_tap_side *side = &tap->side[dir];

    if (len > WEIR_MAX_SECRET)
        return;
    memcpy(side->secret[which], secret, len);
    side->secret_len[which] = (uint8_t)len;
}

static weir_status refuse(struct weir_keys *keys, struct weir_refusal *why, weir_refusal_code code,
                          uint32_t detail)
{
    weir_keys_wipe(keys);
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BINDING, .detail = detail};
    return WEIR_REFUSED;
}

weir_status weir_tap_take13(struct weir_tap *tap, enum weir_dir dir, struct weir_keys *keys,
                            struct weir_refusal *why)
{
    struct weir_tap_side *side = &tap->side[dir];

    if (side->secret_len[WEIR_TAP_APPLICATION] == 0 || side->secret_len[WEIR_TAP_HANDSHAKE] == 0)
        return refuse(keys, why, WEIR_REFUSAL_NO_EXPORT, (uint32_t)dir);
    if (side->unaccounted || !side->finished || !weir_tap_at_boundary(tap, dir) ||
        !choose_keys(tap, side))
        return refuse(keys, why, WEIR_REFUSAL_NOT_PROVEN, (uint32_t)dir);
    *keys = side->keys;
    return WEIR_OK;
}

static uint64_t explicit_nonce(const uint8_t *record)
{
    uint64_t nonce = 0;

    for (unsigned i = 0; i < 8; i++)
        nonce = nonce << 8 | record[WEIR_HEADER_LEN + i];
    return nonce;
}

weir_status weir_tap_take12(struct weir_tap *tap, enum weir_dir dir, weir_nonce_rule rule,
                            struct weir_keys *keys, struct weir_refusal *why)
{
    struct weir_tap_side *side = &tap->side[dir];
    const struct weir_suite *suite = weir_suite_find(keys->suite);
    struct weir_record content;

    if (suite == NULL || side->counted == 0 || !side->whole ||
        side->have < WEIR_HEADER_LEN + 8 + WEIR_TAG_LEN)
        return refuse(keys, why, WEIR_REFUSAL_NOT_PROVEN, (uint32_t)dir);

    bool implicit = suite->alg == WEIR_CHACHA20_POLY1305;
    uint64_t last = implicit ? 0 : explicit_nonce(side->record);
    if (!implicit && rule == WEIR_NONCE_SEQ && last != side->counted - 1)
        return refuse(keys, why, WEIR_REFUSAL_NONCE_RULE, (uint32_t)rule);

    keys->at = (struct weir_position){
        .seq = side->counted - 1,
        .nonce_rule = (uint8_t)(implicit ? WEIR_NONCE_IMPLICIT : WEIR_NONCE_RANDOM),
    };
    if (weir_once_open(tap->once, keys, side->record, side->have, &content) != WEIR_OK)
        return refuse(keys, why, WEIR_REFUSAL_NOT_PROVEN, (uint32_t)dir);
    weir_wipe(side->record, side->have);
    side->have = 0;
    if (!implicit) {
        keys->at.nonce_rule = (uint8_t)rule;
        keys->at.explicit_nonce = dir == WEIR_TX ? last + 1 : 0;
    }
    return WEIR_OK;
}
