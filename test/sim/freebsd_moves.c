/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend on the model: every errno row ends in its refusal and leaves software running; moves
 * in mid-stream, modes, losses of the NIC, and faults, without one wrong byte.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "freebsd_end.h"

enum { GCM12, GCM12_256, GCM13, GCM13_256, CHACHA12, CHACHA13 };

static struct end e;

static void no_kern_tls(struct end *x)
{
    x->bed.host.kern_tls = false;
}
static void disabled(struct end *x)
{
    x->bed.host.enable = false;
}
static void rx_disabled(struct end *x)
{
    x->bed.host.rx_enable = false;
}
static void no_module(struct end *x)
{
    x->bed.host.ktls_ocf = false;
}
static void no_ext_pgs(struct end *x)
{
    x->bed.host.mb_use_ext_pgs = 0;
}
static void no_threads(struct end *x)
{
    x->bed.host.threads_fail = true;
}
static void spliced(struct end *x)
{
    x->bed.s->spliced = true;
}
static void no_framework(struct end *x)
{
    x->bed.host.session_error = FREEBSD_EPROTONOSUPPORT;
    x->bed.host.ifnet_permitted = 0;
}
static void no_memory(struct end *x)
{
    x->bed.host.session_error = FREEBSD_ENOMEM;
    x->bed.host.ifnet_permitted = 0;
}
static void bad_memory(struct end *x)
{
    sim_freebsd_map(&x->bed.host, 0x1000, x->bed.key, 16); /* where no process has its keys */
}
/* The socket is just being joined to another. */
static void taken(struct end *x)
{
    x->bed.s->splice_races = true;
}

struct row {
    const char *name;
    int release;
    enum weir_dir dir;
    int suite;
    void (*set)(struct end *x);
    weir_refusal_code code;
    int os_error;
    uint32_t detail;
    bool transient;
};

static const struct row rows[] = {
    {"EOPNOTSUPP", 14, WEIR_TX, GCM12, disabled, WEIR_REFUSAL_SWITCHED_OFF, 45, 1, false},
    {"EOPNOTSUPP", 15, WEIR_RX, GCM12, disabled, WEIR_REFUSAL_SWITCHED_OFF, 45, 3, false},
    {"EOPNOTSUPP", 15, WEIR_RX, GCM12, rx_disabled, WEIR_REFUSAL_SWITCHED_OFF, 45, 3, false},
    {"EOPNOTSUPP", 13, WEIR_TX, GCM12, no_module, WEIR_REFUSAL_SWITCHED_OFF, 45, 5, false},
    {"EOPNOTSUPP", 13, WEIR_RX, CHACHA12, no_module, WEIR_REFUSAL_SWITCHED_OFF, 45, 5, false},
    {"ENOPROTOOPT", 15, WEIR_TX, GCM13, no_kern_tls, WEIR_REFUSAL_NO_KTLS, 42, 0, false},
    {"ENOPROTOOPT", 15, WEIR_RX, GCM12, no_kern_tls, WEIR_REFUSAL_NO_KTLS, 42, 0, false},
    {"ENXIO", 15, WEIR_TX, GCM13, no_ext_pgs, WEIR_REFUSAL_SWITCHED_OFF, 6, 24, false},
    {"ENXIO", 14, WEIR_RX, GCM12, no_threads, WEIR_REFUSAL_SWITCHED_OFF, 6, 16, false},
    {"EINVAL", 15, WEIR_TX, GCM13, spliced, WEIR_REFUSAL_OS, 22, 0, false},
    {"EINVAL", 15, WEIR_RX, GCM12, spliced, WEIR_REFUSAL_OS, 22, 0, false},
    {"EALREADY", 15, WEIR_RX, GCM12, taken, WEIR_REFUSAL_TAKEN, 37, 0, false},
    {"EPROTONOSUPPORT", 15, WEIR_TX, CHACHA13, no_framework, WEIR_REFUSAL_SUITE, 43, 0x1303, false},
    {"EPROTONOSUPPORT", 14, WEIR_RX, CHACHA12, no_framework, WEIR_REFUSAL_SUITE, 43, 0xcca8, false},
    {"ENOMEM", 15, WEIR_TX, GCM13, no_memory, WEIR_REFUSAL_RESOURCES, 12, 0, true},
    {"ENOMEM", 15, WEIR_RX, GCM12, no_memory, WEIR_REFUSAL_RESOURCES, 12, 0, true},
    {"EFAULT", 14, WEIR_TX, GCM13, bad_memory, WEIR_REFUSAL_OS, 14, 0, false},
    {"EFAULT", 15, WEIR_RX, GCM12, bad_memory, WEIR_REFUSAL_OS, 14, 0, false},
};

