/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A FreeBSD socket under test, with a peer that speaks TLS by a TLS library's AEADs.
 */
#ifndef WEIR_TEST_FREEBSD_BED_H
#define WEIR_TEST_FREEBSD_BED_H

#include "sim/freebsd_ktls.h"

enum { TXTLS = FREEBSD_TCP_TXTLS_ENABLE, RXTLS = FREEBSD_TCP_RXTLS_ENABLE };
enum { NONE = 0, SW = 1, IFNET = 2, TOE = 3 };

/** The parameters of struct tls_enable, before they are laid out. */
struct params {
    const char *name;
    int vminor, cipher, key_len, iv_len, auth, auth_len;
    int vmajor, flags; /**< of what is said, 3 and 0 when the test does not change them */
    uint64_t seq;
};

#define SUITES 6u
extern const struct params suites[SUITES]; /**< the AEADs: GCM and ChaCha20, 1.2 and 1.3 */
#define CBC_SUITES 5u
extern const struct params cbc_suites[CBC_SUITES]; /**< the first is TLS 1.0 */

extern const struct params gcm12, gcm13; /**< AES-128 and AES-256; gcm13 begins at record 9 */
/** Random bytes to send, the same in every test. */
#define TEXT_LEN 60000u
extern uint8_t text[TEXT_LEN];

struct bed {
    struct sim_freebsd host;
    struct sim_ledger *ledger;
    struct sim_pipe *out, *in;
    struct sim_freebsd_socket *s;
    const struct params *suite;
    uint8_t key[64], iv[16], mac[64];
    uint64_t their_seq, our_seq; /**< of the next record in `in`, and of the next in `out` */
    uint64_t their_nonce;
};

void bed_begin(struct bed *bed, enum sim_freebsd_release release);
/** The same, with TX and RX on. */
void bed_begin_on(struct bed *bed, enum sim_freebsd_release release, const struct params *p);
/** CHECKs that no nonce was used twice, and frees everything. */
void bed_end(struct bed *bed);
/** Another socket on the same host and pipes; the old one is closed. */
void bed_socket(struct bed *bed);

/** Lays out struct tls_enable; 64 bytes, or 48 of ILP32. Returns its size. */
size_t bed_layout(struct bed *bed, const struct params *p, uint8_t bytes[64]);
/** Sets the option; 0, or the errno. */
int bed_enable(struct bed *bed, int option, const struct params *p);
/** Enables, which must succeed, and remembers the suite for the peer. */
void bed_on(struct bed *bed, int option, const struct params *p);
int bed_mode(struct bed *bed, int option);
/** Sets TCP_TXTLS_MODE; 0, or the errno. */
int bed_switch(struct bed *bed, int mode);

/** The peer's record, sealed right; returns its length. `pad` zeros in TLS 1.3. */
size_t bed_seal(struct bed *bed, uint8_t type, const void *data, size_t len, size_t pad,
                uint8_t *record);
/** The same, sent. */
void bed_peer(struct bed *bed, uint8_t type, const void *data, size_t len);
void bed_wire(struct bed *bed, const void *bytes, size_t len);

/** What one recvmsg gave. */
struct got {
    long n;
    int err, flags, type, length; /**< type -1: no control message */
    size_t control_len;
    uint8_t version[2], data[40000];
};
struct got *bed_recv(struct bed *bed, size_t room, int flags);
/** CHECKs that the next record read is text[0..len) and of this type. */
void bed_reads(struct bed *bed, int type, size_t len);
/** CHECKs that recvmsg fails so. */
void bed_fails(struct bed *bed, int error);

/** sendmsg; `type` -1: no control message. Bytes, or -errno. */
long bed_send(struct bed *bed, int type, const void *data, size_t len);
/** Opens the next record on the wire; its length, or -1 when there is none. */
long bed_heard(struct bed *bed, uint8_t *type, uint8_t *data);
/** CHECKs that the next bytes heard in data records are these. */
void bed_hears(struct bed *bed, const void *data, size_t len);

#endif
