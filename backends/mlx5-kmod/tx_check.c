/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the plaintext of a record is still what was framed: its header by what is known of it,
 * its message and content type by a keyed hash. */
#include "tx_inside.h"

static bool changed(const struct tx_call *call, const struct weir_seqmap_record *record)
{
    call->tx->dead = (int8_t)WEIR_E_MISUSE;
    weir_mlx5_tx_forget_keys(call->tx);
    return tx_refuse(&call->sent->why, WEIR_REFUSAL_CHANGED, (uint32_t)record->number);
}

static bool message_same(const struct tx_call *call, const struct weir_seqmap_record *record,
                         uint32_t ordinal, uint8_t type, bool *same)
{
    struct tx *tx = call->tx;
    uint32_t at = tx_prefix(tx), end = record->len - WEIR_TAG_LEN;
    struct weir_mlx5_piece piece;
    struct tx_sip s;

    weir_mlx5_tx_sip_begin(&s, tx->port->check_key);
    for (; at < end; at += piece.len) {
        if (!weir_mlx5_tx_piece(call, record->tcp_seq + at, end - at, &piece))
            return false;
        weir_mlx5_tx_sip_take(&s, piece.bytes, piece.len);
    }
    weir_mlx5_tx_sip_take(&s, &type, 1);
    *same = weir_mlx5_tx_sip_end(&s) == tx->checks[ordinal & (tx->port->config.checks - 1)];
    return true;
}

/* What the header must say, but for the type of TLS 1.2: that the check covers. */
static bool header_same(const struct tx *tx, const struct weir_seqmap_record *record,
                        const uint8_t *header)
{
    uint64_t nonce = 0;

    for (unsigned i = 0; i < 8 && tx->version != WEIR_TLS13; i++)
        nonce = nonce << 8 | header[WEIR_HEADER_LEN + i];
    bool type = tx->version == WEIR_TLS13
                    ? header[0] == WEIR_TYPE_DATA
                    : header[0] >= WEIR_TYPE_ALERT && header[0] <= WEIR_TYPE_DATA;
    return type && header[1] == 3 && header[2] == 3 &&
           ((uint32_t)header[3] << 8 | header[4]) == record->len - WEIR_HEADER_LEN &&
           (tx->version == WEIR_TLS13 || nonce == record->explicit_nonce);
}

bool weir_mlx5_tx_genuine(const struct tx_call *call, const struct weir_seqmap_record *record,
                          uint8_t *type)
{
    uint8_t header[WEIR_HEADER_LEN + 8];
    bool same = true;

    if (!weir_mlx5_tx_read(call, record->tcp_seq, tx_prefix(call->tx), header))
        return false;
    *type = header[0];
    if (!header_same(call->tx, record, header))
        return changed(call, record);
    if (call->tx->checks == NULL)
        return true;

    const struct tx_epoch *epoch = tx_epoch_of(call->tx, record->epoch);
    if (epoch == NULL)
        return tx_refuse(&call->sent->why, WEIR_REFUSAL_PASSED, 0);
    uint32_t ordinal = tx_ordinal(epoch, record);
    if (call->tx->is_genuine && call->tx->genuine == ordinal)
        return true;
    if (!message_same(call, record, ordinal, header[0], &same))
        return false;
    call->tx->genuine = ordinal;
    call->tx->is_genuine = same;
    return same || changed(call, record);
}

bool weir_mlx5_tx_genuine_all(const struct tx_call *call, uint32_t from, uint32_t len)
{
    struct weir_seqmap_record record;
    uint8_t type;

    for (uint32_t done = 0; done < len; done += record.len - record.offset) {
        if (weir_seqmap_find(&call->tx->map, from + done, &record) != WEIR_SEQMAP_HELD)
            return tx_refuse(&call->sent->why, WEIR_REFUSAL_AHEAD, 0);
        if (!weir_mlx5_tx_genuine(call, &record, &type))
            return false;
    }
    return true;
}
