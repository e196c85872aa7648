/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair.h"

#include "aead_null.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t hello[] = {'h', 'e', 'l', 'o'};

/* ---- the handshake ---- */

static struct fake *of(struct weir_handshake *hs)
{
    return (struct fake *)(void *)hs;
}

static weir_status drive(struct weir_handshake *hs, const uint8_t *in, size_t len, size_t *consumed)
{
    struct fake *f = of(hs);
    size_t n = sizeof hello - f->heard < len ? sizeof hello - f->heard : len;
    *consumed = n;
    if (n > 0 && memcmp(in, hello + f->heard, n) != 0) {
        f->failed = true;
        return WEIR_E_HANDSHAKE;
    }
    f->heard += n;
    return f->heard == sizeof hello && !f->suspended ? WEIR_OK : WEIR_NEED_INPUT;
}

static void output(struct weir_handshake *hs, const uint8_t **data, size_t *len)
{
    bool may_speak = !hs->server || of(hs)->heard == sizeof hello || of(hs)->failed;
    *data = hello + of(hs)->said;
    *len = may_speak ? sizeof hello - of(hs)->said : 0;
}

static void output_taken(struct weir_handshake *hs, size_t len)
{
    of(hs)->said += len;
}

void fake_keys(struct weir_keys *keys, uint16_t version, bool server)
{
    *keys = (struct weir_keys){.version = version};
    keys->suite = version == WEIR_TLS13 ? WEIR_TLS_AES_128_GCM_SHA256
                                        : WEIR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    keys->at.nonce_rule = version == WEIR_TLS13 ? WEIR_NONCE_IMPLICIT : WEIR_NONCE_SEQ;
    memset(keys->key, server ? 0x5e : 0xc1, 16);
    memset(keys->iv, server ? 0x51 : 0xc2, version == WEIR_TLS13 ? 12 : 4);
    if (version == WEIR_TLS13) {
        keys->secret_len = 32;
        memset(keys->secret, server ? 0x55 : 0xc5, 32);
    }
}

static weir_status take_keys(struct weir_handshake *hs, struct weir_keys *tx, struct weir_keys *rx,
                             struct weir_refusal *why)
{
    (void)why;
    fake_keys(tx, of(hs)->version, hs->server);
    fake_keys(rx, of(hs)->version, !hs->server);
    return WEIR_OK;
}

static weir_status deliver(struct weir_handshake *hs, const uint8_t *data, size_t len)
{
    struct fake *f = of(hs);
    cr_assert(f->delivered_len + len <= sizeof f->delivered);
    memcpy(f->delivered + f->delivered_len, data, len);
    if (f->delivered_len == 0) {
        memcpy(f->epochs_then, f->epochs, sizeof f->epochs);
    }
    f->delivered_len += len;
    return f->deliver_answer;
}

static weir_status collect(struct weir_handshake *hs, struct weir_control *control)
{
    struct fake *f = of(hs);
    *control = (struct weir_control){.kind = WEIR_CONTROL_NONE};
    if (f->wish_next < f->wish_count) {
        *control = f->wishes[f->wish_next++];
    }
    return control->why.code == WEIR_REFUSAL_NONE ? WEIR_OK : WEIR_REFUSED;
}

static void epochs(struct weir_handshake *hs, uint16_t tx, uint16_t rx)
{
    of(hs)->epochs[0] = tx;
    of(hs)->epochs[1] = rx;
}

static const char *error(struct weir_handshake *hs)
{
    return of(hs)->heard == sizeof hello ? "no wish of mine" : "this is not helo";
}

static void chosen(struct weir_handshake *hs, uint16_t *version, uint16_t *suite)
{
    struct weir_keys keys;
    fake_keys(&keys, of(hs)->version, false);
    *version = keys.version;
    *suite = keys.suite;
}

static size_t record_limit(struct weir_handshake *hs, enum weir_dir dir)
{
    (void)dir;
    return of(hs)->limit == 0 ? WEIR_MAX_PLAINTEXT : of(hs)->limit;
}

static void release(struct weir_handshake *hs)
{
    of(hs)->released++;
}

/* Not an HMAC, but as different for every input. */
static weir_status mix(weir_hash hash, const uint8_t *key, size_t key_len, const uint8_t *message,
                       size_t message_len, uint8_t *out)
{
    uint64_t sum = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < key_len + message_len; i++) {
        uint8_t byte = i < key_len ? key[i] : message[i - key_len];
        sum = (sum ^ byte) * 0x100000001b3u;
    }
    for (size_t i = 0; i < WEIR_HASH_LEN(hash); i++) {
        sum ^= sum >> 29;
        sum *= 0xbf58476d1ce4e5b9u;
        out[i] = (uint8_t)(sum >> 56);
    }
    return WEIR_OK;
}

