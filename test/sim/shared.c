/* SPDX-License-Identifier: BSD-2-Clause */
/* What the models share: AEADs by known answers, the ledger, the pipe, faults by counting. */
#include "sim/aead.h"
#include "sim/faults.h"
#include "sim/ledger.h"
#include "sim/pipe.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t zeros[32];

/* Published answers. */
struct answer {
    const char *source;
    enum sim_alg alg;
    const uint8_t *key, *nonce, *aad;
    size_t aad_len;
    const uint8_t *plain;
    size_t len;
    const uint8_t *sealed; /* len + 16 */
};

static const uint8_t aes_128[] = {
    0x03, 0x88, 0xda, 0xce, 0x60, 0xb6, 0xa3, 0x92, 0xf3, 0x28, 0xc2, 0xb9, 0x71, 0xb2, 0xfe, 0x78,
    0xab, 0x6e, 0x47, 0xd4, 0x2c, 0xec, 0x13, 0xbd, 0xf5, 0x3a, 0x67, 0xb2, 0x12, 0x57, 0xbd, 0xdf,
};
static const uint8_t aes_256[] = {
    0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18,
    0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19,
};
static const uint8_t aes_256_empty[] = {
    0x53, 0x0f, 0x8a, 0xfb, 0xc7, 0x45, 0x36, 0xb9, 0xa9, 0x63, 0xb4, 0xf1, 0xc4, 0xcb, 0x73, 0x8b,
};
static const uint8_t chacha_key[] = {
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
    0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f,
};
static const uint8_t chacha_nonce[] = {
    0x07, 0x00, 0x00, 0x00, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
};
static const uint8_t chacha_aad[] = {
    0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
};
static const char chacha_plain[] = "Ladies and Gentlemen of the class of '99: If I could offer you "
                                   "only one tip for the future, sunscreen would be it.";
static const uint8_t chacha[] = {
    0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb, 0x7b, 0x86, 0xaf, 0xbc, 0x53, 0xef, 0x7e,
    0xc2, 0xa4, 0xad, 0xed, 0x51, 0x29, 0x6e, 0x08, 0xfe, 0xa9, 0xe2, 0xb5, 0xa7, 0x36, 0xee,
    0x62, 0xd6, 0x3d, 0xbe, 0xa4, 0x5e, 0x8c, 0xa9, 0x67, 0x12, 0x82, 0xfa, 0xfb, 0x69, 0xda,
    0x92, 0x72, 0x8b, 0x1a, 0x71, 0xde, 0x0a, 0x9e, 0x06, 0x0b, 0x29, 0x05, 0xd6, 0xa5, 0xb6,
    0x7e, 0xcd, 0x3b, 0x36, 0x92, 0xdd, 0xbd, 0x7f, 0x2d, 0x77, 0x8b, 0x8c, 0x98, 0x03, 0xae,
    0xe3, 0x28, 0x09, 0x1b, 0x58, 0xfa, 0xb3, 0x24, 0xe4, 0xfa, 0xd6, 0x75, 0x94, 0x55, 0x85,
    0x80, 0x8b, 0x48, 0x31, 0xd7, 0xbc, 0x3f, 0xf4, 0xde, 0xf0, 0x8e, 0x4b, 0x7a, 0x9d, 0xe5,
    0x76, 0xd2, 0x65, 0x86, 0xce, 0xc6, 0x4b, 0x61, 0x16, 0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09,
    0xe2, 0x6a, 0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60, 0x06, 0x91,
};

static const struct answer answers[] = {
    {"GCM submission, test case 2", SIM_AES_128_GCM, zeros, zeros, NULL, 0, zeros, 16, aes_128},
    {"GCM submission, test case 14", SIM_AES_256_GCM, zeros, zeros, NULL, 0, zeros, 16, aes_256},
    {"GCM submission, test case 13", SIM_AES_256_GCM, zeros, zeros, NULL, 0, NULL, 0,
     aes_256_empty},
    {"RFC 8439, 2.8.2", SIM_CHACHA20_POLY1305, chacha_key, chacha_nonce, chacha_aad, 12,
     (const uint8_t *)chacha_plain, sizeof chacha_plain - 1, chacha},
};