/* Section 2.5: each row ends in its refusal, and software goes on as if nothing had been asked. */
Test(freebsd_weir_2_5, every_errno_ends_in_its_refusal)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];

        end_begin(&e, (enum sim_freebsd_release)r->release, (size_t)r->suite, WEIR_CARRIER_NIC);
        end_lives(&e, 20000);
        r->set(&e);
        cr_assert_eq(end_move(&e, r->dir, WEIR_POLICY_DEFAULT), WEIR_REFUSED, "%s", r->name);
        cr_assert_eq(e.why.code, r->code, "%s: %s", r->name, weir_refusal_name(e.why.code));
        cr_assert_eq(e.why.layer, WEIR_LAYER_OS);
        cr_assert_eq(e.why.os_error, r->os_error);
        cr_assert_eq(e.why.detail, r->detail, "%s: %u", r->name, e.why.detail);
        cr_assert_eq(e.why.transient, r->transient);
        end_lives(&e, 20000);
        end_close(&e);
    }
}

/* A second owner of a direction, and a connection that is gone. */
Test(freebsd_weir_2_5, EALREADY_and_ECONNRESET)
{
    end_begin(&e, SIM_FREEBSD_15, GCM13, WEIR_CARRIER_NONE);
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_REFUSED);
    cr_assert_eq(e.why.code, WEIR_REFUSAL_NO_TAKE_BACK);
    end_lives(&e, 1000);
    end_close(&e);
    end_begin(&e, SIM_FREEBSD_15, GCM13, WEIR_CARRIER_NONE);
    bed_on(&e.bed, TXTLS, &suites[GCM13]); /* by somebody else */
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_REFUSED);
    cr_assert_eq(e.why.code, WEIR_REFUSAL_TAKEN);
    cr_assert_eq(e.why.os_error, 37);
    end_close(&e);
    end_begin(&e, SIM_FREEBSD_15, GCM13, WEIR_CARRIER_NONE);
    sim_freebsd_drop(e.bed.s, FREEBSD_ETIMEDOUT);
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_REFUSED);
    cr_assert_eq(e.why.code, WEIR_REFUSAL_SOCKET);
    cr_assert_eq(e.why.os_error, 54);
    end_close(&e);
}

/* What a release cannot do is known before the socket is touched. */
Test(freebsd_weir_1, releases)
{
    end_begin(&e, SIM_FREEBSD_13, GCM13, WEIR_CARRIER_NONE);
    cr_assert_eq(end_move(&e, WEIR_RX, WEIR_POLICY_ALL), WEIR_REFUSED);
    cr_assert_eq(e.why.code, WEIR_REFUSAL_VERSION);
    cr_assert_eq(e.why.layer, WEIR_LAYER_BACKEND);
    cr_assert_eq(e.bed.host.stats.enable_calls, 0);
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
    end_lives(&e, 30000);
    end_close(&e);
    for (int release = 13; release <= 15; release++) {
        for (size_t suite = 0; suite < SUITES; suite++) {
            bool rx = release > 13 || suites[suite].vminor == 3;

            end_begin(&e, (enum sim_freebsd_release)release, suite, WEIR_CARRIER_NONE);
            cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_ALL), WEIR_OK);
            cr_assert_eq(end_move(&e, WEIR_RX, WEIR_POLICY_ALL), rx ? WEIR_OK : WEIR_REFUSED);
            end_lives(&e, 40000);
            end_close(&e);
        }
    }
}

