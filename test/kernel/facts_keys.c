/* SPDX-License-Identifier: BSD-2-Clause */
/* Attaching, installing keys and reading them back. */
#include "facts.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void attach_twice(const void *suite)
{
    int fd[2];
    (void)suite;
    raw_pair(fd);
    CHECK_ERR(raw_attach(fd[0]), 0);
    CHECK_ERR(raw_attach(fd[0]), -EEXIST);
}

static void attach_unconnected(const void *suite)
{
    int fd[2], lonely = socket(AF_INET, SOCK_STREAM, 0);
    (void)suite;
    CHECK_ERR(raw_attach(lonely), -ENOTCONN);
    raw_pair(fd);
    CHECK(shutdown(fd[1], SHUT_WR) == 0);
    struct pollfd ready = {.fd = fd[0], .events = POLLIN};
    CHECK(poll(&ready, 1, 5000) == 1);
    CHECK_ERR(raw_attach(fd[0]), -ENOTCONN);
}

static void option_without_ulp(const void *suite)
{
    int fd[2];
    struct raw_key key = raw_key(suite, 1);
    raw_pair(fd);
    CHECK_ERR(raw_set_key(fd[0], TLS_TX, &key), -ENOPROTOOPT);
    /* TCP's own answer to a level it does not know, which is another one when asked to tell. */
    CHECK_ERR(raw_get_key(fd[0], TLS_TX, &key), -EOPNOTSUPP);
}

/* Both directions are of one suite; a refused key leaves the direction as it was. */
static void another_suite(const void *arg)
{
    const struct raw_suite *suite = arg;
    int fd[2];
    char in[8];
    raw_pair(fd);
    CHECK_ERR(raw_attach(fd[0]), 0);
    struct raw_key key = raw_key(suite, 1);
    CHECK_ERR(raw_set_key(fd[0], TLS_TX, &key), 0);
    for (size_t i = 0; i < raw_suite_count; i++) {
        if (&raw_suites[i] != suite) {
            key = raw_key(&raw_suites[i], 1);
            CHECK_ERR(raw_set_key(fd[0], TLS_RX, &key), -EINVAL);
        }
    }
    raw_write_all(fd[1], "plain", 5);
    raw_read_all(fd[0], in, 5);
    check_bytes("bytes of a direction without a key", in, "plain", 5);
    key = raw_key(suite, 2);
    CHECK_ERR(raw_set_key(fd[0], TLS_RX, &key), 0);
}

static void malformed_key(const void *suite)
{
    int fd[2];
    unsigned char info[64] = {0};
    struct tls_crypto_info head = {.version = 0x0302, .cipher_type = TLS_CIPHER_AES_GCM_128};
    (void)suite;
    raw_pair(fd);
    CHECK_ERR(raw_attach(fd[0]), 0);
    memcpy(info, &head, sizeof head);
    CHECK_ERR(raw_set(fd[0], TLS_TX, info, 40), -EINVAL);
    head.version = TLS_1_2_VERSION;
    head.cipher_type = 50;
    memcpy(info, &head, sizeof head);
    CHECK_ERR(raw_set(fd[0], TLS_TX, info, 40), -EINVAL);
    head.cipher_type = TLS_CIPHER_AES_GCM_128;
    memcpy(info, &head, sizeof head);
    CHECK_ERR(raw_set(fd[0], TLS_TX, info, 39), -EINVAL);
    CHECK_ERR(raw_set(fd[0], TLS_TX, info, 56), -EINVAL);
    CHECK_ERR(raw_set(fd[0], TLS_TX, info, 3), -EINVAL);
    CHECK_ERR(raw_set(fd[0], 77, info, 40), -ENOPROTOOPT);
    CHECK_ERR(raw_set(fd[0], TLS_TX, info, 40), 0);
}

static void read_back(const void *suite)
{
    int fd[2];
    unsigned char room[64];
    raw_pair(fd);
    CHECK_ERR(raw_attach(fd[0]), 0);
    struct raw_key key = raw_key(suite, 1), got = {.suite = suite};
    CHECK_ERR(raw_get_key(fd[0], TLS_TX, &got), -EBUSY);
    key.seq = 0x0102030405060708;
    CHECK_ERR(raw_set_key(fd[0], TLS_TX, &key), 0);
    CHECK_ERR(raw_get_key(fd[0], TLS_TX, &got), 0);
    CHECK(got.seq == key.seq);
    CHECK(!raw_has_nonce(suite) || got.nonce == key.nonce);
    CHECK_ERR(raw_get_key(fd[0], TLS_RX, &got), -EBUSY);
    struct tls_crypto_info head = {0};
    CHECK_ERR(raw_get(fd[0], TLS_TX, &head, sizeof head), 0);
    CHECK_EQ(head.version, key.suite->version);
    CHECK_EQ(head.cipher_type, key.suite->cipher);
    CHECK_ERR(raw_get(fd[0], TLS_TX, room, 41), -EINVAL);
    CHECK_ERR(raw_get(fd[0], TLS_TX, room, 3), -EINVAL);
}

static void counted(const void *suite)
{
    int fd[2];
    long now = facts_stat("TlsCurrTxSw"), ever = facts_stat("TlsRxSw");
    CHECK(now >= 0 && ever >= 0 && facts_stat("TlsCurrTxDevice") == 0);
    raw_tls_pair(fd, suite);
    CHECK_EQ(facts_stat("TlsCurrTxSw"), now + 2);
    CHECK_EQ(facts_stat("TlsRxSw"), ever + 2);
    CHECK_EQ(facts_stat("TlsCurrTxDevice"), 0);
}

const struct fact facts_keys[] = {
    {"a second attach is EEXIST", attach_twice, 0},
    {"an attach needs an established connection", attach_unconnected, 0},
    {"options without the ULP are unknown", option_without_ulp, 0},
    {"the second direction must be of the same suite", another_suite, 0},
    {"malformed keys are EINVAL", malformed_key, TLS_1_2_VERSION},
    {"keys and positions can be read back", read_back, 0},
    {"connections are counted in tls_stat", counted, 0},
    {NULL, NULL, 0},
};
