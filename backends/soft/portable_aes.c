/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES (FIPS 197), encryption only, bitsliced: the blocks that are worked on at once lie side by
 * side in eight planes, plane b holding bit b of every byte. The substitution is then a circuit of
 * ANDs and XORs instead of a table (Käsper and Schwabe, "Faster and Timing-Attack Resistant
 * AES-GCM", CHES 2009).
 *
 * A plane is four lanes, one for each row of the state; lane r has, from its low end, the blocks'
 * bits of column 0, then of column 1 and so on. Going down the rows is a rotation of the whole
 * plane, going along the columns one of each lane.
 *
 * ShiftRows is not carried out. Round n works on a state whose row r stands n * r columns too far
 * to the right; MixColumns then looks for the rows below n, 2n and 3n columns further on, and round
 * keys are stored moved in the same way (Adomnicai and Peyrin, "Fixslicing AES-like Ciphers", TCHES
 * 2021). After 10 or 14 rounds rows 1 and 3 are two columns off, which is put right at the end.
 */
#include "portable_parts.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define LANE (WEIR_PORTABLE_BITS / 4u) /* bits of a lane */
#define CELL (LANE / 4u)               /* bits of a column in a lane: one of each block */

/* The low bits of a lane, up to `cells` columns; and the same in every lane. */
#define CELLS(cells) (((weir_plane)1 << (CELL * (cells))) - 1u)
#define EACH(bits)   ((weir_plane)(bits) * ((weir_plane)-1 / (((weir_plane)1 << LANE) - 1u)))
/* The first two columns of rows 1 and 3. */
#define ODD_ROWS (CELLS(2) << LANE | CELLS(2) << 3 * LANE)
/* The same in every byte. */
#define BYTES(byte) ((weir_plane)-1 / 255u * (byte))

/* The plane as seen from each cell `rows` down and `columns` to the right, both going round. */
ALWAYS_INLINE weir_plane look(weir_plane x, unsigned rows, unsigned columns)
{
    if (columns % 4 != 0)
        x = ((x >> CELL * columns) & EACH(CELLS(4 - columns))) |
            ((x & EACH(CELLS(columns))) << CELL * (4 - columns));
    if (rows % 4 != 0)
        x = x >> LANE * rows | x << LANE * (4 - rows);
    return x;
}

/* Changes the bits of `low` under mask << shift for those of `high` under mask. */
ALWAYS_INLINE void exchange(weir_plane *low, weir_plane *high, weir_plane mask, unsigned shift)
{
    weir_plane t = ((*low >> shift) ^ *high) & mask;

    *high ^= t;
    *low ^= t << shift;
}

/* Turns eight words into eight planes or back: bit i of word j, in every byte, is bit j of i. */
static void transpose(weir_plane q[8])
{
    for (unsigned i = 0; i < 8; i += 2)
        exchange(&q[i], &q[i + 1], BYTES(0x55), 1);
    for (unsigned i = 0; i < 8; i += i & 1 ? 3 : 1)
        exchange(&q[i], &q[i + 2], BYTES(0x33), 2);
    for (unsigned i = 0; i < 4; i++)
        exchange(&q[i], &q[i + 4], BYTES(0x0f), 4);
}

#if WEIR_PORTABLE_BITS == 64

/* The bytes of two columns, `low` in the low half of each lane. */
static uint64_t half_lanes(uint32_t x)
{
    uint64_t y = (x | (uint64_t)x << 16) & UINT64_C(0x0000ffff0000ffff);

    return (y | y << 8) & UINT64_C(0x00ff00ff00ff00ff);
}

static weir_plane join(uint32_t low, uint32_t high)
{
    return half_lanes(low) | half_lanes(high) << 8;
}

static uint32_t part(weir_plane x)
{
    x &= UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(x | x >> 16);
}

/* Blocks that have the first three columns in common; a column's top row is its low byte. */
static void slice(weir_plane q[8], const uint32_t column[3], const uint32_t last[AES_BLOCKS])
{
    for (unsigned i = 0; i < 4; i++) {
        q[i] = join(column[0], column[2]);
        q[i + 4] = join(column[1], last[i]);
    }
    transpose(q);
}

static void unslice(uint8_t out[AES_STEP], weir_plane q[8])
{
    transpose(q);
    for (unsigned i = 0; i < 8; i++) {
        uint8_t *to = out + AES_BLOCK * (i % 4) + (size_t)4 * (i / 4);

        put_le32(to, part(q[i]));
        put_le32(to + 8, part(q[i] >> 8));
    }
}

#else

/* Blocks that have the first three columns in common; a column's top row is its low byte. */
static void slice(weir_plane q[8], const uint32_t column[3], const uint32_t last[AES_BLOCKS])
{
    for (unsigned i = 0; i < 8; i++)
        q[i] = i < 6 ? column[i / 2] : last[i % 2];
    transpose(q);
}

static void unslice(uint8_t out[AES_STEP], weir_plane q[8])
{
    transpose(q);
    for (unsigned i = 0; i < 8; i++)
        put_le32(out + AES_BLOCK * (i % 2) + (size_t)4 * (i / 2), q[i]);
}

#endif

/*
 * SubBytes without the constant 0x63, which is part of the round keys instead (MixColumns leaves a
 * state of equal bytes as it is).
 *
 * The circuit of 115 gates by Boyar and Peralta ("A new combinational logic minimization technique
 * with applications to cryptology", SEA 2010): a linear layer into the tower field, an inversion in
 * GF(2^4) between two halves of a multiplication, a linear layer out of it. The paper counts bits
 * from the most significant one.
 */
static void sub_bytes(weir_plane q[8])
{
    const weir_plane x0 = q[7], x1 = q[6], x2 = q[5], x3 = q[4], x4 = q[3], x5 = q[2], x6 = q[1],
                     x7 = q[0];

    const weir_plane y14 = x3 ^ x5, y13 = x0 ^ x6, y9 = x0 ^ x3, y8 = x0 ^ x5, t0 = x1 ^ x2,
                     y1 = t0 ^ x7, y4 = y1 ^ x3, y12 = y13 ^ y14, y2 = y1 ^ x0, y5 = y1 ^ x6,
                     y3 = y5 ^ y8, t1 = x4 ^ y12, y15 = t1 ^ x5, y20 = t1 ^ x1, y6 = y15 ^ x7,
                     y10 = y15 ^ t0, y11 = y20 ^ y9, y7 = x7 ^ y11, y17 = y10 ^ y11, y19 = y10 ^ y8,
                     y16 = t0 ^ y11, y21 = y13 ^ y16, y18 = x0 ^ y16;

    const weir_plane t2 = y12 & y15, t4 = (y3 & y6) ^ t2, t6 = (y4 & x7) ^ t2, t7 = y13 & y16,
                     t9 = (y5 & y1) ^ t7, t11 = (y2 & y7) ^ t7, t12 = y9 & y11,
                     t14 = (y14 & y17) ^ t12, t16 = (y8 & y10) ^ t12, t21 = t4 ^ t14 ^ y20,
                     t22 = t6 ^ t16 ^ y19, t23 = t9 ^ t14 ^ y21, t24 = t11 ^ t16 ^ y18;

    const weir_plane t25 = t21 ^ t22, t26 = t21 & t23, t27 = t24 ^ t26, t29 = (t25 & t27) ^ t22,
                     t33 = ((t22 ^ t26) & (t23 ^ t24)) ^ t24, t36 = t24 & (t27 ^ t33),
                     t37 = t36 ^ t23 ^ t33, t40 = t25 ^ (t29 & (t27 ^ t36)), t41 = t40 ^ t37,
                     t42 = t29 ^ t33, t43 = t29 ^ t40, t44 = t33 ^ t37, t45 = t42 ^ t41;

    const weir_plane z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & x7, z3 = t43 & y16, z4 = t40 & y1,
                     z5 = t29 & y7, z6 = t42 & y11, z7 = t45 & y17, z8 = t41 & y10, z9 = t44 & y12,
                     z10 = t37 & y3, z11 = t33 & y4, z12 = t43 & y13, z13 = t40 & y5,
                     z14 = t29 & y2, z15 = t42 & y9, z16 = t45 & y14, z17 = t41 & y8;

    const weir_plane t46 = z15 ^ z16, t48 = z5 ^ z13, t53 = z0 ^ z3, t54 = z6 ^ z7,
                     t57 = z2 ^ z12 ^ t53, t58 = z4 ^ t46, t59 = z3 ^ t54, t62 = z7 ^ z8 ^ t58,
                     t63 = z9 ^ z10 ^ t58, t64 = z4 ^ t59, t65 = z14 ^ t57 ^ t62, t66 = z1 ^ t63,
                     s3 = t53 ^ t66;

    q[7] = t59 ^ t63;
    q[6] = t64 ^ s3;
    q[5] = z16 ^ z17 ^ t64 ^ t65;
    q[4] = s3;
    q[3] = z2 ^ z5 ^ t66;
    q[2] = z10 ^ z11 ^ t65;
    q[1] = z12 ^ t48 ^ t62;
    q[0] = t48 ^ t46 ^ t57;
}

/* Bit `bit` of every cell, plus that of the cell below. */
#define PAIR(bit, near) (near = look(q[bit], 1, shift), q[bit] ^ near)

/*
 * MixColumns and AddRoundKey, `shift` ShiftRows being left out before it. With t = a + the cell
 * below, the result is 2 t + the cell below + t of two cells below; 2 t moves the bits up, and bit
 * 7 comes back into bits 0, 1, 3 and 4.
 */
ALWAYS_INLINE void mix_columns(weir_plane q[8], const weir_plane key[8], unsigned shift)
{
    weir_plane near, near7, t;
    const weir_plane t7 = PAIR(7, near7);
    weir_plane up = t7;

#define BIT(bit, back)                                                                             \
    t = PAIR(bit, near);                                                                           \
    q[bit] = near ^ look(t, 2, 2 * shift % 4) ^ up ^ (back) ^ key[bit];                            \
    up = t
    BIT(0, 0);
    BIT(1, t7);
    BIT(2, 0);
    BIT(3, t7);
    BIT(4, t7);
    BIT(5, 0);
    BIT(6, 0);
#undef BIT
    q[7] = near7 ^ look(t7, 2, 2 * shift % 4) ^ up ^ key[7];
}

static void encrypt(const struct weir_portable_aes *aes, weir_plane q[8])
{
    const weir_plane *key = aes->keys[0];

    for (unsigned b = 0; b < 8; b++)
        q[b] ^= key[b];
    for (unsigned round = 1; round < aes->rounds; round++) {
        sub_bytes(q);
        key = aes->keys[round];
        switch (round % 4) {
        case 0:
            mix_columns(q, key, 0);
            break;
        case 1:
            mix_columns(q, key, 1);
            break;
        case 2:
            mix_columns(q, key, 2);
            break;
        default:
            mix_columns(q, key, 3);
            break;
        }
    }
    sub_bytes(q);
    key = aes->keys[aes->rounds];
    for (unsigned b = 0; b < 8; b++) {
        const weir_plane x = q[b] ^ key[b];
        const weir_plane t = (x ^ x >> LANE / 2) & ODD_ROWS;

        q[b] = x ^ t ^ t << LANE / 2;
    }
}

/* SubWord of FIPS 197 section 5.2. */
static uint32_t sub_word(uint32_t word)
{
    weir_plane q[8] = {word};

    transpose(q);
    sub_bytes(q);
    transpose(q);
    word = (uint32_t)q[0] ^ 0x63636363u;
    weir_wipe(q, sizeof q);
    return word;
}

/* Adds column `column` of round key `round` where its bytes stand after that many ShiftRows. */
static void place(uint32_t to[4], uint32_t word, unsigned column, unsigned round)
{
    for (unsigned row = 0; row < 4; row++)
        to[(column + round * row) % 4] |= word & 0xffu << 8 * row;
}

void weir_portable_aes_init(struct weir_portable_aes *aes, const uint8_t *key, size_t key_len)
{
    const unsigned words = (unsigned)key_len / 4, mask = words - 1;
    uint32_t w[8] = {0}, power = 1; /* w[n mod words] is the latest word with that remainder */

    aes->rounds = words + 6;
    for (unsigned round = 0; round <= aes->rounds; round++) {
        uint32_t columns[4] = {0}, last[AES_BLOCKS];

        for (unsigned n = 4 * round; n < 4 * round + 4; n++) {
            if (n < words) {
                w[n] = get_le32(key + (size_t)4 * n);
            } else {
                uint32_t t = w[(n - 1) & mask];

                if ((n & mask) == 0) {
                    t = sub_word(t >> 8 | t << 24) ^ power;
                    power = power << 1 ^ (power >> 7) * 0x11bu;
                } else if ((n & mask) == 4) {
                    t = sub_word(t);
                }
                w[n & mask] ^= t;
            }
            place(columns, w[n & mask], n % 4, round);
        }
        for (unsigned i = 0; i < AES_BLOCKS; i++)
            last[i] = columns[3];
        slice(aes->keys[round], columns, last);
        /* The constant that sub_bytes leaves out, 0x63. */
        for (unsigned b = 0; round > 0 && b < 8; b++)
            aes->keys[round][b] ^= (weir_plane)0 - (0x63u >> b & 1u);
        weir_wipe(columns, sizeof columns);
        weir_wipe(last, sizeof last);
    }
    weir_wipe(w, sizeof w);
}

void weir_portable_aes_ctr(const struct weir_portable_aes *aes, const uint8_t nonce[WEIR_IV_LEN],
                           uint32_t counter, uint8_t out[AES_STEP])
{
    const uint32_t columns[3] = {get_le32(nonce), get_le32(nonce + 4), get_le32(nonce + 8)};
    uint32_t last[AES_BLOCKS];
    weir_plane q[8];

    for (unsigned i = 0; i < AES_BLOCKS; i++) {
        uint8_t bytes[4];

        put_be32(bytes, counter + i);
        last[i] = get_le32(bytes);
    }
    slice(q, columns, last);
    encrypt(aes, q);
    unslice(out, q);
    weir_wipe(q, sizeof q);
}