/* No rekey: who moves where, by policy; and what happens where it then happens. */
Test(freebsd_weir_1, no_rekey)
{
    static const struct {
        weir_policy policy;
        bool tx, rx;
    } policies[] = {{WEIR_POLICY_DEFAULT, true, false},
                    {WEIR_POLICY_STRICT, false, false},
                    {WEIR_POLICY_ALL, true, true}};
    static const uint8_t update[] = {24, 0, 0, 1, 0};

    for (size_t i = 0; i < 3; i++) {
        end_begin(&e, SIM_FREEBSD_15, GCM13, WEIR_CARRIER_NONE);
        cr_assert_eq(end_move(&e, WEIR_TX, policies[i].policy) == WEIR_OK, policies[i].tx);
        if (!policies[i].tx)
            cr_assert_eq(e.why.code, WEIR_REFUSAL_NO_REKEY);
        cr_assert_eq(end_move(&e, WEIR_RX, policies[i].policy) == WEIR_OK, policies[i].rx);
        if (!policies[i].rx)
            cr_assert_eq(e.why.code, WEIR_REFUSAL_NO_REKEY);
        end_lives(&e, 5000);
        if (policies[i].rx) {
            e.heard_len = 0;
            bed_peer(&e.bed, 22, update, sizeof update);
            bed_peer(&e.bed, 23, text, 100);
            cr_assert_eq(end_receive(&e), WEIR_E_REKEY);
            cr_assert_eq(e.got_len, 0);
            (void)end_flush(&e);
            end_peer_reads(&e);
            cr_assert_eq(e.alert[1], 80);
        }
        end_close(&e);
    }
    end_begin(&e, SIM_FREEBSD_15, GCM12, WEIR_CARRIER_NONE); /* TLS 1.2 knows none */
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_STRICT), WEIR_OK);
    cr_assert_eq(end_move(&e, WEIR_RX, WEIR_POLICY_STRICT), WEIR_OK);
    end_close(&e);
}

/* In mid-stream, at any record boundary, each direction at a point of its own. */
Test(freebsd_weir, moves_at_1000_cut_points)
{
    uint64_t random = 11;

    for (int round = 0; round < 1000; round++) {
        size_t cut[2] = {sim_random_below(&random, 6000), sim_random_below(&random, 6000)};
        size_t at = 0, sent, back = 0;
        bool moved[2] = {false, false};

        end_begin(&e, SIM_FREEBSD_15, (size_t)round % SUITES, WEIR_CARRIER_NONE);
        e.bed.host.ifnet_permitted = round % 2 == 0;
        e.bed.host.rx_caps_as_shipped = false;
        while (at < 6000 || back < 6000) {
            size_t n = 1 + sim_random_below(&random, 1500), m = 1 + sim_random_below(&random, 1500);

            if (back + m > 6000)
                m = 6000 - back;
            if (m > 0)
                bed_peer(&e.bed, 23, text + back, m);
            back += m;
            for (int dir = WEIR_TX; dir <= WEIR_RX; dir++) {
                if (moved[dir] || (dir == WEIR_TX ? at : e.got_len) < cut[dir])
                    continue;
                cr_assert_eq(end_move(&e, (enum weir_dir)dir, WEIR_POLICY_ALL), WEIR_OK);
                moved[dir] = true;
            }
            n = at + n > 6000 ? 6000 - at : n;
            cr_assert_eq(end_send(&e, at, n, &sent), WEIR_OK);
            at += sent;
            cr_assert_eq(end_receive(&e), WEIR_OK);
        }
        end_peer_reads(&e);
        cr_assert(e.heard_len == 6000 && memcmp(e.heard, text, 6000) == 0);
        cr_assert(e.got_len == 6000 && memcmp(e.got, text, 6000) == 0);
        cr_assert_eq(weir_tx_counters(&e.tx).bytes, 6000);
        cr_assert_eq(weir_rx_counters(&e.rx).bytes, 6000);
        cr_assert_eq(weir_rx_counters(&e.rx).records, e.bed.their_seq - 8);
        /* The true number lies within the bound. */
        cr_assert(weir_tx_position(&e.tx).seq >= e.bed.our_seq);
        cr_assert(weir_tx_position(&e.tx).seq - weir_tx_position(&e.tx).unsure <= e.bed.our_seq);
        end_close(&e);
    }
}

