/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The portable provider a second time, compiled as it is for a small core: for tests and fuzzing.
 */
#ifndef WEIR_TEST_PORTABLE_SHORT_H
#define WEIR_TEST_PORTABLE_SHORT_H

#include <weir/aead.h>

extern const struct weir_aead weir_aead_portable_short;

#endif