Test(aead, published_answers)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const struct answer *a = &answers[i];
        struct sim_aead_op op = {a->alg, a->key, a->nonce, a->aad, a->aad_len};
        uint8_t out[200], back[200];

        sim_aead_seal(&op, a->plain, a->len, out);
        cr_assert_eq(memcmp(out, a->sealed, a->len + SIM_TAG_LEN), 0, "%s", a->source);
        cr_assert(sim_aead_open(&op, a->sealed, a->len + SIM_TAG_LEN, back), "%s", a->source);
        cr_assert(a->len == 0 || memcmp(back, a->plain, a->len) == 0, "%s", a->source);
    }
}

Test(aead, in_place_and_every_flipped_byte)
{
    for (int alg = SIM_AES_128_GCM; alg <= SIM_CHACHA20_POLY1305; alg++) {
        struct sim_aead_op op = {(enum sim_alg)alg, chacha_key, chacha_nonce, chacha_aad, 12};
        uint8_t apart[64 + SIM_TAG_LEN], bytes[sizeof apart];

        memcpy(bytes, chacha_plain, 64);
        sim_aead_seal(&op, bytes, 64, apart);
        sim_aead_seal(&op, bytes, 64, bytes);
        cr_assert_eq(memcmp(bytes, apart, sizeof apart), 0);
        for (size_t i = 0; i < sizeof bytes; i++) {
            memcpy(bytes, apart, sizeof bytes);
            bytes[i] ^= 1;
            cr_assert(!sim_aead_open(&op, bytes, sizeof bytes, bytes));
            cr_assert_eq(memcmp(bytes, zeros, 32), 0, "plaintext is left of a forgery");
        }
        op.aad_len--;
        cr_assert(!sim_aead_open(&op, apart, sizeof apart, bytes));
        cr_assert(!sim_aead_open(&op, apart, SIM_TAG_LEN - 1, bytes));
        op.aad_len++;
        memcpy(bytes, apart, sizeof bytes);
        cr_assert(sim_aead_open(&op, bytes, sizeof bytes, bytes));
        cr_assert_eq(memcmp(bytes, chacha_plain, 64), 0);
    }
}

/* Any cut of the bytes gives what sealing at once gives, in both directions, in place and apart. */
Test(aead, piece_by_piece)
{
    uint8_t plain[300], sealed[300 + SIM_TAG_LEN], out[300], tag[SIM_TAG_LEN];

    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 5);
    for (int alg = SIM_AES_128_GCM; alg <= SIM_AES_256_GCM; alg++) {
        struct sim_aead_op op = {(enum sim_alg)alg, chacha_key, chacha_nonce, chacha_aad, 12};

        sim_aead_seal(&op, plain, sizeof plain, sealed);
        for (size_t step = 0; step < 50; step++) {
            for (int seal = 0; seal < 2; seal++) {
                struct sim_aead_stream *s = sim_aead_stream_new(&op, seal == 1);

                memcpy(out, seal == 1 ? plain : sealed, sizeof out);
                for (size_t at = 0, n = step; at < sizeof out;
                     at += n, n = step == 0 ? 300 : step) {
                    n = sizeof out - at < n ? sizeof out - at : n;
                    sim_aead_stream_update(s, out + at, n, out + at);
                }
                cr_assert_eq(memcmp(out, seal == 1 ? sealed : plain, sizeof out), 0);
                memcpy(tag, sealed + sizeof out, sizeof tag);
                if (seal == 1) {
                    sim_aead_stream_tag(s, tag);
                    cr_assert_eq(memcmp(tag, sealed + sizeof out, sizeof tag), 0);
                } else {
                    tag[step % 16] ^= (uint8_t)(step / 16);
                    cr_assert_eq(sim_aead_stream_verify(s, tag), step < 16);
                }
                sim_aead_stream_free(s);
            }
        }
    }
}

Test(ledger, parts_are_held_against_parts)
{
    struct sim_ledger *ledger = sim_ledger_new();
    uint8_t nonce[12] = {0}, bytes[20000];
    struct sim_aead_op op = {SIM_AES_128_GCM, chacha_key, nonce, NULL, 0};

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 3 + i / 256);
    cr_assert(sim_ledger_note_part(ledger, &op, 100, bytes + 100, 1));
    cr_assert(sim_ledger_note_part(ledger, &op, 102, bytes + 102, 10000));
    cr_assert(sim_ledger_note_part(ledger, &op, 0, bytes, sizeof bytes));
    cr_assert(sim_ledger_note_part(ledger, &op, 63, bytes + 63, 2));
    cr_assert(sim_ledger_note_part(ledger, &op, 5, NULL, 0));
    cr_assert_null(sim_ledger_fault(ledger));
    nonce[11] = 1; /* another nonce: other bytes may stand there */
    cr_assert(sim_ledger_note_part(ledger, &op, 1, bytes, 500));
    nonce[11] = 0;
    for (size_t at = 0; at < 200; at++) {
        uint64_t before = sim_ledger_conflicts(ledger);

        bytes[at] ^= 0x80;
        cr_assert(!sim_ledger_note_part(ledger, &op, at, bytes + at, 1), "%zu", at);
        cr_assert_eq(sim_ledger_conflicts(ledger), before + 1);
        bytes[at] ^= 0x80;
        cr_assert(sim_ledger_note_part(ledger, &op, at, bytes + at, 1), "the first one stays");
    }
    cr_assert_not_null(sim_ledger_fault(ledger));
    sim_ledger_free(ledger);
}

