/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving: what is merged, every return value, what errors leave behind, other ways to read. */
#include "linux_ends.h"

Test(linux_contract, a_partial_record_wakes_nobody)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_open(&suites[i]);
        size_t whole = 50 + suites[i].overhead;

        sim_pipe_hold(sim_linux_in_pipe(e->b));
        cr_assert_eq(say(e->a, data, 50, 0), 50);
        for (size_t n = 1; n < whole; n++) {
            sim_pipe_deliver(sim_linux_in_pipe(e->b), 1);
            cr_assert(!(sim_linux_poll(e->b) & LINUX_POLLIN));
            EXPECT_ERROR(e->b, EAGAIN);
        }
        sim_pipe_deliver(sim_linux_in_pipe(e->b), 1);
        cr_assert(sim_linux_poll(e->b) & LINUX_POLLIN);
        EXPECT_HEARD(e->b, 100, 50, 23);
        ends_close(e);
    }
}

Test(linux_contract, data_records_merge_up_to_the_buffer)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 23, "aaaa", 4);
    feed(e, 1, 23, "bbbb", 4);
    feed(e, 2, 23, "cccc", 4);
    EXPECT_HEARD(e->a, 10, 10, 23);
    cr_assert_eq(memcmp(heard_bytes, "aaaabbbbcc", 10), 0);
    EXPECT_HEARD(e->a, 10, 2, 23);
    EXPECT_ERROR(e->a, EAGAIN);
    ends_close(e);
}

Test(linux_contract, control_records_merge_with_nothing)
{
    struct ends *e = ends_raw(GCM12);

    feed(e, 0, 23, "data", 4);
    feed(e, 1, 22, "hs1", 3);
    feed(e, 2, 22, "hs22", 4);
    feed(e, 3, 21, "al", 2);
    feed(e, 4, 23, "data!", 5);
    EXPECT_HEARD(e->a, 100, 4, 23);
    EXPECT_HEARD(e->a, 100, 3, 22);
    EXPECT_HEARD(e->a, 100, 4, 22);
    EXPECT_HEARD(e->a, 100, 2, 21);
    EXPECT_HEARD(e->a, 100, 5, 23);
    ends_close(e);
}

Test(linux_contract, alerts_of_the_peer_are_records)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_open(&suites[i]);

        cr_assert_eq(say_typed(e->a, 21, "\1\0", 2, 0), 2);
        sim_linux_close(e->a);
        e->a = NULL;
        EXPECT_HEARD(e->b, 100, 2, 21);
        cr_assert_eq(memcmp(heard_bytes, "\1\0", 2), 0);
        EXPECT_HEARD(e->b, 100, 0, NO_TYPE);
        ends_close(e);
    }
}

Test(linux_contract, one_ancillary_element_a_call)
{
    struct ends *e = ends_raw(GCM13);

    for (uint64_t i = 0; i < 3; i++)
        feed(e, i, 23, "abc", 3);
    struct heard heard = hear_with(e->a, 100, 0, 8);
    cr_assert_eq(heard.n, 9);
    cr_assert_eq(heard.controls, 1);
    ends_close(e);
}

/* Trap: old kernels emit an element for each merged record, and truncate on data harmlessly. */
Test(linux_contract, old_kernels_emit_one_for_each_record)
{
    struct ends *e = ends_raw(GCM13);

    e->kernel.cmsg_per_record = true;
    for (uint64_t i = 0; i < 6; i++)
        feed(e, i, 23, "abc", 3);
    struct heard heard = hear_with(e->a, 9, 0, 8);
    cr_assert(heard.n == 9 && heard.controls == 3 && !(heard.flags & LINUX_MSG_CTRUNC));
    heard = hear_with(e->a, 9, 0, 2);
    cr_assert(heard.n == 9 && heard.controls == 2 && (heard.flags & LINUX_MSG_CTRUNC));
    feed(e, 6, 21, "\1\0", 2);
    EXPECT_HEARD(e->a, 100, 2, 21);
    ends_close(e);
}

