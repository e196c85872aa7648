/* SPDX-License-Identifier: BSD-2-Clause */
/* Directions that move to another backend: when, where to, and what is told when they do not. */
#include "below.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/posix_exec.h>

static struct below_backend below[3];
static struct weir_backend foreign; /* of another interface version */

/* Both ends with this list, at most four of it. */
static void list(const struct weir_backend *const *backends, size_t count)
{
    static const struct weir_backend *copy[4];
    memcpy(copy, backends, count * sizeof backends[0]);
    for (int i = 0; i < 2; i++) {
        end_options[i] = (struct end_options){
            .backends = copy, .backend_count = count, .policy = WEIR_POLICY_ALL};
    }
}

static void prepare(unsigned features)
{
    below_reset();
    for (int i = 0; i < 3; i++) {
        below_backend_init(&below[i], features);
    }
    foreign = below[0].backend;
    foreign.abi++;
    foreign.name = "foreign";
    list((const struct weir_backend *[]){&below[0].backend, null_backend()}, 2);
}

static const struct weir_backend *carrier(struct weir_conn *conn, enum weir_dir dir)
{
    return weir_conn_path(conn, dir).backend;
}

/* Everything that is written arrives, in both directions, from where the streams stand. */
static void goes_on(struct pair *pair, size_t out[2], size_t in[2])
{
    struct end *ends[2] = {&pair->client, &pair->server};
    static uint8_t buf[40000];
    for (int i = 0; i < 2; i++) {
        size_t put = 0;
        pattern_fill(buf, out[i], sizeof buf);
        for (size_t at = 0, round = 0; at < sizeof buf; at += put, round++) {
            cr_assert_lt(round, 100000);
            cr_assert_geq(weir_conn_write(ends[i]->conn, buf + at, sizeof buf - at, &put), WEIR_OK);
            cr_assert_eq(read_pattern(ends[!i]->conn, &in[!i]), WEIR_NEED_INPUT);
        }
        out[i] += sizeof buf;
        for (int round = 0; round < 100 && in[!i] < out[i]; round++) {
            cr_assert_geq(weir_conn_flush(ends[i]->conn), WEIR_OK);
            cr_assert_eq(read_pattern(ends[!i]->conn, &in[!i]), WEIR_NEED_INPUT);
        }
        cr_assert_eq(in[!i], out[i]);
    }
}

Test(offload, the_list)
{
    prepare(BELOW_REKEY);
    /* The first refuses for good, the second fails at a command, the third takes it. */
    list((const struct weir_backend *[]){&foreign, &below[0].backend, &below[1].backend,
                                         null_backend()},
         4);
    below_plan.fail_at = 1;
    below_plan.fail_with = ENOENT;
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    struct weir_conn_path path = weir_conn_path(pair->server.conn, WEIR_TX);
    cr_assert_eq(path.backend, &below[1].backend);
    cr_assert_eq(path.refusal_count, 2);
    cr_assert_eq(path.refusals[0].code, WEIR_REFUSAL_ABI);
    cr_assert_eq(path.refusals[1].code, WEIR_REFUSAL_NO_KTLS);
    cr_assert_eq(path.refusals[1].os_error, ENOENT);
    cr_assert_eq(weir_conn_refusal(pair->server.conn).code, WEIR_REFUSAL_NONE);
    path = weir_conn_path(pair->server.conn, WEIR_RX);
    cr_assert_eq(path.backend, &below[0].backend);
    cr_assert_eq(path.refusal_count, 1);
    size_t out[2] = {0}, in[2] = {0};
    goes_on(pair, out, in);
    pair_free(pair);

    /* What stands behind software is never asked. */
    prepare(BELOW_REKEY);
    list((const struct weir_backend *[]){null_backend(), &below[0].backend}, 2);
    pair = pair_open(WEIR_TLS13, 0);
    cr_assert_eq(carrier(pair->client.conn, WEIR_TX), null_backend());
    cr_assert_eq(weir_conn_path(pair->client.conn, WEIR_TX).refusal_count, 0);
    cr_assert_eq(below_plan.options, 0);
    pair_free(pair);

    /* A connection needs a backend to begin on. */
    prepare(BELOW_REKEY);
    list((const struct weir_backend *[]){&foreign, &below[0].backend}, 2);
    pair = pair_new(WEIR_TLS13, 0);
    weir_status status = WEIR_NEED_INPUT;
    for (int i = 0; i < 10 && status == WEIR_NEED_INPUT; i++) {
        status = weir_conn_handshake(pair->client.conn);
        (void)(weir_conn_handshake(pair->server.conn) == WEIR_OK);
    }
    cr_assert_eq(status, WEIR_REFUSED);
    cr_assert_eq(weir_conn_refusal(pair->client.conn).code, WEIR_REFUSAL_FORM);
    path = weir_conn_path(pair->client.conn, WEIR_TX);
    cr_assert(path.backend == NULL && path.refusal_count == 2);
    cr_assert_eq(path.refusals[0].code, WEIR_REFUSAL_ABI);
    cr_assert_eq(path.refusals[1].code, WEIR_REFUSAL_FORM);
    pair_free(pair);
}

