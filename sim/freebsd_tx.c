/* SPDX-License-Identifier: BSD-2-Clause */
/* The sending side: sendmsg, sendfile, framing, and TCP as far as the model has one. */
#include "freebsd_internal.h"

#include <string.h>

#define MSS          1448u
#define PACKET_EXTRA 66u /* headers of a segment over IPv4, with time stamps */
#define PAGE         4096u

enum sim_alg freebsd_alg(const struct sim_freebsd_session *tls)
{
    if (tls->cipher == FREEBSD_CRYPTO_CHACHA20_POLY1305)
        return SIM_CHACHA20_POLY1305;
    return tls->key_len == 16 ? SIM_AES_128_GCM : SIM_AES_256_GCM;
}

void freebsd_nonce(const struct sim_freebsd_session *tls, uint64_t seq,
                   const uint8_t *explicit_nonce, uint8_t nonce[SIM_NONCE_LEN])
{
    uint8_t number[8];

    if (tls->cipher == FREEBSD_CRYPTO_AES_NIST_GCM_16 && tls->vminor == TLS_1_2) {
        memcpy(nonce, tls->iv, 4);
        memcpy(nonce + 4, explicit_nonce, 8);
        return;
    }
    memcpy(nonce, tls->iv, SIM_NONCE_LEN);
    sim_put_be64(number, seq);
    for (size_t i = 0; i < 8; i++)
        nonce[4 + i] ^= number[i];
}

size_t freebsd_aad(const struct sim_freebsd_session *tls, uint64_t seq, const uint8_t *header,
                   size_t plain_len, uint8_t aad[13])
{
    if (tls->vminor == TLS_1_3) {
        memcpy(aad, header, 5);
        return 5;
    }
    sim_put_be64(aad, seq);
    memcpy(aad + 8, header, 3);
    sim_put_be16(aad + 11, plain_len);
    return 13;
}

void freebsd_count_record(struct sim_freebsd *host, const struct sim_freebsd_session *tls, bool rx)
{
    struct sim_freebsd_stats *st = &host->stats;
    bool gcm = tls->cipher == FREEBSD_CRYPTO_AES_NIST_GCM_16;

    if (tls->vminor == TLS_1_3 && gcm)
        *(rx ? &st->tls13_gcm_decrypts : &st->tls13_gcm_encrypts) += 1;
    else if (tls->vminor == TLS_1_3)
        *(rx ? &st->tls13_chacha20_decrypts : &st->tls13_chacha20_encrypts) += 1;
    else if (gcm)
        *(rx ? &st->tls12_gcm_decrypts : &st->tls12_gcm_encrypts) += 1;
    else
        *(rx ? &st->tls12_chacha20_decrypts : &st->tls12_chacha20_encrypts) += 1;
}

/* Room for `len` more bytes in the send buffer, which then counts them. */
static uint8_t *append(struct sim_freebsd_socket *s, size_t len)
{
    if (s->snd_len + len > s->snd_room) {
        s->snd_room = 2 * (s->snd_len + len);
        s->snd = sim_realloc(s->snd, s->snd_room);
    }
    s->snd_len += len;
    return s->snd + s->snd_len - len;
}

/* Frames and encrypts one record. On the NIC its bytes come about later, but are the same. */
static void frame(struct sim_freebsd_socket *s, uint8_t type, const uint8_t *data, size_t len)
{
    struct sim_freebsd_session *tls = &s->tx;
    uint8_t nonce[SIM_NONCE_LEN], aad[13], plain[16384 + 1];
    bool gcm12 = tls->cipher == FREEBSD_CRYPTO_AES_NIST_GCM_16 && tls->vminor == TLS_1_2;
    bool tls13 = tls->vminor == TLS_1_3;
    size_t total = tls->hlen + len + tls->tlen, inner = tls13 ? len + 1 : len;
    struct sim_aead_op op = {.alg = freebsd_alg(tls), .key = tls->key, .nonce = nonce, .aad = aad};
    uint8_t *record = append(s, total);
    uint64_t seq = s->tx_seq++;

    record[0] = tls13 ? 23 : type;
    record[1] = 3;
    record[2] = TLS_1_2;
    sim_put_be16(record + 3, total - 5);
    if (gcm12) {
        memcpy(record + 5, tls->iv + 8, 8);
        sim_put_be64(tls->iv + 8, sim_get_be64(tls->iv + 8) + 1);
    }
    sim_copy(plain, data, len);
    plain[len] = type;
    freebsd_nonce(tls, seq, record + 5, nonce);
    op.aad_len = freebsd_aad(tls, seq, record, len, aad);
    if (s->host->ledger != NULL)
        (void)sim_ledger_note(s->host->ledger, &op, plain, inner);
    sim_aead_seal(&op, plain, inner, record + tls->hlen);
    if (tls->mode == FREEBSD_TCP_TLS_MODE_SW)
        freebsd_count_record(s->host, tls, false);
}

