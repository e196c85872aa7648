/* SPDX-License-Identifier: BSD-2-Clause */
/* Choosing the NIC, switching modes, and losing the NIC. */
#include "freebsd_internal.h"

#include <string.h>

static struct sim_freebsd_ifnet *ifnet_at(struct sim_freebsd_socket *s, int index)
{
    return index < 0 ? NULL : &s->host->mce[index];
}

void freebsd_count_session(struct sim_freebsd *host, int mode, int cipher, int by)
{
    struct sim_freebsd_stats *st = &host->stats;
    uint64_t *counters[3][3] = {
        {&st->sw_cbc, &st->sw_gcm, &st->sw_chacha20},
        {&st->ifnet_cbc, &st->ifnet_gcm, &st->ifnet_chacha20},
        {&st->toe_cbc, &st->toe_gcm, &st->toe_chacha20},
    };
    int kind = 0;

    if (cipher == FREEBSD_CRYPTO_AES_NIST_GCM_16)
        kind = 1;
    else if (cipher == FREEBSD_CRYPTO_CHACHA20_POLY1305)
        kind = 2;
    *counters[mode - FREEBSD_TCP_TLS_MODE_SW][kind] += (uint64_t)(int64_t)by;
}

static uint32_t nic_suite(const struct sim_freebsd_session *tls)
{
    if (tls->vminor == TLS_1_3)
        return tls->key_len == 16 ? SIM_NIC_TLS13_GCM128 : SIM_NIC_TLS13_GCM256;
    return tls->key_len == 16 ? SIM_NIC_TLS12_GCM128 : SIM_NIC_TLS12_GCM256;
}

/* What the driver says to a session, before it makes anything. */
static int driver_refuses(const struct sim_freebsd_ifnet *ifp,
                          const struct sim_freebsd_session *tls, bool rx)
{
    if (ifp->gone || !(rx ? ifp->tls_rx : ifp->tls))
        return FREEBSD_EOPNOTSUPP;
    if (rx ? ifp->rx_tags >= ifp->rx_max : ifp->tx_tags >= ifp->tx_max)
        return FREEBSD_ENOMEM;
    if (tls->cipher != FREEBSD_CRYPTO_AES_NIST_GCM_16 ||
        (tls->vminor != TLS_1_2 && tls->vminor != TLS_1_3))
        return FREEBSD_EPROTONOSUPPORT;
    if ((tls->key_len != 16 && tls->key_len != 32) || (tls->iv_len != 4 && tls->iv_len != 12))
        return FREEBSD_EINVAL;
    return (ifp->suites & nic_suite(tls)) == 0 ? FREEBSD_EPROTONOSUPPORT : 0;
}

static int alloc_snd_tag(struct sim_freebsd_socket *s, const struct sim_freebsd_session *tls,
                         bool force)
{
    struct sim_freebsd_ifnet *ifp = ifnet_at(s, s->route);
    bool firmware;
    int error;

    if (s->dropped)
        return FREEBSD_ECONNRESET;
    if (!force && s->host->ifnet_permitted == 0)
        return FREEBSD_ENXIO;
    if (!s->route_cached)
        return FREEBSD_ENXIO;
    if (ifp == NULL || (ifp->caps & FREEBSD_IFCAP_MEXTPG) == 0 ||
        (ifp->caps & (s->ipv6 ? FREEBSD_IFCAP_TXTLS6 : FREEBSD_IFCAP_TXTLS4)) == 0)
        return FREEBSD_EOPNOTSUPP;
    error = driver_refuses(ifp, tls, false);
    if (error != 0)
        return error;
    firmware = !ifp->firmware_fails && ifp->keys < ifp->keys_max;
    if (!firmware) {
        ifp->tx_error++;
        if (s->host->release >= SIM_FREEBSD_15)
            return FREEBSD_ENOMEM;
    }
    /* Up to 14 the objects are made later: the answer is success, and no packet ever leaves. */
    s->stalled = !firmware;
    if (firmware)
        ifp->keys++;
    ifp->tx_tags++;
    s->tx_tag = s->route;
    s->nic_started = false;
    return 0;
}

