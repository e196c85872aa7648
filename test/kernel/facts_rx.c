/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving. */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Empty records between others: what successive reads answer. D and C: 11 bytes of data and of
 * control; d and c: empty ones. The digits are lengths, in the order of the answers; `t` marks
 * a data type, `k` a control type.
 */
static void empty_records(const void *suite)
{
    static const struct {
        const char *wire;
        int lengths[4];
    } rows[] = {
        {"DDD", {33, -EAGAIN}},    {"DcD", {11, 0, 11, -EAGAIN}}, {"ddd", {-EAGAIN}},
        {"ddC", {0, 11, -EAGAIN}}, {"ddc", {0, 0, -EAGAIN}},      {"ccc", {0, 0, 0, -EAGAIN}},
        {"ddD", {11, -EAGAIN}},    {"Ddd", {11, -EAGAIN}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd[2], type = -1;
        char in[64];
        struct raw_key key = facts_receiver(fd, suite);
        for (const char *at = rows[i].wire; *at != '\0'; at++) {
            facts_put(fd[0], &key, *at == 'D' || *at == 'd' ? RAW_DATA : 100, "hello world",
                      *at == 'D' || *at == 'C' ? 11 : 0);
        }
        usleep(20000);
        raw_nonblocking(fd[1], true);
        for (size_t j = 0; j < 4; j++) {
            ssize_t n = raw_recv(fd[1], in, sizeof in, 0, &type, NULL);
            if (n != rows[i].lengths[j]) {
                FAIL("%s: answer %zu is %zd, not %d", rows[i].wire, j, n, rows[i].lengths[j]);
            }
            if (n < 0) {
                break;
            }
            CHECK(type == RAW_DATA || type == 100);
        }
        close(fd[0]);
        close(fd[1]);
    }
}

static void control_without_room(const void *suite)
{
    int fd[2], type = -1;
    char in[8];
    struct raw_key key = facts_receiver(fd, suite);
    facts_put(fd[0], &key, RAW_DATA, "data", 4);
    facts_put(fd[0], &key, RAW_ALERT, "\1\0", 2);
    CHECK_EQ(read(fd[1], in, sizeof in), 4);
    for (int i = 0; i < 2; i++) {
        CHECK(read(fd[1], in, sizeof in) == -1 && errno == EIO);
    }
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), 2);
    CHECK_EQ(type, RAW_ALERT);
}

/* What the parser refuses is said once; after that the socket is silent for ever. */
static void said_once(const struct raw_suite *suite, size_t at, uint8_t value, int error)
{
    int fd[2], type = -1;
    char in[8];
    uint8_t record[RAW_RECORD];
    struct raw_key key = facts_receiver(fd, suite);
    size_t len = raw_seal(&key, RAW_DATA, "data", 4, record);
    record[at] = value;
    raw_write_all(fd[0], record, len);
    CHECK_ERR(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), error);
    facts_put(fd[0], &key, RAW_DATA, "more", 4);
    raw_nonblocking(fd[1], true);
    for (int i = 0; i < 3; i++) {
        CHECK_ERR(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), -EAGAIN);
    }
}

static void too_long(const void *suite)
{
    said_once(suite, 3, 0x41, -EMSGSIZE);
}

static void wrong_version(const void *suite)
{
    said_once(suite, 2, 1, -EINVAL);
}

static void too_short(const void *suite)
{
    int fd[2], type = -1;
    char in[8];
    facts_receiver(fd, suite);
    /* A ChangeCipherSpec. With an explicit nonce the parser waits for that before it looks. */
    raw_write_all(fd[0], "\24\3\3\0\1\1", 6);
    raw_write_all(fd[0], "12345678", 8);
    CHECK_ERR(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), -EBADMSG);
}

/*
 * The error of a bad record stands on the socket, where the sending direction meets it, too: no
 * alert gets out before SO_ERROR has been read. Nothing was sealed by the sends that failed.
 */
