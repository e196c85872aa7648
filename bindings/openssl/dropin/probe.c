/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe.h"

#include <openssl/crypto.h>
#include <string.h>

/* Written once, as that of bio.c. */
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD *method;

static bool put(struct probe_queue *q, const void *data, size_t len)
{
    if (len > sizeof q->bytes - q->tail)
        return false;
    memcpy(q->bytes + q->tail, data, len);
    q->tail += len;
    return true;
}

/* Content, as a record that nothing protects. */
static int write_record(struct probe *p, const char *data, size_t len)
{
    const uint8_t type = p->typed ? p->type : WEIR_TYPE_DATA;
    const uint8_t header[WEIR_HEADER_LEN] = {type, 3, 3, (uint8_t)(len >> 8), (uint8_t)len};

    p->typed = false;
    p->records++;
    p->last_type = type;
    p->last_len = len;
    memcpy(p->last, data, len < sizeof p->last ? len : sizeof p->last);
    if (len > sizeof p->last || !put(p->out, header, sizeof header) || !put(p->out, data, len))
        return -1;
    return (int)len;
}

static int probe_write(BIO *bio, const char *data, int len)
{
    struct probe *p = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (len <= 0)
        return 0;
    if (p->taken[WEIR_TX])
        return write_record(p, data, (size_t)len);
    return put(p->out, data, (size_t)len) ? len : -1;
}

/* As much as was asked for, but of a direction that was taken a whole record. */
static size_t portion(const struct probe *p, size_t cap)
{
    const struct probe_queue *q = p->in;
    size_t len = q->tail - q->head;

    if (p->taken[WEIR_RX] && len >= WEIR_HEADER_LEN) {
        const uint8_t *header = q->bytes + q->head;
        size_t record = WEIR_HEADER_LEN + ((size_t)header[3] << 8 | header[4]);
        len = record < len ? record : len;
    }
    return len < cap ? len : cap;
}

static int probe_read(BIO *bio, char *out, int cap)
{
    struct probe *p = BIO_get_data(bio);
    size_t len = cap > 0 ? portion(p, (size_t)cap) : 0;

    BIO_clear_retry_flags(bio);
    if (len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, p->in->bytes + p->in->head, len);
    p->in->head += len;
    return (int)len;
}

static long take(struct probe *p, enum weir_dir dir, const uint8_t *blob)
{
    struct weir_keys *keys = &p->keys[dir];

    if (blob == NULL || p->taken[dir] || !weir_dropin_decode(blob, dir, keys)) {
        p->unknown = true;
        return 0;
    }
    if (keys->version == WEIR_TLS13 && dir == WEIR_TX)
        p->proven = weir_dropin_secret_take(p->secret, keys) == WEIR_REFUSAL_NONE;
    p->taken[dir] = true;
    return 1;
}

static long probe_ctrl(BIO *bio, int cmd, long number, void *pointer)
{
    struct probe *p = BIO_get_data(bio);

    switch (cmd) {
    case KTLS_SET_KEY:
        return take(p, number != 0 ? WEIR_TX : WEIR_RX, pointer);
    case KTLS_GET_SEND:
        return p->taken[WEIR_TX];
    case KTLS_GET_RECV:
        return p->taken[WEIR_RX];
    case KTLS_NEXT_TYPE:
        p->typed = true;
        p->type = (uint8_t)number;
        return 0;
    case KTLS_NO_TYPE:
        p->typed = false;
        return 0;
    case BIO_C_GET_FD:
        p->asked_descriptor = true;
        return -1;
    case BIO_CTRL_FLUSH:
        return 1;
    default:
        return 0;
    }
}

static void make_method(void)
{
    int index = BIO_get_new_index();

    if (index == -1)
        return;
    BIO_METHOD *made =
        BIO_meth_new(index | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "weir self-test");
    if (made == NULL)
        return;
    if (BIO_meth_set_write(made, probe_write) == 1 && BIO_meth_set_read(made, probe_read) == 1 &&
        BIO_meth_set_ctrl(made, probe_ctrl) == 1)
        method = made;
    else
        BIO_meth_free(made);
}

BIO *weir_dropin_probe_new(struct probe *probe)
{
    if (CRYPTO_THREAD_run_once(&method_once, make_method) != 1 || method == NULL)
        return NULL;
    BIO *bio = BIO_new(method);
    if (bio != NULL) {
        BIO_set_data(bio, probe);
        BIO_set_init(bio, 1);
    }
    return bio;
}
