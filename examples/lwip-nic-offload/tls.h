/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TLS library, for both ends: on ours weir shakes hands with it and then takes the keys; on the
 * peer's it is all there is. Both know a key beforehand (PSK), which keeps certificates out of an
 * example that is not about them.
 */
#ifndef EXAMPLE_TLS_H
#define EXAMPLE_TLS_H

#include <weir/handshake.h>

/* What both ends agree on. */
struct tls_choice {
    bool server;
    bool tls13;
    bool long_key;      /* AES-256-GCM instead of AES-128-GCM */
    uint64_t seed;      /* of all that the library draws */
    const char *keylog; /* file for what tshark takes to decrypt; NULL: none. OpenSSL's alone */
};

struct tls;

struct tls_library {
    const char *name;
    bool tls13; /* whether it speaks it */
    const struct weir_aead *aead;
    /* Never NULL: what cannot be made ends the program. */
    struct tls *(*open)(const struct tls_choice *choice);
    void (*close)(struct tls *tls);

    /* Our end: the binding of weir, released by the caller before close. */
    struct weir_handshake *(*handshake)(struct tls *tls);

    /*
     * The peer's end: bytes from the transport, in any pieces; goes as far as it can. Then `read`
     * gives what was in them, and `output` what is to go out. `ended`: close_notify came. `failed`:
     * why it is over, NULL while it is not.
     */
    void (*input)(struct tls *tls, const uint8_t *bytes, size_t len);
    bool (*up)(const struct tls *tls);
    size_t (*read)(struct tls *tls, uint8_t *out, size_t len);
    void (*write)(struct tls *tls, const uint8_t *data, size_t len);
    /* TLS 1.3: a KeyUpdate, which with `request` asks for one of the other end. NULL: cannot. */
    void (*key_update)(struct tls *tls, bool request);
    void (*close_notify)(struct tls *tls);
    bool (*ended)(const struct tls *tls);
    const char *(*failed)(const struct tls *tls);
    size_t (*output)(struct tls *tls, uint8_t *out, size_t len);
};

/* Those that weir was built with, NULL behind the last. */
extern const struct tls_library *const tls_libraries[];
extern const struct tls_library tls_library_openssl, tls_library_mbedtls;

#define TLS_PSK_NAME "weir"
extern const uint8_t tls_psk[32];

#endif