/* Whichever command fails, the direction goes on where it is, and says why. */
Test(offload, any_command_fails)
{
    for (unsigned n = 1; n <= 8; n++) {
        prepare(BELOW_REKEY);
        below_plan.fail_at = n;
        below_plan.fail_with = EBUSY;
        struct pair *pair = pair_open(WEIR_TLS13, 9000);
        struct end *ends[2] = {&pair->client, &pair->server};
        unsigned soft = 0;
        for (int i = 0; i < 4; i++) {
            struct weir_conn_path path =
                weir_conn_path(ends[i / 2]->conn, i % 2 ? WEIR_TX : WEIR_RX);
            soft += path.backend == null_backend();
            if (path.backend == null_backend()) {
                cr_assert_eq(path.refusal_count, 1);
                cr_assert_eq(path.refusals[0].os_error, EBUSY);
                cr_assert_eq(path.refusals[0].layer, WEIR_LAYER_OS);
                cr_assert_eq(path.carrier, WEIR_CARRIER_SOFTWARE);
            }
        }
        cr_assert_eq(soft, 1, "command %u", n);
        size_t out[2] = {0}, in[2] = {0};
        goes_on(pair, out, in);
        pair_free(pair);
    }
}

struct may {
    uint16_t version;
    unsigned features;
    weir_policy policy;
    bool reversible;
    size_t pad;
    weir_refusal_code tx, rx; /* NONE: it moves */
};

