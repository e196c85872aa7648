/* SPDX-License-Identifier: BSD-2-Clause */
/* How many records the kernel makes nobody is told: what weir knows in bounds, what it learns by
 * asking, and that no key is used beyond its limit in between. Trap 10: bytes sent do not determine
 * records sent. */
#include "ktls_pair.h"

#define HARD 6000u

static struct pair *in_kernel(const struct suite *suite, uint64_t seed, uint32_t features)
{
    struct pair *p = pair_open(suite, seed, false, 0);

    p->kernel.rekey = (features & WEIR_LINUX_KTLS_REKEY) != 0;
    end_features(&p->us, features);
    cr_assert_eq(end_move(&p->us, WEIR_TX, WEIR_POLICY_ALL), WEIR_OK);
    cr_assert_eq(end_move(&p->us, WEIR_RX, WEIR_POLICY_ALL), WEIR_OK);
    return p;
}

Test(ktls_limits, bounds_hold_and_a_question_makes_them_exact)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = in_kernel(&suites[i], 5 + i, 0);
        uint64_t start = p->us.tx_keys.at.seq;
        p->kernel.pressure = 400;
        for (unsigned k = 0; k < 40; k++) {
            cr_assert_eq(end_say(&p->us, 1 + below(p, 3000)), WEIR_OK);
            struct weir_position at = weir_tx_position(&p->us.tx);
            struct weir_counters counted = weir_tx_counters(&p->us.tx);
            uint64_t truth = start + p->us.said.records;
            cr_assert(at.seq >= truth && at.seq - at.unsure <= truth);
            cr_assert(counted.records <= p->us.said.records);
            cr_assert(counted.wire_bytes <= p->us.said.bytes);
            cr_assert(at.blocks >= p->us.said.blocks);
            cr_assert(at.unsure > 0);
            if (k % 8 != 7)
                continue;
            end_query(&p->us);
            at = weir_tx_position(&p->us.tx);
            cr_assert_eq(at.seq, truth);
            cr_assert_eq(at.unsure, 0);
            cr_assert_eq(weir_tx_counters(&p->us.tx).records, p->us.said.records);
            cr_assert_eq(weir_tx_counters(&p->us.tx).wire_bytes, p->us.said.bytes);
            if (i < 2)
                cr_assert_eq(at.explicit_nonce,
                             p->us.tx_keys.at.explicit_nonce + p->us.said.records);
        }
        pair_live(p, 100);
        pair_close(p);
    }
}

/* Sends until the key is used up. */
static void use_up(struct pair *p)
{
    weir_status status = WEIR_OK;

    weir_tx_set_limit(&p->us.tx, (struct weir_limit){.soft = HARD / 2, .hard = HARD});
    for (unsigned i = 0; status >= 0; i++) {
        cr_assert(i < 100000);
        status = end_say(&p->us, 1 + below(p, 3000));
    }
    cr_assert_eq(status, WEIR_E_KEY_LIMIT, "%s", weir_status_name(status));
    cr_assert(p->us.said.blocks <= HARD, "%llu blocks", (unsigned long long)p->us.said.blocks);
}

static void says_why(struct pair *p)
{
    (void)end_flush(&p->us);
    cr_assert_eq(end_hear_all(&p->peer), WEIR_E_PEER_ALERT);
    cr_assert_eq(weir_session_peer_alert(&p->peer.session), 80);
}

Test(ktls_limits, sending_ends_at_the_limit_and_not_before)
{
    for (unsigned i = 0; i < 3; i++) {
        struct pair *p = in_kernel(&suites[i], 5 + i, 0);
        p->kernel.pressure = 100;
        use_up(p);
        cr_assert(p->us.said.blocks > HARD - HARD / 20, "%s: %llu blocks of %u", p->suite->name,
                  (unsigned long long)p->us.said.blocks, HARD);
        says_why(p);
        pair_close(p);
    }
}

Test(ktls_limits, without_an_answer_sending_ends_at_the_bound)
{
    for (unsigned i = 0; i < 3; i++) {
        struct sim_faults faults = {.struck = 0};
        struct pair *p = in_kernel(&suites[i], 5 + i, 0);
        cr_assert(
            sim_faults_plan(&faults, SIM_LINUX_GETSOCKOPT, 1, UINT64_MAX, sim_fault_errno(EINVAL)));
        sim_linux_set_faults(p->us.socket, &faults);
        use_up(p);
        cr_assert(faults.struck > 0);
        cr_assert(p->us.said.blocks < HARD / 4);
        sim_linux_set_faults(p->us.socket, NULL);
        says_why(p);
        pair_close(p);
    }
}

Test(ktls_limits, keys_are_renewed_in_time)
{
    for (unsigned i = 3; i < SUITES; i++) {
        struct pair *p = in_kernel(&suites[i], 50 + i, WEIR_LINUX_KTLS_REKEY);
        uint64_t rekeys = 0, blocks = 0, most = 0;
        p->kernel.pressure = 100;
        weir_tx_set_limit(&p->us.tx, (struct weir_limit){.soft = HARD / 2, .hard = HARD});
        for (unsigned k = 0; k < 400; k++) {
            weir_status status = end_say(&p->us, 1 + below(p, 1500));
            cr_assert_eq(status, WEIR_OK, "%s", weir_status_name(status));
            cr_assert_eq(end_hear_all(&p->peer), WEIR_NEED_INPUT);
            if (weir_tx_counters(&p->us.tx).rekeys == rekeys)
                continue;
            rekeys = weir_tx_counters(&p->us.tx).rekeys;
            if (p->us.said.blocks - blocks > most)
                most = p->us.said.blocks - blocks;
            blocks = p->us.said.blocks;
        }
        cr_assert(rekeys > 3, "%llu", (unsigned long long)rekeys);
        cr_assert(most > HARD / 2 && most <= HARD, "%llu", (unsigned long long)most);
        pair_live(p, 1000);
        pair_close(p);
    }
}