/* A mode of the kernel's, told before data flows and while it does. */
Test(freebsd_weir, who_carries_it_is_told)
{
    weir_carrier carrier;

    for (int nic = 0; nic <= 1; nic++) {
        end_begin(&e, SIM_FREEBSD_15, GCM13, WEIR_CARRIER_NONE);
        e.bed.host.ifnet_permitted = (uint32_t)nic;
        e.bed.host.rx_caps_as_shipped = false;
        cr_assert_eq(weir_tx_carrier(&e.tx), WEIR_CARRIER_SOFTWARE);
        cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_ALL), WEIR_OK);
        cr_assert_eq(end_move(&e, WEIR_RX, WEIR_POLICY_ALL), WEIR_OK);
        cr_assert_eq(weir_mlx5_ktls_report(&e.tx_ctx).first,
                     nic ? WEIR_CARRIER_NIC : WEIR_CARRIER_KERNEL);
        for (int dir = WEIR_TX; dir <= WEIR_RX; dir++) {
            cr_assert_eq(end_query(&e, (enum weir_dir)dir, &carrier), WEIR_OK);
            cr_assert_eq(carrier, nic ? WEIR_CARRIER_NIC : WEIR_CARRIER_KERNEL);
        }
        end_lives(&e, 30000);
        end_close(&e);
    }
}

/* Section 2.6: the mode set, to and fro, under data. */
Test(freebsd_weir_2_6, modes_switched)
{
    weir_carrier carrier;

    for (size_t suite = 0; suite < 4; suite++) {
        end_begin(&e, SIM_FREEBSD_15, suite, WEIR_CARRIER_NIC);
        e.bed.host.ifnet_permitted = 0; /* which an explicit request does not ask */
        cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
        cr_assert_eq(weir_mlx5_ktls_report(&e.tx_ctx).now, WEIR_CARRIER_NIC);
        for (int round = 0; round < 6; round++) {
            weir_carrier want = round % 2 == 0 ? WEIR_CARRIER_KERNEL : WEIR_CARRIER_NIC;

            end_lives(&e, 30000);
            weir_mlx5_ktls_want(&e.tx_ctx, want);
            cr_assert_eq(end_query(&e, WEIR_TX, &carrier), WEIR_OK);
            cr_assert_eq(carrier, want);
        }
        cr_assert_eq(weir_mlx5_ktls_report(&e.tx_ctx).falls, 0);
        cr_assert_eq(weir_mlx5_ktls_report(&e.tx_ctx).changes, 6 + 1);
        cr_assert_eq(e.bed.host.stats.switch_to_sw, 3);
        end_close(&e);
    }
}

/* While bytes for the NIC are on their way EALREADY stands in the way, and then no longer. */
Test(freebsd_weir_2_6, EALREADY_is_transient)
{
    weir_carrier carrier;
    size_t sent;

    end_begin(&e, SIM_FREEBSD_15, GCM12, WEIR_CARRIER_NIC);
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
    sim_pipe_limit(e.bed.out, 100);
    cr_assert_eq(end_send(&e, 0, 9000, &sent), WEIR_OK);
    weir_mlx5_ktls_want(&e.tx_ctx, WEIR_CARRIER_KERNEL);
    cr_assert_eq(end_query(&e, WEIR_TX, &carrier), WEIR_OK);
    cr_assert_eq(carrier, WEIR_CARRIER_KERNEL);
    weir_mlx5_ktls_want(&e.tx_ctx, WEIR_CARRIER_NIC);
    cr_assert_eq(end_query(&e, WEIR_TX, &carrier), WEIR_OK);
    cr_assert_eq(carrier, WEIR_CARRIER_KERNEL);
    cr_assert_eq(weir_mlx5_ktls_report(&e.tx_ctx).refusal.code, WEIR_REFUSAL_BOUNDARY);
    sim_pipe_limit(e.bed.out, 0);
    cr_assert_eq(end_query(&e, WEIR_TX, &carrier), WEIR_OK);
    cr_assert_eq(carrier, WEIR_CARRIER_NIC);
    cr_assert_eq(weir_mlx5_ktls_report(&e.tx_ctx).refusal.code, WEIR_REFUSAL_NONE);
    end_no_wrong_byte(&e);
    cr_assert_eq(e.heard_len, 9000);
    end_close(&e);
}

