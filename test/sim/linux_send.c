/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending: form of records, where they end, flags and errors, accounting, files. */
#include "linux_ends.h"

#include <stdlib.h>

static int64_t say_control(struct sim_linux_socket *s, const struct sim_linux_ancillary *control,
                           size_t count, unsigned flags)
{
    struct sim_iov iov = {data, 5};
    struct sim_linux_out msg = {&iov, 1, control, count};
    int64_t n = sim_linux_sendmsg(s, &msg, flags);

    return n < 0 ? -sim_linux_errno(s) : n;
}

Test(linux_boundaries, a_send_closes_its_record)
{
    struct ends *e = ends_raw(GCM13);

    fill_data();
    cr_assert_eq(say(e->a, data, 10, 0), 10);
    cr_assert_eq(say(e->a, data + 10, 10, LINUX_MSG_DONTWAIT | LINUX_MSG_NOSIGNAL), 10);
    expect_wire(e, 0, 23, 0, 10);
    expect_wire(e, 1, 23, 10, 10);
    ends_close(e);
}

Test(linux_boundaries, msg_more_leaves_it_open)
{
    struct ends *e = ends_raw(GCM13);

    fill_data();
    cr_assert_eq(say(e->a, data, 10, LINUX_MSG_MORE), 10);
    cr_assert_eq(say(e->a, data + 10, 10, LINUX_MSG_MORE), 10);
    expect_no_wire(e);
    cr_assert_eq(told_seq(e->a, LINUX_TLS_TX, GCM13), 0, "an open record is not counted");
    cr_assert_eq(say(e->a, data + 20, 5, 0), 5);
    expect_wire(e, 0, 23, 0, 25);
    cr_assert_eq(told_seq(e->a, LINUX_TLS_TX, GCM13), 1);
    ends_close(e);
}

Test(linux_boundaries, sixteen_kibibytes_close_it)
{
    struct ends *e = ends_raw(GCM13);

    fill_data();
    cr_assert_eq(say(e->a, data, RECORD - 1, LINUX_MSG_MORE), RECORD - 1);
    expect_no_wire(e);
    cr_assert_eq(say(e->a, data + RECORD - 1, 2, LINUX_MSG_MORE), 2);
    expect_wire(e, 0, 23, 0, RECORD);
    expect_no_wire(e);
    cr_assert_eq(say(e->a, data + RECORD + 1, 2 * RECORD, 0), 2 * RECORD);
    expect_wire(e, 1, 23, RECORD, RECORD);
    expect_wire(e, 2, 23, 2 * RECORD, RECORD);
    expect_wire(e, 3, 23, 3 * RECORD, 1);
    cr_assert_eq(say(e->a, data, RECORD, LINUX_MSG_MORE), RECORD);
    expect_wire(e, 4, 23, 0, RECORD);
    ends_close(e);
}

Test(linux_boundaries, the_configured_payload_closes_it)
{
    struct ends *e = ends_raw(GCM12);
    uint16_t max = 100;

    fill_data();
    cr_assert_eq(set_option(e->a, 282, 5, &max, 2), 0);
    cr_assert_eq(say(e->a, data, 250, 0), 250);
    expect_wire(e, 0, 23, 0, 100);
    expect_wire(e, 1, 23, 100, 100);
    expect_wire(e, 2, 23, 200, 50);
    ends_close(e);
}

/* What is copied is put together: neither the pieces of one call nor those of many count. */
Test(linux_boundaries, small_pieces_do_not_close_it)
{
    struct ends *e = ends_raw(GCM13);
    struct sim_iov iov[40];
    struct sim_linux_out msg = {.iov = iov, .iov_count = 40};

    fill_data();
    for (size_t i = 0; i < 40; i++)
        iov[i] = (struct sim_iov){data + 3 * i, 3};
    cr_assert_eq(sim_linux_sendmsg(e->a, &msg, 0), 120);
    expect_wire(e, 0, 23, 0, 120);
    for (size_t i = 0; i < 60; i++)
        cr_assert_eq(say(e->a, data + i, 1, LINUX_MSG_MORE), 1);
    cr_assert_eq(say(e->a, data + 60, 1, 0), 1);
    expect_wire(e, 1, 23, 0, 61);
    ends_close(e);
}

