/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handshake: OpenSSL on memory BIOs, one record at a time.
 */
#include "internal.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>

void weir_openssl_note_error(struct openssl_binding *b, const char *otherwise)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    long verify = SSL_get_verify_result(b->ssl);

    if (reason == NULL)
        reason = otherwise;
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED && verify != X509_V_OK)
        (void)snprintf(b->error, sizeof b->error, "%s: %s", reason,
                       X509_verify_cert_error_string(verify));
    else
        (void)snprintf(b->error, sizeof b->error, "%s", reason);
}

BIO *weir_openssl_memory_bio(void)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio != NULL)
        (void)BIO_set_mem_eof_return(bio, -1);
    return bio;
}

/* Shows the tap what the library has written since. */
static void tap_output(struct openssl_binding *b)
{
    char *data = NULL;
    size_t len = (size_t)BIO_get_mem_data(b->to_peer, &data);

    while (b->tapped < len)
        b->tapped +=
            weir_tap_see(b->tap, WEIR_TX, (const uint8_t *)data + b->tapped, len - b->tapped);
}

/*
 * Gives the library at most the rest of one record. It never gets the next one before it asked for
 * it, so at the end of the handshake it holds nothing that belongs to weir.
 */
static bool feed(struct openssl_binding *b, const uint8_t *in, size_t len, size_t *consumed)
{
    size_t n = weir_tap_see(b->tap, WEIR_RX, in + *consumed, len - *consumed);

    b->fed = true;
    if (BIO_write(b->from_peer, in + *consumed, (int)n) != (int)n)
        return false;
    *consumed += n;
    return true;
}

static weir_status fail(struct openssl_binding *b, const char *otherwise)
{
    b->stage = STAGE_FAILED;
    weir_openssl_note_error(b, otherwise);
    return WEIR_E_HANDSHAKE;
}

/*
 * OpenSSL still understands the ClientHello of SSL 2, which is no record (RFC 5246 appendix E.2)
 * and so could not be fed as one. RFC 8446 appendix D.5 forbids to accept it.
 */
static bool is_ssl2_hello(const struct openssl_binding *b, const uint8_t *in, size_t len)
{
    return b->hs.server && len > 0 && !b->fed && (in[0] & 0x80) != 0;
}

static weir_status drive(struct weir_handshake *hs, const uint8_t *in, size_t len, size_t *consumed)
{
    struct openssl_binding *b = openssl_inside(hs);

    *consumed = 0;
    if (b->stage == STAGE_FAILED)
        return WEIR_E_HANDSHAKE;
    if (b->stage != STAGE_HANDSHAKE)
        return b->stage == STAGE_COMPLETE ? WEIR_OK : WEIR_E_MISUSE;
    ERR_clear_error();
    if (is_ssl2_hello(b, in, len))
        return fail(b, "SSL 2 ClientHello");
    for (;;) {
        int result = SSL_do_handshake(b->ssl);
        tap_output(b);
        if (result == 1) {
            b->stage = STAGE_COMPLETE;
            return WEIR_OK;
        }
        switch (SSL_get_error(b->ssl, result)) {
        case SSL_ERROR_WANT_READ:
            if (*consumed == len)
                return WEIR_NEED_INPUT;
            if (!feed(b, in, len, consumed))
                return fail(b, "out of memory");
            break;
        case SSL_ERROR_WANT_X509_LOOKUP:
        case SSL_ERROR_WANT_ASYNC:
        case SSL_ERROR_WANT_ASYNC_JOB:
        case SSL_ERROR_WANT_CLIENT_HELLO_CB:
        case SSL_ERROR_WANT_RETRY_VERIFY:
            /* A callback of the application suspended the handshake. */
            return WEIR_NEED_INPUT;
        case SSL_ERROR_ZERO_RETURN:
            return fail(b, "the peer sent close_notify");
        default:
            return fail(b, "the handshake failed");
        }
    }
}

static void output(struct weir_handshake *hs, const uint8_t **data, size_t *len)
{
    struct openssl_binding *b = openssl_inside(hs);
    char *bytes = NULL;

    *len = b->to_peer != NULL ? (size_t)BIO_get_mem_data(b->to_peer, &bytes) : 0;
    *data = (const uint8_t *)bytes;
}

static void output_taken(struct weir_handshake *hs, size_t len)
{
    struct openssl_binding *b = openssl_inside(hs);
    uint8_t gone[1024];

    if (b->to_peer == NULL)
        return;
    /* The application may have called the library itself since drive, and made it write. */
    tap_output(b);
    while (len > 0) {
        int n = BIO_read(b->to_peer, gone, (int)(len < sizeof gone ? len : sizeof gone));
        if (n <= 0)
            return;
        len -= (size_t)n;
        b->tapped -= (size_t)n;
    }
}

static void epochs(struct weir_handshake *hs, uint16_t tx, uint16_t rx)
{
    weir_loop_epochs(&openssl_inside(hs)->loop, tx, rx);
}

static const char *error(struct weir_handshake *hs)
{
    return openssl_inside(hs)->error;
}

static void chosen(struct weir_handshake *hs, uint16_t *version, uint16_t *suite)
{
    const SSL *ssl = openssl_inside(hs)->ssl;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);

    *version = (uint16_t)SSL_version(ssl);
    *suite = cipher != NULL ? SSL_CIPHER_get_protocol_id(cipher) : 0;
}