/* Section 7.2: what the interface says to a wish is kept; the direction has moved all the same. */
Test(freebsd_weir_7_2, every_errno_of_the_interface)
{
    static const struct {
        int way, os_error;
        weir_refusal_code code;
        size_t suite;
    } ways[] = {
        {0, 45, WEIR_REFUSAL_OS, GCM13},        {1, 45, WEIR_REFUSAL_OS, GCM13},
        {2, 43, WEIR_REFUSAL_SUITE, GCM13},     {3, 43, WEIR_REFUSAL_SUITE, CHACHA13},
        {4, 12, WEIR_REFUSAL_RESOURCES, GCM13}, {5, 16, WEIR_REFUSAL_OS, GCM13},
        {6, 6, WEIR_REFUSAL_OS, GCM13},
    };

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct weir_mlx5_ktls_report report;
        struct sim_freebsd_ifnet *mce = &e.bed.host.mce[0];

        end_begin(&e, SIM_FREEBSD_15, ways[i].suite, WEIR_CARRIER_NIC);
        e.bed.host.ifnet_permitted = 0;
        if (ways[i].way == 0)
            mce->caps &= ~FREEBSD_IFCAP_TXTLS4;
        mce->tls = ways[i].way != 1;
        mce->suites = ways[i].way == 2 ? 0 : SIM_NIC_ALL;
        mce->tx_max = ways[i].way == 4 ? 0 : 64;
        e.bed.s->switch_races = ways[i].way == 5;
        e.bed.s->route_cached = ways[i].way != 6;
        cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
        report = weir_mlx5_ktls_report(&e.tx_ctx);
        cr_assert_eq(report.now, WEIR_CARRIER_KERNEL);
        cr_assert_eq(report.refusal.os_error, ways[i].os_error, "way %d: %d", ways[i].way,
                     report.refusal.os_error);
        cr_assert_eq(report.refusal.code, ways[i].code);
        end_lives(&e, 20000);
        end_close(&e);
    }
}

/* Section 7.3: the retransmit fallback changes the mode under the application. */
Test(freebsd_weir_7_3, retransmit_fallback)
{
    struct weir_mlx5_ktls_report report;
    weir_carrier carrier;

    for (size_t suite = 0; suite < 4; suite++) {
        end_begin(&e, SIM_FREEBSD_15, suite, WEIR_CARRIER_NIC);
        cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
        end_lives(&e, 30000);
        sim_freebsd_rexmit(e.bed.s, 3000);
        end_lives(&e, 30000);
        cr_assert_eq(weir_tx_carrier(&e.tx), WEIR_CARRIER_BELOW); /* nobody has asked yet */
        cr_assert_eq(end_query(&e, WEIR_TX, &carrier), WEIR_OK);
        cr_assert_eq(carrier, WEIR_CARRIER_KERNEL);
        report = weir_mlx5_ktls_report(&e.tx_ctx);
        cr_assert(report.first == WEIR_CARRIER_NIC && report.falls == 1 && report.changes == 1);
        weir_mlx5_ktls_want(&e.tx_ctx, WEIR_CARRIER_NIC); /* never again */
        cr_assert_eq(end_query(&e, WEIR_TX, &carrier), WEIR_OK);
        cr_assert_eq(carrier, WEIR_CARRIER_KERNEL);
        cr_assert_eq(weir_mlx5_ktls_report(&e.tx_ctx).refusal.os_error, 6);
        end_lives(&e, 30000);
        end_close(&e);
    }
}

/* Beside a send the fallback would use the send's explicit nonces again. A direction that has some
 * has left the interface before its first byte; the ledger has the last word. */
