/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A weir_conn that one thread receives from while another sends, as struct weir_conn_config says of
 * two_threads. Bulk data both ways with keys that change at both ends' wish, and a record that was
 * changed on its way while both threads are at work. ThreadSanitizer looks on.
 * The handshake is that of test/embed/project.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/portable.h>
#include <weir/posix.h>

#define TEST_NAME "two threads"
#include "../embed/project/preshared.h"
#include "threads.h"

#define PIECE    (3u * WEIR_MAX_PLAINTEXT)
#define UPDATES  20u
#define PATIENCE 20000

static struct weir_soft soft;

/* What the handshake of preshared.c has agreed on. */
void shared_keys(bool server, struct weir_keys *tx, struct weir_keys *rx);

void shared_keys(bool server, struct weir_keys *tx, struct weir_keys *rx)
{
    *tx = keys_of(server);
    *rx = keys_of(!server);
}

/* ---- an end and its two threads ---- */

struct end {
    int fd;
    struct preshared preshared;
    struct weir_conn *conn;
    size_t to_send, got;
    unsigned updates;           /* of its own, spread over all it sends */
    weir_status sent, received; /* how the threads have ended */
};

static void open_end(struct end *e, int fd, bool server, size_t to_send)
{
    static const struct weir_backend *backends[1];
    backends[0] = &soft.backend;
    *e = (struct end){.fd = fd, .to_send = to_send, .updates = UPDATES};
    preshared_init(&e->preshared, server);
    e->preshared.handshake.kdf = &weir_kdf_portable;
    const struct weir_conn_config config = {.fd = fd,
                                            .handshake = &e->preshared.handshake,
                                            .backends = backends,
                                            .backend_count = 1,
                                            .two_threads = true};
    e->conn = weir_conn_new(&config);
    check(e->conn != NULL, "a connection");
}

static void wait_for(const struct end *e, short events)
{
    struct pollfd wait = {.fd = e->fd, .events = events};

    check(poll(&wait, 1, PATIENCE) > 0 || errno == EINTR, "the socket does not move");
}

/* Writes it all, and closes. What is below zero ends it. */
static weir_status send_pattern(struct end *e, uint8_t *text)
{
    size_t next_update = e->to_send / (e->updates + 1);
    for (size_t at = 0, turn = 0; at < e->to_send; turn++) {
        size_t len = 1 + (turn * 7919) % PIECE, put = 0;
        len = len < e->to_send - at ? len : e->to_send - at;
        for (size_t i = 0; i < len; i++) {
            text[i] = pattern(at + i);
        }
        weir_status status = turn % 2 == 0 ? weir_conn_write(e->conn, text, len, &put)
                                           : weir_conn_write_lent(e->conn, text, len, &put);
        at += put;
        if (status == WEIR_NEED_OUTPUT) {
            wait_for(e, POLLOUT);
        } else if (status != WEIR_OK) {
            return status;
        }
        if (at >= next_update) {
            next_update += e->to_send / (e->updates + 1);
            status = weir_conn_key_update(e->conn, turn % 2 == 0);
            if (status != WEIR_OK) {
                return status;
            }
        }
        check(weir_conn_path(e->conn, WEIR_TX).backend == &soft.backend, "the path");
    }
    weir_status status = weir_conn_close(e->conn);
    while (status == WEIR_NEED_OUTPUT) {
        wait_for(e, POLLOUT);
        status = weir_conn_close(e->conn);
    }
    return status;
}

static void *send_thread(void *arg)
{
    struct end *e = arg;
    uint8_t *text = malloc(PIECE + 1);

    check(text != NULL, "memory");
    e->sent = send_pattern(e, text);
    /* After a failure its alert may still wait for the socket. */
    while (e->sent < WEIR_OK && weir_conn_close(e->conn) == WEIR_NEED_OUTPUT) {
        wait_for(e, POLLOUT);
    }
    free(text);
    return NULL;
}

