/* SPDX-License-Identifier: BSD-2-Clause */
/* KeyUpdate: the state machine of the receiver, the order of the sender, kernels that cannot. */
#include "linux_ends.h"

#include <stdlib.h>

static const uint8_t update[] = {24, 0, 0, 1, 0};

static int rekey_rx(struct ends *e, unsigned key)
{
    return set_key(e->a, LINUX_TLS_RX, e->suite, key, 0);
}

/* As feed, under a key of any number. */
static void feed_under(struct ends *e, unsigned key, uint64_t seq, const char *text)
{
    uint8_t wire[200];
    struct wire_record record = {e->suite, key, seq, 23, 0};

    sim_pipe_write(e->in, wire, make_wire(&record, text, strlen(text), wire));
}

Test(linux_rekey_rx, a_key_update_is_delivered_and_pauses)
{
    for (size_t i = 3; i < SUITES; i++) {
        struct ends *e = ends_raw(&suites[i]);

        feed(e, 0, 23, "old", 3);
        feed(e, 1, 22, update, 5);
        feed_under(e, 3, 0, "new");
        EXPECT_HEARD(e->a, 100, 3, 23);
        EXPECT_HEARD(e->a, 100, 5, 22);
        cr_assert_eq(memcmp(heard_bytes, update, 5), 0);
        cr_assert_eq(e->kernel.stat.rx_rekey_received, 1);
        for (int again = 0; again < 3; again++)
            EXPECT_ERROR(e->a, EKEYEXPIRED);
        cr_assert_eq(rekey_rx(e, 3), 0);
        cr_assert_eq(e->kernel.stat.rx_rekey_ok, 1);
        EXPECT_HEARD(e->a, 100, 3, 23);
        cr_assert_eq(memcmp(heard_bytes, "new", 3), 0);
        ends_close(e);
    }
}

Test(linux_rekey_rx, while_paused_every_way_to_read_is_ekeyexpired)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 22, update, 5);
    EXPECT_HEARD(e->a, 100, 5, 22);
    cr_assert_eq(hear(e->a, 100, LINUX_MSG_DONTWAIT).n, -EKEYEXPIRED);
    cr_assert_eq(hear(e->a, 100, LINUX_MSG_PEEK).n, -EKEYEXPIRED);
    cr_assert_eq(hear_with(e->a, 100, 0, 0).n, -EKEYEXPIRED);
    cr_assert_eq(sim_linux_splice(e->a, heard_bytes, 100), -1);
    cr_assert_eq(sim_linux_errno(e->a), EKEYEXPIRED);
    /* Sending goes on, and its key is another's affair. */
    cr_assert_eq(say(e->a, "x", 1, 0), 1);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 4, 0), 0);
    EXPECT_ERROR(e->a, EKEYEXPIRED);
    /* Even at the end of the stream. */
    sim_pipe_fin(e->in);
    EXPECT_ERROR(e->a, EKEYEXPIRED);
    ends_close(e);
}

/* Trap: the KeyUpdate is decrypted behind data and waits, and poll says nothing of it. */
Test(linux_rekey_rx, a_key_update_behind_data_waits_and_poll_is_quiet)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 23, "data", 4);
    feed(e, 1, 22, update, 5);
    cr_assert(sim_linux_poll(e->a) & LINUX_POLLIN);
    EXPECT_HEARD(e->a, 100, 4, 23);
    cr_assert_eq(e->kernel.stat.rx_rekey_received, 1);
    cr_assert(!(sim_linux_poll(e->a) & LINUX_POLLIN), "a record waits");
    EXPECT_HEARD(e->a, 100, 5, 22);
    EXPECT_ERROR(e->a, EKEYEXPIRED);
    ends_close(e);
}

Test(linux_rekey_rx, poll_is_quiet_while_records_of_the_next_key_wait)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 22, update, 5);
    EXPECT_HEARD(e->a, 100, 5, 22);
    feed_under(e, 3, 0, "new");
    cr_assert(!(sim_linux_poll(e->a) & LINUX_POLLIN));
    cr_assert_eq(rekey_rx(e, 3), 0);
    cr_assert(sim_linux_poll(e->a) & LINUX_POLLIN);
    ends_close(e);
}

