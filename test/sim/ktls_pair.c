/* SPDX-License-Identifier: BSD-2-Clause */
#include "ktls_pair.h"

#include "ktls_aead.h"

#include <stdlib.h>

#define STREAM_LEN (1u << 21) /* the most that an end can say */
#define MANY       100000u    /* steps of anything that must come to an end */

/* TEST_KDF is a provider of the build. */
#include TEST_KDF_HEADER

const struct suite suites[6] = {
    {"1.2 AES-128-GCM", WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
    {"1.2 AES-256-GCM", WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
    {"1.2 ChaCha20-Poly1305", WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
    {"1.3 AES-128-GCM", WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256},
    {"1.3 AES-256-GCM", WEIR_TLS13, WEIR_TLS_AES_256_GCM_SHA384},
    {"1.3 ChaCha20-Poly1305", WEIR_TLS13, WEIR_TLS_CHACHA20_POLY1305_SHA256},
};

static struct weir_soft soft;
static uint8_t stream[2][STREAM_LEN]; /* what the ends say */

unsigned rounds(unsigned all, unsigned few)
{
    const char *small = getenv("WEIR_TEST_SMALL");

    return small != NULL && strcmp(small, "1") == 0 ? few : all;
}

size_t below(struct pair *p, size_t limit)
{
    return (size_t)sim_random_below(&p->random, limit);
}

static const uint8_t *stream_of(const struct end *e, uint64_t at, size_t len)
{
    cr_assert(at + len <= STREAM_LEN, "an end says too much");
    return stream[e->name[0] == 'u' ? 0 : 1] + at;
}

static void tap_bytes(struct sim_tap *self, uint64_t offset, const uint8_t *p, size_t len)
{
    struct wiretap *tap = (struct wiretap *)(void *)self;

    (void)offset;
    tap->bytes += len;
    while (len > 0) {
        size_t n = tap->body_left < len ? tap->body_left : len;
        tap->body_left -= n;
        p += n;
        len -= n;
        while (len > 0 && tap->body_left == 0) {
            tap->header[tap->header_len++] = *p++;
            len--;
            if (tap->header_len == sizeof tap->header) {
                tap->header_len = 0;
                tap->records++;
                tap->body_left = sim_get_be16(tap->header + 3);
                if (tap->body_left >= tap->extra)
                    tap->blocks += (tap->body_left - tap->extra + 15) / 16 + 1;
            }
        }
    }
}

static void random_bytes(struct pair *p, uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)sim_random(&p->random);
}

static void make_keys(struct pair *p, struct weir_keys *keys)
{
    const struct weir_suite *suite = weir_suite_find(p->suite->suite);
    uint8_t secret[48];

    memset(keys, 0, sizeof *keys);
    random_bytes(p, secret, sizeof secret);
    if (p->suite->version == WEIR_TLS13) {
        cr_assert_eq(weir_keys_from_secret(keys, &TEST_KDF, p->suite->suite, secret,
                                           WEIR_HASH_LEN(suite->hash)),
                     WEIR_OK);
    } else {
        bool gcm = suite->alg != WEIR_CHACHA20_POLY1305;
        keys->version = WEIR_TLS12;
        keys->suite = p->suite->suite;
        random_bytes(p, keys->key, weir_alg_key_len((weir_alg)suite->alg));
        random_bytes(p, keys->iv, gcm ? 4 : 12);
        keys->at.seq = 1; /* Finished was record 0 */
        if (gcm) {
            bool by_seq = below(p, 2) == 0;
            keys->at.nonce_rule = by_seq ? WEIR_NONCE_SEQ : WEIR_NONCE_COUNTER;
            keys->at.explicit_nonce = by_seq ? 1 : sim_random(&p->random);
        }
    }
}

static void begin(struct pair *p, struct end *e, bool server)
{
    struct weir_keys tx = e->tx_keys, rx = e->rx_keys;

    rx.at.explicit_nonce = 0;
    cr_assert_eq(weir_tx_init(&e->tx, &tx, &soft.backend, e->soft_tx, sizeof e->soft_tx, &e->why),
                 WEIR_OK);
    cr_assert_eq(weir_rx_init(&e->rx, &rx, &soft.backend, e->soft_rx, sizeof e->soft_rx, &e->why),
                 WEIR_OK);
    const struct weir_session_config config = {
        .tx = &e->tx, .rx = &e->rx, .kdf = &TEST_KDF, .server = server};
    cr_assert_eq(weir_session_init(&e->session, &config), WEIR_OK);
    e->socket = sim_linux_socket_new(&p->kernel, true);
    e->server = server;
    e->said.tap.bytes = tap_bytes;
    e->said.extra = (size_t)weir_tx_shape(&e->tx).prefix - WEIR_HEADER_LEN + WEIR_TAG_LEN;
    end_features(e, WEIR_LINUX_KTLS_SAFE);
}

struct pair *pair_open(const struct suite *suite, uint64_t seed, bool we_serve, size_t limit)
{
    static bool filled;
    struct pair *p = sim_alloc(sizeof *p);
    struct weir_refusal why;

    if (!filled) {
        p->random = 77;
        random_bytes(p, stream[0], sizeof stream);
        filled = true;
    }
    p->suite = suite;
    p->random = seed;
    p->ledger = sim_ledger_new();
    ktls_ledger = p->ledger;
    cr_assert_eq(weir_soft_init(&soft, &ktls_aead, &why), WEIR_OK);
    sim_linux_init(&p->kernel, seed);
    p->kernel.ledger = p->ledger;
    p->us.name = "us";
    p->peer.name = "peer";
    p->us.other = &p->peer;
    p->peer.other = &p->us;
    make_keys(p, &p->us.tx_keys);
    make_keys(p, &p->us.rx_keys);
    p->peer.tx_keys = p->us.rx_keys;
    p->peer.rx_keys = p->us.tx_keys;
    begin(p, &p->us, we_serve);
    begin(p, &p->peer, !we_serve);
    sim_linux_connect(p->us.socket, p->peer.socket, limit);
    sim_pipe_tap(sim_linux_out_pipe(p->us.socket), &p->us.said.tap);
    sim_pipe_tap(sim_linux_out_pipe(p->peer.socket), &p->peer.said.tap);
    return p;
}

void pair_close(struct pair *p)
{
    cr_assert_null(sim_ledger_fault(p->ledger), "%s: %s", p->suite->name,
                   sim_ledger_fault(p->ledger));
    cr_assert_eq(sim_ledger_repeats(p->ledger), 0, "a record was sealed twice");
    weir_session_wipe(&p->us.session);
    weir_session_wipe(&p->peer.session);
    sim_linux_close(p->us.socket);
    sim_linux_close(p->peer.socket);
    sim_ledger_free(p->ledger);
    free(p);
}

void end_features(struct end *e, uint32_t features)
{
    weir_linux_ktls_init(&e->ktls, features);
}

weir_status end_run(struct end *e)
{
    weir_status status = WEIR_OK;
    const struct weir_cmd *cmd;
    enum weir_dir dir;

    for (unsigned i = 0; (cmd = weir_session_command(&e->session, &dir)) != NULL; i++) {
        cr_assert(i < 1000, "commands without an end");
        const struct weir_done done = sim_linux_exec(e->socket, cmd);
        status = weir_session_complete(&e->session, dir, &done, &e->why);
    }
    return status;
}

bool end_in_kernel(const struct end *e, enum weir_dir dir)
{
    return (dir == WEIR_TX ? weir_tx_backend(&e->tx) : weir_rx_backend(&e->rx)) == &e->ktls.backend;
}

weir_status end_move(struct end *e, enum weir_dir dir, weir_policy policy)
{
    const struct weir_move move = {
        .backend = &e->ktls.backend,
        .ctx = dir == WEIR_TX ? &e->ktls_tx : &e->ktls_rx,
        .ctx_len = sizeof e->ktls_tx,
        .left = dir == WEIR_TX ? e->sealed_len : e->raw_len,
        .policy = policy,
    };
    weir_status status = weir_session_offload(&e->session, dir, &move, &e->why);

    return status == WEIR_PENDING ? end_run(e) : status;
}

/* The transport failed: nothing more can be said. */
static weir_status transport_failed(struct end *e)
{
    weir_session_fail(&e->session, WEIR_E_IO);
    return weir_session_status(&e->session);
}

static bool again(const struct end *e)
{
    int error = sim_linux_errno(e->socket);

    return error == EAGAIN || error == EINTR;
}

void end_raw(struct end *e, const void *bytes, size_t len)
{
    const struct sim_iov iov = {bytes, len};
    const struct sim_linux_out msg = {.iov = &iov, .iov_count = 1};

    cr_assert_eq(sim_linux_sendmsg(e->socket, &msg, LINUX_MSG_DONTWAIT), (int64_t)len);
}

/* Gives TCP what software has sealed. WEIR_OK: all of it. */
static weir_status push(struct end *e)
{
    while (e->sealed_len > 0) {
        const struct sim_iov iov = {e->sealed, e->sealed_len};
        const struct sim_linux_out msg = {.iov = &iov, .iov_count = 1};
        int64_t n = sim_linux_sendmsg(e->socket, &msg, LINUX_MSG_DONTWAIT);
        if (n < 0)
            return again(e) ? WEIR_NEED_OUTPUT : transport_failed(e);
        e->sealed_len -= (size_t)n;
        memmove(e->sealed, e->sealed + n, e->sealed_len);
    }
    return WEIR_OK;
}

/* What goes out next: the session's own, and then up to `len` bytes of `type`. WEIR_OK when all is
 * out; `*left` of the bytes are not. */
static weir_status say_stream(struct end *e, uint8_t type, const uint8_t *data, size_t *left)
{
    for (unsigned i = 0; i < MANY; i++) {
        struct weir_stream_op op;
        const uint8_t *own;

        weir_status status = weir_session_next(&e->session, type, *left, &op, &own);
        if (status == WEIR_PENDING) {
            (void)end_run(e);
            continue;
        }
        if (status != WEIR_OK || op.len == 0)
            return status;
        const struct weir_stream_done done =
            sim_linux_exec_send(e->socket, &op, own != NULL ? own : data);
        status = weir_session_sent(&e->session, &done);
        if (own == NULL) {
            data += done.len;
            *left -= done.len;
        }
        if (status == WEIR_PENDING)
            (void)end_run(e);
        else if (status != WEIR_OK && status != WEIR_REKEY_DUE)
            return status;
        if (*left == 0 && own == NULL)
            return status == WEIR_PENDING ? WEIR_OK : status;
    }
    cr_assert_fail("%s sends without an end", e->name);
    return WEIR_E_MISUSE;
}

weir_status end_say(struct end *e, size_t len)
{
    const uint8_t *data = stream_of(e, e->sent, len);

    if (end_in_kernel(e, WEIR_TX)) {
        size_t left = len;
        weir_status status = say_stream(e, WEIR_TYPE_DATA, data, &left);
        e->sent += len - left;
        return status;
    }
    weir_status status = push(e);
    if (status != WEIR_OK)
        return status;
    const struct weir_iov iov = {data, len};
    size_t taken = 0;
    status = weir_session_send(&e->session, &iov, 1, e->sealed, sizeof e->sealed, &taken,
                               &e->sealed_len);
    e->sent += taken;
    weir_status pushed = push(e);
    return status == WEIR_OK ? pushed : status;
}

/* A NewSessionTicket (RFC 8446 section 4.6.1) as far as a session looks into it. */
static void make_message(uint8_t *to, size_t len, uint64_t number)
{
    to[0] = 4;
    to[1] = 0;
    sim_put_be16(to + 2, (uint16_t)(len - 4));
    for (size_t i = 4; i < len; i++)
        to[i] = (uint8_t)(number * 31 + i * 7);
}

weir_status end_say_message(struct end *e, size_t len)
{
    uint8_t message[WEIR_MAX_PLAINTEXT];
    weir_status status;

    cr_assert(len >= 4 && len <= sizeof message);
    make_message(message, len, e->messages);
    if (end_in_kernel(e, WEIR_TX)) {
        size_t left = len;
        status = say_stream(e, WEIR_TYPE_HANDSHAKE, message, &left);
        cr_assert(left == 0 || left == len);
        e->messages += left == 0;
        return status;
    }
    status = push(e);
    if (status != WEIR_OK)
        return status;
    size_t made = 0;
    status =
        weir_session_send_handshake(&e->session, message, len, e->sealed, sizeof e->sealed, &made);
    e->messages += status == WEIR_OK;
    e->sealed_len = made;
    weir_status pushed = push(e);
    return status == WEIR_OK ? pushed : status;
}

weir_status end_flush(struct end *e)
{
    size_t nothing = 0, made = 0;

    if (end_in_kernel(e, WEIR_TX))
        return say_stream(e, WEIR_TYPE_DATA, NULL, &nothing);
    weir_status status = push(e);
    if (e->sealed_len > 0)
        return status;
    status = weir_session_flush(&e->session, e->sealed, sizeof e->sealed, &made);
    e->sealed_len = made;
    weir_status pushed = push(e);
    return status == WEIR_OK ? pushed : status;
}

/* Holds what came against what was said. */
static void look_at(struct end *e, const struct weir_record *r)
{
    struct end *other = e->other;

    if (r->type == WEIR_TYPE_DATA) {
        cr_assert(e->heard + r->len <= other->sent, "%s heard more than was said", e->name);
        if (r->len > 0)
            cr_assert_eq(memcmp(r->data, stream_of(other, e->heard, r->len), r->len), 0,
                         "%s heard a wrong byte from %llu on", e->name,
                         (unsigned long long)e->heard);
        e->heard += r->len;
        return;
    }
    if (e->deaf)
        return;
    uint8_t message[WEIR_MAX_PLAINTEXT];
    cr_assert_eq(r->type, WEIR_TYPE_HANDSHAKE);
    cr_assert(r->len >= 4 && r->len <= sizeof message);
    make_message(message, r->len, e->messages_heard++);
    cr_assert_eq(memcmp(r->data, message, r->len), 0, "%s heard a wrong message", e->name);
}

static weir_status hear_kernel(struct end *e)
{
    static uint8_t buffer[1u << 18];
    struct weir_stream_op op;
    struct weir_record r;
    size_t count, room = e->room > 0 ? e->room : WEIR_MAX_PLAINTEXT;

    weir_status status = weir_session_want(&e->session, &op);
    for (unsigned i = 0; status == WEIR_PENDING && i < 10; i++) {
        (void)end_run(e);
        status = weir_session_want(&e->session, &op);
    }
    if (status != WEIR_OK)
        return status;
    cr_assert(op.control_len > 0, "a read without a control buffer");
    cr_assert(op.len <= room);
    const struct weir_stream_done done = sim_linux_exec_receive(e->socket, &op, buffer, room);
    if (done.os_error != 0 && !again(e)) {
        int pending;
        uint32_t len = sizeof pending;
        (void)sim_linux_getsockopt(e->socket, LINUX_SOL_SOCKET, LINUX_SO_ERROR, &pending, &len);
    }
    status = weir_session_received(&e->session, &done, buffer, &r, &count);
    if (count > 0)
        look_at(e, &r);
    if (status == WEIR_PENDING) {
        status = end_run(e);
        return status < 0 ? status : WEIR_OK;
    }
    return status;
}

weir_status end_hear(struct end *e, size_t most)
{
    struct weir_record out[8];
    size_t consumed, count;

    if (end_in_kernel(e, WEIR_RX))
        return hear_kernel(e);
    if (most > sizeof e->raw - e->raw_len)
        most = sizeof e->raw - e->raw_len;
    struct sim_linux_in msg = {.buffer = e->raw + e->raw_len, .len = most};
    int64_t n = most > 0 ? sim_linux_recvmsg(e->socket, &msg, LINUX_MSG_DONTWAIT) : 0;
    if (n < 0)
        return again(e) ? WEIR_NEED_INPUT : transport_failed(e);
    if (n == 0 && most > 0)
        return weir_session_end_of_stream(&e->session);
    e->raw_len += (size_t)n;
    for (;;) {
        weir_status status =
            weir_session_receive(&e->session, e->raw, e->raw_len, &consumed, out, 8, &count);
        for (size_t i = 0; i < count; i++)
            look_at(e, &out[i]);
        e->raw_len -= consumed;
        memmove(e->raw, e->raw + consumed, e->raw_len);
        if (status == WEIR_NEED_INPUT)
            return WEIR_OK; /* something came: there may be more in the socket */
        if (status != WEIR_OK)
            return status;
    }
}

weir_status end_hear_all(struct end *e)
{
    for (unsigned i = 0; i < MANY; i++) {
        weir_status status = end_hear(e, 16384);
        if (status != WEIR_OK)
            return status;
    }
    cr_assert_fail("%s hears without an end", e->name);
    return WEIR_E_MISUSE;
}

void end_align(struct end *e)
{
    for (unsigned i = 0; e->raw_len > 0 && i < MANY; i++) {
        size_t want = weir_rx_want(&e->rx, e->raw, e->raw_len);
        weir_status status = end_hear(e, want - e->raw_len);
        if (status == WEIR_NEED_INPUT)
            (void)end_flush(e->other);
        else if (status != WEIR_OK)
            return;
    }
}

void end_query(struct end *e)
{
    weir_status status = weir_tx_query(&e->tx, &e->why);
    if (status == WEIR_PENDING)
        status = end_run(e);
    cr_assert_eq(status, WEIR_OK, "%s", weir_status_name(status));
    status = weir_rx_query(&e->rx, &e->why);
    if (status == WEIR_PENDING)
        status = end_run(e);
    cr_assert_eq(status, WEIR_OK, "%s", weir_status_name(status));
}

static void is_well(const struct end *e, weir_status status)
{
    cr_assert(status >= 0, "%s: %s", e->name, weir_status_name(status));
}

/* Nothing of it is under way. */
static bool quiet(const struct end *e)
{
    return e->sealed_len == 0 && !weir_session_wants_flush(&e->session) &&
           sim_linux_outq(e->socket) == 0;
}

void pair_live(struct pair *p, size_t bytes)
{
    uint64_t us = p->us.sent + bytes, peer = p->peer.sent + bytes;

    for (unsigned i = 0; i < MANY; i++) {
        if (p->us.sent < us)
            is_well(&p->us, end_say(&p->us, (size_t)(us - p->us.sent)));
        if (p->peer.sent < peer)
            is_well(&p->peer, end_say(&p->peer, (size_t)(peer - p->peer.sent)));
        is_well(&p->us, end_hear_all(&p->us));
        is_well(&p->peer, end_hear_all(&p->peer));
        is_well(&p->us, end_flush(&p->us));
        is_well(&p->peer, end_flush(&p->peer));
        if (p->us.heard == peer && p->peer.heard == us &&
            p->us.messages_heard == p->peer.messages && p->peer.messages_heard == p->us.messages &&
            quiet(&p->us) && quiet(&p->peer))
            return;
    }
    cr_assert_fail("us %llu of %llu, peer %llu of %llu", (unsigned long long)p->us.heard,
                   (unsigned long long)peer, (unsigned long long)p->peer.heard,
                   (unsigned long long)us);
}

void pair_finish(struct pair *p)
{
    const struct weir_session *us = &p->us.session, *peer = &p->peer.session;

    cr_assert_eq(weir_session_close(&p->us.session), WEIR_OK);
    cr_assert_eq(weir_session_close(&p->peer.session), WEIR_OK);
    for (unsigned i = 0; i < 100 && (weir_session_status(us) != WEIR_CLOSED ||
                                     weir_session_status(peer) != WEIR_CLOSED);
         i++) {
        is_well(&p->us, end_flush(&p->us));
        is_well(&p->peer, end_flush(&p->peer));
        is_well(&p->us, end_hear_all(&p->us));
        is_well(&p->peer, end_hear_all(&p->peer));
    }
    cr_assert_eq(weir_session_status(us), WEIR_CLOSED);
    cr_assert_eq(weir_session_status(peer), WEIR_CLOSED);
}

static void counts(const struct end *e)
{
    struct weir_counters tx = weir_tx_counters(&e->tx), rx = weir_rx_counters(&e->rx);

    cr_assert_eq(tx.records, e->said.records, "%s made %llu records of %llu", e->name,
                 (unsigned long long)tx.records, (unsigned long long)e->said.records);
    cr_assert_eq(tx.wire_bytes, e->said.bytes);
    cr_assert_eq(tx.bytes, e->sent);
    cr_assert_eq(weir_tx_position(&e->tx).unsure, 0);
    cr_assert_eq(rx.records, e->other->said.records, "%s took %llu records of %llu", e->name,
                 (unsigned long long)rx.records, (unsigned long long)e->other->said.records);
    cr_assert_eq(rx.wire_bytes, e->other->said.bytes);
    cr_assert_eq(rx.bytes, e->heard);
    cr_assert_eq(weir_rx_position(&e->rx).unsure, 0);
}

void pair_counts(struct pair *p)
{
    counts(&p->us);
    counts(&p->peer);
}
