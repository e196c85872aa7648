/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels, and the life of a socket. */
#include "linux_internal.h"

#include <stdlib.h>
#include <string.h>

#define ALL_CIPHERS 0xffu

void sim_linux_init(struct sim_linux *kernel, uint64_t seed)
{
    *kernel = (struct sim_linux){
        .tls_registered = true,
        .tls_loadable = true,
        .ciphers = ALL_CIPHERS,
        .crypto = ALL_CIPHERS,
        .max_frags = 17,
        .seed = seed,
    };
    sim_linux_release(kernel, 6, 19);
}

void sim_linux_release(struct sim_linux *kernel, unsigned major, unsigned minor)
{
    static const struct {
        unsigned release;
        uint32_t ciphers;
    } since[] = {
        {413, 1u << 0},           /* AES-GCM-128 */
        {501, 1u << 1},           /* AES-GCM-256 */
        {502, 1u << 2},           /* AES-CCM-128 */
        {511, 1u << 3},           /* ChaCha20-Poly1305 */
        {516, 1u << 4 | 1u << 5}, /* SM4 */
        {601, 1u << 6 | 1u << 7}, /* ARIA */
    };
    unsigned release = 100 * major + minor;

    kernel->ciphers = 0;
    for (size_t i = 0; i < sizeof since / sizeof *since; i++)
        kernel->ciphers |= release >= since[i].release ? since[i].ciphers : 0;
    kernel->rx = release >= 417;
    kernel->tls13 = release >= 501;
    kernel->old_errno = release < 500;
    kernel->cmsg_per_record = release <= 510;
    kernel->zerocopy_ro = release >= 519;
    kernel->expect_no_pad = release >= 600;
    kernel->splice_more = release >= 605;
    kernel->eor = release >= 606;
    kernel->poll_partial = release < 607;
    kernel->rekey = release >= 614;
    kernel->diag_needs_privilege = release < 615;
    kernel->max_payload = release >= 619;
}

struct sim_linux_socket *sim_linux_socket_new(struct sim_linux *kernel, bool tcp)
{
    struct sim_linux_socket *s = sim_alloc(sizeof *s);

    s->kernel = kernel;
    s->tcp = tcp;
    return s;
}

void sim_linux_connect_raw(struct sim_linux_socket *s, struct sim_pipe *in, struct sim_pipe *out)
{
    s->in = in;
    s->out = out;
    s->state = LINUX_CONNECTED;
}

void sim_linux_connect(struct sim_linux_socket *a, struct sim_linux_socket *b, size_t limit)
{
    struct linux_link *link = sim_alloc(sizeof *link);

    link->pipes[0] = sim_pipe_new(limit);
    link->pipes[1] = sim_pipe_new(limit);
    link->users = 2;
    sim_linux_connect_raw(a, link->pipes[0], link->pipes[1]);
    sim_linux_connect_raw(b, link->pipes[1], link->pipes[0]);
    a->link = link;
    b->link = link;
    a->peer = b;
    b->peer = a;
}

static void forget(uint64_t *software, uint64_t *device, const struct linux_keys *keys)
{
    if (keys->cipher != NULL)
        *(keys->conf == SIM_LINUX_HW ? device : software) -= 1;
}

static void end_link(struct linux_link *link)
{
    if (link == NULL || --link->users > 0)
        return;
    sim_pipe_free(link->pipes[0]);
    sim_pipe_free(link->pipes[1]);
    free(link);
}

void sim_linux_close(struct sim_linux_socket *s)
{
    if (s == NULL)
        return;
    struct sim_linux_stat *stat = &s->kernel->stat;
    if (s->state == LINUX_CONNECTED) {
        linux_push(s);
        if (sim_pipe_readable(s->in) > 0)
            sim_pipe_reset(s->out);
        else
            sim_pipe_fin(s->out);
        if (s->peer != NULL) {
            s->peer->peer = NULL;
            s->peer->peer_gone = true;
        }
    }
    forget(&stat->curr_tx_sw, &stat->curr_tx_device, &s->tx);
    forget(&stat->curr_rx_sw, &stat->curr_rx_device, &s->rx);
    while (s->first != NULL) {
        struct linux_record *next = s->first->next;
        free(s->first);
        s->first = next;
    }
    end_link(s->link);
    free(s->unsent);
    free(s);
}

int sim_linux_errno(const struct sim_linux_socket *s)
{
    return s->last_errno;
}

int linux_error(struct sim_linux_socket *s, int error)
{
    s->last_errno = error;
    return -1;
}

int linux_take_error(struct sim_linux_socket *s)
{
    int error = s->pending_error;

    s->pending_error = 0;
    return error;
}

bool linux_read_ended(const struct sim_linux_socket *s)
{
    return s->shut_rd || s->reset_seen || sim_pipe_fin_arrived(s->in);
}

