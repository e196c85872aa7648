/* SPDX-License-Identifier: BSD-2-Clause */
/* KeyUpdate, with a kernel that can take a second key and with one that cannot. */
#include "facts.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t update[] = {24, 0, 0, 1, 0};

static bool can_rekey(const struct raw_suite *suite)
{
    int fd[2];
    facts_sender(fd, suite);
    struct raw_key next = raw_key(suite, 6);
    int status = raw_set_key(fd[0], TLS_TX, &next);
    CHECK(status == 0 || status == -EBUSY);
    close(fd[0]);
    close(fd[1]);
    return status == 0;
}

static void second_key_refused(const void *suite)
{
    int fd[2];
    uint8_t type = 0, out[RAW_RECORD];
    struct raw_key key = facts_sender(fd, suite), next = raw_key(suite, 6);
    struct raw_key back = raw_key(suite, 7);
    CHECK_ERR(raw_set_key(fd[0], TLS_RX, &back), 0);
    CHECK_ERR(raw_set_key(fd[0], TLS_TX, &next), -EBUSY);
    CHECK_ERR(raw_set_key(fd[0], TLS_RX, &next), -EBUSY);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, "still", 5, 0), 5);
    CHECK_EQ(facts_take(fd[1], &key, &type, out), 5);
}

static void not_followed(const void *suite)
{
    int fd[2], type = -1;
    char in[8];
    if (can_rekey(suite)) {
        check_skip("this kernel can rekey");
    }
    struct raw_key key = facts_receiver(fd, suite), next = raw_key(suite, 6);
    facts_put(fd[0], &key, RAW_HANDSHAKE, update, sizeof update);
    facts_put(fd[0], &next, RAW_DATA, "new", 3);
    /* No sign but the message itself; then the next record is a bad one. */
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), (long long)sizeof update);
    CHECK_EQ(type, RAW_HANDSHAKE);
    CHECK_ERR(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), -EBADMSG);
}

static void second_key_refused_13(const void *suite)
{
    if (can_rekey(suite)) {
        check_skip("this kernel can rekey");
    }
    second_key_refused(suite);
}

static void needs_rekey(const struct raw_suite *suite)
{
    if (!can_rekey(suite)) {
        check_skip("this kernel cannot rekey: a second key is EBUSY");
    }
}

static void followed(const void *suite)
{
    int fd[2], type = -1;
    char in[8];
    needs_rekey(suite);
    struct raw_key key = facts_receiver(fd, suite), next = raw_key(suite, 6), same = next;
    struct pollfd ready = {.fd = fd[1], .events = POLLIN};
    long ok = facts_stat("TlsRxRekeyOk"), seen = facts_stat("TlsRxRekeyReceived");
    facts_put(fd[0], &key, RAW_DATA, "old", 3);
    facts_put(fd[0], &key, RAW_HANDSHAKE, update, sizeof update);
    facts_put(fd[0], &next, RAW_DATA, "new", 3);
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), 3);
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), (long long)sizeof update);
    CHECK_EQ(type, RAW_HANDSHAKE);
    for (int i = 0; i < 2; i++) {
        CHECK_ERR(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), -EKEYEXPIRED);
        CHECK_EQ(poll(&ready, 1, 30), 0);
    }
    CHECK_EQ(facts_stat("TlsRxRekeyReceived"), seen + 1);
    CHECK_ERR(raw_set_key(fd[1], TLS_RX, &same), 0);
    CHECK_EQ(facts_stat("TlsRxRekeyOk"), ok + 1);
    CHECK_EQ(poll(&ready, 1, 5000), 1);
    CHECK_EQ(raw_recv(fd[1], in, sizeof in, 0, &type, NULL), 3);
    check_bytes("contents", in, "new", 3);
}

static void sent(const void *suite)
{
    int fd[2];
    uint8_t type = 0, out[RAW_RECORD];
    needs_rekey(suite);
    struct raw_key key = facts_sender(fd, suite), next = raw_key(suite, 6);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, "old", 3, 0), 3);
    CHECK_EQ(raw_send(fd[0], RAW_HANDSHAKE, update, sizeof update, 0), (long long)sizeof update);
    CHECK_ERR(raw_set_key(fd[0], TLS_TX, &next), 0);
    CHECK_EQ(facts_seq(fd[0], TLS_TX, suite), 0);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, "new", 3, 0), 3);
    CHECK_EQ(facts_take(fd[1], &key, &type, out), 3);
    CHECK_EQ(facts_take(fd[1], &key, &type, out), (long long)sizeof update);
    CHECK_EQ(facts_take(fd[1], &next, &type, out), 3);
    check_bytes("contents", out, "new", 3);
}

/* A second key is of the same suite; a refused one leaves the first in place. */
static void another_suite(const void *suite)
{
    int fd[2];
    uint8_t type = 0, out[RAW_RECORD];
    needs_rekey(suite);
    struct raw_key key = facts_sender(fd, suite), other = raw_key(&raw_suites[4], 6);
    CHECK_ERR(raw_set_key(fd[0], TLS_TX, &other), -EINVAL);
    CHECK_EQ(raw_send(fd[0], RAW_DATA, "still", 5, 0), 5);
    CHECK_EQ(facts_take(fd[1], &key, &type, out), 5);
}

const struct fact facts_update[] = {
    {"a second key is EBUSY", second_key_refused, TLS_1_2_VERSION},
    {"a second key is EBUSY where there is no rekey", second_key_refused_13, TLS_1_3_VERSION},
    {"a KeyUpdate that cannot be followed", not_followed, TLS_1_3_VERSION},
    {"rekey of the receiving direction", followed, TLS_1_3_VERSION},
    {"rekey of the sending direction", sent, TLS_1_3_VERSION},
    {"a rekey with another suite is refused", another_suite, TLS_1_3_VERSION},
    {NULL, NULL, 0},
};