Test(offload, policies)
{
    static const struct may table[] = {
        {WEIR_TLS12, 0, WEIR_POLICY_STRICT, false, 0, WEIR_REFUSAL_NONE, WEIR_REFUSAL_NONE},
        {WEIR_TLS13, BELOW_REKEY, WEIR_POLICY_STRICT, false, 0, WEIR_REFUSAL_NONE,
         WEIR_REFUSAL_NONE},
        {WEIR_TLS13, 0, WEIR_POLICY_DEFAULT, false, 0, WEIR_REFUSAL_NONE, WEIR_REFUSAL_NO_REKEY},
        {WEIR_TLS13, 0, WEIR_POLICY_STRICT, false, 0, WEIR_REFUSAL_NO_REKEY, WEIR_REFUSAL_NO_REKEY},
        {WEIR_TLS13, 0, WEIR_POLICY_ALL, false, 0, WEIR_REFUSAL_NONE, WEIR_REFUSAL_NONE},
        {WEIR_TLS13, BELOW_REKEY, WEIR_POLICY_ALL, true, 0, WEIR_REFUSAL_NO_TAKE_BACK,
         WEIR_REFUSAL_NO_TAKE_BACK},
        {WEIR_TLS13, BELOW_REKEY | BELOW_RELEASE, WEIR_POLICY_ALL, true, 0, WEIR_REFUSAL_NONE,
         WEIR_REFUSAL_NONE},
        {WEIR_TLS13, BELOW_REKEY, WEIR_POLICY_ALL, false, 512, WEIR_REFUSAL_PADDING,
         WEIR_REFUSAL_NONE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct may *m = &table[i];
        prepare(m->features);
        for (int e = 0; e < 2; e++) {
            end_options[e].policy = m->policy;
            end_options[e].reversible = m->reversible;
            end_options[e].pad_multiple = m->pad;
        }
        struct pair *pair = pair_open(m->version, 0);
        for (int dir = 0; dir < 2; dir++) {
            struct weir_conn_path path = weir_conn_path(pair->client.conn, (enum weir_dir)dir);
            weir_refusal_code code = dir == WEIR_TX ? m->tx : m->rx;
            cr_assert_eq(path.backend == &below[0].backend, code == WEIR_REFUSAL_NONE, "row %zu",
                         i);
            cr_assert_eq(path.refusal_count, code == WEIR_REFUSAL_NONE ? 0 : 1);
            cr_assert(code == WEIR_REFUSAL_NONE || path.refusals[0].code == code, "row %zu: %s", i,
                      weir_refusal_name(path.refusals[0].code));
        }
        size_t out[2] = {0}, in[2] = {0};
        goes_on(pair, out, in);
        pair_free(pair);
    }
}

/* What came together with the handshake is opened first: whole records and one that is cut. */
Test(offload, receiving_moves_at_the_end_of_a_record)
{
    prepare(BELOW_REKEY);
    for (size_t cut = 0; cut < 1060; cut += cut < 8 ? 1 : 131) {
        struct end end;
        int fd[2];
        static uint8_t sealed[5000], text[1000];
        const uint8_t *data = NULL;
        struct weir_keys keys;
        struct weir_refusal why;
        struct weir_tx tx;
        const struct weir_backend *soft = null_backend();
        static uint64_t memory[64];
        size_t made = 4, taken = 0, got = 0, at = 0;
        below_reset();
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
        end_open(&end, fd[0], true, WEIR_TLS13);
        fake_keys(&keys, WEIR_TLS13, false);
        cr_assert_eq(weir_tx_init(&tx, &keys, soft, memory, sizeof memory, &why), WEIR_OK);
        memcpy(sealed, "helo", 4);
        for (size_t i = 0; i < 2; i++) {
            size_t n = 0;
            pattern_fill(text, i * 1000, 1000);
            const struct weir_iov in = {text, 1000};
            cr_assert_eq(weir_tx_seal(&tx, WEIR_TYPE_DATA, &in, 1, sealed + made,
                                      sizeof sealed - made, &taken, &n),
                         WEIR_OK);
            made += n;
        }
        size_t record = (made - 4) / 2, first = 4 + record + (cut < record ? cut : record);
        cr_assert_eq(write(fd[1], sealed, first), (ssize_t)first);
        cr_assert_eq(weir_conn_handshake(end.conn), WEIR_OK);
        cr_assert_eq(carrier(end.conn, WEIR_TX), &below[0].backend, "sending moves at once");
        struct weir_conn_path path = weir_conn_path(end.conn, WEIR_RX);
        cr_assert_eq(path.backend, soft);
        cr_assert(path.refusal_count == 1 && path.refusals[0].code == WEIR_REFUSAL_BOUNDARY &&
                  path.refusals[0].transient);
        while (weir_conn_read_view(end.conn, &data, &got) == WEIR_OK) {
            cr_assert(pattern_is(data, at, got));
            at += got;
        }
        bool whole = cut == 0 || cut >= record;
        cr_assert_eq(carrier(end.conn, WEIR_RX) == &below[0].backend, whole, "cut %zu", cut);
        /* The rest, one more behind it, and the beginning of the next: a peer that never pauses. */
        size_t n = 0, all = made;
        for (size_t i = 2; i < 4; i++) {
            pattern_fill(text, i * 1000, 1000);
            const struct weir_iov in = {text, 1000};
            cr_assert_eq(weir_tx_seal(&tx, WEIR_TYPE_DATA, &in, 1, sealed + all,
                                      sizeof sealed - all, &taken, &n),
                         WEIR_OK);
            all += n;
        }
        made = all - 500;
        cr_assert_eq(write(fd[1], sealed + first, made - first), (ssize_t)(made - first));
        while (weir_conn_read_view(end.conn, &data, &got) == WEIR_OK) {
            cr_assert(pattern_is(data, at, got));
            at += got;
        }
        cr_assert_eq(at, 3000);
        cr_assert_eq(carrier(end.conn, WEIR_RX), &below[0].backend, "cut %zu", cut);
        cr_assert_eq(write(fd[1], sealed + made, 500), 500);
        while (weir_conn_read_view(end.conn, &data, &got) == WEIR_OK) {
            cr_assert(pattern_is(data, at, got));
            at += got;
        }
        cr_assert_eq(at, 4000);
        weir_conn_free(end.conn);
        weir_tx_wipe(&tx);
        (void)close(fd[0]);
        (void)close(fd[1]);
    }
}

/* Sending moves when what is sealed has gone; writing waits for that. */
Test(offload, sending_moves_when_nothing_waits)
{
    prepare(BELOW_REKEY);
    list((const struct weir_backend *[]){null_backend()}, 1);
    struct pair *pair = pair_open(WEIR_TLS13, 9000);
    struct weir_conn *conn = pair->client.conn;
    static uint8_t buf[200000];
    size_t put = 0, more = 0, at = 0;
    pattern_fill(buf, 0, sizeof buf);
    weir_status status = weir_conn_write(conn, buf, 100000, &put);
    cr_assert_geq(status, WEIR_OK);
    cr_assert_eq(weir_conn_offload(conn, WEIR_TX, &below[0].backend), WEIR_NEED_OUTPUT);
    cr_assert_eq(carrier(conn, WEIR_TX), null_backend());
    cr_assert_eq(weir_conn_write(conn, buf + put, sizeof buf - put, &more), WEIR_NEED_OUTPUT);
    cr_assert_eq(more, 0);
    cr_assert(weir_conn_events(conn) & POLLOUT);
    for (int i = 0; carrier(conn, WEIR_TX) == null_backend(); i++) {
        cr_assert_lt(i, 1000);
        cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
        cr_assert_geq(weir_conn_flush(conn), WEIR_OK);
    }
    cr_assert_eq(weir_conn_path(conn, WEIR_TX).refusal_count, 0);
    for (int i = 0; put < sizeof buf; i++) {
        cr_assert_lt(i, 1000);
        cr_assert_geq(weir_conn_write(conn, buf + put, sizeof buf - put, &more), WEIR_OK);
        put += more;
        cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
    }
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
    }
    cr_assert_eq(at, sizeof buf);
    cr_assert_eq(weir_conn_offload(conn, WEIR_TX, &below[0].backend), WEIR_OK, "there already");
    cr_assert_eq(weir_tx_counters(weir_conn_tx(conn)).moves, 1);
    pair_free(pair);
}

