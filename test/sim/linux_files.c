/* SPDX-License-Identifier: BSD-2-Clause */
/* sendfile and splice into the socket. */
#include "linux_ends.h"

Test(linux_files, sendfile_makes_full_records_and_closes_the_last)
{
    struct ends *e = ends_raw(GCM13);

    fill_data();
    cr_assert_eq(sim_linux_sendfile(e->a, data, 2 * RECORD + 100, false), 2 * RECORD + 100);
    expect_wire(e, 0, 23, 0, RECORD);
    expect_wire(e, 1, 23, RECORD, RECORD);
    expect_wire(e, 2, 23, 2 * RECORD, 100);
    ends_close(e);
}

Test(linux_files, splice_with_more_leaves_the_record_open)
{
    struct ends *e = ends_raw(GCM13);

    fill_data();
    cr_assert_eq(sim_linux_sendfile(e->a, data, 100, true), 100);
    expect_no_wire(e);
    cr_assert_eq(sim_linux_sendfile(e->a, data + 100, 100, false), 100);
    expect_wire(e, 0, 23, 0, 200);
    ends_close(e);
}

/* Spliced pieces are kept apart: 17 of them fill a record. */
Test(linux_files, many_spliced_pieces_close_it_early)
{
    struct ends *e = ends_raw(GCM13);

    fill_data();
    for (size_t i = 0; i < 35; i++)
        cr_assert_eq(sim_linux_sendfile(e->a, data + 10 * i, 10, true), 10);
    expect_wire(e, 0, 23, 0, 170);
    expect_wire(e, 1, 23, 170, 170);
    expect_no_wire(e);
    cr_assert_eq(say(e->a, data + 350, 5, 0), 5);
    expect_wire(e, 2, 23, 340, 15);
    ends_close(e);
}

Test(linux_files, before_65_splice_with_more_closes_as_well)
{
    struct ends *e = ends_raw(GCM13);

    fill_data();
    sim_linux_release(&e->kernel, 6, 4);
    cr_assert_eq(sim_linux_sendfile(e->a, data, 100, true), 100);
    expect_wire(e, 0, 23, 0, 100);
    ends_close(e);
}

Test(linux_files, sendfile_joins_a_corked_header)
{
    struct ends *e = ends_raw(GCM13);

    fill_data();
    cr_assert_eq(say(e->a, data, 50, LINUX_MSG_MORE), 50);
    cr_assert_eq(sim_linux_sendfile(e->a, data + 50, 100, false), 100);
    expect_wire(e, 0, 23, 0, 150);
    ends_close(e);
}

Test(linux_files, a_full_send_buffer_ends_sendfile_short)
{
    struct ends *e = ends_open_limited(GCM13, 40000);

    fill_data();
    int64_t n = sim_linux_sendfile(e->a, data, sizeof data, false);
    cr_assert_eq(n, 3 * RECORD);
    cr_assert_eq(sim_linux_sendfile(e->a, data + n, 1, false), -1);
    cr_assert_eq(sim_linux_errno(e->a), EAGAIN);
    EXPECT_HEARD(e->b, HEAR_MAX, 3 * RECORD, 23);
    cr_assert(is_pattern(heard_bytes, 0, 3 * RECORD));
    ends_close(e);
}

Test(linux_files, sendfile_without_a_key_is_plain)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(sim_linux_sendfile(e->a, "abc", 3, false), 3);
    EXPECT_HEARD(e->b, 100, 3, NO_TYPE);
    ends_close(e);
}

/* Trap: the pages of a zero-copy sendfile are read again when TCP sends again. */
Test(linux_files, zerocopy_of_a_file_that_changes_repeats_a_nonce)
{
    struct ends *e = ends_device();
    uint32_t on = 1;

    fill_data();
    cr_assert_eq(sim_linux_sendfile(e->a, data, 100, false), 100);
    cr_assert(!sim_linux_retransmit(e->a), "without the option the pages were copied");
    cr_assert_eq(set_option(e->a, 282, 3, &on, 4), 0);
    cr_assert_eq(sim_linux_sendfile(e->a, data, RECORD + 100, false), RECORD + 100);
    cr_assert(sim_linux_retransmit(e->a));
    cr_assert_eq(sim_ledger_repeats(e->ledger), 1);
    data[RECORD] ^= 1;
    cr_assert(sim_linux_retransmit(e->a));
    cr_assert_eq(sim_ledger_conflicts(e->ledger), 1);
    sim_ledger_free(e->ledger); /* it has a fault, as it should; ends_close wants none */
    e->ledger = sim_ledger_new();
    e->kernel.ledger = e->ledger;
    ends_close(e);
}

Test(linux_files, zerocopy_has_no_effect_in_software)
{
    struct ends *e = ends_open(GCM12);
    uint32_t on = 1;

    cr_assert_eq(set_option(e->a, 282, 3, &on, 4), 0);
    cr_assert_eq(sim_linux_sendfile(e->a, data, 100, false), 100);
    cr_assert(!sim_linux_retransmit(e->a));
    ends_close(e);
}
