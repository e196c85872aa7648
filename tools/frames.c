/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frames of a stream: taking them apart as bytes arrive, making those that are measured, and
 * the account of what carried them.
 */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

/* Payload of a full DATA frame: header and payload together fill whole records. */
enum { BLOCK = 16 * 16384 };

static void put_header(uint8_t *at, enum frame_kind kind, size_t len)
{
    const uint8_t header[FRAME_HEADER] = {
        (uint8_t)kind,       0,           0, 0, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
        (uint8_t)(len >> 8), (uint8_t)len};
    memcpy(at, header, sizeof header);
}

static bool take_header(struct stream *s, struct fault *fault)
{
    const uint8_t *h = s->head;
    uint32_t len = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
    s->kind = (enum frame_kind)h[0];
    s->left = len;
    bool known = h[0] >= FRAME_HELLO && h[0] <= FRAME_RESULT && h[1] == 0 && h[2] == 0 && h[3] == 0;
    if (!known || (s->kind != FRAME_DATA && len > MESSAGE_MAX)) {
        FAULT(fault, "the peer does not speak the language of weir perf");
        return false;
    }
    if (s->kind == FRAME_DATA && (!s->got.wanted || s->got.done)) {
        FAULT(fault, "the peer sent data that the test does not have");
        return false;
    }
    if (s->kind != FRAME_DATA && s->text == NULL) {
        s->text = malloc(MESSAGE_MAX);
        if (s->text == NULL) {
            FAULT(fault, "out of memory");
            return false;
        }
    }
    s->text_len = 0;
    return true;
}

/* DONE: the other end's account of what it sent, against ours of what came. */
static bool take_done(struct stream *s, const json_t *body, struct fault *fault)
{
    if (!s->got.wanted || s->got.done) {
        FAULT(fault, "the peer ended a direction that the test does not have");
        return false;
    }
    s->got.done = true;
    s->got.ended = stream_now(s);
    s->got.path = path_json(s, WEIR_RX);
    s->got.totals = json_deep_copy(body);
    json_int_t claimed = json_integer_value(json_object_get(body, "bytes"));
    bool same = claimed >= 0 && (uint64_t)claimed == s->got.bytes;
    if (s->got.digest != NULL) {
        (void)snprintf(s->got.sha256, sizeof s->got.sha256, "%s", digest_end(s->got.digest).hex);
        const char *theirs = json_string_value(json_object_get(body, "sha256"));
        same = same && theirs != NULL && strcmp(theirs, s->got.sha256) == 0;
    }
    json_t *result =
        json_pack("{s:I, s:f, s:b, s:O*}", "bytes", (json_int_t)s->got.bytes, "seconds",
                  s->got.ended - s->got.began, "intact", same ? 1 : 0, "path", s->got.path);
    if (s->got.digest != NULL) {
        (void)json_object_set_new(result, "sha256", json_string(s->got.sha256));
    }
    stream_say(s, FRAME_RESULT, result);
    s->got.reported = true;
    if (!same) {
        FAULT(fault, "what arrived is not what was sent");
    }
    return same;
}

/* RESULT: what arrived of that which we sent. */
static bool take_result(struct stream *s, const json_t *body, struct fault *fault)
{
    if (!s->sent.done || s->sent.reported) {
        FAULT(fault, "the peer reported on data that it has not got");
        return false;
    }
    s->sent.reported = true;
    s->sent.totals = json_deep_copy(body);
    const char *theirs = json_string_value(json_object_get(body, "sha256"));
    bool same = json_is_true(json_object_get(body, "intact")) &&
                json_integer_value(json_object_get(body, "bytes")) == (json_int_t)s->sent.bytes &&
                (!s->verify || (theirs != NULL && strcmp(theirs, s->sent.sha256) == 0));
    if (!same) {
        FAULT(fault, "what arrived is not what was sent");
    }
    return same;
}

bool frames_hear(struct stream *s, struct fault *fault)
{
    json_error_t error;
    json_t *body = json_loadb(s->text, s->text_len, 0, &error);
    if (!json_is_object(body)) {
        json_decref(body);
        FAULT(fault, "the peer does not speak the language of weir perf");
        return false;
    }
    bool ok = true;
    if (s->kind == FRAME_DONE) {
        ok = take_done(s, body, fault);
    } else if (s->kind == FRAME_RESULT) {
        ok = take_result(s, body, fault);
    }
    ok = ok && s->owner->message(s, s->kind, body, fault);
    json_decref(body);
    return ok;
}

static void take_data(struct stream *s, const uint8_t *data, size_t len)
{
    if (s->got.bytes == 0) {
        s->got.began = stream_now(s);
    }
    s->got.bytes += len;
    if (s->got.digest != NULL) {
        digest_add(s->got.digest, data, len);
    }
}

