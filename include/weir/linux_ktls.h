/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The Linux kernel's TLS (kTLS) as a backend: plaintext goes through the socket, and the kernel or
 * a network interface below it makes and takes the records. TLS 1.2 and 1.3, both directions,
 * AES-GCM with 128 and 256 bits and ChaCha20-Poly1305. Compiled on every host: it makes no system
 * call, and says what the socket needs as commands (cmd.h).
 *
 * Once a direction has a key, the socket does not give it up again: there is no way back but
 * closing it (no WEIR_CAP_RELEASE).
 *
 * For whoever carries commands and calls out: nobody else may read from or write to the socket from
 * the first command of a direction on. A change of key that the kernel puts off (EAGAIN) is asked
 * for again: wait until the socket can be written to before carrying the same command out a second
 * time. After a record that failed to open, the socket refuses to send until its pending error
 * (SO_ERROR) has been read: do that once before the alert. After a readable event, receive until
 * nothing is there: an event does not come again for what the kernel has decrypted already.
 */
#ifndef WEIR_LINUX_KTLS_H
#define WEIR_LINUX_KTLS_H

#include "backend.h"

/**
 * What a kernel can do beyond carrying a direction, as found by the probe below and never told by a
 * version number: distributions move features between versions.
 */
enum {
    /** Changes the key of a TLS 1.3 direction (Linux 6.14). Without it the backend has no `rekey`,
     * and a KeyUpdate from the peer is the end of a direction that the kernel receives. */
    WEIR_LINUX_KTLS_REKEY = 1,
    /** Keeps to a record limit (TLS_TX_MAX_PAYLOAD_LEN, Linux 6.19): WEIR_CAP_RECORD_LIMIT. */
    WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN = 2,
    /**
     * sendfile without a copy where a network interface encrypts (TLS_TX_ZEROCOPY_RO, Linux 5.19).
     * A promise by the caller: a file must not change from the call until the peer has acknowledged
     * its bytes. One that does is sent again with other plaintext under the same nonce, which gives
     * both away and is a bad record to the peer.
     */
    WEIR_LINUX_KTLS_ZEROCOPY_RO = 4,
    /**
     * Decrypts straight to the caller's memory in TLS 1.3 (TLS_RX_EXPECT_NO_PAD, Linux 6.0). A peer
     * that pads its records makes the kernel decrypt each of them twice: for peers that are trusted
     * not to. Never less secure.
     */
    WEIR_LINUX_KTLS_RX_NO_PAD = 8,
    /* What the probe tells besides; weir_linux_ktls_init does not need it. */
    WEIR_LINUX_KTLS_TX = 16,    /**< a key for sending was taken */
    WEIR_LINUX_KTLS_RX = 32,    /**< a key for receiving was taken */
    WEIR_LINUX_KTLS_TLS13 = 64, /**< those of TLS 1.3, too */

    /** Those that ask nothing of the caller: `found & WEIR_LINUX_KTLS_SAFE` is the usual choice. */
    WEIR_LINUX_KTLS_SAFE = WEIR_LINUX_KTLS_REKEY | WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN,
};

/** The kernel backend. May be shared by all connections and threads. */
struct weir_linux_ktls {
    struct weir_backend backend; /**< hand `&ktls.backend` to weir_tx_offload and so on */
    uint32_t features;           /**< WEIR_LINUX_KTLS_…, those that are used */
};

/** Memory of one direction (backend.ctx_size bytes of it are used): opaque. Holds a key until the
 * kernel has it. */
struct weir_linux_ktls_ctx {
    uint64_t opaque[24];
};

/** The probe: opaque, in the caller's memory. */
struct weir_linux_ktls_probe {
    uint64_t opaque[24];
};

#if WEIR_HAS_OFFLOAD
WEIR_BEGIN

/**
 * Makes `ktls` the kernel backend that uses `features` (WEIR_LINUX_KTLS_…). One that the kernel
 * does not have costs nothing but WEIR_LINUX_KTLS_REKEY, which would promise what then fails.
 *
 * What a direction is refused for, by code (layer WEIR_LAYER_OS, with the errno value, but where
 * noted): NO_KTLS, SOCKET, TAKEN, SUITE (`detail`: the suite), VERSION (`detail`: the version),
 * RECORD_LIMIT (`detail`: the limit), RESOURCES (transient), OS; by the backend itself:
 * NONCE_RULE (`detail`: the rule; the kernel counts explicit nonces up, which repeats one where
 * they were not counted), POSITION (the number of the next record is not known), SUITE, VERSION,
 * RECORD_LIMIT. Both directions of a socket must have the same version and suite.
 */
WEIR_API void weir_linux_ktls_init(struct weir_linux_ktls *ktls, uint32_t features);

/**
 * Begins to find out what this kernel has, on a throw-away pair of connected TCP sockets (over the
 * loopback interface; no privilege is needed), which no byte must be sent through, and which are
 * closed afterwards.
 */
WEIR_API void weir_linux_ktls_probe_init(struct weir_linux_ktls_probe *probe);

/**
 * The command to carry out, and on which end of the pair: 0 or 1. NULL: there is none any more.
 */
WEIR_API const struct weir_cmd *weir_linux_ktls_probe_command(struct weir_linux_ktls_probe *probe,
                                                              unsigned *end);

/** Tells how that command ended. */
WEIR_API void weir_linux_ktls_probe_complete(struct weir_linux_ktls_probe *probe,
                                             const struct weir_done *done);

/**
 * What was found, when no command is left. WEIR_OK: `*features`, all that the kernel has.
 * WEIR_REFUSED: `why` is filled as for a direction (NO_KTLS, SUITE, …); `*features` is 0.
 * WEIR_PENDING: not at the end yet; `*features` is 0.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_linux_ktls_probe_result(
    const struct weir_linux_ktls_probe *probe, uint32_t *features, struct weir_refusal *why);

WEIR_END
#endif
#endif
