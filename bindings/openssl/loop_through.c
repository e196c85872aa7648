/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control records to and from an SSL whose keys are weir's.
 */
#include "internal.h"
#include "words.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdio.h>

/*
 * A callback of the application has suspended the library, which goes on with the next call. Until
 * then what the peer sends for it piles up, and the peer must not decide how much.
 */
static weir_status suspended(struct openssl_binding *b)
{
    if (BIO_pending(b->loop_in) <= (int)WEIR_MAX_MESSAGE)
        return WEIR_OK;
    (void)snprintf(b->error, sizeof b->error, "too much to read while a callback waits");
    b->loop.status = WEIR_E_FLOOD;
    return WEIR_E_FLOOD;
}

/* Lets the library read all that lies in the loop. */
static weir_status let_read(struct openssl_binding *b)
{
    uint8_t byte;
    size_t got = 0;

    while (BIO_pending(b->loop_in) > 0) {
        ERR_clear_error();
        int result = SSL_read_ex(b->ssl, &byte, sizeof byte, &got);
        if (result == 1)
            return WEIR_E_HANDSHAKE; /* no application data was ever put there */
        switch (SSL_get_error(b->ssl, result)) {
        case SSL_ERROR_WANT_READ:
            break;
        case SSL_ERROR_WANT_X509_LOOKUP:
        case SSL_ERROR_WANT_ASYNC:
        case SSL_ERROR_WANT_ASYNC_JOB:
        case SSL_ERROR_WANT_RETRY_VERIFY:
            return suspended(b);
        case SSL_ERROR_ZERO_RETURN:
            (void)BIO_reset(b->loop_in); /* the application has closed this SSL for reading */
            return WEIR_OK;
        default:
            weir_openssl_note_error(b, "the message was not accepted");
            return WEIR_E_HANDSHAKE;
        }
    }
    return WEIR_OK;
}

weir_status weir_openssl_deliver(struct weir_handshake *hs, const uint8_t *data, size_t len)
{
    struct openssl_binding *b = openssl_inside(hs);
    uint8_t record[WEIR_LOOP_RECORD];

    if (b->stage != STAGE_TAKEN)
        return WEIR_E_MISUSE;
    while (len > 0) {
        size_t taken = 0;
        size_t made = 0;
        weir_status status = weir_loop_seal(&b->loop, data, len, &taken, record, &made);
        if (status != WEIR_OK)
            return status;
        if (BIO_write(b->loop_in, record, (int)made) != (int)made)
            return WEIR_E_HANDSHAKE;
        status = let_read(b);
        if (status != WEIR_OK)
            return status;
        data += taken;
        len -= taken;
    }
    return WEIR_OK;
}

/* Bytes of the whole record that lies first in the loop; 0 when there is none. */
static size_t first_record(const struct openssl_binding *b)
{
    char *data = NULL;
    size_t len = (size_t)BIO_get_mem_data(b->loop_out, &data);

    return weir_first_record((const uint8_t *)data, len);
}

/* Room for the messages of the next record; grows only as far as the library writes. */
static bool make_room(struct weir_loop *loop, size_t len)
{
    size_t cap = weir_loop_lacks(loop, len);

    if (cap == 0)
        return true;
    uint8_t *memory = OPENSSL_malloc(cap);
    if (memory == NULL)
        return false;
    OPENSSL_free(weir_loop_memory(loop, memory, cap));
    return true;
}

/* Between messages the loop needs no memory for them. */
static void give_back(struct weir_loop *loop)
{
    if (loop->start == loop->end)
        OPENSSL_free(weir_loop_memory(loop, NULL, 0));
}

static weir_status open_record(struct openssl_binding *b, size_t len)
{
    uint8_t *record = OPENSSL_malloc(len);
    weir_status status = WEIR_E_HANDSHAKE;

    if (record != NULL && make_room(&b->loop, len) &&
        BIO_read(b->loop_out, record, (int)len) == (int)len)
        status = weir_loop_open(&b->loop, record, len);
    OPENSSL_free(record);
    return status;
}

static weir_status explain(struct openssl_binding *b, weir_status status,
                           const struct weir_control *control)
{
    return weir_loop_explain(status, control, "SSL_write", b->error, sizeof b->error);
}

weir_status weir_openssl_collect(struct weir_handshake *hs, struct weir_control *control)
{
    struct openssl_binding *b = openssl_inside(hs);

    *control = (struct weir_control){.kind = WEIR_CONTROL_NONE};
    if (b->stage != STAGE_TAKEN)
        return WEIR_E_MISUSE;
    for (;;) {
        weir_status status = weir_loop_next(&b->loop, control);
        if (status == WEIR_REFUSED)
            return explain(b, status, control);
        if (status != WEIR_OK || control->kind != WEIR_CONTROL_NONE)
            return status;
        size_t len = first_record(b);
        if (len == 0) {
            give_back(&b->loop);
            return WEIR_OK;
        }
        status = open_record(b, len);
        if (status != WEIR_OK)
            return explain(b, status, control);
    }
}