static void *receive_thread(void *arg)
{
    struct end *e = arg;
    uint8_t buf[5000];
    weir_status status = WEIR_OK;

    for (unsigned turn = 0; status == WEIR_OK || status == WEIR_NEED_INPUT; turn++) {
        const uint8_t *data = buf;
        size_t len = 0;
        status = turn % 3 == 0 ? weir_conn_read(e->conn, buf, sizeof buf, &len)
                               : weir_conn_read_view(e->conn, &data, &len);
        for (size_t i = 0; i < len; i++) {
            check(data[i] == pattern(e->got + i), "other bytes came than were sent");
        }
        e->got += len;
        if (status == WEIR_NEED_INPUT) {
            short events = weir_conn_events(e->conn);
            check((events & POLLIN) != 0, "nothing to wait for");
            if ((events & POLLOUT) != 0) {
                check(weir_conn_flush(e->conn) >= WEIR_OK, "flushing");
            }
            weir_conn_trim(e->conn);
            wait_for(e, POLLIN);
        }
    }
    e->received = status;
    return NULL;
}

static void run(struct end *e, pthread_t thread[2])
{
    check(pthread_create(&thread[0], NULL, send_thread, e) == 0 &&
              pthread_create(&thread[1], NULL, receive_thread, e) == 0,
          "threads");
}

static void join(pthread_t thread[2])
{
    (void)pthread_join(thread[0], NULL);
    (void)pthread_join(thread[1], NULL);
}

/* ---- the tests ---- */

static void both_ways(size_t bytes)
{
    static struct end ends[2];
    pthread_t threads[2][2];
    int fd[2];

    check(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "a socket pair");
    for (int i = 0; i < 2; i++) {
        open_end(&ends[i], fd[i], i == 1, i == 0 ? bytes : bytes / 2 + 77);
    }
    check(weir_conn_handshake(ends[0].conn) == WEIR_NEED_INPUT &&
              weir_conn_handshake(ends[1].conn) == WEIR_OK &&
              weir_conn_handshake(ends[0].conn) == WEIR_OK,
          "the handshake");
    for (int i = 0; i < 2; i++) {
        /* Also within a write. */
        weir_tx_set_limit(weir_session_tx(weir_conn_session(ends[i].conn)),
                          (struct weir_limit){.soft = 5000, .hard = 50000});
    }
    for (int i = 0; i < 2; i++) {
        run(&ends[i], threads[i]);
    }
    for (int i = 0; i < 2; i++) {
        join(threads[i]);
    }
    for (int i = 0; i < 2; i++) {
        check(ends[i].sent == WEIR_OK && ends[i].received == WEIR_CLOSED, "the end");
        check(ends[i].got == ends[1 - i].to_send, "the number of bytes");
        check(weir_tx_position(weir_conn_tx(ends[i].conn)).epoch >= UPDATES, "KeyUpdates");
        check(weir_rx_position(weir_conn_rx(ends[i].conn)).epoch ==
                  weir_tx_position(weir_conn_tx(ends[1 - i].conn)).epoch,
              "the epochs");
    }
    for (int i = 0; i < 2; i++) {
        weir_conn_free(ends[i].conn);
        close(fd[i]);
    }
    puts("PASS two threads, both ways");
}

/* What a peer without weir_conn sends: records of data, until the socket is shut down; one of them,
 * if it comes to that, is changed. */
struct peer {
    int fd;
    size_t bad;
};

static void *peer_thread(void *arg)
{
    static uint8_t out[WEIR_MAX_RECORD], text[1000];
    const struct peer *peer = arg;
    int fd = peer->fd;
    struct weir_tx tx;
    struct weir_refusal why;
    struct weir_keys keys = keys_of(true);
    size_t size = (soft.backend.ctx_size + 63) / 64 * 64, at = 0;
    void *memory = aligned_alloc(64, size);

    check(memory != NULL && weir_tx_init(&tx, &keys, &soft.backend, memory, size, &why) == WEIR_OK,
          "a peer");
    for (size_t i = 0, over = 0; over == 0; i++) {
        const struct weir_iov piece = {text, sizeof text};
        size_t taken = 0, made = 0;
        for (size_t k = 0; k < sizeof text; k++) {
            text[k] = pattern(at + k);
        }
        check(weir_tx_seal(&tx, WEIR_TYPE_DATA, &piece, 1, out, sizeof out, &taken, &made) ==
                  WEIR_OK,
              "the peer seals");
        out[made - 1] ^= i == peer->bad;
        at += taken;
        for (size_t gone = 0; gone < made && over == 0;) {
            ssize_t n = send(fd, out + gone, made - gone, MSG_NOSIGNAL);
            over = n <= 0;
            gone += n > 0 ? (size_t)n : 0;
        }
    }
    weir_tx_wipe(&tx);
    free(memory);
    return NULL;
}

