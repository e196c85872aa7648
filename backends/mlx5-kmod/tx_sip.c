/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), piece by piece. */
#include "tx_inside.h"

static inline uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static inline void round_once(struct tx_sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline void take_word(struct tx_sip *s, uint64_t word)
{
    s->v3 ^= word;
    round_once(s);
    round_once(s);
    s->v0 ^= word;
}

static inline uint64_t le64(const uint8_t *p)
{
    uint64_t word;

    __builtin_memcpy(&word, p, sizeof word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return word;
#else
    return __builtin_bswap64(word);
#endif
}

void weir_mlx5_tx_sip_begin(struct tx_sip *s, const uint8_t key[TX_CHECK_KEY])
{
    uint64_t k0 = le64(key), k1 = le64(key + 8);

    *s = (struct tx_sip){
        .v0 = k0 ^ 0x736f6d6570736575u,
        .v1 = k1 ^ 0x646f72616e646f6du,
        .v2 = k0 ^ 0x6c7967656e657261u,
        .v3 = k1 ^ 0x7465646279746573u,
    };
}

static void sip_byte(struct tx_sip *s, uint8_t byte)
{
    s->word |= (uint64_t)byte << 8 * (s->len % 8);
    if (++s->len % 8 == 0) {
        take_word(s, s->word);
        s->word = 0;
    }
}

void weir_mlx5_tx_sip_take(struct tx_sip *s, const uint8_t *p, size_t len)
{
    for (; len > 0 && s->len % 8 != 0; len--)
        sip_byte(s, *p++);
    for (; len >= 8; len -= 8, p += 8) {
        take_word(s, le64(p));
        s->len += 8;
    }
    for (; len > 0; len--)
        sip_byte(s, *p++);
}

uint64_t weir_mlx5_tx_sip_end(struct tx_sip *s)
{
    take_word(s, s->word | (uint64_t)(s->len & 0xff) << 56);
    s->v2 ^= 0xff;
    for (unsigned i = 0; i < 4; i++)
        round_once(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}
