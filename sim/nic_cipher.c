/* SPDX-License-Identifier: BSD-2-Clause */
/* Records that pass through a context, in whatever pieces they come. */
#include "nic_internal.h"

#include <stdlib.h>
#include <string.h>

void nic_record_reset(struct nic_context *c)
{
    sim_aead_stream_free(c->record.cipher);
    c->record = (struct nic_record){0};
}

struct nic_context *nic_ready(struct sim_nic *nic, const struct nic_entry *e)
{
    struct nic_context *c = nic_context(nic, e->number);

    if (c == NULL || c->rx) {
        nic_wrong(nic, e, SIM_NIC_NO_CONTEXT, "data under no TIS", e->number, 0);
        return NULL;
    }
    if (c->state != NIC_READY) {
        nic_wrong(nic, e, SIM_NIC_NO_PARAMS, "data before UMR and SET_PSV", (uint64_t)c->state,
                  NIC_READY);
        return NULL;
    }
    /* The card fetches entries ahead: without a fence data may meet the parameters of before. */
    if (e->queue->fenced_at <= c->params_at) {
        nic_wrong(nic, e, SIM_NIC_NO_FENCE, "no fence between parameters and data",
                  e->queue->fenced_at, c->params_at + 1);
        return NULL;
    }
    if (nic_key(nic, c->key) == NULL) {
        nic_wrong(nic, e, SIM_NIC_NO_KEY, "data under a key that was destroyed", c->key, 0);
        return NULL;
    }
    c->data_at = e->sequence;
    return c;
}

bool nic_follows(struct sim_nic *nic, const struct nic_entry *e, struct nic_context *c,
                 uint32_t seq)
{
    const struct nic_start *s = &c->starts[c->number_of_record % NIC_STARTS];
    uint32_t began = seq - (uint32_t)c->record.offset;

    if (c->seq_known && c->seq != seq)
        return nic_wrong(nic, e, SIM_NIC_NOT_CONTIGUOUS, "sequence number of the packet", seq,
                         c->seq);
    /* What no card can know: this record began elsewhere when it was sent before. */
    if (s->known && s->record == c->number_of_record && s->seq != began)
        return nic_wrong(nic, e, SIM_NIC_NOT_CONTIGUOUS,
                         "sequence number at which the record began", began, s->seq);
    c->seq_known = true;
    c->seq = seq;
    return true;
}

static struct sim_aead_op operation(const struct nic_record *r, const struct nic_key *key)
{
    return (struct sim_aead_op){key->alg, key->key, r->nonce, r->aad, r->aad_len};
}

/* Header and explicit nonce are there: the cipher begins (RFC 5288, 3; RFC 8446, 5.2 and 5.3). */
void nic_begin(struct sim_nic *nic, struct nic_context *c)
{
    struct nic_record *r = &c->record;
    uint8_t number[8];

    sim_put_be64(number, c->number_of_record);
    memcpy(r->nonce, c->iv, SIM_NONCE_LEN);
    if (c->tls13) {
        for (size_t i = 0; i < 8; i++)
            r->nonce[4 + i] ^= number[i];
        r->aad_len = NIC_HEADER;
        memcpy(r->aad, r->head, NIC_HEADER);
    } else {
        memcpy(r->nonce + 4, r->head + NIC_HEADER, NIC_EXPLICIT);
        r->aad_len = SIM_STREAM_AAD;
        memcpy(r->aad, number, 8);
        memcpy(r->aad + 8, r->head, 3);
        sim_put_be16(r->aad + 11, r->text);
    }
    struct sim_aead_op op = operation(r, nic_key(nic, c->key));
    r->cipher = sim_aead_stream_new(&op, !c->rx);
    if (!c->rx && c->shadow == NULL)
        c->shadow = sim_alloc(NIC_MOST_TEXT);
}

const char *nic_header(struct nic_context *c, uint64_t *found)
{
    struct nic_record *r = &c->record;
    size_t most = c->tls13 ? NIC_MOST_TEXT : 16384u;
    size_t around = SIM_TAG_LEN + (c->tls13 ? 0 : NIC_EXPLICIT);
    size_t length = sim_get_be16(r->head + 3);

    *found = r->head[0];
    if (r->head[0] < 20 || r->head[0] > 24 || (c->tls13 && r->head[0] != 23))
        return "content type in a record header";
    *found = sim_get_be16(r->head + 1);
    if (r->offset >= 3 && *found != 0x0303)
        return "version in a record header";
    *found = length;
    if (r->offset < NIC_HEADER)
        return NULL;
    if (length < around + (c->tls13 ? 1 : 0) || length > around + most)
        return "length in a record header";
    r->text = length - around;
    r->len = NIC_HEADER + length;
    r->prefix = NIC_HEADER + (c->tls13 ? 0 : NIC_EXPLICIT);
    return NULL;
}