Test(linux_rekey_rx, peeking_at_a_key_update_pauses)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 22, update, 5);
    cr_assert_eq(hear(e->a, 100, LINUX_MSG_PEEK).n, 5);
    cr_assert(!(sim_linux_poll(e->a) & LINUX_POLLIN));
    cr_assert_eq(rekey_rx(e, 3), 0, "a new key may come before the record is read");
    EXPECT_HEARD(e->a, 100, 5, 22);
    feed_under(e, 3, 0, "new");
    EXPECT_HEARD(e->a, 100, 3, 23);
    ends_close(e);
}

Test(linux_rekey_rx, a_failed_rekey_keeps_key_and_pause)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 22, update, 5);
    EXPECT_HEARD(e->a, 100, 5, 22);
    cr_assert_eq(set_key(e->a, LINUX_TLS_RX, CHACHA13, 3, 0), EINVAL, "another cipher");
    cr_assert_eq(set_key(e->a, LINUX_TLS_RX, GCM12, 3, 0), EINVAL, "another version");
    cr_assert_eq(e->kernel.stat.rx_rekey_error, 2);
    e->kernel.crypto = 0;
    cr_assert_eq(rekey_rx(e, 3), ENOENT);
    EXPECT_ERROR(e->a, EKEYEXPIRED);
    cr_assert_eq(told_seq(e->a, LINUX_TLS_RX, GCM13), 1, "still the old key");
    ends_close(e);
}

/* A continuation that begins with 24 pauses for nothing; installing the present key resumes. */
Test(linux_rekey_rx, a_fragment_that_begins_with_24_pauses_spuriously)
{
    struct ends *e = ends_raw(GCM13);
    uint8_t info[56];
    uint32_t len = 40;

    feed(e, 0, 22, "\x04\0\0\x02\x01", 5);
    feed(e, 1, 22, "\x18", 1);
    feed(e, 2, 23, "data", 4);
    EXPECT_HEARD(e->a, 100, 5, 22);
    EXPECT_HEARD(e->a, 100, 1, 22);
    EXPECT_ERROR(e->a, EKEYEXPIRED);
    cr_assert_eq(sim_linux_getsockopt(e->a, 282, 2, info, &len), 0);
    cr_assert_eq(set_option(e->a, 282, 2, info, len), 0);
    EXPECT_HEARD(e->a, 100, 4, 23);
    ends_close(e);
}

Test(linux_rekey_rx, only_handshake_records_and_only_their_first_byte_count)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 23, update, 5);
    feed(e, 1, 21, update, 2);
    feed(e, 2, 22, "", 0);
    feed(e, 3, 22, "\x04\x18", 2);
    feed(e, 4, 23, "data", 4);
    EXPECT_HEARD(e->a, 100, 5, 23);
    EXPECT_HEARD(e->a, 100, 2, 21);
    EXPECT_HEARD(e->a, 100, 0, 22);
    EXPECT_HEARD(e->a, 100, 2, 22);
    EXPECT_HEARD(e->a, 100, 4, 23);
    cr_assert_eq(e->kernel.stat.rx_rekey_received, 0);
    ends_close(e);
}

/* The kernel asks for no KeyUpdate before it takes a new key. */
Test(linux_rekey_rx, a_new_key_is_taken_at_any_time)
{
    struct ends *e = ends_raw(GCM13);

    feed_under(e, 3, 0, "new");
    cr_assert_eq(rekey_rx(e, 3), 0);
    EXPECT_HEARD(e->a, 100, 3, 23);
    ends_close(e);
}

Test(linux_rekey_rx, before_614_the_update_is_a_record_like_others)
{
    struct ends *e = ends_raw(GCM13);

    sim_linux_release(&e->kernel, 6, 13);
    feed(e, 0, 22, update, 5);
    feed_under(e, 3, 0, "new");
    EXPECT_HEARD(e->a, 100, 5, 22);
    cr_assert_eq(rekey_rx(e, 3), EBUSY);
    cr_assert_eq(e->kernel.stat.rx_rekey_received + e->kernel.stat.rx_rekey_error, 0);
    EXPECT_ERROR(e->a, EBADMSG);
    ends_close(e);
}

/* TLS 1.2 has no KeyUpdate, but the kernel looks at the byte all the same, and then stays paused.
 */