Test(ktls_limits, a_key_that_cannot_be_renewed_is_said_to_be_due)
{
    struct pair *p = in_kernel(GCM13, 5, 0);
    weir_status status = WEIR_OK;

    weir_tx_set_limit(&p->us.tx, (struct weir_limit){.soft = HARD / 2, .hard = HARD});
    while (status == WEIR_OK)
        status = end_say(&p->us, 500);
    cr_assert_eq(status, WEIR_REKEY_DUE);
    cr_assert(p->us.said.blocks > HARD / 2 && p->us.said.blocks <= HARD);
    while (status >= 0)
        status = end_say(&p->us, 500);
    cr_assert_eq(status, WEIR_E_KEY_LIMIT);
    cr_assert(p->us.said.blocks > HARD - HARD / 20 && p->us.said.blocks <= HARD);
    says_why(p);
    pair_close(p);
}

/* Receives records of 1000 bytes until the key is used up; how many blocks they had. */
static uint64_t receive_up(struct pair *p)
{
    weir_status status = WEIR_NEED_INPUT;

    weir_rx_set_limit(&p->us.rx, (struct weir_limit){.soft = HARD / 2, .hard = HARD});
    while (status >= 0) {
        cr_assert_eq(end_say(&p->peer, 1000), WEIR_OK);
        status = end_hear_all(&p->us);
        cr_assert(p->us.heard < 1000000);
    }
    cr_assert_eq(status, WEIR_E_KEY_LIMIT, "%s", weir_status_name(status));
    return p->peer.said.blocks;
}

/* A record of 1000 bytes is 64 blocks; its bound, a record for each byte, is 2062. */
Test(ktls_limits, receiving_ends_at_the_limit_and_not_at_the_bound)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = in_kernel(&suites[i], 5 + i, 0);
        uint64_t blocks = receive_up(p);
        cr_assert(blocks > HARD - 2 * 2062 && blocks < HARD + 2 * 64, "%s: %llu", p->suite->name,
                  (unsigned long long)blocks);
        (void)end_flush(&p->us);
        cr_assert_eq(end_hear_all(&p->peer), WEIR_E_PEER_ALERT);
        pair_close(p);
    }
}

Test(ktls_limits, without_an_answer_receiving_ends_at_the_bound)
{
    struct sim_faults faults = {.struck = 0};
    struct pair *p = in_kernel(GCM12, 5, 0);

    cr_assert(
        sim_faults_plan(&faults, SIM_LINUX_GETSOCKOPT, 1, UINT64_MAX, sim_fault_errno(EINVAL)));
    sim_linux_set_faults(p->us.socket, &faults);
    cr_assert(receive_up(p) <= 4 * 64);
    cr_assert(faults.struck > 0);
    sim_linux_set_faults(p->us.socket, NULL);
    pair_close(p);
}

/* Somebody else writes to the socket: its records are none of ours. */
Test(ktls_limits, a_number_that_cannot_be_ends_the_direction)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = in_kernel(&suites[i], 5 + i, 0);
        cr_assert_eq(end_say(&p->us, 10), WEIR_OK);
        end_query(&p->us);
        end_raw(&p->us, "x", 1);
        weir_status status = weir_tx_query(&p->us.tx, &p->us.why);
        cr_assert_eq(status, WEIR_PENDING);
        cr_assert_eq(end_run(&p->us), WEIR_E_BACKEND);
        cr_assert_eq(weir_tx_status(&p->us.tx), WEIR_E_BACKEND);
        cr_assert_eq(end_say(&p->us, 10), WEIR_E_BACKEND);
        pair_close(p);
    }
}

/* RFC 8449: no record is longer than the peer has asked for, wherever it is made. */
Test(ktls_limits, record_limits_are_kept_by_the_kernel)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = pair_open(&suites[i], 5 + i, false, 0);
        cr_assert_eq(weir_tx_set_record_limit(&p->us.tx, 1000), WEIR_OK);
        cr_assert_eq(weir_rx_set_record_limit(&p->peer.rx, 1000), WEIR_OK);
        cr_assert_eq(end_move(&p->us, WEIR_TX, WEIR_POLICY_ALL), WEIR_OK, "%s",
                     weir_refusal_name(p->us.why.code));
        pair_live(p, 50000);
        cr_assert_eq(p->us.said.records, 50);
        pair_close(p);

        /* Who cannot promise it does not get the direction. */
        p = pair_open(&suites[i], 5 + i, false, 0);
        p->kernel.max_payload = false;
        cr_assert_eq(weir_tx_set_record_limit(&p->us.tx, 1000), WEIR_OK);
        cr_assert_eq(weir_rx_set_record_limit(&p->peer.rx, 1000), WEIR_OK);
        cr_assert_eq(end_move(&p->us, WEIR_TX, WEIR_POLICY_ALL), WEIR_REFUSED);
        cr_assert_eq(p->us.why.code, WEIR_REFUSAL_RECORD_LIMIT);
        cr_assert_eq(p->us.why.os_error, ENOPROTOOPT);
        end_features(&p->us, WEIR_LINUX_KTLS_REKEY);
        cr_assert_eq(end_move(&p->us, WEIR_TX, WEIR_POLICY_ALL), WEIR_REFUSED);
        cr_assert_eq(p->us.why.code, WEIR_REFUSAL_RECORD_LIMIT);
        cr_assert_eq(p->us.why.os_error, 0);
        pair_live(p, 50000);
        pair_close(p);
    }
}
