/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel under test can do, and whether its TLS moves records at all: by system calls,
 * with nothing of weir.
 */
#include "check.h"
#include "raw.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

static const struct raw_suite *suite_of(const void *arg)
{
    return arg;
}

static const char *answer(int status)
{
    return status == 0 ? "yes" : strerror(-status);
}

static void note_features(const void *arg)
{
    (void)arg;
    struct utsname name;
    CHECK(uname(&name) == 0);
    for (size_t i = 0; i < raw_suite_count; i += raw_suite_count / 2) {
        int fd[2], on = 1;
        uint16_t limit = 4096;
        raw_tls_pair(fd, &raw_suites[i]);
        struct raw_key next = raw_key(&raw_suites[i], 7);
        int payload = raw_set(fd[0], RAW_TX_MAX_PAYLOAD_LEN, &limit, sizeof limit);
        int zerocopy = raw_set(fd[0], RAW_TX_ZEROCOPY_RO, &on, sizeof on);
        int no_pad = raw_set(fd[1], RAW_RX_EXPECT_NO_PAD, &on, sizeof on);
        int rekey = raw_set_key(fd[0], TLS_TX, &next);
        check_note("Linux %s, %.7s: rekey: %s; TLS_TX_ZEROCOPY_RO: %s; TLS_RX_EXPECT_NO_PAD: %s; "
                   "TLS_TX_MAX_PAYLOAD_LEN: %s",
                   name.release, raw_suites[i].name, answer(rekey), answer(zerocopy),
                   answer(no_pad), answer(payload));
        /* What cannot be done must be refused in the way that a backend looks for. */
        CHECK(rekey == 0 || rekey == -EBUSY);
        CHECK(zerocopy == 0 || zerocopy == -ENOPROTOOPT);
        CHECK(no_pad == 0 || no_pad == -ENOPROTOOPT || no_pad == -EINVAL);
        CHECK(payload == 0 || payload == -ENOPROTOOPT);
        close(fd[0]);
        close(fd[1]);
    }
}

/* 40,000 bytes, an alert, and one byte more: in three records, one and one. */
static void data_and_control(const void *arg)
{
    static uint8_t out[40000], in[40000];
    int fd[2], type = -1, flags = 0;
    raw_tls_pair(fd, suite_of(arg));
    check_fill(out, sizeof out, 0, 1);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, out, sizeof out, 0), (long long)sizeof out);
    CHECK_EQ(raw_send(fd[0], RAW_ALERT, "\1\0", 2, 0), 2);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, "x", 1, 0), 1);
    for (size_t done = 0; done < sizeof out;) {
        ssize_t n = raw_recv(fd[1], in + done, sizeof in - done, 0, &type, &flags);
        CHECK(n > 0);
        CHECK_EQ(type, RAW_DATA);
        done += (size_t)n;
    }
    CHECK_EQ(check_differs(in, sizeof in, 0, 1), (long long)sizeof in);
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, &flags), 2);
    CHECK_EQ(type, RAW_ALERT);
    CHECK((flags & MSG_EOR) != 0);
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, &flags), 1);
    CHECK_EQ(type, RAW_DATA);

    struct raw_key tx = {.suite = arg}, rx = {.suite = arg};
    CHECK_ERR(raw_get_key(fd[0], TLS_TX, &tx), 0);
    CHECK_ERR(raw_get_key(fd[1], TLS_RX, &rx), 0);
    CHECK_EQ(tx.seq, 5);
    CHECK_EQ(rx.seq, 5);
}

/* What the kernel puts on the wire, read by somebody else. */
static void wire(const void *arg)
{
    static uint8_t out[RAW_MAX + 10], record[RAW_RECORD], data[RAW_RECORD];
    int fd[2];
    raw_pair(fd);
    struct raw_key key = raw_key(arg, 3);
    key.seq = 0x0102;
    CHECK_ERR(raw_attach(fd[0]), 0);
    CHECK_ERR(raw_set_key(fd[0], TLS_TX, &key), 0);
    check_fill(out, sizeof out, 0, 2);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, out, sizeof out, 0), (long long)sizeof out);
    CHECK_EQ(raw_send(fd[0], RAW_HANDSHAKE, "hello", 5, 0), 5);
    const struct {
        uint8_t type;
        const void *data;
        size_t len;
    } wanted[] = {
        {RAW_DATA, out, RAW_MAX}, {RAW_DATA, out + RAW_MAX, 10}, {RAW_HANDSHAKE, "hello", 5}};
    for (size_t i = 0; i < 3; i++) {
        uint8_t type = 0, nonce[8];
        raw_read_all(fd[1], record, 5);
        size_t len = (size_t)record[3] << 8 | record[4];
        CHECK(len <= sizeof record - 5);
        raw_read_all(fd[1], record + 5, len);
        if (raw_has_nonce(key.suite)) {
            /* Our explicit nonce goes on from the one given, whatever the sequence number. */
            for (int j = 0; j < 8; j++) {
                nonce[j] = (uint8_t)(key.nonce >> (56 - 8 * j));
            }
            check_bytes("explicit nonces", record + 5, nonce, 8);
        }
        ssize_t n = raw_open(&key, record, 5 + len, &type, data);
        CHECK_EQ(n, (long long)wanted[i].len);
        CHECK_EQ(type, wanted[i].type);
        check_bytes("contents", data, wanted[i].data, wanted[i].len);
    }
    struct raw_key told = {.suite = arg};
    CHECK_ERR(raw_get_key(fd[0], TLS_TX, &told), 0);
    CHECK_EQ(told.seq, 0x0105);
    CHECK(!raw_has_nonce(key.suite) || told.nonce == key.nonce);
    check_bytes("keys", told.key, key.key, key.suite->key_len);
}

/* A good record is delivered, a changed one never; and the socket goes on saying so. */
static void bad_record(const void *arg)
{
    static uint8_t record[RAW_RECORD];
    uint8_t in[64];
    int fd[2], type = -1;
    raw_pair(fd);
    struct raw_key key = raw_key(arg, 3);
    CHECK_ERR(raw_attach(fd[1]), 0);
    CHECK_ERR(raw_set_key(fd[1], TLS_RX, &key), 0);
    size_t len = raw_seal(&key, RAW_DATA, "good", 4, record);
    raw_write_all(fd[0], record, len);
    len = raw_seal(&key, RAW_DATA, "evil", 4, record);
    record[len - 18] ^= 1;
    raw_write_all(fd[0], record, len);
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), 4);
    check_bytes("contents", in, "good", 4);
    for (int i = 0; i < 3; i++) {
        CHECK_ERR(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), -EBADMSG);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*body)(const void *arg);
    } cases[] = {{"data and control", data_and_control},
                 {"what is on the wire", wire},
                 {"a changed record", bad_record}};
    check_only(argc > 1 ? argv[1] : NULL);
    check_case("features", note_features, NULL, 20);
    for (size_t i = 0; i < raw_suite_count; i++) {
        for (size_t j = 0; j < sizeof cases / sizeof cases[0]; j++) {
            char name[128];
            snprintf(name, sizeof name, "%s: %s", raw_suites[i].name, cases[j].name);
            for (char *at = name; *at != '\0'; at++) {
                *at = *at == ':' ? ',' : *at;
            }
            check_case(name, cases[j].body, &raw_suites[i], 20);
        }
    }
    return check_result();
}
