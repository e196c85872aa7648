/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending files, and what a connection is made of. */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A file of `len` bytes of the pattern; it has no name. */
static FILE *pattern_file(size_t len)
{
    static uint8_t buf[65536];
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    for (size_t at = 0; at < len;) {
        size_t n = len - at < sizeof buf ? len - at : sizeof buf;
        pattern_fill(buf, at, n);
        cr_assert_eq(fwrite(buf, 1, n, file), n);
        at += n;
    }
    cr_assert_eq(fflush(file), 0);
    return file;
}

static void send_all(struct pair *pair, int file, uint64_t *offset, uint64_t end, size_t *at)
{
    weir_status status = WEIR_NEED_OUTPUT;
    while (status == WEIR_NEED_OUTPUT) {
        status = weir_conn_sendfile(pair->client.conn, file, offset, end - *offset);
        cr_assert(status == WEIR_OK || status == WEIR_NEED_OUTPUT, "%s",
                  weir_conn_explain(pair->client.conn, status));
        cr_assert_eq(read_pattern(pair->server.conn, at), WEIR_NEED_INPUT);
    }
    while (weir_conn_flush(pair->client.conn) == WEIR_NEED_OUTPUT) {
        cr_assert_eq(read_pattern(pair->server.conn, at), WEIR_NEED_INPUT);
    }
    cr_assert_eq(read_pattern(pair->server.conn, at), WEIR_NEED_INPUT);
}

Test(files, sent_whole)
{
    for (int v = 0; v < 2; v++) {
        struct pair *pair = pair_open(v == 0 ? WEIR_TLS12 : WEIR_TLS13, v == 0 ? 0 : 5000);
        FILE *file = pattern_file(1000001);
        uint64_t offset = 0;
        size_t at = 0;
        send_all(pair, fileno(file), &offset, 1000001, &at);
        cr_assert_eq(offset, 1000001);
        cr_assert_eq(at, 1000001);
        (void)fclose(file);
        pair_free(pair);
    }
}

Test(files, sent_in_ranges)
{
    static const uint64_t ends[] = {1, 16384, 16385, 50000, 99999, 100000};
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    FILE *file = pattern_file(100000);
    uint64_t offset = 0;
    size_t at = 0;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        send_all(pair, fileno(file), &offset, ends[i], &at);
        cr_assert_eq(offset, ends[i]);
        cr_assert_eq(at, ends[i]);
    }
    /* Beyond the end there is nothing, and that is no error. */
    cr_assert_eq(weir_conn_sendfile(pair->client.conn, fileno(file), &offset, 10), WEIR_OK);
    cr_assert_eq(offset, 100000);
    offset = 99990;
    cr_assert_eq(weir_conn_sendfile(pair->client.conn, fileno(file), &offset, 1000), WEIR_OK);
    cr_assert_eq(offset, 100000);
    (void)fclose(file);
    pair_free(pair);
}

Test(files, between_writes_and_key_updates)
{
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    FILE *file = pattern_file(100000);
    uint8_t out[1000];
    uint64_t offset = 1000;
    size_t at = 0, put = 0;
    pattern_fill(out, 0, sizeof out);
    cr_assert_eq(weir_conn_write(pair->client.conn, out, sizeof out, &put), WEIR_OK);
    cr_assert_eq(weir_conn_key_update(pair->client.conn, true), WEIR_OK);
    cr_assert_eq(weir_conn_sendfile(pair->client.conn, fileno(file), &offset, 49000), WEIR_OK);
    cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
    cr_assert_eq(at, 50000);
    (void)fclose(file);
    pair_free(pair);
}

/* When the key is used up, sendfile renews it and goes on. */
Test(files, key_limit)
{
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    FILE *file = pattern_file(500000);
    uint64_t offset = 0;
    size_t at = 0;
    weir_tx_set_limit(weir_session_tx(weir_conn_session(pair->client.conn)),
                      (struct weir_limit){.soft = 3000, .hard = 0});
    send_all(pair, fileno(file), &offset, 500000, &at);
    cr_assert_eq(at, 500000);
    cr_assert(weir_tx_counters(weir_conn_tx(pair->client.conn)).rekeys >= 8);
    (void)fclose(file);
    pair_free(pair);
}

