/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection moves into the kernel in mid-stream, at any record, and nobody at its other end can
 * tell. */
#include "ktls_pair.h"

/* What may happen in a round. */
struct plan {
    bool tls13, rekey; /* the kernel can change keys */
    bool peer_too;     /* the peer moves as well */
    weir_policy policy;
    uint64_t total;     /* bytes that each end says */
    uint64_t cut[2][2]; /* where each direction moves: [us, peer][TX, RX] */
    bool moved[2][2], refused[2][2];
};

struct tally {
    uint64_t rounds, moves, refusals, updates, records, bytes;
};

static struct end *end_of(struct pair *p, int i)
{
    return i == 0 ? &p->us : &p->peer;
}

static struct plan make_plan(struct pair *p)
{
    struct plan plan = {
        .tls13 = p->suite->version == WEIR_TLS13,
        .rekey = below(p, 2) == 0,
        .peer_too = below(p, 4) == 0,
        .policy = below(p, 2) == 0 ? WEIR_POLICY_DEFAULT : WEIR_POLICY_ALL,
        .total = 1000 + below(p, below(p, 8) == 0 ? 150000 : 20000),
    };

    for (int i = 0; i < 2; i++) {
        for (int dir = 0; dir < 2; dir++)
            plan.cut[i][dir] = below(p, (size_t)plan.total);
        struct end *e = end_of(p, i);
        e->room = 16384 + (below(p, 2) == 0 ? 0 : below(p, 100000));
        end_features(e, plan.rekey ? WEIR_LINUX_KTLS_SAFE : WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN);
    }
    p->kernel.rekey = plan.rekey;
    p->kernel.pressure = below(p, 3) == 0 ? (unsigned)below(p, 300) : 0;
    p->kernel.device_tx = below(p, 4) == 0;
    p->kernel.device_rx = below(p, 4) == 0;
    p->kernel.cmsg_per_record = below(p, 4) == 0;
    return plan;
}

/* Whether this direction has reached its cut and waits to move. */
static bool wants_move(struct pair *p, const struct plan *plan, int i, int dir)
{
    const struct end *e = end_of(p, i);
    uint64_t at = dir == WEIR_TX ? e->sent : e->heard;

    return (i == 0 || plan->peer_too) && !plan->moved[i][dir] && !plan->refused[i][dir] &&
           at >= plan->cut[i][dir];
}

/* Whether no KeyUpdate is under way: a kernel without rekey must not meet one. */
static bool keys_settled(const struct pair *p)
{
    return weir_tx_counters(&p->us.tx).rekeys == weir_rx_counters(&p->peer.rx).rekeys &&
           weir_tx_counters(&p->peer.tx).rekeys == weir_rx_counters(&p->us.rx).rekeys &&
           !weir_session_wants_flush(&p->us.session) && !weir_session_wants_flush(&p->peer.session);
}

static void try_move(struct pair *p, struct plan *plan, int i, int dir)
{
    struct end *e = end_of(p, i);
    bool needs_rekey = plan->tls13 && !plan->rekey;

    if (dir == WEIR_TX && e->sealed_len > 0) {
        cr_assert_eq(end_move(e, WEIR_TX, plan->policy), WEIR_REFUSED);
        cr_assert_eq(e->why.code, WEIR_REFUSAL_BOUNDARY);
        cr_assert(end_flush(e) >= 0);
        return;
    }
    if (dir == WEIR_RX && e->raw_len > 0) {
        cr_assert_eq(end_move(e, WEIR_RX, plan->policy), WEIR_REFUSED);
        cr_assert_eq(e->why.code, WEIR_REFUSAL_BOUNDARY);
        end_align(e);
    }
    if (needs_rekey && !keys_settled(p))
        return;
    weir_status status = end_move(e, (enum weir_dir)dir, plan->policy);
    if (needs_rekey && dir == WEIR_RX && plan->policy == WEIR_POLICY_DEFAULT) {
        cr_assert_eq(status, WEIR_REFUSED);
        cr_assert_eq(e->why.code, WEIR_REFUSAL_NO_REKEY);
        plan->refused[i][dir] = true;
        return;
    }
    cr_assert_eq(status, WEIR_OK, "%s: %s %s %d", p->suite->name, e->name,
                 weir_refusal_name(e->why.code), e->why.os_error);
    plan->moved[i][dir] = true;
}

