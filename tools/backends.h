/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backends and AEAD providers this command knows by name, also those that this build or this
 * system has not: naming one of these gives the reason.
 */
#ifndef WEIR_TOOLS_BACKENDS_H
#define WEIR_TOOLS_BACKENDS_H

#include "common.h"
#include "weir/weir.h"

#include <jansson.h>

/* One place in the order of preference. */
struct candidate {
    const char *backend;
    const char *provider; /* NULL for a backend that needs none */
};

/* The candidates of a run, ready for struct weir_conn_config. Must not move. */
enum { CANDIDATES_MAX = 24 };
struct candidates {
    const struct weir_backend *backends[CANDIDATES_MAX];
    struct candidate names[CANDIDATES_MAX];
    size_t count;
    struct absent {
        struct weir_backend backend;
        struct weir_refusal why;
    } absent[CANDIDATES_MAX];
    struct weir_soft soft[CANDIDATES_MAX];
};

/*
 * Fills `c` from the lists of names that --backend and --aead took; NULL or "auto": all that are
 * known, the best first. A fault when a name is unknown, and when nothing of it can be used.
 */
bool candidates_choose(struct candidates *c, const char *backends, const char *aeads,
                       struct fault *fault);

/* "soft with openssl", "linux-ktls". */
struct candidate_label {
    char text[64];
};
struct candidate_label candidate_show(const struct candidate *candidate);

/* The candidate a backend of the list belongs to. */
const struct candidate *candidate_of(const struct candidates *c,
                                     const struct weir_backend *backend);

#endif
