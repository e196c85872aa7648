/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS below the socket, in user space: a kernel that the hooks of syscalls.c put under descriptors,
 * and the backend that asks it to. It behaves as Linux does: records merge, types come beside,
 * a bad record leaves an error in the socket, a KeyUpdate stops reading until there is a new key.
 */
#ifndef TEST_IO_BELOW_H
#define TEST_IO_BELOW_H

#include "pair.h"

/* How the kernel below behaves, for all descriptors. */
struct below_plan {
    bool no_rekey;      /* a second key is refused with EBUSY */
    unsigned eagain;    /* every so manieth send or receive answers EAGAIN; 0: none */
    unsigned until;     /* after so many, all answer EAGAIN; 0: none */
    size_t most;        /* bytes a call moves at most; 0: no bound */
    size_t record;      /* bytes of application data in a record at most; 0: 16384 */
    unsigned fail_at;   /* the option that is set, counted down, that fails; 0: none */
    int fail_with;      /* with this errno */
    unsigned put_off;   /* so many times, a second key is answered with EAGAIN */
    int send_error;     /* the next send fails with this errno */
    bool no_sendfile;   /* EINVAL */
    unsigned calls;     /* sends and receives so far */
    unsigned options;   /* options set so far */
    unsigned sendfiles; /* calls of sendfile that moved something */
    unsigned splices;   /* likewise */
    size_t largest;     /* room of the largest receive */
};
extern struct below_plan below_plan;

/* Puts the kernel below in place; forgets all descriptors. */
void below_reset(void);
/* Whether records of a direction of `fd` are made below. */
bool below_carries(int fd, enum weir_dir dir);

/* The backend. */
struct below_backend {
    struct weir_backend backend;
    bool always_typed; /* a control message also with application data */
};
enum { BELOW_REKEY = 1, BELOW_RELEASE = 2, BELOW_TYPED = 4, BELOW_LIMIT = 8, BELOW_SPLICE = 16 };
void below_backend_init(struct below_backend *b, unsigned features);

#endif
