/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What every other header needs: the parts of this build, visibility, byte ranges, directions and
 * protocol versions.
 */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not by quotes: what meson has written for this build comes before what lies beside this file. */
#include <weir/config.h>

#ifdef __cplusplus
#define WEIR_BEGIN extern "C" {
#define WEIR_END   }
#else
#define WEIR_BEGIN
#define WEIR_END
#endif

#if defined(__GNUC__)
#define WEIR_API        __attribute__((visibility("default")))
#define WEIR_MUST_CHECK __attribute__((warn_unused_result))
#else
#define WEIR_API
#define WEIR_MUST_CHECK
#endif

/**
 * What stands behind `enum` in these headers: as wide as int, also where -fshort-enums is the rule
 * (the ABI of Arm without an operating system), so that a program and a library of different
 * settings understand each other, and a backend's answer outside of weir_status arrives as it was
 * given. A compiler without this attribute must be told to make its enums ints.
 */
#if defined(__GNUC__)
#define WEIR_ENUM __attribute__((mode(SI)))
#else
#define WEIR_ENUM
#endif

/*
 * Without moves directions and sessions are smaller. Each function that makes one has another name
 * then: a program that was compiled for the one does not link, or load, with a library of the
 * other, which would write beyond the program's memory.
 */
#if !WEIR_HAS_OFFLOAD
#define weir_tx_init      weir_tx_init_without_offload
#define weir_tx_import    weir_tx_import_without_offload
#define weir_rx_init      weir_rx_init_without_offload
#define weir_rx_import    weir_rx_import_without_offload
#define weir_session_init weir_session_init_without_offload
#endif

/** Versions as TLS writes them: the value of ProtocolVersion (RFC 8446 section 4.1.2). */
#define WEIR_TLS12 0x0303u
#define WEIR_TLS13 0x0304u

/** ContentType (RFC 8446 section 5.1). Any other value never passes weir. */
enum WEIR_ENUM weir_type {
    WEIR_TYPE_CHANGE_CIPHER_SPEC = 20,
    WEIR_TYPE_ALERT = 21,
    WEIR_TYPE_HANDSHAKE = 22,
    WEIR_TYPE_DATA = 23,
};

/** The direction of a connection, seen from this end. */
enum WEIR_ENUM weir_dir { WEIR_TX = 0, WEIR_RX = 1 };

/** A range of bytes that is only read. `len` in bytes; `base` may be NULL when `len` is 0. */
struct weir_iov {
    const uint8_t *base;
    size_t len;
};

#endif