/* Also when there would be room to seal more. */
Test(offload, nothing_is_sealed_while_a_move_waits)
{
    prepare(BELOW_REKEY);
    list((const struct weir_backend *[]){null_backend()}, 1);
    struct pair *pair = pair_open(WEIR_TLS13, 9000);
    struct weir_conn *conn = pair->client.conn;
    static uint8_t buf[130010];
    size_t put = 0, more = 0, at = 0;
    pattern_fill(buf, 0, sizeof buf);
    cr_assert_geq(weir_conn_write(conn, buf, 100000, &put), WEIR_OK);
    for (int i = 0; at < put; i++) {
        cr_assert_lt(i, 1000);
        cr_assert_geq(weir_conn_flush(conn), WEIR_OK);
        cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
    }
    cr_assert_eq(weir_conn_write(conn, buf + put, 30000, &more), WEIR_OK, "it is all sealed");
    put += more;
    cr_assert_eq(weir_conn_offload(conn, WEIR_TX, &below[0].backend), WEIR_NEED_OUTPUT);
    cr_assert_eq(weir_conn_write(conn, buf + put, 10, &more), WEIR_NEED_OUTPUT);
    cr_assert_eq(more, 0);
    for (int i = 0; more == 0; i++) {
        cr_assert_lt(i, 1000);
        cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
        cr_assert_geq(weir_conn_write(conn, buf + put, 10, &more), WEIR_OK);
    }
    cr_assert_eq(carrier(conn, WEIR_TX), &below[0].backend);
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
    }
    cr_assert_eq(at, put + 10);
    pair_free(pair);
}