/* RFC 6066 section 4: 1 to 4 stand for 2^9 to 2^12. */
static size_t record_limit(struct weir_handshake *hs, enum weir_dir dir)
{
    (void)dir; /* RFC 6066: one limit for both */
    const SSL_SESSION *session = SSL_get_session(openssl_inside(hs)->ssl);
    unsigned code = session != NULL ? SSL_SESSION_get_max_fragment_length(session) : 0;

    return code >= 1 && code <= 4 ? (size_t)256 << code : WEIR_MAX_PLAINTEXT;
}

static void release(struct weir_handshake *hs)
{
    struct openssl_binding *b = openssl_inside(hs);

    (void)weir_openssl_listen(b->ssl, NULL);
    SSL_set0_rbio(b->ssl, NULL);
    SSL_set0_wbio(b->ssl, NULL);
    BIO_free(b->from_peer);
    BIO_free(b->to_peer);
    BIO_free(b->loop_in);
    BIO_free(b->loop_out);
    OPENSSL_clear_free(b->tap, sizeof *b->tap);
    uint8_t *messages = b->loop.messages;
    weir_loop_wipe(&b->loop);
    OPENSSL_free(messages);
    OPENSSL_free(b->once.ctx);
    SSL_free(b->ssl);
    OPENSSL_clear_free(b, sizeof *b);
}

static struct weir_handshake *refuse(struct weir_refusal *why, weir_refusal_code code)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BINDING};
    return NULL;
}

/* What `ssl` itself has against it; WEIR_REFUSAL_NONE: nothing. */
static weir_refusal_code judge(const SSL *ssl)
{
    if (SSL_is_dtls(ssl))
        return WEIR_REFUSAL_VERSION;
    if (SSL_in_before(ssl))
        return WEIR_REFUSAL_NONE;
    /* Begun elsewhere. There is no getter for sequence numbers, nor for secrets of TLS 1.3. */
    return SSL_has_pending(ssl) ? WEIR_REFUSAL_READ_AHEAD : WEIR_REFUSAL_NO_EXPORT;
}

/* What the key log tells of this connection. */
static void hear(struct weir_openssl_listener *listener, const SSL *ssl,
                 const struct weir_openssl_heard *heard)
{
    struct openssl_binding *b =
        (void *)((char *)listener - offsetof(struct openssl_binding, listener));
    enum weir_dir dir = heard->of_server == b->hs.server ? WEIR_TX : WEIR_RX;

    (void)ssl;
    if (b->tap != NULL)
        weir_tap_secret(b->tap, dir, heard->which, heard->secret, heard->len);
}

/* Everything that can fail; what was made before a failure hangs on `b`. */
static bool allocate(struct openssl_binding *b)
{
    size_t ctx_size = b->once.soft.backend.ctx_size;

    b->listener.hear = hear;
    b->once.ctx = OPENSSL_malloc(ctx_size);
    b->tap = OPENSSL_malloc(sizeof *b->tap);
    b->from_peer = weir_openssl_memory_bio();
    b->to_peer = weir_openssl_memory_bio();
    b->loop_in = weir_openssl_memory_bio();
    b->loop_out = weir_openssl_memory_bio();
    return b->once.ctx != NULL && b->tap != NULL && b->from_peer != NULL && b->to_peer != NULL &&
           b->loop_in != NULL && b->loop_out != NULL &&
           weir_openssl_prepare(SSL_get_SSL_CTX(b->ssl)) &&
           weir_openssl_listen(b->ssl, &b->listener);
}

static void attach(struct openssl_binding *b)
{
    BIO_up_ref(b->from_peer);
    BIO_up_ref(b->to_peer);
    SSL_set0_rbio(b->ssl, b->from_peer);
    SSL_set0_wbio(b->ssl, b->to_peer);
    /* Records weir could not carry on, and a second handshake it could not follow. */
    (void)SSL_set_options(b->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    weir_tap_init(b->tap, &b->once, &weir_kdf_openssl, b->hs.server);
}

struct weir_handshake *weir_openssl_handshake(SSL *ssl, struct weir_refusal *why)
{
    weir_refusal_code code = judge(ssl);

    if (code != WEIR_REFUSAL_NONE)
        return refuse(why, code);
    struct openssl_binding *b = OPENSSL_zalloc(sizeof *b);
    if (b == NULL || SSL_up_ref(ssl) != 1) {
        OPENSSL_free(b);
        return refuse(why, WEIR_REFUSAL_MEMORY);
    }
    b->ssl = ssl;
    b->hs = (struct weir_handshake){
        .abi = WEIR_HANDSHAKE_ABI,
        .library = "openssl",
        .server = SSL_is_server(ssl) == 1,
        .drive = drive,
        .output = output,
        .output_taken = output_taken,
        .take_keys = weir_openssl_take_keys,
        .deliver = weir_openssl_deliver,
        .collect = weir_openssl_collect,
        .epochs = epochs,
        .kdf = &weir_kdf_openssl,
        .error = error,
        .chosen = chosen,
        .record_limit = record_limit,
        .release = release,
    };
    if (weir_soft_init(&b->once.soft, &weir_aead_openssl, why) != WEIR_OK || !allocate(b)) {
        release(&b->hs);
        return refuse(why, WEIR_REFUSAL_MEMORY);
    }
    attach(b);
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_BINDING};
    return &b->hs;
}
