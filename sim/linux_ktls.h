/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A model of Linux: TCP sockets with kernel TLS. It holds to docs/reference/linux-ktls.md, was
 * written from that page and not from any backend, and has its crypto from a TLS library.
 *
 * Calls have the shape of the system calls. They answer what Linux would, or -1 with an errno that
 * sim_linux_errno tells. A call that would block fails with EAGAIN, whatever its flags: the model
 * has no threads. It makes no system call, and all that is random in it comes from the seed.
 *
 * Two sockets talk like this (every return value should be looked at):
 *
 *     struct sim_linux kernel;
 *     sim_linux_init(&kernel, 42);                       // a recent kernel; change its members
 *     kernel.ledger = ledger;                            // to hold every nonce to account
 *     struct sim_linux_socket *a = sim_linux_socket_new(&kernel, true);
 *     struct sim_linux_socket *b = sim_linux_socket_new(&kernel, true);
 *     sim_linux_connect(a, b, 0);                        // 0: send buffers without limit
 *     sim_linux_setsockopt(a, LINUX_SOL_TCP, LINUX_TCP_ULP, "tls", 4);
 *     sim_linux_setsockopt(a, LINUX_SOL_TLS, LINUX_TLS_TX, info, 40);   // struct of the cipher
 *     … the same for b, with LINUX_TLS_RX …
 *     struct sim_iov data = {"hello", 5};
 *     struct sim_linux_out out = {.iov = &data, .iov_count = 1};
 *     sim_linux_sendmsg(a, &out, 0);                     // 5
 *     struct sim_linux_ancillary control[1];
 *     struct sim_linux_in in = {.buffer = bytes, .len = 100, .control = control, .control_len = 1};
 *     sim_linux_recvmsg(b, &in, 0);                      // 5; control[0].bytes[0] is 23
 *     sim_linux_close(a);
 *     sim_linux_close(b);
 *
 * Not modelled: cryptography of CCM, SM4 and ARIA (such keys meet ENOENT, as on a kernel without
 * those modules), BPF, blocking, several threads in one socket, TCP's own timers and windows, a
 * device's packets (a device shows in sim_linux_diag, in empty records and in
 * sim_linux_retransmit), and features of patches that no release has.
 */
#ifndef WEIR_SIM_LINUX_KTLS_H
#define WEIR_SIM_LINUX_KTLS_H

#include "faults.h"
#include "ledger.h"
#include "linux_errno.h"
#include "pipe.h"

/* Levels, options, ancillary types: include/uapi/linux/{tcp,tls,socket}.h */
#define LINUX_SOL_SOCKET           1
#define LINUX_SO_ERROR             4
#define LINUX_SOL_TCP              6
#define LINUX_TCP_ULP              31
#define LINUX_SOL_TLS              282
#define LINUX_TLS_TX               1
#define LINUX_TLS_RX               2
#define LINUX_TLS_TX_ZEROCOPY_RO   3
#define LINUX_TLS_RX_EXPECT_NO_PAD 4
#define LINUX_TLS_TX_MAX_PAYLOAD   5 /* TLS_TX_MAX_PAYLOAD_LEN */
#define LINUX_TLS_SET_RECORD_TYPE  1
#define LINUX_TLS_GET_RECORD_TYPE  2
#define LINUX_TLS_1_2              0x0303
#define LINUX_TLS_1_3              0x0304
#define LINUX_CIPHER_AES_GCM_128   51
#define LINUX_CIPHER_AES_GCM_256   52
#define LINUX_CIPHER_AES_CCM_128   53
#define LINUX_CIPHER_CHACHA20      54
#define LINUX_CIPHER_ARIA_GCM_128  57
#define LINUX_CIPHER_ARIA_GCM_256  58
/** The bit of a cipher in a mask of ciphers. */
#define LINUX_CIPHER_BIT(cipher) (1u << ((cipher)-51))
#define LINUX_MAX_PLAINTEXT      16384u

/* include/linux/socket.h, include/uapi/asm-generic/poll.h */
#define LINUX_MSG_OOB      0x1u
#define LINUX_MSG_PEEK     0x2u
#define LINUX_MSG_CTRUNC   0x8u
#define LINUX_MSG_DONTWAIT 0x40u
#define LINUX_MSG_EOR      0x80u
#define LINUX_MSG_WAITALL  0x100u
#define LINUX_MSG_ERRQUEUE 0x2000u
#define LINUX_MSG_NOSIGNAL 0x4000u
#define LINUX_MSG_MORE     0x8000u
#define LINUX_MSG_ZEROCOPY 0x4000000u
#define LINUX_MSG_FASTOPEN 0x20000000u
#define LINUX_SHUT_RD      0
#define LINUX_SHUT_WR      1
#define LINUX_SHUT_RDWR    2
#define LINUX_POLLIN       0x1u
#define LINUX_POLLOUT      0x4u
#define LINUX_POLLERR      0x8u
#define LINUX_POLLHUP      0x10u
#define LINUX_POLLRDHUP    0x2000u

