/* SPDX-License-Identifier: BSD-2-Clause */
/* What this build has is taken, and what it is without is refused by name (weir/config.h). */
#include "fixture.h"

static void one_version(struct test *t, uint16_t version, uint16_t suite, bool built)
{
    _Alignas(TEST_CTX_ALIGN) static uint8_t ctx[TEST_CTX_LEN];
    const struct weir_keys keys = {.version = version,
                                   .suite = suite,
                                   .at.nonce_rule = version == WEIR_TLS12 ? WEIR_NONCE_SEQ
                                                                          : WEIR_NONCE_IMPLICIT};
    weir_status want = built ? WEIR_OK : WEIR_REFUSED;
    weir_refusal_code code = built ? WEIR_REFUSAL_NONE : WEIR_REFUSAL_VERSION;
    struct weir_refusal why;
    struct weir_soft soft;
    struct weir_tx tx;
    struct weir_rx rx;

    t->at = version;
    REQUIRE_STATUS(t, weir_soft_init(&soft, t->aead, &why), WEIR_OK);
    CHECK_EQ(t, weir_suite_find(suite) != NULL, built);

    struct weir_keys given = keys;
    CHECK_STATUS(t, weir_tx_init(&tx, &given, &soft.backend, ctx, sizeof ctx, &why), want);
    CHECK_EQ(t, why.code, code);
    CHECK_EQ(t, why.detail, built ? 0 : version);
    weir_tx_wipe(&tx);
    given = keys;
    CHECK_STATUS(t, weir_rx_init(&rx, &given, &soft.backend, ctx, sizeof ctx, &why), want);
    CHECK_EQ(t, why.code, code);
    weir_rx_wipe(&rx);
}

static void versions(struct test *t)
{
    one_version(t, WEIR_TLS12, WEIR_TLS_RSA_WITH_AES_128_GCM_SHA256, WEIR_HAS_TLS12);
    one_version(t, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256, WEIR_HAS_TLS13);
}

/* Keys are derived in TLS 1.3 alone. */
static void derivation(struct test *t)
{
    const uint8_t secret[WEIR_MAX_SECRET] = {1};
    struct weir_keys keys;
    weir_status want = WEIR_HAS_TLS13 ? WEIR_OK : WEIR_E_MISUSE;

    memset(&keys, 0xa5, sizeof keys);
    CHECK_STATUS(
        t, weir_keys_from_secret(&keys, &watch_kdf, WEIR_TLS_AES_128_GCM_SHA256, secret, 32), want);
    if (!WEIR_HAS_TLS13)
        CHECK_ZERO(t, &keys, sizeof keys);
    CHECK_STATUS(t, weir_keys_update(&keys, &watch_kdf), want);
    if (!WEIR_HAS_TLS13)
        CHECK_ZERO(t, &keys, sizeof keys);
}

/* The functions of a backend below the socket; nobody calls them. */
static const struct weir_cmd *command(const struct weir_backend *self, void *ctx)
{
    (void)self;
    (void)ctx;
    return NULL;
}

static weir_status complete(const struct weir_backend *self, void *ctx,
                            const struct weir_done *done, struct weir_refusal *why)
{
    (void)self;
    (void)ctx;
    (void)done;
    (void)why;
    return WEIR_E_BACKEND;
}

static void send(const struct weir_backend *self, void *ctx, uint8_t type,
                 struct weir_stream_op *op)
{
    (void)self;
    (void)ctx;
    (void)type;
    (void)op;
}

static weir_status sent(const struct weir_backend *self, void *ctx,
                        const struct weir_stream_done *done)
{
    (void)self;
    (void)ctx;
    (void)done;
    return WEIR_E_BACKEND;
}

static void receive(const struct weir_backend *self, void *ctx, struct weir_stream_op *op)
{
    (void)self;
    (void)ctx;
    (void)op;
}

static weir_status received(const struct weir_backend *self, void *ctx,
                            const struct weir_stream_done *done, struct weir_stream_in *in)
{
    (void)self;
    (void)ctx;
    (void)done;
    (void)in;
    return WEIR_E_BACKEND;
}

static void checked(struct fixture *f, const struct weir_backend *backend, uint32_t form)
{
    struct weir_refusal why;

    CHECK_EQ(f->t, weir_backend_check(backend, &f->tx_keys, WEIR_TX, &why), WEIR_HAS_OFFLOAD);
    CHECK_EQ(f->t, why.code, WEIR_HAS_OFFLOAD ? WEIR_REFUSAL_NONE : WEIR_REFUSAL_FORM);
    CHECK_EQ(f->t, why.detail, WEIR_HAS_OFFLOAD ? 0 : form);
}

/* Where nobody carries commands or typed plaintext, a backend that needs it is not taken. */
ON(BOTH, backends_below_the_socket)
{
    struct weir_backend *backend = &f->watch.backend;

    backend->command = command;
    backend->complete = complete;
    checked(f, backend, WEIR_FORM_RECORD);
    backend->command = NULL;
    backend->complete = NULL;
    backend->form = WEIR_FORM_STREAM;
    backend->least_record = 1;
    backend->send = send;
    backend->sent = sent;
    backend->receive = receive;
    backend->received = received;
    checked(f, backend, WEIR_FORM_STREAM);
    backend->form = WEIR_FORM_RECORD;
}

static const struct test_case table[] = {
    CASE(versions),
    CASE(derivation),
    CASE(backends_below_the_socket),
};
CASE_GROUP(parts, table, TEST_EACH_AEAD);