Test(linux_contract, msg_eor_at_the_end_of_a_record)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 23, "abcdef", 6);
    struct heard heard = hear(e->a, 4, 0);
    cr_assert(heard.n == 4 && !(heard.flags & LINUX_MSG_EOR));
    heard = hear(e->a, 4, 0);
    cr_assert(heard.n == 2 && (heard.flags & LINUX_MSG_EOR));
    feed(e, 1, 22, "abcdef", 6);
    heard = hear(e->a, 6, 0);
    cr_assert(heard.n == 6 && (heard.flags & LINUX_MSG_EOR));
    ends_close(e);
}

Test(linux_contract, small_buffers_get_the_rest_later_with_the_same_type)
{
    struct ends *e = ends_raw(GCM12);

    feed(e, 0, 22, "0123456789", 10);
    feed(e, 1, 23, "x", 1);
    for (int i = 0; i < 10; i++) {
        struct heard heard = hear(e->a, 1, 0);
        cr_assert(heard.n == 1 && heard.type == 22 && heard_bytes[0] == '0' + i);
        cr_assert_eq((heard.flags & LINUX_MSG_EOR) != 0, i == 9);
    }
    EXPECT_HEARD(e->a, 100, 1, 23);
    ends_close(e);
}

Test(linux_recv_returns, zero_with_a_type_is_not_the_end)
{
    struct ends *e = ends_raw(GCM12);

    feed(e, 0, 22, "", 0);
    feed(e, 1, 23, "", 0);
    feed(e, 2, 21, "", 0);
    feed(e, 3, 23, "more", 4);
    EXPECT_HEARD(e->a, 100, 0, 22);
    EXPECT_HEARD(e->a, 100, 0, 23);
    EXPECT_HEARD(e->a, 100, 0, 21);
    EXPECT_HEARD(e->a, 100, 4, 23);
    ends_close(e);
}

Test(linux_recv_returns, zero_without_a_type_is_fin)
{
    struct ends *e = ends_raw(GCM12);

    feed(e, 0, 23, "x", 1);
    sim_pipe_fin(e->in);
    EXPECT_HEARD(e->a, 100, 1, 23);
    EXPECT_HEARD(e->a, 100, 0, NO_TYPE);
    EXPECT_HEARD(e->a, 100, 0, NO_TYPE);
    ends_close(e);
}

/* Empty data records before FIN: a typed zero first. */
Test(linux_recv_returns, empty_data_before_fin_is_a_typed_zero)
{
    struct ends *e = ends_raw(GCM12);

    feed(e, 0, 23, "", 0);
    sim_pipe_fin(e->in);
    EXPECT_HEARD(e->a, 100, 0, 23);
    EXPECT_HEARD(e->a, 100, 0, NO_TYPE);
    ends_close(e);
}

Test(linux_recv_returns, a_record_cut_by_fin_is_a_silent_end)
{
    struct ends *e = ends_raw(GCM13);
    uint8_t wire[100];
    struct wire_record record = {GCM13, 1, 0, 23, 0};

    make_wire(&record, "truncated", 9, wire);
    sim_pipe_write(e->in, wire, 20);
    sim_pipe_fin(e->in);
    EXPECT_HEARD(e->a, 100, 0, NO_TYPE);
    ends_close(e);
}

Test(linux_recv_returns, eio_without_room_for_the_type_and_the_record_is_kept)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 22, "ticket", 6);
    cr_assert_eq(hear_with(e->a, 100, 0, 0).n, -EIO);
    cr_assert_eq(hear_with(e->a, 100, 0, 0).n, -EIO);
    cr_assert(!(sim_linux_poll(e->a) & LINUX_POLLERR));
    EXPECT_HEARD(e->a, 100, 6, 22);
    cr_assert_eq(say(e->a, "x", 1, 0), 1, "it is no error state");
    ends_close(e);
}