static void bad_record_and_send(const void *suite)
{
    int fd[2], type = -1;
    char in[8];
    uint8_t record[RAW_RECORD];
    struct raw_key key = facts_receiver(fd, suite), back = raw_key(suite, 9);
    CHECK_ERR(raw_set_key(fd[1], TLS_TX, &back), 0);
    size_t len = raw_seal(&key, RAW_DATA, "data", 4, record);
    record[len - 1] ^= 0x80;
    raw_write_all(fd[0], record, len);
    long errors = facts_stat("TlsDecryptError");
    CHECK_ERR(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), -EBADMSG);
    CHECK(facts_stat("TlsDecryptError") > errors);
    for (int i = 0; i < 3; i++) {
        CHECK_ERR(raw_send(fd[1], RAW_ALERT, "\2\24", 2, 0), -EBADMSG);
    }
    CHECK_EQ(facts_seq(fd[1], TLS_TX, suite), 0);
    int error = 0;
    socklen_t size = sizeof error;
    CHECK(getsockopt(fd[1], SOL_SOCKET, SO_ERROR, &error, &size) == 0);
    CHECK_EQ(error, EBADMSG);
    CHECK_EQ(raw_send(fd[1], RAW_ALERT, "\2\24", 2, 0), 2);
    CHECK_EQ(facts_seq(fd[1], TLS_TX, suite), 1);
    CHECK_ERR(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), -EBADMSG);
}

static void splice_control(const void *suite)
{
    int fd[2], pipes[2], type = -1;
    char in[8];
    struct raw_key key = facts_receiver(fd, suite);
    CHECK(pipe(pipes) == 0);
    facts_put(fd[0], &key, RAW_DATA, "one", 3);
    facts_put(fd[0], &key, RAW_DATA, "three", 5);
    facts_put(fd[0], &key, RAW_ALERT, "\1\0", 2);
    usleep(20000);
    CHECK_EQ(splice(fd[1], NULL, pipes[1], NULL, 1000, 0), 3);
    CHECK_EQ(splice(fd[1], NULL, pipes[1], NULL, 1000, 0), 5);
    for (int i = 0; i < 2; i++) {
        CHECK(splice(fd[1], NULL, pipes[1], NULL, 1000, 0) == -1 && errno == EINVAL);
    }
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), 2);
    CHECK_EQ(type, RAW_ALERT);
    CHECK_EQ(read(pipes[0], in, sizeof in), 8);
    check_bytes("contents", in, "onethree", 8);
}

static void part_of_a_record(const void *suite)
{
    int fd[2], type = -1;
    char in[8];
    uint8_t record[RAW_RECORD];
    struct raw_key key = facts_receiver(fd, suite);
    size_t len = raw_seal(&key, RAW_DATA, "data", 4, record);
    struct pollfd ready = {.fd = fd[1], .events = POLLIN};
    raw_write_all(fd[0], record, len - 1);
    /* Older kernels, 6.1 among them, call it readable because TCP has bytes; it is still not. */
    CHECK(poll(&ready, 1, 50) == 0 || (ready.revents & POLLIN) != 0);
    CHECK_ERR(raw_recv(fd[1], in, 1, MSG_DONTWAIT, &type, NULL), -EAGAIN);
    raw_write_all(fd[0], record + len - 1, 1);
    CHECK_EQ(poll(&ready, 1, 5000), 1);
    CHECK_EQ(facts_seq(fd[1], TLS_RX, suite), 0);
    CHECK_EQ(raw_recv(fd[1], in, 1, MSG_PEEK, &type, NULL), 1);
    CHECK_EQ(facts_seq(fd[1], TLS_RX, suite), 1);
    int flags = 0;
    CHECK_EQ(raw_recv(fd[1], in, 3, 0, &type, &flags), 3);
    CHECK((flags & MSG_EOR) == 0);
    CHECK_EQ(raw_recv(fd[1], in, 3, 0, &type, &flags), 1);
    CHECK((flags & MSG_EOR) != 0);
    CHECK_EQ(facts_seq(fd[1], TLS_RX, suite), 1);
}

static void queued_before(const void *suite)
{
    static uint8_t bytes[RAW_MAX], in[3 * RAW_MAX];
    int fd[2], type = -1;
    struct raw_key key = raw_key(suite, 5), same = key;
    raw_pair(fd);
    for (uint64_t i = 0; i < 3; i++) {
        check_fill(bytes, sizeof bytes, i * sizeof bytes, 4);
        facts_put(fd[0], &key, RAW_DATA, bytes, sizeof bytes);
    }
    usleep(20000);
    CHECK_ERR(raw_attach(fd[1]), 0);
    CHECK_ERR(raw_set_key(fd[1], TLS_RX, &same), 0);
    for (size_t done = 0; done < sizeof in;) {
        ssize_t n = raw_recv(fd[1], in + done, sizeof in - done, 0, &type, NULL);
        CHECK(n > 0);
        done += (size_t)n;
    }
    CHECK_EQ(check_differs(in, sizeof in, 0, 4), (long long)sizeof in);
}

