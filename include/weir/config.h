/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What this build of weir has. A part that is left out costs nothing: its functions are neither
 * declared nor defined, its members of structs are gone, and where it can be asked for at run time
 * it is refused by name.
 *
 * Meson writes a file of this name from the options of these names, for the build and beside the
 * installed headers, so that a program sees the library that it is linked to. Who compiles core
 * without meson sets the macros for library and program alike (-DWEIR_HAS_TLS12=0).
 */
#ifndef WEIR_CONFIG_H
#define WEIR_CONFIG_H

/** TLS 1.2. Without: its suites are unknown, its keys are WEIR_REFUSAL_VERSION. */
#ifndef WEIR_HAS_TLS12
#define WEIR_HAS_TLS12 1
#endif

/** TLS 1.3, KeyUpdate and key derivation with it. Without: as for TLS 1.2. */
#ifndef WEIR_HAS_TLS13
#define WEIR_HAS_TLS13 1
#endif

/**
 * Directions that move between backends, and backends that do not seal records for weir
 * (WEIR_FORM_STREAM) or work by commands: those are WEIR_REFUSAL_FORM without.
 */
#ifndef WEIR_HAS_OFFLOAD
#define WEIR_HAS_OFFLOAD 1
#endif

/** Keys and position given back, and taken to go on with the counters (weir_tx_export). */
#ifndef WEIR_HAS_EXPORT
#define WEIR_HAS_EXPORT 1
#endif

/** What works on TCP segments: weir/seqmap.h and the work-queue entries of weir/mlx5_wqe.h. */
#ifndef WEIR_HAS_PACKET
#define WEIR_HAS_PACKET 1
#endif

/** Names and lines for humans: of statuses, refusals, alerts, suites and algorithms. */
#ifndef WEIR_HAS_TEXTS
#define WEIR_HAS_TEXTS 1
#endif

#if !WEIR_HAS_TLS12 && !WEIR_HAS_TLS13
#error "weir without any version of TLS"
#endif

#endif