/** Classes of calls, for sim_faults_plan. */
enum sim_linux_call {
    SIM_LINUX_SETSOCKOPT = 1,
    SIM_LINUX_GETSOCKOPT,
    SIM_LINUX_SENDMSG,
    SIM_LINUX_RECVMSG,
    SIM_LINUX_SENDFILE,
    SIM_LINUX_SPLICE,
    SIM_LINUX_SHUTDOWN,
};

/** The lines of /proc/net/tls_stat that the model counts. */
struct sim_linux_stat {
    uint64_t tx_sw, rx_sw, tx_device, rx_device;
    uint64_t curr_tx_sw, curr_rx_sw, curr_tx_device, curr_rx_device;
    uint64_t decrypt_error, decrypt_retry, rx_no_pad_violation;
    uint64_t tx_rekey_ok, rx_rekey_ok, tx_rekey_error, rx_rekey_error, rx_rekey_received;
};

/**
 * One kernel. Any number of sockets may live in it, and on the two ends of a connection there may
 * be two. sim_linux_init makes a recent one with all features; members may be changed at any time.
 */
struct sim_linux {
    bool tls_registered; /**< the ULP is there (module loaded) */
    bool tls_loadable;   /**< it can be loaded on demand … */
    bool privileged;     /**< … by a caller with CAP_NET_ADMIN only */
    bool rx;             /**< TLS_RX (4.17) */
    bool tls13;          /**< 5.1 */
    bool old_errno;      /**< 524 where ENOTCONN and EINVAL are right (before 5.x) */
    uint32_t ciphers;    /**< known to kernel TLS; others: EINVAL (mask of LINUX_CIPHER_BIT) */
    uint32_t crypto;     /**< implemented in the kernel's crypto API; others: ENOENT */
    bool rekey;          /**< 6.14 */
    bool zerocopy_ro;    /**< TLS_TX_ZEROCOPY_RO (5.19) */
    bool expect_no_pad;  /**< TLS_RX_EXPECT_NO_PAD (6.0) */
    bool max_payload;    /**< TLS_TX_MAX_PAYLOAD_LEN (6.19) */
    bool splice_more;    /**< SPLICE_F_MORE leaves a record open (6.5) */
    bool eor;            /**< MSG_EOR on sends (6.6) */
    /** One ancillary element for each merged record (up to about 5.10), not one for each call. */
    bool cmsg_per_record;
    bool poll_partial; /**< poll says readable for a part of a record (before 6.7) */
    /** Of 1000 times that data joins a record: how often it closes early, at a random point. */
    unsigned pressure;
    unsigned max_frags;        /**< spliced fragments that a record holds before it closes; 17 */
    bool device_tx, device_rx; /**< a NIC takes TLS 1.2 with AES-GCM */
    bool diag_needs_privilege; /**< sock_diag hides TLS from callers without it (before 6.15) */
    uint64_t seed;
    struct sim_ledger *ledger; /**< may be NULL; outlives the sockets */
    struct sim_linux_stat stat;
};

void sim_linux_init(struct sim_linux *kernel, uint64_t seed);
/** Sets what a mainline release has by number: 4.13 to 6.19. What is set beyond that stays. */
void sim_linux_release(struct sim_linux *kernel, unsigned major, unsigned minor);

struct sim_iov {
    const void *base;
    size_t len;
};

/** One element of ancillary data. */
struct sim_linux_ancillary {
    int level, type;
    uint8_t bytes[8];
    size_t len;
};

/** What sendmsg is given. */
struct sim_linux_out {
    const struct sim_iov *iov;
    size_t iov_count;
    const struct sim_linux_ancillary *control;
    size_t control_len; /**< elements */
};

/**
 * What recvmsg is given and answers. When the call fails, `control_len` and `flags` stay as they
 * were, as in Linux: they then look as if there had been a message, and mean nothing.
 */
struct sim_linux_in {
    void *buffer;
    size_t len;
    struct sim_linux_ancillary *control;
    size_t control_len; /**< in: elements there is room for; out: elements written */
    unsigned flags;     /**< out: LINUX_MSG_EOR, LINUX_MSG_CTRUNC */
};

struct sim_linux_socket;

