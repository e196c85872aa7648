/* SPDX-License-Identifier: BSD-2-Clause */
#include "freebsd_bed.h"

#include <criterion/criterion.h>
#include <string.h>

#define GCM    FREEBSD_CRYPTO_AES_NIST_GCM_16
#define CHACHA FREEBSD_CRYPTO_CHACHA20_POLY1305
#define CBC    FREEBSD_CRYPTO_AES_CBC

const struct params suites[SUITES] = {
    {"GCM-128 1.2", 3, GCM, 16, 4, 0, 0, 3, 0, 0},
    {"GCM-256 1.2", 3, GCM, 32, 4, 0, 0, 3, 0, 0},
    {"GCM-128 1.3", 4, GCM, 16, 12, 0, 0, 3, 0, 0},
    {"GCM-256 1.3", 4, GCM, 32, 12, 0, 0, 3, 0, 0},
    {"ChaCha 1.2", 3, CHACHA, 32, 12, 0, 0, 3, 0, 0},
    {"ChaCha 1.3", 4, CHACHA, 32, 12, 0, 0, 3, 0, 0},
};
const struct params cbc_suites[CBC_SUITES] = {
    {"CBC 1.0", 1, CBC, 16, 16, 7, 20, 3, 0, 0},
    {"CBC 1.1", 2, CBC, 32, 0, 7, 20, 3, 0, 0},
    {"CBC 1.2", 3, CBC, 16, 16, 7, 20, 3, 0, 0},
    {"CBC 1.2 SHA-256", 3, CBC, 16, 0, 18, 32, 3, 0, 0},
    {"CBC 1.2 SHA-384", 3, CBC, 32, 0, 19, 48, 3, 0, 0},
};

const struct params gcm12 = {"GCM-128 1.2", 3, GCM, 16, 4, 0, 0, 3, 0, 0};
const struct params gcm13 = {"GCM-256 1.3", 4, GCM, 32, 12, 0, 0, 3, 0, 9};
uint8_t text[TEXT_LEN];

void bed_begin(struct bed *bed, enum sim_freebsd_release release)
{
    uint64_t seed = 7;

    memset(bed, 0, sizeof *bed);
    bed->ledger = sim_ledger_new();
    sim_freebsd_init(&bed->host, release, 1, bed->ledger);
    bed->out = sim_pipe_new(0);
    bed->in = sim_pipe_new(0);
    bed->s = sim_freebsd_socket_new(&bed->host, bed->out, bed->in);
    for (size_t i = 0; i < sizeof bed->key; i++) {
        bed->key[i] = (uint8_t)sim_random(&seed);
        bed->mac[i] = (uint8_t)sim_random(&seed);
        bed->iv[i % 16] = (uint8_t)sim_random(&seed);
    }
    bed->their_nonce = 0x1122334455667788u;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)sim_random(&seed);
}

void bed_begin_on(struct bed *bed, enum sim_freebsd_release release, const struct params *p)
{
    bed_begin(bed, release);
    bed_on(bed, TXTLS, p);
    bed_on(bed, RXTLS, p);
}

void bed_end(struct bed *bed)
{
    const char *fault = sim_ledger_fault(bed->ledger);

    cr_assert(fault == NULL, "%s", fault);
    sim_freebsd_socket_free(bed->s);
    cr_assert_eq(bed->host.stats.active, 0);
    for (size_t i = 0; i < SIM_FREEBSD_IFS; i++) {
        const struct sim_freebsd_ifnet *ifp = &bed->host.mce[i];

        cr_assert(ifp->tx_tags == 0 && ifp->rx_tags == 0 && ifp->keys == 0, "%s leaks", ifp->name);
    }
    sim_pipe_free(bed->out);
    sim_pipe_free(bed->in);
    sim_ledger_free(bed->ledger);
}

void bed_socket(struct bed *bed)
{
    uint64_t seed = sim_random(&bed->host.random);

    sim_freebsd_socket_free(bed->s);
    sim_pipe_free(bed->out);
    sim_pipe_free(bed->in);
    bed->out = sim_pipe_new(0);
    bed->in = sim_pipe_new(0);
    bed->s = sim_freebsd_socket_new(&bed->host, bed->out, bed->in);
    bed->their_seq = 0;
    bed->our_seq = 0;
    for (size_t i = 0; i < sizeof bed->key; i++)
        bed->key[i] = (uint8_t)sim_random(&seed);
}

static size_t put_pointer(uint8_t *at, uint64_t address, bool ilp32)
{
    uint32_t narrow = (uint32_t)address;

    if (ilp32)
        memcpy(at, &narrow, 4);
    else
        memcpy(at, &address, 8);
    return ilp32 ? 4 : 8;
}

