/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending. */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static void empty_send(const void *suite)
{
    int fd[2];
    facts_sender(fd, suite);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, "", 0, 0), 0);
    CHECK_EQ(facts_seq(fd[0], TLS_TX, suite), 0);
}

static void empty_control(const void *suite)
{
    int fd[2];
    uint8_t type = 0, out[RAW_RECORD];
    struct raw_key key = facts_sender(fd, suite);
    CHECK_EQ(raw_send(fd[0], RAW_ALERT, "", 0, 0), 0);
    uint64_t seq = facts_seq(fd[0], TLS_TX, suite);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, "x", 1, 0), 1);
    if (seq == 1) {
        CHECK_EQ(facts_take(fd[1], &key, &type, out), 0);
        CHECK_EQ(type, RAW_ALERT);
    } else {
        CHECK_EQ(seq, 0);
    }
    CHECK_EQ(facts_take(fd[1], &key, &type, out), 1);
    CHECK_EQ(type, RAW_DATA);
}

static void open_record(const void *suite)
{
    int fd[2];
    uint8_t type = 0, out[RAW_RECORD];
    struct raw_key key = facts_sender(fd, suite);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, "open", 4, MSG_MORE), 4);
    CHECK_EQ(facts_seq(fd[0], TLS_TX, suite), 0);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, "still", 5, MSG_MORE), 5);
    CHECK_EQ(facts_seq(fd[0], TLS_TX, suite), 0);
    CHECK_EQ(raw_send(fd[0], RAW_ALERT, "\1\0", 2, 0), 2);
    CHECK_EQ(facts_seq(fd[0], TLS_TX, suite), 2);
    CHECK_EQ(facts_take(fd[1], &key, &type, out), 9);
    CHECK_EQ(type, RAW_DATA);
    check_bytes("contents", out, "openstill", 9);
    CHECK_EQ(facts_take(fd[1], &key, &type, out), 2);
    CHECK_EQ(type, RAW_ALERT);
}

/* Reads records to the end of the stream; returns how many, and checks the bytes. */
static uint64_t count_records(int fd, struct raw_key *key, size_t total)
{
    uint8_t type = 0, out[RAW_RECORD];
    uint64_t records = 0;
    for (size_t done = 0; done < total; records++) {
        ssize_t n = facts_take(fd, key, &type, out);
        CHECK(n > 0);
        CHECK_EQ(type, RAW_DATA);
        CHECK(n <= (ssize_t)(total - done));
        CHECK_EQ(check_differs(out, (size_t)n, done, 4), n);
        done += (size_t)n;
    }
    return records;
}

/*
 * 64 fragments of 100 bytes, spliced: they would fit one record, and become more. So the number of
 * records does not follow from the number of bytes; only asking tells.
 */
static void early_close(const void *suite)
{
    enum { PIECES = 64, PIECE = 100 };
    int fd[2], pipes[2];
    struct raw_key key = facts_sender(fd, suite);
    char *pages =
        mmap(NULL, PIECES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && pipe(pipes) == 0 && fcntl(pipes[0], F_SETPIPE_SZ, 1 << 20) > 0);
    for (size_t i = 0; i < PIECES; i++) {
        struct iovec iov = {pages + i * 4096, PIECE};
        check_fill(iov.iov_base, PIECE, i * PIECE, 4);
        CHECK_EQ(vmsplice(pipes[1], &iov, 1, 0), PIECE);
    }
    CHECK_EQ(splice(pipes[0], NULL, fd[0], NULL, PIECES * PIECE, SPLICE_F_MORE), PIECES * PIECE);
    uint64_t closed = facts_seq(fd[0], TLS_TX, suite);
    CHECK_EQ(raw_send(fd[0], RAW_ALERT, "\1\0", 2, 0), 2);
    uint64_t records = count_records(fd[1], &key, PIECES * PIECE);
    CHECK(closed >= 1 && records > 1);
    CHECK_EQ(facts_seq(fd[0], TLS_TX, suite), (long long)records + 1);
}

/* A file becomes records of 16384 bytes at most, none of them empty; the last is not left open. */
static void file(const void *suite)
{
    enum { SIZE = 70001, FROM = 3 };
    static uint8_t bytes[SIZE];
    int fd[2], source = memfd_create("file", 0);
    struct raw_key key = facts_sender(fd, suite);
    check_fill(bytes + FROM, SIZE - FROM, 0, 4);
    CHECK_EQ(write(source, bytes, SIZE), SIZE);
    off_t offset = FROM;
    CHECK_EQ(sendfile(fd[0], source, &offset, SIZE), SIZE - FROM);
    uint64_t records = count_records(fd[1], &key, SIZE - FROM);
    CHECK(records >= 5);
    CHECK_EQ(facts_seq(fd[0], TLS_TX, suite), (long long)records);
}

static void flags(const void *suite)
{
    int fd[2];
    char room[CMSG_SPACE(1)] = {0};
    struct iovec iov = {(void *)(uintptr_t) "x", 1};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    facts_sender(fd, suite);
    CHECK_ERR(raw_send(fd[0], RAW_DATA, "x", 1, MSG_OOB), -EOPNOTSUPP);
    CHECK_ERR(raw_send(fd[0], RAW_ALERT, "x", 1, MSG_MORE), -EINVAL);
    struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
    head->cmsg_level = SOL_TLS;
    head->cmsg_type = 99;
    head->cmsg_len = CMSG_LEN(1);
    CHECK(sendmsg(fd[0], &msg, 0) == -1 && errno == EINVAL);
    CHECK_EQ(facts_seq(fd[0], TLS_TX, suite), 0);
}