/** A socket, not connected; one that is not TCP refuses everything about TLS with ENOPROTOOPT. */
struct sim_linux_socket *sim_linux_socket_new(struct sim_linux *kernel, bool tcp);
/** Connects two new sockets; each takes `limit` bytes that the other has not read (0: any). */
void sim_linux_connect(struct sim_linux_socket *a, struct sim_linux_socket *b, size_t limit);
/**
 * Connects a new socket to two pipes of the caller's, who writes and reads raw bytes at their other
 * ends. They outlive the socket.
 */
void sim_linux_connect_raw(struct sim_linux_socket *s, struct sim_pipe *in, struct sim_pipe *out);
/**
 * close(2), and frees the socket. FIN goes out, or RST when received bytes were not read; data in
 * an open record is lost. NULL is fine.
 */
void sim_linux_close(struct sim_linux_socket *s);
/** errno of the last call that answered -1. */
int sim_linux_errno(const struct sim_linux_socket *s);

/** setsockopt(2): TCP_ULP and the options of SOL_TLS. 0 or -1. */
int sim_linux_setsockopt(struct sim_linux_socket *s, int level, int name, const void *value,
                         uint32_t len);
/** getsockopt(2): the same, and SO_ERROR, which clears the pending error. 0 or -1. */
int sim_linux_getsockopt(struct sim_linux_socket *s, int level, int name, void *value,
                         uint32_t *len);
/** sendmsg(2): bytes taken, or -1. */
int64_t sim_linux_sendmsg(struct sim_linux_socket *s, const struct sim_linux_out *msg,
                          unsigned flags);
/** recvmsg(2): bytes put into the buffer, or -1. 0 is the end of the stream only when untyped. */
int64_t sim_linux_recvmsg(struct sim_linux_socket *s, struct sim_linux_in *msg, unsigned flags);
/** sendfile(2), or splice(2) into the socket, of file[0..len); `more`: SPLICE_F_MORE. */
int64_t sim_linux_sendfile(struct sim_linux_socket *s, const void *file, size_t len, bool more);
/** splice(2) out of the socket, into a pipe that is `out` here. */
int64_t sim_linux_splice(struct sim_linux_socket *s, void *out, size_t len);
/** shutdown(2). 0 or -1. */
int sim_linux_shutdown(struct sim_linux_socket *s, int how);
/** listen(2). 0 or -1. */
int sim_linux_listen(struct sim_linux_socket *s);
/** connect(2) with AF_UNSPEC. 0 or -1. */
int sim_linux_disconnect(struct sim_linux_socket *s);
/** poll(2): what holds now, of LINUX_POLLIN to LINUX_POLLRDHUP. */
unsigned sim_linux_poll(struct sim_linux_socket *s);

/** SIOCINQ: bytes in the receive queue; with a key of TLS_RX they are ciphertext. */
size_t sim_linux_inq(struct sim_linux_socket *s);
/** SIOCOUTQ: sealed bytes that the peer has not read. */
size_t sim_linux_outq(struct sim_linux_socket *s);

/** TLS_CONF_* of sock_diag. */
enum sim_linux_conf { SIM_LINUX_BASE = 1, SIM_LINUX_SW = 2, SIM_LINUX_HW = 3 };
/** What sock_diag tells of a socket (`ss -ti`). */
struct sim_linux_diag {
    uint16_t version, cipher; /**< 0 before the first key */
    uint16_t tx, rx;          /**< enum sim_linux_conf */
    bool zerocopy, no_pad;
    uint16_t max_payload; /**< 0 where the kernel does not have it */
};
/** False when there is no TLS on it, or the caller may not see it. */
bool sim_linux_diag(struct sim_linux_socket *s, struct sim_linux_diag *diag);

/* For tests */

/** Counts the calls of this socket, and lets some fail; NULL ends it. It outlives the socket. */
void sim_linux_set_faults(struct sim_linux_socket *s, struct sim_faults *faults);
/** An error of the network (ETIMEDOUT, EHOSTUNREACH, …) becomes the socket's pending error. */
void sim_linux_fail(struct sim_linux_socket *s, int error);
/** The bytes it receives from and sends to: for taps, held-back bytes and damage. */
struct sim_pipe *sim_linux_in_pipe(struct sim_linux_socket *s);
struct sim_pipe *sim_linux_out_pipe(struct sim_linux_socket *s);
/**
 * With a device and zero-copy: TCP sends the last record of the last sendfile again, from the pages
 * of the file as they are now. Tells the ledger. False when there is no such record.
 */
bool sim_linux_retransmit(struct sim_linux_socket *s);

#endif
