/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What the files of the FreeBSD model share.
 */
#ifndef WEIR_SIM_FREEBSD_INTERNAL_H
#define WEIR_SIM_FREEBSD_INTERNAL_H

#include "freebsd_ktls.h"

/** struct tls_enable as the kernel has copied it in; pointers are addresses of the process. */
struct tls_enable {
    uint64_t cipher_key, iv, auth_key;
    int32_t cipher_algorithm, cipher_key_len, iv_len, auth_algorithm, auth_key_len, flags;
    uint8_t vmajor, vminor, rec_seq[8];
};

enum { TLS_1_0 = 1, TLS_1_1 = 2, TLS_1_2 = 3, TLS_1_3 = 4 }; /* tls_vminor */

/** Sets the socket's errno; always -1. */
int freebsd_fail(struct sim_freebsd_socket *s, int error);

/** A system call begins: the kernel has had time, and the call is counted. */
struct sim_fault freebsd_begin(struct sim_freebsd_socket *s, enum sim_freebsd_call call);

/* freebsd_enable.c: answers are 0 or an errno */
int freebsd_enable_tx(struct sim_freebsd_socket *s, const void *value, size_t len);
int freebsd_enable_rx(struct sim_freebsd_socket *s, const void *value, size_t len);
/** Whether the crypto framework takes the session. */
int freebsd_try_sw(struct sim_freebsd *host, const struct sim_freebsd_session *tls, bool rx);

/* freebsd_ifnet.c */
int freebsd_try_ifnet_tx(struct sim_freebsd_socket *s, struct sim_freebsd_session *tls, bool force);
int freebsd_try_ifnet_rx(struct sim_freebsd_socket *s, struct sim_freebsd_session *tls);
/** The TX session of the socket is on the NIC from the next byte framed on. */
void freebsd_nic_begin(struct sim_freebsd_socket *s);
/** Bytes framed for the NIC may all have left: then the connection is the NIC's no more. */
void freebsd_nic_settle(struct sim_freebsd_socket *s);
void freebsd_release_tags(struct sim_freebsd_socket *s);
int freebsd_set_mode(struct sim_freebsd_socket *s, int mode);
void freebsd_reset_send_tag(struct sim_freebsd_socket *s);
void freebsd_reset_receive_tag(struct sim_freebsd_socket *s);
void freebsd_disable_ifnet(struct sim_freebsd_socket *s);
/** Adds `by` to the count of sessions of this mode and cipher. */
void freebsd_count_session(struct sim_freebsd *host, int mode, int cipher, int by);

/* freebsd_tx.c */
void freebsd_output(struct sim_freebsd_socket *s);

/* freebsd_rx.c */
void freebsd_input(struct sim_freebsd_socket *s);
/** A worker is woken if a record is complete by its own length; at FIN what is cut off is told. */
void freebsd_check_rx(struct sim_freebsd_socket *s);
void freebsd_flush_rx(struct sim_freebsd_socket *s);

/** The AEAD of a session that is not CBC. */
enum sim_alg freebsd_alg(const struct sim_freebsd_session *tls);
/** Nonce of a record: `explicit_nonce` (8 bytes) for TLS 1.2 GCM, else ignored. */
void freebsd_nonce(const struct sim_freebsd_session *tls, uint64_t seq,
                   const uint8_t *explicit_nonce, uint8_t nonce[SIM_NONCE_LEN]);
/** Additional data of a record; returns its length. */
size_t freebsd_aad(const struct sim_freebsd_session *tls, uint64_t seq, const uint8_t *header,
                   size_t plain_len, uint8_t aad[13]);
/** Counts a record through the crypto framework. */
void freebsd_count_record(struct sim_freebsd *host, const struct sim_freebsd_session *tls, bool rx);

#endif
