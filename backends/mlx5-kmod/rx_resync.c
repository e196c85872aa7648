/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the card finds its place again. It proposes the sequence number of something that looks like
 * a header; the host knows where records begin and which numbers they have, and confirms a proposal
 * only if it is exactly such a place. A false one is never answered: the card then goes on looking.
 */
#include "rx_inside.h"

void weir_mlx5_rx_forget(struct rx *rx)
{
    __builtin_memset(&rx->at, 0, sizeof rx->at);
}

/* A question to the card, unless one is under way, or something else is. */
static void ask(struct rx *rx)
{
    if (rx->state == RX_RUNNING && rx->posted == RX_POST_NOTHING && rx->wanted == RX_POST_NOTHING)
        rx->wanted = RX_POST_QUERY;
}

static void confirm(struct rx *rx, uint32_t tcp_seq, uint64_t number)
{
    rx->confirm_tcp_seq = tcp_seq;
    rx->confirm_number = number;
    rx->counters.rx_confirmed++;
    rx->wanted = RX_POST_CONFIRM; /* before any question that waits */
}

/* ---- FreeBSD ---- */

static struct rx_run *run_at(struct rx_runs *runs, uint32_t i)
{
    return &runs->run[(runs->first + i) % RX_RUNS];
}

static void drop_oldest(struct rx_runs *runs)
{
    const struct rx_run *oldest = run_at(runs, 0);

    runs->bytes -= (uint32_t)oldest->len * oldest->count;
    runs->first = (runs->first + 1) % RX_RUNS;
    runs->used--;
}

static void runs_add(struct rx_runs *runs, const struct weir_note *note)
{
    /* Only what follows on the last record belongs to it. */
    if (runs->used > 0 && (note->tcp_seq != runs->end || note->number != runs->next))
        runs->used = runs->bytes = 0;

    struct rx_run *last = runs->used > 0 ? run_at(runs, runs->used - 1) : NULL;
    if (last != NULL && last->len == note->len && last->count < RX_RUN_MOST) {
        last->count++;
    } else {
        if (runs->used == RX_RUNS)
            drop_oldest(runs);
        *run_at(runs, runs->used++) = (struct rx_run){
            .number = note->number, .tcp_seq = note->tcp_seq, .len = (uint16_t)note->len, 1};
    }
    runs->bytes += note->len;
    runs->end = note->tcp_seq + note->len;
    runs->next = note->number + 1;
    while (runs->bytes > RX_BYTES_MOST)
        drop_oldest(runs);
}

static bool runs_find(struct rx_runs *runs, uint32_t tcp_seq, uint64_t *number)
{
    for (uint32_t i = 0; i < runs->used; i++) {
        const struct rx_run *run = run_at(runs, i);
        uint32_t into = tcp_seq - run->tcp_seq;

        if (into < (uint32_t)run->len * run->count && into % run->len == 0) {
            *number = run->number + into / run->len;
            return true;
        }
    }
    return false;
}

static void record_freebsd(struct rx *rx, const struct weir_note *note)
{
    struct rx_runs *runs = &rx->at.runs;

    if (note->came == WEIR_CAME_DECRYPTED) {
        if (runs->active)
            weir_mlx5_rx_forget(rx);
        if (rx->wanted == RX_POST_QUERY)
            rx->wanted = RX_POST_NOTHING;
        return;
    }
    runs->active = true;
    runs_add(runs, note);
    ask(rx);
}

/* ---- Linux ---- */

static void begin_request(struct rx *rx, uint32_t tcp_seq, uint32_t len)
{
    struct rx_request *request = &rx->at.request;

    *request = (struct rx_request){
        .tcp_seq = tcp_seq, .len = len, .active = true, .again = rx->posted == RX_POST_QUERY};
    ask(rx);
}

