/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of FreeBSD's sys/sockio.h that weir uses, by its documented names and numbers. */
#define SIOCGIFCAP   0xc020691fu
#define SIOCGIFCAPNV 0xc020699cu
