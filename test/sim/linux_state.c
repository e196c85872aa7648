/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading state back, optional modes, statistics and sock_diag. */
#include "linux_ends.h"

#include <stdlib.h>

static int get_option(struct sim_linux_socket *s, int name, void *value, uint32_t *len)
{
    return sim_linux_getsockopt(s, 282, name, value, len) == 0 ? 0 : sim_linux_errno(s);
}

Test(linux_position, four_bytes_or_all_and_nothing_else)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_open(&suites[i]);

        for (uint32_t want = 0; want <= 60; want++) {
            uint8_t info[64];
            uint32_t len = want;
            memset(info, 0xee, sizeof info);
            int error = get_option(e->a, LINUX_TLS_TX, info, &len);
            cr_assert_eq(error, want == 4 || want == suites[i].info_len ? 0 : EINVAL, "%u", want);
            if (error == 0) {
                uint16_t head[2];
                memcpy(head, info, 4);
                cr_assert(head[0] == suites[i].version && head[1] == suites[i].cipher);
            }
            cr_assert_eq(info[error == 0 ? want : 0], 0xee, "written beyond");
        }
        ends_close(e);
    }
}

Test(linux_position, ebusy_without_a_key)
{
    struct ends *e = ends_plain(0);
    uint8_t info[56];
    uint32_t len = 40;

    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(get_option(e->a, LINUX_TLS_TX, info, &len), EBUSY);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM12, 1, 0), 0);
    cr_assert_eq(get_option(e->a, LINUX_TLS_TX, info, &len), 0);
    cr_assert_eq(get_option(e->a, LINUX_TLS_RX, info, &len), EBUSY);
    len = 3;
    cr_assert_eq(get_option(e->a, LINUX_TLS_RX, info, &len), EINVAL);
    ends_close(e);
}

/* Trap: whoever may ask for the position is given the key. */
Test(linux_position, it_hands_out_the_key)
{
    struct ends *e = ends_open(GCM12);
    uint8_t info[56], told[56];
    uint32_t len = make_info(info, GCM12, 1, 0);

    cr_assert_eq(get_option(e->a, LINUX_TLS_TX, told, &len), 0);
    cr_assert_eq(memcmp(info, told, 40), 0);
    ends_close(e);
}

Test(linux_position, tx_counts_closed_records_only)
{
    struct ends *e = ends_open(GCM12);
    uint8_t info[56], before[56];
    uint32_t len = 40;

    cr_assert_eq(get_option(e->a, LINUX_TLS_TX, before, &len), 0);
    cr_assert_eq(say(e->a, "x", 1, 0), 1);
    cr_assert_eq(say_typed(e->a, 22, "y", 1, 0), 1);
    cr_assert_eq(say(e->a, "corked", 6, LINUX_MSG_MORE), 6);
    cr_assert_eq(get_option(e->a, LINUX_TLS_TX, info, &len), 0);
    cr_assert_eq(sim_get_be64(info + 32), 2);
    cr_assert_eq(sim_get_be64(info + 4), sim_get_be64(before + 4) + 2, "the next explicit nonce");
    ends_close(e);
}

Test(linux_position, rx_counts_what_was_decrypted_also_unread)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_open(&suites[i]);

        for (int n = 0; n < 3; n++)
            cr_assert_eq(say(e->a, "abcd", 4, 0), 4);
        cr_assert_eq(told_seq(e->b, LINUX_TLS_RX, &suites[i]), 0, "queued is not decrypted");
        EXPECT_HEARD(e->b, 2, 2, 23);
        cr_assert_eq(told_seq(e->b, LINUX_TLS_RX, &suites[i]), 1);
        cr_assert_eq(hear(e->b, 7, LINUX_MSG_PEEK).n, 7);
        cr_assert_eq(told_seq(e->b, LINUX_TLS_RX, &suites[i]), 3);
        ends_close(e);
    }
}

Test(linux_position, the_iv_is_constant_without_explicit_nonces)
{
    for (size_t i = 2; i < SUITES; i++) {
        struct ends *e = ends_open(&suites[i]);
        uint8_t before[56], after[56];
        uint32_t len = suites[i].info_len;

        cr_assert_eq(get_option(e->a, LINUX_TLS_TX, before, &len), 0);
        cr_assert_eq(say(e->a, "x", 1, 0), 1);
        cr_assert_eq(get_option(e->a, LINUX_TLS_TX, after, &len), 0);
        cr_assert_eq(memcmp(before, after, len - 8), 0);
        cr_assert_eq(sim_get_be64(after + len - 8), 1);
        ends_close(e);
    }
}

