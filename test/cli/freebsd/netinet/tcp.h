/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of FreeBSD's netinet/tcp.h that weir uses, by its documented names and numbers. */
#define TCP_TXTLS_ENABLE   39
#define TCP_TXTLS_MODE     40
#define TCP_RXTLS_ENABLE   41
#define TCP_RXTLS_MODE     42
#define TCP_TLS_MODE_NONE  0
#define TCP_TLS_MODE_SW    1
#define TCP_TLS_MODE_IFNET 2
#define TLS_GET_RECORD     2
