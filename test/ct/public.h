/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read before the sources of a provider: what they declare public is defined from there on.
 */
#ifndef WEIR_TEST_CT_PUBLIC_H
#define WEIR_TEST_CT_PUBLIC_H

#include <valgrind/memcheck.h>

#define WEIR_PORTABLE_PUBLIC(value) VALGRIND_MAKE_MEM_DEFINED(&(value), sizeof(value))
#define WEIR_IPSECMB_PUBLIC(value)  VALGRIND_MAKE_MEM_DEFINED(&(value), sizeof(value))

#endif