size_t bed_layout(struct bed *bed, const struct params *p, uint8_t bytes[64])
{
    bool ilp32 = bed->host.ilp32;
    const int32_t numbers[6] = {p->cipher, p->key_len, p->iv_len, p->auth, p->auth_len, p->flags};
    uint64_t at[3] = {(uintptr_t)bed->key, (uintptr_t)bed->iv,
                      p->auth_len != 0 ? (uintptr_t)bed->mac : 0};
    size_t n = 0;

    if (ilp32) {
        at[0] = 0x1000;
        at[1] = 0x2000;
        at[2] = 0x3000;
    }
    memset(bytes, 0, 64);
    for (size_t i = 0; i < 3; i++)
        n += put_pointer(bytes + n, at[i], ilp32);
    memcpy(bytes + n, numbers, sizeof numbers);
    n += sizeof numbers;
    bytes[n] = (uint8_t)p->vmajor;
    bytes[n + 1] = (uint8_t)p->vminor;
    sim_put_be64(bytes + n + 2, p->seq);
    return ilp32 ? 48 : 64;
}

int bed_enable(struct bed *bed, int option, const struct params *p)
{
    uint8_t bytes[64];
    size_t len = bed_layout(bed, p, bytes);

    return sim_freebsd_setsockopt(bed->s, 6, option, bytes, len) == 0 ? 0 : bed->s->err;
}

void bed_on(struct bed *bed, int option, const struct params *p)
{
    cr_assert_eq(bed_enable(bed, option, p), 0, "%s, option %d: errno %d", p->name, option,
                 bed->s->err);
    bed->suite = p;
    if (option == RXTLS)
        bed->their_seq = p->seq;
    else
        bed->our_seq = p->seq;
}

int bed_mode(struct bed *bed, int option)
{
    int32_t mode = -1;
    size_t len = sizeof mode;

    cr_assert_eq(sim_freebsd_getsockopt(bed->s, 6, option + 1, &mode, &len), 0);
    cr_assert_eq(len, 4);
    return mode;
}

int bed_switch(struct bed *bed, int mode)
{
    int32_t value = mode;

    return sim_freebsd_setsockopt(bed->s, 6, FREEBSD_TCP_TXTLS_MODE, &value, 4) == 0 ? 0
                                                                                     : bed->s->err;
}

static void peer_op(struct bed *bed, struct sim_aead_op *op, uint8_t *nonce, uint64_t seq,
                    const uint8_t *record)
{
    uint8_t number[8];

    op->alg = SIM_CHACHA20_POLY1305;
    if (bed->suite->cipher == GCM)
        op->alg = bed->suite->key_len == 16 ? SIM_AES_128_GCM : SIM_AES_256_GCM;
    op->key = bed->key;
    op->nonce = nonce;
    memcpy(nonce, bed->iv, 12);
    sim_put_be64(number, seq);
    if (bed->suite->iv_len == 4)
        memcpy(nonce + 4, record + 5, 8);
    for (size_t i = 0; i < 8 && bed->suite->iv_len == 12; i++)
        nonce[4 + i] ^= number[i];
}

static size_t peer_aad(struct bed *bed, uint64_t seq, const uint8_t *record, size_t inner,
                       uint8_t *aad)
{
    if (bed->suite->vminor == 4) {
        memcpy(aad, record, 5);
        return 5;
    }
    sim_put_be64(aad, seq);
    memcpy(aad + 8, record, 3);
    sim_put_be16(aad + 11, inner);
    return 13;
}

size_t bed_seal(struct bed *bed, uint8_t type, const void *data, size_t len, size_t pad,
                uint8_t *record)
{
    static uint8_t plain[70000];
    uint8_t nonce[12], aad[13];
    bool tls13 = bed->suite->vminor == 4;
    size_t hlen = bed->suite->iv_len == 4 ? 13 : 5, inner = tls13 ? len + 1 + pad : len;
    struct sim_aead_op op = {.aad = aad};
    uint64_t seq = bed->their_seq++;

    record[0] = tls13 ? 23 : type;
    record[1] = 3;
    record[2] = 3;
    sim_put_be16(record + 3, hlen - 5 + inner + 16);
    if (hlen == 13)
        sim_put_be64(record + 5, bed->their_nonce++);
    memset(plain, 0, inner);
    sim_copy(plain, data, len);
    if (tls13)
        plain[len] = type;
    peer_op(bed, &op, nonce, seq, record);
    op.aad_len = peer_aad(bed, seq, record, inner, aad);
    sim_aead_seal(&op, plain, inner, record + hlen);
    return hlen + inner + 16;
}