static void end_of_stream(const void *suite)
{
    int fd[2], type = 0;
    char in[8];
    struct raw_key key = facts_receiver(fd, suite);
    facts_put(fd[0], &key, RAW_DATA, "", 0);
    CHECK(shutdown(fd[0], SHUT_WR) == 0);
    ssize_t n = raw_recv(fd[1], in, sizeof in, 0, &type, NULL);
    if (n == 0 && type == RAW_DATA) {
        /* Empty data before the end is a zero with a type: not the end yet. */
        n = raw_recv(fd[1], in, sizeof in, 0, &type, NULL);
    }
    CHECK_EQ(n, 0);
    CHECK_EQ(type, -1);
}

static void end_inside_a_record(const void *suite)
{
    int fd[2], type = 0;
    char in[8];
    uint8_t record[RAW_RECORD];
    struct raw_key key = facts_receiver(fd, suite);
    size_t len = raw_seal(&key, RAW_DATA, "data", 4, record);
    raw_write_all(fd[0], record, len - 1);
    CHECK(shutdown(fd[0], SHUT_WR) == 0);
    /* The kernel does not tell it from an end between records. */
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), 0);
    CHECK_EQ(type, -1);
}

/* Padding is taken off; a record of nothing but padding has no type, so it is a bad one. */
static void padding(const void *suite)
{
    int fd[2], type = -1;
    char in[64];
    uint8_t record[RAW_RECORD], inner[30] = "data\x17"; /* then zeros */
    struct raw_key key = facts_receiver(fd, suite);
    /* raw_seal appends the type; a type of 0 is one more byte of padding. */
    raw_write_all(fd[0], record, raw_seal(&key, 0, inner, sizeof inner, record));
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), 4);
    CHECK_EQ(type, RAW_DATA);
    raw_write_all(fd[0], record, raw_seal(&key, 0, inner + 10, 20, record));
    CHECK_ERR(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), -EBADMSG);
}

static void expect_no_pad(const void *suite)
{
    int fd[2], type = -1, on = 1;
    char in[64];
    struct raw_key key = facts_receiver(fd, suite);
    int status = raw_set(fd[1], RAW_RX_EXPECT_NO_PAD, &on, sizeof on);
    if (status == -ENOPROTOOPT) {
        check_skip("this kernel has no TLS_RX_EXPECT_NO_PAD");
    }
    CHECK_ERR(status, 0);
    long retries = facts_stat("TlsDecryptRetry"), padded = facts_stat("TlsRxNoPadViolation");
    uint8_t record[RAW_RECORD], inner[30] = "data\x17";
    facts_put(fd[0], &key, RAW_DATA, "fine", 4);
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), 4);
    CHECK_EQ(facts_stat("TlsDecryptRetry"), retries);
    raw_write_all(fd[0], record, raw_seal(&key, 0, inner, sizeof inner, record));
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), 4);
    check_bytes("contents", in, "data", 4);
    CHECK_EQ(facts_stat("TlsDecryptRetry"), retries + 1);
    CHECK_EQ(facts_stat("TlsRxNoPadViolation"), padded + 1);
    facts_put(fd[0], &key, RAW_ALERT, "\1\0", 2);
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), 2);
    CHECK_EQ(type, RAW_ALERT);
}

const struct fact facts_rx[] = {
    {"empty records between others", empty_records, TLS_1_2_VERSION},
    {"control without room for its type is EIO, and stays", control_without_room, 0},
    {"a record too long is EMSGSIZE, once", too_long, 0},
    {"a wrong version is EINVAL, once", wrong_version, 0},
    {"a record too short is EBADMSG", too_short, 0},
    {"a bad record stops the sending direction until SO_ERROR is read", bad_record_and_send, 0},
    {"splice takes data only, a record at a time", splice_control, 0},
    {"a part of a record is not given, a peek counts it", part_of_a_record, 0},
    {"records that waited for the key", queued_before, 0},
    {"an end with an empty record before it", end_of_stream, 0},
    {"an end inside a record looks like any other", end_inside_a_record, 0},
    {"padding is taken off", padding, TLS_1_3_VERSION},
    {"TLS_RX_EXPECT_NO_PAD is right with padding, too", expect_no_pad, TLS_1_3_VERSION},
    {NULL, NULL, 0},
};