/* For tests: content in[0..len) at `at` of the record goes to the wire, or not. */
static bool account(struct sim_nic *nic, const struct nic_entry *e, struct nic_context *c,
                    const uint8_t *in, size_t at, size_t len, bool wire)
{
    struct sim_aead_op op = operation(&c->record, nic_key(nic, c->key));

    if (nic->ledger == NULL)
        return true;
    memcpy(c->shadow + at, in, len);
    if (wire && !sim_ledger_note_part(nic->ledger, &op, at, in, len))
        return nic_wrong(nic, e, SIM_NIC_NONCE, "other content of a record than before, at", at, 0);
    return true;
}

/* The tag of a record is about to go to the wire. */
static bool account_tag(struct sim_nic *nic, const struct nic_entry *e, struct nic_context *c)
{
    struct sim_aead_op op = operation(&c->record, nic_key(nic, c->key));

    if (c->record.tag_sent || nic->ledger == NULL)
        return true;
    c->record.tag_sent = true;
    if (!sim_ledger_note(nic->ledger, &op, c->shadow, c->record.text))
        return nic_wrong(nic, e, SIM_NIC_NONCE, "a tag for another record than before",
                         c->number_of_record, 0);
    return true;
}

/* Header and explicit nonce: a byte at a time, and as it is. */
static bool prefix_byte(struct sim_nic *nic, const struct nic_entry *e, struct nic_context *c,
                        uint8_t byte, bool wire)
{
    struct nic_record *r = &c->record;

    if (r->offset == 0 && wire)
        c->starts[c->number_of_record % NIC_STARTS] =
            (struct nic_start){true, c->number_of_record, c->seq};
    r->head[r->offset++] = byte;
    if (r->offset <= NIC_HEADER) {
        uint64_t found;
        const char *what = nic_header(c, &found);

        if (what != NULL)
            return nic_wrong(nic, e, SIM_NIC_BAD_RECORD, what, found, 0);
    }
    if (r->offset >= NIC_HEADER && r->offset == r->prefix)
        nic_begin(nic, c);
    return true;
}

/* Content or tag: how many of in[0..len) were taken; 0 after a complaint. */
static size_t body(struct sim_nic *nic, const struct nic_entry *e, struct nic_context *c,
                   const uint8_t *in, size_t len, uint8_t *out)
{
    struct nic_record *r = &c->record;
    size_t at = r->offset - r->prefix, n;

    if (at < r->text) {
        uint8_t *nowhere = out == NULL ? sim_alloc(len) : NULL;

        n = len < r->text - at ? len : r->text - at;
        if (!account(nic, e, c, in, at, n, out != NULL))
            n = 0;
        else
            sim_aead_stream_update(r->cipher, in, n, out == NULL ? nowhere : out);
        free(nowhere);
        return n;
    }
    at -= r->text;
    n = len < SIM_TAG_LEN - at ? len : SIM_TAG_LEN - at;
    if (at == 0)
        sim_aead_stream_tag(r->cipher, r->tag);
    if (out != NULL && !account_tag(nic, e, c))
        return 0;
    if (out != NULL)
        memcpy(out, r->tag + at, n);
    return n;
}

bool nic_cipher(struct sim_nic *nic, const struct nic_entry *e, struct nic_context *c,
                const uint8_t *in, size_t len, uint8_t *out)
{
    struct nic_record *r = &c->record;

    for (size_t done = 0; done < len;) {
        size_t n = 1;

        if (out == NULL && done > 0 && r->offset == 0)
            return nic_wrong(nic, e, SIM_NIC_DUMP_TOO_FAR, "bytes behind the end of the record",
                             len - done, 0);
        if (r->cipher == NULL) {
            if (!prefix_byte(nic, e, c, in[done], out != NULL))
                return false;
            if (out != NULL)
                out[done] = in[done];
        } else {
            n = body(nic, e, c, in + done, len - done, out == NULL ? NULL : out + done);
            if (n == 0)
                return false;
            r->offset += n;
        }
        done += n;
        c->seq += (uint32_t)n;
        if (r->cipher != NULL && r->offset == r->len) {
            nic->counts.tls_records++;
            c->number_of_record++;
            nic_record_reset(c);
        }
    }
    return true;
}
