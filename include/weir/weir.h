/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * weir: the TLS record layer after the handshake. This header is all of core; the TLS libraries
 * have <weir/openssl.h> and <weir/mbedtls.h>, sockets have <weir/posix.h>.
 *
 * Order of reading: status.h, keys.h, tx.h, rx.h, session.h; then backend.h and aead.h for those
 * who bring their own.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include "aead.h"
#include "backend.h"
#include "base.h"
#include "cmd.h"
#include "kdf.h"
#include "keys.h"
#include "linux_ktls.h"
#include "mlx5_kmod.h"
#include "mlx5_wqe.h"
#include "record.h"
#include "refusal.h"
#include "rx.h"
#include "rx_marked.h"
#include "seqmap.h"
#include "session.h"
#include "soft.h"
#include "soft_cache.h"
#include "status.h"
#include "suite.h"
#include "tx.h"

#endif