Test(freebsd_weir_7_3, fallback_beside_a_send)
{
    for (size_t suite = 0; suite < 4; suite++) {
        bool left = suites[suite].vminor == 3;

        end_begin(&e, SIM_FREEBSD_15, suite, WEIR_CARRIER_NONE);
        e.bed.host.fallback_races_send = true;
        cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
        cr_assert_eq(weir_mlx5_ktls_report(&e.tx_ctx).now,
                     left ? WEIR_CARRIER_KERNEL : WEIR_CARRIER_NIC);
        end_lives(&e, 30000);
        sim_freebsd_rexmit(e.bed.s, 3000);
        end_lives(&e, 30000);
        end_lives(&e, 30000);
        cr_assert_eq(e.bed.host.stats.ifnet_disable_ok, left ? 0 : 1);
        end_close(&e);
    }
}

Test(freebsd_weir_7_3, another_interface)
{
    size_t sent;

    end_begin(&e, SIM_FREEBSD_15, GCM13, WEIR_CARRIER_NONE);
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
    for (int i = 1; i <= 10; i++) {
        end_lives(&e, 20000);
        sim_freebsd_route(e.bed.s, i % 2);
        e.heard_len = 0;
        cr_assert_eq(end_send(&e, 0, 20000, &sent), WEIR_OK);
        sim_freebsd_run(e.bed.s);
        end_no_wrong_byte(&e);
        cr_assert_eq(e.heard_len, 20000);
    }
    cr_assert_eq(e.bed.host.stats.ifnet_reset, 10);
    end_close(&e);
}

/* The interface is gone and there is no other: the direction dies, with nothing wrong on the wire.
 */
Test(freebsd_weir_7_3, interface_lost_ECONNABORTED)
{
    size_t sent;

    for (size_t suite = 0; suite < 4; suite++) {
        end_begin(&e, SIM_FREEBSD_15, suite, WEIR_CARRIER_NIC);
        cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
        end_lives(&e, 10000);
        e.heard_len = 0;
        sim_freebsd_route(e.bed.s, -1);
        cr_assert_eq(end_send(&e, 0, 1000, &sent), WEIR_OK); /* it cannot know yet */
        cr_assert_eq(end_send(&e, 1000, 1000, &sent), WEIR_E_IO);
        cr_assert_eq(end_send(&e, 2000, 1000, &sent), WEIR_E_IO);
        cr_assert_eq(weir_session_status(&e.session), WEIR_E_IO);
        end_no_wrong_byte(&e);
        cr_assert_eq(e.heard_len, 0);
        end_close(&e);
        /* Who had taken it away from the interface before, lives on. */
        end_begin(&e, SIM_FREEBSD_15, suite, WEIR_CARRIER_KERNEL);
        cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
        end_lives(&e, 10000);
        sim_freebsd_route(e.bed.s, -1);
        end_lives(&e, 50000);
        cr_assert_eq(weir_mlx5_ktls_report(&e.tx_ctx).falls, 0);
        end_close(&e);
    }
}

/* Section 7.5: on RX nothing is lost but the interface. */
Test(freebsd_weir_7_5, RX_interface_lost)
{
    end_begin(&e, SIM_FREEBSD_15, GCM12, WEIR_CARRIER_NONE);
    e.bed.host.rx_caps_as_shipped = false;
    cr_assert_eq(end_move(&e, WEIR_RX, WEIR_POLICY_DEFAULT), WEIR_OK);
    cr_assert_eq(weir_mlx5_ktls_report(&e.rx_ctx).now, WEIR_CARRIER_NIC);
    end_lives(&e, 30000);
    sim_freebsd_input_by(e.bed.s, -1);
    end_lives(&e, 30000);
    cr_assert_eq(e.bed.host.stats.ifnet_reset_failed, 1);
    end_close(&e);
}

