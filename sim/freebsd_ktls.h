/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A model of FreeBSD's kernel TLS on a TCP socket, with mlx5en interfaces below it: what
 * docs/reference/freebsd-ktls.md says, and nothing of weir. Calls have the shape of the system
 * calls: they answer -1 with FreeBSD's errno in the socket's `err`.
 *
 * A connection is two sockets (of one host or of two, or one socket and a test that speaks TLS
 * itself) joined by two pipes:
 *
 *     struct sim_freebsd host;
 *     sim_freebsd_init(&host, SIM_FREEBSD_15, seed, ledger);
 *     struct sim_freebsd_socket *s = sim_freebsd_socket_new(&host, out, in);
 *     sim_freebsd_setsockopt(s, 6, FREEBSD_TCP_TXTLS_ENABLE, bytes, 64);
 *
 * What the kernel does in threads of its own (decrypting, replacing a lost interface, falling back
 * to software) happens at the begin of the next call, or in sim_freebsd_run.
 *
 * Settings and faults are plain members of the structs below: set them between calls.
 *
 * Not modelled: the data path of AES-CBC (such a session is set, read and switched; sending on it
 * aborts the connection with EIO as a failing cipher does, and nothing is received), records that
 * a NIC decrypted in part, TCP's own timers, and blocking: every socket is non-blocking.
 */
#ifndef WEIR_SIM_FREEBSD_KTLS_H
#define WEIR_SIM_FREEBSD_KTLS_H

#include "faults.h"
#include "freebsd_errno.h"
#include "ledger.h"
#include "pipe.h"

/* sys/netinet/tcp.h */
#define FREEBSD_IPPROTO_TCP         6
#define FREEBSD_TCP_TXTLS_ENABLE    39
#define FREEBSD_TCP_TXTLS_MODE      40
#define FREEBSD_TCP_RXTLS_ENABLE    41
#define FREEBSD_TCP_RXTLS_MODE      42
#define FREEBSD_TCP_TLS_MODE_NONE   0
#define FREEBSD_TCP_TLS_MODE_SW     1
#define FREEBSD_TCP_TLS_MODE_IFNET  2
#define FREEBSD_TCP_TLS_MODE_TOE    3
#define FREEBSD_TLS_SET_RECORD_TYPE 1
#define FREEBSD_TLS_GET_RECORD      2

/* sys/sys/socket.h */
#define FREEBSD_SOL_SOCKET   0xffff
#define FREEBSD_SO_ERROR     0x1007
#define FREEBSD_MSG_PEEK     0x2
#define FREEBSD_MSG_EOR      0x8
#define FREEBSD_MSG_CTRUNC   0x20
#define FREEBSD_MSG_DONTWAIT 0x80
#define FREEBSD_SHUT_RD      0
#define FREEBSD_SHUT_WR      1
#define FREEBSD_SHUT_RDWR    2

/* sys/sys/poll.h */
#define FREEBSD_POLLIN  0x1
#define FREEBSD_POLLOUT 0x4
#define FREEBSD_POLLHUP 0x10

/* sys/opencrypto/cryptodev.h */
#define FREEBSD_CRYPTO_SHA1_HMAC         7
#define FREEBSD_CRYPTO_AES_CBC           11
#define FREEBSD_CRYPTO_SHA2_256_HMAC     18
#define FREEBSD_CRYPTO_SHA2_384_HMAC     19
#define FREEBSD_CRYPTO_AES_NIST_GCM_16   25
#define FREEBSD_CRYPTO_CHACHA20_POLY1305 41

/* sys/net/if.h: the first word, and the second */
#define FREEBSD_IFCAP_MEXTPG      0x04000000u
#define FREEBSD_IFCAP_TXTLS4      0x08000000u
#define FREEBSD_IFCAP_TXTLS6      0x10000000u
#define FREEBSD_IFCAP_TXTLS_RTLMT 0x80000000u
#define FREEBSD_IFCAP2_RXTLS4     0x1u
#define FREEBSD_IFCAP2_RXTLS6     0x2u

enum sim_freebsd_release { SIM_FREEBSD_13 = 13, SIM_FREEBSD_14 = 14, SIM_FREEBSD_15 = 15 };

/** Classes of calls, for faults.h. A short sendmsg with a record type stays whole. */
enum sim_freebsd_call {
    SIM_FREEBSD_SETSOCKOPT = 1,
    SIM_FREEBSD_GETSOCKOPT,
    SIM_FREEBSD_SENDMSG,
    SIM_FREEBSD_SENDFILE,
    SIM_FREEBSD_RECVMSG,
    SIM_FREEBSD_SHUTDOWN,
};

/** Suites a firmware can do, as a mask (the TLS capability page of mlx5). */
enum sim_freebsd_nic_suites {
    SIM_NIC_TLS12_GCM128 = 1,
    SIM_NIC_TLS13_GCM128 = 2,
    SIM_NIC_TLS12_GCM256 = 4,
    SIM_NIC_TLS13_GCM256 = 8,
    SIM_NIC_ALL = 15,
};

