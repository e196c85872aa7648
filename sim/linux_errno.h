/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The error numbers that the Linux model answers with: the host's own symbols. Where a host has not
 * all of them, the numbers of Linux's generic ABI (include/uapi/asm-generic/errno.h) stand in.
 */
#ifndef WEIR_SIM_LINUX_ERRNO_H
#define WEIR_SIM_LINUX_ERRNO_H

#include <errno.h>

#ifndef EBADMSG
#define EBADMSG 74
#endif
#ifndef EKEYEXPIRED
#define EKEYEXPIRED 127
#endif

/** What Linux before 5.x let out of the kernel by mistake where it now says ENOTCONN or EINVAL. */
#define LINUX_ENOTSUPP 524

#endif
