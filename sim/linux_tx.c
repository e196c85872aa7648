/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending: what joins which record, and when a record closes. */
#include "linux_internal.h"

#include <string.h>

#define PER_MILLE 1000u

/* Where the bytes of a call come from. */
struct source {
    const struct sim_iov *iov;
    size_t count, at; /* pieces, and bytes of the first one that are gone */
    size_t left;
    bool pages; /* of a file: a fragment for each page */
};

/* One call. */
struct sending {
    struct sim_linux_socket *s;
    struct source from;
    uint8_t type;
    bool typed, more;
    size_t allowed; /* bytes before an injected fault ends the call */
    int64_t done;
};

static size_t total(const struct sim_iov *iov, size_t count)
{
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += iov[i].len;
    return sum;
}

void linux_push(struct sim_linux_socket *s)
{
    if (s->unsent_len == 0 || s->out == NULL)
        return;
    size_t n = sim_pipe_write(s->out, s->unsent, s->unsent_len);
    s->unsent_len -= n;
    if (n == 0)
        return;
    memmove(s->unsent, s->unsent + n, s->unsent_len);
    linux_sent(s);
}

void linux_sent(struct sim_linux_socket *s)
{
    if (s->peer_gone)
        sim_pipe_reset(s->in);
}

bool linux_send_space(const struct sim_linux_socket *s)
{
    return s->shut_wr || (s->unsent_len == 0 && sim_pipe_room(s->out) > 0);
}

/* Closes the open record: it gets its number, is sealed, and goes to TCP as far as that has room.
 */
static int close_record(struct sim_linux_socket *s, uint8_t type)
{
    uint8_t wire[LINUX_MAX_RECORD];
    size_t len = linux_seal(&s->tx, s->kernel->ledger, type, s->open, s->open_len, wire);

    s->sent_keys = s->tx;
    s->sent_len = s->open_len;
    s->sent_file = NULL;
    s->open_len = 0;
    s->open_frags = 0;
    if (linux_advance(&s->tx)) {
        s->pending_error = EBADMSG; /* and this record does not go out */
        return EBADMSG;
    }
    if (s->shut_wr)
        return 0; /* TCP takes it no more, and nobody is told */
    if (s->unsent_len + len > s->unsent_room) {
        s->unsent_room = s->unsent_len + LINUX_MAX_RECORD;
        s->unsent = sim_realloc(s->unsent, s->unsent_room);
    }
    memcpy(s->unsent + s->unsent_len, wire, len);
    s->unsent_len += len;
    linux_push(s);
    return 0;
}

/* Moves up to `want` bytes into the open record, until its fragments are used up. */
static size_t fill(struct sim_linux_socket *s, struct source *from, size_t want)
{
    size_t done = 0;

    while (done < want && from->count > 0 && s->open_frags < s->kernel->max_frags) {
        size_t n = from->iov->len - from->at;
        size_t page = LINUX_PAGE - from->at % LINUX_PAGE;

        if (n > want - done)
            n = want - done;
        if (from->pages && n > page)
            n = page;
        if (n > 0) {
            memcpy(s->open + s->open_len, (const uint8_t *)from->iov->base + from->at, n);
            s->open_frags += from->pages; /* what is copied is put together */
        }
        s->open_len += n;
        from->at += n;
        from->left -= n;
        done += n;
        while (from->count > 0 && from->at == from->iov->len) {
            from->iov++;
            from->count--;
            from->at = 0;
        }
    }
    return done;
}

/* One step: some bytes join the open record, which may close. 0, or an errno. */
static int step(struct sending *call)
{
    struct sim_linux_socket *s = call->s;
    size_t room = s->max_payload > s->open_len ? s->max_payload - s->open_len : 0;
    size_t take = call->from.left < call->allowed ? call->from.left : call->allowed;
    bool full = take >= room;

    if (full)
        take = room;
    if (!call->typed && take > 1 && s->kernel->pressure > 0 &&
        sim_random_below(&s->kernel->seed, PER_MILLE) < s->kernel->pressure) {
        take = 1 + (size_t)sim_random_below(&s->kernel->seed, take);
        full = true;
    }
    size_t taken = fill(s, &call->from, take);
    if (s->open_frags >= s->kernel->max_frags)
        full = true;
    call->done += (int64_t)taken;
    call->allowed -= taken;
    if (!full && (call->more || (call->from.left > 0 && call->allowed > 0)))
        return 0;
    size_t len = s->open_len;
    int error = len > 0 ? close_record(s, call->type) : 0;
    if (error != 0)
        call->done -= (int64_t)(len < (size_t)call->done ? len : (size_t)call->done);
    return error;
}

static int64_t run(struct sending *call)
{
    struct sim_linux_socket *s = call->s;
    int error = 0;

    while (call->from.left > 0 && error == 0) {
        if (s->pending_error == EPIPE)
            error = linux_take_error(s); /* the only one that a send takes away */
        else if (s->pending_error != 0)
            error = s->pending_error;
        else if (!linux_send_space(s) || call->allowed == 0)
            error = EAGAIN;
        else
            error = step(call);
    }
    return call->done > 0 || error == 0 ? call->done : linux_error(s, error);
}

/* The type of the record, from the ancillary data; closes an open data record. 0, or an errno. */
static int read_control(struct sending *call, const struct sim_linux_out *msg)
{
    struct sim_linux_socket *s = call->s;
    bool found = false;

    for (size_t i = 0; i < msg->control_len; i++) {
        const struct sim_linux_ancillary *a = &msg->control[i];

        if (a->level != LINUX_SOL_TLS)
            continue;
        if (a->type != LINUX_TLS_SET_RECORD_TYPE || a->len < 1 || call->more)
            return EINVAL;
        call->type = a->bytes[0];
        call->typed = true;
        found = true;
        int error = s->open_len > 0 ? close_record(s, LINUX_TYPE_DATA) : 0;
        if (error != 0)
            return error;
    }
    return found ? 0 : EINVAL;
}

