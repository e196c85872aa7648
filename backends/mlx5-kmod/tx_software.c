/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One segment, encrypted by the processor: the keystream from where it begins, and of a tag only
 * what it carries. What it costs depends on the segment and not on the record before it.
 */
#include "tx_inside.h"

bool weir_mlx5_tx_piece(const struct tx_call *call, uint32_t seq, uint32_t len,
                        struct weir_mlx5_piece *piece)
{
    if (call->stream == NULL || !call->stream->piece(call->stream->user, seq, len, piece) ||
        piece->len == 0 || piece->len > len)
        return tx_refuse(&call->sent->why, WEIR_REFUSAL_GONE, len);
    return true;
}

bool weir_mlx5_tx_read(const struct tx_call *call, uint32_t seq, uint32_t len, uint8_t *out)
{
    struct weir_mlx5_piece piece;

    for (uint32_t done = 0; done < len; done += piece.len) {
        if (!weir_mlx5_tx_piece(call, seq + done, len - done, &piece))
            return false;
        __builtin_memcpy(out + done, piece.bytes, piece.len);
    }
    return true;
}

static bool provider_failed(const struct tx_call *call)
{
    call->sent->why =
        (struct weir_refusal){.code = WEIR_REFUSAL_PROVIDER, .layer = WEIR_LAYER_PROVIDER};
    return false;
}

/* RFC 8446 section 5.3: the record number, padded on the left, xored with the IV. RFC 5288 section
 * 3: salt, then the explicit nonce. */
static void put_nonce(const struct tx *tx, const struct tx_epoch *epoch,
                      const struct weir_seqmap_record *record, uint8_t nonce[WEIR_IV_LEN])
{
    bool tls13 = tx->version == WEIR_TLS13;
    uint64_t low = tls13 ? record->number : record->explicit_nonce;
    uint64_t first = (uint64_t)wqe_get32(epoch->iv) << 32;
    uint32_t last = 0;

    if (tls13) {
        first |= wqe_get32(epoch->iv + 4);
        last = wqe_get32(epoch->iv + 8);
    }
    /* In words of this size providers read it back, at once. */
    wqe_put64(nonce, first ^ low >> 32);
    wqe_put32(nonce + 8, last ^ (uint32_t)low);
}

/* RFC 8446 section 5.2, RFC 5246 section 6.2.3.3. */
static size_t put_aad(const struct tx *tx, const struct weir_seqmap_record *record, uint8_t type,
                      uint32_t message, uint8_t aad[16])
{
    uint8_t *p = aad;

    if (tx->version != WEIR_TLS13) {
        wqe_put64(p, record->number);
        p += 8;
    } else {
        message = record->len - WEIR_HEADER_LEN;
    }
    p[0] = type;
    p[1] = 3;
    p[2] = 3;
    wqe_put16(p + 3, message);
    return (size_t)(p - aad) + 5;
}

/* The message of a record in pieces, or as one in `scratch` when there are too many of them. */
static size_t gather(const struct tx_call *call, uint32_t seq, uint32_t len,
                     struct weir_iov in[WEIR_AEAD_MAX_SEGMENTS])
{
    struct weir_mlx5_piece piece;
    size_t count = 0;

    for (uint32_t done = 0; done < len; done += piece.len) {
        if (count == WEIR_AEAD_MAX_SEGMENTS) {
            in[0] = (struct weir_iov){call->bounce->scratch, len};
            return weir_mlx5_tx_read(call, seq, len, call->bounce->scratch) ? 1 : 0;
        }
        if (!weir_mlx5_tx_piece(call, seq + done, len - done, &piece))
            return 0;
        in[count++] = (struct weir_iov){piece.bytes, piece.len};
    }
    if (count == 0)
        in[count++] = (struct weir_iov){call->bounce->scratch, 0};
    return count;
}

/* Seals the whole record into the scratch; its tag goes to `tag`. */
static bool seal_record(const struct tx_call *call, const struct weir_seqmap_record *record,
                        uint8_t tag[WEIR_TAG_LEN])
{
    struct tx *tx = call->tx;
    struct tx_epoch *epoch = tx_epoch_of(tx, record->epoch);
    uint32_t prefix = tx_prefix(tx), message = record->len - prefix - WEIR_TAG_LEN;
    struct weir_iov in[WEIR_AEAD_MAX_SEGMENTS];
    uint8_t aad[16], type = 0;

    if (call->bounce->scratch == NULL)
        return tx_refuse(&call->sent->why, WEIR_REFUSAL_MEMORY, WEIR_MLX5_TX_SCRATCH);
    /* The record is read as a whole once more: that is a use of its bytes. */
    if (!weir_mlx5_tx_genuine(call, record, &type))
        return false;
    struct weir_aead_op op = {
        .in = in,
        .in_count = gather(call, record->tcp_seq + prefix, message, in),
        .in_len = message,
        .out = call->bounce->scratch,
        .tag = tag,
    };
    if (op.in_count == 0) {
        weir_wipe(call->bounce->scratch, message); /* pieces may have been put together there */
        return false;
    }
    wqe_zero(op.nonce, sizeof op.nonce);
    put_nonce(tx, epoch, record, op.nonce);
    op.aad = (struct weir_iov){aad, put_aad(tx, record, type, message, aad)};
    tx->counters.tx_tags++;
    if (tx->port->config.aead->seal(epoch->aead, &op) == WEIR_OK)
        return true;
    weir_wipe(call->bounce->scratch, message);
    return provider_failed(call);
}

