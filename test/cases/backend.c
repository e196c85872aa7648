/* SPDX-License-Identifier: BSD-2-Clause */
/* What a backend, a provider and their memory are refused for; and KeyUpdate, by name. */
#include "fixture.h"

/* Both directions are refused on `backend` with this memory; nothing was called that should not. */
static void refused(struct fixture *f, const struct weir_backend *backend, void *ctx,
                    size_t ctx_len, weir_refusal_code code, uint32_t detail)
{
    struct weir_refusal why;
    struct weir_keys keys;
    struct weir_tx tx;
    struct weir_rx rx;
    uint32_t attached = f->watch.attached;

    fixture_keys(f, &keys);
    memset(&why, 0xa5, sizeof why);
    CHECK_STATUS(f->t, weir_tx_init(&tx, &keys, backend, ctx, ctx_len, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, code);
    CHECK_EQ(f->t, why.detail, detail);
    CHECK_EQ(f->t, why.os_error, 0);
    CHECK(f->t, !why.transient);
    CHECK_STATUS(f->t, weir_tx_status(&tx), WEIR_E_MISUSE);
    memset(&why, 0xa5, sizeof why);
    CHECK_STATUS(f->t, weir_rx_init(&rx, &keys, backend, ctx, ctx_len, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, code);
    CHECK_STATUS(f->t, weir_rx_status(&rx), WEIR_E_MISUSE);
    CHECK_EQ(f->t, f->watch.attached, attached);
}

ON(BOTH, backends_of_another_kind)
{
    struct watch *w = &f->watch;
    const struct weir_backend good = w->backend;
    struct weir_refusal why;
    size_t len = sizeof f->tx_ctx;

    weir_tx_wipe(&f->tx);
    weir_rx_wipe(&f->rx);
    CHECK(f->t, weir_backend_check(&w->backend, &f->tx_keys, WEIR_TX, &why));
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_NONE);
    for (uint32_t abi = 0; abi < 4; abi++) {
        w->backend.abi = abi;
        if (abi != WEIR_BACKEND_ABI)
            refused(f, &w->backend, f->tx_ctx, len, WEIR_REFUSAL_ABI, abi);
    }
    w->backend = good;
    w->backend.form = (weir_form)3;
    refused(f, &w->backend, f->tx_ctx, len, WEIR_REFUSAL_FORM, 3);
    for (int missing = 0; missing < 5; missing++) {
        fixture_at(f, (uint64_t)missing);
        w->backend = good;
        if (missing == 0)
            w->backend.supports = NULL;
        else if (missing == 1)
            w->backend.attach = NULL;
        else if (missing == 2)
            w->backend.detach = NULL;
        else if (missing == 3)
            w->backend.seal = NULL;
        else
            w->backend.open = NULL;
        refused(f, &w->backend, f->tx_ctx, len, WEIR_REFUSAL_FORM, WEIR_FORM_RECORD);
    }
    w->backend = good;
    w->backend.abi = 1; /* the interface is judged before anything that depends on it */
    w->backend.form = (weir_form)3;
    refused(f, &w->backend, NULL, 0, WEIR_REFUSAL_ABI, 1);
    w->backend = good;
}

ON(BOTH, memory_too_small_or_not_aligned)
{
    struct watch *w = &f->watch;
    const struct weir_backend good = w->backend;
    size_t size = w->backend.ctx_size;

    weir_tx_wipe(&f->tx);
    weir_rx_wipe(&f->rx);
    refused(f, &w->backend, f->tx_ctx, size - 1, WEIR_REFUSAL_MEMORY, (uint32_t)size);
    refused(f, &w->backend, f->tx_ctx, 0, WEIR_REFUSAL_MEMORY, (uint32_t)size);
    refused(f, &w->backend, NULL, size, WEIR_REFUSAL_MEMORY, (uint32_t)size);
    refused(f, &w->backend, NULL, 0, WEIR_REFUSAL_MEMORY, (uint32_t)size);
    for (size_t align = 1; align <= 64; align *= 2) {
        w->backend.ctx_align = align;
        for (size_t off = 0; off <= 64; off++) {
            fixture_at(f, align * 100 + off);
            if (off % align != 0)
                refused(f, &w->backend, f->tx_ctx + off, size, WEIR_REFUSAL_MEMORY, (uint32_t)size);
        }
    }
    w->backend = good;
    struct weir_refusal why;
    struct weir_keys keys = f->tx_keys;
    CHECK_STATUS(f->t, weir_tx_init(&f->tx, &keys, &w->backend, f->tx_ctx, size, &why), WEIR_OK);
}

ON(BOTH, providers_without_the_suite)
{
    const struct weir_suite *suite = weir_suite_find(f->profile->suite);
    struct weir_aead aead = *f->t->aead;
    struct weir_refusal why;
    struct weir_soft soft;
    struct weir_keys keys;
    const struct weir_attach what = {.keys = &keys, .dir = WEIR_TX};

    weir_tx_wipe(&f->tx);
    weir_rx_wipe(&f->rx);
    fixture_keys(f, &keys);
    aead.algs = 7u & ~WEIR_ALG_BIT(suite->alg);
    REQUIRE_STATUS(f->t, weir_soft_init(&soft, &aead, &why), WEIR_OK);
    CHECK(f->t, !weir_backend_check(&soft.backend, &keys, WEIR_RX, &why));
    refused(f, &soft.backend, f->tx_ctx, sizeof f->tx_ctx, WEIR_REFUSAL_SUITE, suite->id);
    CHECK_STATUS(f->t, soft.backend.attach(&soft.backend, f->tx_ctx, &what, &why), WEIR_REFUSED);
    aead.algs = WEIR_ALG_BIT(suite->alg);
    CHECK(f->t, weir_backend_check(&soft.backend, &keys, WEIR_RX, &why));
    for (uint32_t abi = 0; abi < 4; abi++) {
        aead.abi = abi;
        CHECK_STATUS(f->t, weir_soft_init(&soft, &aead, &why),
                     abi == WEIR_AEAD_ABI ? WEIR_OK : WEIR_REFUSED);
        if (abi != WEIR_AEAD_ABI) {
            CHECK_EQ(f->t, why.code, WEIR_REFUSAL_ABI);
            CHECK_EQ(f->t, why.layer, WEIR_LAYER_PROVIDER);
            CHECK_EQ(f->t, why.detail, abi);
        }
    }
}

/* Both directions cannot be rekeyed for this reason, and stay as they are when they are asked. */
static void cannot_rekey(struct fixture *f, const struct weir_kdf *kdf, weir_refusal_code code)
{
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};

    CHECK(f->t, !weir_tx_can_rekey(&f->tx, kdf, &why));
    CHECK_EQ(f->t, why.code, code);
    why.code = WEIR_REFUSAL_NONE;
    CHECK(f->t, !weir_rx_can_rekey(&f->rx, kdf, &why));
    CHECK_EQ(f->t, why.code, code);
    CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, code);
    CHECK_EQ(f->t, weir_session_refusal(&f->session).code, code);
    CHECK(f->t, !weir_session_wants_flush(&f->session));
    we_live(f);
    CHECK_STATUS(f->t, weir_tx_rekey(&f->tx, kdf), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_rx_rekey(&f->rx, kdf), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_MISUSE);
    CHECK_EQ(f->t, f->watch.attached, 0);
}

