/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The error numbers that the Linux model answers with, under their usual names. On Linux they are
 * the host's. On any other host they are those of Linux's generic ABI
 * (include/uapi/asm-generic/errno.h and errno-base.h) in place of the host's: what runs on the
 * model expects Linux.
 */
#ifndef WEIR_SIM_LINUX_ERRNO_H
#define WEIR_SIM_LINUX_ERRNO_H

#include <errno.h>

#ifndef __linux__
#undef ENOENT
#undef EIO
#undef EAGAIN
#undef ENOMEM
#undef EBUSY
#undef EEXIST
#undef EINVAL
#undef EPIPE
#undef EBADMSG
#undef EMSGSIZE
#undef ENOPROTOOPT
#undef EOPNOTSUPP
#undef ECONNRESET
#undef ENOBUFS
#undef ENOTCONN
#undef ETIMEDOUT
#undef EKEYEXPIRED
#define ENOENT      2
#define EIO         5
#define EAGAIN      11
#define ENOMEM      12
#define EBUSY       16
#define EEXIST      17
#define EINVAL      22
#define EPIPE       32
#define EBADMSG     74
#define EMSGSIZE    90
#define ENOPROTOOPT 92
#define EOPNOTSUPP  95
#define ECONNRESET  104
#define ENOBUFS     105
#define ENOTCONN    107
#define ETIMEDOUT   110
#define EKEYEXPIRED 127
#endif

/** What Linux before 5.x let out of the kernel by mistake where it now says ENOTCONN or EINVAL. */
#define LINUX_ENOTSUPP 524

#endif
