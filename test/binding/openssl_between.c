/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The application uses its SSL between the end of the handshake and the taking of the keys: what
 * the library writes then is on the wire, under numbers that weir must not use again.
 */
#include "pair.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>

static void open_without_keys(struct pair *p, int version)
{
    pair_open(p, &(struct pair_config){.version = version});
    p->client.stop_before_keys = p->server.stop_before_keys = true;
    wire_run(&p->wire);
    cr_assert_eq(p->client.status, WEIR_OK);
    cr_assert_eq(p->server.status, WEIR_OK);
}

/* What the library has written goes to the peer, and then weir takes the keys of both ends. */
static void go_on(struct pair *p)
{
    p->client.stop_before_keys = p->server.stop_before_keys = false;
    pair_connect(p);
}

Test(binding_openssl, data_written_before_the_keys_are_taken)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const uint8_t early[3][5] = {"one", "two", "more"};

    for (size_t i = 0; i < 4; i++) {
        struct pair p;
        open_without_keys(&p, versions[i % 2]);
        struct end *from = i < 2 ? &p.client : &p.server;
        struct end *to = i < 2 ? &p.server : &p.client;
        for (size_t n = 0; n < 3; n++)
            cr_assert_eq(SSL_write(from->ssl, early[n], 5), 5);
        go_on(&p);
        cr_assert_eq(to->data.len, sizeof early, "%zu", to->data.len);
        cr_assert_arr_eq(to->data.data, early, sizeof early);
        pair_exchange(&p, 1000);
        pair_close(&p); /* and no nonce was on the wire twice */
    }
}

Test(binding_openssl, keys_are_not_taken_before_that_is_on_its_way)
{
    struct pair p;
    struct weir_keys tx;
    struct weir_keys rx;
    struct weir_refusal why;

    open_without_keys(&p, TLS1_3_VERSION);
    cr_assert_eq(SSL_write(p.client.ssl, "data", 4), 4);
    cr_assert_eq(p.client.hs->take_keys(p.client.hs, &tx, &rx, &why), WEIR_E_MISUSE);
    go_on(&p);
    pair_exchange(&p, 10);
    pair_close(&p);
}

/* The tap knows the key behind Finished, and none that comes after it. */
Test(binding_openssl, key_update_before_the_keys_are_taken)
{
    struct pair p;

    open_without_keys(&p, TLS1_3_VERSION);
    ERR_clear_error();
    cr_assert_eq(SSL_key_update(p.client.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    cr_assert_eq(SSL_do_handshake(p.client.ssl), 1);
    p.client.stop_before_keys = false;
    end_step(&p.client);
    cr_assert_eq(p.client.status, WEIR_REFUSED);
    cr_assert_eq(p.client.why.code, WEIR_REFUSAL_NOT_PROVEN, "%s",
                 weir_refusal_name(p.client.why.code));
    pair_drop(&p);
}