static void release_snd_tag(struct sim_freebsd_socket *s)
{
    struct sim_freebsd_ifnet *ifp = ifnet_at(s, s->tx_tag);

    if (ifp == NULL)
        return;
    ifp->tx_tags--;
    if (!s->stalled)
        ifp->keys--;
    s->stalled = false;
    s->tx_tag = -1;
}

static int alloc_rcv_tag(struct sim_freebsd_socket *s, const struct sim_freebsd_session *tls,
                         int index)
{
    struct sim_freebsd_ifnet *ifp = ifnet_at(s, index);
    uint32_t wanted = s->ipv6 ? FREEBSD_IFCAP2_RXTLS6 : FREEBSD_IFCAP2_RXTLS4;
    int error;

    if (s->host->rx_caps_as_shipped)
        wanted = s->ipv6 ? 1 : 0; /* the numbers of the bits */
    if (ifp == NULL || (ifp->caps2 & wanted) == 0)
        return FREEBSD_EOPNOTSUPP;
    error = driver_refuses(ifp, tls, true);
    if (error == 0 && (ifp->firmware_fails || ifp->keys >= ifp->keys_max))
        error = FREEBSD_ENOMEM;
    if (error != 0) {
        ifp->rx_error++;
        return error;
    }
    ifp->keys++;
    ifp->rx_tags++;
    s->rx_tag = index;
    return 0;
}

static void release_rcv_tag(struct sim_freebsd_socket *s)
{
    struct sim_freebsd_ifnet *ifp = ifnet_at(s, s->rx_tag);

    if (ifp == NULL)
        return;
    ifp->rx_tags--;
    ifp->keys--;
    s->rx_tag = -1;
}

int freebsd_try_ifnet_tx(struct sim_freebsd_socket *s, struct sim_freebsd_session *tls, bool force)
{
    int error = alloc_snd_tag(s, tls, force);

    if (error == 0)
        tls->mode = FREEBSD_TCP_TLS_MODE_IFNET;
    return error;
}

int freebsd_try_ifnet_rx(struct sim_freebsd_socket *s, struct sim_freebsd_session *tls)
{
    int error;

    if (tls->cipher != FREEBSD_CRYPTO_AES_NIST_GCM_16)
        return FREEBSD_ENXIO; /* partly decrypted records could not be repaired */
    if (s->dropped)
        return FREEBSD_ECONNRESET;
    if (s->host->ifnet_permitted == 0 || !s->route_cached)
        return FREEBSD_ENXIO;
    error = alloc_rcv_tag(s, tls, s->input);
    if (error == 0)
        tls->mode = FREEBSD_TCP_TLS_MODE_IFNET;
    return error;
}

void freebsd_nic_begin(struct sim_freebsd_socket *s)
{
    s->nic_from = s->snd_offset + s->snd_len;
    s->nic_upto = UINT64_MAX;
    s->nic_xmit = s->host->release >= SIM_FREEBSD_14;
}

void freebsd_nic_settle(struct sim_freebsd_socket *s)
{
    if (s->tx.mode == FREEBSD_TCP_TLS_MODE_SW && s->snd_offset >= s->nic_upto) {
        release_snd_tag(s);
        s->nic_xmit = false;
    }
}

void freebsd_release_tags(struct sim_freebsd_socket *s)
{
    release_snd_tag(s);
    release_rcv_tag(s);
}

/* The steps of a switch between software and interface, once it is allowed. */
static int switch_to(struct sim_freebsd_socket *s, int mode)
{
    struct sim_freebsd_session tls = s->tx; /* the counter of explicit nonces goes along */
    int error;

    tls.mode = mode;
    if (mode == FREEBSD_TCP_TLS_MODE_IFNET)
        error = freebsd_try_ifnet_tx(s, &tls, true);
    else
        error = freebsd_try_sw(s->host, &tls, false);
    if (error == 0 && s->switch_races) {
        if (mode == FREEBSD_TCP_TLS_MODE_IFNET)
            release_snd_tag(s);
        error = FREEBSD_EBUSY;
    }
    if (error != 0)
        return error;
    freebsd_count_session(s->host, s->tx.mode, s->tx.cipher, -1);
    s->tx = tls;
    freebsd_count_session(s->host, mode, tls.cipher, 1);
    if (mode == FREEBSD_TCP_TLS_MODE_IFNET)
        freebsd_nic_begin(s);
    else
        s->nic_upto = s->snd_offset + s->snd_len;
    return 0;
}