Test(files, that_cannot_be_read)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    uint64_t offset = 0;
    size_t put = 0;
    int fd = open("/dev/null", O_WRONLY);
    cr_assert_eq(weir_conn_sendfile(raw->end.conn, fd, &offset, 100), WEIR_E_IO);
    const char *words = weir_conn_explain(raw->end.conn, WEIR_E_IO);
    cr_assert_not_null(strstr(words, "pread: Bad file descriptor"), "%s", words);
    cr_assert_eq(offset, 0);
    cr_assert_eq(weir_conn_sendfile(raw->end.conn, fd, &offset, 100), WEIR_E_IO);
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_E_IO);
    (void)close(fd);
    raw_free(raw);
}

Test(files, after_close)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    FILE *file = pattern_file(10);
    uint64_t offset = 0;
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_OK);
    cr_assert_eq(weir_conn_sendfile(raw->end.conn, fileno(file), &offset, 10), WEIR_E_MISUSE);
    (void)fclose(file);
    raw_free(raw);
}

/* The TLS library may have closed as well. */
Test(files, after_close_by_the_library)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    FILE *file = pattern_file(10);
    uint8_t content[WEIR_MAX_PLAINTEXT];
    uint64_t offset = 0;
    size_t len = 0;
    raw->end.fake.wishes[0] = (struct weir_control){.kind = WEIR_CONTROL_CLOSE};
    raw->end.fake.wish_count = 1;
    cr_assert_eq(weir_conn_pump(raw->end.conn), WEIR_OK);
    cr_assert_eq(weir_conn_sendfile(raw->end.conn, fileno(file), &offset, 10), WEIR_E_MISUSE);
    cr_assert_eq(offset, 0);
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_OK);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_ALERT);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), 0, "nothing behind close_notify");
    (void)fclose(file);
    raw_free(raw);
}

/* A key at its limit that cannot be renewed: the peer is told. */
Test(files, hard_key_limit)
{
    struct raw *raw = raw_open(WEIR_TLS12, true);
    FILE *file = pattern_file(100000);
    static uint8_t content[WEIR_MAX_PLAINTEXT];
    uint64_t offset = 0;
    size_t len = 0;
    weir_tx_set_limit(weir_session_tx(weir_conn_session(raw->end.conn)),
                      (struct weir_limit){.soft = 1500, .hard = 3000});
    cr_assert_eq(weir_conn_sendfile(raw->end.conn, fileno(file), &offset, 100000),
                 WEIR_E_KEY_LIMIT);
    cr_assert_eq(offset, 2 * WEIR_MAX_PLAINTEXT);
    cr_assert_eq(weir_conn_sendfile(raw->end.conn, fileno(file), &offset, 10), WEIR_E_KEY_LIMIT);
    (void)weir_conn_close(raw->end.conn);
    for (size_t at = 0; at < offset; at += len) {
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_DATA);
        cr_assert(pattern_is(content, at, len));
    }
    raw_expect_alert(raw, 80);
    (void)fclose(file);
    raw_free(raw);
}

/* ---- what a connection is made of ---- */

static bool refuse(const struct weir_backend *self, const struct weir_keys *keys, enum weir_dir dir,
                   struct weir_refusal *why)
{
    (void)self;
    *why = (struct weir_refusal){.code = dir == WEIR_TX ? WEIR_REFUSAL_NOT_BUILT
                                                        : WEIR_REFUSAL_NOT_THIS_OS,
                                 .layer = WEIR_LAYER_BACKEND,
                                 .detail = keys->suite};
    return false;
}

/* A backend that says no to everything, or is of another interface version. */
static struct weir_backend refusing(uint32_t abi)
{
    struct weir_backend backend = *null_backend();
    backend.abi = abi;
    backend.name = "refusing";
    backend.supports = refuse;
    return backend;
}

static struct weir_conn *conn_with(struct end *end, int fd[2],
                                   const struct weir_backend *const *backends, size_t count)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    end_open(end, fd[0], true, WEIR_TLS13);
    weir_conn_free(end->conn);
    struct weir_conn_config config = {.fd = fd[0],
                                      .handshake = &end->fake.handshake,
                                      .backends = backends,
                                      .backend_count = count};
    struct weir_conn *conn = weir_conn_new(&config);
    cr_assert_not_null(conn);
    cr_assert_eq(write(fd[1], "helo", 4), 4);
    return conn;
}