static bool crypto_breaks(struct sim_freebsd_socket *s)
{
    bool breaks = s->tx.mode == FREEBSD_TCP_TLS_MODE_SW && s->host->tx_crypto_fails;

    return breaks || s->tx.cipher == FREEBSD_CRYPTO_AES_CBC;
}

/* One record of `len` bytes, or the end of the connection. */
static void queue_record(struct sim_freebsd_socket *s, uint8_t type, const uint8_t *data,
                         size_t len)
{
    if (s->dropped)
        return; /* an earlier record of the same call has ended it */
    if (crypto_breaks(s)) {
        s->host->tx_crypto_fails = false;
        s->host->stats.failed_crypto++;
        sim_freebsd_drop(s, FREEBSD_EIO);
        return;
    }
    frame(s, type, data, len);
}

static bool on_nic(const struct sim_freebsd_socket *s)
{
    return s->snd_offset >= s->nic_from && s->snd_offset < s->nic_upto;
}

/* How many of the next `waiting` bytes make one segment. */
static size_t segment(const struct sim_freebsd_socket *s, size_t waiting)
{
    size_t len = waiting < MSS ? waiting : MSS, room = sim_pipe_room(s->out);

    if (s->snd_offset < s->nic_from && s->nic_from - s->snd_offset < len)
        len = (size_t)(s->nic_from - s->snd_offset);
    if (on_nic(s) && s->nic_upto - s->snd_offset < len)
        len = (size_t)(s->nic_upto - s->snd_offset);
    return len < room ? len : room;
}

/* Whether the NIC takes a segment; it refuses when it is not the one that has the tag. */
static bool nic_takes(struct sim_freebsd_socket *s, size_t len)
{
    struct sim_freebsd_ifnet *ifp;

    if (s->tx_tag < 0 || s->tx_tag != s->route || s->host->mce[s->tx_tag].gone) {
        s->route_changed = true;
        return false;
    }
    ifp = &s->host->mce[s->tx_tag];
    if (s->stalled) {
        ifp->tx_error++;
        return false;
    }
    if (!s->nic_started)
        ifp->tx_packets_ooo++; /* the first packet is always a surprise */
    s->nic_started = true;
    ifp->tx_packets++;
    ifp->tx_bytes += len + PACKET_EXTRA;
    return true;
}

void freebsd_output(struct sim_freebsd_socket *s)
{
    size_t done = 0;

    while (s->snd_len > done && !s->dropped) {
        size_t len = segment(s, s->snd_len - done);

        if (len == 0 || (on_nic(s) && !nic_takes(s, len)))
            break;
        sim_pipe_write(s->out, s->snd + done, len);
        done += len;
        s->snd_offset += len;
        s->sent_bytes += len;
        s->route_cached = true;
    }
    if (done > 0) {
        s->snd_len -= done;
        memmove(s->snd, s->snd + done, s->snd_len);
    }
    freebsd_nic_settle(s);
    if (s->fin_wanted && s->snd_len == 0 && !s->dropped)
        sim_pipe_fin(s->out);
}

/* What every send asks first, in the kernel's order. */
static int send_error(struct sim_freebsd_socket *s)
{
    int error = s->pending;

    if (s->listening)
        return FREEBSD_ENOTCONN;
    if (s->cant_send)
        return FREEBSD_EPIPE;
    s->pending = 0; /* told once, and a send may be who hears it */
    return error;
}

static size_t space(const struct sim_freebsd_socket *s)
{
    return s->snd_len < s->sndbuf ? s->sndbuf - s->snd_len : 0;
}

enum { NO_TYPE = 256, BAD_CONTROL };

/* The record type asked for. Only the number of the first message is looked at. */
static int record_type(const struct sim_freebsd_socket *s, const uint8_t *control, size_t len)
{
    size_t data = s->host->ilp32 ? 12 : 16;
    int32_t type;

    if (control == NULL || len == 0)
        return NO_TYPE;
    if (!s->tx.set || len <= data)
        return BAD_CONTROL; /* TCP takes no other */
    memcpy(&type, control + 8, 4);
    return type == FREEBSD_TLS_SET_RECORD_TYPE ? control[data] : BAD_CONTROL;
}

