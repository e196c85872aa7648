/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two ends over a socket pair, each of which sends in one thread and receives in another, as
 * docs/threads.md says. Both move data at once, change keys on the way and ask the other to, and
 * close. Every byte is compared; ThreadSanitizer looks on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/portable.h>
#include <weir/soft.h>
#include <weir/weir.h>

#define TEST_NAME "two directions"
#include "threads.h"

#define RECORDS  8u
#define ROOM     (RECORDS * (WEIR_MAX_PLAINTEXT + 64u))
#define UPDATES  20u /* of each end's own, spread over all it sends */
#define PATIENCE 20000

struct end {
    const char *name;
    int fd;
    size_t to_send;
    pthread_mutex_t sending, receiving; /* who takes both takes them in this order */
    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
    void *memory[2];
    unsigned opened_slowly; /* calls of weir_session_opened */
    unsigned updates_heard; /* KeyUpdates of the peer's */
};

static struct weir_soft soft;

static void wait_for(const struct end *e, short events)
{
    struct pollfd wait = {.fd = e->fd, .events = events};

    check(poll(&wait, 1, PATIENCE) > 0 || errno == EINTR, "the socket does not move");
}

/* ---- sending ---- */

static void lock_both(struct end *e)
{
    pthread_mutex_lock(&e->sending);
    pthread_mutex_lock(&e->receiving);
}

static void unlock_both(struct end *e)
{
    pthread_mutex_unlock(&e->receiving);
    pthread_mutex_unlock(&e->sending);
}

/* Sends what has been sealed. No lock is held meanwhile: only this thread sends. */
static void send_all(const struct end *e, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(e->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            check(errno == EAGAIN || errno == EINTR, "send");
            wait_for(e, POLLOUT);
            continue;
        }
        data += n;
        len -= (size_t)n;
    }
}

/* Seals some of the text by the direction alone when it can, else through the session. */
static weir_status seal(struct end *e, const struct weir_iov *text, uint8_t *out, size_t *taken,
                        size_t *made)
{
    pthread_mutex_lock(&e->sending);
    bool alone = !weir_session_wants_flush(&e->session) && !weir_session_send_ended(&e->session) &&
                 weir_session_status(&e->session) >= WEIR_OK && weir_tx_status(&e->tx) == WEIR_OK;
    weir_status status = WEIR_OK;
    if (alone) {
        status = weir_tx_seal(&e->tx, WEIR_TYPE_DATA, text, 1, out, ROOM, taken, made);
        check(status >= WEIR_OK, "sealing");
    } else {
        pthread_mutex_lock(&e->receiving);
        status = weir_session_send(&e->session, text, 1, out, ROOM, taken, made);
        pthread_mutex_unlock(&e->receiving);
    }
    pthread_mutex_unlock(&e->sending);
    return status;
}

static void *send_thread(void *arg)
{
    struct end *e = arg;
    uint8_t *out = malloc(ROOM), *text = malloc(3 * WEIR_MAX_PLAINTEXT);
    size_t made = 0, taken = 0, next_update = e->to_send / (UPDATES + 1);
    struct weir_refusal why;

    check(out != NULL && text != NULL, "memory");
    for (size_t at = 0, turn = 0; at < e->to_send; turn++) {
        size_t len = 1 + (turn * 7919) % (3 * WEIR_MAX_PLAINTEXT);
        len = len < e->to_send - at ? len : e->to_send - at;
        for (size_t i = 0; i < len; i++)
            text[i] = pattern(at + i);
        const struct weir_iov piece = {text, len};
        check(seal(e, &piece, out, &taken, &made) >= WEIR_OK, "sending");
        send_all(e, out, made);
        at += taken;
        if (at >= next_update) {
            next_update += e->to_send / (UPDATES + 1);
            lock_both(e);
            check(weir_session_key_update(&e->session, turn % 2 == 0, &why) == WEIR_OK,
                  "a KeyUpdate");
            unlock_both(e);
        }
    }
    lock_both(e);
    check(weir_session_close(&e->session) == WEIR_OK &&
              weir_session_flush(&e->session, out, ROOM, &made) == WEIR_OK,
          "closing");
    unlock_both(e);
    send_all(e, out, made);
    free(out);
    free(text);
    return NULL;
}

/* ---- receiving ---- */

/* What came; a buffer that is never full, since a whole record can be opened. */
struct inward {
    uint8_t *buf;
    size_t len, at;              /* bytes there; bytes of data so far */
    bool data_before, unsettled; /* the session saw something else than data last */
};

static bool plain(weir_status status, const struct end *e, const struct weir_record *r, size_t n)
{
    bool only_data =
        (status == WEIR_OK || status == WEIR_NEED_INPUT) && weir_rx_status(&e->rx) == WEIR_OK;
    for (size_t i = 0; i < n; i++)
        only_data = only_data && r[i].type == WEIR_TYPE_DATA && r[i].len > 0;
    return only_data;
}

