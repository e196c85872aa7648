/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL over memory, with the socket moved by hand: kernel TLS cannot get hold of it, and every
 * byte that it sends passes here, where one can be changed.
 */
#include "check.h"
#include "raw.h"
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HELD = 1 << 18 };

struct end {
    const struct peer *plan;
    SSL *ssl;
    BIO *in, *out;
    uint64_t sent, got, records, updates_sent, updates_seen;
    unsigned tickets_sent;
    bool went_on, said_close, heard_close, ended, input_over;
    int alert;
    uint8_t held[HELD]; /* on its way to the socket */
    size_t held_len, held_at;
};

static void watch(int writing, int version, int type, const void *buf, size_t len, SSL *ssl,
                  void *arg)
{
    struct end *e = arg;
    const uint8_t *bytes = buf;
    (void)version;
    (void)ssl;
    if (!writing && type == SSL3_RT_HANDSHAKE && len > 0 && bytes[0] == 24) {
        e->updates_seen++;
    }
    if (!writing && type == SSL3_RT_ALERT && len == 2 && bytes[0] == 2) {
        e->alert = bytes[1];
    }
}

/* Flips a bit of one record; `bytes` holds whole records. */
static void count(struct end *e, uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = 5 + ((size_t)bytes[at + 3] << 8 | bytes[at + 4]);
        CHECK(n <= len - at);
        e->records++;
        if (e->records == e->plan->flip) {
            bytes[at + n - 1] ^= 1;
        }
        at += n;
    }
}

static bool at_pause(const struct end *e)
{
    return e->sent == e->plan->pause_at && e->plan->pause_at > 0 && !e->went_on;
}

/* Whether it has come to its pause, and that is not over. */
static bool paused(struct end *e)
{
    struct pollfd p = {.fd = e->plan->go, .events = POLLIN};
    e->went_on = e->went_on || (at_pause(e) && poll(&p, 1, 0) == 1);
    return at_pause(e);
}