/* What softirqs would have done by now. */
static void settle(struct sim_linux_socket *s)
{
    if (s->state != LINUX_CONNECTED)
        return;
    linux_push(s);
    if (s->peer != NULL)
        linux_push(s->peer);
    if (!s->reset_seen && (sim_pipe_is_reset(s->in) || sim_pipe_is_reset(s->out))) {
        s->reset_seen = true;
        s->shut_wr = true;
        s->pending_error = sim_pipe_fin_sent(s->in) ? EPIPE : ECONNRESET;
    }
    linux_parse(s);
}

struct sim_fault linux_enter(struct sim_linux_socket *s, enum sim_linux_call call)
{
    settle(s);
    return s->faults != NULL ? sim_faults_meet(s->faults, call) : (struct sim_fault){0};
}

int sim_linux_shutdown(struct sim_linux_socket *s, int how)
{
    struct sim_fault fault = linux_enter(s, SIM_LINUX_SHUTDOWN);

    if (fault.kind == SIM_FAULT_ERRNO)
        return linux_error(s, fault.error);
    if (how != LINUX_SHUT_RD && how != LINUX_SHUT_WR && how != LINUX_SHUT_RDWR)
        return linux_error(s, EINVAL);
    if (s->state != LINUX_CONNECTED || s->reset_seen)
        return linux_error(s, ENOTCONN);
    if (how != LINUX_SHUT_WR)
        s->shut_rd = true;
    if (how != LINUX_SHUT_RD && !s->shut_wr) {
        /* FIN only: no alert. What of a record is not with TCP yet can no longer go there. */
        s->shut_wr = true;
        s->unsent_len = 0;
        sim_pipe_fin(s->out);
    }
    return 0;
}

int sim_linux_listen(struct sim_linux_socket *s)
{
    settle(s);
    if (!s->tcp)
        return linux_error(s, EOPNOTSUPP);
    if (s->state == LINUX_CONNECTED)
        return linux_error(s, EINVAL);
    s->state = LINUX_LISTENING;
    return 0;
}

int sim_linux_disconnect(struct sim_linux_socket *s)
{
    settle(s);
    if (s->ulp)
        return linux_error(s, EOPNOTSUPP);
    if (s->state == LINUX_CONNECTED)
        sim_pipe_reset(s->out);
    s->state = LINUX_UNCONNECTED;
    return 0;
}

/* Whether a read would find plaintext, as poll sees it. */
static bool readable(const struct sim_linux_socket *s)
{
    if (linux_read_ended(s))
        return true;
    if (s->rx.cipher == NULL)
        return sim_pipe_readable(s->in) > 0;
    if (s->kernel->poll_partial && sim_pipe_readable(s->in) > 0)
        return true;
    return !s->rekey_due && (s->first != NULL || linux_record_ready(s));
}

unsigned sim_linux_poll(struct sim_linux_socket *s)
{
    unsigned mask = 0;

    settle(s);
    if (s->pending_error != 0)
        mask |= LINUX_POLLERR;
    if (s->state != LINUX_CONNECTED)
        return mask | LINUX_POLLOUT | LINUX_POLLHUP;
    if (readable(s))
        mask |= LINUX_POLLIN;
    if (linux_read_ended(s))
        mask |= LINUX_POLLRDHUP;
    if (s->shut_wr || linux_send_space(s))
        mask |= LINUX_POLLOUT;
    if (s->shut_wr && linux_read_ended(s))
        mask |= LINUX_POLLHUP;
    return mask;
}

size_t sim_linux_inq(struct sim_linux_socket *s)
{
    settle(s);
    return s->state == LINUX_CONNECTED ? sim_pipe_readable(s->in) : 0;
}

size_t sim_linux_outq(struct sim_linux_socket *s)
{
    settle(s);
    if (s->state != LINUX_CONNECTED)
        return 0;
    return s->unsent_len + (size_t)(sim_pipe_write_offset(s->out) - sim_pipe_read_offset(s->out));
}

bool sim_linux_diag(struct sim_linux_socket *s, struct sim_linux_diag *diag)
{
    const struct sim_linux *kernel = s->kernel;

    if (!s->ulp || (kernel->diag_needs_privilege && !kernel->privileged))
        return false;
    *diag = (struct sim_linux_diag){
        .version = s->version,
        .cipher = s->cipher,
        .tx = (uint16_t)s->tx.conf,
        .rx = (uint16_t)s->rx.conf,
        .zerocopy = s->zerocopy,
        .no_pad = s->no_pad,
        .max_payload = kernel->max_payload ? s->max_payload : 0,
    };
    return true;
}

void sim_linux_set_faults(struct sim_linux_socket *s, struct sim_faults *faults)
{
    s->faults = faults;
}

void sim_linux_fail(struct sim_linux_socket *s, int error)
{
    s->pending_error = error;
}

struct sim_pipe *sim_linux_in_pipe(struct sim_linux_socket *s)
{
    return s->in;
}

struct sim_pipe *sim_linux_out_pipe(struct sim_linux_socket *s)
{
    return s->out;
}