void bed_wire(struct bed *bed, const void *bytes, size_t len)
{
    cr_assert_eq(sim_pipe_write(bed->in, bytes, len), len);
}

void bed_peer(struct bed *bed, uint8_t type, const void *data, size_t len)
{
    static uint8_t record[70000];

    bed_wire(bed, record, bed_seal(bed, type, data, len, 0, record));
}

struct got *bed_recv(struct bed *bed, size_t room, int flags)
{
    static struct got got;
    uint8_t control[48] = {0};
    struct sim_freebsd_msg msg = {
        .data = got.data, .len = room, .control = control, .control_len = sizeof control};
    size_t data = bed->host.ilp32 ? 12 : 16;

    memset(&got, 0, sizeof got);
    got.n = sim_freebsd_recvmsg(bed->s, &msg, flags);
    got.err = got.n < 0 ? bed->s->err : 0;
    got.flags = msg.flags;
    got.type = -1;
    got.control_len = msg.control_len;
    if (msg.control_len >= data + 6) {
        int32_t words[3];

        memcpy(words, control, 12);
        cr_assert_eq(words[0], (int)data + 6);
        cr_assert_eq(words[1], 6);
        cr_assert_eq(words[2], 2);
        got.type = control[data];
        memcpy(got.version, control + data + 1, 2);
        got.length = sim_get_be16(control + data + 4);
    }
    return &got;
}

void bed_reads(struct bed *bed, int type, size_t len)
{
    const struct got *g = bed_recv(bed, 20000, 0);

    cr_assert_eq(g->n, (long)len, "%ld (errno %d), not %zu", g->n, g->err, len);
    cr_assert_eq(g->type, type);
    cr_assert_eq(g->length, (int)len);
    cr_assert(g->flags == FREEBSD_MSG_EOR || len == 0);
    cr_assert_arr_eq(g->data, text, len);
}

void bed_fails(struct bed *bed, int error)
{
    const struct got *g = bed_recv(bed, 20000, 0);

    cr_assert(g->n == -1 && g->err == error, "%ld, errno %d, not %d", g->n, g->err, error);
}

long bed_send(struct bed *bed, int type, const void *data, size_t len)
{
    size_t at = bed->host.ilp32 ? 12 : 16;
    int32_t words[3] = {(int32_t)at + 1, 6, 1};
    uint8_t control[24] = {0};
    long n;

    memcpy(control, words, 12);
    control[at] = (uint8_t)type;
    n = sim_freebsd_sendmsg(bed->s, data, len, type < 0 ? NULL : control, at + 1, 0);
    return n < 0 ? -bed->s->err : n;
}

long bed_heard(struct bed *bed, uint8_t *type, uint8_t *data)
{
    static uint8_t record[70000];
    uint8_t nonce[12], aad[13];
    bool tls13 = bed->suite->vminor == 4;
    size_t hlen = bed->suite->iv_len == 4 ? 13 : 5, len, inner;
    struct sim_aead_op op = {.aad = aad};
    uint64_t seq = bed->our_seq;

    if (sim_pipe_peek(bed->out, 0, record, 5) < 5)
        return -1;
    len = 5u + sim_get_be16(record + 3);
    if (sim_pipe_readable(bed->out) < len)
        return -1;
    sim_pipe_read(bed->out, record, len);
    bed->our_seq++;
    inner = len - hlen - 16;
    peer_op(bed, &op, nonce, seq, record);
    op.aad_len = peer_aad(bed, seq, record, inner, aad);
    cr_assert(sim_aead_open(&op, record + hlen, len - hlen, data), "record %d does not open",
              (int)seq);
    /* Whoever has made it: what a model has noted before is the same once more. */
    (void)sim_ledger_note(bed->ledger, &op, data, inner);
    cr_assert(record[1] == 3 && record[2] == 3 && (!tls13 || record[0] == 23));
    *type = tls13 ? data[--inner] : record[0];
    return (long)inner;
}

void bed_hears(struct bed *bed, const void *data, size_t len)
{
    static uint8_t heard[70000];
    const uint8_t *p = data;
    uint8_t type;

    while (len > 0) {
        long n = bed_heard(bed, &type, heard);

        cr_assert(n > 0 && (size_t)n <= len, "%ld bytes instead of %zu", n, len);
        cr_assert_eq(type, 23);
        cr_assert_arr_eq(heard, p, (size_t)n);
        p += n;
        len -= (size_t)n;
    }
}
