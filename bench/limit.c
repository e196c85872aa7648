/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this processor could do at most with 16384 bytes that lie in its first-level cache.
 *
 *     limit [--rounds N]
 *
 * Copying by memcpy; where there are VAES, VPCLMULQDQ and AVX-512, AES-128 in counter mode and
 * GHASH, each alone and both in one loop, 512 bytes at a time, without framing, key schedule, tag
 * or remainder: the instructions of an AES-GCM that has nothing else to do. (Nothing that it makes
 * is of use.) And libipsec-mb's own AES-128-GCM. Prints JSON: nanoseconds of each round.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef WITH_IPSECMB
#include "raw_aead.h"
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,aes,pclmul,vaes,vpclmulqdq")))
#endif

#define LEN         16384u
#define VECTORS     ((size_t)8) /* of 64 bytes, in work at once */
#define REDUCED     2048u       /* bytes whose products are added before they are reduced */
#define AES_ROUNDS  10
#define REPEAT      64
#define MOST_ROUNDS 10000

static _Alignas(64) uint8_t from[LEN + 64], to[LEN + 64];

/* Of this thread, so that other programs on the machine disturb less. */
static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void copy(void)
{
    memcpy(to, from, LEN);
    __asm__ volatile("" : : "r"(to) : "memory");
}

#if defined(__x86_64__)
/* Products of 64-bit halves, kept apart until the sums are reduced. */
struct sums {
    __m512i low, middle, high;
};

TARGET static inline __m128i fold(__m512i v)
{
    __m256i half = _mm256_xor_si256(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));

    return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/* To 128 bits, by two more multiplications. */
TARGET static inline __m128i reduce(const struct sums *s)
{
    const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000u, 1);
    __m128i middle = fold(s->middle);
    __m128i low = _mm_xor_si128(fold(s->low), _mm_slli_si128(middle, 8));
    __m128i high = _mm_xor_si128(fold(s->high), _mm_srli_si128(middle, 8));
    __m128i once = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, poly, 1));
    __m128i twice =
        _mm_xor_si128(_mm_shuffle_epi32(once, 0x4e), _mm_clmulepi64_si128(once, poly, 1));

    return _mm_xor_si128(high, twice);
}

/* `block` times a power, by three multiplications; `sum` is the xor of the power's halves. */
TARGET static inline void multiply(struct sums *s, __m512i block, __m512i power, __m512i sum)
{
    const __m512i other = _mm512_xor_si512(block, _mm512_shuffle_epi32(block, 0x4e));

    s->low = _mm512_xor_si512(s->low, _mm512_clmulepi64_epi128(block, power, 0x00));
    s->high = _mm512_xor_si512(s->high, _mm512_clmulepi64_epi128(block, power, 0x11));
    s->middle = _mm512_xor_si512(s->middle, _mm512_clmulepi64_epi128(other, sum, 0x00));
}

/* A part of a pass: VECTORS vectors from byte `at` on. */
TARGET static inline __attribute__((always_inline)) void
part(size_t at, const __m512i keys[AES_ROUNDS + 1], __m512i *counter, struct sums *s)
{
    const __m512i turn =
        _mm512_broadcast_i32x4(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    const __m512i one = _mm512_broadcast_i32x4(_mm_set_epi32(0, 0, 0, 4));
    __m512i v[VECTORS];

    for (size_t i = 0; i < VECTORS; i++)
        if (keys != NULL) {
            v[i] = _mm512_xor_si512(_mm512_shuffle_epi8(*counter, turn), keys[0]);
            *counter = _mm512_add_epi32(*counter, one);
        } else {
            v[i] = _mm512_load_si512(from + at + 64 * i);
        }
    for (int round = 1; keys != NULL && round < AES_ROUNDS; round++)
        for (size_t i = 0; i < VECTORS; i++)
            v[i] = _mm512_aesenc_epi128(v[i], keys[round]);
    for (size_t i = 0; keys != NULL && i < VECTORS; i++) {
        /* The last round's key goes on together with the text. */
        v[i] = _mm512_aesenclast_epi128(
            v[i], _mm512_xor_si512(keys[AES_ROUNDS], _mm512_load_si512(from + at + 64 * i)));
        _mm512_store_si512(to + at + 64 * i, v[i]);
    }
    for (size_t i = 0; s != NULL && i < VECTORS; i++) {
        const size_t power = (at + 64 * i) % REDUCED;
        multiply(s, _mm512_shuffle_epi8(v[i], turn), _mm512_load_si512(from + power),
                 _mm512_load_si512(from + REDUCED + power));
    }
}

/* One pass over the buffer: encrypts, authenticates, or both. */
TARGET static inline __attribute__((always_inline)) void pass(bool encrypts, bool authenticates)
{
    __m512i counter = _mm512_loadu_si512(from), keys[AES_ROUNDS + 1];
    __m512i hash = _mm512_setzero_si512();

    for (size_t i = 0; i <= AES_ROUNDS; i++)
        keys[i] = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)(from + 16 * i)));
    for (size_t at = 0; at < LEN; at += REDUCED) {
        struct sums s = {hash, _mm512_setzero_si512(), _mm512_setzero_si512()};
        for (size_t n = 0; n < REDUCED; n += 64 * VECTORS)
            part(at + n, encrypts ? keys : NULL, &counter, authenticates ? &s : NULL);
        hash = _mm512_zextsi128_si512(reduce(&s));
    }
    _mm512_storeu_si512(to + LEN, hash);
    __asm__ volatile("" : : "r"(to) : "memory");
}