Test(ledger, same_bytes_again_are_a_retransmission)
{
    struct sim_ledger *ledger = sim_ledger_new();
    struct sim_aead_op op = {SIM_AES_128_GCM, chacha_key, chacha_nonce, chacha_aad, 12};

    cr_assert(sim_ledger_note(ledger, &op, zeros, 20));
    cr_assert(sim_ledger_note(ledger, &op, zeros, 20));
    cr_assert_null(sim_ledger_fault(ledger));
    cr_assert_eq(sim_ledger_pairs(ledger), 1);
    cr_assert_eq(sim_ledger_repeats(ledger), 1);
    sim_ledger_free(ledger);
}

/* Each differs from the first in one thing only. */
Test(ledger, other_content_length_or_additional_data_is_a_fault)
{
    uint8_t one[20] = {0}, aad[12];
    memcpy(aad, chacha_aad, sizeof aad);
    aad[11] ^= 1;
    one[19] = 1;
    const struct {
        const uint8_t *plain, *aad;
        size_t len, aad_len;
    } others[] = {
        {one, chacha_aad, 20, 12}, {zeros, chacha_aad, 19, 12}, {zeros, chacha_aad, 21, 12},
        {zeros, aad, 20, 12},      {zeros, chacha_aad, 20, 11}, {NULL, chacha_aad, 0, 12},
    };

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct sim_ledger *ledger = sim_ledger_new();
        struct sim_aead_op op = {SIM_AES_128_GCM, chacha_key, chacha_nonce, chacha_aad, 12};

        cr_assert(sim_ledger_note(ledger, &op, zeros, 20));
        op.aad = others[i].aad;
        op.aad_len = others[i].aad_len;
        cr_assert(!sim_ledger_note(ledger, &op, others[i].plain, others[i].len), "%zu", i);
        cr_assert_eq(sim_ledger_conflicts(ledger), 1);
        cr_assert_not_null(strstr(sim_ledger_fault(ledger), "070000004041424344454647"));
        sim_ledger_free(ledger);
    }
}

Test(ledger, other_key_nonce_or_cipher_is_none)
{
    struct sim_ledger *ledger = sim_ledger_new();
    uint8_t key[32], nonce[12];
    memcpy(key, chacha_key, sizeof key);
    memcpy(nonce, chacha_nonce, sizeof nonce);
    struct sim_aead_op op = {SIM_AES_256_GCM, key, nonce, NULL, 0};

    cr_assert(sim_ledger_note(ledger, &op, zeros, 1));
    key[31] ^= 1;
    cr_assert(sim_ledger_note(ledger, &op, zeros, 2));
    nonce[0] ^= 1;
    cr_assert(sim_ledger_note(ledger, &op, zeros, 3));
    op.alg = SIM_CHACHA20_POLY1305;
    cr_assert(sim_ledger_note(ledger, &op, zeros, 4));
    /* Of a short key only its own bytes count. */
    op.alg = SIM_AES_128_GCM;
    cr_assert(sim_ledger_note(ledger, &op, zeros, 5));
    key[16] ^= 1;
    cr_assert(!sim_ledger_note(ledger, &op, zeros, 6));
    cr_assert_eq(sim_ledger_pairs(ledger), 5);
    sim_ledger_free(ledger);
}

