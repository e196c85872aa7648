/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host as doctor, offload and stats see it: questions with an answer or an errno each. The
 * answers come from this system (host_posix.c and host_linux.c or host_freebsd.c), or from a
 * recording (host_record.c), which is nothing but the answers another host gave.
 */
#ifndef WEIR_TOOLS_HOST_H
#define WEIR_TOOLS_HOST_H

#include "common.h"

/*
 * What can be asked. X(name, word in a recording, whether there is a key)
 *
 *   UNAME       system, release, machine
 *   USER        "root", or anything else
 *   INTERFACES  names, with blanks between
 *   FILE        PATH: what is in it
 *   SYSCTL      NAME: its value as sysctl -n prints it; "node" for what only has others below it;
 *               bytes in hexadecimal for what has no other form
 *   MODULE      NAME: "loaded", "built-in" or "available"
 *   CONFIG      NAME: y, m or n, as the kernel was configured; ENOENT: not told
 *   FEATURES    INTERFACE: lines "NAME on" or "NAME off", with " fixed" where it cannot be changed
 *   COUNTERS    INTERFACE: lines "NAME NUMBER", those about TLS
 *   SESSIONS    lines "NUMBER VERSION SUITE rx WHO tx WHO", see ktlslist.h and sockdiag.h
 *   PROBE       what to try (see probe.h): what came of it
 */
#define HOST_KIND_LIST(X)                                                                          \
    X(UNAME, "uname", false)                                                                       \
    X(USER, "user", false)                                                                         \
    X(INTERFACES, "interfaces", false)                                                             \
    X(FILE, "file", true)                                                                          \
    X(SYSCTL, "sysctl", true)                                                                      \
    X(MODULE, "module", true)                                                                      \
    X(CONFIG, "config", true)                                                                      \
    X(FEATURES, "features", true)                                                                  \
    X(COUNTERS, "counters", true)                                                                  \
    X(SESSIONS, "sessions", false)                                                                 \
    X(PROBE, "probe", true)

enum host_kind {
#define X(name, word, key) HOST_##name,
    HOST_KIND_LIST(X)
#undef X
        HOST_KINDS
};

/* An answer; belongs to the host. `text` is never NULL; `error` is NULL, or the name of an errno,
 * or host_unrecorded. */
struct answer {
    const char *text, *error;
};
extern const char host_unrecorded[];

struct host;

/* This system. NULL: out of memory. */
struct host *host_here(void);
/* The host that a file speaks of. NULL: fault says why. */
struct host *host_recorded(const char *path, struct fault *fault);
void host_free(struct host *host);

/* Whether it is a recording: nothing can be changed there. */
bool host_is_recorded(const struct host *host);

/* Asks once, and keeps the answer until host_pause. `key` is NULL where the kind has none. */
struct answer host_ask(struct host *host, enum host_kind kind, const char *key);

/*
 * Lets time pass, so that what is asked next is asked anew; answers the seconds that have passed. A
 * recording goes on to what was noted next, without waiting; 0: it ends here.
 */
double host_pause(struct host *host, double seconds);

/* Writes down every answer given so far. */
bool host_record(const struct host *host, const char *path, struct fault *fault);

/* ---- what is asked most ---- */

/* A number out of an answer; false when there is none. */
bool host_number(struct host *host, enum host_kind kind, const char *key, uint64_t *number);
/* Whether there is an answer at all. */
bool host_has(struct host *host, enum host_kind kind, const char *key);
bool host_is_root(struct host *host);

enum host_system { SYSTEM_LINUX, SYSTEM_FREEBSD, SYSTEM_OTHER };
enum host_system host_system(struct host *host);
/* FreeBSD's __FreeBSD_version; where it is not told, worked out from the release. */
uint64_t host_osreldate(struct host *host);

/* The next word of a text with blanks between; false at the end. Begin with *rest at the text. */
struct word {
    char text[64];
};
bool next_word(const char **rest, struct word *word);
/* What stands behind a name in lines "NAME VALUE"; false when the name is not there. */
bool find_line(const char *lines, const char *name, struct word *value);

/* ---- commands ---- */

enum { COMMAND_WORDS = 6 };
struct command {
    const char *words[COMMAND_WORDS + 1]; /* NULL at the end; not a shell's */
};
/* Runs a program and waits for it; its status, or -1 and a fault when it could not be started. */
int command_run(const struct command *command, struct fault *fault);

/* ---- for the parts of this system ---- */

/* Each answers 0 and has written to `out`, or an errno. */
int host_system_ask(enum host_kind kind, const char *key, FILE *out);
int host_posix_ask(enum host_kind kind, const char *key, FILE *out);

/* The name of an errno of this system; "EOTHER" for those nobody here speaks of. Static. */
const char *errno_name(int error);
/* The same for a name somebody wrote; NULL for none that is known. Static. */
const char *errno_named(const char *name);

#endif
