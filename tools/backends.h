/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backends and AEAD providers this command knows by name, also those that this build or this
 * system has not: naming one of these gives the reason.
 */
#ifndef WEIR_TOOLS_BACKENDS_H
#define WEIR_TOOLS_BACKENDS_H

#include "common.h"
#include "weir/posix_backends.h"
#include "weir/weir.h"

#include <jansson.h>

/* One place in the order of preference. */
struct candidate {
    const char *backend;
    const char *provider; /* NULL for a backend that needs none */
};

/* The candidates of a run, ready for struct weir_conn_config. Must not move. */
enum { CANDIDATES_MAX = WEIR_POSIX_BACKENDS };
struct candidates {
    const struct weir_backend *backends[CANDIDATES_MAX];
    struct candidate names[CANDIDATES_MAX];
    size_t count;
    /* What they are made of: "soft" stands for software[0..soft_count). */
    struct weir_posix_host host;
    struct weir_posix_list list;
    const struct weir_backend *software[CANDIDATES_MAX];
    const char *providers[CANDIDATES_MAX];
    struct weir_soft soft[CANDIDATES_MAX];
    struct weir_posix_absent absent[CANDIDATES_MAX];
    size_t soft_count;
};

/*
 * Fills `c` from the lists of names that --backend and --aead took; NULL or "auto": all that are
 * known, the best first; of backends, NULL: as WEIR_BACKEND says. Asks the kernel what it has. A
 * fault when a name is unknown, and when there is nothing to begin a connection on.
 */
bool candidates_choose(struct candidates *c, const char *backends, const char *aeads,
                       struct fault *fault);

/* "the kernel has no TLS, or it is not loaded (no_ktls): No such file or directory" */
struct reason {
    char text[200];
};
struct reason reason_show(const struct weir_refusal *why);

/* "soft with openssl", "linux-ktls". */
struct candidate_label {
    char text[64];
};
struct candidate_label candidate_show(const struct candidate *candidate);

/* "software", "kernel", "nic", "below" (one of these two, not told which), "none". */
const char *carrier_name(weir_carrier carrier);

/* All of a refusal, with the name of who refused. A new reference. */
json_t *refusal_json(const struct candidate *name, const struct weir_refusal *why);

/* The candidate a backend of the list belongs to. */
const struct candidate *candidate_of(const struct candidates *c,
                                     const struct weir_backend *backend);

#endif