/* One scenario: moves, switches and data both ways. Whatever happens is kept in `e`. */
static void scenario(int nic)
{
    weir_carrier carrier;
    size_t sent, at = 0;

    (void)end_move(&e, WEIR_TX, WEIR_POLICY_ALL);
    for (int i = 0; i < 4; i++) {
        if (end_send(&e, at, 3000, &sent) < 0)
            return;
        at += sent;
        bed_peer(&e.bed, 23, text + (size_t)i * 1000, 1000);
        if (i == 1)
            (void)end_move(&e, WEIR_RX, WEIR_POLICY_ALL);
        if (i == 2 && weir_tx_backend(&e.tx) == &e.ktls.backend) {
            weir_mlx5_ktls_want(&e.tx_ctx, nic ? WEIR_CARRIER_KERNEL : WEIR_CARRIER_NIC);
            (void)end_query(&e, WEIR_TX, &carrier);
        }
        if (end_receive(&e) < 0)
            return;
    }
    if (end_receive(&e) < 0) /* what a call that did nothing has left */
        return;
    (void)weir_session_close(&e.session);
    (void)end_flush(&e);
}

/* Every send and receive moves one byte, or a few: nothing is lost, repeated or reordered. */
Test(freebsd_weir, every_call_is_short)
{
    struct sim_faults faults = {0};

    for (size_t suite = 0; suite < SUITES; suite++) {
        for (size_t most = 1; most <= 700; most += 233) {
            end_begin(&e, SIM_FREEBSD_15, suite, WEIR_CARRIER_NIC);
            sim_faults_clear(&faults);
            sim_faults_plan(&faults, SIM_ANY_CALL, 1, UINT64_MAX, sim_fault_short(most));
            e.bed.host.faults = &faults;
            scenario(1);
            cr_assert_eq(weir_session_status(&e.session), WEIR_OK);
            end_no_wrong_byte(&e);
            cr_assert(e.heard_len == 12000 && e.got_len == 4000, "%zu and %zu", e.heard_len,
                      e.got_len);
            cr_assert(weir_tx_position(&e.tx).seq >= e.bed.our_seq);
            end_close(&e);
        }
    }
}

/* Fail the nth call, for every n and several errors: software goes on or the session dies. */
Test(freebsd_weir, every_call_fails_once)
{
    static const int errors[] = {FREEBSD_ENOMEM,  FREEBSD_EINTR,      FREEBSD_EOPNOTSUPP,
                                 FREEBSD_EBADMSG, FREEBSD_ECONNRESET, FREEBSD_EAGAIN,
                                 FREEBSD_EIO,     FREEBSD_EINVAL,     FREEBSD_ENOBUFS};
    struct sim_faults faults = {0};

    for (size_t suite = 0; suite < SUITES; suite += 2) {
        for (int nic = 0; nic <= 1; nic++) {
            uint64_t all;

            end_begin(&e, SIM_FREEBSD_15, suite, WEIR_CARRIER_NONE);
            sim_faults_clear(&faults);
            e.bed.host.faults = &faults;
            e.bed.host.ifnet_permitted = (uint32_t)nic;
            scenario(nic);
            cr_assert_eq(weir_session_status(&e.session), WEIR_OK);
            end_no_wrong_byte(&e);
            cr_assert(e.heard_len == 12000 && e.got_len == 4000);
            all = faults.calls[SIM_ANY_CALL];
            end_close(&e);
            for (uint64_t n = 1; n <= all; n++) {
                for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
                    weir_status status;

                    end_begin(&e, SIM_FREEBSD_15, suite, WEIR_CARRIER_NONE);
                    sim_faults_clear(&faults);
                    sim_faults_plan(&faults, SIM_ANY_CALL, n, 1, sim_fault_errno(errors[i]));
                    e.bed.host.faults = &faults;
                    e.bed.host.ifnet_permitted = (uint32_t)nic;
                    scenario(nic);
                    cr_assert_eq(faults.struck, 1);
                    status = weir_session_status(&e.session);
                    end_no_wrong_byte(&e);
                    cr_assert(status < 0 || (e.heard_len == 12000 && e.got_len == 4000),
                              "call %d, errno %d: alive, but %zu and %zu bytes", (int)n, errors[i],
                              e.heard_len, e.got_len);
                    end_close(&e);
                }
            }
        }
    }
}