/* Trap: plain read works until the first ticket. */
Test(linux_recv_returns, plain_reads_work_for_data_until_a_control_record)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 23, "data", 4);
    feed(e, 1, 22, "ticket", 6);
    struct heard heard = hear_with(e->a, 100, 0, 0);
    cr_assert(heard.n == 4 && (heard.flags & LINUX_MSG_CTRUNC), "harmless on data");
    cr_assert_eq(hear_with(e->a, 100, 0, 0).n, -EIO);
    ends_close(e);
}

/* Trap: after -1 the control length is as the caller left it. */
Test(linux_recv_returns, a_failed_call_leaves_control_length_and_flags)
{
    struct ends *e = ends_raw(GCM13);
    struct sim_linux_ancillary control[3] = {{282, 2, {21}, 1}};
    struct sim_linux_in msg = {heard_bytes, 100, control, 3, 0x1234};

    cr_assert_eq(sim_linux_recvmsg(e->a, &msg, 0), -1);
    cr_assert_eq(msg.control_len, 3, "it looks like a message");
    cr_assert_eq(msg.flags, 0x1234);
    cr_assert_eq(control[0].bytes[0], 21);
    feed(e, 0, 23, "x", 1);
    cr_assert_eq(sim_linux_recvmsg(e->a, &msg, 0), 1);
    cr_assert_eq(msg.control_len, 1);
    cr_assert_eq(msg.flags, LINUX_MSG_EOR);
    ends_close(e);
}

Test(linux_recv_returns, ebadmsg_for_every_byte_that_is_wrong)
{
    for (size_t i = 0; i < SUITES; i++) {
        size_t whole = 3 + suites[i].overhead;
        for (size_t at = 5; at < whole; at++) {
            struct ends *e = ends_raw(&suites[i]);
            feed(e, 0, 23, "abc", 3);
            cr_assert(sim_pipe_flip(e->in, at, 0x80));
            EXPECT_ERROR(e->a, EBADMSG);
            cr_assert_eq(e->kernel.stat.decrypt_error, 1);
            ends_close(e);
        }
    }
}

Test(linux_recv_returns, ebadmsg_when_only_zeros_are_inside)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 0, "\0\0\0", 3);
    EXPECT_ERROR(e->a, EBADMSG);
    EXPECT_ERROR(e->a, EBADMSG);
    cr_assert_eq(told_seq(e->a, LINUX_TLS_RX, GCM13), 0, "it was not counted");
    ends_close(e);
}

/* TLS 1.2 has no inner type: the one in the header is authenticated; 0 is no type. */
Test(linux_recv_returns, ebadmsg_for_type_zero)
{
    struct ends *e = ends_raw(GCM12);

    feed(e, 0, 0, "abc", 3);
    EXPECT_ERROR(e->a, EBADMSG);
    EXPECT_ERROR(e->a, EBADMSG);
    ends_close(e);
}

static void feed_header(struct ends *e, uint8_t type, uint16_t version, size_t len)
{
    uint8_t header[13] = {type};

    sim_put_be16(header + 1, version);
    sim_put_be16(header + 3, (uint16_t)len);
    sim_pipe_write(e->in, header, e->suite->prefix);
}

/* The three errors of the parser, one step beyond each limit; on the limit there is none. */
Test(linux_recv_returns, emsgsize_ebadmsg_einval_of_the_header)
{
    for (size_t i = 0; i < SUITES; i++) {
        const struct suite *suite = &suites[i];
        const struct {
            uint16_t version;
            size_t len;
            int error;
        } rows[] = {
            {0x0303, suite->most + 1, EMSGSIZE}, {0x0303, 65535, EMSGSIZE},
            {0x0303, suite->most, EAGAIN},       {0x0303, suite->least, EAGAIN},
            {0x0303, suite->least - 1, EBADMSG}, {0x0303, 0, EBADMSG},
            {0x0301, suite->least, EINVAL},      {0x0304, suite->least, EINVAL},
            {0x0203, suite->least, EINVAL},      {0x0301, suite->most + 1, EMSGSIZE},
        };

        for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
            struct ends *e = ends_raw(suite);
            feed_header(e, 23, rows[row].version, rows[row].len);
            struct heard heard = hear(e->a, 100, 0);
            cr_assert_eq(heard.n, -rows[row].error, "%s, row %zu: %lld", suite->name, row,
                         (long long)heard.n);
            ends_close(e);
        }
    }
}

