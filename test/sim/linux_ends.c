/* SPDX-License-Identifier: BSD-2-Clause */
#include "linux_ends.h"

#include <stdlib.h>

const struct suite suites[6] = {
    {"1.2 AES-128", 0x0303, 51, SIM_AES_128_GCM, 40, 13, 29, 24, 16408},
    {"1.2 AES-256", 0x0303, 52, SIM_AES_256_GCM, 56, 13, 29, 24, 16408},
    {"1.2 ChaCha20", 0x0303, 54, SIM_CHACHA20_POLY1305, 56, 5, 21, 16, 16400},
    {"1.3 AES-128", 0x0304, 51, SIM_AES_128_GCM, 40, 5, 22, 16, 16401},
    {"1.3 AES-256", 0x0304, 52, SIM_AES_256_GCM, 56, 5, 22, 16, 16401},
    {"1.3 ChaCha20", 0x0304, 54, SIM_CHACHA20_POLY1305, 56, 5, 22, 16, 16401},
};

uint8_t heard_bytes[HEAR_MAX];
uint8_t data[200000];

/* Byte i of what key `number` is made of: key at 0, salt and IV (12 bytes) at 32. */
static uint8_t key_byte(unsigned number, size_t i)
{
    return (uint8_t)(number * 41 + i * 7 + 3);
}

static void fill(uint8_t *p, unsigned number, size_t from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = key_byte(number, from + i);
}

void key_material(unsigned number, uint8_t key[32], uint8_t iv[12])
{
    fill(key, number, 0, 32);
    fill(iv, number, 32, 12);
}

uint32_t make_info(uint8_t info[56], const struct suite *suite, unsigned key, uint64_t seq)
{
    memset(info, 0, 56);
    memcpy(info, &suite->version, 2);
    memcpy(info + 2, &suite->cipher, 2);
    switch (suite->cipher) {
    case 51:
        fill(info + 4, key, 36, 8);
        fill(info + 12, key, 0, 16);
        fill(info + 28, key, 32, 4);
        sim_put_be64(info + 32, seq);
        return 40;
    case 52:
        fill(info + 4, key, 36, 8);
        fill(info + 12, key, 0, 32);
        fill(info + 44, key, 32, 4);
        sim_put_be64(info + 48, seq);
        return 56;
    default:
        fill(info + 4, key, 32, 12);
        fill(info + 16, key, 0, 32);
        sim_put_be64(info + 48, seq);
        return 56;
    }
}

int set_option(struct sim_linux_socket *s, int level, int name, const void *value, uint32_t len)
{
    return sim_linux_setsockopt(s, level, name, value, len) == 0 ? 0 : sim_linux_errno(s);
}

int attach(struct sim_linux_socket *s)
{
    return set_option(s, LINUX_SOL_TCP, LINUX_TCP_ULP, "tls", 4);
}

int set_key(struct sim_linux_socket *s, int name, const struct suite *suite, unsigned key,
            uint64_t seq)
{
    uint8_t info[56];

    return set_option(s, LINUX_SOL_TLS, name, info, make_info(info, suite, key, seq));
}

uint64_t told_seq(struct sim_linux_socket *s, int name, const struct suite *suite)
{
    uint8_t info[56];
    uint32_t len = suite->info_len;

    cr_assert_eq(sim_linux_getsockopt(s, LINUX_SOL_TLS, name, info, &len), 0);
    return sim_get_be64(info + len - 8);
}

static struct ends *begin(const struct suite *suite)
{
    struct ends *ends = sim_alloc(sizeof *ends);

    sim_linux_init(&ends->kernel, 1);
    ends->ledger = sim_ledger_new();
    ends->kernel.ledger = ends->ledger;
    ends->suite = suite;
    ends->a = sim_linux_socket_new(&ends->kernel, true);
    return ends;
}

struct ends *ends_plain(size_t limit)
{
    struct ends *ends = begin(NULL);

    ends->b = sim_linux_socket_new(&ends->kernel, true);
    sim_linux_connect(ends->a, ends->b, limit);
    return ends;
}

struct ends *ends_open_limited(const struct suite *suite, size_t limit)
{
    struct ends *ends = ends_plain(limit);

