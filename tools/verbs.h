/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What doctor, offload and stats have in common on the command line.
 */
#ifndef WEIR_TOOLS_VERBS_H
#define WEIR_TOOLS_VERBS_H

#include "host.h"
#include "tls.h"

/* --host FILE: evaluate a recorded host instead of this one. */
enum { VERB_OPTION_HOST = 400 };

/*
 * The host of `file`, or this one when it is NULL, and the one INTERFACE among the arguments that
 * are left, which must be there; NULL when none is given. NULL: fault says why.
 */
struct host *verb_host(const char *file, int argc, char **argv, const char **interface,
                       struct fault *fault);

extern const char backends_help[], offload_help[], stats_help[];
int backends_main(int argc, char **argv);
int offload_main(int argc, char **argv);
int stats_main(int argc, char **argv);

#endif