Test(linux_recv_returns, the_longest_record_is_taken)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_raw(&suites[i]);

        fill_data();
        feed(e, 0, 23, data, 16384);
        EXPECT_HEARD(e->a, HEAR_MAX, 16384, 23);
        cr_assert(is_pattern(heard_bytes, 0, 16384));
        ends_close(e);
    }
}

Test(linux_persistence, ebadmsg_of_a_record_stays)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 23, "good", 4);
    feed(e, 1, 23, "bad!", 4);
    feed(e, 2, 23, "good", 4);
    cr_assert(sim_pipe_flip(e->in, 26 + 8, 1));
    EXPECT_HEARD(e->a, 100, 4, 23);
    for (int i = 0; i < 3; i++)
        EXPECT_ERROR(e->a, EBADMSG);
    cr_assert_eq(sim_linux_splice(e->a, heard_bytes, 100), -1);
    cr_assert_eq(sim_linux_errno(e->a), EBADMSG);
    cr_assert(sim_linux_poll(e->a) & LINUX_POLLERR);
    ends_close(e);
}

/* Trap: an error of the parser is told once, and then there is nothing. */
Test(linux_persistence, errors_of_the_header_are_told_once)
{
    const struct {
        uint16_t version;
        size_t len;
        int error;
    } rows[] = {{0x0303, 20000, EMSGSIZE}, {0x0303, 1, EBADMSG}, {0x0301, 100, EINVAL}};

    for (size_t i = 0; i < 3; i++) {
        struct ends *e = ends_raw(GCM13);
        feed_header(e, 23, rows[i].version, rows[i].len);
        EXPECT_ERROR(e->a, rows[i].error);
        EXPECT_ERROR(e->a, EAGAIN);
        /* Nothing that follows is ever parsed again, not even good records. */
        feed(e, 0, 23, "good", 4);
        EXPECT_ERROR(e->a, EAGAIN);
        cr_assert(!(sim_linux_poll(e->a) & LINUX_POLLIN));
        sim_pipe_fin(e->in);
        EXPECT_HEARD(e->a, 100, 0, NO_TYPE);
        ends_close(e);
    }
}

/* Who asks for SO_ERROR, or sends, sees it; a reader who comes after SO_ERROR never does. */
Test(linux_persistence, so_error_takes_the_only_report_of_a_bad_header)
{
    struct ends *e = ends_raw(GCM13);
    uint32_t error = 0, len = 4;

    feed_header(e, 23, 0x0303, 20000);
    cr_assert(sim_linux_poll(e->a) & LINUX_POLLERR);
    cr_assert_eq(say(e->a, "x", 1, 0), -EMSGSIZE);
    cr_assert_eq(sim_linux_getsockopt(e->a, 1, 4, &error, &len), 0);
    cr_assert_eq(error, EMSGSIZE);
    EXPECT_ERROR(e->a, EAGAIN);
    ends_close(e);
}

Test(linux_persistence, data_before_a_bad_header_comes_first)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 23, "good", 4);
    feed_header(e, 23, 0x0303, 20000);
    EXPECT_HEARD(e->a, 100, 4, 23);
    EXPECT_ERROR(e->a, EMSGSIZE);
    ends_close(e);
}

Test(linux_persistence, a_reset_is_told_once_and_then_it_is_the_end)
{
    struct ends *e = ends_open(GCM13);

    sim_pipe_reset(sim_linux_in_pipe(e->a));
    EXPECT_ERROR(e->a, ECONNRESET);
    EXPECT_HEARD(e->a, 100, 0, NO_TYPE);
    ends_close(e);
}

Test(linux_persistence, an_error_of_the_network_is_told_once)
{
    struct ends *e = ends_open(GCM13);

    sim_linux_fail(e->a, ETIMEDOUT);
    EXPECT_ERROR(e->a, ETIMEDOUT);
    EXPECT_ERROR(e->a, EAGAIN);
    ends_close(e);
}

