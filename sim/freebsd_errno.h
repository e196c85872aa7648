/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * FreeBSD's errno values (sys/sys/errno.h), under names that no system header defines: the models
 * answer them on every host. Many differ from Linux's.
 */
#ifndef WEIR_SIM_FREEBSD_ERRNO_H
#define WEIR_SIM_FREEBSD_ERRNO_H

/* X(name without its E, number) */
#define FREEBSD_ERRNO_LIST(X)                                                                      \
    X(PERM, 1)                                                                                     \
    X(NOENT, 2)                                                                                    \
    X(INTR, 4)                                                                                     \
    X(IO, 5)                                                                                       \
    X(NXIO, 6)                                                                                     \
    X(BADF, 9)                                                                                     \
    X(NOMEM, 12)                                                                                   \
    X(ACCES, 13)                                                                                   \
    X(FAULT, 14)                                                                                   \
    X(BUSY, 16)                                                                                    \
    X(INVAL, 22)                                                                                   \
    X(FBIG, 27)                                                                                    \
    X(PIPE, 32)                                                                                    \
    X(AGAIN, 35)                                                                                   \
    X(ALREADY, 37)                                                                                 \
    X(MSGSIZE, 40)                                                                                 \
    X(NOPROTOOPT, 42)                                                                              \
    X(PROTONOSUPPORT, 43)                                                                          \
    X(OPNOTSUPP, 45)                                                                               \
    X(CONNABORTED, 53)                                                                             \
    X(CONNRESET, 54)                                                                               \
    X(NOBUFS, 55)                                                                                  \
    X(NOTCONN, 57)                                                                                 \
    X(TIMEDOUT, 60)                                                                                \
    X(BADMSG, 89)

enum freebsd_errno {
#define SIM_X(name, number) FREEBSD_E##name = (number),
    FREEBSD_ERRNO_LIST(SIM_X)
#undef SIM_X
};

#endif