/* What the peer hears of it: records under our key, this fatal alert behind them, and the end. */
static void hear_alert(int fd, uint8_t number)
{
    static uint8_t in[2 * WEIR_MAX_RECORD];
    struct weir_rx rx;
    struct weir_refusal why;
    struct weir_keys keys = keys_of(false);
    size_t size = (soft.backend.ctx_size + 63) / 64 * 64, len = 0;
    void *memory = aligned_alloc(64, size);
    bool alert = false;
    ssize_t n = 0;

    check(memory != NULL && weir_rx_init(&rx, &keys, &soft.backend, memory, size, &why) == WEIR_OK,
          "a peer");
    while ((n = recv(fd, in + len, sizeof in - len, 0)) > 0) {
        struct weir_record record;
        size_t used = 0, count = 1, at = 0;
        len += (size_t)n;
        while (count > 0) {
            weir_status status = weir_rx_open(&rx, in + at, len - at, &used, &record, 1, &count);
            check(status >= WEIR_OK, "what the peer hears");
            at += used;
            if (count > 0) {
                check(!alert, "something behind the alert");
                alert =
                    record.type == WEIR_TYPE_ALERT && record.len == 2 && record.data[1] == number;
                check(alert || record.type == WEIR_TYPE_DATA, "a record of another type");
            }
        }
        memmove(in, in + at, len - at);
        len -= at;
    }
    check(n == 0 && len == 0 && alert, "not the alert that belongs to it");
    weir_rx_wipe(&rx);
    free(memory);
}

/*
 * One direction fails while both threads are at work: both end, nothing follows the alert, and
 * nothing is given of what came behind. A record that is changed ends it (`bad`: which), or the key
 * of ours that is used up after `blocks`.
 */
static void failing(size_t bad, struct weir_limit limit, weir_status status, uint8_t alert)
{
    static struct end end;
    struct peer peer = {.bad = bad};
    uint8_t hello[] = {'h', 'e', 'l', 'l', 'o', '\n'};
    pthread_t threads[2], other;
    int fd[2];

    check(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "a socket pair");
    open_end(&end, fd[0], false, (size_t)1 << 30); /* more than it gets to */
    check(send(fd[1], hello, sizeof hello, MSG_NOSIGNAL) == (ssize_t)sizeof hello &&
              weir_conn_handshake(end.conn) == WEIR_OK &&
              recv(fd[1], hello, sizeof hello, MSG_WAITALL) == (ssize_t)sizeof hello,
          "the handshake");
    end.updates = 0;
    if (limit.soft > 0) {
        weir_tx_set_limit(weir_session_tx(weir_conn_session(end.conn)), limit);
    }
    run(&end, threads);
    peer.fd = fd[1];
    check(pthread_create(&other, NULL, peer_thread, &peer) == 0, "threads");
    hear_alert(fd[1], alert);
    join(threads);
    close(fd[0]);
    (void)pthread_join(other, NULL);
    check(end.received == status && end.sent == status, "how both directions end");
    check(bad == SIZE_MAX || end.got == bad * 1000u, "the bytes before it, and none of it");
    weir_conn_free(end.conn);
    close(fd[1]);
}

int main(void)
{
    const char *small = getenv("WEIR_TEST_SMALL");
    struct weir_refusal why;

    check(weir_soft_init(&soft, &weir_aead_portable, &why) == WEIR_OK, "the provider");
    both_ways(small != NULL && small[0] == '1' ? 1u << 20 : 1u << 23);
    for (size_t i = 0; i < 10; i++) {
        failing(30 * i, (struct weir_limit){0}, WEIR_E_AUTH, 20);
    }
    puts("PASS two threads, a forged record");
    for (uint64_t i = 1; i <= 10; i++) {
        const struct weir_limit limit = {.soft = 3000 * i, .hard = 3000 * i};
        failing(SIZE_MAX, limit, WEIR_E_KEY_LIMIT, 80);
    }
    puts("PASS two threads, a key that is used up");
    return 0;
}