Test(linux_persistence, data_before_a_reset_comes_first)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 23, "data", 4);
    feed(e, 1, 21, "\1\0", 2);
    sim_pipe_reset(e->in);
    EXPECT_HEARD(e->a, 100, 4, 23);
    EXPECT_HEARD(e->a, 100, 2, 21);
    EXPECT_ERROR(e->a, ECONNRESET);
    EXPECT_HEARD(e->a, 100, 0, NO_TYPE);
    ends_close(e);
}

/* A peer that has closed answers data with a reset, which after FIN is EPIPE. */
Test(linux_persistence, sending_to_a_peer_that_has_closed)
{
    for (int keys = 0; keys < 2; keys++) {
        struct ends *e = keys ? ends_open(GCM13) : ends_plain(0);

        cr_assert_eq(say(e->b, "data", 4, 0), 4);
        sim_linux_close(e->b);
        e->b = NULL;
        cr_assert_eq(sim_linux_poll(e->a), LINUX_POLLIN | LINUX_POLLOUT | LINUX_POLLRDHUP);
        cr_assert_eq(say(e->a, "x", 1, 0), 1);
        cr_assert_eq(sim_linux_poll(e->a), 0x201du);
        cr_assert_eq(say(e->a, "x", 1, 0), -EPIPE);
        cr_assert_eq(sim_linux_poll(e->a), 0x2015u);
        EXPECT_HEARD(e->a, 100, 4, keys ? 23 : NO_TYPE);
        EXPECT_HEARD(e->a, 100, 0, NO_TYPE);
        cr_assert_eq(say(e->a, "x", 1, 0), keys ? 1 : -EPIPE, "with keys it is lost silently");
        ends_close(e);
    }
}

/* Close with unread bytes resets instead of ending. */
Test(linux_persistence, close_with_unread_records_resets)
{
    struct ends *e = ends_open(GCM13);

    cr_assert_eq(say(e->a, "never read", 10, 0), 10);
    sim_linux_close(e->b);
    e->b = NULL;
    EXPECT_ERROR(e->a, ECONNRESET);
    ends_close(e);
}

Test(linux_read_paths, peek_keeps_and_spans_records)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 23, "abc", 3);
    feed(e, 1, 23, "def", 3);
    feed(e, 2, 21, "\1\0", 2);
    for (int i = 0; i < 2; i++) {
        struct heard heard = hear(e->a, 100, LINUX_MSG_PEEK);
        cr_assert(heard.n == 6 && heard.type == 23);
        cr_assert_eq(memcmp(heard_bytes, "abcdef", 6), 0);
    }
    cr_assert_eq(told_seq(e->a, LINUX_TLS_RX, GCM13), 3, "all three were decrypted");
    cr_assert_eq(hear(e->a, 4, LINUX_MSG_PEEK).n, 4);
    EXPECT_HEARD(e->a, 4, 4, 23);
    EXPECT_HEARD(e->a, 100, 2, 23);
    /* Seen on 7.2: of a record that was decrypted before, MSG_EOR says nothing while peeking. */
    struct heard heard = hear(e->a, 1, LINUX_MSG_PEEK);
    cr_assert(heard.n == 1 && heard.type == 21 && (heard.flags & LINUX_MSG_EOR));
    EXPECT_HEARD(e->a, 100, 2, 21);
    ends_close(e);
}

Test(linux_read_paths, waitall_and_errqueue)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 23, "abc", 3);
    cr_assert_eq(hear(e->a, 100, LINUX_MSG_ERRQUEUE).n, -EAGAIN);
    struct heard heard = hear(e->a, 100, LINUX_MSG_WAITALL | LINUX_MSG_DONTWAIT);
    cr_assert(heard.n == 3 && heard.type == 23);
    ends_close(e);
}

