/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * System calls of the program on the model of Linux's sockets (sim/linux_ktls.h), for descriptors
 * that were given to it; on all others they do what they always do.
 */
#ifndef TEST_DROPIN_MODELLED_H
#define TEST_DROPIN_MODELLED_H

#include "sim/linux_ktls.h"

/* The model behind a connected pair of descriptors. */
struct modelled {
    struct sim_linux kernel;
    struct sim_ledger *ledger;
    int fd[2];
    struct sim_linux_socket *socket[2];
    unsigned sendfiles; /* calls of sendfile(2) */
};

/* `limit`: what each socket takes that the other has not read; 0: all. */
void modelled_begin(struct modelled *m, const int fd[2], size_t limit);
/* Gives the descriptors back, and fails the test if a nonce was used twice. */
void modelled_end(struct modelled *m);

#endif
