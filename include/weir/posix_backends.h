/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The choice of backends while a program runs: what this host's kernel has, a list of backends from
 * names, and what would become of a connection with that list.
 */
#ifndef WEIR_POSIX_BACKENDS_H
#define WEIR_POSIX_BACKENDS_H

#include "linux_ktls.h"
#include "mlx5_kmod.h"
#include "posix.h"

/** Most backends of a list. */
#define WEIR_POSIX_BACKENDS 32u

/**
 * The kernel backends of this host, found out once (weir_posix_host_probe) and only read
 * afterwards, by any number of threads and connections, which it must outlive. Must not move.
 */
struct weir_posix_host {
    struct weir_linux_ktls linux_ktls;
    struct weir_mlx5_ktls mlx5_kmod;
    /** Why they cannot be used; code WEIR_REFUSAL_NONE: they can. */
    struct weir_refusal linux_ktls_why, mlx5_kmod_why;
    uint32_t linux_ktls_found; /**< WEIR_LINUX_KTLS_…, all that the kernel has */
};

/** A backend that refuses everything, for the same reason each time. */
struct weir_posix_absent {
    struct weir_backend backend;
    struct weir_refusal why;
};

/**
 * Backends in an order of preference, for struct weir_conn_config. Those that cannot be used stay
 * in the list and refuse, so that weir_conn_path tells of them. Must not move, and must outlive the
 * connections.
 */
struct weir_posix_list {
    const struct weir_backend *backends[WEIR_POSIX_BACKENDS];
    size_t count;
    struct weir_posix_absent absent[2];
    /** The name that is not known, when weir_posix_list_fill answers WEIR_REFUSED: a piece of its
     * `names` or of the environment. */
    const char *unknown;
    size_t unknown_len;
};

/** What would carry a direction, and why those before it in the list would not. */
struct weir_posix_outcome {
    const struct weir_backend *backend; /**< NULL: none */
    weir_carrier carrier;
    size_t refusal_count;
    struct weir_refusal refusals[WEIR_POSIX_BACKENDS];
};

WEIR_BEGIN

/**
 * Finds out what the kernel has, on a connection of its own over the loopback interface; waits a
 * second at most, needs no privilege. linux_ktls is then made to use what asks nothing of the
 * caller (WEIR_LINUX_KTLS_SAFE); weir_linux_ktls_init may make it use more of linux_ktls_found.
 */
WEIR_API void weir_posix_host_probe(struct weir_posix_host *host);

/** Makes a backend that refuses everything with `why`; `name` must outlive it. */
WEIR_API void weir_posix_absent_init(struct weir_posix_absent *absent, const char *name,
                                     const struct weir_refusal *why);

/**
 * Fills `list` from names, with commas in between: "mlx5-kmod", "linux-ktls", "soft" (all of
 * soft[0..soft_count), in their order), "auto" (all of these, in this order: network interface,
 * kernel, software). NULL: what the environment variable WEIR_BACKEND says; where it is not set or
 * empty, "auto". A connection begins in software, so a list without it carries none.
 *
 * WEIR_OK. WEIR_REFUSED: a name is not known, see list->unknown. WEIR_E_MISUSE: more backends than
 * WEIR_POSIX_BACKENDS.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_posix_list_fill(struct weir_posix_list *list,
                                                          const char *names,
                                                          const struct weir_posix_host *host,
                                                          const struct weir_backend *const *soft,
                                                          size_t soft_count);

/**
 * A dry run: what a connection of this version and suite with `config` would come to, by trying it
 * with random keys on a connection of its own over the loopback interface. `config->fd` and
 * `config->handshake` are not used. What depends on the interface a connection goes by, it cannot
 * tell; nor what depends on the peer's or the TLS library's wishes: a record limit, KeyUpdates.
 *
 * WEIR_OK: outcome[WEIR_TX] and outcome[WEIR_RX] are filled, be there a backend or not.
 * WEIR_E_IO: no such connection could be made, errno says why. WEIR_E_MISUSE: as weir_conn_new says
 * EINVAL, more than WEIR_POSIX_BACKENDS, or no such suite.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_posix_dry_run(const struct weir_conn_config *config,
                                                        uint16_t version, uint16_t suite,
                                                        struct weir_posix_outcome outcome[2]);

WEIR_END
#endif