    ends->suite = suite;
    cr_assert_eq(attach(ends->a), 0);
    cr_assert_eq(attach(ends->b), 0);
    cr_assert_eq(set_key(ends->a, LINUX_TLS_TX, suite, 1, 0), 0);
    cr_assert_eq(set_key(ends->b, LINUX_TLS_RX, suite, 1, 0), 0);
    cr_assert_eq(set_key(ends->b, LINUX_TLS_TX, suite, 2, 0), 0);
    cr_assert_eq(set_key(ends->a, LINUX_TLS_RX, suite, 2, 0), 0);
    return ends;
}

struct ends *ends_open(const struct suite *suite)
{
    return ends_open_limited(suite, 0);
}

struct ends *ends_raw(const struct suite *suite)
{
    struct ends *ends = begin(suite);

    ends->in = sim_pipe_new(0);
    ends->out = sim_pipe_new(0);
    sim_linux_connect_raw(ends->a, ends->in, ends->out);
    cr_assert_eq(attach(ends->a), 0);
    cr_assert_eq(set_key(ends->a, LINUX_TLS_RX, suite, 1, 0), 0);
    cr_assert_eq(set_key(ends->a, LINUX_TLS_TX, suite, 2, 0), 0);
    return ends;
}

void ends_close(struct ends *ends)
{
    cr_assert(sim_ledger_fault(ends->ledger) == NULL, "%s", sim_ledger_fault(ends->ledger));
    sim_linux_close(ends->a);
    sim_linux_close(ends->b);
    sim_pipe_free(ends->in);
    sim_pipe_free(ends->out);
    sim_ledger_free(ends->ledger);
    free(ends);
}

struct ends *ends_device(void)
{
    struct ends *e = ends_plain(0);

    e->kernel.device_tx = true;
    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM12, 1, 0), 0);
    cr_assert_eq(attach(e->b), 0);
    cr_assert_eq(set_key(e->b, LINUX_TLS_RX, GCM12, 1, 0), 0);
    return e;
}

static int64_t send_message(struct sim_linux_socket *s, const struct sim_linux_out *msg,
                            unsigned flags)
{
    int64_t n = sim_linux_sendmsg(s, msg, flags);

    return n < 0 ? -sim_linux_errno(s) : n;
}

int64_t say(struct sim_linux_socket *s, const void *bytes, size_t len, unsigned flags)
{
    struct sim_iov iov = {bytes, len};
    struct sim_linux_out msg = {.iov = &iov, .iov_count = 1};

    return send_message(s, &msg, flags);
}

int64_t say_typed(struct sim_linux_socket *s, uint8_t type, const void *bytes, size_t len,
                  unsigned flags)
{
    struct sim_iov iov = {bytes, len};
    struct sim_linux_ancillary control = {282, 1, {type}, 1};
    struct sim_linux_out msg = {&iov, 1, &control, 1};

    return send_message(s, &msg, flags);
}

struct heard hear_with(struct sim_linux_socket *s, size_t len, unsigned flags, size_t controls)
{
    struct sim_linux_ancillary control[8] = {{0}};
    struct sim_linux_in msg = {heard_bytes, len, control, controls, 0};
    struct heard heard = {.type = NO_TYPE};

    cr_assert(len <= HEAR_MAX && controls <= 8);
    heard.n = sim_linux_recvmsg(s, &msg, flags);
    if (heard.n < 0) {
        heard.n = -sim_linux_errno(s);
        return heard;
    }
    heard.controls = msg.control_len;
    heard.flags = msg.flags;
    for (size_t i = 0; i < heard.controls; i++) {
        cr_assert_eq(control[i].level, 282);
        cr_assert_eq(control[i].type, 2);
        cr_assert_eq(control[i].len, 1);
        heard.type = control[i].bytes[0];
    }
    return heard;
}

struct heard hear(struct sim_linux_socket *s, size_t len, unsigned flags)
{
    return hear_with(s, len, flags, 1);
}

static bool explicit_nonce(const struct suite *suite)
{
    return suite->prefix == 13;
}

