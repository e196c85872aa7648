/* SPDX-License-Identifier: BSD-2-Clause */
/* KeyUpdate and kernels that cannot change a key: what each policy lets move, and the end of a
 * connection where it happens all the same. And what the probe finds on kernels of every age. */
#include "ktls_pair.h"

static struct pair *old_kernel(const struct suite *suite)
{
    struct pair *p = pair_open(suite, 3, false, 0);

    p->kernel.rekey = false;
    end_features(&p->us, WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN);
    return p;
}

Test(ktls_policy, what_may_move)
{
    static const weir_policy policies[] = {WEIR_POLICY_DEFAULT, WEIR_POLICY_STRICT,
                                           WEIR_POLICY_ALL};

    for (unsigned i = 0; i < 12 * SUITES; i++) {
        const struct suite *suite = &suites[i % SUITES];
        weir_policy policy = policies[i / SUITES % 3];
        enum weir_dir dir = i / SUITES / 3 % 2 == 0 ? WEIR_TX : WEIR_RX;
        bool rekey = i / SUITES / 6 != 0;
        bool may = rekey || suite->version == WEIR_TLS12 || policy == WEIR_POLICY_ALL ||
                   (policy == WEIR_POLICY_DEFAULT && dir == WEIR_TX);
        struct pair *p = old_kernel(suite);
        if (rekey) {
            p->kernel.rekey = true;
            end_features(&p->us, WEIR_LINUX_KTLS_REKEY);
        }
        weir_status status = end_move(&p->us, dir, policy);
        cr_assert_eq(status, may ? WEIR_OK : WEIR_REFUSED);
        if (!may)
            cr_assert_eq(p->us.why.code, WEIR_REFUSAL_NO_REKEY);
        cr_assert_eq(end_in_kernel(&p->us, dir), may);
        pair_live(p, 5000);
        pair_close(p);
    }
}

/* Our end ended: it says so, and no byte comes in or goes out any more. */
static void has_ended(struct pair *p, uint64_t lost_tx, uint64_t lost_rx)
{
    uint64_t heard = p->us.heard;

    cr_assert_eq(weir_session_status(&p->us.session), WEIR_E_REKEY);
    cr_assert_eq(weir_tx_counters(&p->us.tx).lost_rekeys, lost_tx);
    cr_assert_eq(weir_rx_counters(&p->us.rx).lost_rekeys, lost_rx);
    cr_assert_eq(weir_session_refusal(&p->us.session).code, WEIR_REFUSAL_NO_REKEY);
    (void)end_flush(&p->us);
    uint64_t said = p->us.said.bytes;
    (void)end_say(&p->peer, 1000);
    for (unsigned i = 0; i < 3; i++) {
        (void)end_hear(&p->us, 1000);
        cr_assert_eq(weir_session_status(&p->us.session), WEIR_E_REKEY);
        cr_assert_eq(end_say(&p->us, 1000), WEIR_E_REKEY);
        (void)end_flush(&p->us);
    }
    cr_assert_eq(p->us.heard, heard);
    cr_assert_eq(p->us.said.bytes, said);
    cr_assert_eq(end_hear_all(&p->peer), WEIR_E_PEER_ALERT);
    cr_assert_eq(weir_session_peer_alert(&p->peer.session), 80);
}