Test(linux_boundaries, a_typed_send_closes_an_open_data_record_first)
{
    struct ends *e = ends_raw(GCM12);

    fill_data();
    cr_assert_eq(say(e->a, data, 10, LINUX_MSG_MORE), 10);
    cr_assert_eq(say_typed(e->a, 22, data, 4, 0), 4);
    cr_assert_eq(say(e->a, data + 10, 10, 0), 10);
    expect_wire(e, 0, 23, 0, 10);
    expect_wire(e, 1, 22, 0, 4);
    expect_wire(e, 2, 23, 10, 10);
    ends_close(e);
}

/* Data of the same type given explicitly does not merge either. */
Test(linux_boundaries, typed_data_does_not_join)
{
    struct ends *e = ends_raw(GCM12);

    fill_data();
    cr_assert_eq(say(e->a, data, 10, LINUX_MSG_MORE), 10);
    cr_assert_eq(say_typed(e->a, 23, data + 10, 10, 0), 10);
    expect_wire(e, 0, 23, 0, 10);
    expect_wire(e, 1, 23, 10, 10);
    ends_close(e);
}

Test(linux_boundaries, memory_pressure_closes_records_at_places_of_its_own)
{
    struct ends *e = ends_raw(GCM13);
    static uint8_t content[RECORD + 1];
    size_t at = 0, len = 0, early = 0;
    uint64_t seq = 0;

    fill_data();
    e->kernel.pressure = 500;
    cr_assert_eq(say(e->a, data, sizeof data, 0), (int64_t)sizeof data);
    for (; at < sizeof data; at += len, seq++) {
        cr_assert_eq(take_wire(e, seq, content, &len), 23);
        cr_assert(len > 0 && is_pattern(content, at, len));
        early += len < RECORD && at + len < sizeof data;
    }
    cr_assert(early > 0, "no record closed early");
    cr_assert_eq(told_seq(e->a, LINUX_TLS_TX, GCM13), seq, "and the kernel tells the truth");
    /* Control records are left alone. */
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(say_typed(e->a, 22, data, 5, 0), 5);
        expect_wire(e, seq++, 22, 0, 5);
    }
    ends_close(e);
}

static uint64_t records_under_pressure(uint64_t seed)
{
    struct ends *e = ends_raw(GCM13);

    e->kernel.pressure = 300;
    e->kernel.seed = seed;
    cr_assert_eq(say(e->a, data, sizeof data, 0), (int64_t)sizeof data);
    uint64_t seq = told_seq(e->a, LINUX_TLS_TX, GCM13);
    ends_close(e);
    return seq;
}

Test(linux_boundaries, pressure_follows_the_seed)
{
    bool differs = false;

    for (uint64_t seed = 1; seed <= 10; seed++) {
        cr_assert_eq(records_under_pressure(seed), records_under_pressure(seed));
        differs = differs || records_under_pressure(seed) != records_under_pressure(seed + 1);
    }
    cr_assert(differs);
}