Test(files, reasons_of_those_that_refused)
{
    struct weir_backend no = refusing(WEIR_BACKEND_ABI), old = refusing(WEIR_BACKEND_ABI + 1);
    const struct weir_backend *backends[] = {&old, &no, null_backend()};
    struct end end;
    int fd[2];
    struct weir_conn *conn = conn_with(&end, fd, backends, 3);
    cr_assert_null(weir_conn_path(conn, WEIR_TX).backend);
    cr_assert_eq(weir_conn_handshake(conn), WEIR_OK);
    struct weir_conn_path tx = weir_conn_path(conn, WEIR_TX), rx = weir_conn_path(conn, WEIR_RX);
    cr_assert_eq(tx.backend, null_backend());
    cr_assert_eq(tx.refusal_count, 2);
    cr_assert_eq(tx.refusals[0].code, WEIR_REFUSAL_ABI);
    cr_assert_eq(tx.refusals[1].code, WEIR_REFUSAL_NOT_BUILT);
    cr_assert_eq(tx.refusals[1].detail, WEIR_TLS_AES_128_GCM_SHA256);
    cr_assert_eq(rx.refusals[1].code, WEIR_REFUSAL_NOT_THIS_OS);
    weir_conn_free(conn);
    (void)close(fd[0]);
    (void)close(fd[1]);
}

Test(files, nobody_takes_it)
{
    struct weir_backend no = refusing(WEIR_BACKEND_ABI);
    const struct weir_backend *backends[] = {&no};
    struct end end;
    int fd[2];
    uint8_t buf[16];
    struct weir_conn *conn = conn_with(&end, fd, backends, 1);
    cr_assert_eq(weir_conn_handshake(conn), WEIR_REFUSED);
    cr_assert_eq(weir_conn_handshake(conn), WEIR_REFUSED);
    cr_assert_eq(weir_conn_refusal(conn).code, WEIR_REFUSAL_NOT_BUILT);
    const char *words = weir_conn_explain(conn, WEIR_REFUSED);
    cr_assert_not_null(strstr(words, "not_built"), "%s", words);
    cr_assert_eq(weir_conn_events(conn), 0);
    cr_assert_null(weir_conn_path(conn, WEIR_TX).backend);
    cr_assert_eq(read(fd[1], buf, sizeof buf), 4);
    cr_assert_eq(read(fd[1], buf, sizeof buf), 0, "the peer sees the end");
    weir_conn_free(conn);
    (void)close(fd[0]);
    (void)close(fd[1]);
}

static void expect_no_conn(const struct weir_conn_config *config, int error)
{
    errno = 0;
    cr_assert_null(weir_conn_new(config));
    cr_assert_eq(errno, error);
}

Test(files, configurations_that_cannot_be)
{
    const struct weir_backend *backends[] = {null_backend()}, *none[] = {NULL};
    struct end end;
    int fd[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    end_open(&end, fd[0], true, WEIR_TLS13);
    const struct weir_conn_config good = {
        .fd = fd[0], .handshake = &end.fake.handshake, .backends = backends, .backend_count = 1};
    struct weir_conn_config bad = good;
    bad.handshake = NULL;
    expect_no_conn(&bad, EINVAL);
    bad = good;
    bad.backend_count = 0;
    expect_no_conn(&bad, EINVAL);
    bad = good;
    bad.backends = none;
    expect_no_conn(&bad, EINVAL);
    bad = good;
    bad.record_limit = 16385;
    expect_no_conn(&bad, EINVAL);
    bad = good;
    bad.pad_multiple = 16385;
    expect_no_conn(&bad, EINVAL);
    bad = good;
    bad.fd = -1;
    expect_no_conn(&bad, EBADF);
    end.fake.handshake.abi++;
    expect_no_conn(&good, EINVAL);
    cr_assert_eq(end.fake.released, 0, "it stays the caller's");
    weir_conn_free(NULL);
    weir_conn_free(end.conn);
    (void)close(fd[0]);
    (void)close(fd[1]);
}