static struct tx_tag *slot_of(const struct tx *tx, const struct weir_seqmap_record *record)
{
    return tx->tags == NULL ? NULL
                            : &tx->tags[(uint32_t)record->number & (tx->port->config.tags - 1)];
}

/* The tag of a record; `*sealed`: all of it lies in the scratch now. */
static bool tag_of(const struct tx_call *call, const struct weir_seqmap_record *record,
                   uint8_t tag[WEIR_TAG_LEN], bool *sealed)
{
    struct tx_tag *slot = slot_of(call->tx, record);

    if (slot != NULL && slot->known && slot->record == record->number &&
        slot->epoch == record->epoch) {
        __builtin_memcpy(tag, slot->tag, WEIR_TAG_LEN);
        return true;
    }
    if (!seal_record(call, record, tag))
        return false;
    *sealed = true;
    if (slot != NULL) {
        *slot = (struct tx_tag){.record = record->number, .epoch = record->epoch, .known = true};
        __builtin_memcpy(slot->tag, tag, WEIR_TAG_LEN);
    }
    return true;
}

/* Bytes [from, to) of the record's message, piece by piece. */
static bool crypt(const struct tx_call *call, const struct weir_seqmap_record *record,
                  uint32_t from, uint32_t to, uint8_t *out)
{
    struct tx *tx = call->tx;
    const struct weir_aead *aead = tx->port->config.aead;
    struct tx_epoch *epoch = tx_epoch_of(tx, record->epoch);
    uint32_t prefix = tx_prefix(tx);
    uint8_t nonce[WEIR_IV_LEN];
    struct weir_mlx5_piece piece;

    put_nonce(tx, epoch, record, nonce);
    for (uint32_t done = 0; from + done < to; done += piece.len) {
        if (!weir_mlx5_tx_piece(call, record->tcp_seq + prefix + from + done, to - from - done,
                                &piece))
            return false;
        if (aead->keystream(epoch->aead, nonce, from + done, piece.bytes, out + done, piece.len) !=
            WEIR_OK)
            return provider_failed(call);
    }
    return true;
}

/* Bytes [from, to) of a record, header and tag included. */
static bool encrypt_part(const struct tx_call *call, const struct weir_seqmap_record *record,
                         uint32_t from, uint32_t to, uint8_t *out)
{
    uint32_t prefix = tx_prefix(call->tx), tag_at = record->len - WEIR_TAG_LEN;
    uint8_t tag[WEIR_TAG_LEN];
    bool sealed = false;

    if (tx_epoch_of(call->tx, record->epoch) == NULL)
        return tx_refuse(&call->sent->why, WEIR_REFUSAL_PASSED, 0);
    if (to > tag_at) {
        uint32_t first = from > tag_at ? from : tag_at;

        if (!tag_of(call, record, tag, &sealed))
            return false;
        if (to - first == WEIR_TAG_LEN) /* two moves; otherwise a call */
            __builtin_memcpy(out + (first - from), tag, WEIR_TAG_LEN);
        else
            __builtin_memcpy(out + (first - from), tag + (first - tag_at), to - first);
        to = first;
    }
    if (from < prefix && from < to) {
        uint32_t len = (to < prefix ? to : prefix) - from;

        if (!weir_mlx5_tx_read(call, record->tcp_seq + from, len, out))
            return false;
        out += len;
        from += len;
    }
    if (from >= to)
        return true;
    if (sealed) {
        __builtin_memcpy(out, call->bounce->scratch + (from - prefix), to - from);
        return true;
    }
    return crypt(call, record, from - prefix, to - prefix, out);
}

bool weir_mlx5_tx_encrypt(const struct tx_call *call, const struct weir_seqmap_record *first)
{
    const struct weir_mlx5_segment *segment = call->segment;
    struct weir_seqmap_record record = *first;
    uint32_t part = 0;

    if (call->bounce == NULL || call->bounce->len < segment->len)
        return tx_refuse(&call->sent->why, WEIR_REFUSAL_MEMORY, segment->len);
    for (uint32_t done = 0; done < segment->len; done += part) {
        bool held = done == 0 || weir_seqmap_find(&call->tx->map, segment->tcp_seq + done,
                                                  &record) == WEIR_SEQMAP_HELD;
        uint32_t left = segment->len - done;

        part = record.len - record.offset;
        if (part > left)
            part = left;
        if (!held || !encrypt_part(call, &record, record.offset, record.offset + part,
                                   call->bounce->bytes + done)) {
            weir_wipe(call->bounce->bytes, segment->len);
            return false;
        }
    }
    return true;
}
