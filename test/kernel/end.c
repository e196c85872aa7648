/* SPDX-License-Identifier: BSD-2-Clause */
#include "end.h"
#include "check.h"
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

uint32_t end_features;

void end_probe(void)
{
    struct weir_linux_ktls_probe probe;
    struct weir_refusal why;
    const struct weir_cmd *cmd;
    unsigned end = 0;
    int fd[2];
    raw_pair(fd);
    weir_linux_ktls_probe_init(&probe);
    while ((cmd = weir_linux_ktls_probe_command(&probe, &end)) != NULL) {
        struct weir_done done = weir_posix_command(fd[end], cmd);
        weir_linux_ktls_probe_complete(&probe, &done);
    }
    if (weir_linux_ktls_probe_result(&probe, &end_features, &why) != WEIR_OK) {
        printf("FAIL the probe: %s, errno %d\n", weir_refusal_text(why.code), (int)why.os_error);
        exit(1);
    }
    close(fd[0]);
    close(fd[1]);
}

void end_fail(struct end *e, const char *what, weir_status status)
{
    FAIL("%s after %llu bytes sent, %llu received: %s", what, (unsigned long long)e->sent,
         (unsigned long long)e->got, weir_conn_explain(e->conn, status));
}

static void wait_for(struct end *e)
{
    struct pollfd p = {.fd = e->fd, .events = weir_conn_events(e->conn)};
    CHECK(p.events != 0);
    CHECK(poll(&p, 1, -1) == 1);
}

static void handshake(struct end *e)
{
    weir_status status;
    while ((status = weir_conn_handshake(e->conn)) > 0) {
        if (status == WEIR_REFUSED) {
            end_fail(e, "handshake", status);
        }
        wait_for(e);
    }
    if (status < 0) {
        end_fail(e, "handshake", status);
    }
}

/* A file of the bytes that are to be sent, in memory. */
static int make_file(uint64_t size)
{
    uint8_t buf[65536];
    int fd = memfd_create("data", 0);
    CHECK(fd >= 0);
    for (uint64_t at = 0; at < size; at += sizeof buf) {
        size_t n = size - at < sizeof buf ? (size_t)(size - at) : sizeof buf;
        check_fill(buf, n, at, FROM_WEIR);
        CHECK(write(fd, buf, n) == (ssize_t)n);
    }
    return fd;
}

static struct weir_position position(const struct end *e, enum weir_dir dir)
{
    return dir == WEIR_TX ? weir_tx_position(weir_conn_tx(e->conn))
                          : weir_rx_position(weir_conn_rx(e->conn));
}

static struct weir_counters counters(const struct end *e, enum weir_dir dir)
{
    return dir == WEIR_TX ? weir_tx_counters(weir_conn_tx(e->conn))
                          : weir_rx_counters(weir_conn_rx(e->conn));
}

static bool over(const struct end *e)
{
    return e->read == WEIR_CLOSED || e->read < 0;
}

/* Moves what should move now. */
static void move(struct end *e, enum weir_dir dir)
{
    const struct end_plan *plan = e->plan;
    uint64_t done = dir == WEIR_TX ? e->sent : e->got;
    if (plan->place[dir] == IN_SOFTWARE || e->asked[dir] || done < plan->move_at[dir]) {
        return;
    }
    weir_status status = weir_conn_offload(e->conn, dir, &e->ktls.backend);
    struct weir_refusal why = weir_conn_refusal(e->conn);
    bool gone = e->ended && why.code == WEIR_REFUSAL_SOCKET && why.os_error == ENOTCONN;
    if (status == WEIR_REFUSED && plan->place[dir] == MOVING && gone) {
        e->refused++; /* both ends have said their last */
    } else if (status < 0 || status == WEIR_REFUSED) {
        FAIL("%s at %llu: %s, errno %d", dir == WEIR_TX ? "TX" : "RX", (unsigned long long)done,
             status < 0 ? weir_conn_explain(e->conn, status) : weir_refusal_text(why.code),
             (int)why.os_error);
    }
    e->asked[dir] = true;
    if (dir == WEIR_RX && e->go >= 0 && plan->pause_at == 0) {
        (void)!write(e->go, "", 1); /* it may be waiting for this, or have gone */
    }
}

