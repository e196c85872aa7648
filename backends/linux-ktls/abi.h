/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Numbers and layouts of the Linux socket interface for TLS. Sources: include/uapi/linux/tls.h,
 * include/uapi/linux/tcp.h and Documentation/networking/tls.rst of Linux. abi_check.c holds them
 * against the system's header where there is one.
 */
#ifndef WEIR_LINUX_KTLS_ABI_H
#define WEIR_LINUX_KTLS_ABI_H

#include <weir/backend.h>

enum {
    KTLS_SOL_TCP = 6,
    KTLS_TCP_ULP = 31,
    KTLS_SOL_TLS = 282,

    /* Options of SOL_TLS. */
    KTLS_TX = 1,
    KTLS_RX = 2,
    KTLS_TX_ZEROCOPY_RO = 3,     /* 4 bytes */
    KTLS_RX_EXPECT_NO_PAD = 4,   /* 4 bytes */
    KTLS_TX_MAX_PAYLOAD_LEN = 5, /* 2 bytes */

    /* Types of control messages of SOL_TLS, one byte each. */
    KTLS_SET_RECORD_TYPE = 1,
    KTLS_GET_RECORD_TYPE = 2,

    KTLS_AES_GCM_128 = 51,
    KTLS_AES_GCM_256 = 52,
    KTLS_CHACHA20_POLY1305 = 54,

    KTLS_MAX_INFO = 56,
};

/* The values of errno differ between architectures: on Linux those of the build hold, elsewhere the
 * ones most architectures share (include/uapi/asm-generic/errno.h and errno-base.h). */
#if defined(__linux__) && defined(__has_include)
#if __has_include(<errno.h>)
#include <errno.h>
#define KTLS_HAS_ERRNO 1
#endif
#endif
#ifdef KTLS_HAS_ERRNO
enum {
    KTLS_ENOENT = ENOENT,
    KTLS_EINTR = EINTR,
    KTLS_EIO = EIO,
    KTLS_EAGAIN = EAGAIN,
    KTLS_ENOMEM = ENOMEM,
    KTLS_EBUSY = EBUSY,
    KTLS_EEXIST = EEXIST,
    KTLS_EINVAL = EINVAL,
    KTLS_EBADMSG = EBADMSG,
    KTLS_EMSGSIZE = EMSGSIZE,
    KTLS_ENOPROTOOPT = ENOPROTOOPT,
    KTLS_EOPNOTSUPP = EOPNOTSUPP,
    KTLS_ENOTCONN = ENOTCONN,
    KTLS_EKEYEXPIRED = EKEYEXPIRED,
};
#else
enum {
    KTLS_ENOENT = 2,
    KTLS_EINTR = 4,
    KTLS_EIO = 5,
    KTLS_EAGAIN = 11,
    KTLS_ENOMEM = 12,
    KTLS_EBUSY = 16,
    KTLS_EEXIST = 17,
    KTLS_EINVAL = 22,
    KTLS_EBADMSG = 74,
    KTLS_EMSGSIZE = 90,
    KTLS_ENOPROTOOPT = 92,
    KTLS_EOPNOTSUPP = 95,
    KTLS_ENOTCONN = 107,
    KTLS_EKEYEXPIRED = 127,
};
#endif
/* The kernel's own ENOTSUPP, which its TLS let out before Linux 5.x. */
enum { KTLS_ENOTSUPP = 524 };

/*
 * struct tls12_crypto_info_*: version and cipher (16 bits each, of the host), then bytes: iv, key,
 * salt, rec_seq (8, big-endian). No padding.
 */
struct ktls_layout {
    uint8_t cipher, iv_len, key_len, salt_len, len;
};

#define KTLS_IV_AT 4u

/* The layout for keys of this suite; NULL: not carried. */
const struct ktls_layout *weir_ktls_layout(uint16_t version, uint16_t suite);

/* Writes the structure for `keys`: layout->len bytes of `info`. */
void weir_ktls_info_write(uint8_t info[KTLS_MAX_INFO], const struct ktls_layout *layout,
                          const struct weir_keys *keys, enum weir_dir dir);

/* What the kernel tells of a direction that it carries. */
struct ktls_place {
    uint64_t seq, explicit_nonce;
};

/* Reads `len` bytes that the kernel gave; false: they are not of this version and layout. */
bool weir_ktls_info_read(const uint8_t *info, uint32_t len, uint16_t version,
                         const struct ktls_layout *layout, struct ktls_place *place);

#endif
