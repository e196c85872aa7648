/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * FreeBSD's kernel TLS over the mlx5en driver as a backend: plaintext goes through the socket, and
 * the network interface (a ConnectX-6 Dx) or the kernel makes and takes the records. TLS 1.2 and
 * 1.3, AES-GCM with 128 and 256 bits and ChaCha20-Poly1305. Compiled on every host: it makes no
 * system call, and says what the socket needs as commands (cmd.h), with FreeBSD's numbers.
 *
 * Once a direction has a key, the socket does not give it up again and takes no other: no
 * WEIR_CAP_RELEASE, no rekey. Which of the two carries a direction is the kernel's choice, may
 * change under it, and is told by weir_tx_query and weir_rx_query: weir_tx_carrier then says
 * WEIR_CARRIER_NIC or WEIR_CARRIER_KERNEL.
 *
 * The kernel passes over a record that fails and goes on with the next; it tells of that once, in
 * the socket's SO_ERROR. So the backend asks for that whenever it receives, and nobody else may. A
 * send can be told instead: where weir_tx_sent answers WEIR_E_BACKEND, the receiving direction of
 * the socket must end, too, as it does in a session.
 *
 * Source of all facts: docs/reference/freebsd-ktls.md.
 */
#ifndef WEIR_MLX5_KMOD_H
#define WEIR_MLX5_KMOD_H

#include "backend.h"

/** What a release can do. Told by its number (weir_mlx5_ktls_of_release) or found by the probe. */
enum {
    WEIR_MLX5_KTLS_TX_TLS12 = 1,
    WEIR_MLX5_KTLS_TX_TLS13 = 2,
    WEIR_MLX5_KTLS_RX_TLS12 = 4,
    WEIR_MLX5_KTLS_RX_TLS13 = 8,
    /** Software crypto is a module, ktls_ocf, which may not be loaded. */
    WEIR_MLX5_KTLS_MODULE = 16,
    /** Receiving has a switch of its own, kern.ipc.tls.rx_enable. */
    WEIR_MLX5_KTLS_RX_SWITCH = 32,
    /** Heavy retransmission takes a direction from the interface for good. */
    WEIR_MLX5_KTLS_FALLS_BACK = 64,
};

/** Settings of the host that a refusal can come from: `detail` of WEIR_REFUSAL_SWITCHED_OFF. */
enum {
    WEIR_MLX5_SETTING_ENABLE = 1,    /**< kern.ipc.tls.enable is 0 */
    WEIR_MLX5_SETTING_RX_ENABLE = 2, /**< kern.ipc.tls.rx_enable is 0 */
    WEIR_MLX5_SETTING_MODULE = 4,    /**< ktls_ocf is not loaded */
    WEIR_MLX5_SETTING_EXT_PGS = 8,   /**< kern.ipc.mb_use_ext_pgs is 0 */
    WEIR_MLX5_SETTING_THREADS = 16,  /**< no setting: the kernel's worker threads did not start */
};

/** Kernel TLS of a host. May be shared by all connections and threads. */
struct weir_mlx5_ktls {
    struct weir_backend backend; /**< hand `&ktls.backend` to weir_tx_offload and so on */
    uint32_t features;           /**< WEIR_MLX5_KTLS_… */
    uint16_t most_record;        /**< kern.ipc.tls.maxlen */
    weir_carrier want;           /**< see weir_mlx5_ktls_init */
};

/** Memory of one direction (backend.ctx_size bytes of it are used): opaque. Holds a key until the
 * kernel has it. */
struct weir_mlx5_ktls_ctx {
    uint64_t opaque[32];
};

/** What has become of a direction, as far as its commands have told. */
struct weir_mlx5_ktls_report {
    weir_carrier first; /**< who had it when it moved; WEIR_CARRIER_BELOW: not told */
    weir_carrier now;   /**< who has it, by the last query */
    uint32_t changes;   /**< how often a query found another one than the query before */
    /** How often one found that the interface had lost it to the kernel and nobody had asked. */
    uint32_t falls;
    /** Why the carrier that was wanted was not taken; code WEIR_REFUSAL_NONE when it was. */
    struct weir_refusal refusal;
};

/** The probe: opaque, in the caller's memory. */
struct weir_mlx5_ktls_probe {
    uint64_t opaque[40];
};

/** Bytes of the longest struct tls_enable. */
#define WEIR_MLX5_TLS_ENABLE 64u

#if WEIR_HAS_OFFLOAD
WEIR_BEGIN

