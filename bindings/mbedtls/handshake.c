/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handshake: mbedTLS on memory, one record at a time.
 */
#include "internal.h"

#include <limits.h>
#include <mbedtls/error.h>
#include <stdio.h>
#include <string.h>

void weir_mbedtls_note_error(struct mbedtls_binding *b, const char *what, int code)
{
    char text[128];

    mbedtls_strerror(code, text, sizeof text);
    (void)snprintf(b->error, sizeof b->error, "%s: %s (-0x%04x)", what, text,
                   (unsigned)(code < 0 ? -code : 0));
}

/* Shows the tap what goes to the peer. */
static void tap_output(struct mbedtls_binding *b, const uint8_t *data, size_t len)
{
    for (size_t seen = 0; seen < len;)
        seen += weir_tap_see(b->tap, WEIR_TX, data + seen, len - seen);
}

static int send_bytes(void *binding, const unsigned char *data, size_t len)
{
    struct mbedtls_binding *b = binding;
    bool loop = b->stage == STAGE_TAKEN;

    if (len > INT_MAX || !weir_mbedtls_queue_add(loop ? &b->loop_out : &b->to_peer, data, len))
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    if (!loop)
        tap_output(b, data, len);
    return (int)len;
}

static int receive_bytes(void *binding, unsigned char *data, size_t len)
{
    struct mbedtls_binding *b = binding;
    size_t here = len < b->feed_len ? len : b->feed_len;

    if (here == 0) {
        b->starved = true;
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    memcpy(data, b->feed, here);
    b->feed += here;
    b->feed_len -= here;
    return (int)here;
}

void weir_mbedtls_feed(struct mbedtls_binding *b, const uint8_t *data, size_t len)
{
    b->feed = data;
    b->feed_len = len;
    b->starved = false;
}

/* What is wrong with the certificate, in one line; mbedTLS gives each reason a line of its own. */
static void note_verification(struct mbedtls_binding *b)
{
    static const char title[] = "certificate verification failed:";
    size_t at = sizeof title - 1;

    memcpy(b->error, title, sizeof title);
    int n = mbedtls_x509_crt_verify_info(b->error + at, sizeof b->error - at, " ",
                                         mbedtls_ssl_get_verify_result(b->ssl));
    for (char *c = b->error + at; n > 0 && *c != '\0'; c++) {
        if (*c == '\n')
            *c = c[1] == '\0' ? '\0' : ';';
    }
}

static weir_status fail(struct mbedtls_binding *b, const char *what, int code)
{
    b->stage = STAGE_FAILED;
    if (code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
        note_verification(b);
    else
        weir_mbedtls_note_error(b, what, code);
    return WEIR_E_HANDSHAKE;
}

static void complete(struct mbedtls_binding *b)
{
    uint16_t version = 0, suite = 0;

    b->hs.chosen(&b->hs, &version, &suite);
    b->limit[WEIR_TX] = weir_mbedtls_out_limit(b->ssl, version);
    b->limit[WEIR_RX] = WEIR_MAX_PLAINTEXT;
    if (b->tap->fragment_limit > 0) {
        b->limit[WEIR_RX] = b->tap->fragment_limit;
        if (b->limit[WEIR_TX] > b->tap->fragment_limit)
            b->limit[WEIR_TX] = b->tap->fragment_limit;
    }
    b->stage = STAGE_COMPLETE;
}

/* Offers the library the rest of one record at most, so that it cannot read ahead. */
static void feed_record(struct mbedtls_binding *b, const uint8_t *in, size_t len, size_t *consumed)
{
    size_t here = weir_tap_see(b->tap, WEIR_RX, in + *consumed, len - *consumed);

    weir_mbedtls_feed(b, in + *consumed, here);
    *consumed += here;
}

static weir_status drive(struct weir_handshake *hs, const uint8_t *in, size_t len, size_t *consumed)
{
    struct mbedtls_binding *b = mbedtls_inside(hs);

    *consumed = 0;
    if (b->stage == STAGE_FAILED)
        return WEIR_E_HANDSHAKE;
    if (b->stage != STAGE_HANDSHAKE)
        return b->stage == STAGE_COMPLETE ? WEIR_OK : WEIR_E_MISUSE;
    weir_mbedtls_feed(b, NULL, 0);
    for (unsigned pauses = 0;;) {
        int result = mbedtls_ssl_handshake(b->ssl);

        /* It reads records as a whole, and never stops in the middle of one. */
        if (b->feed_len > 0)
            return fail(b, "handshake", result);
        switch (result) {
        case 0:
            complete(b);
            return WEIR_OK;
        case MBEDTLS_ERR_SSL_WANT_READ:
            /* 3.x says so between two messages of one record, too. A second time in a row it is a
             * callback of the application that suspended the handshake. */
            if (!b->starved && pauses++ == 0)
                break;
            if (!b->starved || *consumed == len)
                return WEIR_NEED_INPUT;
            feed_record(b, in, len, consumed);
            pauses = 0;
            break;
        case MBEDTLS_ERR_SSL_CRYPTO_IN_PROGRESS:
            break; /* a slice of a long computation is done; the next one */
        case MBEDTLS_ERR_SSL_ASYNC_IN_PROGRESS:
            return WEIR_NEED_INPUT; /* a callback, as above */
        default:
            return fail(b, "handshake", result);
        }
    }
}

static void output(struct weir_handshake *hs, const uint8_t **data, size_t *len)
{
    const struct mbedtls_queue *queue = &mbedtls_inside(hs)->to_peer;

    *len = mbedtls_queue_len(queue);
    *data = *len > 0 ? queue->data + queue->start : NULL;
}

static void output_taken(struct weir_handshake *hs, size_t len)
{
    weir_mbedtls_queue_drop(&mbedtls_inside(hs)->to_peer, len);
}

static void epochs(struct weir_handshake *hs, uint16_t tx, uint16_t rx)
{
    weir_loop_epochs(&mbedtls_inside(hs)->loop, tx, rx);
}

static const char *error(struct weir_handshake *hs)
{
    return mbedtls_inside(hs)->error;
}

static void chosen(struct weir_handshake *hs, uint16_t *version, uint16_t *suite)
{
    const mbedtls_ssl_context *ssl = mbedtls_inside(hs)->ssl;
    const char *name = mbedtls_ssl_get_ciphersuite(ssl);
    static const struct {
        const char *name;
        uint16_t version;
    } versions[] = {
        {"TLSv1.0", 0x0301}, {"TLSv1.1", 0x0302}, {"TLSv1.2", WEIR_TLS12}, {"TLSv1.3", WEIR_TLS13}};

    *suite = name == NULL ? 0 : (uint16_t)mbedtls_ssl_get_ciphersuite_id(name);
    *version = 0;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        if (strcmp(mbedtls_ssl_get_version(ssl), versions[i].name) == 0)
            *version = versions[i].version;
    }
}

static size_t record_limit(struct weir_handshake *hs, enum weir_dir dir)
{
    return mbedtls_inside(hs)->limit[dir];
}

static void release(struct weir_handshake *hs)
{
    struct mbedtls_binding *b = mbedtls_inside(hs);
    uint8_t *messages = b->loop.messages;

    weir_mbedtls_listen(b->ssl, NULL);
    mbedtls_ssl_set_bio(b->ssl, NULL, NULL, NULL, NULL);
    weir_mbedtls_queue_free(&b->to_peer);
    weir_mbedtls_queue_free(&b->loop_out);
    if (b->tap != NULL)
        weir_tap_wipe(b->tap);
    mbedtls_free(b->tap);
    weir_loop_wipe(&b->loop);
    mbedtls_free(messages);
    mbedtls_free(b->once.ctx);
    weir_wipe(b, sizeof *b);
    mbedtls_free(b);
}

unsigned weir_mbedtls_tickets(const struct weir_handshake *handshake)
{
    return ((const struct mbedtls_binding *)(const void *)handshake)->tickets;
}

static struct weir_handshake *refuse(struct weir_refusal *why, weir_refusal_code code)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BINDING};
    return NULL;
}