static void last_number(const void *suite)
{
    int fd[2];
    struct raw_key key = raw_key(suite, 1);
    raw_pair(fd);
    key.seq = UINT64_MAX;
    CHECK_ERR(raw_attach(fd[0]), 0);
    CHECK_ERR(raw_set_key(fd[0], TLS_TX, &key), 0);
    CHECK_ERR(raw_send(fd[0], RAW_DATA, "x", 1, 0), -EBADMSG);
}

/* Sends until the socket takes no more, then control; what was taken arrives, in order, once. */
static void full_socket(const void *suite)
{
    enum { ROOM = 64 << 20 };
    int fd[2], small = 20000;
    size_t put = 0;
    uint8_t type = 0, out[RAW_RECORD];
    struct raw_key key = facts_sender(fd, suite);
    CHECK(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    raw_nonblocking(fd[0], true);
    uint8_t *bytes = malloc(ROOM);
    CHECK(bytes != NULL);
    check_fill(bytes, ROOM, 0, 4);
    for (ssize_t n = 1; n > 0; put += n > 0 ? (size_t)n : 0) {
        CHECK(put < ROOM - 50000);
        n = raw_send(fd[0], RAW_DATA, bytes + put, 50000, 0);
        CHECK(n > 0 || n == -EAGAIN);
    }
    CHECK_ERR(raw_send(fd[0], RAW_ALERT, "\1\0", 2, 0), -EAGAIN);
    uint64_t records = 0;
    size_t got = 0;
    while (got < put) {
        /* The kernel goes on by itself as the peer reads; nothing has to be sent again. */
        ssize_t n = facts_take(fd[1], &key, &type, out);
        CHECK(n > 0 && type == RAW_DATA && (size_t)n <= put - got);
        CHECK_EQ(check_differs(out, (size_t)n, got, 4), n);
        got += (size_t)n;
        records++;
    }
    CHECK_EQ(facts_seq(fd[0], TLS_TX, suite), (long long)records);
    free(bytes);
}

static void long_control(const void *suite)
{
    static uint8_t bytes[RAW_MAX + 100], out[RAW_RECORD];
    int fd[2];
    uint8_t type = 0;
    struct raw_key key = facts_sender(fd, suite);
    CHECK_EQ(raw_send(fd[0], RAW_HANDSHAKE, bytes, sizeof bytes, 0), (long long)sizeof bytes);
    CHECK_EQ(facts_take(fd[1], &key, &type, out), RAW_MAX);
    CHECK_EQ(type, RAW_HANDSHAKE);
    CHECK_EQ(facts_take(fd[1], &key, &type, out), 100);
    CHECK_EQ(type, RAW_HANDSHAKE);
}

static void no_alert(const void *suite)
{
    int fd[2];
    uint8_t type = 0, out[RAW_RECORD];
    struct raw_key key = facts_sender(fd, suite);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, "last", 4, 0), 4);
    CHECK(shutdown(fd[0], SHUT_WR) == 0);
    CHECK_EQ(facts_take(fd[1], &key, &type, out), 4);
    CHECK_EQ(facts_take(fd[1], &key, &type, out), -1);
}

static void payload_limit(const void *arg)
{
    const struct raw_suite *suite = arg;
    int fd[2];
    uint8_t type = 0, out[RAW_RECORD], bytes[3000] = {0};
    uint16_t limit = 1000, low = suite->version == TLS_1_3_VERSION ? 62 : 63;
    struct raw_key key = facts_sender(fd, suite);
    int status = raw_set(fd[0], RAW_TX_MAX_PAYLOAD_LEN, &limit, sizeof limit);
    if (status == -ENOPROTOOPT) {
        check_skip("this kernel has no TLS_TX_MAX_PAYLOAD_LEN");
    }
    CHECK_ERR(status, 0);
    CHECK_ERR(raw_set(fd[0], RAW_TX_MAX_PAYLOAD_LEN, &low, sizeof low), -EINVAL);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, bytes, sizeof bytes, 0), (long long)sizeof bytes);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(facts_take(fd[1], &key, &type, out), 1000);
    }
    CHECK_EQ(raw_send(fd[0], RAW_DATA, bytes, 10, MSG_MORE), 10);
    CHECK_ERR(raw_set(fd[0], RAW_TX_MAX_PAYLOAD_LEN, &limit, sizeof limit), -EBUSY);
}

const struct fact facts_tx[] = {
    {"an empty send makes no record", empty_send, 0},
    {"an empty control record is one record or none", empty_control, 0},
    {"an open record is not counted, and control closes it", open_record, 0},
    {"a record may be closed early", early_close, 0},
    {"sendfile leaves no record open", file, 0},
    {"flags and ancillary data that are refused", flags, 0},
    {"the last sequence number is not used", last_number, 0},
    {"a full socket takes nothing in part", full_socket, 0},
    {"long control is cut in records of its type", long_control, 0},
    {"no alert is sent by the kernel", no_alert, 0},
    {"TLS_TX_MAX_PAYLOAD_LEN", payload_limit, 0},
    {NULL, NULL, 0},
};
