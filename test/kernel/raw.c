/* SPDX-License-Identifier: BSD-2-Clause */
#include "raw.h"
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const struct raw_suite raw_suites[] = {
    {"TLS 1.2 AES-128-GCM", TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128, 16, "AES-128-GCM"},
    {"TLS 1.2 AES-256-GCM", TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_256, 32, "AES-256-GCM"},
    {"TLS 1.2 ChaCha20-Poly1305", TLS_1_2_VERSION, TLS_CIPHER_CHACHA20_POLY1305, 32,
     "ChaCha20-Poly1305"},
    {"TLS 1.3 AES-128-GCM", TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128, 16, "AES-128-GCM"},
    {"TLS 1.3 AES-256-GCM", TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_256, 32, "AES-256-GCM"},
    {"TLS 1.3 ChaCha20-Poly1305", TLS_1_3_VERSION, TLS_CIPHER_CHACHA20_POLY1305, 32,
     "ChaCha20-Poly1305"},
};
const size_t raw_suite_count = sizeof raw_suites / sizeof raw_suites[0];

union info {
    struct tls_crypto_info head;
    struct tls12_crypto_info_aes_gcm_128 gcm128;
    struct tls12_crypto_info_aes_gcm_256 gcm256;
    struct tls12_crypto_info_chacha20_poly1305 chacha;
};

struct raw_key raw_key(const struct raw_suite *suite, uint8_t number)
{
    struct raw_key key = {.suite = suite, .nonce = 0x1122334455667700u + number};
    memset(key.key, 0x40 + number, suite->key_len);
    memset(key.iv, 0x80 + number, sizeof key.iv);
    return key;
}

bool raw_has_nonce(const struct raw_suite *suite)
{
    return suite->version == TLS_1_2_VERSION && suite->cipher != TLS_CIPHER_CHACHA20_POLY1305;
}

void raw_pair(int fd[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    CHECK(listener >= 0);
    CHECK(bind(listener, (struct sockaddr *)&address, len) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd[0], (struct sockaddr *)&address, len) == 0);
    fd[1] = accept(listener, NULL, NULL);
    CHECK(fd[1] >= 0);
    close(listener);
    for (int i = 0; i < 2; i++) {
        CHECK(setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    }
}

int raw_attach(int fd)
{
    return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0 ? 0 : -errno;
}

int raw_set(int fd, int option, const void *value, size_t len)
{
    return setsockopt(fd, SOL_TLS, option, value, (socklen_t)len) == 0 ? 0 : -errno;
}

int raw_get(int fd, int option, void *value, size_t len)
{
    socklen_t size = (socklen_t)len;
    return getsockopt(fd, SOL_TLS, option, value, &size) == 0 ? 0 : -errno;
}

static void put64(unsigned char out[8], uint64_t value)
{
    for (int i = 7; i >= 0; i--) {
        out[i] = (unsigned char)value;
        value >>= 8;
    }
}

static uint64_t get64(const unsigned char in[8])
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | in[i];
    }
    return value;
}

/* Where the fields of a suite's structure are; the structures differ in nothing else. */
struct fields {
    unsigned char *iv, *key, *salt, *seq;
    size_t iv_len, salt_len, size;
};

static struct fields fields_of(union info *info, uint16_t cipher)
{
    if (cipher == TLS_CIPHER_AES_GCM_128) {
        return (struct fields){
            info->gcm128.iv,    info->gcm128.key, info->gcm128.salt, info->gcm128.rec_seq, 8, 4,
            sizeof info->gcm128};
    }
    if (cipher == TLS_CIPHER_AES_GCM_256) {
        return (struct fields){
            info->gcm256.iv,    info->gcm256.key, info->gcm256.salt, info->gcm256.rec_seq, 8, 4,
            sizeof info->gcm256};
    }
    return (struct fields){
        info->chacha.iv,    info->chacha.key, info->chacha.iv, info->chacha.rec_seq, 12, 0,
        sizeof info->chacha};
}

int raw_set_key(int fd, int dir, const struct raw_key *key)
{
    union info info;
    memset(&info, 0, sizeof info);
    struct fields to = fields_of(&info, key->suite->cipher);
    info.head.version = key->suite->version;
    info.head.cipher_type = key->suite->cipher;
    memcpy(to.key, key->key, key->suite->key_len);
    memcpy(to.salt, key->iv, to.salt_len);
    memcpy(to.iv, key->iv + to.salt_len, to.iv_len);
    if (raw_has_nonce(key->suite)) {
        put64(to.iv, key->nonce);
    }
    put64(to.seq, key->seq);
    return raw_set(fd, dir, &info, to.size);
}

int raw_get_key(int fd, int dir, struct raw_key *key)
{
    union info info;
    memset(&info, 0, sizeof info);
    struct fields from = fields_of(&info, key->suite->cipher);
    int status = raw_get(fd, dir, &info, from.size);
    if (status != 0) {
        return status;
    }
    CHECK_EQ(info.head.version, key->suite->version);
    CHECK_EQ(info.head.cipher_type, key->suite->cipher);
    memcpy(key->key, from.key, key->suite->key_len);
    memcpy(key->iv, from.salt, from.salt_len);
    memcpy(key->iv + from.salt_len, from.iv, from.iv_len);
    key->nonce = get64(from.iv);
    key->seq = get64(from.seq);
    return 0;
}

void raw_tls_pair(int fd[2], const struct raw_suite *suite)
{
    raw_pair(fd);
    for (uint8_t i = 0; i < 2; i++) {
        struct raw_key forth = raw_key(suite, 0), back = raw_key(suite, 1);
        CHECK_ERR(raw_attach(fd[i]), 0);
        CHECK_ERR(raw_set_key(fd[i], TLS_TX, i == 0 ? &forth : &back), 0);
        CHECK_ERR(raw_set_key(fd[i], TLS_RX, i == 0 ? &back : &forth), 0);
    }
}

ssize_t raw_send(int fd, uint8_t type, const void *buf, size_t len, int flags)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(1)];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec iov = {(void *)(uintptr_t)buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (type != RAW_DATA) {
        msg.msg_control = control.room;
        msg.msg_controllen = sizeof control.room;
        control.head.cmsg_level = SOL_TLS;
        control.head.cmsg_type = TLS_SET_RECORD_TYPE;
        control.head.cmsg_len = CMSG_LEN(1);
        *CMSG_DATA(&control.head) = type;
    }
    ssize_t n = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
    return n >= 0 ? n : -errno;
}

ssize_t raw_recv(int fd, void *buf, size_t len, int flags, int *type, int *msg_flags)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(1)];
    } control;
    struct iovec iov = {buf, len};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof control.room};
    ssize_t n = recvmsg(fd, &msg, flags);
    if (n < 0) {
        return -errno;
    }
    struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
    *type = head != NULL && head->cmsg_level == SOL_TLS && head->cmsg_type == TLS_GET_RECORD_TYPE
                ? *CMSG_DATA(head)
                : -1;
    if (msg_flags != NULL) {
        *msg_flags = msg.msg_flags;
    }
    return n;
}

void raw_read_all(int fd, void *buf, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = recv(fd, (char *)buf + done, len - done, 0);
        CHECK(n > 0);
        done += (size_t)n;
    }
}

void raw_write_all(int fd, const void *buf, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, (const char *)buf + done, len - done, MSG_NOSIGNAL);
        CHECK(n > 0);
        done += (size_t)n;
    }
}

void raw_nonblocking(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    CHECK(flags >= 0 && fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0);
}