/** What the release of this kern.osreldate (or __FreeBSD_version) can do; 0: no kernel TLS. */
WEIR_API uint32_t weir_mlx5_ktls_of_release(uint32_t osreldate);

/**
 * Makes `ktls` the backend for a host with `features` (WEIR_MLX5_KTLS_…) and `most_record`, the
 * value of kern.ipc.tls.maxlen (0: not known, 16384 is assumed, which is what the kernel begins
 * with). A record limit above `most_record` is refused: typed records would be cut.
 *
 * `want` is for sending: WEIR_CARRIER_NIC asks for the interface when the kernel has not chosen it
 * (which needs no kern.ipc.tls.ifnet.permitted), WEIR_CARRIER_KERNEL for the kernel; anything else
 * leaves the choice, but for TLS 1.2 AES-GCM, which the kernel is to carry where the release has
 * WEIR_MLX5_KTLS_FALLS_BACK: falling back from the interface beside a send can repeat an explicit
 * nonce. Who wants it on the interface sets kern.ipc.tls.ifnet_max_rexmit_pct to 100 first. A wish
 * that is not met is told (weir_mlx5_ktls_report), and is no refusal: the direction has moved.
 *
 * The socket's low-water mark for sending (SO_SNDLOWAT) must not be lowered from 2048: the count of
 * records relies on it.
 *
 * What a direction is refused for, by code (layer WEIR_LAYER_OS, with FreeBSD's errno value, but
 * where noted): NO_KTLS, SWITCHED_OFF (`detail`: WEIR_MLX5_SETTING_…, those it can come from),
 * TAKEN, SUITE (`detail`: the suite), SOCKET, RESOURCES (transient), OS; by the backend itself:
 * VERSION (`detail`: the version), SUITE, POSITION, RECORD_LIMIT (`detail`: `most_record`).
 */
WEIR_API void weir_mlx5_ktls_init(struct weir_mlx5_ktls *ktls, uint32_t features,
                                  uint16_t most_record, weir_carrier want);

/**
 * Wishes for another carrier of an attached sending direction; the next weir_tx_query asks the
 * kernel for it. No other thread may be sending on the socket then.
 */
WEIR_API void weir_mlx5_ktls_want(void *ctx, weir_carrier want);

/** What has become of an attached direction. */
WEIR_API struct weir_mlx5_ktls_report weir_mlx5_ktls_report(const void *ctx);

/**
 * Writes struct tls_enable for these keys as a FreeBSD process lays it out: of 64 bits, or of 32
 * (`ilp32`); numbers in this host's byte order. `key_at` and `iv_at`: the addresses at which that
 * process has key and IV. Returns its size, 64 or 48; 0 when version or suite is none. The bytes
 * hold no secret.
 */
WEIR_API size_t weir_mlx5_tls_enable(uint8_t out[WEIR_MLX5_TLS_ENABLE],
                                     const struct weir_keys *keys, bool ilp32, uint64_t key_at,
                                     uint64_t iv_at);

/**
 * Begins to find out what this kernel takes, on a throw-away pair of connected TCP sockets (over
 * the loopback interface; no privilege is needed), which no byte must be sent through, and which
 * are closed afterwards. Whether an interface would take a direction it cannot tell.
 */
WEIR_API void weir_mlx5_ktls_probe_init(struct weir_mlx5_ktls_probe *probe);

/** The command to carry out, and on which end of the pair: 0 or 1. NULL: there is none any more. */
WEIR_API const struct weir_cmd *weir_mlx5_ktls_probe_command(struct weir_mlx5_ktls_probe *probe,
                                                             unsigned *end);

/** Tells how that command ended. */
WEIR_API void weir_mlx5_ktls_probe_complete(struct weir_mlx5_ktls_probe *probe,
                                            const struct weir_done *done);

/**
 * What was found, when no command is left. WEIR_OK: `*features`, of WEIR_MLX5_KTLS_TX_… and RX_…
 * those that were taken; `*modes`, by the same bits, those where the interface or an offload engine
 * has it. WEIR_REFUSED: nothing was taken; `why` tells of the first attempt. WEIR_PENDING: not at
 * the end yet.
 */
WEIR_API WEIR_MUST_CHECK weir_status
weir_mlx5_ktls_probe_result(const struct weir_mlx5_ktls_probe *probe, uint32_t *features,
                            uint32_t *modes, struct weir_refusal *why);

WEIR_END
#endif
#endif