/* What was told is enough for a record layer elsewhere: another socket goes on from it. */
Test(linux_position, another_socket_goes_on_from_it)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_open(&suites[i]), *f = ends_plain(0);
        uint8_t info[56], wire[200];
        uint32_t len = suites[i].info_len;

        cr_assert_eq(say(e->a, "one", 3, 0), 3);
        cr_assert_eq(get_option(e->a, LINUX_TLS_TX, info, &len), 0);
        f->kernel.ledger = e->ledger;
        cr_assert_eq(attach(f->a), 0);
        cr_assert_eq(set_option(f->a, 282, LINUX_TLS_TX, info, len), 0);
        cr_assert_eq(say(f->a, "two", 3, 0), 3);
        size_t n = sim_pipe_read(sim_linux_in_pipe(f->b), wire, sizeof wire);
        cr_assert_eq(sim_pipe_write(sim_linux_in_pipe(e->b), wire, n), n);
        EXPECT_HEARD(e->b, 100, 6, 23);
        cr_assert_eq(memcmp(heard_bytes, "onetwo", 6), 0);
        f->kernel.ledger = f->ledger;
        ends_close(f);
        ends_close(e);
    }
}

Test(linux_options, zerocopy_ro)
{
    struct ends *e = ends_plain(0);
    uint32_t value = 1, len = 4;
    uint8_t many[8] = {1};

    cr_assert_eq(set_option(e->a, 282, 3, &value, 4), ENOPROTOOPT, "not attached");
    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(set_option(e->a, 282, 3, &value, 3), EINVAL);
    cr_assert_eq(set_option(e->a, 282, 3, many, 8), EINVAL);
    cr_assert_eq(set_option(e->a, 282, 3, NULL, 4), EINVAL);
    value = 2;
    cr_assert_eq(set_option(e->a, 282, 3, &value, 4), EINVAL);
    value = 1;
    cr_assert_eq(set_option(e->a, 282, 3, &value, 4), 0, "needs no key");
    value = 9;
    cr_assert_eq(get_option(e->a, 3, &value, &len), 0);
    cr_assert(value == 1 && len == 4);
    sim_linux_release(&e->kernel, 5, 18);
    cr_assert_eq(set_option(e->a, 282, 3, &value, 4), ENOPROTOOPT);
    cr_assert_eq(get_option(e->a, 3, &value, &len), ENOPROTOOPT);
    ends_close(e);
}

Test(linux_options, expect_no_pad)
{
    struct ends *e = ends_plain(0);
    uint32_t on = 1, two = 2, len = 4;
    uint8_t longer[6] = {1, 0, 0, 0, 0, 0};

    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(set_option(e->a, 282, 4, &on, 4), EINVAL, "no key");
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 1, 0), 0);
    cr_assert_eq(set_option(e->a, 282, 4, &on, 4), EINVAL, "no key to receive with");
    cr_assert_eq(get_option(e->a, 4, &on, &len), EINVAL);
    cr_assert_eq(set_key(e->a, LINUX_TLS_RX, GCM13, 2, 0), 0);
    cr_assert_eq(set_option(e->a, 282, 4, &on, 3), EINVAL);
    cr_assert_eq(set_option(e->a, 282, 4, &two, 4), EINVAL);
    cr_assert_eq(set_option(e->a, 282, 4, longer, 6), 0, "zeros behind it are fine");
    longer[5] = 1;
    cr_assert_eq(set_option(e->a, 282, 4, longer, 6), EINVAL);
    on = 0;
    cr_assert_eq(get_option(e->a, 4, &on, &len), 0);
    cr_assert_eq(on, 1);
    sim_linux_release(&e->kernel, 5, 19);
    cr_assert_eq(set_option(e->a, 282, 4, &on, 4), ENOPROTOOPT);
    ends_close(e);
}

Test(linux_options, expect_no_pad_is_not_for_tls12)
{
    struct ends *e = ends_open(GCM12);
    uint32_t on = 1;

    cr_assert_eq(set_option(e->a, 282, 4, &on, 4), EINVAL);
    ends_close(e);
}