static const struct weir_kdf mix_kdf = {
    .abi = WEIR_KDF_ABI,
    .hashes = 1u << WEIR_SHA256,
    .name = "mix",
    .hmac = mix,
};

/* ---- ends ---- */

const struct weir_backend *null_backend(void)
{
    static struct weir_soft soft;
    static const struct weir_backend *backend;
    struct weir_refusal why;
    if (backend == NULL) {
        cr_assert_eq(weir_soft_init(&soft, &weir_aead_null, &why), WEIR_OK);
        backend = &soft.backend;
    }
    return backend;
}

struct end_options end_options[2];

void end_open(struct end *end, int fd, bool server, uint16_t version)
{
    static const struct weir_backend *backends[1];
    backends[0] = null_backend();
    *end = (struct end){.fd = fd};
    end->fake.version = version;
    end->fake.handshake = (struct weir_handshake){.abi = WEIR_HANDSHAKE_ABI,
                                                  .library = "fake",
                                                  .server = server,
                                                  .drive = drive,
                                                  .output = output,
                                                  .output_taken = output_taken,
                                                  .take_keys = take_keys,
                                                  .deliver = deliver,
                                                  .collect = collect,
                                                  .epochs = epochs,
                                                  .kdf = &mix_kdf,
                                                  .error = error,
                                                  .chosen = chosen,
                                                  .record_limit = record_limit,
                                                  .release = release};
    struct weir_conn_config config = {
        .fd = fd, .handshake = &end->fake.handshake, .backends = backends, .backend_count = 1};
    const struct end_options *options = &end_options[server];
    if (options->backend_count > 0) {
        config.backends = options->backends;
        config.backend_count = options->backend_count;
    }
    config.policy = options->policy;
    config.reversible = options->reversible;
    config.pad_multiple = options->pad_multiple;
    /* One thread then does all, under the locks of two. */
    config.two_threads = getenv("WEIR_TEST_TWO_THREADS") != NULL;
    end->conn = weir_conn_new(&config);
    cr_assert_not_null(end->conn);
}

static void sockets(int fd[2], int buffer)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    for (int i = 0; i < 2 && buffer > 0; i++) {
        (void)setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
        (void)setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    }
}

struct pair *pair_new(uint16_t version, int buffer)
{
    struct pair *pair = calloc(1, sizeof *pair);
    int fd[2];
    cr_assert_not_null(pair);
    sockets(fd, buffer);
    end_open(&pair->client, fd[0], false, version);
    end_open(&pair->server, fd[1], true, version);
    return pair;
}

struct pair *pair_open(uint16_t version, int buffer)
{
    struct pair *pair = pair_new(version, buffer);
    weir_status client = WEIR_NEED_INPUT, server = WEIR_NEED_INPUT;
    for (int i = 0; i < 100 && (client != WEIR_OK || server != WEIR_OK); i++) {
        client = weir_conn_handshake(pair->client.conn);
        server = weir_conn_handshake(pair->server.conn);
    }
    cr_assert_eq(client, WEIR_OK);
    cr_assert_eq(server, WEIR_OK);
    return pair;
}

static void end_free(struct end *end)
{
    weir_conn_free(end->conn);
    cr_assert_eq(end->fake.released, 1);
    (void)close(end->fd);
}

void pair_free(struct pair *pair)
{
    end_free(&pair->client);
    end_free(&pair->server);
    free(pair);
}

/* ---- a raw peer ---- */

static void *memory_for(const struct weir_backend *backend)
{
    void *memory = NULL;
    size_t align = backend->ctx_align < sizeof(void *) ? sizeof(void *) : backend->ctx_align;
    cr_assert_eq(posix_memalign(&memory, align, backend->ctx_size), 0);
    return memory;
}