static void begin(struct end *e)
{
    for (enum weir_dir dir = WEIR_TX; dir <= WEIR_RX; dir++) {
        e->began[dir] = position(e, dir);
        e->counted[dir] = counters(e, dir).records;
    }
    int queued = 0;
    if (e->plan->slow_start) {
        CHECK_EQ(write(e->go, "", 1), 1);
        while ((uint64_t)queued < e->plan->expect / 2) {
            CHECK(ioctl(e->fd, FIONREAD, &queued) == 0);
            usleep(5000);
        }
    }
    for (enum weir_dir dir = WEIR_TX; dir <= WEIR_RX; dir++) {
        if (e->plan->place[dir] == IN_KERNEL) {
            move(e, dir);
        }
    }
    CHECK(e->plan->slow_start || write(e->go, "", 1) == 1);
}

/* Who carries the direction now, where it stands and what was counted: all as the kernel says. */
static void check_place(struct end *e, enum weir_dir dir)
{
    const struct end_plan *plan = e->plan;
    const struct raw_suite *suite = &raw_suites[e->plan->suite - tls_suites];
    struct weir_conn_path path = weir_conn_path(e->conn, dir);
    bool kernel = path.backend == &e->ktls.backend;
    /* A stream that ended before the move could be made ends in software. */
    if (plan->place[dir] != MOVING &&
        kernel != (plan->place[dir] == IN_KERNEL && plan->refused[dir] == WEIR_REFUSAL_NONE)) {
        FAIL("%s is with %s: %s", dir == WEIR_TX ? "TX" : "RX",
             path.backend != NULL ? path.backend->name : "nobody",
             weir_refusal_text(path.refusal_count > 0 ? path.refusals[0].code
                                                      : weir_conn_refusal(e->conn).code));
    }
    if (plan->refused[dir] != WEIR_REFUSAL_NONE) {
        CHECK_EQ(path.refusal_count, 1);
        CHECK_EQ(path.refusals[0].code, plan->refused[dir]);
    }
    e->moved[dir] = kernel;
    if (!kernel) {
        CHECK_EQ(counters(e, dir).moves, 0);
        return;
    }
    struct raw_key told = {.suite = suite};
    CHECK_EQ(counters(e, dir).moves, 1);
    if (e->read < 0 || (dir == WEIR_RX && over(e))) {
        return; /* nothing of it is left to be asked about */
    }
    weir_status status = weir_conn_query(e->conn, dir);
    if (status != WEIR_OK) {
        end_fail(e, "query", status);
    }
    struct weir_position at = position(e, dir);
    struct weir_counters sum = counters(e, dir);
    CHECK_EQ(weir_conn_path(e->conn, dir).carrier, WEIR_CARRIER_BELOW);
    CHECK_ERR(raw_get_key(e->fd, dir == WEIR_TX ? TLS_TX : TLS_RX, &told), 0);
    if (dir == WEIR_RX && plan->how_read == READ_SPLICE) {
        CHECK(at.seq >= told.seq); /* what was spliced is not said to be all there was */
        return;
    }
    CHECK_EQ(at.seq, (long long)told.seq);
    if (dir == WEIR_TX && raw_has_nonce(suite)) {
        CHECK_EQ(at.explicit_nonce, (long long)told.nonce);
    }
    if (sum.rekeys == 0) {
        CHECK_EQ(sum.records - e->counted[dir], (long long)(at.seq - e->began[dir].seq));
    }
}