Test(linux_options, max_payload_has_limits_of_its_version)
{
    const struct {
        const struct suite *suite;
        uint16_t value;
        int error;
    } rows[] = {
        {GCM12, 63, EINVAL}, {GCM12, 64, 0},         {GCM12, 16384, 0}, {GCM12, 16385, EINVAL},
        {GCM13, 62, EINVAL}, {GCM13, 63, 0},         {GCM13, 16384, 0}, {GCM13, 16385, EINVAL},
        {GCM12, 0, EINVAL},  {GCM13, 65535, EINVAL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ends *e = ends_open(rows[i].suite);
        uint16_t told = 0;
        uint32_t len = 2;
        cr_assert_eq(set_option(e->a, 282, 5, &rows[i].value, 2), rows[i].error, "row %zu", i);
        cr_assert_eq(get_option(e->a, 5, &told, &len), 0);
        cr_assert_eq(told, rows[i].error == 0 ? rows[i].value : 16384);
        ends_close(e);
    }
}

Test(linux_options, max_payload_is_two_bytes_and_not_while_a_record_is_open)
{
    struct ends *e = ends_open(GCM12);
    uint32_t value = 100;

    cr_assert_eq(set_option(e->a, 282, 5, &value, 4), EINVAL);
    cr_assert_eq(set_option(e->a, 282, 5, &value, 1), EINVAL);
    cr_assert_eq(say(e->a, "x", 1, LINUX_MSG_MORE), 1);
    cr_assert_eq(set_option(e->a, 282, 5, &value, 2), EBUSY);
    cr_assert_eq(say(e->a, "y", 1, 0), 1);
    cr_assert_eq(set_option(e->a, 282, 5, &value, 2), 0);
    sim_linux_release(&e->kernel, 6, 18);
    cr_assert_eq(set_option(e->a, 282, 5, &value, 2), ENOPROTOOPT);
    ends_close(e);
}

Test(linux_options, unknown_ones_are_enoprotoopt)
{
    struct ends *e = ends_open(GCM12);
    uint32_t value = 0, len = 4;

    for (int name = 0; name <= 100; name++) {
        if (name >= 1 && name <= 5)
            continue;
        cr_assert_eq(set_option(e->a, 282, name, &value, 4), ENOPROTOOPT);
        cr_assert_eq(get_option(e->a, name, &value, &len), ENOPROTOOPT);
    }
    ends_close(e);
}

/* Trap: hardware or software is told by sock_diag only. setsockopt answers 0 for both. */
Test(linux_diag, a_device_shows_nowhere_else)
{
    const struct {
        const struct suite *suite;
        enum sim_linux_conf conf;
    } rows[] = {
        {GCM12, SIM_LINUX_HW},
        {&suites[1], SIM_LINUX_HW},
        {CHACHA12, SIM_LINUX_SW}, /* no device has it */
        {GCM13, SIM_LINUX_SW},    /* trap: the device path refuses TLS 1.3 */
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ends *e = ends_plain(0);
        struct sim_linux_diag diag;
        e->kernel.device_tx = true;
        e->kernel.device_rx = true;
        cr_assert_eq(attach(e->a), 0);
        cr_assert_eq(attach(e->b), 0);
        cr_assert_eq(set_key(e->a, LINUX_TLS_TX, rows[i].suite, 1, 0), 0);
        cr_assert_eq(set_key(e->b, LINUX_TLS_RX, rows[i].suite, 1, 0), 0);
        cr_assert(sim_linux_diag(e->a, &diag));
        cr_assert_eq(diag.tx, rows[i].conf);
        cr_assert(sim_linux_diag(e->b, &diag));
        cr_assert_eq(diag.rx, rows[i].conf);
        bool device = rows[i].conf == SIM_LINUX_HW;
        cr_assert_eq(e->kernel.stat.curr_tx_device, device);
        cr_assert_eq(e->kernel.stat.curr_tx_sw, !device);
        cr_assert_eq(e->kernel.stat.rx_device, device);
        cr_assert_eq(say(e->a, "x", 1, 0), 1);
        EXPECT_HEARD(e->b, 100, 1, 23);
        ends_close(e);
    }
}

Test(linux_diag, tells_everything_it_has)
{
    struct ends *e = ends_open(GCM13);
    struct sim_linux_diag diag;
    uint32_t on = 1;
    uint16_t max = 1000;

    cr_assert_eq(set_option(e->a, 282, 3, &on, 4), 0);
    cr_assert_eq(set_option(e->a, 282, 4, &on, 4), 0);
    cr_assert_eq(set_option(e->a, 282, 5, &max, 2), 0);
    cr_assert(sim_linux_diag(e->a, &diag));
    cr_assert(diag.version == 0x0304 && diag.cipher == 51 && diag.tx == 2 && diag.rx == 2);
    cr_assert(diag.zerocopy && diag.no_pad && diag.max_payload == 1000);
    ends_close(e);
}

Test(linux_diag, before_615_for_the_privileged_only)
{
    struct ends *e = ends_open(GCM13), *plain = ends_plain(0);
    struct sim_linux_diag diag;

    sim_linux_release(&e->kernel, 6, 14);
    cr_assert(!sim_linux_diag(e->a, &diag));
    e->kernel.privileged = true;
    cr_assert(sim_linux_diag(e->a, &diag));
    cr_assert(!sim_linux_diag(plain->a, &diag), "no TLS on it");
    ends_close(plain);
    ends_close(e);
}

Test(linux_stat, counts_sessions_open_and_ever)
{
    struct ends *e = ends_open(GCM13);

    cr_assert(e->kernel.stat.tx_sw == 2 && e->kernel.stat.curr_tx_sw == 2);
    sim_linux_close(e->a);
    e->a = NULL;
    cr_assert(e->kernel.stat.tx_sw == 2 && e->kernel.stat.curr_tx_sw == 1);
    cr_assert(e->kernel.stat.rx_sw == 2 && e->kernel.stat.curr_rx_sw == 1);
    ends_close(e);
}

Test(linux_poll, follows_the_connection)
{
    struct ends *e = ends_open_limited(GCM12, 100);

    cr_assert_eq(sim_linux_poll(e->a), LINUX_POLLOUT);
    cr_assert_eq(say(e->a, heard_bytes, 90, 0), 90);
    cr_assert_eq(sim_linux_poll(e->a), 0u);
    cr_assert_eq(sim_linux_poll(e->b), LINUX_POLLIN | LINUX_POLLOUT);
    EXPECT_HEARD(e->b, 1, 1, 23);
    cr_assert_eq(sim_linux_poll(e->b), LINUX_POLLIN | LINUX_POLLOUT, "decrypted and unread");
    EXPECT_HEARD(e->b, 100, 89, 23);
    cr_assert_eq(sim_linux_poll(e->b), LINUX_POLLOUT);
    cr_assert_eq(sim_linux_shutdown(e->a, LINUX_SHUT_WR), 0);
    cr_assert_eq(sim_linux_poll(e->b), LINUX_POLLIN | LINUX_POLLOUT | LINUX_POLLRDHUP);
    cr_assert_eq(sim_linux_shutdown(e->b, LINUX_SHUT_WR), 0);
    cr_assert(sim_linux_poll(e->b) & LINUX_POLLHUP);
    ends_close(e);
}

/* Trap: before 6.7 a part of a record is readable, and the read then has nothing. */
Test(linux_poll, of_a_partial_record_on_old_kernels)
{
    struct ends *e = ends_open(GCM13);

    sim_linux_release(&e->kernel, 6, 6);
    sim_pipe_hold(sim_linux_in_pipe(e->b));
    cr_assert_eq(say(e->a, data, 50, 0), 50);
    cr_assert(!(sim_linux_poll(e->b) & LINUX_POLLIN));
    sim_pipe_deliver(sim_linux_in_pipe(e->b), 20);
    cr_assert(sim_linux_poll(e->b) & LINUX_POLLIN);
    EXPECT_ERROR(e->b, EAGAIN);
    cr_assert(sim_linux_poll(e->b) & LINUX_POLLIN, "it would spin");
    sim_linux_release(&e->kernel, 6, 7);
    cr_assert(!(sim_linux_poll(e->b) & LINUX_POLLIN));
    ends_close(e);
}

Test(linux_faults, every_call_can_be_made_to_fail_and_then_does_nothing)
{
    struct ends *e = ends_open(GCM13);
    struct sim_faults faults = {0};
    uint8_t info[56];
    uint32_t len = 40;
    uint64_t seq = told_seq(e->a, LINUX_TLS_TX, GCM13);

    cr_assert_eq(say(e->b, "x", 1, 0), 1);
    sim_linux_set_faults(e->a, &faults);
    cr_assert(sim_faults_plan(&faults, SIM_ANY_CALL, 1, 7, sim_fault_errno(ENOBUFS)));
    cr_assert_eq(say(e->a, "y", 1, 0), -ENOBUFS);
    EXPECT_ERROR(e->a, ENOBUFS);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 3, 0), ENOBUFS);
    cr_assert_eq(get_option(e->a, LINUX_TLS_TX, info, &len), ENOBUFS);
    cr_assert_eq(sim_linux_sendfile(e->a, "y", 1, false), -1);
    cr_assert_eq(sim_linux_splice(e->a, info, 1), -1);
    cr_assert_eq(sim_linux_shutdown(e->a, LINUX_SHUT_WR), -1);
    cr_assert_eq(faults.struck, 7);
    for (unsigned call = SIM_LINUX_SETSOCKOPT; call <= SIM_LINUX_SHUTDOWN; call++)
        cr_assert_eq(faults.calls[call], 1);
    cr_assert_eq(told_seq(e->a, LINUX_TLS_TX, GCM13), seq);
    cr_assert_eq(say(e->a, "y", 1, 0), 1);
    EXPECT_HEARD(e->a, 100, 1, 23);
    EXPECT_HEARD(e->b, 100, 1, 23);
    ends_close(e);
}
