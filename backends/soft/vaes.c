/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-GCM of four messages side by side (NIST SP 800-38D). A message of a few blocks is mostly
 * waiting: for ten or fourteen rounds of AES, for a product of GHASH, for its reduction. Four of
 * them under one key wait together, and what is done once for a message is done once for four.
 *
 * A *column* is the next 64 bytes of all four: a register for each message, four blocks in it.
 * GHASH keeps a sum for each of them, the lanes of which are added up at the end. What is no whole
 * column is done in *lanes*: one block of each message, in one register. So are the blocks that
 * every message has: the one that masks the tag, additional data, lengths, and the reduction.
 *
 * Every block is multiplied by its own power of the hash key, so that there is one reduction.
 * Products are three multiplications (Karatsuba): this processor begins one in two cycles, and has
 * time for the rounds of AES beside them.
 *
 * Keys, powers, keystream and text are in vector registers only, and nothing leads from there to an
 * address, a flag or a general register but the comparison of tags; test/ct/vaes.py holds the
 * compiled code to that. Lengths and numbers of messages are no secret.
 */
#include "vaes.h"

#include <cpuid.h>
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,vaes,vpclmulqdq,bmi2")))
#define INLINE static inline TARGET __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* A loop that is none where it is compiled: its variables are in registers. */
#define foreach(i, n) UNROLL for (unsigned i = 0; i < (n); i++)

/* Keeps compilers from loading now what is needed later: they would run out of registers. */
#define IN_ORDER __asm__ volatile("" : : : "memory")

#define LAST_POWER ((size_t)16 * (WEIR_VAES_POWERS - 1))

/* ---- counters ---- */

#define COUNTER(n)   0, 0, 0, (uint32_t)(n) << 24 /* in big-endian, 255 at most */
#define COUNTERS4(n) COUNTER(n), COUNTER((n) + 1), COUNTER((n) + 2), COUNTER((n) + 3)
/* 1 masks the tag, 2 is that of the first block. */
static const _Alignas(64) uint32_t counters[] = {
    COUNTERS4(0),  COUNTERS4(4),  COUNTERS4(8),  COUNTERS4(12), COUNTERS4(16), COUNTERS4(20),
    COUNTERS4(24), COUNTERS4(28), COUNTERS4(32), COUNTERS4(36), COUNTERS4(40), COUNTERS4(44),
};

/* ---- blocks ---- */

INLINE __m128i block(const void *p)
{
    return _mm_loadu_si128(p);
}

/* The block at `p` in each lane. */
INLINE __m512i everywhere(const void *p)
{
    return _mm512_broadcast_i32x4(block(p));
}

INLINE __m512i lanes(const __m128i b[4])
{
    __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(b[0]), b[1], 1);
    __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(b[2]), b[3], 1);

    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

INLINE void from_lanes(__m128i b[4], __m512i x)
{
    b[0] = _mm512_castsi512_si128(x);
    b[1] = _mm512_extracti32x4_epi32(x, 1);
    b[2] = _mm512_extracti32x4_epi32(x, 2);
    b[3] = _mm512_extracti32x4_epi32(x, 3);
}

INLINE __m512i xor3(__m512i a, __m512i b, __m512i c)
{
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

/* GHASH has the bits of a byte the other way round; with the bytes the other way round, too, they
 * are in order. */
INLINE __m512i turned(__m512i x)
{
    const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(order));
}

/* ---- GHASH ---- */

/* Products in each lane, not reduced; `mid` is (a_low + a_high)(b_low + b_high). */
struct sum {
    __m512i low, mid, high;
};

INLINE __m512i folded(__m512i x)
{
    return _mm512_xor_si512(x, _mm512_shuffle_epi32(x, 0x4e));
}

INLINE struct sum product(__m512i a, __m512i b)
{
    return (struct sum){_mm512_clmulepi64_epi128(a, b, 0x00),
                        _mm512_clmulepi64_epi128(folded(a), folded(b), 0x00),
                        _mm512_clmulepi64_epi128(a, b, 0x11)};
}