/* Whoever has a session and no connection carries out its commands so. */
Test(offload, carrying_out_by_hand)
{
    prepare(BELOW_REKEY);
    list((const struct weir_backend *[]){null_backend()}, 1);
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    struct weir_session *session = weir_conn_session(pair->client.conn);
    static uint64_t memory[2][64];
    struct weir_refusal why;
    struct weir_move move = {
        .backend = &below[0].backend, .ctx = memory[0], .ctx_len = sizeof memory[0]};
    int fd = pair->client.fd;
    cr_assert_eq(weir_posix_carry_out(fd, session, &why), WEIR_OK, "nothing to be done");
    below_plan.fail_at = 2;
    below_plan.fail_with = ENOENT;
    cr_assert_eq(weir_session_offload(session, WEIR_TX, &move, &why), WEIR_PENDING);
    cr_assert_eq(weir_posix_carry_out(fd, session, &why), WEIR_REFUSED);
    cr_assert_eq(why.os_error, ENOENT);
    cr_assert_eq(weir_session_offload(session, WEIR_TX, &move, &why), WEIR_PENDING);
    cr_assert_eq(weir_posix_carry_out(fd, session, &why), WEIR_OK);
    cr_assert_eq(weir_tx_backend(weir_conn_tx(pair->client.conn)), &below[0].backend);
    move.ctx = memory[1];
    cr_assert_eq(weir_session_offload(session, WEIR_RX, &move, &why), WEIR_PENDING);
    cr_assert_eq(weir_posix_carry_out(fd, session, &why), WEIR_OK);

    struct weir_stream_op op;
    const uint8_t *own = NULL;
    cr_assert_eq(weir_session_key_update(session, false, &why), WEIR_OK);
    cr_assert_eq(weir_session_next(session, WEIR_TYPE_DATA, 0, &op, &own), WEIR_OK);
    const struct weir_iov piece = {own, op.len};
    const struct weir_stream_done done = weir_posix_send(fd, &op, &piece, 1);
    cr_assert_eq(weir_session_sent(session, &done), WEIR_PENDING);
    below_plan.put_off = 1;
    cr_assert_eq(weir_posix_carry_out(fd, session, &why), WEIR_NEED_OUTPUT);
    cr_assert_eq(weir_posix_carry_out(fd, session, &why), WEIR_OK);
    cr_assert_eq(weir_session_next(session, WEIR_TYPE_DATA, 1, &op, &own), WEIR_OK);
    pair_free(pair);
}