void end_open(struct end *e, const struct end_plan *plan, struct peer *peer)
{
    struct weir_refusal why;
    int fd[2], go[2];
    raw_pair(fd);
    CHECK(pipe(go) == 0);
    *e = (struct end){.plan = plan, .fd = fd[0], .go = -1, .file = -1, .read = WEIR_NEED_INPUT};
    peer->fd = fd[1];
    peer->go = go[0];
    peer->suite = plan->suite;
    peer->server = !plan->server;
    peer->send = plan->expect;
    peer->expect = plan->send;
    /* The socket of this end must not stay open over there. */
    check_start(peer_run, peer, fd[0]);
    close(fd[1]);
    close(go[0]);
    e->ctx = tls_context(plan->suite, plan->server);
    e->ssl = SSL_new(e->ctx);
    if (e->ssl == NULL) {
        tls_fail("SSL_new");
    }
    if (plan->server) {
        SSL_set_accept_state(e->ssl);
    } else {
        SSL_set_connect_state(e->ssl);
    }
    struct weir_handshake *hs = weir_openssl_handshake(e->ssl, &why);
    CHECK(hs != NULL);
    CHECK_EQ(weir_soft_init(&e->soft, &weir_aead_openssl, &why), WEIR_OK);
    weir_linux_ktls_init(&e->ktls, end_features & WEIR_LINUX_KTLS_SAFE);
    /* The list is for both directions; who wants one of them only asks for it afterwards. */
    bool both = plan->place[WEIR_TX] == IN_KERNEL && plan->place[WEIR_RX] == IN_KERNEL;
    e->asked[WEIR_TX] = e->asked[WEIR_RX] = both;
    e->backends[0] = both ? &e->ktls.backend : &e->soft.backend;
    e->backends[1] = &e->soft.backend;
    struct weir_conn_config config = {.fd = e->fd,
                                      .handshake = hs,
                                      .backends = e->backends,
                                      .backend_count = both ? 2 : 1,
                                      .policy = plan->policy};
    e->conn = weir_conn_new(&config);
    CHECK(e->conn != NULL);
    CHECK(pipe2(e->out, O_NONBLOCK) == 0 && pipe2(e->in, O_NONBLOCK) == 0);
    if (plan->how_send == SEND_FILE || plan->how_send == SEND_SPLICE) {
        e->file = make_file(plan->send);
    }
    handshake(e);
    e->go = go[1];
    begin(e);
}

/* By a pipe, into which the file has been spliced. */
static weir_status splice_some(struct end *e, size_t n, size_t *put)
{
    if (e->piped == 0) {
        off_t offset = (off_t)e->sent;
        ssize_t got = splice(e->file, &offset, e->out[1], NULL, n, SPLICE_F_NONBLOCK);
        CHECK(got > 0);
        e->piped = (size_t)got;
    }
    weir_status status = weir_conn_splice_from(e->conn, e->out[0], e->piped, put);
    CHECK(status != WEIR_OK || *put == e->piped);
    e->piped -= *put;
    return status;
}

static weir_status receive_some(struct end *e, const uint8_t **data, size_t *n)
{
    static uint8_t buf[100000];
    *data = buf;
    if (e->plan->how_read == READ_VIEW) {
        return weir_conn_read_view(e->conn, data, n);
    }
    if (e->plan->how_read == READ_COPY) {
        return weir_conn_read(e->conn, buf, sizeof buf, n);
    }
    weir_status status = weir_conn_splice_to(e->conn, e->in[1], sizeof buf, n);
    CHECK(status != WEIR_OK || (*n > 0 && read(e->in[0], buf, *n) == (ssize_t)*n));
    return status;
}

static weir_status send_some(struct end *e)
{
    static uint8_t buf[1 << 20];
    const struct end_plan *plan = e->plan;
    size_t n = plan->chunk > 0 ? plan->chunk : 65536, put = 0;
    n = n < plan->send - e->sent ? n : (size_t)(plan->send - e->sent);
    weir_status status;
    if (plan->how_send == SEND_FILE) {
        uint64_t offset = e->sent;
        status = weir_conn_sendfile(e->conn, e->file, &offset, n);
        put = (size_t)(offset - e->sent);
    } else if (plan->how_send == SEND_SPLICE) {
        status = splice_some(e, n, &put);
        n = put;
    } else if (plan->how_send == SEND_WRITEV) {
        struct iovec iov[3] = {
            {buf, n / 3}, {buf + n / 3, n / 2 - n / 3}, {buf + n / 2, n - n / 2}};
        check_fill(buf, n, e->sent, FROM_WEIR);
        status = weir_conn_writev(e->conn, iov, 3, &put);
    } else {
        check_fill(buf, n, e->sent, FROM_WEIR);
        status = weir_conn_write(e->conn, buf, n, &put);
    }
    CHECK(put <= n);
    CHECK(status != WEIR_OK || put == n);
    e->sent += put;
    return status;
}