int freebsd_set_mode(struct sim_freebsd_socket *s, int mode)
{
    int error;

    if (s->listening || (mode != FREEBSD_TCP_TLS_MODE_SW && mode != FREEBSD_TCP_TLS_MODE_IFNET))
        return FREEBSD_EINVAL;
    if (mode == FREEBSD_TCP_TLS_MODE_IFNET) {
        if (s->nic_xmit)
            return FREEBSD_EALREADY;
        if (s->nic_xmit_dis)
            return FREEBSD_ENXIO;
    }
    if (!s->tx.set || s->tx.mode == mode)
        return 0;
    error = switch_to(s, mode);
    if (error != 0)
        s->host->stats.switch_failed++;
    else if (mode == FREEBSD_TCP_TLS_MODE_IFNET)
        s->host->stats.switch_to_ifnet++;
    else
        s->host->stats.switch_to_sw++;
    freebsd_nic_settle(s);
    return error;
}

void freebsd_reset_send_tag(struct sim_freebsd_socket *s)
{
    s->route_changed = false;
    if (s->dropped)
        return;
    release_snd_tag(s);
    if (alloc_snd_tag(s, &s->tx, true) == 0) {
        s->host->stats.ifnet_reset++;
        return;
    }
    /* What was framed for a NIC is plaintext: nobody can encrypt it any more. */
    s->host->stats.ifnet_reset_failed++;
    s->host->stats.ifnet_reset_dropped++;
    sim_freebsd_drop(s, FREEBSD_ECONNABORTED);
}

void freebsd_reset_receive_tag(struct sim_freebsd_socket *s)
{
    s->input_changed = false;
    if (s->dropped || s->rx.mode != FREEBSD_TCP_TLS_MODE_IFNET)
        return;
    release_rcv_tag(s);
    if (alloc_rcv_tag(s, &s->rx, s->input) == 0)
        s->host->stats.ifnet_reset++;
    else
        s->host->stats.ifnet_reset_failed++;
}

void freebsd_disable_ifnet(struct sim_freebsd_socket *s)
{
    s->fallback_wanted = false;
    if (s->dropped)
        return;
    if (freebsd_set_mode(s, FREEBSD_TCP_TLS_MODE_SW) == 0)
        s->host->stats.ifnet_disable_ok++;
    else
        s->host->stats.ifnet_disable_failed++;
}

void sim_freebsd_route(struct sim_freebsd_socket *s, int ifnet)
{
    s->route = ifnet;
}

void sim_freebsd_input_by(struct sim_freebsd_socket *s, int ifnet)
{
    if (s->input != ifnet)
        s->input_changed = true;
    s->input = ifnet;
}

void sim_freebsd_rexmit(struct sim_freebsd_socket *s, size_t len)
{
    uint64_t all;

    if (s->dropped || len == 0)
        return;
    s->rexmit_bytes += len;
    if (s->tx_tag >= 0) {
        struct sim_freebsd_ifnet *ifp = &s->host->mce[s->tx_tag];

        ifp->tx_packets_ooo += 2; /* back, and forward again */
        ifp->tx_bytes_ooo += len;
    }
    all = s->rexmit_bytes + s->sent_bytes;
    if (s->host->tcp_rexmit_fallback && s->tx.mode == FREEBSD_TCP_TLS_MODE_IFNET &&
        !s->nic_xmit_dis && 100 * s->rexmit_bytes / all > s->host->ifnet_max_rexmit_pct) {
        s->nic_xmit_dis = true;
        s->fallback_wanted = true;
    }
}
