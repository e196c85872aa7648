/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * How a test learns the keys of an mbedTLS connection.
 */
#ifndef TEST_BINDING_MBED_KEYS_H
#define TEST_BINDING_MBED_KEYS_H

#include "mbed.h"

/* Listens to what `side` exports: before its context is set up, and once its transport is. */
void mbed_listen_conf(struct mbed_side *side);
void mbed_listen_ssl(struct mbed_side *side);

#endif