Test(ktls_policy, the_default_follows_the_peer_in_software)
{
    for (unsigned i = 3; i < SUITES; i++) {
        struct pair *p = old_kernel(&suites[i]);
        cr_assert_eq(end_move(&p->us, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
        cr_assert_eq(end_move(&p->us, WEIR_RX, WEIR_POLICY_DEFAULT), WEIR_REFUSED);
        for (unsigned k = 0; k < 3; k++) {
            cr_assert_eq(weir_session_key_update(&p->peer.session, false, &p->us.why), WEIR_OK);
            pair_live(p, 2000);
        }
        cr_assert_eq(weir_rx_counters(&p->us.rx).rekeys, 3);
        cr_assert_eq(weir_session_key_update(&p->us.session, false, &p->us.why), WEIR_REFUSED);
        cr_assert_eq(p->us.why.code, WEIR_REFUSAL_NO_REKEY);
        pair_live(p, 2000);
        /* One that asks for an answer cannot be answered. */
        cr_assert_eq(weir_session_key_update(&p->peer.session, true, &p->us.why), WEIR_OK);
        cr_assert_eq(end_say(&p->peer, 100), WEIR_OK);
        cr_assert_eq(end_hear_all(&p->us), WEIR_E_REKEY);
        has_ended(p, 1, 0);
        pair_close(p);
    }
}

Test(ktls_policy, with_all_a_key_update_is_the_end)
{
    for (unsigned i = 0; i < 6; i++) {
        struct pair *p = old_kernel(&suites[3 + i / 2]);
        bool asks = i % 2 != 0;
        cr_assert_eq(end_move(&p->us, WEIR_TX, WEIR_POLICY_ALL), WEIR_OK);
        cr_assert_eq(end_move(&p->us, WEIR_RX, WEIR_POLICY_ALL), WEIR_OK);
        pair_live(p, 3000);
        cr_assert_eq(end_say(&p->peer, 400), WEIR_OK);
        cr_assert_eq(weir_session_key_update(&p->peer.session, asks, &p->us.why), WEIR_OK);
        cr_assert_eq(end_say(&p->peer, 400), WEIR_OK);
        cr_assert_eq(end_hear_all(&p->us), WEIR_E_REKEY);
        cr_assert_eq(p->us.heard, 3400); /* what came before, and nothing behind it */
        has_ended(p, 0, 1);
        pair_close(p);
    }
}

/* A kernel that waits for a new key, and a backend that was not told it could give one. */
Test(ktls_policy, the_same_on_a_kernel_that_could)
{
    struct pair *p = old_kernel(GCM13);

    p->kernel.rekey = true;
    cr_assert_eq(end_move(&p->us, WEIR_TX, WEIR_POLICY_ALL), WEIR_OK);
    cr_assert_eq(end_move(&p->us, WEIR_RX, WEIR_POLICY_ALL), WEIR_OK);
    pair_live(p, 300);
    cr_assert_eq(weir_session_key_update(&p->peer.session, false, &p->us.why), WEIR_OK);
    cr_assert_eq(end_say(&p->peer, 400), WEIR_OK);
    cr_assert_eq(end_hear_all(&p->us), WEIR_E_REKEY);
    cr_assert_eq(p->us.heard, 300);
    has_ended(p, 0, 1);
    pair_close(p);
}

#define BASE (WEIR_LINUX_KTLS_TX | WEIR_LINUX_KTLS_RX)

Test(ktls_policy, the_probe_finds_what_each_release_has)
{
    static const struct {
        unsigned major, minor;
        uint32_t features;
    } rows[] = {
        {4, 13, WEIR_LINUX_KTLS_TX},
        {4, 17, BASE},
        {5, 1, BASE | WEIR_LINUX_KTLS_TLS13},
        {5, 19, BASE | WEIR_LINUX_KTLS_TLS13 | WEIR_LINUX_KTLS_ZEROCOPY_RO},
        {6, 1,
         BASE | WEIR_LINUX_KTLS_TLS13 | WEIR_LINUX_KTLS_ZEROCOPY_RO | WEIR_LINUX_KTLS_RX_NO_PAD},
        {6, 14,
         BASE | WEIR_LINUX_KTLS_TLS13 | WEIR_LINUX_KTLS_ZEROCOPY_RO | WEIR_LINUX_KTLS_RX_NO_PAD |
             WEIR_LINUX_KTLS_REKEY},
        {6, 19,
         BASE | WEIR_LINUX_KTLS_TLS13 | WEIR_LINUX_KTLS_ZEROCOPY_RO | WEIR_LINUX_KTLS_RX_NO_PAD |
             WEIR_LINUX_KTLS_REKEY | WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sim_linux kernel;
        struct weir_linux_ktls_probe probe;
        struct weir_refusal why;
        const struct weir_cmd *cmd;
        uint32_t found;
        unsigned end;
        sim_linux_init(&kernel, 1);
        sim_linux_release(&kernel, rows[i].major, rows[i].minor);
        struct sim_linux_socket *ends[2] = {sim_linux_socket_new(&kernel, true),
                                            sim_linux_socket_new(&kernel, true)};
        sim_linux_connect(ends[0], ends[1], 0);
        weir_linux_ktls_probe_init(&probe);
        while ((cmd = weir_linux_ktls_probe_command(&probe, &end)) != NULL) {
            const struct weir_done done = sim_linux_exec(ends[end], cmd);
            weir_linux_ktls_probe_complete(&probe, &done);
        }
        cr_assert_eq(weir_linux_ktls_probe_result(&probe, &found, &why), WEIR_OK);
        cr_assert_eq(found, rows[i].features, "%u.%u: %x, not %x", rows[i].major, rows[i].minor,
                     (unsigned)found, (unsigned)rows[i].features);
        sim_linux_close(ends[0]);
        sim_linux_close(ends[1]);
    }
}