ON(BOTH, key_update_is_refused_by_name)
{
    struct weir_kdf kdf = watch_kdf;
    struct weir_keys keys;
    struct weir_refusal why;

    if (!f->tls13) {
        cannot_rekey(f, &watch_kdf, WEIR_REFUSAL_VERSION);
        return;
    }
    CHECK(f->t, weir_tx_can_rekey(&f->tx, &watch_kdf, &why));
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_NONE);
    CHECK(f->t, weir_rx_can_rekey(&f->rx, &watch_kdf, &why));

    fixture_session(f, NULL);
    cannot_rekey(f, NULL, WEIR_REFUSAL_KDF);
    fixture_again(f);
    kdf.hashes = 3u & ~(1u << weir_suite_find(f->profile->suite)->hash);
    fixture_session(f, &kdf);
    cannot_rekey(f, &kdf, WEIR_REFUSAL_KDF);
    fixture_again(f);
    kdf = watch_kdf;
    kdf.abi = WEIR_KDF_ABI + 1;
    fixture_session(f, &kdf);
    cannot_rekey(f, &kdf, WEIR_REFUSAL_KDF);
    fixture_again(f);
    f->watch.backend.rekey = NULL;
    fixture_session(f, &watch_kdf);
    cannot_rekey(f, &watch_kdf, WEIR_REFUSAL_NO_REKEY);
    fixture_again(f);
    fixture_keys(f, &keys);
    keys.secret_len = 0;
    CHECK_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
    CHECK_STATUS(f->t, fixture_rx(f, &keys), WEIR_OK);
    fixture_session(f, &watch_kdf);
    cannot_rekey(f, &watch_kdf, WEIR_REFUSAL_SECRET);
}

static const struct test_case table[] = {
    CASE(backends_of_another_kind),
    CASE(memory_too_small_or_not_aligned),
    CASE(providers_without_the_suite),
    CASE(key_update_is_refused_by_name),
};
CASE_GROUP(backend, table, TEST_EACH_AEAD);
