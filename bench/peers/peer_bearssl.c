/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BearSSL's engines, whose buffers the application fills and empties itself. It ends with TLS 1.2,
 * and takes the fastest code for the processor by itself.
 */
#include <bearssl.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

struct ends {
    br_ssl_client_context client;
    br_ssl_server_context server;
    br_x509_knownkey_context known;
    br_x509_certificate chain;
    br_ec_private_key secret;
    br_ec_public_key point;
    uint8_t client_room[BR_SSL_BUFSIZE_BIDI], server_room[BR_SSL_BUFSIZE_BIDI];
    struct wire *up, *down;
};

/* Moves what one engine has for the wire, and what the wire has for the other. */
static bool carry(br_ssl_engine_context *from, struct wire *wire, br_ssl_engine_context *to)
{
    size_t len = 0;
    bool moved = false;

    for (uint8_t *p; (p = br_ssl_engine_sendrec_buf(from, &len)) != NULL; moved = true) {
        if (!wire_put(wire, p, len))
            return false;
        br_ssl_engine_sendrec_ack(from, len);
    }
    for (uint8_t *p; wire->taken < wire->len && (p = br_ssl_engine_recvrec_buf(to, &len)) != NULL;
         moved = true)
        br_ssl_engine_recvrec_ack(to, wire_get(wire, p, len));
    return moved;
}

static bool finished(const br_ssl_engine_context *engine)
{
    return (br_ssl_engine_current_state(engine) & BR_SSL_SENDAPP) != 0;
}

static void *bearssl_start(const struct setting *setting)
{
    static const uint16_t suites[CIPHERS] = {BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                             BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                             BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256};
    static const uint8_t seed[32] = "not for keys that have to be any";
    const struct identity *identity = setting->identity;
    struct ends *e = setting->tls13 ? NULL : calloc(1, sizeof *e);

    if (e == NULL)
        return NULL;
    e->up = setting->up;
    e->down = setting->down;
    e->chain =
        (br_x509_certificate){(unsigned char *)(uintptr_t)identity->cert, identity->cert_len};
    e->secret = (br_ec_private_key){BR_EC_secp256r1, (unsigned char *)(uintptr_t)identity->secret,
                                    sizeof identity->secret};
    e->point = (br_ec_public_key){BR_EC_secp256r1, (unsigned char *)(uintptr_t)identity->point,
                                  sizeof identity->point};

    br_x509_minimal_context unused;
    br_ssl_client_init_full(&e->client, &unused, NULL, 0);
    br_x509_knownkey_init_ec(&e->known, &e->point, BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN);
    br_ssl_engine_set_x509(&e->client.eng, &e->known.vtable);
    br_ssl_server_init_full_ec(&e->server, &e->chain, 1, BR_KEYTYPE_EC, &e->secret);
    br_ssl_engine_set_suites(&e->client.eng, &suites[setting->cipher], 1);
    br_ssl_engine_set_suites(&e->server.eng, &suites[setting->cipher], 1);
    br_ssl_engine_set_buffer(&e->client.eng, e->client_room, sizeof e->client_room, 1);
    br_ssl_engine_set_buffer(&e->server.eng, e->server_room, sizeof e->server_room, 1);
    br_ssl_engine_inject_entropy(&e->client.eng, seed, sizeof seed);
    br_ssl_engine_inject_entropy(&e->server.eng, seed, sizeof seed);
    if (br_ssl_client_reset(&e->client, "localhost", 0) == 1 &&
        br_ssl_server_reset(&e->server) == 1) {
        for (bool moved = true; moved;) {
            moved = carry(&e->client.eng, e->up, &e->server.eng);
            moved = carry(&e->server.eng, e->down, &e->client.eng) || moved;
        }
        if (finished(&e->client.eng) && finished(&e->server.eng))
            return e;
    }
    free(e);
    return NULL;
}

static bool bearssl_seal(void *self, const uint8_t *text, size_t len, size_t count)
{
    struct ends *e = self;
    br_ssl_engine_context *engine = &e->client.eng;

    for (size_t i = 0; i < count; i++) {
        for (size_t done = 0; done < len;) {
            size_t room = 0;
            uint8_t *p = br_ssl_engine_sendapp_buf(engine, &room);
            if (p == NULL)
                return false;
            room = room < len - done ? room : len - done;
            memcpy(p, text + done, room);
            br_ssl_engine_sendapp_ack(engine, room);
            done += room;
            br_ssl_engine_flush(engine, 0);
            for (size_t made = 0; (p = br_ssl_engine_sendrec_buf(engine, &made)) != NULL;) {
                if (!wire_put(e->up, p, made))
                    return false;
                br_ssl_engine_sendrec_ack(engine, made);
            }
        }
    }
    return true;
}

static bool bearssl_open(void *self, uint8_t *room, size_t len, size_t count)
{
    struct ends *e = self;
    br_ssl_engine_context *engine = &e->server.eng;

    for (size_t i = 0; i < count; i++) {
        for (size_t done = 0; done < len;) {
            size_t got = 0;
            uint8_t *p = br_ssl_engine_recvapp_buf(engine, &got);
            if (p != NULL) {
                got = got < len - done ? got : len - done;
                memcpy(room + done, p, got);
                br_ssl_engine_recvapp_ack(engine, got);
                done += got;
                continue;
            }
            p = br_ssl_engine_recvrec_buf(engine, &got);
            if (p == NULL || e->up->taken == e->up->len)
                return false;
            br_ssl_engine_recvrec_ack(engine, wire_get(e->up, p, got));
        }
    }
    return true;
}

static size_t bearssl_drop_server(void *self)
{
    const struct ends *e = self;

    return sizeof e->server + sizeof e->server_room;
}

static const char *version(void)
{
    return "of the system";
}

const struct peer peer_bearssl = {
    .name = "bearssl",
    .version = version,
    .start = bearssl_start,
    .seal = bearssl_seal,
    .open = bearssl_open,
    .drop_server = bearssl_drop_server,
    .stop = free,
};
