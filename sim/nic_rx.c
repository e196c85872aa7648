/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving: records are followed from header to header, decrypted when their number is known. */
#include "nic_internal.h"

#include <stdlib.h>
#include <string.h>

/* A packet on its way through. */
struct arrival {
    struct sim_nic *nic;
    struct nic_context *c;
    uint32_t seq;
    const uint8_t *raw; /* the payload as it came */
    uint8_t *plain;     /* what becomes of it */
    size_t len;
    bool bad_tag;
};

void nic_rx_start(struct nic_context *c, uint32_t next_seq)
{
    c->next_seq = next_seq;
    c->proposal = c->since = 0;
    c->tracker = NIC_START;
    c->offload = false;
}

/* The host says that the proposed header is that of record c->initial. An answer to an older
 * proposal means nothing any more. */
void nic_rx_confirm(struct nic_context *c, uint32_t seq)
{
    if (c->tracker != NIC_TRACKING || c->offload || c->since == 0 || seq != c->proposal)
        return;
    c->offload = true;
    c->number_of_record = c->initial + c->since;
    /* A header may have come in part. */
    c->seq_known = c->record.offset > 0;
    c->seq = c->next_seq + (uint32_t)c->record.offset;
}

static bool before(uint32_t a, uint32_t b)
{
    return (uint32_t)(a - b) > 0x7fffffffu;
}

static bool numbered(const struct nic_context *c)
{
    return c->tracker == NIC_START || c->offload;
}

static void lose(struct nic_context *c)
{
    nic_record_reset(c);
    c->tracker = NIC_SEARCHING;
    c->offload = false;
    c->seq_known = false;
    c->since = 0;
}

/* The rest of a record will not come in order: wait for the next header. */
static void abandon(struct nic_context *c)
{
    if (c->record.len > 0)
        c->number_of_record++;
    nic_record_reset(c);
    c->seq_known = false;
}

/* The header of c->record is complete, and began at `began`. */
static void header_done(struct nic_context *c, uint32_t began)
{
    c->next_seq = began + (uint32_t)c->record.len;
    if (c->tracker == NIC_START) {
        c->tracker = NIC_TRACKING;
        c->offload = true;
    }
    c->since++;
}

/* Content or tag of a record: how many of p[0..len) it has. */
static size_t body(struct arrival *a, uint8_t *p, size_t len)
{
    struct nic_record *r = &a->c->record;
    size_t at = r->offset - r->prefix, n = len;

    if (at < r->text) {
        n = n < r->text - at ? n : r->text - at;
        sim_aead_stream_update(r->cipher, p, n, p);
        return n;
    }
    at -= r->text;
    n = n < SIM_TAG_LEN - at ? n : SIM_TAG_LEN - at;
    memcpy(r->tag + at, p, n);
    if (at + n == SIM_TAG_LEN && !sim_aead_stream_verify(r->cipher, r->tag))
        a->bad_tag = true;
    return n;
}

/* One byte of header or nonce at `at`. False: it can be no header. */
static bool prefix_byte(struct arrival *a, size_t at)
{
    struct nic_record *r = &a->c->record;
    uint64_t found;

    r->head[r->offset++] = a->plain[at];
    if (r->offset <= NIC_HEADER && nic_header(a->c, &found) != NULL)
        return false;
    if (r->offset == NIC_HEADER)
        header_done(a->c, a->seq + (uint32_t)at + 1 - NIC_HEADER);
    if (r->offset >= NIC_HEADER && r->offset == r->prefix)
        nic_begin(a->nic, a->c);
    return true;
}

/* Decrypts from `at` on, where the context stands. False: it has lost its place. */
static bool decrypt(struct arrival *a, size_t at)
{
    struct nic_record *r = &a->c->record;

    while (at < a->len) {
        size_t n = 1;

        if (r->cipher == NULL) {
            if (!prefix_byte(a, at))
                return false;
        } else {
            n = body(a, a->plain + at, a->len - at);
            r->offset += n;
        }
        at += n;
        if (r->cipher != NULL && r->offset == r->len) {
            a->c->number_of_record++;
            nic_record_reset(a->c);
        }
    }
    a->c->seq = a->seq + (uint32_t)a->len;
    a->c->seq_known = true;
    return true;
}

