/* SPDX-License-Identifier: BSD-2-Clause */
/* The receiving side: cutting off records, opening them, recvmsg. */
#include "freebsd_internal.h"

#include <stdlib.h>
#include <string.h>

static size_t decrypted(const struct sim_freebsd_socket *s)
{
    size_t all = 0;

    for (size_t i = 0; i < s->record_count; i++)
        all += s->records[i].len - s->records[i].taken;
    return all;
}

static void drop_record(struct sim_freebsd_socket *s)
{
    free(s->records[0].bytes);
    s->record_count--;
    memmove(s->records, s->records + 1, s->record_count * sizeof *s->records);
}

static void add_record(struct sim_freebsd_socket *s, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct sim_freebsd_record *r;

    if (s->record_count == s->record_room) {
        s->record_room = 2 * (s->record_room + 4);
        s->records = sim_realloc(s->records, s->record_room * sizeof *s->records);
    }
    r = &s->records[s->record_count++];
    *r = (struct sim_freebsd_record){.type = type, .vmajor = 3, .vminor = TLS_1_2, .len = len};
    r->bytes = sim_alloc(len + 1);
    sim_copy(r->bytes, bytes, len);
}

static void cut(struct sim_freebsd_socket *s, size_t len)
{
    s->rcv_len -= len;
    memmove(s->rcv, s->rcv + len, s->rcv_len);
}

/* What is wrong with a header, as far as it can be judged without the record; 0: nothing. */
static int bad_header(const struct sim_freebsd_session *tls, const uint8_t *header)
{
    uint8_t vminor = tls->vminor == TLS_1_3 ? TLS_1_2 : tls->vminor;
    size_t len = 5u + sim_get_be16(header + 3);

    if (header[1] != 3 || header[2] != vminor)
        return FREEBSD_EINVAL;
    if (tls->vminor == TLS_1_3 && header[0] != 23)
        return FREEBSD_EINVAL;
    return len < tls->hlen || len > tls->hlen + 16384u + tls->tlen ? FREEBSD_EMSGSIZE : 0;
}

/* Opens the record at the head of the pending bytes and queues what is in it; 0, or an errno. */
static int open_record(struct sim_freebsd_socket *s, size_t len, uint64_t seq)
{
    const struct sim_freebsd_session *tls = &s->rx;
    uint8_t nonce[SIM_NONCE_LEN], aad[13], plain[16384 + 256];
    struct sim_aead_op op = {.alg = freebsd_alg(tls), .key = tls->key, .nonce = nonce, .aad = aad};
    size_t inner;
    uint8_t type = s->rcv[0];

    if (tls->cipher == FREEBSD_CRYPTO_AES_CBC || s->host->rx_crypto_fails) {
        s->host->rx_crypto_fails = false;
        return FREEBSD_EBADMSG;
    }
    if (len < tls->hlen + tls->tlen)
        return s->host->release == SIM_FREEBSD_13 ? FREEBSD_EBADMSG : FREEBSD_EMSGSIZE;
    inner = len - tls->hlen - SIM_TAG_LEN;
    freebsd_nonce(tls, seq, s->rcv + 5, nonce);
    op.aad_len = freebsd_aad(tls, seq, s->rcv, inner, aad);
    if (!sim_aead_open(&op, s->rcv + tls->hlen, len - tls->hlen, plain))
        return FREEBSD_EBADMSG;
    if (tls->vminor == TLS_1_3) {
        while (inner > 0 && plain[inner - 1] == 0)
            inner--;
        if (inner == 0)
            return FREEBSD_EBADMSG;
        type = plain[--inner];
    }
    add_record(s, type, plain, inner);
    return 0;
}

static void count_opened(struct sim_freebsd_socket *s)
{
    if (s->rx_tag >= 0)
        s->host->mce[s->rx_tag].rx_decrypted_ok++;
    else
        freebsd_count_record(s->host, &s->rx, true);
}

/* The worker: goes on as long as it finds whole records. */
static void decrypt(struct sim_freebsd_socket *s)
{
    while (s->rcv_len >= s->rx.hlen) {
        size_t len = 5u + sim_get_be16(s->rcv + 3);
        int error = bad_header(&s->rx, s->rcv);

        if (error != 0) {
            s->host->stats.corrupted_records++;
            sim_freebsd_drop(s, error);
            return;
        }
        if (s->rcv_len < len)
            break;
        error = open_record(s, len, s->rx_seq++);
        cut(s, len);
        if (error != 0) {
            s->host->stats.failed_crypto++;
            s->pending = error;
            continue;
        }
        count_opened(s);
    }
    if (s->cant_receive && s->rcv_len > 0)
        s->pending = FREEBSD_EMSGSIZE;
}

void freebsd_check_rx(struct sim_freebsd_socket *s)
{
    if (s->rcv_len >= 5 && s->rcv_len >= 5u + sim_get_be16(s->rcv + 3)) {
        decrypt(s);
        return;
    }
    if (s->cant_receive && s->rcv_len > 0)
        s->pending = FREEBSD_EMSGSIZE;
}

