/* SPDX-License-Identifier: BSD-2-Clause */
/* One call on the socket fails, whichever it is: the connection goes on with the right bytes or
 * ends with a status that stays. Every byte that arrives is compared in ktls_pair.c, and every
 * nonce is in the ledger. */
#include "ktls_pair.h"

#define TURNS 400u

/* A scenario and what became of it. */
struct story {
    const struct suite *suite;
    bool rekey;
    struct sim_faults *faults;
    uint64_t attach_calls; /* SETSOCKOPT until both directions had moved */
    bool alive;            /* and all was heard, and both closed */
    weir_status status;    /* how it ended, when it is not alive */
    bool moved[2];
};

static bool dead(struct pair *p)
{
    return weir_session_status(&p->us.session) < 0 || weir_session_status(&p->peer.session) < 0;
}

/* Both say `bytes` more, and hear all of it, unless one of them ends. */
static void talk(struct pair *p, size_t bytes)
{
    uint64_t us = p->us.sent + bytes, peer = p->peer.sent + bytes;

    for (unsigned i = 0; i < TURNS && !dead(p); i++) {
        if (p->us.sent < us)
            (void)end_say(&p->us, (size_t)(us - p->us.sent));
        if (p->peer.sent < peer)
            (void)end_say(&p->peer, (size_t)(peer - p->peer.sent));
        (void)end_flush(&p->us);
        (void)end_flush(&p->peer);
        (void)end_hear(&p->us, 5000);
        (void)end_hear(&p->peer, 5000);
        if (p->us.heard == peer && p->peer.heard == us)
            return;
    }
    cr_assert(dead(p), "us heard %llu of %llu, peer %llu of %llu", (unsigned long long)p->us.heard,
              (unsigned long long)peer, (unsigned long long)p->peer.heard, (unsigned long long)us);
}

static void move(struct pair *p, struct story *story, enum weir_dir dir)
{
    for (unsigned i = 0; i < TURNS && !dead(p); i++) {
        (void)end_flush(&p->us);
        (void)end_hear(&p->peer, 5000);
        end_align(&p->us);
        if (dead(p) || p->us.sealed_len > 0 || p->us.raw_len > 0)
            continue;
        weir_status status = end_move(&p->us, dir, WEIR_POLICY_ALL);
        cr_assert(status == WEIR_OK || status == WEIR_REFUSED);
        cr_assert_eq(end_in_kernel(&p->us, dir), status == WEIR_OK);
        story->moved[dir] = status == WEIR_OK;
        return;
    }
    cr_assert(dead(p), "raw %zu sealed %zu rxk %d heard %d st %d, %d", p->us.raw_len,
              p->us.sealed_len, end_in_kernel(&p->us, WEIR_RX), (int)p->us.heard,
              weir_session_status(&p->us.session), sim_linux_errno(p->us.socket));
}

static void query(struct pair *p)
{
    weir_status status = weir_tx_query(&p->us.tx, &p->us.why);

    if (status == WEIR_PENDING)
        status = end_run(&p->us);
    cr_assert(status == WEIR_OK || status == WEIR_REFUSED);
    status = weir_rx_query(&p->us.rx, &p->us.why);
    if (status == WEIR_PENDING)
        status = end_run(&p->us);
    cr_assert(status == WEIR_OK || status == WEIR_REFUSED);
}

static void update_keys(struct pair *p)
{
    struct weir_refusal why;

    if (dead(p))
        return;
    cr_assert_eq(weir_session_key_update(&p->us.session, false, &why), WEIR_OK);
    talk(p, 700);
    if (dead(p))
        return;
    cr_assert_eq(weir_session_key_update(&p->peer.session, true, &why), WEIR_OK);
    talk(p, 700);
}

static void finish(struct pair *p, struct story *story)
{
    if (dead(p))
        return;
    (void)weir_session_close(&p->us.session);
    (void)weir_session_close(&p->peer.session);
    for (unsigned i = 0; i < TURNS && !dead(p); i++) {
        (void)end_flush(&p->us);
        (void)end_flush(&p->peer);
        (void)end_hear(&p->us, 5000);
        (void)end_hear(&p->peer, 5000);
        if (weir_session_status(&p->us.session) == WEIR_CLOSED &&
            weir_session_status(&p->peer.session) == WEIR_CLOSED) {
            story->alive = true;
            return;
        }
    }
    cr_assert(dead(p));
}

/* It answers the same for ever, sends no byte more, and the other end saw no bad record. */
static void check_dead(struct pair *p)
{
    weir_status status = weir_session_status(&p->us.session);
    weir_status peer;
    struct weir_stream_op op;
    const uint8_t *own;
    uint64_t sent = p->us.sent;

    (void)end_flush(&p->us); /* the alert, if it can go */
    uint64_t said = p->us.said.bytes;
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(end_say(&p->us, 100), status);
        (void)end_flush(&p->us);
        if (end_in_kernel(&p->us, WEIR_RX))
            cr_assert_eq(weir_session_want(&p->us.session, &op), status);
        cr_assert_eq(weir_session_status(&p->us.session), status);
        if (end_in_kernel(&p->us, WEIR_TX)) {
            cr_assert_eq(weir_session_next(&p->us.session, WEIR_TYPE_DATA, 10, &op, &own), status);
            cr_assert_eq(op.len, 0);
        }
    }
    cr_assert_eq(p->us.sent, sent);
    if (end_in_kernel(&p->us, WEIR_TX))
        cr_assert_eq(p->us.said.bytes, said);
    (void)end_hear_all(&p->peer);
    peer = weir_session_status(&p->peer.session);
    cr_assert(peer == WEIR_OK || peer == WEIR_E_PEER_ALERT || peer == WEIR_CLOSED, "peer: %s",
              weir_status_name(peer));
}