/** An mlx5en interface. Capabilities are all on after attach, whatever the adapter can do. */
struct sim_freebsd_ifnet {
    char name[16];
    uint32_t caps, caps2; /**< enabled capabilities, FREEBSD_IFCAP… */
    bool tls, tls_rx;     /**< nodes dev.mce.N.tls and tls_rx exist: adapter and firmware can */
    uint32_t suites;      /**< mask of sim_freebsd_nic_suites */
    bool gone;            /**< detached */
    bool firmware_fails;  /**< no TIS or DEK can be made any more */
    uint32_t tx_max, rx_max, tx_tags, rx_tags; /**< sessions: bound and count, by direction */
    uint32_t keys_max, keys;                   /**< key objects of both directions together */
    uint64_t tx_packets, tx_bytes, tx_packets_ooo, tx_bytes_ooo, tx_error;
    uint64_t rx_resync_ok, rx_resync_err, rx_error, rx_decrypted_ok, rx_decrypted_error;
};

/** kern.ipc.tls.stats, and what lies beside it. */
struct sim_freebsd_stats {
    uint64_t threads, active, offload_total, enable_calls, corrupted_records, failed_crypto;
    uint64_t switch_to_ifnet, switch_to_sw, switch_failed;
    uint64_t ifnet_disable_ok, ifnet_disable_failed;
    uint64_t sw_cbc, sw_gcm, sw_chacha20;
    uint64_t ifnet_cbc, ifnet_gcm, ifnet_chacha20, ifnet_reset, ifnet_reset_dropped,
        ifnet_reset_failed;
    uint64_t toe_cbc, toe_gcm, toe_chacha20;
    uint64_t tls12_gcm_encrypts, tls12_gcm_decrypts, tls13_gcm_encrypts, tls13_gcm_decrypts;
    uint64_t tls12_chacha20_encrypts, tls12_chacha20_decrypts, tls13_chacha20_encrypts,
        tls13_chacha20_decrypts;
};

#define SIM_FREEBSD_IFS  2u
#define SIM_FREEBSD_MAPS 8u

/** A range of a process's memory as the kernel sees it. */
struct sim_freebsd_map {
    uint64_t address;
    const uint8_t *bytes;
    size_t len;
};

struct sim_freebsd {
    enum sim_freebsd_release release;
    bool ilp32;    /**< a 32-bit kernel and process: 48-byte struct tls_enable, 4-byte alignment */
    bool kern_tls; /**< options KERN_TLS */
    bool ktls_ocf; /**< 13.x: the module is loaded */
    /** The fallback begins while a send is framing records: it has copied the session before. */
    bool fallback_races_send;
    bool tcp_rexmit_fallback; /**< heavy retransmission moves to software (not in early 13.x) */
    bool rx_caps_as_shipped;  /**< the RX capability test uses bit numbers as masks */
    bool empty_record_ends;   /**< recvmsg returns at an empty record; else it goes on behind it */
    /* sysctl */
    bool enable, rx_enable, cbc_enable;
    uint32_t maxlen, ifnet_permitted, ifnet_max_rexmit_pct;
    int32_t mb_use_ext_pgs;
    /* faults */
    bool threads_fail;    /**< worker threads cannot be started */
    int session_error;    /**< the crypto framework refuses every session with this errno */
    bool tx_crypto_fails; /**< the next record's encryption fails */
    bool rx_crypto_fails; /**< the next record's decryption is not available */
    struct sim_freebsd_ifnet mce[SIM_FREEBSD_IFS];
    struct sim_freebsd_stats stats;
    /** Memory of the process. None: a pointer is a pointer of this program, NULL a bad one. */
    struct sim_freebsd_map maps[SIM_FREEBSD_MAPS];
    size_t map_count;
    struct sim_ledger *ledger; /**< or NULL */
    struct sim_faults *faults; /**< or NULL */
    uint32_t osreldate;
    uint64_t random;
};

/** A session of one direction. */
struct sim_freebsd_session {
    bool set;
    int mode;
    int cipher, auth;
    uint8_t vminor;
    uint8_t key[32], iv[16]; /**< TLS 1.2 GCM: salt, and from byte 8 on the nonce's counter */
    uint32_t key_len, iv_len, hlen, tlen, max_frame;
};

