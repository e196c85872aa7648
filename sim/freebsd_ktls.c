/* SPDX-License-Identifier: BSD-2-Clause */
/* Host, socket, options, and what runs beside the process. */
#include "freebsd_ktls.h"

#include "freebsd_internal.h"

#include <stdlib.h>
#include <string.h>

int freebsd_fail(struct sim_freebsd_socket *s, int error)
{
    s->err = error;
    return -1;
}

struct sim_fault freebsd_begin(struct sim_freebsd_socket *s, enum sim_freebsd_call call)
{
    sim_freebsd_run(s);
    if (s->host->faults == NULL)
        return (struct sim_fault){.kind = SIM_FAULT_NONE};
    return sim_faults_meet(s->host->faults, (unsigned)call);
}

static void init_ifnet(struct sim_freebsd_ifnet *ifp, const char *name)
{
    strncpy(ifp->name, name, sizeof ifp->name - 1);
    ifp->caps = FREEBSD_IFCAP_MEXTPG | FREEBSD_IFCAP_TXTLS4 | FREEBSD_IFCAP_TXTLS6 |
                FREEBSD_IFCAP_TXTLS_RTLMT;
    ifp->caps2 = FREEBSD_IFCAP2_RXTLS4 | FREEBSD_IFCAP2_RXTLS6;
    ifp->tls = true;
    ifp->tls_rx = true;
    ifp->suites = SIM_NIC_ALL;
    ifp->tx_max = 64;
    ifp->rx_max = 64;
    ifp->keys_max = 128;
}

void sim_freebsd_init(struct sim_freebsd *host, enum sim_freebsd_release release, uint64_t seed,
                      struct sim_ledger *ledger)
{
    memset(host, 0, sizeof *host);
    host->release = release;
    host->osreldate = (uint32_t)release * 100000u;
    host->kern_tls = true;
    host->ktls_ocf = true;
    host->tcp_rexmit_fallback = release >= SIM_FREEBSD_14;
    host->rx_caps_as_shipped = true;
    host->enable = true; /* the default up to 14 is false */
    host->rx_enable = true;
    host->cbc_enable = true;
    host->maxlen = 16384;
    host->ifnet_permitted = release >= SIM_FREEBSD_15;
    host->ifnet_max_rexmit_pct = 2;
    host->mb_use_ext_pgs = 1;
    host->ledger = ledger;
    host->random = seed;
    init_ifnet(&host->mce[0], "mce0");
    init_ifnet(&host->mce[1], "mce1");
    if (release == SIM_FREEBSD_13) {
        for (size_t i = 0; i < SIM_FREEBSD_IFS; i++) {
            host->mce[i].caps2 = 0;
            host->mce[i].tls_rx = false;
        }
        host->stats.threads = 2;
    }
}

bool sim_freebsd_map(struct sim_freebsd *host, uint64_t address, const void *bytes, size_t len)
{
    if (host->map_count == SIM_FREEBSD_MAPS)
        return false;
    host->maps[host->map_count++] =
        (struct sim_freebsd_map){.address = address, .bytes = bytes, .len = len};
    return true;
}

struct sim_freebsd_socket *sim_freebsd_socket_new(struct sim_freebsd *host, struct sim_pipe *out,
                                                  struct sim_pipe *in)
{
    struct sim_freebsd_socket *s = sim_alloc(sizeof *s);

    s->host = host;
    s->out = out;
    s->in = in;
    s->route_cached = true; /* a handshake has been through */
    s->tx_tag = -1;
    s->rx_tag = -1;
    s->sndbuf = 65536;
    s->rcvbuf = 131072;
    s->sndlowat = 2048;
    return s;
}

static void end_session(struct sim_freebsd *host, struct sim_freebsd_session *tls)
{
    if (!tls->set)
        return;
    freebsd_count_session(host, tls->mode, tls->cipher, -1);
    host->stats.active--;
    memset(tls, 0, sizeof *tls);
}

void sim_freebsd_socket_free(struct sim_freebsd_socket *s)
{
    if (s == NULL)
        return;
    freebsd_release_tags(s);
    end_session(s->host, &s->tx);
    end_session(s->host, &s->rx);
    freebsd_flush_rx(s);
    free(s->records);
    free(s->rcv);
    free(s->snd);
    free(s);
}

void sim_freebsd_drop(struct sim_freebsd_socket *s, int error)
{
    if (s->dropped)
        return;
    s->dropped = true;
    s->pending = error;
    s->cant_send = true;
    s->cant_receive = true;
    s->snd_len = 0;
    sim_pipe_reset(s->out);
    sim_pipe_reset(s->in);
}