static weir_status update(struct end *e)
{
    const struct end_plan *plan = e->plan;
    if (e->updates >= plan->updates ||
        e->sent < plan->send * (e->updates + 1) / (plan->updates + 1)) {
        return WEIR_OK;
    }
    e->updates++;
    weir_status status = weir_conn_key_update(e->conn, plan->request);
    if (plan->update_refused) {
        CHECK_EQ(status, WEIR_REFUSED);
        CHECK_EQ(weir_conn_refusal(e->conn).code, WEIR_REFUSAL_NO_REKEY);
        status = WEIR_OK;
    }
    return status;
}

static void give(struct end *e)
{
    const struct end_plan *plan = e->plan;
    weir_status status = WEIR_OK;
    if (e->ended || (plan->order == PEER_FIRST && !over(e))) {
        return;
    }
    while (status == WEIR_OK && e->sent < plan->send && e->read >= 0) {
        move(e, WEIR_TX);
        status = send_some(e);
        if (status == WEIR_OK) {
            status = update(e);
        }
    }
    /* After close_notify there would be no alert. */
    if (status == WEIR_OK && ((plan->read_end == 0 && !plan->end_last) || over(e))) {
        status = weir_conn_close(e->conn);
        e->ended = status == WEIR_OK;
    }
    if (e->read < 0 && status < 0) {
        CHECK_EQ(status, e->read);
        e->ended = true;
    } else if (status != WEIR_OK && status != WEIR_NEED_OUTPUT) {
        end_fail(e, "sending", status);
    }
}

static void take(struct end *e)
{
    const uint8_t *data = NULL;
    size_t n = 0;
    while (!over(e)) {
        move(e, WEIR_RX);
        e->read = receive_some(e, &data, &n);
        if (e->read != WEIR_OK) {
            break;
        }
        size_t good = check_differs(data, n, e->got, FROM_PEER);
        if (good != n) {
            FAIL("received bytes differ at %llu", (unsigned long long)(e->got + good));
        }
        e->got += n;
    }
    /* Where the kernel stands in receiving is known when there was nothing more to receive. */
    if (e->read == WEIR_NEED_INPUT && e->asked[WEIR_RX] && e->got > 0 &&
        weir_conn_path(e->conn, WEIR_RX).backend == &e->ktls.backend) {
        check_place(e, WEIR_RX);
        if (e->got == e->plan->pause_at && !e->seen) {
            e->seen = true;
            CHECK_EQ(write(e->go, "", 1), 1);
        }
    }
    weir_status wanted = e->plan->read_end != 0 ? e->plan->read_end : WEIR_CLOSED;
    if (over(e) && e->read != wanted) {
        end_fail(e, "receiving", e->read);
    }
    if (e->read < 0) {
        CHECK_EQ(receive_some(e, &data, &n), e->read);
    }
}

void end_step(struct end *e)
{
    take(e);
    give(e);
    if (!e->ended || !over(e)) {
        wait_for(e);
    }
}

void end_run(struct end *e)
{
    while (!e->ended || !over(e)) {
        end_step(e);
    }
}

void end_close(struct end *e)
{
    if (e->read == WEIR_CLOSED) {
        CHECK_EQ(e->sent, (long long)e->plan->send);
        CHECK_EQ(e->got, (long long)e->plan->expect);
    }
    CHECK(e->plan->pause_at == 0 || e->seen);
    CHECK_EQ(counters(e, WEIR_TX).bytes, (long long)e->sent);
    CHECK_EQ(counters(e, WEIR_RX).bytes, (long long)e->got);
    check_place(e, WEIR_TX);
    check_place(e, WEIR_RX);
    check_join();
    weir_conn_free(e->conn);
    SSL_free(e->ssl);
    SSL_CTX_free(e->ctx);
    close(e->fd);
    close(e->go);
    for (int i = 0; i < 2; i++) {
        close(e->in[i]);
        close(e->out[i]);
    }
    if (e->file >= 0) {
        close(e->file);
    }
}
