/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Functions of libc and OpenSSL that the program has in their place, for the libraries, too. All
 * zeros: they only pass on.
 */
#ifndef TEST_DROPIN_STUBS_H
#define TEST_DROPIN_STUBS_H

#include <stdbool.h>
#include <stddef.h>

/* What OpenSSL does otherwise than weir knows. */
enum tamper {
    TAMPER_NOT,
    TAMPER_BYTE,   /* bit 0 of byte `at` of a key handed over is another */
    TAMPER_NUMBER, /* the control for keys has another number */
    TAMPER_DIR,    /* it says the other direction */
    TAMPER_TYPE,   /* types do not come */
    TAMPER_SEND,   /* nobody asks whether sending was taken */
};

struct stubs {
    unsigned long version; /* what OpenSSL_version_num tells; 0: the truth */
    enum tamper tamper;
    size_t at;
    size_t send_most;            /* no send is longer; 0: no matter */
    unsigned send_again;         /* each so manieth send answers EAGAIN; 0: none */
    int fd;                      /* of sockets, only this one is meddled with; 0: all */
    unsigned sendfiles;          /* calls of sendfile(2) */
    int sendfile_to;             /* where the last one went */
    bool keys_left;              /* a key that was taken was not wiped where it lay */
    const unsigned char *secret; /* no block that is freed may hold these bytes; NULL: no matter */
    size_t secret_len;
    unsigned freed, leaks; /* blocks freed meanwhile; of these, how many held it */
};
extern struct stubs stubs;

#endif