/* Follows headers without decrypting: from next_seq on, as far as this packet goes. */
static bool follow(struct arrival *a)
{
    struct nic_context *c = a->c;
    uint64_t found;

    for (;;) {
        uint32_t at = c->next_seq + (uint32_t)c->record.offset - a->seq;

        if (at == a->len || (at > a->len && before(a->seq, c->next_seq)))
            return true; /* begins behind this packet */
        if (at > a->len)
            return false; /* went by */
        c->record.head[c->record.offset++] = a->raw[at];
        if (nic_header(c, &found) != NULL)
            return false;
        if (c->record.offset == NIC_HEADER) {
            header_done(c, c->next_seq);
            nic_record_reset(c);
        }
    }
}

/* Looks for what can be a header; true when there is one, which is then followed. */
static bool search(struct arrival *a)
{
    struct nic_context *c = a->c;
    uint64_t found;

    for (size_t at = 0; at + NIC_HEADER <= a->len; at++) {
        nic_record_reset(c);
        memcpy(c->record.head, a->raw + at, NIC_HEADER);
        c->record.offset = NIC_HEADER;
        if (nic_header(c, &found) != NULL)
            continue;
        c->tracker = NIC_TRACKING;
        c->proposal = c->next_seq = a->seq + (uint32_t)at;
        c->since = 0;
        nic_record_reset(c);
        if (follow(a))
            return true;
    }
    lose(c);
    return false;
}

static enum sim_nic_rx lost(struct arrival *a)
{
    lose(a->c);
    search(a);
    return SIM_NIC_RX_RESYNC;
}

/* With a number: in order, before, at a header, or lost. */
static enum sim_nic_rx arrive_numbered(struct arrival *a)
{
    struct nic_context *c = a->c;
    uint32_t end = a->seq + (uint32_t)a->len, header = c->next_seq - a->seq;
    bool in_order = c->seq_known ? a->seq == c->seq : a->seq == c->next_seq;

    if (in_order) {
        if (!decrypt(a, 0))
            return lost(a);
        return a->bad_tag ? SIM_NIC_RX_ERROR : SIM_NIC_RX_DECRYPTED;
    }
    if (c->seq_known && !before(c->seq, end))
        return SIM_NIC_RX_PLAIN; /* it was here before */
    abandon(c);
    if (before(c->next_seq, a->seq))
        return lost(a);
    /* Bytes before the header belong to a record that is not decrypted: the packet stays. */
    if (header < a->len && !decrypt(a, header))
        return lost(a);
    return SIM_NIC_RX_PLAIN;
}

static enum sim_nic_rx arrive(struct arrival *a)
{
    if (numbered(a->c))
        return arrive_numbered(a);
    if (a->c->tracker == NIC_SEARCHING)
        return search(a) ? SIM_NIC_RX_RESYNC : SIM_NIC_RX_PLAIN;
    return follow(a) ? SIM_NIC_RX_PLAIN : lost(a);
}

static bool ready(struct sim_nic *nic, const struct nic_context *c, uint32_t tirn)
{
    if (c == NULL || !c->rx)
        return nic_wrong(nic, NULL, SIM_NIC_NO_CONTEXT, "packet for no TIR", tirn, 0);
    if (c->state != NIC_READY)
        return nic_wrong(nic, NULL, SIM_NIC_NO_PARAMS, "packet before UMR and SET_PSV", tirn, 0);
    if (nic_key(nic, c->key) == NULL)
        return nic_wrong(nic, NULL, SIM_NIC_NO_KEY, "packet under a key that was destroyed", c->key,
                         0);
    return true;
}

enum sim_nic_rx sim_nic_receive(struct sim_nic *nic, uint32_t tirn, uint32_t seq, uint8_t *payload,
                                size_t len, uint8_t cqe[64])
{
    struct arrival a = {
        .nic = nic, .c = nic_context(nic, tirn), .seq = seq, .raw = payload, .len = len};
    enum sim_nic_rx done = SIM_NIC_RX_PLAIN;

    memset(cqe, 0, 64);
    if (nic->gone || !ready(nic, a.c, tirn))
        return SIM_NIC_RX_PLAIN;
    a.plain = sim_alloc(len);
    sim_copy(a.plain, payload, len);
    if (len > 0)
        done = arrive(&a);
    if (done == SIM_NIC_RX_DECRYPTED)
        sim_copy(payload, a.plain, len);
    free(a.plain);
    nic->counts.rx_decrypted += done == SIM_NIC_RX_DECRYPTED;
    nic->counts.rx_plain += done == SIM_NIC_RX_PLAIN;
    nic->counts.rx_resync += done == SIM_NIC_RX_RESYNC;
    nic->counts.rx_errors += done == SIM_NIC_RX_ERROR;
    cqe[0] = (uint8_t)((unsigned)done << 3);
    nic_put_be32(cqe + 44, (uint32_t)len);
    cqe[63] = 2 << 4;
    return done;
}