void sim_freebsd_run(struct sim_freebsd_socket *s)
{
    if (!s->dropped && (sim_pipe_is_reset(s->in) || sim_pipe_is_reset(s->out)))
        sim_freebsd_drop(s, FREEBSD_ECONNRESET);
    if (s->fallback_wanted && !s->host->fallback_races_send)
        freebsd_disable_ifnet(s);
    freebsd_output(s);
    if (s->route_changed) {
        freebsd_reset_send_tag(s);
        freebsd_output(s);
    }
    freebsd_input(s);
}

static int set_mode_option(struct sim_freebsd_socket *s, const void *value, size_t len)
{
    int32_t mode;

    if (value == NULL)
        return FREEBSD_EFAULT;
    if (len < sizeof mode)
        return FREEBSD_EINVAL;
    memcpy(&mode, value, sizeof mode);
    return freebsd_set_mode(s, mode);
}

static int set_option(struct sim_freebsd_socket *s, int level, int name, const void *value,
                      size_t len)
{
    if (s->dropped)
        return FREEBSD_ECONNRESET;
    if (level != FREEBSD_IPPROTO_TCP || !s->host->kern_tls)
        return FREEBSD_ENOPROTOOPT;
    switch (name) {
    case FREEBSD_TCP_TXTLS_ENABLE:
        return freebsd_enable_tx(s, value, len);
    case FREEBSD_TCP_RXTLS_ENABLE:
        return freebsd_enable_rx(s, value, len);
    case FREEBSD_TCP_TXTLS_MODE:
        return set_mode_option(s, value, len);
    default:
        return FREEBSD_ENOPROTOOPT;
    }
}

int sim_freebsd_setsockopt(struct sim_freebsd_socket *s, int level, int name, const void *value,
                           size_t len)
{
    struct sim_fault fault = freebsd_begin(s, SIM_FREEBSD_SETSOCKOPT);
    int error =
        fault.kind == SIM_FAULT_ERRNO ? fault.error : set_option(s, level, name, value, len);

    return error == 0 ? 0 : freebsd_fail(s, error);
}

static int mode_of(const struct sim_freebsd_session *tls)
{
    return tls->set ? tls->mode : FREEBSD_TCP_TLS_MODE_NONE;
}

int sim_freebsd_getsockopt(struct sim_freebsd_socket *s, int level, int name, void *value,
                           size_t *len)
{
    struct sim_fault fault = freebsd_begin(s, SIM_FREEBSD_GETSOCKOPT);
    bool mode = name == FREEBSD_TCP_TXTLS_MODE || name == FREEBSD_TCP_RXTLS_MODE;
    int32_t answer;

    if (fault.kind == SIM_FAULT_ERRNO)
        return freebsd_fail(s, fault.error);
    if (level == FREEBSD_SOL_SOCKET && name == FREEBSD_SO_ERROR) {
        answer = s->pending;
        s->pending = 0;
    } else {
        if (s->dropped)
            return freebsd_fail(s, FREEBSD_ECONNRESET);
        if (level != FREEBSD_IPPROTO_TCP || !s->host->kern_tls || !mode)
            return freebsd_fail(s, FREEBSD_ENOPROTOOPT);
        if (s->listening)
            return freebsd_fail(s, FREEBSD_EINVAL);
        answer = mode_of(name == FREEBSD_TCP_TXTLS_MODE ? &s->tx : &s->rx);
    }
    if (*len > sizeof answer)
        *len = sizeof answer;
    memcpy(value, &answer, *len);
    return 0;
}

int sim_freebsd_shutdown(struct sim_freebsd_socket *s, int how)
{
    struct sim_fault fault = freebsd_begin(s, SIM_FREEBSD_SHUTDOWN);

    if (fault.kind == SIM_FAULT_ERRNO)
        return freebsd_fail(s, fault.error);
    if (s->listening || s->dropped)
        return freebsd_fail(s, FREEBSD_ENOTCONN);
    if (how == FREEBSD_SHUT_RD || how == FREEBSD_SHUT_RDWR) {
        s->cant_receive = true;
        freebsd_flush_rx(s);
    }
    if (how == FREEBSD_SHUT_WR || how == FREEBSD_SHUT_RDWR) {
        s->cant_send = true;
        s->fin_wanted = true;
        freebsd_output(s);
    }
    return 0;
}

int sim_freebsd_poll(struct sim_freebsd_socket *s)
{
    int events = 0;
    bool data, room;

    sim_freebsd_run(s);
    data = s->rx.set ? s->record_count > 0 : s->rcv_len > 0;
    room = s->snd_len < s->sndbuf && s->sndbuf - s->snd_len >= s->sndlowat;
    if (data || s->cant_receive || s->pending != 0)
        events |= FREEBSD_POLLIN;
    if (room || s->cant_send || s->pending != 0)
        events |= FREEBSD_POLLOUT;
    if (s->cant_receive && s->cant_send)
        events |= FREEBSD_POLLHUP;
    return events;
}