/* Moves bytes both ways. `wait`: until something has moved. */
static void move(struct end *e, bool wait)
{
    if (e->held_at == e->held_len) {
        e->held_at = e->held_len = 0;
        if (BIO_pending(e->out) > 0) {
            CHECK(BIO_pending(e->out) <= HELD);
            int n = BIO_read(e->out, e->held, HELD);
            e->held_len = n > 0 ? (size_t)n : 0;
            if (SSL_is_init_finished(e->ssl)) {
                count(e, e->held, e->held_len);
            }
        }
    }
    bool output = e->held_at < e->held_len;
    struct pollfd p = {.fd = e->plan->fd,
                       .events = (short)((e->input_over ? 0 : POLLIN) | (output ? POLLOUT : 0))};
    if (p.events == 0 || poll(&p, 1, wait ? (at_pause(e) ? 5 : -1) : 0) <= 0) {
        return;
    }
    if ((p.revents & POLLOUT) != 0) {
        ssize_t n = send(e->plan->fd, e->held + e->held_at, e->held_len - e->held_at,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN) {
            FAIL("send: %s", strerror(errno));
        }
        e->held_at += n > 0 ? (size_t)n : 0;
    }
    if ((p.revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !e->input_over) {
        uint8_t buf[65536];
        ssize_t n = recv(e->plan->fd, buf, sizeof buf, MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN) {
            FAIL("recv: %s", strerror(errno));
        }
        e->input_over = n == 0;
        CHECK(n <= 0 || BIO_write(e->in, buf, (int)n) == n);
    }
}

static void handshake(struct end *e)
{
    while (!SSL_is_init_finished(e->ssl)) {
        int n = SSL_do_handshake(e->ssl);
        if (n != 1 && SSL_get_error(e->ssl, n) != SSL_ERROR_WANT_READ) {
            tls_fail("handshake");
        }
        if (n != 1 && e->input_over) {
            FAIL("the stream ended in the handshake");
        }
        move(e, n != 1);
    }
}

static void take(struct end *e)
{
    uint8_t buf[65536];
    for (;;) {
        int n = SSL_read(e->ssl, buf, sizeof buf);
        if (n > 0) {
            size_t good = check_differs(buf, (size_t)n, e->got, FROM_WEIR);
            if (good != (size_t)n) {
                FAIL("received bytes differ at %llu", (unsigned long long)(e->got + good));
            }
            e->got += (size_t)n;
            continue;
        }
        int error = SSL_get_error(e->ssl, n);
        if (e->alert != 0) {
            e->ended = true;
        } else if (error == SSL_ERROR_ZERO_RETURN) {
            e->heard_close = true;
        } else if (error != SSL_ERROR_WANT_READ) {
            tls_fail("SSL_read");
        }
        ERR_clear_error();
        return;
    }
}

/* KeyUpdates and tickets, spread over the stream. */
static void control(struct end *e)
{
    const struct peer *plan = e->plan;
    if (e->updates_sent < plan->updates &&
        e->sent >= plan->send * (e->updates_sent + 1) / (plan->updates + 1)) {
        int kind = plan->request ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
        if (SSL_key_update(e->ssl, kind) != 1 || SSL_do_handshake(e->ssl) != 1) {
            tls_fail("key update");
        }
        e->updates_sent++;
    }
    if (e->tickets_sent < plan->tickets &&
        e->sent >= plan->send * (e->tickets_sent + 1) / (plan->tickets + 1)) {
        if (SSL_new_session_ticket(e->ssl) != 1 || SSL_do_handshake(e->ssl) != 1) {
            tls_fail("ticket");
        }
        e->tickets_sent++;
    }
}

static void give(struct end *e)
{
    const struct peer *plan = e->plan;
    uint8_t buf[65536];
    if (plan->order == PEER_LAST && !e->heard_close) {
        return;
    }
    while (BIO_pending(e->out) < HELD / 2 && e->sent < plan->send && !paused(e)) {
        size_t n = plan->chunk > 0 ? plan->chunk : 16384;
        uint64_t stop = e->sent < plan->pause_at ? plan->pause_at : plan->send;
        n = n < stop - e->sent ? n : (size_t)(stop - e->sent);
        CHECK(n <= sizeof buf);
        check_fill(buf, n, e->sent, FROM_PEER);
        if (SSL_write(e->ssl, buf, (int)n) != (int)n) {
            tls_fail("SSL_write");
        }
        e->sent += n;
        control(e);
    }
    if (e->sent == plan->send && !e->said_close && plan->alert == 0) {
        if (!plan->cut && SSL_shutdown(e->ssl) < 0) {
            tls_fail("SSL_shutdown");
        }
        e->said_close = true;
    }
}

static bool all_gone(const struct end *e)
{
    return e->held_at == e->held_len && BIO_pending(e->out) == 0;
}

static void talk(struct end *e)
{
    const struct peer *plan = e->plan;
    bool fin = false;
    char byte;
    while (!all_gone(e)) {
        move(e, true);
    }
    CHECK_EQ(read(plan->go, &byte, 1), 1);
    while (!e->ended && (!e->heard_close || !e->said_close || !all_gone(e))) {
        give(e);
        if (!(plan->order == PEER_FIRST && !(e->said_close && all_gone(e)))) {
            take(e);
        }
        if (e->said_close && all_gone(e) && !fin && (plan->fin || plan->cut || e->heard_close)) {
            fin = true;
            CHECK(shutdown(plan->fd, SHUT_WR) == 0);
        }
        if (e->heard_close && plan->alert != 0) {
            FAIL("close_notify, not alert %d", plan->alert);
        }
        if (!e->heard_close && e->input_over && BIO_pending(e->in) == 0 && !e->ended) {
            if (plan->any_end) {
                return;
            }
            FAIL("the stream ended after %llu of %llu bytes, without close_notify",
                 (unsigned long long)e->got, (unsigned long long)plan->expect);
        }
        move(e, !e->ended && !(e->heard_close && e->said_close && all_gone(e)));
    }
    if (plan->any_end) {
        return;
    }
    CHECK_EQ(e->alert, plan->alert);
    if (plan->alert == 0) {
        CHECK_EQ(e->got, (long long)plan->expect);
        CHECK_EQ(e->updates_seen, plan->expect_updates);
    }
}

void peer_run(void *arg)
{
    static struct end e;
    e.plan = arg;
    SSL_CTX *ctx = tls_context(e.plan->suite, e.plan->server);
    e.ssl = SSL_new(ctx);
    e.in = BIO_new(BIO_s_mem());
    e.out = BIO_new(BIO_s_mem());
    if (e.ssl == NULL || e.in == NULL || e.out == NULL) {
        tls_fail("SSL_new");
    }
    BIO_set_mem_eof_return(e.in, -1);
    SSL_set_bio(e.ssl, e.in, e.out);
    SSL_set_msg_callback(e.ssl, watch);
    SSL_set_msg_callback_arg(e.ssl, &e);
    if (e.plan->server) {
        SSL_set_accept_state(e.ssl);
    } else {
        SSL_set_connect_state(e.ssl);
    }
    handshake(&e);
    talk(&e);
    SSL_free(e.ssl);
    SSL_CTX_free(ctx);
}