TARGET static void ctr(void)
{
    pass(true, false);
}

TARGET static void ghash(void)
{
    pass(false, true);
}

TARGET static void both(void)
{
    pass(true, true);
}

static bool wide(void)
{
    unsigned a, b, c, d;

    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __get_cpuid_count(7, 0, &a, &b, &c, &d) == 1 &&
           (c & bit_VAES) != 0 && (c & bit_VPCLMULQDQ) != 0;
}
#else
static bool wide(void)
{
    return false;
}

#define ctr   copy
#define ghash copy
#define both  copy
#endif

#ifdef WITH_IPSECMB
static void library(void)
{
    static const uint8_t nonce[16], aad[16];
    static uint8_t tag[16];
    const struct raw_op op = {nonce, aad, from, 5, LEN, to, tag};

    if (!raw_ipsecmb.seal(&op))
        exit(1);
}
#endif

struct thing {
    const char *name;
    void (*run)(void);
};

static void measure(const struct thing *things, size_t count, size_t rounds)
{
    double *ns = calloc(count * rounds, sizeof *ns);

    if (ns == NULL)
        exit(1);
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < count; i++) {
            things[i].run(); /* what it reads is in the cache now */
            const double start = now_ns();
            for (int n = 0; n < REPEAT; n++)
                things[i].run();
            ns[i * rounds + round] = (now_ns() - start) / REPEAT;
        }
    printf("{\"bytes\": %u, \"ns\": {", LEN);
    for (size_t i = 0; i < count; i++) {
        printf("%s\"%s\": [", i > 0 ? ", " : "", things[i].name);
        for (size_t round = 0; round < rounds; round++)
            printf("%s%.1f", round > 0 ? ", " : "", ns[i * rounds + round]);
        putchar(']');
    }
    puts("}}");
    free(ns);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {{"rounds", required_argument, NULL, 'r'}, {0}};
    struct thing things[5] = {{"memcpy", copy}};
    size_t count = 1;
    long rounds = 201;
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        char *rest = NULL;
        rounds = c == 'r' ? strtol(optarg, &rest, 10) : 0;
        if (c != 'r' || *rest != 0 || rounds < 1 || rounds > MOST_ROUNDS) {
            fputs("usage: limit [--rounds N]\n", stderr);
            return 2;
        }
    }
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (uint8_t)(i * 73 + 11);
    if (wide()) {
        things[count++] = (struct thing){"AES-128-CTR", ctr};
        things[count++] = (struct thing){"GHASH", ghash};
        things[count++] = (struct thing){"both in one loop", both};
    }
#ifdef WITH_IPSECMB
    if (raw_ipsecmb.start(WEIR_AES_128_GCM, from))
        things[count++] = (struct thing){"ipsec-mb, AES-128-GCM", library};
#endif
    measure(things, count, (size_t)rounds);
#ifdef WITH_IPSECMB
    if (count > 1 && strncmp(things[count - 1].name, "ipsec-mb", 8) == 0)
        raw_ipsecmb.end();
#endif
    return 0;
}
