/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a host keeps its answers; for host.c and host_record.c only.
 */
#ifndef WEIR_TOOLS_HOST_ANSWERS_H
#define WEIR_TOOLS_HOST_ANSWERS_H

#include "host.h"

#include <limits.h>

struct answer_kept {
    struct answer_kept *next;
    enum host_kind kind;
    char *key, *text;
    const char *error;
    unsigned sample; /* how many pauses came before it */
};

enum { SAMPLES_MAX = 64 };
struct host {
    struct answer_kept *first, **last; /* in the order they were given */
    unsigned sample;                   /* counts the pauses */
    unsigned samples;                  /* of a recording: how many there are */
    bool recorded;
    double pauses[SAMPLES_MAX]; /* the seconds before each sample */
};

struct host_word {
    const char *word;
    bool key;
};
extern const struct host_word host_words[HOST_KINDS];

/* Takes `text` over, also when it answers NULL: out of memory. */
struct answer_kept *host_keep(struct host *host, enum host_kind kind, const char *key, char *text,
                              const char *error);
/* The newest answer that holds now, or NULL. */
struct answer_kept *host_find(struct host *host, enum host_kind kind, const char *key);
/* Drops the answers of samples before that one. */
void host_forget(struct host *host, unsigned before);

#endif