Test(ledger, remembers_many)
{
    struct sim_ledger *ledger = sim_ledger_new();
    uint8_t nonce[12] = {0};
    struct sim_aead_op op = {SIM_AES_128_GCM, chacha_key, nonce, NULL, 0};

    for (uint64_t i = 0; i < 5000; i++) {
        sim_put_be64(nonce + 4, i);
        cr_assert(sim_ledger_note(ledger, &op, nonce, sizeof nonce));
    }
    for (uint64_t i = 0; i < 5000; i++) {
        sim_put_be64(nonce + 4, i);
        cr_assert(sim_ledger_note(ledger, &op, nonce, sizeof nonce));
    }
    cr_assert_null(sim_ledger_fault(ledger));
    cr_assert(!sim_ledger_note(ledger, &op, zeros, 12));
    cr_assert_eq(sim_ledger_pairs(ledger), 5000);
    cr_assert_eq(sim_ledger_repeats(ledger), 5000);
    sim_ledger_free(ledger);
}

struct heard {
    struct sim_tap tap;
    uint8_t bytes[4096];
    uint64_t next;
};

static void hear(struct sim_tap *self, uint64_t offset, const uint8_t *p, size_t len)
{
    struct heard *heard = (struct heard *)(void *)self;

    cr_assert_eq(offset, heard->next);
    cr_assert(offset + len <= sizeof heard->bytes);
    memcpy(heard->bytes + offset, p, len);
    heard->next += len;
}

Test(pipe, keeps_order_and_offsets_under_random_use)
{
    struct heard heard = {.tap = {hear}};
    struct sim_pipe *pipe = sim_pipe_new(100);
    uint64_t seed = 1;
    uint8_t in[60], out[60];
    size_t put = 0, got = 0;

    sim_pipe_tap(pipe, &heard.tap);
    while (put < 4000) {
        size_t want = (size_t)sim_random_below(&seed, sizeof in);
        for (size_t i = 0; i < want; i++)
            in[i] = (uint8_t)(7 * (put + i));
        size_t room = sim_pipe_room(pipe);
        cr_assert_eq(sim_pipe_write(pipe, in, want), want < room ? want : room);
        put += want < room ? want : room;
        size_t n = sim_pipe_read(pipe, out, (size_t)sim_random_below(&seed, sizeof out));
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(out[i], (uint8_t)(7 * (got + i)));
        got += n;
        cr_assert_eq(sim_pipe_read_offset(pipe), got);
        cr_assert_eq(sim_pipe_write_offset(pipe), put);
        cr_assert_eq(sim_pipe_readable(pipe), put - got);
    }
    cr_assert_eq(heard.next, put);
    cr_assert_eq(heard.bytes[1000], (uint8_t)7000);
    sim_pipe_free(pipe);
}

Test(pipe, peek_takes_nothing)
{
    struct sim_pipe *pipe = sim_pipe_new(0);
    char out[8] = "";

    cr_assert_eq(sim_pipe_room(pipe), SIZE_MAX);
    sim_pipe_write(pipe, "abcdef", 6);
    cr_assert_eq(sim_pipe_peek(pipe, 2, out, 3), 3);
    cr_assert_eq(memcmp(out, "cde", 3), 0);
    cr_assert_eq(sim_pipe_peek(pipe, 4, out, 3), 2);
    cr_assert_eq(sim_pipe_peek(pipe, 6, out, 3), 0);
    cr_assert_eq(sim_pipe_read(pipe, NULL, 2), 2);
    cr_assert_eq(sim_pipe_peek(pipe, 0, out, 8), 4);
    cr_assert_eq(memcmp(out, "cdef", 4), 0);
    sim_pipe_free(pipe);
}

Test(pipe, fin_comes_behind_the_bytes)
{
    struct sim_pipe *pipe = sim_pipe_new(0);

    sim_pipe_write(pipe, "ab", 2);
    sim_pipe_fin(pipe);
    cr_assert_eq(sim_pipe_write(pipe, "c", 1), 0);
    cr_assert(sim_pipe_fin_arrived(pipe));
    cr_assert(!sim_pipe_ended(pipe));
    cr_assert_eq(sim_pipe_read(pipe, NULL, 9), 2);
    cr_assert(sim_pipe_ended(pipe));
    sim_pipe_free(pipe);
}

Test(pipe, reset_keeps_what_was_delivered)
{
    struct sim_pipe *pipe = sim_pipe_new(0);
    char out[8];

    sim_pipe_write(pipe, "ab", 2);
    sim_pipe_hold(pipe);
    sim_pipe_write(pipe, "cd", 2);
    sim_pipe_reset(pipe);
    cr_assert(sim_pipe_is_reset(pipe));
    cr_assert_eq(sim_pipe_write(pipe, "e", 1), 0);
    cr_assert_eq(sim_pipe_deliver(pipe, 9), 0);
    cr_assert_eq(sim_pipe_read(pipe, out, 8), 2);
    cr_assert_eq(memcmp(out, "ab", 2), 0);
    cr_assert(!sim_pipe_ended(pipe));
    sim_pipe_free(pipe);
}

