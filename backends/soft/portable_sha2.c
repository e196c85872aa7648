/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256 and SHA-384 (FIPS 180-4), small rather than fast: a KeyUpdate hashes some hundred bytes.
 * Additions, rotations and bitwise functions only, so the time depends on lengths alone.
 */
#include "portable_hash.h"

/*
 * The first 64 bits of the fractional parts of the cube roots of the first 80 primes (section
 * 4.2.3). SHA-256 has the first 32 bits of the first 64 of them (section 4.2.2).
 */
static const uint64_t roots[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* Of the square roots of the first eight primes 32 bits (section 5.3.3), and of the next eight
 * 64 bits (section 5.3.4). */
static const uint32_t start_256[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};
static const uint64_t start_384[8] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

static uint32_t right32(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static uint64_t right64(uint64_t x, unsigned n)
{
    return x >> n | x << (64 - n);
}

#define CHOOSE(x, y, z)   ((z) ^ ((x) & ((y) ^ (z))))
#define MAJORITY(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))

/*
 * Of the message schedule only the latest 16 words are kept. The eight working variables a to h do
 * not move: in round i variable v is s[(v - i) mod 8].
 */
#define VAR(v) s[((v)-i) & 7]

static void compress_256(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[16], s[8];

    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t *word = &w[i & 15], t;

        if (i < 16) {
            *word = get_be32(block + 4 * (size_t)i);
        } else {
            const uint32_t near = w[(i + 14) & 15], far = w[(i + 1) & 15];

            *word += (right32(near, 17) ^ right32(near, 19) ^ near >> 10) + w[(i + 9) & 15] +
                     (right32(far, 7) ^ right32(far, 18) ^ far >> 3);
        }
        t = VAR(7) + (right32(VAR(4), 6) ^ right32(VAR(4), 11) ^ right32(VAR(4), 25)) +
            CHOOSE(VAR(4), VAR(5), VAR(6)) + (uint32_t)(roots[i] >> 32) + *word;
        VAR(3) += t;
        VAR(7) = t + (right32(VAR(0), 2) ^ right32(VAR(0), 13) ^ right32(VAR(0), 22)) +
                 MAJORITY(VAR(0), VAR(1), VAR(2));
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += s[i];
    weir_wipe(w, sizeof w);
    weir_wipe(s, sizeof s);
}

static void compress_512(uint64_t state[8], const uint8_t *block)
{
    uint64_t w[16], s[8];

    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < 80; i++) {
        uint64_t *word = &w[i & 15], t;

        if (i < 16) {
            *word = get_be64(block + 8 * (size_t)i);
        } else {
            const uint64_t near = w[(i + 14) & 15], far = w[(i + 1) & 15];

            *word += (right64(near, 19) ^ right64(near, 61) ^ near >> 6) + w[(i + 9) & 15] +
                     (right64(far, 1) ^ right64(far, 8) ^ far >> 7);
        }
        t = VAR(7) + (right64(VAR(4), 14) ^ right64(VAR(4), 18) ^ right64(VAR(4), 41)) +
            CHOOSE(VAR(4), VAR(5), VAR(6)) + roots[i] + *word;
        VAR(3) += t;
        VAR(7) = t + (right64(VAR(0), 28) ^ right64(VAR(0), 34) ^ right64(VAR(0), 39)) +
                 MAJORITY(VAR(0), VAR(1), VAR(2));
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += s[i];
    weir_wipe(w, sizeof w);
    weir_wipe(s, sizeof s);
}

static void compress(struct weir_portable_hash *h)
{
    if (h->block_len == 64)
        compress_256(h->state.narrow, h->block);
    else
        compress_512(h->state.wide, h->block);
    h->filled = 0;
}

void weir_portable_hash_begin(struct weir_portable_hash *h, weir_hash hash)
{
    h->block_len = hash == WEIR_SHA384 ? 128 : 64;
    h->filled = 0;
    h->len = 0;
    if (hash == WEIR_SHA384)
        memcpy(h->state.wide, start_384, sizeof start_384);
    else
        memcpy(h->state.narrow, start_256, sizeof start_256);
}

void weir_portable_hash_add(struct weir_portable_hash *h, const uint8_t *data, size_t len)
{
    h->len += len;
    while (len > 0) {
        size_t room = h->block_len - h->filled, n = len < room ? len : room;

        memcpy(h->block + h->filled, data, n);
        h->filled += (uint32_t)n;
        data += n;
        len -= n;
        if (h->filled == h->block_len)
            compress(h);
    }
}

void weir_portable_hash_end(struct weir_portable_hash *h, uint8_t *out)
{
    /* The length takes the last eighth of a block; of 128 bits the upper 64 are always 0 here. */
    const uint32_t end = h->block_len - h->block_len / 8;

    h->block[h->filled++] = 0x80;
    if (h->filled > end) {
        memset(h->block + h->filled, 0, h->block_len - h->filled);
        compress(h);
    }
    memset(h->block + h->filled, 0, h->block_len - h->filled);
    put_be64(h->block + h->block_len - 8, h->len << 3);
    compress(h);
    if (h->block_len == 64) {
        for (unsigned i = 0; i < 8; i++)
            put_be32(out + 4 * (size_t)i, h->state.narrow[i]);
    } else {
        for (unsigned i = 0; i < 6; i++)
            put_be64(out + 8 * (size_t)i, h->state.wide[i]);
    }
    weir_wipe(h, sizeof *h);
}