/* Takes apart what has been read, up to the end of a message. */
static enum news_kind take(struct stream *s, struct fault *fault)
{
    while (s->view_len > 0) {
        if (s->head_len < FRAME_HEADER) {
            size_t n = FRAME_HEADER - s->head_len;
            n = n < s->view_len ? n : s->view_len;
            memcpy(s->head + s->head_len, s->view, n);
            s->head_len += n;
            s->view += n;
            s->view_len -= n;
            if (s->head_len < FRAME_HEADER) {
                break;
            }
            if (!take_header(s, fault)) {
                return NEWS_FAULT;
            }
        }
        size_t n = s->left < s->view_len ? s->left : s->view_len;
        if (s->kind == FRAME_DATA) {
            take_data(s, s->view, n);
        } else {
            memcpy(s->text + s->text_len, s->view, n);
            s->text_len += n;
        }
        s->view += n;
        s->view_len -= n;
        s->left -= n;
        if (s->left == 0) {
            s->head_len = 0;
            if (s->kind != FRAME_DATA) {
                return NEWS_MESSAGE;
            }
        }
    }
    return NEWS_NOTHING;
}

void frames_read(struct stream *s, struct news *news)
{
    for (size_t moved = 0; moved < TURN;) {
        if (s->view_len == 0) {
            news->status = weir_conn_read_view(s->conn, &s->view, &s->view_len);
            if (news->status != WEIR_OK) {
                news->what = news->status == WEIR_NEED_INPUT ? NEWS_NOTHING : NEWS_END;
                return;
            }
            s->last_progress = moved == 0 ? stream_now(s) : s->last_progress;
        }
        moved += s->view_len;
        news->what = take(s, &news->fault);
        if (news->what != NEWS_NOTHING) {
            return;
        }
    }
    news->what = NEWS_TURN;
}

/* A number of its own for each direction of each stream, so that a digest notices what came another
 * way. */
static uint64_t seed_of(const struct stream *s)
{
    return 0x9e3779b97f4a7c15u * (1 + 2 * (uint64_t)s->id + s->server);
}

/* Bytes without a pattern, the same in every run (xorshift64). */
static void fill_payload(uint8_t *at, size_t len, uint64_t seed)
{
    uint64_t x = seed;
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        at[i] = (uint8_t)(x >> 32);
    }
}

void frames_fill(struct stream *s, uint64_t most)
{
    size_t len = BLOCK - FRAME_HEADER;
    len = most < len ? (size_t)most : len;
    if (s->block == NULL) {
        s->block = malloc(BLOCK + 1); /* one more: what is lent to be sealed needs it */
        if (s->block == NULL) {
            s->block_len = s->block_at = 0;
            return;
        }
        fill_payload(s->block + FRAME_HEADER, BLOCK - FRAME_HEADER, seed_of(s));
    }
    put_header(s->block, FRAME_DATA, len);
    /* A number in each block, so that a digest notices one lost, repeated or out of order. */
    uint8_t number[8];
    uint64_t value = s->blocks++ ^ seed_of(s);
    for (int i = 0; i < 8; i++) {
        number[i] = (uint8_t)(value >> (8 * i));
    }
    memcpy(s->block + FRAME_HEADER, number, len < sizeof number ? len : sizeof number);
    s->block_len = FRAME_HEADER + len;
    s->block_at = 0;
    if (s->sent.digest != NULL) {
        digest_add(s->sent.digest, s->block + FRAME_HEADER, len);
    }
}

void stream_say(struct stream *s, enum frame_kind kind, json_t *body)
{
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    size_t len = text == NULL ? 0 : strlen(text);
    uint8_t *queue = realloc(s->queue, s->queue_len + FRAME_HEADER + len + 1); /* see put() */
    if (text == NULL || queue == NULL || len > MESSAGE_MAX) {
        free(text);
        s->queue = queue == NULL ? s->queue : queue;
        struct fault fault;
        FAULT(&fault, "out of memory");
        stream_end(s, &fault);
        return;
    }
    s->queue = queue;
    put_header(queue + s->queue_len, kind, len);
    memcpy(queue + s->queue_len + FRAME_HEADER, text, len);
    s->queue_len += FRAME_HEADER + len;
    free(text);
}

static json_t *refusals_json(const struct stream *s, const struct weir_conn_path *path)
{
    json_t *list = json_array();
    for (size_t i = 0; i < path->refusal_count; i++) {
        (void)json_array_append_new(
            list, refusal_json(&s->world->candidates->names[i], &path->refusals[i]));
    }
    return list;
}

json_t *path_json(const struct stream *s, enum weir_dir dir)
{
    if (!s->open) {
        return NULL;
    }
    /* A kernel tells how many records it made only when it is asked; not to know is no fault. */
    (void)(weir_conn_query(s->conn, dir) == WEIR_OK);
    struct weir_conn_path path = weir_conn_path(s->conn, dir);
    const struct candidate *carrier = candidate_of(s->world->candidates, path.backend);
    struct weir_counters counters = dir == WEIR_TX ? weir_tx_counters(weir_conn_tx(s->conn))
                                                   : weir_rx_counters(weir_conn_rx(s->conn));
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "backend",
                  path.backend->name, "carrier", carrier_name(path.carrier), "tls",
                  tls_version_name(s->version), "cipher", weir_suite_name(s->suite), "tls_library",
                  s->world->library->name, "records", (json_int_t)counters.records, "bytes",
                  (json_int_t)counters.bytes, "wire_bytes", (json_int_t)counters.wire_bytes,
                  "key_updates", (json_int_t)counters.rekeys, "refused", refusals_json(s, &path));
    if (carrier != NULL && carrier->provider != NULL) {
        (void)json_object_set_new(json, "aead", json_string(carrier->provider));
    }
    return json;
}