/* One run of streams both ways, with each direction of each end moved at a random point. */
static void move_at_random(unsigned seed, uint16_t version)
{
    prepare(BELOW_REKEY);
    list((const struct weir_backend *[]){null_backend()}, 1);
    draw_from(seed);
    struct pair *pair = pair_open(version, draw() % 2 ? 6000 + draw() % 20000 : 0);
    struct end *ends[2] = {&pair->client, &pair->server};
    static uint8_t buf[60000];
    size_t out[2] = {0}, in[2] = {0}, when[4];
    const size_t total = 120000;
    for (int i = 0; i < 4; i++) {
        when[i] = (size_t)draw() * 4 % total;
    }
    below_plan.eagain = draw() % 4 == 0 ? 0 : 3 + (unsigned)draw() % 4;
    plan_send.most = plan_recv.most = (size_t)draw() % 3 * 700;
    for (int round = 0; in[0] < total || in[1] < total; round++) {
        cr_assert_lt(round, 20000, "seed %u has come to a stand", seed);
        for (int i = 0; i < 2; i++) {
            struct weir_conn *conn = ends[i]->conn;
            size_t n = (size_t)draw() % (draw() % 3 ? 3000 : sizeof buf), put = 0;
            n = n < total - out[i] ? n : total - out[i];
            pattern_fill(buf, out[i], n);
            for (int dir = 0; dir < 2; dir++) {
                size_t *at = &when[2 * i + dir];
                if ((dir == WEIR_TX ? out[i] : in[i]) >= *at) {
                    *at = SIZE_MAX;
                    cr_assert_geq(weir_conn_offload(conn, (enum weir_dir)dir, &below[0].backend),
                                  WEIR_OK);
                    cr_assert_neq(weir_conn_offload(conn, (enum weir_dir)dir, &below[0].backend),
                                  WEIR_REFUSED);
                }
            }
            if (version == WEIR_TLS13 && draw() % 20 == 0) {
                cr_assert_eq(weir_conn_key_update(conn, draw() % 2), WEIR_OK, "seed %u", seed);
            }
            cr_assert_geq(weir_conn_write(conn, buf, n, &put), WEIR_OK, "seed %u", seed);
            out[i] += put;
            if (draw() % 3) {
                weir_status end = read_pattern(conn, &in[i]);
                cr_assert_eq(end, WEIR_NEED_INPUT, "seed %u: %s", seed,
                             weir_conn_explain(conn, end));
            }
        }
    }
    below_plan.eagain = 0;
    for (int i = 0; i < 100; i++) {
        cr_assert_geq(weir_conn_flush(ends[i % 2]->conn), WEIR_OK);
        cr_assert_eq(read_pattern(ends[i % 2]->conn, &in[i % 2]), WEIR_NEED_INPUT);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(in[i], total);
        struct weir_counters tx = weir_tx_counters(weir_conn_tx(ends[i]->conn));
        struct weir_counters rx = weir_rx_counters(weir_conn_rx(ends[!i]->conn));
        cr_assert_eq(tx.bytes, total);
        cr_assert_eq(rx.bytes, total);
        for (int dir = 0; dir < 2; dir++) {
            bool asked = when[2 * i + dir] == SIZE_MAX;
            cr_assert_eq(carrier(ends[i]->conn, (enum weir_dir)dir) == &below[0].backend, asked,
                         "seed %u", seed);
        }
    }
    plan_send = plan_recv = (struct syscall_plan){0};
    pair_free(pair);
}

Test(offload, at_random_points)
{
    for (unsigned seed = 1; seed <= 300; seed++) {
        move_at_random(seed, seed % 3 ? WEIR_TLS13 : WEIR_TLS12);
    }
}

