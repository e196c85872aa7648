/* SPDX-License-Identifier: BSD-2-Clause */
#include "talk.h"

#include "crypto.h"
#include "pattern.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK  ((size_t)256 * 1024)
#define ROUNDS 16 /* views read before writing has its turn */

struct talk {
    struct way *way;
    int fd;
    const struct options *options;
    struct outcome *outcome;
    struct pattern pattern;
    struct crypto_digest *sent, *received, *written;

    char head[256]; /* the HTTP header we send first */
    size_t head_len, head_done;
    unsigned crlf;     /* how much of the blank line behind the peer's header was seen: 0 to 4 */
    bool head_is_over; /* what comes now is the body */

    uint8_t block[BLOCK];
    size_t block_len, block_done;
    uint64_t made;        /* bytes of the pattern made so far */
    uint64_t next_update; /* KeyUpdate before this byte; 0: never */
    bool read_over, write_over;
};

static void note(struct talk *t, weir_status status)
{
    if (status < WEIR_OK && t->outcome->explain[0] == '\0')
        (void)snprintf(t->outcome->explain, sizeof t->outcome->explain, "%s",
                       t->way->explain(t->way, status));
}

static void wait_for(const struct talk *t)
{
    struct pollfd fd = {.fd = t->fd, .events = t->way->events(t->way)};

    if (poll(&fd, 1, 1000) < 0)
        perror("peer: poll");
}

static bool shake(struct talk *t)
{
    weir_status status;

    while ((status = t->way->handshake(t->way)) == WEIR_NEED_INPUT || status == WEIR_NEED_OUTPUT)
        wait_for(t);
    t->outcome->handshake = status;
    note(t, status);
    if (status == WEIR_REFUSED)
        (void)snprintf(t->outcome->explain, sizeof t->outcome->explain, "refused: %s",
                       t->way->explain(t->way, status));
    return status == WEIR_OK;
}

/* ---- receiving ---- */

/* Skips the peer's HTTP header; answers how many bytes of it there were. */
static size_t skip_head(struct talk *t, const uint8_t *data, size_t len)
{
    size_t i = 0;

    while (i < len && !t->head_is_over) {
        bool fits = data[i] == (t->crlf % 2 == 0 ? '\r' : '\n');
        t->crlf = fits ? t->crlf + 1 : (data[i] == '\r' ? 1 : 0);
        t->head_is_over = t->crlf == 4;
        i++;
    }
    return i;
}

static void take(struct talk *t, const uint8_t *data, size_t len)
{
    size_t skip = t->options->http ? skip_head(t, data, len) : 0;

    crypto_digest_add(t->received, data + skip, len - skip);
    bool before = t->outcome->received < t->options->mark;
    t->outcome->received += len - skip;
    if (before && t->outcome->received >= t->options->mark) {
        printf("MARK\n");
        (void)fflush(stdout);
    }
}

/* Answers whether anything came. */
static bool read_some(struct talk *t)
{
    bool moved = false;

    for (int i = 0; i < ROUNDS && !t->read_over; i++) {
        const uint8_t *data;
        size_t len;
        weir_status status = t->way->read(t->way, &data, &len);
        if (status == WEIR_NEED_INPUT)
            break;
        moved = true;
        if (status == WEIR_OK) {
            take(t, data, len);
            continue;
        }
        t->outcome->read = status;
        t->read_over = true;
        note(t, status);
    }
    return moved;
}

/* ---- sending ---- */

static void refill(struct talk *t)
{
    uint64_t left = t->options->send - t->made;
    size_t len = left < BLOCK ? (size_t)left : BLOCK;

    pattern_fill(&t->pattern, t->block, len);
    crypto_digest_add(t->sent, t->block, len);
    if (t->head_len > 0)
        crypto_digest_add(t->written, t->block, len);
    t->made += len;
    t->block_len = len;
    t->block_done = 0;
}

/* A KeyUpdate when its place in the stream is reached. */
static void update_if_due(struct talk *t)
{
    if (t->next_update == 0 || t->outcome->sent != t->next_update)
        return;
    weir_status status = t->way->update(t->way, t->options->request_update);
    t->outcome->updates++;
    t->next_update += t->options->update_every;
    if (status == WEIR_REFUSED)
        (void)snprintf(t->outcome->explain, sizeof t->outcome->explain, "KeyUpdate refused: %s",
                       t->way->explain(t->way, status));
    note(t, status);
}