Test(linux_read_paths, splice_takes_one_record_at_most)
{
    struct ends *e = ends_raw(GCM13);
    uint8_t out[100];

    feed(e, 0, 23, "abc", 3);
    feed(e, 1, 23, "def", 3);
    cr_assert_eq(sim_linux_splice(e->a, out, 100), 3);
    cr_assert_eq(sim_linux_splice(e->a, out, 2), 2);
    cr_assert_eq(memcmp(out, "de", 2), 0);
    cr_assert_eq(sim_linux_splice(e->a, out, 100), 1);
    cr_assert_eq(sim_linux_splice(e->a, out, 100), -1);
    cr_assert_eq(sim_linux_errno(e->a), EAGAIN);
    sim_pipe_fin(e->in);
    cr_assert_eq(sim_linux_splice(e->a, out, 100), 0);
    ends_close(e);
}

Test(linux_read_paths, splice_of_a_control_record_is_einval_and_keeps_it)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 21, "\1\0", 2);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(sim_linux_splice(e->a, heard_bytes, 100), -1);
        cr_assert_eq(sim_linux_errno(e->a), EINVAL);
    }
    EXPECT_HEARD(e->a, 100, 2, 21);
    ends_close(e);
}

/* Splice has no place for a type: an empty data record looks like the end of the stream. */
Test(linux_read_paths, splice_of_an_empty_record_is_zero)
{
    struct ends *e = ends_raw(GCM12);

    feed(e, 0, 23, "", 0);
    feed(e, 1, 23, "x", 1);
    cr_assert_eq(sim_linux_splice(e->a, heard_bytes, 100), 0);
    cr_assert_eq(sim_linux_splice(e->a, heard_bytes, 100), 1);
    ends_close(e);
}

Test(linux_read_paths, injected_short_reads_lose_nothing)
{
    struct ends *e = ends_raw(GCM13);
    struct sim_faults faults = {0};

    sim_linux_set_faults(e->a, &faults);
    cr_assert(sim_faults_plan(&faults, SIM_LINUX_RECVMSG, 1, 2, sim_fault_short(1)));
    cr_assert(sim_faults_plan(&faults, SIM_LINUX_RECVMSG, 3, 1, sim_fault_short(0)));
    feed(e, 0, 23, "abcd", 4);
    EXPECT_HEARD(e->a, 100, 1, 23);
    EXPECT_HEARD(e->a, 100, 1, 23);
    EXPECT_ERROR(e->a, EAGAIN);
    EXPECT_HEARD(e->a, 100, 2, 23);
    cr_assert_eq(memcmp(heard_bytes, "cd", 2), 0);
    ends_close(e);
}

/* The table of empty records: D is 11 bytes of data, d none; C and c the same of control. */
struct sequence {
    const char *records;
    int64_t results[5]; /* then EAGAIN */
    size_t count;
};

static const struct sequence sequences[] = {
    {"DDD", {33}, 1},   {"DcD", {11, 0, 11}, 3}, {"ddd", {0}, 0},  {"ddC", {0, 11}, 2},
    {"ddc", {0, 0}, 2}, {"ccc", {0, 0, 0}, 3},   {"ddD", {11}, 1}, {"Ddd", {11}, 1},
};

static void run_sequence(const struct suite *suite, const struct sequence *sequence)
{
    struct ends *e = ends_raw(suite);

    for (size_t i = 0; sequence->records[i] != '\0'; i++) {
        char c = sequence->records[i];
        feed(e, i, c == 'D' || c == 'd' ? 23 : 22, "hello world", c == 'D' || c == 'C' ? 11 : 0);
    }
    for (size_t i = 0; i < sequence->count; i++) {
        struct heard heard = hear(e->a, 100, 0);
        cr_assert_eq(heard.n, sequence->results[i], "%s %s: result %zu is %lld", suite->name,
                     sequence->records, i, (long long)heard.n);
        cr_assert_neq(heard.type, NO_TYPE);
    }
    EXPECT_ERROR(e->a, EAGAIN);
    ends_close(e);
}

Test(linux_empty_records, sequences)
{
    for (size_t i = 0; i < SUITES; i++) {
        for (size_t row = 0; row < sizeof sequences / sizeof *sequences; row++)
            run_sequence(&suites[i], &sequences[row]);
    }
}
