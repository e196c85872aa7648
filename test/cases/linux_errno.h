/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Errno values of Linux, for tests that travel: the host's own where it is Linux, else those that
 * most of its architectures share.
 */
#ifndef WEIR_TEST_LINUX_ERRNO_H
#define WEIR_TEST_LINUX_ERRNO_H

#ifdef __linux__
#include <errno.h>
#else
#define EPERM       1
#define ENOENT      2
#define EINTR       4
#define EIO         5
#define EAGAIN      11
#define ENOMEM      12
#define EACCES      13
#define EFAULT      14
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
/* The kernel's own, which no header for programs has. */
#define KERNEL_ENOTSUPP 524

#endif