/* A socket without a key: bytes as they are. Ancillary data of SOL_TLS means nothing to TCP. */
static int64_t send_plain(struct sim_linux_socket *s, const struct sim_iov *iov, size_t count,
                          size_t allowed)
{
    int64_t done = 0;

    if (s->state != LINUX_CONNECTED)
        return linux_error(s, s->tcp ? EPIPE : ENOTCONN);
    if (s->pending_error != 0)
        return linux_error(s, linux_take_error(s));
    if (s->shut_wr)
        return linux_error(s, EPIPE);
    for (size_t i = 0; i < count && allowed > 0; i++) {
        size_t want = iov[i].len < allowed ? iov[i].len : allowed;
        size_t n = sim_pipe_write(s->out, iov[i].base, want);

        done += (int64_t)n;
        allowed -= n;
        if (n < want)
            break;
    }
    if (done > 0)
        linux_sent(s);
    return done > 0 || total(iov, count) == 0 ? done : linux_error(s, EAGAIN);
}

static int64_t send_tls(struct sending *call, const struct sim_linux_out *msg, unsigned flags)
{
    struct sim_linux_socket *s = call->s;
    unsigned accepted = LINUX_MSG_MORE | LINUX_MSG_DONTWAIT | LINUX_MSG_NOSIGNAL |
                        (s->kernel->eor ? LINUX_MSG_EOR : 0);
    int error = 0;

    if (flags & ~accepted)
        return linux_error(s, EOPNOTSUPP);
    if ((flags & LINUX_MSG_MORE) && (flags & LINUX_MSG_EOR))
        return linux_error(s, EINVAL);
    if (msg->control_len > 0)
        error = read_control(call, msg);
    if (error != 0)
        return linux_error(s, error);
    /* An injected short send: a control record goes whole or not at all. */
    if (call->typed && call->allowed < call->from.left && call->from.left <= s->max_payload)
        return linux_error(s, EAGAIN);
    /* Software emits nothing for nothing; a device's path seals an empty record. */
    if (call->from.left == 0 && !call->more && s->tx.conf == SIM_LINUX_HW && linux_send_space(s) &&
        s->pending_error == 0) {
        error = close_record(s, call->type);
        return error == 0 ? 0 : linux_error(s, error);
    }
    return run(call);
}

int64_t sim_linux_sendmsg(struct sim_linux_socket *s, const struct sim_linux_out *msg,
                          unsigned flags)
{
    struct sim_fault fault = linux_enter(s, SIM_LINUX_SENDMSG);
    size_t len = total(msg->iov, msg->iov_count);
    struct sending call = {
        .s = s,
        .from = {.iov = msg->iov, .count = msg->iov_count, .left = len},
        .type = LINUX_TYPE_DATA,
        .more = (flags & LINUX_MSG_MORE) != 0,
        .allowed = fault.kind == SIM_FAULT_SHORT ? fault.length : SIZE_MAX,
    };

    if (fault.kind == SIM_FAULT_ERRNO)
        return linux_error(s, fault.error);
    if (s->tx.cipher == NULL)
        return send_plain(s, msg->iov, msg->iov_count, call.allowed);
    while (call.from.count > 0 && call.from.iov->len == 0) {
        call.from.iov++;
        call.from.count--;
    }
    return send_tls(&call, msg, flags);
}

/* Where in the file the last record is from, as a device would read it again. */
static void remember(struct sim_linux_socket *s, const uint8_t *file, size_t done)
{
    size_t closed = done - (s->open_len < done ? s->open_len : done);

    if (s->tx.conf == SIM_LINUX_HW && s->zerocopy && s->sent_len > 0 && s->sent_len <= closed)
        s->sent_file = file + closed - s->sent_len;
}

int64_t sim_linux_sendfile(struct sim_linux_socket *s, const void *file, size_t len, bool more)
{
    struct sim_fault fault = linux_enter(s, SIM_LINUX_SENDFILE);
    struct sim_iov iov = {file, len};
    struct sending call = {
        .s = s,
        .from = {.iov = &iov, .count = 1, .left = len, .pages = true},
        .type = LINUX_TYPE_DATA,
        .more = true,
        .allowed = fault.kind == SIM_FAULT_SHORT ? fault.length : SIZE_MAX,
    };

    if (fault.kind == SIM_FAULT_ERRNO)
        return linux_error(s, fault.error);
    if (s->tx.cipher == NULL)
        return send_plain(s, &iov, 1, call.allowed);
    s->sent_len = 0;
    int64_t done = run(&call);
    /* The end of the file closes the record; where the call ends before it, data may stay open. */
    bool ends = !more || !s->kernel->splice_more;
    if (done == (int64_t)len && ends && s->open_len > 0) {
        int error = close_record(s, LINUX_TYPE_DATA);
        if (error != 0)
            return linux_error(s, error);
    }
    if (done > 0)
        remember(s, file, (size_t)done);
    return done;
}

bool sim_linux_retransmit(struct sim_linux_socket *s)
{
    uint8_t wire[LINUX_MAX_RECORD];

    if (s->sent_file == NULL)
        return false;
    linux_seal(&s->sent_keys, s->kernel->ledger, LINUX_TYPE_DATA, s->sent_file, s->sent_len, wire);
    return true;
}