static void attach(struct mbedtls_binding *b)
{
    weir_tap_init(b->tap, &b->once, &weir_kdf_mbedtls, b->hs.server);
    weir_mbedtls_listen(b->ssl, b);
    mbedtls_ssl_set_bio(b->ssl, b, send_bytes, receive_bytes, NULL);
}

struct weir_handshake *weir_mbedtls_handshake(mbedtls_ssl_context *ssl, struct weir_refusal *why)
{
    weir_refusal_code code = weir_mbedtls_judge(ssl);

    if (code != WEIR_REFUSAL_NONE)
        return refuse(why, code);
    struct mbedtls_binding *b = mbedtls_calloc(1, sizeof *b);
    if (b == NULL)
        return refuse(why, WEIR_REFUSAL_MEMORY);
    b->ssl = ssl;
    b->limit[WEIR_TX] = b->limit[WEIR_RX] = WEIR_MAX_PLAINTEXT;
    b->owed_alert = WEIR_ALERT_NONE;
    b->hs = (struct weir_handshake){
        .abi = WEIR_HANDSHAKE_ABI,
        .library = "mbedtls",
        .server = weir_mbedtls_is_server(ssl),
        .drive = drive,
        .output = output,
        .output_taken = output_taken,
        .take_keys = weir_mbedtls_take_keys,
        .deliver = weir_mbedtls_deliver,
        .collect = weir_mbedtls_collect,
        .epochs = epochs,
        .kdf = &weir_kdf_mbedtls,
        .error = error,
        .chosen = chosen,
        .record_limit = record_limit,
        .release = release,
    };
    if (weir_soft_init(&b->once.soft, &weir_aead_mbedtls, why) == WEIR_OK) {
        b->once.ctx = mbedtls_calloc(1, b->once.soft.backend.ctx_size);
        b->tap = mbedtls_calloc(1, sizeof *b->tap);
    }
    if (b->once.ctx == NULL || b->tap == NULL) {
        release(&b->hs);
        return refuse(why, WEIR_REFUSAL_MEMORY);
    }
    attach(b);
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_BINDING};
    return &b->hs;
}