struct raw *raw_open(uint16_t version, bool server)
{
    struct raw *raw = calloc(1, sizeof *raw);
    const struct weir_backend *backend = null_backend();
    struct weir_keys tx, rx;
    struct weir_refusal why;
    int fd[2];
    uint8_t heard[4];
    cr_assert_not_null(raw);
    sockets(fd, 0);
    raw->fd = fd[1];
    end_open(&raw->end, fd[0], server, version);
    raw_send(raw, hello, sizeof hello);
    cr_assert_eq(weir_conn_handshake(raw->end.conn), WEIR_OK);
    cr_assert_eq(read(raw->fd, heard, 4), 4);
    fake_keys(&tx, version, !server);
    fake_keys(&rx, version, server);
    raw->memory[0] = memory_for(backend);
    raw->memory[1] = memory_for(backend);
    cr_assert_eq(weir_tx_init(&raw->tx, &tx, backend, raw->memory[0], backend->ctx_size, &why),
                 WEIR_OK);
    cr_assert_eq(weir_rx_init(&raw->rx, &rx, backend, raw->memory[1], backend->ctx_size, &why),
                 WEIR_OK);
    return raw;
}

void raw_hang_up(struct raw *raw)
{
    (void)close(raw->fd);
    raw->fd = -1;
}

void raw_free(struct raw *raw)
{
    end_free(&raw->end);
    if (raw->fd >= 0) {
        (void)close(raw->fd);
    }
    weir_tx_wipe(&raw->tx);
    weir_rx_wipe(&raw->rx);
    free(raw->memory[0]);
    free(raw->memory[1]);
    free(raw);
}

void raw_send(struct raw *raw, const void *data, size_t len)
{
    cr_assert_eq(write(raw->fd, data, len), (ssize_t)len);
}

void raw_say(struct raw *raw, uint8_t type, const void *data, size_t len)
{
    uint8_t out[WEIR_MAX_RECORD];
    struct weir_iov in = {.base = data, .len = len};
    size_t taken = 0, made = 0;
    cr_assert_eq(weir_tx_seal(&raw->tx, type, &in, 1, out, sizeof out, &taken, &made), WEIR_OK);
    raw_send(raw, out, made);
}

static bool read_exactly(int fd, uint8_t *to, size_t len)
{
    while (len > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        cr_assert_eq(poll(&wait, 1, 2000), 1, "the other end says nothing");
        ssize_t n = read(fd, to, len);
        cr_assert(n >= 0 || errno == EINTR);
        if (n == 0) {
            return false;
        }
        to += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

uint8_t raw_hear(struct raw *raw, uint8_t *out, size_t cap, size_t *len)
{
    uint8_t wire[WEIR_MAX_RECORD];
    struct weir_record record = {0};
    size_t consumed = 0, count = 0;
    *len = 0;
    if (!read_exactly(raw->fd, wire, WEIR_HEADER_LEN)) {
        return 0;
    }
    size_t want = weir_rx_want(&raw->rx, wire, WEIR_HEADER_LEN);
    cr_assert(want <= sizeof wire);
    cr_assert(read_exactly(raw->fd, wire + WEIR_HEADER_LEN, want - WEIR_HEADER_LEN));
    weir_status status = weir_rx_open(&raw->rx, wire, want, &consumed, &record, 1, &count);
    cr_assert(status >= WEIR_OK && count == 1, "a record that does not open");
    cr_assert(record.len <= cap);
    memcpy(out, record.data, record.len);
    *len = record.len;
    return record.type;
}

void raw_expect_alert(struct raw *raw, uint8_t alert)
{
    uint8_t content[WEIR_MAX_PLAINTEXT];
    size_t len = 0;
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_ALERT);
    cr_assert_eq(len, 2);
    cr_assert_eq(content[0], 2, "a fatal alert");
    cr_assert_eq(content[1], alert, "alert %u, not %u", alert, content[1]);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), 0, "nothing after it but FIN");
}

/* ---- chance ---- */

static uint64_t drawn = 1;

void draw_from(unsigned seed)
{
    drawn = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

int draw(void)
{
    drawn = drawn * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)(drawn >> 49);
}

/* ---- the test stream ---- */

uint8_t pattern(size_t at)
{
    return (uint8_t)((at * 2654435761u) >> 13 ^ at >> 16);
}

void pattern_fill(uint8_t *buf, size_t at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        buf[i] = pattern(at + i);
    }
}

bool pattern_is(const uint8_t *buf, size_t at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (buf[i] != pattern(at + i)) {
            return false;
        }
    }
    return true;
}

weir_status read_pattern(struct weir_conn *conn, size_t *at)
{
    static uint8_t buf[50000];
    for (;;) {
        size_t got = 0;
        weir_status status = weir_conn_read(conn, buf, sizeof buf, &got);
        cr_assert_eq(got > 0, status == WEIR_OK);
        if (status != WEIR_OK) {
            return status;
        }
        cr_assert(pattern_is(buf, *at, got), "wrong bytes after %zu", *at);
        *at += got;
    }
}
