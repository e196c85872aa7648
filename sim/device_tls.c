/* SPDX-License-Identifier: BSD-2-Clause */
#include "device_tls.h"

#include <string.h>

size_t sim_tls_prefix(const struct sim_tls *tls)
{
    return TLS_HEADER + (tls->tls13 ? 0u : 8u);
}

size_t sim_tls_suffix(const struct sim_tls *tls)
{
    return SIM_TAG_LEN + (tls->tls13 ? 1u : 0u);
}

uint64_t sim_tls_explicit(const struct sim_tls *tls)
{
    if (tls->tls13)
        return 0;
    switch (tls->nonces) {
    case SIM_TLS_COUNTER:
        return tls->explicit_nonce;
    case SIM_TLS_MASKED:
        return tls->explicit_nonce ^ tls->seq;
    case SIM_TLS_SEQ:
    default:
        return tls->seq;
    }
}

/* Nonce and additional data of the record with this header and, for TLS 1.2, explicit nonce. */
struct protection {
    uint8_t nonce[SIM_NONCE_LEN], aad[SIM_STREAM_AAD];
    struct sim_aead_op op;
};

static void protection(const struct sim_tls *tls, const uint8_t *head, size_t total,
                       struct protection *p)
{
    uint8_t seq[8];

    sim_put_be64(seq, tls->seq);
    memcpy(p->nonce, tls->iv, SIM_NONCE_LEN);
    if (tls->tls13) {
        for (size_t i = 0; i < 8; i++)
            p->nonce[4 + i] ^= seq[i];
        memcpy(p->aad, head, TLS_HEADER);
    } else {
        memcpy(p->nonce + 4, head + TLS_HEADER, 8);
        memcpy(p->aad, seq, 8);
        memcpy(p->aad + 8, head, 3);
        sim_put_be16(p->aad + 11, total - TLS_HEADER - 8 - SIM_TAG_LEN);
    }
    p->op = (struct sim_aead_op){tls->alg, tls->key, p->nonce, p->aad, tls->tls13 ? 5u : 13u};
}

static void move_on(struct sim_tls *tls)
{
    tls->seq++;
    if (tls->nonces == SIM_TLS_COUNTER)
        tls->explicit_nonce++;
}

void sim_tls_seal(struct sim_tls *tls, uint8_t type, const uint8_t *content, size_t len,
                  size_t total, uint8_t *plain, uint8_t *wire)
{
    size_t prefix = sim_tls_prefix(tls);
    struct protection p;

    memset(plain, 0, total);
    plain[0] = tls->tls13 ? TLS_APPLICATION : type;
    plain[1] = plain[2] = 3;
    sim_put_be16(plain + 3, total - TLS_HEADER);
    if (!tls->tls13)
        sim_put_be64(plain + TLS_HEADER, sim_tls_explicit(tls));
    sim_copy(plain + prefix, content, len);
    if (tls->tls13)
        plain[prefix + len] = type;
    protection(tls, plain, total, &p);
    memcpy(wire, plain, prefix);
    sim_aead_seal(&p.op, plain + prefix, total - prefix - SIM_TAG_LEN, wire + prefix);
    move_on(tls);
}

size_t sim_tls_total(const uint8_t *wire, size_t len)
{
    size_t total;

    if (len < TLS_HEADER)
        return 0;
    total = TLS_HEADER + sim_get_be16(wire + 3);
    return wire[1] == 3 && wire[2] == 3 && total <= TLS_MOST ? total : 0;
}

bool sim_tls_open(struct sim_tls *tls, const uint8_t *wire, size_t total, uint8_t *content,
                  size_t *len, uint8_t *type)
{
    size_t prefix = sim_tls_prefix(tls);
    struct protection p;

    if (total < prefix + sim_tls_suffix(tls))
        return false;
    protection(tls, wire, total, &p);
    if (!sim_aead_open(&p.op, wire + prefix, total - prefix, content))
        return false;
    move_on(tls);
    *len = total - prefix - SIM_TAG_LEN;
    *type = wire[0];
    if (!tls->tls13)
        return true;
    while (*len > 0 && content[*len - 1] == 0)
        --*len;
    if (*len == 0 || wire[0] != TLS_APPLICATION)
        return false;
    *type = content[--*len];
    return true;
}

void sim_tls_pattern(uint64_t seed, uint64_t offset, uint8_t *p, size_t len)
{
    uint8_t word[8];
    uint64_t at = UINT64_MAX;

    for (size_t i = 0; i < len; i++) {
        uint64_t number = (offset + i) / 8;

        if (number != at) {
            uint64_t state = seed ^ number * UINT64_C(0x9e3779b97f4a7c15);

            sim_put_be64(word, sim_random(&state));
            at = number;
        }
        p[i] = word[(offset + i) % 8];
    }
}