Test(offload, a_wish_refused)
{
    prepare(0);
    list((const struct weir_backend *[]){null_backend()}, 1);
    end_options[0].policy = end_options[1].policy = WEIR_POLICY_DEFAULT;
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    struct weir_conn *conn = pair->client.conn;
    size_t out[2] = {0}, in[2] = {0};
    cr_assert_eq(weir_conn_offload(conn, WEIR_TX, NULL), WEIR_E_MISUSE);
    cr_assert_eq(weir_conn_offload(conn, WEIR_RX, &below[0].backend), WEIR_REFUSED);
    cr_assert_eq(weir_conn_refusal(conn).code, WEIR_REFUSAL_NO_REKEY);
    below_plan.fail_at = 2;
    below_plan.fail_with = ENOENT;
    cr_assert_eq(weir_conn_offload(conn, WEIR_TX, &below[0].backend), WEIR_REFUSED);
    cr_assert_eq(weir_conn_refusal(conn).os_error, ENOENT);
    const char *words = weir_conn_explain(conn, WEIR_REFUSED);
    cr_assert_not_null(strstr(words, "No such file"), "%s", words);
    cr_assert_eq(weir_conn_offload(conn, WEIR_TX, &foreign), WEIR_REFUSED);
    cr_assert_eq(weir_conn_refusal(conn).code, WEIR_REFUSAL_ABI);
    cr_assert_eq(carrier(conn, WEIR_TX), null_backend());
    goes_on(pair, out, in);
    cr_assert_eq(weir_conn_offload(conn, WEIR_TX, &below[1].backend), WEIR_OK);
    goes_on(pair, out, in);
    cr_assert_eq(weir_conn_offload(conn, WEIR_TX, null_backend()), WEIR_REFUSED);
    cr_assert_eq(weir_conn_refusal(conn).code, WEIR_REFUSAL_NO_TAKE_BACK);
    goes_on(pair, out, in);
    pair_free(pair);

    prepare(0);
    pair = pair_new(WEIR_TLS13, 0);
    cr_assert_eq(weir_conn_offload(pair->client.conn, WEIR_TX, &below[0].backend), WEIR_E_MISUSE);
    cr_assert_eq(weir_conn_query(pair->client.conn, WEIR_TX), WEIR_E_MISUSE);
    pair_free(pair);
}

/* After the end of a direction nothing moves any more. */
Test(offload, not_at_the_end)
{
    prepare(BELOW_REKEY);
    list((const struct weir_backend *[]){null_backend()}, 1);
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    const uint8_t *data = NULL;
    size_t got = 0;
    cr_assert_eq(weir_conn_close(pair->client.conn), WEIR_OK);
    cr_assert_eq(weir_conn_offload(pair->client.conn, WEIR_TX, &below[0].backend),
                 WEIR_NEED_OUTPUT);
    cr_assert_eq(weir_conn_read_view(pair->server.conn, &data, &got), WEIR_CLOSED);
    cr_assert_eq(weir_conn_offload(pair->server.conn, WEIR_RX, &below[0].backend), WEIR_CLOSED);
    cr_assert_eq(below_plan.options, 0);
    pair_free(pair);
}

/* A kernel that gives a direction back: the bound is made exact, and software goes on. */
Test(offload, there_and_back)
{
    prepare(BELOW_REKEY | BELOW_RELEASE);
    list((const struct weir_backend *[]){null_backend()}, 1);
    struct pair *pair = pair_open(WEIR_TLS12, 0);
    struct weir_conn *conn = pair->client.conn;
    size_t out[2] = {0}, in[2] = {0};
    below_plan.record = 1000;
    cr_assert_eq(weir_conn_offload(conn, WEIR_TX, &below[0].backend), WEIR_OK);
    goes_on(pair, out, in);
    /* This kernel would go on sealing; what is tested is where the numbers stand. */
    cr_assert_eq(weir_conn_offload(conn, WEIR_TX, null_backend()), WEIR_OK);
    cr_assert_eq(weir_tx_position(weir_conn_tx(conn)).unsure, 0);
    cr_assert_eq(weir_tx_position(weir_conn_tx(conn)).seq,
                 weir_rx_position(weir_conn_rx(pair->server.conn)).seq);
    cr_assert_eq(weir_tx_counters(weir_conn_tx(conn)).moves, 2);
    pair_free(pair);
}