Test(linux_send_flags, only_some_are_taken)
{
    const struct {
        unsigned flags;
        int64_t result;
    } rows[] = {
        {LINUX_MSG_DONTWAIT, 1},
        {LINUX_MSG_NOSIGNAL, 1},
        {LINUX_MSG_EOR, 1},
        {LINUX_MSG_MORE, 1},
        {LINUX_MSG_OOB, -EOPNOTSUPP},
        {LINUX_MSG_ZEROCOPY, -EOPNOTSUPP},
        {LINUX_MSG_FASTOPEN, -EOPNOTSUPP},
        {LINUX_MSG_PEEK, -EOPNOTSUPP},
        {LINUX_MSG_OOB | LINUX_MSG_MORE, -EOPNOTSUPP},
        {LINUX_MSG_MORE | LINUX_MSG_EOR, -EINVAL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ends *e = ends_raw(GCM12);
        cr_assert_eq(say(e->a, "x", 1, rows[i].flags), rows[i].result, "row %zu", i);
        if (rows[i].result < 0)
            expect_no_wire(e);
        ends_close(e);
    }
}

Test(linux_send_flags, msg_eor_is_refused_before_66)
{
    struct ends *e = ends_raw(GCM12);

    sim_linux_release(&e->kernel, 6, 5);
    cr_assert_eq(say(e->a, "x", 1, LINUX_MSG_EOR), -EOPNOTSUPP);
    ends_close(e);
}

Test(linux_send_control, einval_with_msg_more)
{
    struct ends *e = ends_raw(GCM12);

    cr_assert_eq(say_typed(e->a, 22, "x", 1, LINUX_MSG_MORE), -EINVAL);
    expect_no_wire(e);
    ends_close(e);
}

Test(linux_send_control, einval_for_what_is_no_record_type)
{
    struct ends *e = ends_raw(GCM12);
    const struct sim_linux_ancillary other_type = {282, 2, {22}, 1}, empty = {282, 1, {22}, 0};
    const struct sim_linux_ancillary other_level = {1, 1, {22}, 1};

    cr_assert_eq(say_control(e->a, &other_type, 1, 0), -EINVAL);
    cr_assert_eq(say_control(e->a, &empty, 1, 0), -EINVAL);
    cr_assert_eq(say_control(e->a, &other_level, 1, 0), -EINVAL, "nothing of SOL_TLS in it");
    expect_no_wire(e);
    ends_close(e);
}

Test(linux_send_control, other_levels_are_skipped_and_the_last_type_wins)
{
    struct ends *e = ends_raw(GCM12);
    const struct sim_linux_ancillary control[] = {
        {1, 2, {9}, 1}, {282, 1, {21}, 1}, {0, 8, {7}, 1}, {282, 1, {22}, 1}, {1, 2, {9}, 1}};

    fill_data();
    cr_assert_eq(say_control(e->a, control, 5, 0), 5);
    expect_wire(e, 0, 22, 0, 5);
    ends_close(e);
}

Test(linux_send_control, above_the_limit_it_becomes_several_records)
{
    struct ends *e = ends_raw(GCM12);

    fill_data();
    cr_assert_eq(say_typed(e->a, 22, data, RECORD + 10, 0), RECORD + 10);
    expect_wire(e, 0, 22, 0, RECORD);
    expect_wire(e, 1, 22, RECORD, 10);
    ends_close(e);
}

Test(linux_send_errors, of_zero_length_nothing_is_emitted_in_software)
{
    struct ends *e = ends_raw(GCM12);

    cr_assert_eq(say(e->a, data, 0, 0), 0);
    cr_assert_eq(say_typed(e->a, 21, data, 0, 0), 0);
    expect_no_wire(e);
    cr_assert_eq(told_seq(e->a, LINUX_TLS_TX, GCM12), 0);
    /* Nor is an open record closed by it, but by a typed one it is. */
    cr_assert_eq(say(e->a, "x", 1, LINUX_MSG_MORE), 1);
    cr_assert_eq(say(e->a, data, 0, 0), 0);
    expect_no_wire(e);
    cr_assert_eq(say_typed(e->a, 21, data, 0, 0), 0);
    cr_assert_eq(told_seq(e->a, LINUX_TLS_TX, GCM12), 1);
    ends_close(e);
}

Test(linux_send_errors, of_zero_length_a_device_emits_an_empty_record)
{
    struct ends *e = ends_device();

    cr_assert_eq(say(e->a, data, 0, 0), 0);
    cr_assert_eq(say_typed(e->a, 21, data, 0, 0), 0);
    cr_assert_eq(told_seq(e->a, LINUX_TLS_TX, GCM12), 2);
    EXPECT_HEARD(e->b, 100, 0, 23);
    EXPECT_HEARD(e->b, 100, 0, 21);
    ends_close(e);
}

/* An authentication failure on receiving is the socket's error, and so also that of sends. */
Test(linux_send_errors, a_bad_record_received_surfaces_on_send)
{
    struct ends *e = ends_raw(GCM12);
    uint32_t error = 0, len = 4;

    feed(e, 0, 23, "hello", 5);
    cr_assert(sim_pipe_flip(e->in, 20, 1));
    cr_assert_eq(say(e->a, "x", 1, 0), 1, "before it was looked at");
    EXPECT_ERROR(e->a, EBADMSG);
    cr_assert_eq(say(e->a, "x", 1, 0), -EBADMSG);
    cr_assert_eq(say(e->a, "x", 1, 0), -EBADMSG);
    cr_assert_eq(sim_linux_getsockopt(e->a, 1, 4, &error, &len), 0);
    cr_assert_eq(error, EBADMSG);
    cr_assert_eq(say(e->a, "x", 1, 0), 1, "SO_ERROR has taken it away");
    ends_close(e);
}

/* Trap: TLS does not hear that TCP takes no more. Sends succeed, count, and are lost. */
Test(linux_send_errors, after_shutdown_sends_succeed_and_are_lost)
{
    struct ends *e = ends_open(GCM12);

    cr_assert_eq(sim_linux_shutdown(e->a, LINUX_SHUT_WR), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(say(e->a, "x", 1, 0), 1);
    cr_assert_eq(say_typed(e->a, 21, "\1\0", 2, 0), 2);
    cr_assert_eq(told_seq(e->a, LINUX_TLS_TX, GCM12), 4);
    cr_assert_eq(sim_linux_outq(e->a), 0);
    EXPECT_HEARD(e->b, 100, 0, NO_TYPE);
    ends_close(e);
}

Test(linux_send_errors, after_shutdown_without_a_key_it_is_epipe)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(sim_linux_shutdown(e->a, LINUX_SHUT_WR), 0);
    cr_assert_eq(say(e->a, "x", 1, 0), -EPIPE);
    ends_close(e);
}

/* And after a reset as well, once somebody has taken the error away. */
Test(linux_send_errors, a_reset_is_an_error_until_it_is_read_and_then_sends_are_lost)
{
    struct ends *e = ends_open(GCM12);

    sim_pipe_reset(sim_linux_in_pipe(e->b));
    cr_assert_eq(say(e->b, "x", 1, 0), -ECONNRESET);
    cr_assert_eq(say(e->b, "x", 1, 0), -ECONNRESET);
    EXPECT_ERROR(e->b, ECONNRESET);
    EXPECT_HEARD(e->b, 100, 0, NO_TYPE);
    cr_assert_eq(say(e->b, "x", 1, 0), 1);
    cr_assert_eq(say(e->b, "x", 1, 0), 1);
    ends_close(e);
}

Test(linux_accounting, a_control_record_goes_whole_or_not_at_all)
{
    struct ends *e = ends_open_limited(GCM12, 1000);

    fill_data();
    cr_assert_eq(say(e->a, data, 990, 0), 990);
    /* The send buffer is over-full now, by the end of that record. */
    cr_assert_eq(say_typed(e->a, 21, "\1\0", 2, LINUX_MSG_DONTWAIT), -EAGAIN);
    cr_assert_eq(told_seq(e->a, LINUX_TLS_TX, GCM12), 1);
    cr_assert(!(sim_linux_poll(e->a) & LINUX_POLLOUT));
    EXPECT_HEARD(e->b, HEAR_MAX, 990, 23);
    cr_assert(sim_linux_poll(e->a) & LINUX_POLLOUT);
    cr_assert_eq(say_typed(e->a, 21, "\1\0", 2, LINUX_MSG_DONTWAIT), 2);
    EXPECT_HEARD(e->b, HEAR_MAX, 2, 21);
    ends_close(e);
}

/* The control send fails, and yet the data record that was open has been sealed and counted. */
Test(linux_accounting, a_failed_control_send_may_have_closed_a_data_record)
{
    struct ends *e = ends_open_limited(GCM12, 1000);

    fill_data();
    cr_assert_eq(say(e->a, data, 900, LINUX_MSG_MORE), 900);
    sim_pipe_limit(sim_linux_out_pipe(e->a), 1);
    cr_assert_eq(say_typed(e->a, 21, "\1\0", 2, 0), -EAGAIN);
    cr_assert_eq(told_seq(e->a, LINUX_TLS_TX, GCM12), 1);
    sim_pipe_limit(sim_linux_out_pipe(e->a), 0);
    EXPECT_HEARD(e->b, HEAR_MAX, 900, 23);
    ends_close(e);
}

Test(linux_accounting, what_was_accepted_is_delivered_without_further_calls)
{
    struct ends *e = ends_open_limited(GCM13, 5000);

    fill_data();
    int64_t n = say(e->a, data, sizeof data, 0);
    cr_assert_eq(n, RECORD, "one record, of which TCP has taken a part");
    cr_assert_eq(say(e->a, data, 1, 0), -EAGAIN);
    EXPECT_HEARD(e->b, HEAR_MAX, RECORD, 23);
    cr_assert(is_pattern(heard_bytes, 0, RECORD));
    cr_assert_eq(say(e->a, data, 1, 0), 1);
    ends_close(e);
}

/* Three calls of sockets that exchange records far longer than the queue between them. */
Test(linux_accounting, records_longer_than_the_receive_queue_get_through)
{
    for (size_t limit = 1; limit < 40; limit++) {
        struct ends *e = ends_open_limited(&suites[limit % SUITES], limit);

        fill_data();
        cr_assert_eq(say(e->a, data, 1000, 0), 1000);
        EXPECT_HEARD(e->b, HEAR_MAX, 1000, 23);
        cr_assert(is_pattern(heard_bytes, 0, 1000));
        ends_close(e);
    }
}

Test(linux_accounting, enomem_leaves_corked_data_in_place)
{
    struct ends *e = ends_raw(GCM13);
    struct sim_faults faults = {0};

    fill_data();
    sim_linux_set_faults(e->a, &faults);
    cr_assert(sim_faults_plan(&faults, SIM_LINUX_SENDMSG, 2, 1, sim_fault_errno(ENOMEM)));
    cr_assert_eq(say(e->a, data, 10, LINUX_MSG_MORE), 10);
    cr_assert_eq(say(e->a, data + 10, 10, 0), -ENOMEM);
    expect_no_wire(e);
    cr_assert_eq(say(e->a, data + 10, 10, 0), 10);
    expect_wire(e, 0, 23, 0, 20);
    ends_close(e);
}

Test(linux_accounting, an_injected_short_send_seals_what_it_took)
{
    struct ends *e = ends_raw(GCM13);
    struct sim_faults faults = {0};

    fill_data();
    sim_linux_set_faults(e->a, &faults);
    cr_assert(sim_faults_plan(&faults, SIM_LINUX_SENDMSG, 1, 2, sim_fault_short(7)));
    cr_assert_eq(say(e->a, data, 20, 0), 7);
    expect_wire(e, 0, 23, 0, 7);
    cr_assert_eq(say_typed(e->a, 22, data, 20, 0), -EAGAIN, "a control record is not cut");
    expect_no_wire(e);
    cr_assert_eq(say_typed(e->a, 22, data, 20, 0), 20);
    expect_wire(e, 1, 22, 0, 20);
    ends_close(e);
}

Test(linux_accounting, close_drops_corked_data_and_sends_no_alert)
{
    struct ends *e = ends_open(GCM13);

    cr_assert_eq(say(e->a, "sent", 4, 0), 4);
    cr_assert_eq(say(e->a, "corked", 6, LINUX_MSG_MORE), 6);
    sim_linux_close(e->a);
    e->a = NULL;
    EXPECT_HEARD(e->b, 100, 4, 23);
    EXPECT_HEARD(e->b, 100, 0, NO_TYPE);
    ends_close(e);
}

Test(linux_accounting, shutdown_sends_fin_only)
{
    struct ends *e = ends_open(GCM13);

    cr_assert_eq(say(e->a, "corked", 6, LINUX_MSG_MORE), 6);
    cr_assert_eq(sim_linux_shutdown(e->a, LINUX_SHUT_WR), 0);
    EXPECT_HEARD(e->b, 100, 0, NO_TYPE);
    cr_assert_eq(sim_pipe_write_offset(sim_linux_out_pipe(e->a)), 0);
    /* The other direction lives. */
    cr_assert_eq(say(e->b, "answer", 6, 0), 6);
    EXPECT_HEARD(e->a, 100, 6, 23);
    ends_close(e);
}

/* What TCP had no room for goes nowhere after FIN: the peer's last record is cut. */
Test(linux_accounting, shutdown_cuts_a_record_that_tcp_had_no_room_for)
{
    struct ends *e = ends_plain(100);

    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 1, 0), 0);
    cr_assert_eq(say(e->a, data, 1000, 0), 1000);
    cr_assert_eq(sim_linux_outq(e->a), 1022);
    cr_assert_eq(sim_linux_shutdown(e->a, LINUX_SHUT_WR), 0);
    cr_assert_eq(sim_linux_outq(e->a), 100);
    EXPECT_HEARD(e->b, 200, 100, NO_TYPE);
    EXPECT_HEARD(e->b, 200, 0, NO_TYPE);
    ends_close(e);
}

Test(linux_accounting, outq_and_inq_count_ciphertext)
{
    struct ends *e = ends_open(GCM12);

    cr_assert_eq(say(e->a, data, 100, 0), 100);
    cr_assert_eq(sim_linux_outq(e->a), 129);
    cr_assert_eq(sim_linux_inq(e->b), 129);
    EXPECT_HEARD(e->b, 10, 10, 23);
    cr_assert_eq(sim_linux_inq(e->b), 0, "90 bytes of plaintext wait all the same");
    cr_assert_eq(sim_linux_outq(e->a), 0);
    EXPECT_HEARD(e->b, 100, 90, 23);
    ends_close(e);
}