Test(linux_rekey_rx, in_tls12_the_byte_pauses_for_good)
{
    struct ends *e = ends_raw(GCM12);

    feed(e, 0, 22, update, 5);
    EXPECT_HEARD(e->a, 100, 5, 22);
    EXPECT_ERROR(e->a, EKEYEXPIRED);
    cr_assert_eq(rekey_rx(e, 3), EBUSY);
    cr_assert_eq(e->kernel.stat.rx_rekey_error, 1);
    EXPECT_ERROR(e->a, EKEYEXPIRED);
    ends_close(e);
}

static int send_update(struct ends *e)
{
    return say_typed(e->a, 22, update, 5, 0) == 5 ? 0 : -1;
}

Test(linux_rekey_tx, update_under_the_old_key_then_data_under_the_new)
{
    for (size_t i = 3; i < SUITES; i++) {
        struct ends *e = ends_open(&suites[i]);

        cr_assert_eq(say(e->a, "corked", 6, LINUX_MSG_MORE), 6);
        cr_assert_eq(send_update(e), 0);
        cr_assert_eq(set_key(e->a, LINUX_TLS_TX, e->suite, 3, 0), 0);
        cr_assert_eq(say(e->a, "new", 3, 0), 3);
        EXPECT_HEARD(e->b, 100, 6, 23);
        EXPECT_HEARD(e->b, 100, 5, 22);
        EXPECT_ERROR(e->b, EKEYEXPIRED);
        cr_assert_eq(set_key(e->b, LINUX_TLS_RX, e->suite, 3, 0), 0);
        EXPECT_HEARD(e->b, 100, 3, 23);
        cr_assert_eq(e->kernel.stat.tx_rekey_ok, 1);
        ends_close(e);
    }
}

/* Nothing holds data back between the KeyUpdate and the new key. */
Test(linux_rekey_tx, data_sent_in_between_is_lost_on_the_peer)
{
    struct ends *e = ends_open(GCM13);

    cr_assert_eq(send_update(e), 0);
    cr_assert_eq(say(e->a, "too late", 8, 0), 8);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 3, 0), 0);
    EXPECT_HEARD(e->b, 100, 5, 22);
    cr_assert_eq(set_key(e->b, LINUX_TLS_RX, GCM13, 3, 0), 0);
    EXPECT_ERROR(e->b, EBADMSG);
    ends_close(e);
}

Test(linux_rekey_tx, a_failed_rekey_leaves_the_old_key_working)
{
    struct ends *e = ends_open(GCM13);

    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, CHACHA13, 3, 0), EINVAL);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM12, 3, 0), EINVAL);
    cr_assert_eq(e->kernel.stat.tx_rekey_error, 2);
    cr_assert_eq(say(e->a, "still", 5, 0), 5);
    EXPECT_HEARD(e->b, 100, 5, 23);
    ends_close(e);
}

/* The kernel does not look for reuse: the same key again from 0 repeats nonces. The ledger sees. */
Test(linux_rekey_tx, the_same_key_again_is_taken_and_repeats_nonces)
{
    struct ends *e = ends_open(GCM13);

    cr_assert_eq(say(e->a, "one", 3, 0), 3);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 1, 0), 0);
    cr_assert_null(sim_ledger_fault(e->ledger));
    cr_assert_eq(say(e->a, "two", 3, 0), 3);
    cr_assert_not_null(sim_ledger_fault(e->ledger));
    sim_ledger_free(e->ledger);
    e->ledger = sim_ledger_new();
    e->kernel.ledger = e->ledger;
    ends_close(e);
}

/* Counters hold for all of it, and nothing of the device's is touched. */
Test(linux_rekey_tx, many_updates_in_a_row)
{
    struct ends *e = ends_open(GCM13);

    for (unsigned n = 0; n < 100; n++) {
        cr_assert_eq(say(e->a, &n, sizeof n, 0), (int64_t)sizeof n);
        cr_assert_eq(send_update(e), 0);
        cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 3 + n, 0), 0);
        EXPECT_HEARD(e->b, 100, (int64_t)sizeof n, 23);
        EXPECT_HEARD(e->b, 100, 5, 22);
        cr_assert_eq(set_key(e->b, LINUX_TLS_RX, GCM13, 3 + n, 0), 0);
    }
    cr_assert_eq(e->kernel.stat.tx_rekey_ok, 100);
    cr_assert_eq(e->kernel.stat.rx_rekey_ok, 100);
    cr_assert_eq(e->kernel.stat.rx_rekey_received, 100);
    cr_assert_eq(e->kernel.stat.tx_sw, 2, "a rekey is no new session");
    ends_close(e);
}
