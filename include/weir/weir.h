/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * weir: the TLS record layer after the handshake. This header is all of libweir. The libraries
 * beside it have <weir/openssl.h>, <weir/mbedtls.h> and <weir/ipsecmb.h>, sockets have
 * <weir/posix.h>, and <weir/openssl_bio.h> is for programs that stay with SSL_read and SSL_write.
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
#include "handshake.h"
#include "kdf.h"
#include "keys.h"
#include "linux_ktls.h"
#include "mlx5_kmod.h"
#include "mlx5_rx.h"
#include "mlx5_tx.h"
#include "mlx5_wqe.h"
#include "portable.h"
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
