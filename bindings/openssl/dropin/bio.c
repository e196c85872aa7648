/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The BIO itself: what OpenSSL and the application ask of it.
 */
#include "dropin.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* OpenSSL hands out types of BIOs at run time and for the life of the process; so this is written
 * once, before anybody reads it, and never again. */
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD *method;
static int method_type;

/* ---- answers ---- */

/* Puts the reason where a program looks for it after SSL_ERROR_SSL. */
static void explain(struct weir_dropin *d, enum weir_dir dir, weir_status status)
{
    weir_refusal_code why = d->side[dir].why.code;

    if (why != WEIR_REFUSAL_NONE)
        ERR_raise_data(ERR_LIB_USER, ERR_R_INTERNAL_ERROR, "weir: %s: %s", weir_status_text(status),
                       weir_refusal_text(why));
    else
        ERR_raise_data(ERR_LIB_USER, ERR_R_INTERNAL_ERROR, "weir: %s", weir_status_text(status));
}

/* errno for a receiving direction that is over: OpenSSL makes the alert of it, of which it knows
 * three in this way. */
static int errno_of(weir_status status)
{
    switch (weir_status_alert(status)) {
    case SSL_AD_RECORD_OVERFLOW:
        return EMSGSIZE;
    case SSL_AD_PROTOCOL_VERSION:
        return EINVAL;
    case SSL_AD_BAD_RECORD_MAC:
    case SSL_AD_UNEXPECTED_MESSAGE:
    case SSL_AD_DECODE_ERROR:
    case SSL_AD_ILLEGAL_PARAMETER:
        return EBADMSG; /* the peer is at fault and is told, if not of what */
    default:
        return EIO;
    }
}

/* ---- writing ---- */

static int write_plain(BIO *bio, struct weir_dropin *d, const char *data, int len)
{
    ssize_t n = send(d->fd, data, (size_t)len, MSG_NOSIGNAL);

    if (n < 0 && BIO_sock_non_fatal_error(errno))
        BIO_set_retry_write(bio);
    return (int)n;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct weir_dropin *d = BIO_get_data(bio);
    size_t taken = 0;

    BIO_clear_retry_flags(bio);
    if (d == NULL || data == NULL || len <= 0)
        return 0;
    if (!d->side[WEIR_TX].taken)
        return write_plain(bio, d, data, len);
    weir_status status = weir_dropin_send(d, d->typed ? d->type : WEIR_TYPE_DATA,
                                          (const uint8_t *)data, (size_t)len, &taken);
    if (status == WEIR_OK) {
        d->typed = false;
        return (int)taken;
    }
    if (status == WEIR_NEED_OUTPUT) {
        errno = EAGAIN;
        BIO_set_retry_write(bio);
    } else if (status != WEIR_E_IO) {
        explain(d, WEIR_TX, status);
    }
    return -1;
}

static int bio_puts(BIO *bio, const char *text)
{
    size_t len = strlen(text);

    return len <= INT_MAX ? bio_write(bio, text, (int)len) : -1;
}

/* ---- reading ---- */

static int read_plain(BIO *bio, struct weir_dropin *d, char *out, int len)
{
    ssize_t n = recv(d->fd, out, (size_t)len, 0);

    if (n < 0 && BIO_sock_non_fatal_error(errno))
        BIO_set_retry_read(bio);
    d->end_of_stream = n == 0;
    return (int)n;
}

static int bio_read(BIO *bio, char *out, int len)
{
    struct weir_dropin *d = BIO_get_data(bio);
    size_t got = 0;

    BIO_clear_retry_flags(bio);
    if (d == NULL || out == NULL || len <= 0)
        return 0;
    if (!d->side[WEIR_RX].taken)
        return read_plain(bio, d, out, len);
    weir_status status = weir_dropin_receive(d, (uint8_t *)out, (size_t)len, &got);
    if (status == WEIR_OK)
        return (int)got;
    if (status == WEIR_CLOSED) {
        d->end_of_stream = true;
        return 0;
    }
    if (status == WEIR_NEED_INPUT || status == WEIR_NEED_OUTPUT) {
        errno = EAGAIN;
        BIO_set_retry_read(bio);
        return -1;
    }
    if (status != WEIR_E_IO)
        explain(d, WEIR_RX, status);
    errno = errno_of(status);
    return -1;
}