void freebsd_input(struct sim_freebsd_socket *s)
{
    size_t held = s->rcv_len + decrypted(s), room = held < s->rcvbuf ? s->rcvbuf - held : 0;
    size_t len = sim_pipe_readable(s->in);
    bool ended;

    if (s->cant_receive)
        return;
    len = len < room ? len : room;
    if (s->rcv_len + len > s->rcv_room) {
        s->rcv_room = 2 * (s->rcv_len + len);
        s->rcv = sim_realloc(s->rcv, s->rcv_room);
    }
    if (len > 0)
        s->rcv_len += sim_pipe_read(s->in, s->rcv + s->rcv_len, len);
    ended = sim_pipe_ended(s->in);
    if (ended)
        s->cant_receive = true;
    if (len > 0 && s->input_changed && s->rx.set)
        freebsd_reset_receive_tag(s);
    if (s->rx.set && (len > 0 || ended))
        freebsd_check_rx(s);
}

void freebsd_flush_rx(struct sim_freebsd_socket *s)
{
    while (s->record_count > 0)
        drop_record(s);
    s->rcv_len = 0;
}

/* Appends the control message of a record; what does not fit is cut off, and said so. */
static void tell_record(const struct sim_freebsd_socket *s, const struct sim_freebsd_record *r,
                        struct sim_freebsd_msg *msg, size_t room)
{
    size_t data = s->host->ilp32 ? 12 : 16, space = s->host->ilp32 ? 20 : 24;
    uint8_t cmsg[24] = {0};
    uint32_t len = (uint32_t)data + 6;
    int32_t level = FREEBSD_IPPROTO_TCP, type = FREEBSD_TLS_GET_RECORD;

    if (msg->control == NULL)
        return;
    memcpy(cmsg, &len, 4);
    memcpy(cmsg + 4, &level, 4);
    memcpy(cmsg + 8, &type, 4);
    cmsg[data] = r->type;
    cmsg[data + 1] = r->vmajor;
    cmsg[data + 2] = r->vminor;
    sim_put_be16(cmsg + data + 4, r->len);
    if (room - msg->control_len < space) {
        msg->flags |= FREEBSD_MSG_CTRUNC;
        space = room - msg->control_len;
    }
    sim_copy((uint8_t *)msg->control + msg->control_len, cmsg, space);
    msg->control_len += space;
}

/* Nothing to deliver: the pending error, the end, or nothing yet. 0 with `*error` 0 is the end. */
static long nothing(struct sim_freebsd_socket *s, int flags)
{
    int error = s->pending;

    if (error != 0) {
        if ((flags & FREEBSD_MSG_PEEK) == 0)
            s->pending = 0;
        return freebsd_fail(s, error);
    }
    /* Bytes of a record that will never be whole are in the way of the end of file. */
    if (s->cant_receive && s->rcv_len == 0)
        return 0;
    return freebsd_fail(s, FREEBSD_EAGAIN);
}

static long receive_raw(struct sim_freebsd_socket *s, struct sim_freebsd_msg *msg, int flags)
{
    size_t n = msg->len < s->rcv_len ? msg->len : s->rcv_len;

    if (s->rcv_len == 0)
        return nothing(s, flags);
    sim_copy(msg->data, s->rcv, n);
    if ((flags & FREEBSD_MSG_PEEK) == 0)
        cut(s, n);
    return (long)n;
}

/* The record at the head: its data as far as there is room. */
static long receive_record(struct sim_freebsd_socket *s, struct sim_freebsd_msg *msg, int flags)
{
    struct sim_freebsd_record *r = &s->records[0];
    size_t left = r->len - r->taken, n = msg->len < left ? msg->len : left;

    sim_copy(msg->data, r->bytes + r->taken, n);
    if (n == left)
        msg->flags |= FREEBSD_MSG_EOR;
    if ((flags & FREEBSD_MSG_PEEK) != 0)
        return (long)n;
    r->told = true;
    r->taken += n;
    if (n == left)
        drop_record(s);
    return (long)n;
}

long sim_freebsd_recvmsg(struct sim_freebsd_socket *s, struct sim_freebsd_msg *msg, int flags)
{
    struct sim_fault fault = freebsd_begin(s, SIM_FREEBSD_RECVMSG);
    size_t room = msg->control_len;

    msg->flags = 0;
    msg->control_len = 0;
    if (fault.kind == SIM_FAULT_ERRNO)
        return freebsd_fail(s, fault.error);
    if (fault.kind == SIM_FAULT_SHORT && msg->len > fault.length)
        msg->len = fault.length;
    if (s->listening)
        return freebsd_fail(s, FREEBSD_ENOTCONN);
    if (!s->rx.set && s->record_count == 0)
        return receive_raw(s, msg, flags);
    while (s->record_count > 0) {
        struct sim_freebsd_record *r = &s->records[0];

        if (!r->told)
            tell_record(s, r, msg, room);
        if (r->len > 0)
            return receive_record(s, msg, flags);
        /* Empty: there is a message but no data, and so no end-of-record mark. */
        if ((flags & FREEBSD_MSG_PEEK) != 0)
            return 0;
        drop_record(s);
        if (s->host->empty_record_ends || s->cant_receive || msg->len == 0)
            return 0;
    }
    return nothing(s, flags);
}

size_t sim_freebsd_readable(struct sim_freebsd_socket *s)
{
    sim_freebsd_run(s);
    return s->rx.set ? decrypted(s) : s->rcv_len;
}