static void tell(struct story *story)
{
    struct pair *p = pair_open(story->suite, 99, false, 0);

    p->kernel.rekey = story->rekey;
    end_features(&p->us, WEIR_LINUX_KTLS_RX_NO_PAD | WEIR_LINUX_KTLS_ZEROCOPY_RO |
                             (story->rekey ? WEIR_LINUX_KTLS_SAFE : 0u));
    sim_linux_set_faults(p->us.socket, story->faults);
    story->alive = false;
    talk(p, 500);
    move(p, story, WEIR_TX);
    talk(p, 600);
    move(p, story, WEIR_RX);
    story->attach_calls = story->faults->calls[SIM_LINUX_SETSOCKOPT];
    talk(p, 20000);
    if (!dead(p))
        query(p);
    if (story->rekey && story->suite->version == WEIR_TLS13)
        update_keys(p);
    if (!dead(p) && story->suite->version == WEIR_TLS13)
        (void)end_say_message(&p->peer, 300);
    talk(p, 400);
    finish(p, story);
    if (!story->alive) {
        cr_assert(weir_session_status(&p->us.session) < 0, "the peer: %s",
                  weir_status_name(weir_session_status(&p->peer.session)));
        story->status = weir_session_status(&p->us.session);
        check_dead(p);
    }
    sim_linux_set_faults(p->us.socket, NULL);
    pair_close(p);
}

static const int errors[] = {EAGAIN,     EINTR, ENOMEM,      EIO,    EBADMSG,  EMSGSIZE,    EINVAL,
                             ECONNRESET, EBUSY, ENOPROTOOPT, ENOENT, ENOTCONN, EKEYEXPIRED, EPIPE};
#define ERRORS (sizeof errors / sizeof *errors)

/* What a fault may do: a call that says "later" and a setting that fails change nothing; nor does a
 * move that is refused, or a question without an answer. */
static void check_end(const struct story *story, unsigned call, uint64_t n, struct sim_fault fault)
{
    bool cut = call == SIM_LINUX_RECVMSG && fault.kind == SIM_FAULT_SHORT;
    bool later = fault.kind == SIM_FAULT_SHORT || fault.error == EAGAIN || fault.error == EINTR;
    bool harmless = later || call == SIM_LINUX_GETSOCKOPT ||
                    (call == SIM_LINUX_SETSOCKOPT && n <= story->attach_calls);

    /* A control record that does not come whole is one that is too long. */
    if (cut && story->status == WEIR_E_OVERFLOW)
        return;
    if (harmless)
        cr_assert(story->alive, "%s: call %u of class %u, error %d: %s", story->suite->name,
                  (unsigned)n, call, fault.error, weir_status_name(story->status));
}

static void nth_fails(const struct suite *suite, bool rekey, unsigned call, struct sim_fault fault,
                      uint64_t *runs, uint64_t *ends)
{
    struct sim_faults faults = {.struck = 0};
    struct story story = {.suite = suite, .rekey = rekey, .faults = &faults};

    tell(&story);
    cr_assert(story.alive && story.moved[WEIR_TX] && story.moved[WEIR_RX]);
    uint64_t all = faults.calls[call];
    for (uint64_t n = 1; n <= all; n++) {
        struct story broken = {.suite = suite, .rekey = rekey, .faults = &faults};
        sim_faults_clear(&faults);
        cr_assert(sim_faults_plan(&faults, call, n, 1, fault));
        tell(&broken);
        cr_assert_eq(faults.struck, 1, "call %u never came", (unsigned)n);
        check_end(&broken, call, n, fault);
        ++*runs;
        *ends += !broken.alive;
    }
}

static void every_call(unsigned call, bool shorts)
{
    uint64_t runs = 0, ends = 0;
    unsigned step = rounds(1, 5);

    for (unsigned i = step / 5; i < 2 * SUITES; i += step) {
        const struct suite *suite = &suites[i / 2];
        for (size_t k = 0; k < ERRORS; k++)
            nth_fails(suite, i % 2 != 0, call, sim_fault_errno(errors[k]), &runs, &ends);
        for (size_t len = 0; shorts && len < 20; len += 7)
            nth_fails(suite, i % 2 != 0, call, sim_fault_short(len), &runs, &ends);
    }
    cr_assert(runs > 20);
    /* Questions end nothing; the others must have had their victims. */
    cr_assert((ends > 0) == (call != SIM_LINUX_GETSOCKOPT), "%llu of %llu",
              (unsigned long long)ends, (unsigned long long)runs);
}

Test(ktls_faults, nth_setsockopt, .timeout = 240)
{
    every_call(SIM_LINUX_SETSOCKOPT, false);
}

Test(ktls_faults, nth_getsockopt, .timeout = 240)
{
    every_call(SIM_LINUX_GETSOCKOPT, false);
}

Test(ktls_faults, nth_sendmsg, .timeout = 240)
{
    every_call(SIM_LINUX_SENDMSG, true);
}

Test(ktls_faults, nth_recvmsg, .timeout = 240)
{
    every_call(SIM_LINUX_RECVMSG, true);
}

/* No question is ever answered: bounds have to do. */
Test(ktls_faults, every_getsockopt)
{
    for (unsigned i = 0; i < 2 * SUITES; i++) {
        struct sim_faults faults = {.struck = 0};
        struct story story = {.suite = &suites[i / 2], .rekey = i % 2 != 0, .faults = &faults};

        cr_assert(
            sim_faults_plan(&faults, SIM_LINUX_GETSOCKOPT, 1, UINT64_MAX, sim_fault_errno(EINVAL)));
        tell(&story);
        cr_assert(story.alive && story.moved[WEIR_TX] && story.moved[WEIR_RX]);
        cr_assert(faults.struck > 0);
    }
}