/* ---- controls ---- */

/*
 * OpenSSL takes a BIO that says "kernel TLS sends" and has a descriptor for one where sendfile(2)
 * encrypts. Only a kernel does; with software the file would go out as it is. And whoever has the
 * descriptor then may send by it what weir never hears of.
 */
static long descriptor(struct weir_dropin *d, int *out)
{
    struct weir_refusal why;

    if (d->side[WEIR_TX].taken) {
        weir_status status = d->counts ? weir_tx_status(&d->tx) : weir_tx_bypass(&d->tx, &why);
        if (status < WEIR_OK || (status != WEIR_OK && !d->counts))
            return -1;
        d->lent += !d->counts;
    }
    if (out != NULL)
        *out = d->fd;
    return d->fd;
}

static long flush(BIO *bio, struct weir_dropin *d)
{
    BIO_clear_retry_flags(bio);
    if (!d->side[WEIR_TX].taken)
        return 1;
    weir_status status = weir_dropin_flush(d);
    if (status == WEIR_NEED_OUTPUT) {
        errno = EAGAIN;
        BIO_set_retry_write(bio);
    }
    return status == WEIR_OK ? 1 : -1;
}

static void next_type(struct weir_dropin *d, long type)
{
    d->typed = true;
    d->type = (uint8_t)type;
}

static long bio_ctrl(BIO *bio, int cmd, long number, void *pointer)
{
    struct weir_dropin *d = BIO_get_data(bio);

    if (d == NULL)
        return 0;
    switch (cmd) {
    case KTLS_SET_KEY:
        return pointer != NULL && weir_dropin_take(d, number != 0 ? WEIR_TX : WEIR_RX, pointer);
    case KTLS_GET_SEND:
        return d->side[WEIR_TX].taken;
    case KTLS_GET_RECV:
        return d->side[WEIR_RX].taken;
    case KTLS_NEXT_TYPE:
        next_type(d, number);
        return 0;
    case KTLS_NO_TYPE:
        d->typed = false;
        return 0;
    case BIO_C_GET_FD:
        return descriptor(d, pointer);
    case BIO_CTRL_FLUSH:
        return flush(bio, d);
    case BIO_CTRL_WPENDING:
        return (long)(d->tail - d->head);
    case BIO_CTRL_EOF:
        return d->end_of_stream;
    case BIO_CTRL_GET_CLOSE:
        return BIO_get_shutdown(bio);
    case BIO_CTRL_SET_CLOSE:
        BIO_set_shutdown(bio, (int)number);
        return 1;
    default:
        return 0;
    }
}

/* ---- making and freeing ---- */

static int bio_destroy(BIO *bio)
{
    struct weir_dropin *d = BIO_get_data(bio);

    if (d == NULL)
        return 1;
    weir_dropin_leave(d, WEIR_TX);
    weir_dropin_leave(d, WEIR_RX);
    weir_dropin_secret_free(d->secret);
    OPENSSL_clear_free(d->file.buf, WEIR_MAX_PLAINTEXT);
    if (BIO_get_shutdown(bio))
        (void)close(d->fd);
    OPENSSL_clear_free(d, sizeof *d);
    BIO_set_data(bio, NULL);
    return 1;
}

static void make_method(void)
{
    int index = BIO_get_new_index();

    if (index == -1)
        return;
    method_type = index | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR;
    BIO_METHOD *made = BIO_meth_new(method_type, "weir");
    if (made == NULL)
        return;
    if (BIO_meth_set_write(made, bio_write) == 1 && BIO_meth_set_read(made, bio_read) == 1 &&
        BIO_meth_set_puts(made, bio_puts) == 1 && BIO_meth_set_ctrl(made, bio_ctrl) == 1 &&
        BIO_meth_set_destroy(made, bio_destroy) == 1)
        method = made;
    else
        BIO_meth_free(made);
}

