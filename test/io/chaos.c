/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two connections with a line between them that cuts what it carries anywhere, and at times flips a
 * bit, ends or is reset; any calls in any order at both ends, over system calls that are
 * interrupted, put off or fail. Whatever happens, what is read is what was written, an end is only
 * told as one when all before it has come, and an end that waits for what it was told to wait for
 * is never left waiting.
 */
#include "below.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define TOTAL  60000u /* bytes that each end writes */
#define NEVER  SIZE_MAX
#define ROUNDS 200000u

/* One way of the line. */
struct line {
    int from, to;
    uint8_t bytes[20000];
    size_t head, tail;
    size_t carried;
    size_t flip_at, end_at; /* the byte with a wrong bit, and the one that does not come */
    bool from_ended, ended, flipped;
};

struct side {
    struct end end;
    struct side *peer;
    size_t put, got;
    weir_status tx_status, rx_status; /* WEIR_OK until one below zero, or WEIR_CLOSED, was told */
    bool closing;
    int pipe[2];
};

static struct chaos {
    unsigned seed;
    struct side side[2];
    struct line line[2]; /* to the server, to the client */
    int file;
    bool hurt; /* something was done that ends connections */
} chaos;

/* ---- the line ---- */

static void carry(struct line *l)
{
    size_t room = sizeof l->bytes - l->tail, n = (size_t)draw() % 5000;
    if (!l->from_ended && room > 0) {
        ssize_t got =
            really_recv(l->from, l->bytes + l->tail, n + 1 < room ? n + 1 : room, MSG_DONTWAIT);
        l->from_ended = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
        l->tail += got > 0 ? (size_t)got : 0;
    }
    n = 1 + (size_t)draw() % (draw() % 3 == 0 ? 20 : 5000);
    n = n < l->tail - l->head ? n : l->tail - l->head;
    n = n < l->end_at - l->carried ? n : l->end_at - l->carried;
    if (l->flip_at >= l->carried && l->flip_at - l->carried < n && !l->flipped) {
        l->bytes[l->head + l->flip_at - l->carried] ^= (uint8_t)(1 << draw() % 8);
        l->flipped = true;
    }
    ssize_t put = 0;
    if (n > 0 && !l->ended) {
        put = really_send(l->to, l->bytes + l->head, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    put = put < 0 ? 0 : put;
    l->head += (size_t)put;
    l->carried += (size_t)put;
    if (l->head == l->tail) {
        l->head = l->tail = 0;
    }
    if (!l->ended && ((l->from_ended && l->tail == 0) || l->carried == l->end_at)) {
        l->ended = true;
        (void)shutdown(l->to, SHUT_WR);
    }
}

/* ---- what must hold of every answer ---- */

static void sent(struct side *s, weir_status status, size_t asked, size_t put)
{
    struct weir_conn *conn = s->end.conn;
    cr_assert_leq(put, asked, "seed %u", chaos.seed);
    s->put += put;
    if (s->tx_status < WEIR_OK) {
        cr_assert_eq(put, 0, "seed %u: after its end", chaos.seed);
        cr_assert_lt(status, WEIR_OK, "seed %u", chaos.seed);
    }
    if (s->closing) {
        cr_assert(put == 0 && status < WEIR_OK, "seed %u: after close", chaos.seed);
        return;
    }
    if (status == WEIR_NEED_OUTPUT) {
        cr_assert(weir_conn_events(conn) & POLLOUT, "seed %u: wait for what?", chaos.seed);
    }
    if (status < WEIR_OK) {
        cr_assert(s->tx_status == WEIR_OK || s->tx_status == status, "seed %u: %s, then %s",
                  chaos.seed, weir_status_name(s->tx_status), weir_status_name(status));
        cr_assert(chaos.hurt, "seed %u: %s", chaos.seed, weir_conn_explain(conn, status));
        s->tx_status = status;
    } else if (status != WEIR_NEED_OUTPUT && status != WEIR_NEED_INPUT) {
        cr_assert_eq(put, asked, "seed %u: %s", chaos.seed, weir_status_name(status));
    }
}

static void came(struct side *s, weir_status status, const uint8_t *data, size_t got)
{
    cr_assert_eq(got > 0, status == WEIR_OK, "seed %u: %s with %zu bytes", chaos.seed,
                 weir_status_name(status), got);
    cr_assert(pattern_is(data, s->got, got), "seed %u: wrong bytes after %zu", chaos.seed, s->got);
    s->got += got;
    cr_assert_leq(s->got, s->peer->put, "seed %u: what nobody wrote", chaos.seed);
    if (s->rx_status != WEIR_OK) {
        cr_assert_eq(status, s->rx_status, "seed %u", chaos.seed);
    }
    if (status == WEIR_CLOSED) {
        cr_assert(s->peer->closing, "seed %u: nobody closed", chaos.seed);
        cr_assert_eq(s->got, s->peer->put, "seed %u: an end before all has come", chaos.seed);
        cr_assert_not(chaos.line[s == &chaos.side[0] ? 1 : 0].flipped, "seed %u", chaos.seed);
        s->rx_status = status;
    }
    if (status < WEIR_OK) {
        cr_assert(chaos.hurt, "seed %u: %s", chaos.seed, weir_conn_explain(s->end.conn, status));
        s->rx_status = status;
    }
}

/* ---- calls ---- */

static size_t some(const struct side *s)
{
    size_t n = (size_t)draw() % (draw() % 3 ? 2000 : 20000), left = TOTAL - s->put;
    return n < left ? n : left;
}

static void write_some(struct side *s, size_t n)
{
    static uint8_t buf[TOTAL];
    size_t put = 0;
    pattern_fill(buf, s->put, n);
    weir_status status = weir_conn_write(s->end.conn, buf, n, &put);
    memset(buf, 0, n);
    sent(s, status, n, put);
}

static void writev_some(struct side *s, size_t n)
{
    static uint8_t buf[TOTAL];
    struct iovec iov[40];
    size_t put = 0, at = 0;
    int count = 0;
    pattern_fill(buf, s->put, n);
    while (at < n && count < 40) {
        size_t here = (size_t)draw() % 700;
        here = here < n - at && count < 39 ? here : n - at;
        iov[count++] = (struct iovec){.iov_base = buf + at, .iov_len = here};
        at += here;
    }
    weir_status status = weir_conn_writev(s->end.conn, iov, count, &put);
    sent(s, status, n, put);
}

static void send_file(struct side *s, size_t n)
{
    uint64_t at = s->put;
    weir_status status = weir_conn_sendfile(s->end.conn, chaos.file, &at, n);
    sent(s, status, n, (size_t)at - s->put);
}

static void splice_from(struct side *s, size_t n)
{
    static uint8_t buf[4000];
    size_t moved = 0;
    n = n < sizeof buf ? n : sizeof buf;
    pattern_fill(buf, s->put, n);
    cr_assert_eq(write(s->pipe[1], buf, n), (ssize_t)n);
    weir_status status = weir_conn_splice_from(s->end.conn, s->pipe[0], n, &moved);
    cr_assert(status != WEIR_NEED_INPUT || moved == n, "seed %u: the pipe had more", chaos.seed);
    cr_assert_neq(status, WEIR_REFUSED, "seed %u", chaos.seed);
    ssize_t left = 0;
    if (n > 0) {
        left = read(s->pipe[0], buf, sizeof buf);
        left = left > 0 ? left : 0;
    }
    if (s->tx_status == WEIR_OK && status >= WEIR_OK) {
        cr_assert_eq(moved + (size_t)left, n, "seed %u: lost between pipe and socket", chaos.seed);
    }
    sent(s, status, n, moved);
}

static void read_some(struct side *s)
{
    static uint8_t buf[30000];
    size_t got = 0, n = 1 + (size_t)draw() % (draw() % 2 ? 300 : sizeof buf);
    weir_status status = weir_conn_read(s->end.conn, buf, n, &got);
    cr_assert_leq(got, n);
    came(s, status, buf, got);
}

static void view_some(struct side *s)
{
    const uint8_t *data = NULL;
    size_t got = 0;
    weir_status status = weir_conn_read_view(s->end.conn, &data, &got);
    came(s, status, data, got);
}

static void splice_to(struct side *s)
{
    static uint8_t buf[30000];
    size_t moved = 0, n = 1 + (size_t)draw() % sizeof buf;
    weir_status status = weir_conn_splice_to(s->end.conn, s->pipe[1], n, &moved);
    if (moved > 0) {
        cr_assert_eq(read(s->pipe[0], buf, sizeof buf), (ssize_t)moved, "seed %u", chaos.seed);
    }
    came(s, status, buf, moved);
}

static void flush(struct side *s)
{
    weir_status status = weir_conn_flush(s->end.conn);
    cr_assert(status == WEIR_OK || status == WEIR_NEED_OUTPUT || chaos.hurt, "seed %u", chaos.seed);
    if (draw() % 2) {
        weir_conn_trim(s->end.conn);
    }
}

static void update_key(struct side *s)
{
    weir_status status = weir_conn_key_update(s->end.conn, draw() % 2);
    cr_assert(status == WEIR_OK || status == WEIR_REFUSED || chaos.hurt || s->closing,
              "seed %u: %s", chaos.seed, weir_status_name(status));
}

static void close_side(struct side *s)
{
    weir_status status = weir_conn_close(s->end.conn);
    s->closing = true;
    cr_assert(status == WEIR_OK || status == WEIR_NEED_OUTPUT || chaos.hurt, "seed %u: %s",
              chaos.seed, weir_status_name(status));
}

static void any_call(struct side *s)
{
    switch (draw() % 16) {
    case 0:
    case 1:
        write_some(s, some(s));
        break;
    case 2:
        writev_some(s, some(s));
        break;
    case 3:
    case 4:
        send_file(s, some(s));
        break;
    case 5:
        splice_from(s, some(s));
        break;
    case 6:
    case 7:
    case 8:
        read_some(s);
        break;
    case 9:
    case 10:
        view_some(s);
        break;
    case 11:
        splice_to(s);
        break;
    case 12:
        flush(s);
        break;
    case 13:
        update_key(s);
        break;
    case 14:
        (void)weir_conn_set_record_limit(s->end.conn, 1 + (size_t)draw() % WEIR_MAX_PLAINTEXT);
        break;
    default:
        if (draw() % 100 == 0) {
            close_side(s);
        }
        break;
    }
}

/* "Data that is already received is not announced: read until WEIR_NEED_INPUT first." */
static void read_all(struct side *s)
{
    for (size_t before = NEVER; before != s->got && s->rx_status == WEIR_OK;) {
        before = s->got;
        read_some(s);
    }
}

/* As an event loop does it: only what the connection said it waits for, when it is there. */
static bool tend(struct side *s)
{
    struct pollfd wait = {.fd = s->end.fd, .events = weir_conn_events(s->end.conn)};
    bool wants = !s->closing && s->tx_status == WEIR_OK;
    if (wait.events != 0 && poll(&wait, 1, 0) < 0) {
        return false;
    }
    if (wants) {
        if (s->put < TOTAL) {
            write_some(s, some(s));
        } else {
            close_side(s);
        }
    }
    if ((wait.revents & POLLOUT) != 0 && s->closing) {
        close_side(s);
    } else if ((wait.revents & POLLOUT) != 0) {
        flush(s);
    }
    if ((wait.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        read_all(s);
    }
    return weir_conn_events(s->end.conn) == 0 && s->rx_status != WEIR_OK;
}

/* ---- a run ---- */

static void open_line(void)
{
    for (int i = 0; i < 2; i++) {
        int buffer = 3000 + draw() % 20000, fd[2];
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
        for (int k = 0; k < 2; k++) {
            (void)really_setsockopt(fd[k], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
        }
        struct side *s = &chaos.side[i];
        s->peer = &chaos.side[!i];
        end_open(&s->end, fd[0], i == 1, chaos.seed % 3 ? WEIR_TLS13 : WEIR_TLS12);
        chaos.line[i].from = fd[1];
        chaos.line[!i].to = fd[1];
        cr_assert_eq(pipe(s->pipe), 0);
        (void)fcntl(s->pipe[0], F_SETFL, O_NONBLOCK);
        (void)fcntl(s->pipe[1], F_SETFL, O_NONBLOCK);
    }
    for (int i = 0; i < 2; i++) {
        chaos.line[i].flip_at = chaos.line[i].end_at = NEVER;
    }
}

static void shake_hands(void)
{
    weir_status status[2] = {WEIR_NEED_INPUT, WEIR_NEED_INPUT};
    for (int round = 0; status[0] != WEIR_OK || status[1] != WEIR_OK; round++) {
        cr_assert_lt(round, 1000, "seed %u", chaos.seed);
        for (int i = 0; i < 2; i++) {
            status[i] = weir_conn_handshake(chaos.side[i].end.conn);
            cr_assert_geq(status[i], WEIR_OK);
            carry(&chaos.line[i]);
        }
    }
}

/* One of the things that end connections, in one run of two. */
static void choose_harm(void)
{
    struct line *l = &chaos.line[draw() % 2];
    size_t at = 4 + ((size_t)draw() * 5) % (TOTAL + 3000);
    chaos.hurt = draw() % 2 == 0;
    if (!chaos.hurt) {
        return;
    }
    switch (draw() % 4) {
    case 0:
        l->flip_at = at;
        break;
    case 1:
        l->end_at = at;
        break;
    case 2:
        plan_send.fail_at = 1 + (unsigned)draw() % 200;
        plan_send.fail_with = draw() % 2 ? EPIPE : ECONNRESET;
        break;
    default:
        plan_recv.fail_at = 1 + (unsigned)draw() % 200;
        plan_recv.fail_with = ECONNRESET;
        break;
    }
}

static void run(unsigned seed)
{
    static struct below_backend below;
    static const struct weir_backend *lists[2];
    chaos.seed = seed;
    chaos.hurt = false;
    memset(chaos.side, 0, sizeof chaos.side);
    memset(chaos.line, 0, sizeof chaos.line);
    draw_from(seed);
    below_reset();
    below_backend_init(&below, BELOW_REKEY | BELOW_SPLICE);
    lists[0] = &below.backend;
    lists[1] = null_backend();
    for (int i = 0; i < 2; i++) {
        end_options[i] = (struct end_options){.pad_multiple = draw() % 4 ? 0 : 1000};
        if (draw() % 3 == 0) {
            end_options[i] = (struct end_options){
                .backends = lists, .backend_count = 2, .policy = WEIR_POLICY_ALL};
        }
    }
    open_line();
    shake_hands();
    plan_send = (struct syscall_plan){.eintr = 3 + (unsigned)draw() % 20,
                                      .eagain = 3 + (unsigned)draw() % 20,
                                      .most = draw() % 2 ? 0 : 1 + (size_t)draw() % 3000};
    plan_recv = plan_send;
    below_plan.eagain = draw() % 2 ? 0 : 3 + (unsigned)draw() % 5;
    choose_harm();
    for (int i = draw() % 400; i > 0; i--) {
        any_call(&chaos.side[draw() % 2]);
        if (draw() % 2) {
            carry(&chaos.line[draw() % 2]);
        }
    }
    read_all(&chaos.side[0]);
    read_all(&chaos.side[1]);
    bool over = false;
    /* After harm a peer may wait for what never comes. */
    const unsigned most = chaos.hurt ? 2000 : ROUNDS;
    for (unsigned round = 0; !over && round < most; round++) {
        over = true;
        for (int i = 0; i < 2; i++) {
            over = tend(&chaos.side[i]) && over;
            carry(&chaos.line[i]);
        }
    }
    for (int i = 0; i < 2; i++) {
        struct side *s = &chaos.side[i];
        if (!chaos.hurt) {
            cr_assert(over, "seed %u has come to a stand", seed);
            cr_assert_eq(s->rx_status, WEIR_CLOSED, "seed %u", seed);
        }
        weir_conn_free(s->end.conn);
        cr_assert_eq(s->end.fake.released, 1);
        (void)close(s->end.fd);
        (void)close(s->pipe[0]);
        (void)close(s->pipe[1]);
        (void)close(chaos.line[i].from);
    }
    plan_send = plan_recv = (struct syscall_plan){0};
}

Test(chaos, any_calls_over_any_line)
{
    static uint8_t buf[TOTAL];
    char name[] = "/tmp/weir-io-XXXXXX";
    chaos.file = mkstemp(name);
    cr_assert_geq(chaos.file, 0);
    (void)unlink(name);
    pattern_fill(buf, 0, sizeof buf);
    cr_assert_eq(write(chaos.file, buf, sizeof buf), (ssize_t)sizeof buf);
    for (unsigned seed = 1; seed <= 400; seed++) {
        run(seed);
    }
    (void)close(chaos.file);
}