/** A TCP socket. Members above the line are for tests to read and set. */
struct sim_freebsd_socket {
    struct sim_freebsd *host;
    int err; /**< errno of the last call that answered -1 */
    bool listening, ipv6;
    bool toe;          /**< the connection runs on a full offload engine */
    bool spliced;      /**< 15+: joined to another socket by SO_SPLICE */
    bool splice_races; /**< 15+: is being joined while the option is set */
    bool switch_races; /**< somebody else sets the mode while this process does */
    bool route_cached; /**< true once anything was sent */
    bool paced;
    int route, input; /**< index of the interface segments leave by, and come in by */
    bool stalled;     /**< the NIC refuses every packet of the session (firmware failed late) */
    size_t sndbuf, rcvbuf; /**< high-water marks */
    size_t sndlowat;       /**< room below which it counts as not writable */
    int pending;           /**< so_error: told once, to whoever asks first */
    bool cant_send, cant_receive, dropped;
    struct sim_freebsd_session tx, rx;
    int tx_tag, rx_tag;          /**< index of the interface that holds a tag, or -1 */
    uint64_t tx_seq, rx_seq;     /**< number of the next record to frame, and to cut off */
    bool nic_xmit, nic_xmit_dis; /**< TX on the NIC now; never again */
    uint64_t sent_bytes, rexmit_bytes;
    /* --- the model's own --- */
    struct sim_pipe *out, *in;
    uint8_t *snd;
    size_t snd_len, snd_room;
    uint64_t snd_offset;         /* of snd[0] in the stream */
    uint64_t nic_from, nic_upto; /* bytes of the stream framed for the NIC */
    bool nic_started;            /* the session's first packet was sent */
    bool fin_wanted;
    bool route_changed, input_changed, fallback_wanted; /* tasks */
    uint8_t *rcv; /* pending: raw bytes, not cut into records */
    size_t rcv_len, rcv_room;
    struct sim_freebsd_record *records; /* decrypted */
    size_t record_count, record_room;
};

/** A decrypted record in the receive queue. */
struct sim_freebsd_record {
    uint8_t type, vmajor, vminor;
    bool told; /* its control message was delivered */
    uint8_t *bytes;
    size_t len, taken;
};

/** What recvmsg is given, and gives. */
struct sim_freebsd_msg {
    void *data;
    size_t len;
    void *control;      /**< NULL: metadata is dropped */
    size_t control_len; /**< in: room, out: bytes used */
    int flags;          /**< out: FREEBSD_MSG_EOR, FREEBSD_MSG_CTRUNC */
};

/** A host of this release with its defaults, kTLS switched on, and two mlx5en interfaces. */
void sim_freebsd_init(struct sim_freebsd *host, enum sim_freebsd_release release, uint64_t seed,
                      struct sim_ledger *ledger);
/** Makes memory known at an address; false when there is no room for one more range. */
bool sim_freebsd_map(struct sim_freebsd *host, uint64_t address, const void *bytes, size_t len);

/** A connected socket, its route over mce0. It does not own the pipes. */
struct sim_freebsd_socket *sim_freebsd_socket_new(struct sim_freebsd *host, struct sim_pipe *out,
                                                  struct sim_pipe *in);
/** close(2) without the wait: tags and memory go. */
void sim_freebsd_socket_free(struct sim_freebsd_socket *s);

int sim_freebsd_setsockopt(struct sim_freebsd_socket *s, int level, int name, const void *value,
                           size_t len);
int sim_freebsd_getsockopt(struct sim_freebsd_socket *s, int level, int name, void *value,
                           size_t *len);
/** sendmsg(2) with its data in one piece; `control` as the process wrote it, or NULL. */
long sim_freebsd_sendmsg(struct sim_freebsd_socket *s, const void *data, size_t len,
                         const void *control, size_t control_len, int flags);
/**
 * sendfile(2): `file` is the whole file, page-aligned in it. 0, or -1; `*sent` counts in both
 * cases. Records end where groups of whole pages do.
 */
int sim_freebsd_sendfile(struct sim_freebsd_socket *s, const void *file, size_t file_len,
                         size_t offset, size_t len, size_t *sent);
long sim_freebsd_recvmsg(struct sim_freebsd_socket *s, struct sim_freebsd_msg *msg, int flags);
int sim_freebsd_shutdown(struct sim_freebsd_socket *s, int how);
/** Which of FREEBSD_POLL… hold. */
int sim_freebsd_poll(struct sim_freebsd_socket *s);
/** FIONREAD: bytes that can be read; decrypted ones only once RX is set. */
size_t sim_freebsd_readable(struct sim_freebsd_socket *s);

/** Lets TCP and the kernel's threads go on. Every call does so first. */
void sim_freebsd_run(struct sim_freebsd_socket *s);
/** From now on segments leave by that interface (-1: one without TLS). */
void sim_freebsd_route(struct sim_freebsd_socket *s, int ifnet);
/** From now on segments come in by that interface (-1: one without TLS). */
void sim_freebsd_input_by(struct sim_freebsd_socket *s, int ifnet);
/** TCP sends `len` bytes once more. */
void sim_freebsd_rexmit(struct sim_freebsd_socket *s, size_t len);
/** The connection ends with `error`, as by RST or time-out. */
void sim_freebsd_drop(struct sim_freebsd_socket *s, int error);

/**
 * sysctlbyname(3) on the settings and counters of docs/reference/freebsd-ktls.md, each in its own
 * width. `old` NULL: only the length; `value` NULL: nothing is set. Answers 0 or an errno.
 */
int sim_freebsd_sysctl(struct sim_freebsd *host, const char *name, void *old, size_t *old_len,
                       const void *value, size_t value_len);

#endif