/* Queues data[0..len), in records if TLS is on. */
static void queue(struct sim_freebsd_socket *s, uint8_t type, const uint8_t *data, size_t len)
{
    if (!s->tx.set) {
        memcpy(append(s, len), data, len);
        return;
    }
    while (len > 0) {
        size_t n = len < s->tx.max_frame ? len : s->tx.max_frame;

        queue_record(s, type, data, n);
        data += n;
        len -= n;
    }
}

/* What is wrong with the arguments of sendmsg, or with the socket; 0: nothing. */
static int sendmsg_error(struct sim_freebsd_socket *s, size_t len, int type, int flags)
{
    bool empty_allowed = s->tx.cipher == FREEBSD_CRYPTO_AES_CBC && s->tx.vminor == TLS_1_0;
    int error;

    if ((flags & FREEBSD_MSG_EOR) != 0 || type == BAD_CONTROL)
        return FREEBSD_EINVAL;
    if (s->tx.set && len == 0 && !empty_allowed)
        return FREEBSD_EINVAL;
    error = send_error(s);
    return error == 0 && type != NO_TYPE && len > s->sndbuf ? FREEBSD_EMSGSIZE : error;
}

/*
 * The fallback's task has copied the session, and the counter of explicit nonces with it, when
 * this send had the lock already: what the send has counted since is lost.
 */
static void fall_back_behind(struct sim_freebsd_socket *s, const struct sim_freebsd_session *copy)
{
    if (!s->fallback_wanted || s->dropped)
        return;
    freebsd_disable_ifnet(s);
    memcpy(s->tx.iv, copy->iv, sizeof s->tx.iv);
}

long sim_freebsd_sendmsg(struct sim_freebsd_socket *s, const void *data, size_t len,
                         const void *control, size_t control_len, int flags)
{
    int type = record_type(s, control, control_len), error;
    bool atomic = type != NO_TYPE;
    uint8_t used = atomic ? (uint8_t)type : 23;
    struct sim_fault fault = freebsd_begin(s, SIM_FREEBSD_SENDMSG);
    const struct sim_freebsd_session before = s->tx;
    const uint8_t *p = data;
    size_t sent = 0;

    error = fault.kind == SIM_FAULT_ERRNO ? fault.error : sendmsg_error(s, len, type, flags);
    if (error != 0)
        return freebsd_fail(s, error);
    if (fault.kind == SIM_FAULT_SHORT && !atomic && len > fault.length)
        len = fault.length;
    if (len == 0 && s->tx.set)
        queue_record(s, used, p, 0); /* TLS 1.0 */
    while (sent < len && !s->dropped) {
        size_t now = space(s), rest = len - sent;

        if (now < rest && (atomic || now < s->sndlowat)) {
            if (sent == 0)
                return freebsd_fail(s, FREEBSD_EAGAIN);
            break;
        }
        now = now < rest ? now : rest;
        queue(s, used, p + sent, now);
        sent += now;
        freebsd_output(s);
    }
    if (s->host->fallback_races_send)
        fall_back_behind(s, &before);
    return (long)sent;
}

/* Bytes of the file that one buffer of whole pages takes from `offset` on. */
static size_t page_group(const struct sim_freebsd_socket *s, size_t offset)
{
    size_t pages = s->tx.set ? (s->tx.max_frame + PAGE - 1) / PAGE : 16;

    return pages * PAGE - offset % PAGE;
}

int sim_freebsd_sendfile(struct sim_freebsd_socket *s, const void *file, size_t file_len,
                         size_t offset, size_t len, size_t *sent)
{
    struct sim_fault fault = freebsd_begin(s, SIM_FREEBSD_SENDFILE);
    const uint8_t *p = file;
    int error = fault.kind == SIM_FAULT_ERRNO ? fault.error : send_error(s);

    *sent = 0;
    if (error != 0)
        return freebsd_fail(s, error);
    if (offset > file_len || len > file_len - offset)
        len = offset < file_len ? file_len - offset : 0;
    if (fault.kind == SIM_FAULT_SHORT && len > fault.length)
        len = fault.length;
    if (s->sndlowat < s->sndbuf / 2)
        s->sndlowat = s->sndbuf / 2;
    while (*sent < len && !s->dropped) {
        size_t n = page_group(s, offset + *sent);

        n = n < len - *sent ? n : len - *sent;
        if (space(s) < n && space(s) < s->sndlowat)
            return freebsd_fail(s, FREEBSD_EAGAIN);
        if (s->tx.set)
            queue_record(s, 23, p + offset + *sent, n);
        else
            queue(s, 23, p + offset + *sent, n);
        *sent += n;
        freebsd_output(s);
    }
    return 0;
}