Test(pipe, held_bytes_and_fin_wait)
{
    struct sim_pipe *pipe = sim_pipe_new(0);
    char out[8];

    sim_pipe_write(pipe, "a", 1);
    sim_pipe_hold(pipe);
    sim_pipe_write(pipe, "bcd", 3);
    sim_pipe_fin(pipe);
    cr_assert_eq(sim_pipe_readable(pipe), 1);
    cr_assert(!sim_pipe_fin_arrived(pipe));
    cr_assert_eq(sim_pipe_deliver(pipe, 2), 2);
    cr_assert_eq(sim_pipe_read(pipe, out, 8), 3);
    cr_assert_eq(memcmp(out, "abc", 3), 0);
    cr_assert(!sim_pipe_ended(pipe));
    cr_assert_eq(sim_pipe_deliver(pipe, 9), 1);
    cr_assert(sim_pipe_fin_arrived(pipe));
    sim_pipe_release(pipe);
    cr_assert_eq(sim_pipe_read(pipe, out, 8), 1);
    cr_assert_eq(out[0], 'd');
    cr_assert(sim_pipe_ended(pipe));
    sim_pipe_free(pipe);
}

Test(pipe, flips_only_what_waits)
{
    struct sim_pipe *pipe = sim_pipe_new(0);
    char out[2];

    sim_pipe_write(pipe, "abc", 3);
    sim_pipe_read(pipe, NULL, 1);
    cr_assert(!sim_pipe_flip(pipe, 0, 1));
    cr_assert(!sim_pipe_flip(pipe, 3, 1));
    cr_assert(sim_pipe_flip(pipe, 2, 1));
    sim_pipe_read(pipe, out, 2);
    cr_assert_eq(memcmp(out, "bb", 2), 0);
    sim_pipe_free(pipe);
}

Test(faults, strike_the_nth_of_a_class_and_no_other)
{
    struct sim_faults faults = {0};

    cr_assert(sim_faults_plan(&faults, 2, 3, 2, sim_fault_errno(EIO)));
    for (uint64_t n = 1; n <= 6; n++) {
        cr_assert_eq(sim_faults_meet(&faults, 1).kind, SIM_FAULT_NONE);
        struct sim_fault fault = sim_faults_meet(&faults, 2);
        cr_assert_eq(fault.kind == SIM_FAULT_ERRNO, n == 3 || n == 4);
        cr_assert_eq(fault.error, n == 3 || n == 4 ? EIO : 0);
    }
    cr_assert_eq(faults.calls[1], 6);
    cr_assert_eq(faults.calls[2], 6);
    cr_assert_eq(faults.calls[SIM_ANY_CALL], 12);
    cr_assert_eq(faults.struck, 2);
}

Test(faults, of_any_class_are_counted_over_all)
{
    struct sim_faults faults = {0};

    cr_assert(sim_faults_plan(&faults, SIM_ANY_CALL, 2, UINT64_MAX, sim_fault_short(5)));
    cr_assert_eq(sim_faults_meet(&faults, 1).kind, SIM_FAULT_NONE);
    struct sim_fault fault = sim_faults_meet(&faults, 2);
    cr_assert_eq(fault.kind, SIM_FAULT_SHORT);
    cr_assert_eq(fault.length, 5);
    cr_assert_eq(sim_faults_meet(&faults, 3).kind, SIM_FAULT_SHORT);
    sim_faults_clear(&faults);
    cr_assert_eq(sim_faults_meet(&faults, 3).kind, SIM_FAULT_NONE);
}

Test(faults, plans_have_a_limit)
{
    struct sim_faults faults = {0};

    cr_assert(!sim_faults_plan(&faults, 1, 0, 1, sim_fault_errno(EIO)));
    cr_assert(!sim_faults_plan(&faults, SIM_CALL_CLASSES, 1, 1, sim_fault_errno(EIO)));
    for (size_t i = 0; i < SIM_FAULT_PLANS; i++)
        cr_assert(sim_faults_plan(&faults, 1, 1, 1, sim_fault_errno(EIO)));
    cr_assert(!sim_faults_plan(&faults, 1, 1, 1, sim_fault_errno(EIO)));
}
