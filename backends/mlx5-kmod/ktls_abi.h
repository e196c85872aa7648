/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * FreeBSD's numbers, for every host: options, modes, control messages, algorithms, errno values.
 * ktls_abi_check.c holds them against the system's headers where these are.
 */
#ifndef WEIR_MLX5_KTLS_ABI_H
#define WEIR_MLX5_KTLS_ABI_H

#include <weir/mlx5_kmod.h>

/* sys/netinet/tcp.h, sys/netinet/in.h */
#define KTLS_IPPROTO_TCP     6
#define KTLS_TXTLS_ENABLE    39
#define KTLS_TXTLS_MODE      40
#define KTLS_RXTLS_ENABLE    41
#define KTLS_RXTLS_MODE      42
#define KTLS_MODE_NONE       0
#define KTLS_MODE_SW         1
#define KTLS_MODE_IFNET      2
#define KTLS_MODE_TOE        3
#define KTLS_SET_RECORD_TYPE 1
#define KTLS_GET_RECORD      2
#define KTLS_GET_RECORD_LEN  6 /* type, major, minor, padding, length (big-endian) */

/* sys/opencrypto/cryptodev.h */
#define KTLS_AES_NIST_GCM_16   25
#define KTLS_CHACHA20_POLY1305 41

/* sys/sys/ktls.h: TLS 1.n is 3.(n + 1) */
#define KTLS_MAJOR       3
#define KTLS_MINOR_TWO   3
#define KTLS_MINOR_THREE 4

/* sys/sys/errno.h. X(name without its E, number) */
#define KTLS_ERRNO_LIST(X)                                                                         \
    X(INTR, 4)                                                                                     \
    X(IO, 5)                                                                                       \
    X(NXIO, 6)                                                                                     \
    X(BADF, 9)                                                                                     \
    X(NOMEM, 12)                                                                                   \
    X(BUSY, 16)                                                                                    \
    X(INVAL, 22)                                                                                   \
    X(PIPE, 32)                                                                                    \
    X(AGAIN, 35)                                                                                   \
    X(ALREADY, 37)                                                                                 \
    X(NOTSOCK, 38)                                                                                 \
    X(MSGSIZE, 40)                                                                                 \
    X(NOPROTOOPT, 42)                                                                              \
    X(PROTONOSUPPORT, 43)                                                                          \
    X(OPNOTSUPP, 45)                                                                               \
    X(NETDOWN, 50)                                                                                 \
    X(NETUNREACH, 51)                                                                              \
    X(CONNABORTED, 53)                                                                             \
    X(CONNRESET, 54)                                                                               \
    X(NOBUFS, 55)                                                                                  \
    X(NOTCONN, 57)                                                                                 \
    X(TIMEDOUT, 60)                                                                                \
    X(HOSTUNREACH, 65)                                                                             \
    X(BADMSG, 89)

enum ktls_errno {
#define WEIR_X(name, number) KTLS_E##name = (number),
    KTLS_ERRNO_LIST(WEIR_X)
#undef WEIR_X
};

/* Offsets within struct tls_enable, by the width of a pointer: 8 or 4. */
#define KTLS_AT_KEY(width)     ((size_t)0)
#define KTLS_AT_IV(width)      ((size_t)(width))
#define KTLS_AT_NUMBERS(width) (3 * (size_t)(width)) /* six ints */
#define KTLS_AT_VERSION(width) (KTLS_AT_NUMBERS(width) + 24)
#define KTLS_AT_REC_SEQ(width) (KTLS_AT_NUMBERS(width) + 26)
/* 34 bytes behind the pointers, and padding up to their alignment. */
#define KTLS_ENABLE_LEN(width) ((KTLS_AT_NUMBERS(width) + 34 + (width)-1) / (width) * (width))

_Static_assert(KTLS_ENABLE_LEN(8) == 64 && KTLS_ENABLE_LEN(4) == 48, "sizes of struct tls_enable");
_Static_assert(KTLS_AT_REC_SEQ(8) == 50 && KTLS_AT_REC_SEQ(4) == 38, "offsets of rec_seq");

/* Bytes of the IV that the kernel is given: the salt, or all of it. */
size_t weir_mlx5_ktls_iv_len(const struct weir_keys *keys);

/* Why setting 39 or 41 failed; fills all of `why`. */
void weir_mlx5_ktls_refuse(uint32_t features, enum weir_dir dir, uint16_t suite, int os_error,
                           struct weir_refusal *why);
/* Why setting 40 failed. */
void weir_mlx5_ktls_refuse_mode(uint16_t suite, int os_error, struct weir_refusal *why);

#endif