/* Opens some records, and compares what they hold. */
static weir_status open_some(struct end *e, struct inward *in)
{
    struct weir_record r[RECORDS];
    size_t used = 0, count = 0, kept = 0;

    pthread_mutex_lock(&e->receiving);
    uint32_t epoch = weir_rx_position(&e->rx).epoch;
    weir_status status = weir_rx_open(&e->rx, in->buf, in->len, &used, r, RECORDS, &count);
    bool alone = plain(status, e, r, count) && !(in->unsettled && count > 0);
    pthread_mutex_unlock(&e->receiving);
    bool data_last = count > 0 && r[count - 1].type == WEIR_TYPE_DATA;
    kept = count;
    if (alone) {
        in->data_before = in->data_before || count > 0;
    } else {
        lock_both(e);
        status = weir_session_opened(&e->session, status, in->data_before, r, count, &kept);
        e->updates_heard += weir_rx_position(&e->rx).epoch - epoch;
        unlock_both(e);
        e->opened_slowly++;
        in->data_before = false;
        in->unsettled = !data_last;
    }
    for (size_t i = 0; i < kept; i++) {
        check(r[i].type == WEIR_TYPE_DATA, "a record of another type");
        for (size_t k = 0; k < r[i].len; k++)
            check(r[i].data[k] == pattern(in->at + k), "other bytes came than were sent");
        in->at += r[i].len;
    }
    memmove(in->buf, in->buf + used, in->len - used);
    in->len -= used;
    return status;
}

static void *receive_thread(void *arg)
{
    struct end *e = arg;
    struct inward in = {.buf = malloc(ROOM)};
    weir_status status = WEIR_NEED_INPUT;

    check(in.buf != NULL, "memory");
    while (status != WEIR_CLOSED) {
        if (status == WEIR_NEED_INPUT) {
            ssize_t n = recv(e->fd, in.buf + in.len, ROOM - in.len, MSG_DONTWAIT);
            check(n != 0, "the end came too early");
            check(n > 0 || errno == EAGAIN || errno == EINTR, "recv");
            if (n < 0)
                wait_for(e, POLLIN);
            in.len += n > 0 ? (size_t)n : 0;
        }
        status = open_some(e, &in);
        check(status >= WEIR_OK, "receiving");
    }
    free(in.buf);
    size_t *got = malloc(sizeof *got);
    check(got != NULL, "memory");
    *got = in.at;
    return got;
}

/* ---- */

static void open_end(struct end *e, const char *name, int fd, bool server, size_t to_send)
{
    struct weir_refusal why;
    struct weir_keys tx = keys_of(server), rx = keys_of(!server);
    size_t size = (soft.backend.ctx_size + 63) / 64 * 64;

    *e = (struct end){.name = name, .fd = fd, .to_send = to_send};
    pthread_mutex_init(&e->sending, NULL);
    pthread_mutex_init(&e->receiving, NULL);
    for (int i = 0; i < 2; i++) {
        e->memory[i] = aligned_alloc(64, size);
        check(e->memory[i] != NULL, "memory");
    }
    check(weir_tx_init(&e->tx, &tx, &soft.backend, e->memory[0], size, &why) == WEIR_OK &&
              weir_rx_init(&e->rx, &rx, &soft.backend, e->memory[1], size, &why) == WEIR_OK,
          "taking the keys");
    const struct weir_session_config config = {
        .tx = &e->tx, .rx = &e->rx, .kdf = &weir_kdf_portable, .server = server};
    check(weir_session_init(&e->session, &config) == WEIR_OK, "a session");
}

static void close_end(struct end *e)
{
    weir_session_wipe(&e->session);
    for (int i = 0; i < 2; i++)
        free(e->memory[i]);
    pthread_mutex_destroy(&e->sending);
    pthread_mutex_destroy(&e->receiving);
    close(e->fd);
}

int main(void)
{
    static struct end ends[2];
    const char *small = getenv("WEIR_TEST_SMALL");
    size_t bytes = small != NULL && small[0] == '1' ? 1u << 20 : 1u << 23;
    pthread_t threads[4];
    struct weir_refusal why;
    int fd[2];

    check(weir_soft_init(&soft, &weir_aead_portable, &why) == WEIR_OK, "the provider");
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "a socket pair");
    open_end(&ends[0], "client", fd[0], false, bytes);
    open_end(&ends[1], "server", fd[1], true, bytes / 2 + 77);
    for (int i = 0; i < 2; i++) {
        check(pthread_create(&threads[2 * i], NULL, send_thread, &ends[i]) == 0 &&
                  pthread_create(&threads[2 * i + 1], NULL, receive_thread, &ends[i]) == 0,
              "threads");
    }
    for (int i = 0; i < 2; i++) {
        void *got = NULL;
        (void)pthread_join(threads[2 * i], NULL);
        (void)pthread_join(threads[2 * i + 1], &got);
        check(*(size_t *)got == ends[1 - i].to_send, "the number of bytes");
        free(got);
    }
    for (int i = 0; i < 2; i++) {
        /* Its own, and answers to what the other end asked for. */
        check(ends[i].updates_heard >= UPDATES && ends[i].opened_slowly > UPDATES,
              "fewer KeyUpdates than were sent");
        check(weir_rx_counters(&ends[i].rx).bytes == weir_tx_counters(&ends[1 - i].tx).bytes,
              "the counters");
    }
    for (int i = 0; i < 2; i++)
        close_end(&ends[i]);
    puts("PASS two directions");
    return 0;
}