/* Without rekey, keys change only before any direction moves. */
static bool may_update(struct pair *p, const struct plan *plan)
{
    if (!plan->tls13)
        return false;
    if (plan->rekey)
        return true;
    for (int i = 0; i < 2; i++) {
        for (int dir = 0; dir < 2; dir++) {
            if (plan->moved[i][dir] || wants_move(p, plan, i, dir))
                return false;
        }
    }
    return true;
}

/* One thing that an end does. */
static void act(struct pair *p, struct plan *plan, int i, struct tally *tally)
{
    struct end *e = end_of(p, i);
    weir_status status = WEIR_OK;
    size_t len = below(p, 4) == 0 ? 1 + below(p, 40000) : 1 + below(p, 2000);

    switch (below(p, 14)) {
    case 0:
    case 1:
    case 2:
    case 3:
        if (len > plan->total - e->sent)
            len = (size_t)(plan->total - e->sent);
        if (len > 0)
            status = end_say(e, len);
        break;
    case 4:
    case 5:
    case 6:
        status = end_hear(e, 1 + below(p, 20000));
        break;
    case 7:
        status = end_hear_all(e);
        break;
    case 8:
        if (plan->tls13 && e->server && e->messages < 20)
            status = end_say_message(e, 4 + below(p, 3000));
        break;
    case 9:
        if (may_update(p, plan) && below(p, 3) == 0) {
            cr_assert_eq(weir_session_key_update(&e->session, below(p, 2) == 0, &e->why), WEIR_OK,
                         "%s", weir_refusal_name(e->why.code));
            tally->updates++;
        }
        break;
    case 10: /* an empty record, which only software makes */
        if (!end_in_kernel(e, WEIR_TX) && below(p, 4) == 0)
            status = end_say(e, 0);
        break;
    case 11:
        end_query(e);
        break;
    default:
        status = end_flush(e);
        break;
    }
    cr_assert(status >= 0, "%s: %s: %s (%s)", p->suite->name, e->name, weir_status_name(status),
              weir_refusal_name(weir_session_refusal(&e->session).code));
}

static bool all_moved(struct pair *p, const struct plan *plan)
{
    for (int i = 0; i < (plan->peer_too ? 2 : 1); i++) {
        for (int dir = 0; dir < 2; dir++) {
            if (!plan->moved[i][dir] && !plan->refused[i][dir])
                return false;
        }
    }
    return p->us.sent >= plan->total && p->peer.sent >= plan->total;
}

static void round_of(uint64_t seed, struct tally *tally)
{
    struct pair *p = pair_open(&suites[seed % SUITES], seed, seed / SUITES % 2 == 0,
                               seed % 3 == 0 ? 3000 + seed % 30000 : 0);
    struct plan plan = make_plan(p);
    unsigned step = 0;

    for (; !all_moved(p, &plan); step++) {
        cr_assert(step < 100000, "round %llu does not end", (unsigned long long)seed);
        int i = (int)below(p, 2);
        for (int dir = 0; dir < 2; dir++) {
            if (wants_move(p, &plan, i, dir))
                try_move(p, &plan, i, dir);
        }
        act(p, &plan, i, tally);
    }
    pair_live(p, 1 + below(p, 30000));
    end_query(&p->us);
    end_query(&p->peer);
    pair_counts(p);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(weir_tx_counters(&end_of(p, i)->tx).moves, plan.moved[i][WEIR_TX]);
        cr_assert_eq(weir_rx_counters(&end_of(p, i)->rx).moves, plan.moved[i][WEIR_RX]);
        for (int dir = 0; dir < 2; dir++) {
            tally->moves += plan.moved[i][dir];
            tally->refusals += plan.refused[i][dir];
        }
        tally->records += end_of(p, i)->said.records;
        tally->bytes += end_of(p, i)->heard;
    }
    pair_finish(p);
    pair_close(p);
    tally->rounds++;
}

Test(ktls_move, any_record_of_any_connection, .timeout = 240)
{
    unsigned count = rounds(6000, 600);
    struct tally tally = {0};

    for (unsigned i = 0; i < count; i++)
        round_of(1 + i, &tally);
    cr_assert_eq(tally.rounds, count);
    cr_assert(tally.moves > 2 * count, "%llu moves", (unsigned long long)tally.moves);
    cr_assert(tally.refusals > count / 20, "%llu refusals", (unsigned long long)tally.refusals);
    cr_assert(tally.updates > count / 3, "%llu KeyUpdates", (unsigned long long)tally.updates);
}
