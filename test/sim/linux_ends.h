/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Two sockets of the Linux model, or one and raw bytes; and records made by hand. Keys go by
 * number: all bytes of key, salt and IV follow from it.
 */
#ifndef WEIR_TEST_LINUX_ENDS_H
#define WEIR_TEST_LINUX_ENDS_H

#include "sim/linux_ktls.h"

#include <criterion/criterion.h>
#include <string.h>

struct suite {
    const char *name;
    uint16_t version, cipher;
    enum sim_alg alg;
    uint32_t info_len;  /* bytes of the key structure */
    size_t prefix;      /* header and explicit nonce */
    size_t overhead;    /* all that a record has beyond its content */
    size_t least, most; /* of the length field, on receiving */
};

/** Every version with every cipher that the model encrypts. */
extern const struct suite suites[6];
#define SUITES   (sizeof suites / sizeof *suites)
#define GCM12    (&suites[0])
#define CHACHA12 (&suites[2])
#define GCM13    (&suites[3])
#define CHACHA13 (&suites[5])

struct ends {
    struct sim_linux kernel;
    struct sim_ledger *ledger;
    struct sim_linux_socket *a, *b;
    struct sim_pipe *in, *out; /* of `a`, where there is no `b` */
    const struct suite *suite;
};

/** Two connected sockets without TLS; `limit` as in sim_linux_connect. */
struct ends *ends_plain(size_t limit);
/** As above with TLS attached and keys: 1 from a to b, 2 from b to a, both from record 0. */
struct ends *ends_open(const struct suite *suite);
struct ends *ends_open_limited(const struct suite *suite, size_t limit);
/** One socket `a` with TLS, key 1 for what it receives and 2 for what it sends; raw pipes. */
struct ends *ends_raw(const struct suite *suite);
/** `a` sends to `b` with TLS 1.2, and on the way a device encrypts. */
struct ends *ends_device(void);
/** Closes what is still open, and fails the test if a nonce was used twice. */
void ends_close(struct ends *ends);

/** Key (a short one is its beginning) and IV of a number. */
void key_material(unsigned number, uint8_t key[32], uint8_t iv[12]);
/** Writes the key structure of `key`; returns its length. */
uint32_t make_info(uint8_t info[56], const struct suite *suite, unsigned key, uint64_t seq);
/** TCP_ULP, TLS_TX or TLS_RX: 0, or the errno. */
int attach(struct sim_linux_socket *s);
int set_key(struct sim_linux_socket *s, int name, const struct suite *suite, unsigned key,
            uint64_t seq);
/** Any option: 0, or the errno. */
int set_option(struct sim_linux_socket *s, int level, int name, const void *value, uint32_t len);
/** rec_seq that the kernel tells of a direction. */
uint64_t told_seq(struct sim_linux_socket *s, int name, const struct suite *suite);

/** Sends; the result of the call, or the errno, negative. say_typed sends the type along. */
int64_t say(struct sim_linux_socket *s, const void *bytes, size_t len, unsigned flags);
int64_t say_typed(struct sim_linux_socket *s, uint8_t type, const void *bytes, size_t len,
                  unsigned flags);

#define NO_TYPE  -1
#define HEAR_MAX (1u << 17)
struct heard {
    int64_t n; /* or the errno, negative */
    int type;  /* of the ancillary data, or NO_TYPE */
    size_t controls;
    unsigned flags;
};
/** The bytes of the last hear. */
extern uint8_t heard_bytes[HEAR_MAX];
/** Receives up to `len` bytes with room for one ancillary element. */
struct heard hear(struct sim_linux_socket *s, size_t len, unsigned flags);
/** As above, for `controls` elements (up to 8). */
struct heard hear_with(struct sim_linux_socket *s, size_t len, unsigned flags, size_t controls);
/** hear must answer this. */
#define EXPECT_HEARD(s, len, n_, type_)                                                            \
    do {                                                                                           \
        struct heard heard_ = hear(s, len, 0);                                                     \
        cr_assert_eq(heard_.n, n_, "%s: heard %lld", #s, (long long)heard_.n);                     \
        cr_assert_eq(heard_.type, type_, "%s: type %d", #s, heard_.type);                          \
    } while (0)
#define EXPECT_ERROR(s, error) EXPECT_HEARD(s, 100, -(error), NO_TYPE)

struct wire_record {
    const struct suite *suite;
    unsigned key;
    uint64_t seq;
    uint8_t type;
    size_t padding; /* TLS 1.3 */
};
/** A record of content[0..len), made here and not by the model; returns its length. */
size_t make_wire(const struct wire_record *record, const void *content, size_t len, uint8_t *out);
/** make_wire to the socket of ends_raw. */
void feed(struct ends *ends, uint64_t seq, uint8_t type, const void *content, size_t len);
/** Takes the next whole record that `a` has sent apart; its type, or -1 when none is there. */
int take_wire(struct ends *ends, uint64_t seq, uint8_t *content, size_t *len);

/** take_wire must give this type, and `len` bytes of the pattern from `offset` on. */
void expect_wire(struct ends *ends, uint64_t seq, int type, uint64_t offset, size_t len);
void expect_no_wire(struct ends *ends);

/** The most that a record carries. */
#define RECORD 16384u
/** Bytes to send; fill_data makes the pattern of them. */
extern uint8_t data[200000];
void fill_data(void);
/** p[i] depends on i only. */
void fill_pattern(uint8_t *p, uint64_t offset, size_t len);
bool is_pattern(const uint8_t *p, uint64_t offset, size_t len);

#endif