static bool configure(struct weir_dropin *d, const struct weir_openssl_bio_config *config)
{
    const struct weir_aead *aead = config->aead != NULL ? config->aead : &weir_aead_openssl;
    struct weir_refusal why = {
        .code = WEIR_REFUSAL_NO_EXPORT, .layer = WEIR_LAYER_BINDING, .transient = true};

    if (config->backend_count > WEIR_OPENSSL_BIO_BACKENDS ||
        weir_soft_init(&d->soft, aead, &d->side[WEIR_TX].why) != WEIR_OK)
        return false;
    d->backends = config->backends;
    d->backend_count = config->backend_count;
    d->policy = config->policy;
    d->limit = config->limit;
    (void)weir_dropin_known(&why);
    d->side[WEIR_TX].why = d->side[WEIR_RX].why = why;
    if (config->ssl == NULL)
        return true;
    d->secret = weir_dropin_secret_new(config->ssl);
    return d->secret != NULL;
}

BIO *weir_openssl_bio_new(int fd, const struct weir_openssl_bio_config *config)
{
    static const struct weir_openssl_bio_config nothing = {0};

    if (CRYPTO_THREAD_run_once(&method_once, make_method) != 1 || method == NULL)
        return NULL;
    BIO *bio = BIO_new(method);
    struct weir_dropin *d = OPENSSL_zalloc(sizeof *d);
    if (bio == NULL || d == NULL || !configure(d, config != NULL ? config : &nothing)) {
        OPENSSL_free(d);
        BIO_free(bio);
        return NULL;
    }
    d->fd = fd;
    BIO_set_data(bio, d);
    BIO_set_shutdown(bio, BIO_NOCLOSE);
    BIO_set_init(bio, 1);
    return bio;
}

struct weir_dropin *weir_dropin_of(BIO *bio)
{
    /* One of ours may lie below another, such as the one that buffers the handshake. */
    while (bio != NULL && (method == NULL || BIO_method_type(bio) != method_type))
        bio = BIO_next(bio);
    return bio == NULL ? NULL : BIO_get_data(bio);
}

/* ---- what the application asks ---- */

int weir_openssl_bio_fd(BIO *bio)
{
    const struct weir_dropin *d = weir_dropin_of(bio);

    return d == NULL ? -1 : d->fd;
}

const struct weir_backend *weir_openssl_bio_backend(BIO *bio, enum weir_dir dir)
{
    const struct weir_dropin *d = weir_dropin_of(bio);

    if (d == NULL || !d->side[dir].taken)
        return NULL;
    return dir == WEIR_TX ? weir_tx_backend(&d->tx) : weir_rx_backend(&d->rx);
}

struct weir_refusal weir_openssl_bio_refusal(BIO *bio, enum weir_dir dir)
{
    const struct weir_dropin *d = weir_dropin_of(bio);
    const struct weir_refusal none = {.code = WEIR_REFUSAL_UNKNOWN_NAME,
                                      .layer = WEIR_LAYER_BINDING};

    return d == NULL ? none : d->side[dir].why;
}

const struct weir_refusal *weir_openssl_bio_passed(BIO *bio, enum weir_dir dir, size_t *count)
{
    const struct weir_dropin *d = weir_dropin_of(bio);

    *count = d == NULL ? 0 : d->side[dir].passed_count;
    return *count == 0 ? NULL : d->side[dir].passed;
}

const struct weir_tx *weir_openssl_bio_tx(BIO *bio)
{
    const struct weir_dropin *d = weir_dropin_of(bio);

    return d == NULL || !d->side[WEIR_TX].taken ? NULL : &d->tx;
}

const struct weir_rx *weir_openssl_bio_rx(BIO *bio)
{
    const struct weir_dropin *d = weir_dropin_of(bio);

    return d == NULL || !d->side[WEIR_RX].taken ? NULL : &d->rx;
}
