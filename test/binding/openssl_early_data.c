/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Early data (RFC 8446 section 4.2.10) is under a key of its own, and must not be counted under
 * another.
 */
#include "pair.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>
#include <weir/openssl.h>

/* A first connection, for a ticket that allows early data. */
static void get_ticket(struct pair *p)
{
    pair_open(p, &(struct pair_config){.early_data = 16384});
    pair_connect(p);
    cr_assert_gt(p->new_sessions, 0);
    cr_assert_gt(SSL_SESSION_get_max_early_data(p->session), 0);
}

static void write_early(struct pair *p)
{
    size_t written = 0;

    cr_assert_eq(SSL_write_early_data(p->client.ssl, "early", 5, &written), 1);
    cr_assert_eq(written, 5);
}

Test(binding_openssl, early_data_that_was_rejected_is_skipped)
{
    struct pair first;
    struct pair p;

    get_ticket(&first);
    pair_reopen(&p, &first, &(struct pair_config){.session = first.session, .plain_client = true});
    write_early(&p);
    pair_connect(&p);
    cr_assert_eq(SSL_get_early_data_status(p.client.ssl), SSL_EARLY_DATA_REJECTED);
    cr_assert_eq(p.server.rx_start.seq, 0);
    pair_exchange(&p, 2000);
    p.tap.lenient = true;
    pair_close(&p);
    cr_assert_eq(p.tap.unreadable, 1, "there was no record of early data");
    pair_drop(&first);
}

/* As above with the sender on weir: what was rejected is of no consequence to it, either. */
Test(binding_openssl, early_data_of_ours_that_was_rejected)
{
    struct pair first;
    struct pair p;

    get_ticket(&first);
    pair_reopen(&p, &first, &(struct pair_config){.session = first.session});
    write_early(&p);
    pair_connect(&p);
    cr_assert_eq(SSL_get_early_data_status(p.client.ssl), SSL_EARLY_DATA_REJECTED);
    cr_assert_eq(p.client.tx_start.seq, 0);
    pair_exchange(&p, 2000);
    p.tap.lenient = true;
    pair_close(&p);
    cr_assert_eq(p.tap.unreadable, 1);
    pair_drop(&first);
}

/* A plain server that accepts; ends when there is nothing more to read. */
static void accept_early(struct end *e)
{
    uint8_t buf[100];
    size_t got = 0;
    int result = SSL_READ_EARLY_DATA_SUCCESS;

    (void)BIO_write(SSL_get_rbio(e->ssl), e->in.data, (int)e->in.len);
    bytes_drop(&e->in, e->in.len);
    while (result == SSL_READ_EARLY_DATA_SUCCESS) {
        result = SSL_read_early_data(e->ssl, buf, sizeof buf, &got);
        if (result == SSL_READ_EARLY_DATA_SUCCESS)
            bytes_add(&e->data, buf, got);
    }
}

Test(binding_openssl, early_data_that_was_accepted_is_refused)
{
    struct pair first;
    struct pair p;

    get_ticket(&first);
    pair_reopen(&p, &first, &(struct pair_config){.session = first.session, .plain_server = true});
    write_early(&p);
    end_step(&p.client);
    bytes_add(&p.server.in, p.client.out.data, p.client.out.len);
    bytes_drop(&p.client.out, p.client.out.len);
    accept_early(&p.server);
    cr_assert_eq(p.server.data.len, 5, "the server did not take the early data");
    wire_run(&p.wire);
    cr_assert_eq(p.client.status, WEIR_REFUSED);
    cr_assert_eq(p.client.why.code, WEIR_REFUSAL_EARLY_DATA);
    pair_drop(&p);
    pair_drop(&first);
}
