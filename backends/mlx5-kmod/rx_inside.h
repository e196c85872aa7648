/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The inside of a receiving direction's card.
 */
#ifndef WEIR_MLX5_RX_INSIDE_H
#define WEIR_MLX5_RX_INSIDE_H

#include <weir/mlx5_rx.h>

/* FreeBSD's database of records: mlx5_en_hw_tls_rx.h and docs/device-rx.md. */
#define RX_RUNS       32u
#define RX_RUN_MOST   2048u      /* records of a run */
#define RX_BYTES_MOST (1u << 30) /* of all runs */
/* Linux's log of headers. */
#define RX_LOG          13u
#define RX_HEADERS_MOST 65535u

/* `count` records of `len` bytes each, on end. */
struct rx_run {
    uint64_t number;
    uint32_t tcp_seq;
    uint16_t len, count;
};

/* FreeBSD: the records since the last that came decrypted. */
struct rx_runs {
    struct rx_run run[RX_RUNS];
    uint32_t first, used; /* behind the last entry comes the first */
    uint32_t bytes;       /* of all that is held */
    uint32_t end;         /* TCP sequence number behind the last record; counts when `used` > 0 */
    uint64_t next;        /* number behind it */
    bool active;          /* the last record did not come decrypted */
};

/* Linux: a packet at which the card had lost its place, and the headers in it. */
struct rx_request {
    struct {
        uint64_t number;
        uint32_t tcp_seq;
    } log[RX_LOG];
    uint32_t tcp_seq, len; /* of the packet */
    uint32_t answer;       /* `answered`: the card's proposal, to be compared with later headers */
    uint32_t headers;      /* since the packet began */
    uint8_t logged;
    bool active, answered;
    bool again; /* begun anew while a question was under way: that one's answer is not for it */
};

enum rx_state {
    RX_OFF,
    RX_DEK, /* the command that makes it is out */
    RX_TIR,
    RX_SETUP, /* parameters are posted, or are to be */
    RX_STEER,
    RX_RUNNING,
    RX_STOPPING, /* what there is on the card is taken away, one after the other */
};

/* What is posted to the internal queue. */
enum rx_post { RX_POST_NOTHING, RX_POST_SETUP, RX_POST_QUERY, RX_POST_CONFIRM };

/* What the command is for. */
enum rx_command { RX_NO_COMMAND, RX_MAKE_DEK, RX_MAKE_TIR, RX_END_TIR, RX_END_DEK };

/* The caller's memory is declared as numbers; may_alias keeps reading it as this struct defined. */
struct __attribute__((may_alias)) rx {
    struct weir_mlx5_rx_config config; /* `caps` is NULL: */
    struct weir_mlx5_caps caps;
    struct weir_mlx5_rx_counters counters;
    struct weir_refusal refusal;
    struct weir_mlx5_static params; /* `record`: where it started; `resync_tcp_seq`: 0 */
    uint32_t next_tcp_seq;          /* where it started */
    uint16_t epoch;                 /* of its key */
    uint8_t state;                  /* an enum rx_state */
    uint8_t commands;               /* an enum rx_command: which one is out */
    uint8_t wanted, posted;         /* an enum rx_post */
    bool has_dek, has_tir, steered;
    bool stop;     /* RX_DEK, RX_TIR: when the command is done */
    bool rekeying; /* it is stopped because the key has changed */
    bool touched;  /* something before `touched_end` may be decrypted and was not opened yet */
    uint32_t touched_end;
    uint32_t reached; /* TCP sequence number behind the last record that was opened */
    uint32_t dek, tirn;
    uint16_t first_index, last_index; /* of the entries posted */
    uint64_t confirm_number;
    uint32_t confirm_tcp_seq;
    union {
        struct rx_runs runs;       /* WEIR_MLX5_TRIGGER_FREEBSD */
        struct rx_request request; /* WEIR_MLX5_TRIGGER_LINUX */
    } at;
    struct weir_cmd cmd;
    uint8_t in[WEIR_MLX5_DEK_CREATE]; /* holds the key until the completion */
    uint8_t reply[WEIR_MLX5_REPLY];
};

_Static_assert(sizeof(struct rx) <= sizeof(struct weir_mlx5_rx), "weir_mlx5_rx is too small");
_Static_assert(sizeof(((struct rx *)0)->in) >= WEIR_MLX5_TIR_CREATE, "no room for the command");

static inline struct rx *rx_of(const struct weir_mlx5_rx *rx)
{
    return (struct rx *)(void *)(uintptr_t)rx;
}

/* Whether `a` lies before `b` in TCP's stream; they are less than 2^31 apart. */
static inline bool rx_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool rx_linux(const struct rx *rx)
{
    return rx->config.trigger == WEIR_MLX5_TRIGGER_LINUX;
}

/* rx_engine.c: a start has failed, or what ran cannot go on. */
void weir_mlx5_rx_fail(struct rx *rx, weir_refusal_code code, uint32_t detail, bool transient);

/* rx_resync.c: what is known of the stream is forgotten. */
void weir_mlx5_rx_forget(struct rx *rx);
/* The card's answer lies in config.progress. */
void weir_mlx5_rx_answer(struct rx *rx);
/* There will be none. */
void weir_mlx5_rx_no_answer(struct rx *rx);

#endif