INLINE struct sum nothing(void)
{
    return (struct sum){_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
}

INLINE void add(struct sum *sum, struct sum other)
{
    sum->low = _mm512_xor_si512(sum->low, other.low);
    sum->mid = _mm512_xor_si512(sum->mid, other.mid);
    sum->high = _mm512_xor_si512(sum->high, other.high);
}

/* Of each lane, modulo x^128 + x^7 + x^2 + x + 1 with its bits turned round, in two steps of 64. */
INLINE __m512i reduced(struct sum sum)
{
    const __m512i poly = _mm512_set1_epi64((long long)0xc200000000000000);
    __m512i mid = xor3(sum.low, sum.mid, sum.high);
    __m512i low = _mm512_xor_si512(sum.low, _mm512_bslli_epi128(mid, 8));
    __m512i high = _mm512_xor_si512(sum.high, _mm512_bsrli_epi128(mid, 8));
    __m512i part = _mm512_clmulepi64_epi128(low, poly, 0x00);

    low = _mm512_xor_si512(_mm512_shuffle_epi32(low, 0x4e), part);
    part = _mm512_clmulepi64_epi128(low, poly, 0x00);
    return xor3(_mm512_shuffle_epi32(low, 0x4e), part, high);
}

/* Two of a's lanes on two of b's: the halves of what lane_sums wants. */
INLINE __m512i halves(__m512i a, __m512i b)
{
    return _mm512_xor_si512(_mm512_shuffle_i64x2(a, b, 0x4e), _mm512_mask_blend_epi64(0xf0, a, b));
}

/* Lane i: the sum of the four lanes of argument i. */
INLINE __m512i lane_sums(__m512i a, __m512i b, __m512i c, __m512i d)
{
    const __m512i ab = halves(a, b), cd = halves(c, d);

    return _mm512_xor_si512(_mm512_shuffle_i64x2(ab, cd, 0x88), _mm512_shuffle_i64x2(ab, cd, 0xdd));
}

/* ---- four messages ---- */

struct four {
    const struct weir_vaes_key *key;
    const struct weir_aead_op *op; /* four of them */
    const uint8_t *in[4];
    uint8_t *out[4];
    size_t len[4];
    size_t power[4]; /* where in the table that of the additional data is */
    size_t at;       /* bytes of each that are done */
    bool same;       /* they have as many blocks each */
    __m512i mask;    /* of the tags, once encrypted */
    __m512i next;    /* keystream for the lanes behind the columns, once encrypted */
    struct sum sums[4];
};

INLINE __m512i round_key(const struct four *f, unsigned i)
{
    return everywhere(f->key->rounds + (size_t)16 * i);
}

/* For each lane the power that stands `back` bytes behind that of the additional data. For a
 * message that has ended any will do. */
INLINE __m512i powers(const struct four *f, size_t back)
{
    const uint8_t *const table = f->key->powers;
    __m128i each[4];

    if (f->same)
        return everywhere(table + f->power[0] + back);
    foreach (i, 4)
        each[i] = block(f->power[i] + back <= LAST_POWER ? table + f->power[i] + back : table);
    return lanes(each);
}

INLINE __m512i nonces(const struct four *f)
{
    const __m128i each[4] = {block(f->op[0].nonce), block(f->op[1].nonce), block(f->op[2].nonce),
                             block(f->op[3].nonce)};

    return _mm512_xor_si512(lanes(each), round_key(f, 0));
}

/* The block of counter `n` of each message, before the rounds of AES. */
INLINE __m512i lane_start(const struct four *f, size_t n)
{
    return _mm512_xor_si512(nonces(f), everywhere(&counters[4 * n]));
}

INLINE void measure(struct four *f)
{
    size_t blocks[4];

    foreach (i, 4) {
        f->in[i] = f->op[i].in->base;
        f->out[i] = f->op[i].out;
        f->len[i] = f->op[i].in_len;
        blocks[i] = (f->len[i] + 15) / 16;
        f->power[i] = LAST_POWER - 16 * (blocks[i] + 1);
    }
    f->same = blocks[0] == blocks[1] && blocks[0] == blocks[2] && blocks[0] == blocks[3];
    f->at = 0;
}

/* One round of AES for s[0..n), and with `lane` set for what there is to encrypt in lanes, so that
 * it takes no time of its own. */
INLINE void encrypt_round(struct four *f, unsigned r, __m512i *s, unsigned n, bool lane)
{
    IN_ORDER;
    const __m512i key = round_key(f, r);

    foreach (i, n)
        s[i] = _mm512_aesenc_epi128(s[i], key);
    if (lane) {
        f->mask = _mm512_aesenc_epi128(f->mask, key);
        f->next = _mm512_aesenc_epi128(f->next, key);
    }
}

INLINE void encrypt_last(struct four *f, unsigned r, __m512i *s, unsigned n, bool lane)
{
    const __m512i key = round_key(f, r);

    foreach (i, n)
        s[i] = _mm512_aesenclast_epi128(s[i], key);
    if (lane) {
        f->mask = _mm512_aesenclast_epi128(f->mask, key);
        f->next = _mm512_aesenclast_epi128(f->next, key);
    }
}

/* Adds message i's ciphertext in `n` columns to its sum: `x`, and `y` of the second column. */
INLINE void hash(struct four *f, unsigned i, unsigned n, __m512i x, __m512i y)
{
    const uint8_t *power = f->key->powers + f->power[i] + 16 + f->at;
    struct sum *sum = &f->sums[i];
    struct sum p = product(turned(x), _mm512_loadu_si512(power));

    IN_ORDER;
    if (n == 1) {
        add(sum, p);
        return;
    }
    struct sum q = product(turned(y), _mm512_loadu_si512(power + 64));
    sum->low = xor3(sum->low, p.low, q.low);
    sum->mid = xor3(sum->mid, p.mid, q.mid);
    sum->high = xor3(sum->high, p.high, q.high);
}

INLINE __m512i text(const struct four *f, unsigned i, unsigned column)
{
    return _mm512_loadu_si512(f->in[i] + f->at + (size_t)64 * column);
}

/*
 * `n` columns, 1 or 2, and with the first of them the lanes: encrypts, or decrypts, and hashes.
 * What is opened is hashed between the rounds, what is sealed can only be behind them.
 */
INLINE void columns(struct four *f, unsigned rounds, bool sealing, unsigned n, bool lane)
{
    __m512i s[8];

    foreach (c, n) {
        const uint32_t *counter = &counters[f->at / 4 + (size_t)16 * c + 8];
        __m512i start = _mm512_xor_si512(round_key(f, 0), _mm512_loadu_si512(counter));
        foreach (i, 4)
            s[4 * c + i] = _mm512_xor_si512(everywhere(f->op[i].nonce), start);
    }
    foreach (r, rounds - 1) {
        encrypt_round(f, r + 1, s, 4 * n, lane);
        if (!sealing && r % 2 == 1 && r < 8)
            hash(f, r / 2, n, text(f, r / 2, 0), n == 2 ? text(f, r / 2, 1) : s[0]);
    }
    encrypt_last(f, rounds, s, 4 * n, lane);
    foreach (i, 4) {
        foreach (c, n) {
            s[4 * c + i] = _mm512_xor_si512(s[4 * c + i], text(f, i, c));
            _mm512_storeu_si512(f->out[i] + f->at + (size_t)64 * c, s[4 * c + i]);
        }
        if (sealing)
            hash(f, i, n, s[i], s[4 * n - 4 + i]);
    }
    f->at += (size_t)64 * n;
}

INLINE void only_lanes(struct four *f, unsigned rounds)
{
    foreach (r, rounds - 1)
        encrypt_round(f, r + 1, NULL, 0, true);
    encrypt_last(f, rounds, NULL, 0, true);
}

/* All columns, the number of which is not 0. Their sums, a lane each. */
INLINE struct sum all_columns(struct four *f, unsigned rounds, bool sealing, size_t count)
{
    const struct sum *s = f->sums;

    foreach (i, 4)
        f->sums[i] = nothing();

    if (count % 2 == 1)
        columns(f, rounds, sealing, 1, true);
    else
        columns(f, rounds, sealing, 2, true);
    for (count = (count - 1) / 2; count > 0; count--)
        columns(f, rounds, sealing, 2, false);
    return (struct sum){lane_sums(s[0].low, s[1].low, s[2].low, s[3].low),
                        lane_sums(s[0].mid, s[1].mid, s[2].mid, s[3].mid),
                        lane_sums(s[0].high, s[1].high, s[2].high, s[3].high)};
}

/* The next block of those that have one, with `stream`. */
INLINE void lane(struct four *f, bool sealing, __m512i stream, struct sum *sum)
{
    __mmask16 m[4];
    __m128i b[4];
    size_t at[4];

    foreach (i, 4) {
        at[i] = f->at < f->len[i] ? f->at : f->len[i];
        size_t left = f->len[i] - at[i];
        m[i] = (__mmask16)_bzhi_u32(0xffff, left < 16 ? (unsigned)left : 16);
        b[i] = _mm_maskz_loadu_epi8(m[i], f->in[i] + at[i]);
    }
    __m512i in = lanes(b), out = _mm512_xor_si512(in, stream);
    from_lanes(b, out);
    foreach (i, 4)
        _mm_mask_storeu_epi8(f->out[i] + at[i], m[i], b[i]);
    if (sealing) {
        const __mmask64 all =
            _mm512_kunpackd(_mm512_kunpackw(m[3], m[2]), _mm512_kunpackw(m[1], m[0]));
        in = _mm512_maskz_mov_epi8(all, out);
    }
    add(sum, product(turned(in), powers(f, 16 + f->at)));
    f->at += 16;
}

/* What no column has. */
INLINE void all_lanes(struct four *f, unsigned rounds, bool sealing, size_t longest,
                      struct sum *sum)
{
    if (f->at >= longest)
        return;
    lane(f, sealing, f->next, sum);
    while (f->at < longest) {
        __m512i stream = lane_start(f, 2 + f->at / 16);

        foreach (r, rounds - 1)
            encrypt_round(f, r + 1, &stream, 1, false);
        encrypt_last(f, rounds, &stream, 1, false);
        lane(f, sealing, stream, sum);
    }
}

/* Additional data in front, the lengths behind everything, both in bits. */
INLINE void add_ends(const struct four *f, struct sum *sum)
{
    const __m512i last = everywhere(f->key->powers + LAST_POWER);
    __m128i aad[4], len[4];

    foreach (i, 4) {
        const struct weir_aead_op *op = &f->op[i];
        const __mmask16 m = (__mmask16)_bzhi_u32(0xffff, (unsigned)op->aad.len);

        aad[i] = _mm_maskz_loadu_epi8(m, op->aad.base);
        len[i] = _mm_unpacklo_epi64(_mm_loadl_epi64((const void *)&op->in_len),
                                    _mm_loadl_epi64((const void *)&op->aad.len));
    }
    add(sum, product(turned(lanes(aad)), powers(f, 0)));
    add(sum, product(_mm512_slli_epi64(lanes(len), 3), last));
}

INLINE size_t least_of(const size_t v[4])
{
    size_t a = v[0] < v[1] ? v[0] : v[1], b = v[2] < v[3] ? v[2] : v[3];

    return a < b ? a : b;
}

INLINE size_t most_of(const size_t v[4])
{
    size_t a = v[0] > v[1] ? v[0] : v[1], b = v[2] > v[3] ? v[2] : v[3];

    return a > b ? a : b;
}

/* Encrypts or decrypts four messages. Their tags, in lanes. */
INLINE __m512i do_four(const struct weir_vaes_key *key, const struct weir_aead_op *ops,
                       unsigned rounds, bool sealing)
{
    struct four f = {.key = key, .op = ops};
    struct sum sum = nothing();

    measure(&f);
    const size_t count = least_of(f.len) / 64;
    f.mask = lane_start(&f, 1);
    f.next = lane_start(&f, 2 + 4 * count);
    if (count > 0)
        sum = all_columns(&f, rounds, sealing, count);
    else
        only_lanes(&f, rounds);
    all_lanes(&f, rounds, sealing, most_of(f.len), &sum);
    add_ends(&f, &sum);
    return _mm512_xor_si512(turned(reduced(sum)), f.mask);
}

/* ---- many messages ---- */

INLINE bool fit(const struct weir_aead_op *ops)
{
    bool all = true;

    foreach (i, 4)
        all = all & (ops[i].in_len <= WEIR_VAES_MAX_LEN) & (ops[i].aad.len <= WEIR_VAES_MAX_AAD);
    return all;
}

INLINE size_t seal_all(const struct weir_vaes_key *key, const struct weir_aead_op *ops,
                       size_t count, unsigned rounds)
{
    size_t i = 0;
    __m128i tags[4];

    for (; count - i >= 4 && fit(ops + i); i += 4) {
        from_lanes(tags, do_four(key, ops + i, rounds, true));
        foreach (j, 4)
            _mm_storeu_si128((void *)ops[i + j].tag, tags[j]);
    }
    return i;
}

INLINE size_t open_all(const struct weir_vaes_key *key, const struct weir_aead_op *ops,
                       size_t count, unsigned rounds, uint64_t *wrong)
{
    size_t i = 0;

    *wrong = 0;
    for (; count - i >= 4 && fit(ops + i); i += 4) {
        const __m128i tags[4] = {block(ops[i].tag), block(ops[i + 1].tag), block(ops[i + 2].tag),
                                 block(ops[i + 3].tag)};
        __m512i differ = _mm512_xor_si512(lanes(tags), do_four(key, ops + i, rounds, false));
        /* Both halves of a tag in one, and of that one bit of the mask. */
        differ = _mm512_or_si512(differ, _mm512_shuffle_epi32(differ, 0x4e));
        *wrong |= (uint64_t)_pext_u32(_mm512_test_epi64_mask(differ, differ), 0x55) << i;
    }
    return i;
}

/* Four functions, so that the number of rounds is known where they are compiled. */
#define APART static TARGET __attribute__((noinline))

APART size_t seal_128(const struct weir_vaes_key *key, const struct weir_aead_op *ops, size_t count)
{
    return seal_all(key, ops, count, 10);
}

APART size_t seal_256(const struct weir_vaes_key *key, const struct weir_aead_op *ops, size_t count)
{
    return seal_all(key, ops, count, 14);
}

APART size_t open_128(const struct weir_vaes_key *key, const struct weir_aead_op *ops, size_t count,
                      uint64_t *wrong)
{
    return open_all(key, ops, count, 10, wrong);
}

APART size_t open_256(const struct weir_vaes_key *key, const struct weir_aead_op *ops, size_t count,
                      uint64_t *wrong)
{
    return open_all(key, ops, count, 14, wrong);
}

/* The bytes of stack that those take at most where compilers optimize; a test looks whether it is
 * so. It is done anew in every call, so no more than is needed. */
#ifdef __clang__
#define FRAME 2048
#else
#define FRAME 1024
#endif

/* Clears what those leave: registers, and the stack where they had kept some of too many. */
APART void clear(void)
{
    __m512i frame[FRAME / 64];

    __asm__ volatile("vzeroall\n\t"
                     "vpxord %%zmm16, %%zmm16, %%zmm16\n\tvpxord %%zmm17, %%zmm17, %%zmm17\n\t"
                     "vpxord %%zmm18, %%zmm18, %%zmm18\n\tvpxord %%zmm19, %%zmm19, %%zmm19\n\t"
                     "vpxord %%zmm20, %%zmm20, %%zmm20\n\tvpxord %%zmm21, %%zmm21, %%zmm21\n\t"
                     "vpxord %%zmm22, %%zmm22, %%zmm22\n\tvpxord %%zmm23, %%zmm23, %%zmm23\n\t"
                     "vpxord %%zmm24, %%zmm24, %%zmm24\n\tvpxord %%zmm25, %%zmm25, %%zmm25\n\t"
                     "vpxord %%zmm26, %%zmm26, %%zmm26\n\tvpxord %%zmm27, %%zmm27, %%zmm27\n\t"
                     "vpxord %%zmm28, %%zmm28, %%zmm28\n\tvpxord %%zmm29, %%zmm29, %%zmm29\n\t"
                     "vpxord %%zmm30, %%zmm30, %%zmm30\n\tvpxord %%zmm31, %%zmm31, %%zmm31"
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16",
                       "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
                       "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
    foreach (i, FRAME / 64)
        frame[i] = _mm512_setzero_si512();
    __asm__ volatile("" : : "r"(frame) : "memory");
}

size_t weir_vaes_seal(const struct weir_vaes_key *key, const struct weir_aead_op *ops, size_t count)
{
    size_t done;

    if (count < 4)
        return 0;
    count = count < WEIR_VAES_MAX ? count : WEIR_VAES_MAX;
    done = key->wide ? seal_256(key, ops, count) : seal_128(key, ops, count);
    clear();
    return done;
}

size_t weir_vaes_open(const struct weir_vaes_key *key, const struct weir_aead_op *ops, size_t count,
                      uint64_t *wrong)
{
    size_t done;

    *wrong = 0;
    if (count < 4)
        return 0;
    count = count < WEIR_VAES_MAX ? count : WEIR_VAES_MAX;
    done = key->wide ? open_256(key, ops, count, wrong) : open_128(key, ops, count, wrong);
    clear();
    return done;
}

/* ---- the processor ---- */

/* What the operating system keeps for a program when another runs: XMM, YMM, the masks, and ZMM. */
static bool keeps_registers(void)
{
    const uint32_t wanted = 0xe6;
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & wanted) == wanted;
}

bool weir_vaes_usable(void)
{
    const unsigned wanted_b = bit_BMI2 | bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
    const unsigned wanted_c = bit_VAES | bit_VPCLMULQDQ;
    unsigned a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0 || !keeps_registers())
        return false;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0)
        return false;
    return (b & wanted_b) == wanted_b && (c & wanted_c) == wanted_c;
}
