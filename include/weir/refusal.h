/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Why something was not taken. A refusal is an answer, not an error: whatever was asked stays as it
 * was, and the caller may ask for something else.
 */
#ifndef WEIR_REFUSAL_H
#define WEIR_REFUSAL_H

#include "base.h"

/* X(name, name in lower case, text) */
#define WEIR_REFUSAL_LIST(X)                                                                       \
    X(NONE, "none", "not refused")                                                                 \
    X(UNKNOWN_NAME, "unknown_name", "no such backend or provider")                                 \
    X(NOT_BUILT, "not_built", "not part of this build")                                            \
    X(NOT_THIS_OS, "not_this_os", "not available on this operating system")                        \
    X(ABI, "abi", "built for another interface version of weir")                                   \
    X(FORM, "form", "does not carry records in the form asked for")                                \
    X(INSECURE, "insecure", "protects nothing; for tests only, and left out of release builds")    \
    X(VERSION, "version", "this protocol version is not carried")                                  \
    X(SUITE, "suite", "this cipher suite is not carried")                                          \
    X(NONCE_RULE, "nonce_rule", "the explicit nonces cannot be continued under this rule")         \
    X(POSITION, "position", "the position contradicts itself or leaves no record to use")          \
    X(SECRET, "secret", "the keys come without a traffic secret of the suite's length")            \
    X(KDF, "kdf", "no key derivation for this hash, so KeyUpdate cannot be followed")              \
    X(MEMORY, "memory", "the memory given is too small or not aligned")                            \
    X(PROVIDER, "provider", "the provider failed to take the key")                                 \
    X(NOT_PROVEN, "not_proven",                                                                    \
      "a record seen on the wire does not open with the keys taken over")                          \
    X(READ_AHEAD, "read_ahead", "the TLS library has read beyond the handshake")                   \
    X(NO_EXPORT, "no_export", "the TLS library does not give these keys away")                     \
    X(EPOCH, "epoch", "its meaning depends on a key that has been updated since")                  \
    X(LIBRARY, "library", "the TLS library cannot do this")                                        \
    X(EARLY_DATA, "early_data", "early data was sent, under a key that is not handed over")        \
    X(RENEGOTIATION, "renegotiation", "another handshake would change the keys that weir holds")   \
    X(NO_REKEY, "no_rekey", "cannot change the key, so a KeyUpdate would end the connection")      \
    X(NO_TAKE_BACK, "no_take_back", "does not give a connection back that it has once taken")      \
    X(BOUNDARY, "boundary", "part of a record of this direction is still on its way")              \
    X(RECORD_LIMIT, "record_limit", "does not keep to a record size below 16384 bytes")            \
    X(PADDING, "padding", "does not pad records")                                                  \
    X(NO_KTLS, "no_ktls", "the kernel has no TLS, or it is not loaded")                            \
    X(SWITCHED_OFF, "switched_off", "kernel TLS is switched off by a setting of this host")        \
    X(SOCKET, "socket", "not a connected TCP socket, or the connection is ending")                 \
    X(TAKEN, "taken", "the socket or this direction of it has been given to another before")       \
    X(RESOURCES, "resources", "not enough memory or table space for it now")                       \
    X(OS, "os", "the operating system refused; its error says why")                                \
    X(CPU, "cpu", "this processor lacks instructions that it needs")                               \
    X(KEYSTREAM, "keystream", "the provider cannot encrypt from the middle of a record")           \
    X(TCP_SEQ, "tcp_seq", "nobody said at which TCP sequence number it begins")                    \
    X(DEVICE, "device", "the card's firmware refused; its status says why")                        \
    X(NO_REPLY, "no_reply", "the card's firmware did not answer")                                  \
    X(STRADDLES, "straddles", "a segment that begins on one side of a boundary and ends beyond")   \
    X(PASSED, "passed", "a segment of records that were acknowledged")                             \
    X(AHEAD, "ahead", "a segment of bytes that no record was made of yet")                         \
    X(GONE, "gone", "the plaintext of a record is not there any more")                             \
    X(CHANGED, "changed", "the plaintext of a record is not what it was")

/** The reason, as a number; stable within one `abi`. */
typedef enum WEIR_ENUM weir_refusal_code {
#define WEIR_X(name, lower, text) WEIR_REFUSAL_##name,
    WEIR_REFUSAL_LIST(WEIR_X)
#undef WEIR_X
} weir_refusal_code;

/** Who refused. */
typedef enum WEIR_ENUM weir_layer {
    WEIR_LAYER_CORE,
    WEIR_LAYER_PROVIDER,
    WEIR_LAYER_BACKEND,
    WEIR_LAYER_BINDING,
    WEIR_LAYER_OS,
} weir_layer;

/**
 * A refusal: `os_error` is an errno value or 0, `detail` a number whose meaning the code gives
 * (0 when it gives none), `transient` whether asking again later can help.
 */
struct weir_refusal {
    weir_refusal_code code;
    weir_layer layer;
    int os_error;
    uint32_t detail;
    bool transient;
};

WEIR_BEGIN

#if WEIR_HAS_TEXTS
/** The name of a refusal code in lower case ("not_built"); "?" for a number that is none. Static.
 */
WEIR_API const char *weir_refusal_name(weir_refusal_code code);

/** One line for a human about a refusal code. Static. */
WEIR_API const char *weir_refusal_text(weir_refusal_code code);
#else
static inline const char *weir_refusal_name(weir_refusal_code code)
{
    (void)code;
    return "?";
}
static inline const char *weir_refusal_text(weir_refusal_code code)
{
    (void)code;
    return "?";
}
#endif

WEIR_END
#endif