/* Nonce and additional data as the standards say them, apart from the model. */
static void make_op(const struct wire_record *r, const uint8_t *explicit_part, size_t plain_len,
                    struct sim_aead_op *op, uint8_t key[32], uint8_t nonce[12], uint8_t aad[13])
{
    fill(key, r->key, 0, 32);
    fill(nonce, r->key, 32, 12);
    uint8_t *p = aad;
    if (explicit_nonce(r->suite))
        memcpy(nonce + 4, explicit_part, 8);
    for (size_t i = 0; i < 8 && !explicit_nonce(r->suite); i++)
        nonce[4 + i] ^= (uint8_t)(r->seq >> (56 - 8 * i));
    if (r->suite->version == 0x0303) {
        sim_put_be64(p, r->seq);
        p += 8;
    } else {
        plain_len += 16;
    }
    p[0] = r->suite->version == 0x0303 ? r->type : 23;
    p[1] = 3;
    p[2] = 3;
    sim_put_be16(p + 3, (uint16_t)plain_len);
    *op = (struct sim_aead_op){r->suite->alg, key, nonce, aad, (size_t)(p + 5 - aad)};
}

size_t make_wire(const struct wire_record *r, const void *content, size_t len, uint8_t *out)
{
    size_t prefix = r->suite->prefix;
    uint8_t *plain = out + prefix;
    uint8_t key[32], nonce[12], aad[13];
    struct sim_aead_op op;

    sim_copy(plain, content, len);
    if (r->suite->version == 0x0304) {
        plain[len++] = r->type;
        memset(plain + len, 0, r->padding);
        len += r->padding;
    }
    /* An explicit nonce that has nothing to do with the number: receivers must not care. */
    for (size_t i = 5; i < prefix; i++)
        out[i] = (uint8_t)(r->seq * 37 + i);
    make_op(r, out + 5, len, &op, key, nonce, aad);
    sim_aead_seal(&op, plain, len, plain);
    out[0] = r->suite->version == 0x0303 ? r->type : 23;
    out[1] = 3;
    out[2] = 3;
    sim_put_be16(out + 3, (uint16_t)(prefix - 5 + len + 16));
    return prefix + len + 16;
}

void feed(struct ends *ends, uint64_t seq, uint8_t type, const void *content, size_t len)
{
    static uint8_t out[20000];
    struct wire_record record = {ends->suite, 1, seq, type, 0};
    size_t made = make_wire(&record, content, len, out);

    cr_assert_eq(sim_pipe_write(ends->in, out, made), made);
}

int take_wire(struct ends *ends, uint64_t seq, uint8_t *content, size_t *len)
{
    static uint8_t wire[20000];
    uint8_t key[32], nonce[12], aad[13];
    struct sim_aead_op op;
    size_t prefix = ends->suite->prefix;

    if (sim_pipe_peek(ends->out, 0, wire, 5) < 5)
        return -1;
    size_t whole = 5u + sim_get_be16(wire + 3);
    if (sim_pipe_readable(ends->out) < whole)
        return -1;
    cr_assert(whole <= sizeof wire);
    sim_pipe_read(ends->out, wire, whole);
    cr_assert(wire[1] == 3 && wire[2] == 3);
    struct wire_record record = {ends->suite, 2, seq, wire[0], 0};
    size_t plain = whole - prefix - 16;
    make_op(&record, wire + 5, plain, &op, key, nonce, aad);
    cr_assert(sim_aead_open(&op, wire + prefix, whole - prefix, content), "record %llu",
              (unsigned long long)seq);
    *len = plain;
    if (ends->suite->version == 0x0303)
        return wire[0];
    cr_assert_eq(wire[0], 23);
    *len = plain - 1;
    return content[plain - 1];
}

void expect_wire(struct ends *e, uint64_t seq, int type, uint64_t offset, size_t len)
{
    static uint8_t content[20000];
    size_t got = 0;

    cr_assert_eq(take_wire(e, seq, content, &got), type, "record %llu", (unsigned long long)seq);
    cr_assert_eq(got, len, "record %llu is %zu bytes", (unsigned long long)seq, got);
    cr_assert(is_pattern(content, offset, len));
}

void expect_no_wire(struct ends *e)
{
    cr_assert_eq(sim_pipe_readable(e->out), 0);
}

void fill_data(void)
{
    fill_pattern(data, 0, sizeof data);
}

void fill_pattern(uint8_t *p, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)((offset + i) * 31 + ((offset + i) >> 8) * 7);
}

bool is_pattern(const uint8_t *p, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != (uint8_t)((offset + i) * 31 + ((offset + i) >> 8) * 7))
            return false;
    }
    return true;
}