static size_t piece(const struct talk *t)
{
    size_t len = t->block_len - t->block_done;
    uint64_t until = t->next_update == 0 ? UINT64_MAX : t->next_update - t->outcome->sent;

    return len < until ? len : (size_t)until;
}

static bool all_sent(const struct talk *t)
{
    return t->head_done == t->head_len && t->outcome->sent == t->options->send;
}

/* One write of the header or the pattern. */
static weir_status write_once(struct talk *t, size_t *put)
{
    weir_status status;

    *put = 0;
    if (t->head_done < t->head_len) {
        status = t->way->write(t->way, t->head + t->head_done, t->head_len - t->head_done, put);
        t->head_done += *put;
        return status;
    }
    if (t->block_done == t->block_len)
        refill(t);
    update_if_due(t);
    status = t->way->write(t->way, t->block + t->block_done, piece(t), put);
    t->block_done += *put;
    t->outcome->sent += *put;
    return status;
}

static bool may_write(const struct talk *t)
{
    bool asked = !t->options->http || !t->options->server || t->head_is_over;
    return asked && !t->write_over && !all_sent(t);
}

/* Answers whether anything went. */
static bool write_some(struct talk *t)
{
    size_t put = 0;

    if (!may_write(t)) {
        if (!t->write_over && t->way->flush(t->way) < WEIR_OK)
            t->write_over = true;
        return false;
    }
    weir_status status = write_once(t, &put);
    if (status < WEIR_OK) {
        t->outcome->write = status;
        t->write_over = true;
        note(t, status);
    }
    return put > 0;
}

/* ---- the end ---- */

static bool all_received(const struct talk *t)
{
    return t->outcome->received >= t->options->receive;
}

static bool close_is_due(const struct talk *t)
{
    if (t->write_over || t->options->ending == END_ABRUPT)
        return false;
    if (t->read_over && t->outcome->read < WEIR_OK)
        return true; /* its alert must go out */
    if (!all_sent(t) || (t->options->http && !t->head_is_over))
        return false;
    return t->options->ending == END_THEIRS ? t->read_over : all_received(t);
}

static void close_if_due(struct talk *t)
{
    if (!close_is_due(t))
        return;
    weir_status status = t->way->close(t->way);
    if (status == WEIR_NEED_OUTPUT)
        return;
    t->write_over = true;
    t->outcome->write = status;
    note(t, status);
}

static bool over(struct talk *t)
{
    if (t->options->ending == END_ABRUPT && all_sent(t) && all_received(t))
        return t->way->flush(t->way) != WEIR_NEED_OUTPUT;
    return t->read_over && t->write_over;
}

static void make_head(struct talk *t)
{
    const struct options *o = t->options;

    if (!o->http)
        return;
    int n = o->server ? snprintf(t->head, sizeof t->head,
                                 "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n"
                                 "Connection: close\r\n\r\n",
                                 (unsigned long long)o->send)
                      : snprintf(t->head, sizeof t->head, "GET /data HTTP/1.0\r\n\r\n");
    t->head_len = (size_t)n;
    crypto_digest_add(t->written, t->head, t->head_len);
}

static void report(struct talk *t)
{
    struct outcome *out = t->outcome;

    crypto_digest_end(t->received, out->received_digest);
    crypto_digest_end(t->sent, out->sent_digest);
    crypto_digest_end(t->written, out->written_digest);
    if (t->head_len == 0)
        memcpy(out->written_digest, out->sent_digest, sizeof out->sent_digest);
    if (out->handshake != WEIR_OK)
        return;
    t->way->report(t->way, out);
}

void talk(struct way *way, int fd, const struct options *o, struct outcome *outcome)
{
    struct talk *t = calloc(1, sizeof *t);

    if (t == NULL)
        die("out of memory");
    *outcome = (struct outcome){
        .peer_alert = WEIR_ALERT_NONE, .backend = "none", .rx_backend = "none", .rx_refusal = ""};
    t->way = way;
    t->fd = fd;
    t->options = o;
    t->outcome = outcome;
    t->pattern = (struct pattern){.state = o->seed, .text = o->text};
    t->sent = crypto_digest_new();
    t->received = crypto_digest_new();
    t->written = crypto_digest_new();
    t->next_update = o->update_every;
    make_head(t);
    if (shake(t)) {
        while (!over(t)) {
            bool moved = read_some(t);
            moved = write_some(t) || moved;
            close_if_due(t);
            if (!moved && !over(t))
                wait_for(t);
        }
    } else {
        (void)t->way->close(t->way);
    }
    report(t);
    free(t);
}
