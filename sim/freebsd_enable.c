/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP_TXTLS_ENABLE and TCP_RXTLS_ENABLE: what is copied in, what is accepted, where it goes. */
#include "freebsd_internal.h"

#include <string.h>

#define MAX_PARAM 1024 /* TLS_MAX_PARAM_SIZE */

static int copyin(const struct sim_freebsd *host, uint64_t address, void *to, size_t len)
{
    if (len == 0)
        return 0;
    if (host->map_count == 0) {
        if (address == 0 || address > UINTPTR_MAX)
            return FREEBSD_EFAULT;
        memcpy(to, (const void *)(uintptr_t)address, len);
        return 0;
    }
    for (size_t i = 0; i < host->map_count; i++) {
        const struct sim_freebsd_map *map = &host->maps[i];

        if (address >= map->address && address - map->address <= map->len &&
            len <= map->len - (size_t)(address - map->address)) {
            memcpy(to, map->bytes + (size_t)(address - map->address), len);
            return 0;
        }
    }
    return FREEBSD_EFAULT;
}

static uint64_t pointer_at(const uint8_t *p, bool ilp32)
{
    uint64_t wide;
    uint32_t narrow;

    if (ilp32) {
        memcpy(&narrow, p, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, p, sizeof wide);
    return wide;
}

/* The struct without rec_seq, of before 13.0, is known by its size; longer ones lose their end. */
static int copyin_enable(struct sim_freebsd *host, const void *value, size_t len, bool old_allowed,
                         struct tls_enable *en)
{
    size_t size = host->ilp32 ? 48 : 64, old_size = host->ilp32 ? 40 : 56;
    size_t width = host->ilp32 ? 4 : 8;
    const uint8_t *p = value;
    bool old = len == old_size && old_allowed;

    if (value == NULL)
        return FREEBSD_EFAULT;
    if (!old && len < size)
        return FREEBSD_EINVAL;
    memset(en, 0, sizeof *en);
    en->cipher_key = pointer_at(p, host->ilp32);
    en->iv = pointer_at(p + width, host->ilp32);
    en->auth_key = pointer_at(p + 2 * width, host->ilp32);
    p += 3 * width;
    memcpy(&en->cipher_algorithm, p, 4);
    memcpy(&en->cipher_key_len, p + 4, 4);
    memcpy(&en->iv_len, p + 8, 4);
    memcpy(&en->auth_algorithm, p + 12, 4);
    memcpy(&en->auth_key_len, p + 16, 4);
    memcpy(&en->flags, p + 20, 4);
    en->vmajor = p[24];
    en->vminor = p[25];
    if (!old)
        memcpy(en->rec_seq, p + 26, 8);
    return 0;
}

static bool bad_lengths(const struct tls_enable *en)
{
    return en->auth_key_len < 0 || en->auth_key_len > MAX_PARAM || en->cipher_key_len <= 0 ||
           en->cipher_key_len > MAX_PARAM || en->iv_len < 0 || en->iv_len > 16;
}

static bool good_gcm(const struct sim_freebsd *host, const struct tls_enable *en)
{
    if (en->auth_algorithm != 0 || en->auth_key_len != 0)
        return false;
    if (en->vminor == TLS_1_2)
        return en->iv_len == 4;
    if (en->vminor == TLS_1_3)
        return en->iv_len == 12;
    return host->release == SIM_FREEBSD_13; /* its crypto framework refuses it later */
}

static bool good_cbc(const struct tls_enable *en)
{
    if (en->auth_key_len == 0 || en->vminor == TLS_1_3)
        return false;
    if (en->auth_algorithm == FREEBSD_CRYPTO_SHA2_256_HMAC ||
        en->auth_algorithm == FREEBSD_CRYPTO_SHA2_384_HMAC)
        return en->vminor == TLS_1_2;
    return en->auth_algorithm == FREEBSD_CRYPTO_SHA1_HMAC &&
           (en->vminor != TLS_1_0 || en->iv_len == 16);
}

static bool good_suite(const struct sim_freebsd *host, const struct tls_enable *en)
{
    switch (en->cipher_algorithm) {
    case FREEBSD_CRYPTO_AES_NIST_GCM_16:
        return good_gcm(host, en);
    case FREEBSD_CRYPTO_AES_CBC:
        return good_cbc(en);
    case FREEBSD_CRYPTO_CHACHA20_POLY1305:
        return en->auth_algorithm == 0 && en->auth_key_len == 0 &&
               (en->vminor == TLS_1_2 || en->vminor == TLS_1_3) && en->iv_len == 12;
    default:
        return false;
    }
}

static uint32_t mac_len(int auth)
{
    if (auth == FREEBSD_CRYPTO_SHA2_256_HMAC)
        return 32;
    return auth == FREEBSD_CRYPTO_SHA2_384_HMAC ? 48 : 20;
}

/* Header and trailer of the records to come. */
static void lay_out(struct sim_freebsd_session *tls)
{
    tls->hlen = 5;
    tls->tlen = SIM_TAG_LEN;
    if (tls->cipher == FREEBSD_CRYPTO_AES_NIST_GCM_16 && tls->vminor < TLS_1_3)
        tls->hlen += 8;
    if (tls->cipher == FREEBSD_CRYPTO_AES_CBC) {
        tls->hlen += tls->vminor == TLS_1_0 ? 0 : 16;
        tls->tlen = 16 + mac_len(tls->auth);
    }
    if (tls->vminor == TLS_1_3)
        tls->tlen++;
}

static int create_session(struct sim_freebsd *host, const struct tls_enable *en,
                          struct sim_freebsd_session *tls)
{
    uint8_t key[MAX_PARAM];
    int error;

    if (en->vmajor != 3 || en->vminor < TLS_1_0 || en->vminor > TLS_1_3 || bad_lengths(en) ||
        en->flags != 0 || !good_suite(host, en))
        return FREEBSD_EINVAL;
    if (host->release >= SIM_FREEBSD_14) {
        if (host->threads_fail)
            return FREEBSD_ENXIO;
        host->stats.threads = 2;
    }
    memset(tls, 0, sizeof *tls);
    tls->cipher = en->cipher_algorithm;
    tls->auth = en->auth_algorithm;
    tls->vminor = en->vminor;
    tls->key_len = (uint32_t)en->cipher_key_len;
    tls->max_frame = host->maxlen < 16384 ? host->maxlen : 16384;
    lay_out(tls);
    error = copyin(host, en->auth_key, key, (size_t)en->auth_key_len);
    if (error == 0)
        error = copyin(host, en->cipher_key, key, (size_t)en->cipher_key_len);
    if (error != 0)
        return error;
    memcpy(tls->key, key, tls->key_len < sizeof tls->key ? tls->key_len : sizeof tls->key);
    /* The IV of CBC counts in TLS 1.0 only. */
    if (tls->cipher != FREEBSD_CRYPTO_AES_CBC || tls->vminor == TLS_1_0)
        tls->iv_len = (uint32_t)en->iv_len;
    error = copyin(host, en->iv, tls->iv, tls->iv_len);
    if (error != 0)
        return error;
    if (tls->cipher == FREEBSD_CRYPTO_AES_NIST_GCM_16 && tls->vminor == TLS_1_2)
        sim_put_be64(tls->iv + 8, sim_random(&host->random));
    return 0;
}

/* What the crypto framework of the release can do. */
static int framework_refuses(const struct sim_freebsd *host, const struct sim_freebsd_session *tls,
                             bool rx)
{
    bool cbc = tls->cipher == FREEBSD_CRYPTO_AES_CBC;

    if (tls->cipher == FREEBSD_CRYPTO_CHACHA20_POLY1305 ? tls->key_len != 32
                                                        : tls->key_len != 16 && tls->key_len != 32)
        return FREEBSD_EINVAL;
    if (!cbc && tls->vminor != TLS_1_2 && tls->vminor != TLS_1_3)
        return FREEBSD_EPROTONOSUPPORT;
    if (!rx)
        return 0;
    if (host->release == SIM_FREEBSD_13 && (cbc || tls->vminor != TLS_1_2))
        return FREEBSD_EPROTONOSUPPORT;
    return cbc && tls->vminor == TLS_1_0 ? FREEBSD_EPROTONOSUPPORT : 0;
}

int freebsd_try_sw(struct sim_freebsd *host, const struct sim_freebsd_session *tls, bool rx)
{
    int error = framework_refuses(host, tls, rx);

    if (error == 0)
        error = host->session_error;
    /* 13.x asks its back ends one after the other and forgets what they said. */
    if (host->release == SIM_FREEBSD_13 && (error != 0 || !host->ktls_ocf))
        return FREEBSD_EOPNOTSUPP;
    return error;
}

/* What comes before the struct is looked at; `copied` is what copying it in has answered. */
static int precheck(struct sim_freebsd_socket *s, const struct tls_enable *en, bool rx)
{
    struct sim_freebsd *host = s->host;
    const struct sim_freebsd_session *tls = rx ? &s->rx : &s->tx;

    if (!host->enable || (rx && host->release >= SIM_FREEBSD_15 && !host->rx_enable))
        return FREEBSD_EOPNOTSUPP;
    if (s->listening)
        return FREEBSD_EINVAL;
    host->stats.enable_calls++;
    if (tls->set || (rx && s->splice_races && host->release >= SIM_FREEBSD_15))
        return FREEBSD_EALREADY;
    if (s->spliced && host->release >= SIM_FREEBSD_15)
        return FREEBSD_EINVAL;
    if (en->cipher_algorithm == FREEBSD_CRYPTO_AES_CBC && !host->cbc_enable)
        return FREEBSD_EOPNOTSUPP;
    return 0;
}

/* 15 copies everything in before it looks at anything else. */
static int copied_first(const struct sim_freebsd *host, const struct tls_enable *en)
{
    uint8_t scratch[MAX_PARAM];
    int error;

    if (host->release < SIM_FREEBSD_15)
        return 0;
    if (bad_lengths(en))
        return FREEBSD_EINVAL;
    error = copyin(host, en->cipher_key, scratch, (size_t)en->cipher_key_len);
    if (error == 0)
        error = copyin(host, en->iv, scratch, (size_t)en->iv_len);
    if (error == 0)
        error = copyin(host, en->auth_key, scratch, (size_t)en->auth_key_len);
    return error;
}

int freebsd_enable_tx(struct sim_freebsd_socket *s, const void *value, size_t len)
{
    struct sim_freebsd *host = s->host;
    struct sim_freebsd_session tls;
    struct tls_enable en;
    int error = copyin_enable(host, value, len, true, &en);

    if (error == 0)
        error = copied_first(host, &en);
    if (error == 0)
        error = precheck(s, &en, false);
    if (error == 0 && host->mb_use_ext_pgs == 0)
        error = FREEBSD_ENXIO;
    if (error == 0)
        error = create_session(host, &en, &tls);
    if (error != 0)
        return error;
    /* TOE, the interface, software; why one was not taken is not told. */
    tls.mode = FREEBSD_TCP_TLS_MODE_TOE;
    if (!s->toe && freebsd_try_ifnet_tx(s, &tls, false) != 0) {
        tls.mode = FREEBSD_TCP_TLS_MODE_SW;
        error = freebsd_try_sw(host, &tls, false);
    }
    if (error != 0)
        return error;
    tls.set = true;
    s->tx = tls;
    s->tx_seq = sim_get_be64(en.rec_seq);
    if (tls.mode == FREEBSD_TCP_TLS_MODE_IFNET)
        freebsd_nic_begin(s);
    else if (tls.mode == FREEBSD_TCP_TLS_MODE_TOE)
        s->nic_xmit = host->release >= SIM_FREEBSD_14;
    freebsd_count_session(host, tls.mode, tls.cipher, 1);
    host->stats.active++;
    host->stats.offload_total++;
    return 0;
}

int freebsd_enable_rx(struct sim_freebsd_socket *s, const void *value, size_t len)
{
    struct sim_freebsd *host = s->host;
    struct sim_freebsd_session tls;
    struct tls_enable en;
    int error = copyin_enable(host, value, len, host->release >= SIM_FREEBSD_15, &en);

    if (error == 0)
        error = copied_first(host, &en);
    if (error == 0)
        error = precheck(s, &en, true);
    if (error == 0 && host->release == SIM_FREEBSD_13 && en.vmajor == 3 && en.vminor == TLS_1_3)
        error = FREEBSD_EOPNOTSUPP;
    if (error == 0)
        error = create_session(host, &en, &tls);
    /* Software is always there: it repairs what the NIC leaves. */
    if (error == 0 && !(s->toe && host->release == SIM_FREEBSD_13))
        error = freebsd_try_sw(host, &tls, true);
    if (error != 0)
        return error;
    tls.set = true;
    tls.mode = FREEBSD_TCP_TLS_MODE_SW;
    if (s->toe)
        tls.mode = FREEBSD_TCP_TLS_MODE_TOE;
    else if (host->release >= SIM_FREEBSD_14)
        (void)freebsd_try_ifnet_rx(s, &tls);
    s->rx = tls;
    s->rx_seq = sim_get_be64(en.rec_seq);
    freebsd_count_session(host, tls.mode, tls.cipher, 1);
    host->stats.active++;
    host->stats.offload_total++;
    freebsd_check_rx(s);
    return 0;
}