static void record_linux(struct rx *rx, const struct weir_note *note)
{
    struct rx_request *request = &rx->at.request;

    if (!request->active)
        return;
    if (request->answered) {
        if (note->tcp_seq == request->answer)
            confirm(rx, note->tcp_seq, note->number);
        else if (rx_before(note->tcp_seq, request->answer))
            return;
        else
            rx->counters.rx_denied++; /* it went by */
        request->active = false;
        return;
    }
    if (rx_before(note->tcp_seq, request->tcp_seq))
        return;
    if (note->tcp_seq - request->tcp_seq < request->len && request->logged < RX_LOG) {
        request->log[request->logged].tcp_seq = note->tcp_seq;
        request->log[request->logged].number = note->number;
        request->logged++;
    }
    if (++request->headers == RX_HEADERS_MOST)
        request->active = false;
}

static void answer_linux(struct rx *rx, uint32_t tcp_seq)
{
    struct rx_request *request = &rx->at.request;

    if (!request->active)
        return;
    for (unsigned i = 0; i < request->logged; i++) {
        if (request->log[i].tcp_seq == tcp_seq) {
            confirm(rx, tcp_seq, request->log[i].number);
            request->active = false;
            return;
        }
    }
    if (rx_before(tcp_seq, rx->reached)) { /* opened, and no record began there */
        rx->counters.rx_denied++;
        request->active = false;
        return;
    }
    request->answer = tcp_seq;
    request->answered = true;
}

/* ---- Both ---- */

void weir_mlx5_rx_no_answer(struct rx *rx)
{
    if (rx_linux(rx)) {
        bool again = rx->at.request.again;

        rx->at.request.again = false;
        if (again)
            ask(rx);
        else
            rx->at.request.active = false;
    }
}

void weir_mlx5_rx_answer(struct rx *rx)
{
    struct weir_mlx5_progress p;
    uint64_t number = 0;

    if (rx->state != RX_RUNNING)
        return;
    if (weir_mlx5_progress_read(rx->config.progress, &p) != WEIR_OK || p.number != rx->tirn ||
        p.tracker != WEIR_MLX5_TRACKER_TRACKING || p.auth != WEIR_MLX5_AUTH_NO_OFFLOAD) {
        weir_mlx5_rx_no_answer(rx);
        return;
    }
    if (rx_linux(rx))
        answer_linux(rx, p.resync_tcp_seq);
    else if (runs_find(&rx->at.runs, p.resync_tcp_seq, &number))
        confirm(rx, p.resync_tcp_seq, number);
    else
        rx->counters.rx_denied++;
}

bool weir_mlx5_rx_packet(struct weir_mlx5_rx *memory, const struct weir_mlx5_cqe *cqe,
                         uint32_t tcp_seq, uint32_t payload_len)
{
    struct rx *rx = rx_of(memory);
    const uint32_t end = tcp_seq + payload_len;

    if (cqe->opcode != WEIR_MLX5_CQE_RECEIVED || cqe->error || payload_len == 0)
        return false;
    rx->counters.rx_packets++;
    switch (cqe->tls) {
    case WEIR_MLX5_TLS_DECRYPTED:
        rx->counters.rx_decrypted_ok_packets++;
        if (rx_before(rx->reached, end) && (!rx->touched || rx_before(rx->touched_end, end))) {
            rx->touched = true;
            rx->touched_end = end;
        }
        return true;
    case WEIR_MLX5_TLS_ERROR:
        rx->counters.rx_decrypted_error_packets++;
        return false;
    case WEIR_MLX5_TLS_RESYNC:
        rx->counters.rx_lost_packets++;
        if (rx_linux(rx) && rx->state == RX_RUNNING)
            begin_request(rx, tcp_seq, payload_len);
        return false;
    default:
        return false;
    }
}

void weir_mlx5_rx_record(struct weir_mlx5_rx *memory, const struct weir_note *note)
{
    struct rx *rx = rx_of(memory);

    rx->reached = note->tcp_seq + note->len;
    if (rx->touched && !rx_before(rx->reached, rx->touched_end))
        rx->touched = false;
    if (rx->state == RX_OFF || rx->state == RX_STOPPING || rx->stop || note->epoch != rx->epoch ||
        note->len == 0 || note->len > WEIR_MAX_RECORD)
        return;
    if (rx_linux(rx))
        record_linux(rx, note);
    else
        record_freebsd(rx, note);
}
