/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GHASH (NIST SP 800-38D section 6.4): sums of products in GF(2^128), without tables.
 *
 * Polynomials are multiplied by integer multiplication: of each factor only every fourth (or third)
 * bit is taken at a time, so that the carries of one place die out in the holes before the next
 * one; masks then take the lowest bit of each sum, which is the sum modulo 2. Words are put
 * together by Karatsuba's rule, twice: nine products of 32 bits for one of 128.
 *
 * GCM writes the coefficient of x^0 first. A block read as one big-endian number thus has x^k at
 * bit 127 - k, and the product of two such numbers has x^k at bit 254 - k, one lower than in a
 * number of 256 bits. The key is divided by x beforehand, which makes up for it (Gueron and
 * Kounavis, "Intel Carry-Less Multiplication Instruction and its Usage for Computing the GCM
 * Mode", show this and the reduction below).
 */
#include "portable_parts.h"

#if WEIR_PORTABLE_SHORT_MUL

/* Two factors of 16 bits. Of every third bit there are 6 at most, so no sum needs a fourth bit. */
static uint32_t multiply_short(uint32_t x, uint32_t y)
{
    const uint32_t x0 = x & 0x9249u, x1 = x & 0x2492u, x2 = x & 0x4924u;
    const uint32_t y0 = y & 0x9249u, y1 = y & 0x2492u, y2 = y & 0x4924u;

    return (((x0 * y0) ^ (x1 * y2) ^ (x2 * y1)) & 0x49249249u) |
           (((x0 * y1) ^ (x1 * y0) ^ (x2 * y2)) & 0x92492492u) |
           (((x0 * y2) ^ (x1 * y1) ^ (x2 * y0)) & 0x24924924u);
}

static uint64_t multiply(uint32_t x, uint32_t y)
{
    uint32_t low = multiply_short(x & 0xffffu, y & 0xffffu);
    uint32_t high = multiply_short(x >> 16, y >> 16);
    uint32_t mid = multiply_short((x ^ x >> 16) & 0xffffu, (y ^ y >> 16) & 0xffffu) ^ low ^ high;

    return (uint64_t)(high ^ mid >> 16) << 32 | (low ^ mid << 16);
}

#else

#define EVERY_FOURTH UINT64_C(0x1111111111111111)
#define LONG(x, y)   ((uint64_t)(x) * (y))

/*
 * Of every fourth bit there are 8. In a product at most 8 pairs of them meet in one place, in the
 * place below 7, so two products that are one place apart may even be added before their places
 * overflow; all others are put together without carries.
 */
static uint64_t multiply(uint32_t x, uint32_t y)
{
    const uint32_t x0 = x & 0x11111111u, x1 = x & 0x22222222u, x2 = x & 0x44444444u,
                   x3 = x & 0x88888888u;
    const uint32_t y0 = y & 0x11111111u, y1 = y & 0x22222222u, y2 = y & 0x44444444u,
                   y3 = y & 0x88888888u;
    const uint64_t z0 = (LONG(x0, y0) + LONG(x1, y3)) ^ LONG(x2, y2) ^ LONG(x3, y1);
    const uint64_t z1 = (LONG(x0, y1) + LONG(x2, y3)) ^ (LONG(x1, y0) + LONG(x3, y2));
    const uint64_t z2 = (LONG(x0, y2) + LONG(x3, y3)) ^ LONG(x1, y1) ^ LONG(x2, y0);
    const uint64_t z3 = LONG(x0, y3) ^ LONG(x1, y2) ^ LONG(x2, y1) ^ LONG(x3, y0);

    return (z0 & EVERY_FOURTH) | (z1 & EVERY_FOURTH << 1) | (z2 & EVERY_FOURTH << 2) |
           (z3 & EVERY_FOURTH << 3);
}

#endif

/* z[0..3] = (x1 x0) * (h[1] h[0]), the lowest word first; h[2] is h[0] + h[1]. */
static void multiply_two(uint32_t z[4], uint32_t x0, uint32_t x1, const uint32_t h[3])
{
    const uint64_t low = multiply(x0, h[0]), high = multiply(x1, h[1]);
    const uint64_t mid = multiply(x0 ^ x1, h[2]) ^ low ^ high;

    z[0] = (uint32_t)low;
    z[1] = (uint32_t)(low >> 32) ^ (uint32_t)mid;
    z[2] = (uint32_t)high ^ (uint32_t)(mid >> 32);
    z[3] = (uint32_t)(high >> 32);
}

/* x = x * H. What is in `z` afterwards tells H, so the caller wipes it. */
static void multiply_by_key(const uint32_t h[9], uint32_t x[4], uint32_t z[12])
{
    uint32_t *mid = z + 8;

    multiply_two(z, x[3], x[2], h);
    multiply_two(z + 4, x[1], x[0], h + 3);
    multiply_two(mid, x[3] ^ x[1], x[2] ^ x[0], h + 6);
    for (unsigned i = 0; i < 4; i++)
        mid[i] ^= z[i] ^ z[i + 4];
    for (unsigned i = 0; i < 4; i++)
        z[i + 2] ^= mid[i];
    /* The low half has x^128 and above: x^128 = x^7 + x^2 + x + 1. */
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t w = z[i];

        z[i + 4] ^= w ^ w >> 1 ^ w >> 2 ^ w >> 7;
        z[i + 3] ^= w << 31 ^ w << 30 ^ w << 25;
    }
    for (unsigned i = 0; i < 4; i++)
        x[i] = z[7 - i];
}

void weir_portable_ghash_init(struct weir_portable_ghash *ghash, const uint8_t subkey[AES_BLOCK])
{
    uint32_t *h = ghash->h;
    uint32_t w[4];

    for (unsigned i = 0; i < 4; i++)
        w[3 - i] = get_be32(subkey + 4 * (size_t)i);
    /* Divided by x, where 1 / x = x^127 + x^6 + x + 1. */
    const uint32_t odd = 0u - (w[3] >> 31);

    h[0] = w[0] << 1 ^ (odd & 1u);
    h[1] = w[1] << 1 ^ w[0] >> 31;
    h[3] = w[2] << 1 ^ w[1] >> 31;
    h[4] = w[3] << 1 ^ w[2] >> 31 ^ (odd & 0xc2000000u);
    h[2] = h[0] ^ h[1];
    h[5] = h[3] ^ h[4];
    h[6] = h[0] ^ h[3];
    h[7] = h[1] ^ h[4];
    h[8] = h[6] ^ h[7];
    weir_wipe(w, sizeof w);
}

void weir_portable_ghash_add(const struct weir_portable_ghash *ghash, struct weir_portable_sum *sum,
                             const uint8_t *data, size_t len)
{
    uint8_t filled[AES_BLOCK];
    uint32_t z[12];

    while (len > 0) {
        const uint8_t *block = data;
        size_t take = AES_BLOCK;

        if (len < AES_BLOCK) {
            memset(filled, 0, sizeof filled);
            memcpy(filled, data, len);
            block = filled;
            take = len;
        }
        for (unsigned i = 0; i < 4; i++)
            sum->w[i] ^= get_be32(block + 4 * (size_t)i);
        multiply_by_key(ghash->h, sum->w, z);
        data += take;
        len -= take;
    }
    weir_wipe(z, sizeof z);
}
