/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The keys of a connection as one message, from the host that shook hands to the image that takes
 * over. All numbers big-endian:
 *
 *       0    4  "weir"
 *       4    1  layout, 1
 *       5    1  the image's end: 0 client, 1 server
 *       6    2  most plaintext bytes in a record that the image sends, 1 to 16384
 *       8    2  most plaintext bytes in a record that it receives, 64 to 16384
 *      10    2  version, as TLS writes it
 *      12    2  suite, its IANA number
 *      14    1  bytes of the traffic secret: 32 or 48; 0 for TLS 1.2
 *      15    1  0
 *      16  120  keys to send with
 *     136  120  keys to receive with
 *     256   32  HMAC-SHA-256 of all before it, with the key "weir firmware-echo"
 *
 * Keys of a direction:
 *
 *       0   32  write key, zeros behind it
 *      32   12  static IV; TLS 1.2: salt, zeros behind it
 *      44   48  traffic secret, zeros behind it
 *      92    8  sequence number of the next record
 *     100    8  explicit nonce of the next record (TLS 1.2, sending), or 0
 *     108    8  AEAD blocks protected so far
 *     116    2  KeyUpdates so far
 *     118    1  weir_nonce_rule
 *     119    1  0
 *
 * The HMAC has a known key: it finds damage, it does not keep anybody out. Keys go over this line
 * in the clear, so it has to be one that nobody listens on, such as traces of a board.
 */
#ifndef FIRMWARE_ECHO_PROVISION_H
#define FIRMWARE_ECHO_PROVISION_H

#include <weir/keys.h>

#define PROVISION_LEN 288u

/** What the message says. Secret. */
struct provision {
    bool server;
    uint16_t tx_limit, rx_limit;
    struct weir_keys tx, rx;
};

/** Writes the message. False: the keys cannot be put in one (versions or suites that differ, a
 * position that is not exact), or `kdf` failed; `out` is wiped. */
bool provision_encode(const struct provision *from, const struct weir_kdf *kdf,
                      uint8_t out[PROVISION_LEN]);

/**
 * Reads the message. WEIR_OK. WEIR_E_AUTH: damaged. WEIR_E_VERSION: another layout. WEIR_E_PARAM: a
 * value that it cannot have. WEIR_E_PROVIDER. `to` is wiped unless WEIR_OK. Whether version, suite
 * and position are such as can be gone on with is for weir_tx_init and weir_rx_init to say.
 */
weir_status provision_decode(struct provision *to, const struct weir_kdf *kdf,
                             const uint8_t in[PROVISION_LEN]);

#endif
