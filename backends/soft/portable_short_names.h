/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read before the sources of the portable provider, this gives everything in them names of its own.
 */
#ifndef WEIR_TEST_PORTABLE_SHORT_NAMES_H
#define WEIR_TEST_PORTABLE_SHORT_NAMES_H

#define weir_aead_portable       weir_aead_portable_short
#define weir_portable_aes_init   weir_short_aes_init
#define weir_portable_aes_ctr    weir_short_aes_ctr
#define weir_portable_ghash_init weir_short_ghash_init
#define weir_portable_ghash_add  weir_short_ghash_add

#endif
