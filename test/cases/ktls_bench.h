/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The Linux backend by hand, for the cases about it: its calls, its commands and their completions.
 * The expectations are written by hand from include/uapi/linux/tls.h.
 */
#ifndef WEIR_TEST_KTLS_BENCH_H
#define WEIR_TEST_KTLS_BENCH_H

#include "cases.h"

#include <weir/linux_ktls.h>

/* Most plaintext in a record, when nothing else was agreed. */
#define PLAIN 16384u

/* The backend, a direction's memory, and room for what comes back. */
struct ktls_bench {
    struct test *t;
    struct weir_linux_ktls ktls;
    struct weir_linux_ktls_ctx ctx;
    struct weir_keys keys;
    struct weir_refusal why;
    uint8_t nothing[64]; /* instead of the value of a command that is missing */
};

/** A key structure: what each direction has in it. */
struct ktls_layout {
    uint16_t version, suite, cipher;
    uint32_t len;
    uint8_t tx[52], rx[52]; /* behind version and cipher */
};

#define KTLS_LAYOUTS 6u
extern const struct ktls_layout ktls_layouts[KTLS_LAYOUTS];

/** A direction with keys 40 41 …, an IV c0 c1 … and a position in which every byte differs. */
void ktls_bench_make(struct ktls_bench *b, struct test *t, uint32_t features, uint16_t version,
                     uint16_t suite);

weir_status ktls_attach(struct ktls_bench *b, enum weir_dir dir, uint16_t limit);
const struct weir_cmd *ktls_command(struct ktls_bench *b);
/** The value of the outstanding command; other memory when there is none. */
uint8_t *ktls_value(struct ktls_bench *b);
weir_status ktls_complete_with(struct ktls_bench *b, int os_error, uint32_t len);
weir_status ktls_complete(struct ktls_bench *b, int os_error);

/** CHECKs that the outstanding command is this one. */
void ktls_asks(struct ktls_bench *b, weir_cmd_kind kind, int level, int name, uint32_t len);
/** CHECKs that it installs the key structure of that layout. */
void ktls_check_info(struct ktls_bench *b, const struct ktls_layout *l, enum weir_dir dir);
bool ktls_ctx_is_zero(const struct ktls_bench *b);
/** Whether some 8 bytes of the key, or the salt, lie in the direction's memory. */
bool ktls_ctx_has_key(const struct ktls_bench *b);

/** Goes through a move without faults, up to the command with the key; or to its end. */
void ktls_move_to_key(struct ktls_bench *b, enum weir_dir dir);
void ktls_move(struct ktls_bench *b, enum weir_dir dir);

#endif
