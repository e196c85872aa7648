/* SPDX-License-Identifier: BSD-2-Clause */
/* Records: their form on the wire, published ones, what is special in TLS 1.3. */
#include "linux_ends.h"

#include "rfc8448.h"

/* Header, explicit nonce, overhead; opened by what linux_ends.c makes of the standards. */
Test(linux_record_form, of_every_suite)
{
    fill_data();
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_raw(&suites[i]);

        cr_assert_eq(say(e->a, data, 100, 0), 100);
        cr_assert_eq(sim_pipe_readable(e->out), 100 + suites[i].overhead);
        expect_wire(e, 0, 23, 0, 100);
        cr_assert_eq(say_typed(e->a, 22, data, 10, 0), 10);
        expect_wire(e, 1, 22, 0, 10);
        cr_assert_eq(say(e->a, data, 1, 0), 1);
        expect_wire(e, 2, 23, 0, 1);
        ends_close(e);
    }
}

/* The explicit nonce begins as the structure says and counts by itself, apart from rec_seq. */
Test(linux_record_form, tls12_explicit_nonce_counts_from_the_iv_field)
{
    struct ends *e = ends_plain(0);
    uint8_t info[56], wire[64];
    uint32_t len = make_info(info, GCM12, 2, 7);

    sim_put_be64(info + 4, 0xfffffffffffffffe);
    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(set_option(e->a, 282, 1, info, len), 0);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(say(e->a, "x", 1, 0), 1);
        cr_assert_eq(sim_pipe_read(sim_linux_in_pipe(e->b), wire, 64), 30);
        cr_assert_eq(sim_get_be64(wire + 5), 0xfffffffffffffffe + (uint64_t)i);
    }
    cr_assert_eq(sim_linux_getsockopt(e->a, 282, 1, info, &len), 0);
    cr_assert_eq(sim_get_be64(info + 4), 2);
    cr_assert_eq(sim_get_be64(info + 32), 11);
    ends_close(e);
}

Test(linux_record_form, any_type_byte_is_sealed)
{
    struct ends *e = ends_open(GCM12);

    cr_assert_eq(say_typed(e->a, 100, "x", 1, 0), 1);
    EXPECT_HEARD(e->b, 100, 1, 100);
    ends_close(e);
}

Test(linux_record_form, sequence_wrap_is_ebadmsg_and_a_pending_error)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_plain(0);
        uint32_t error = 0, len = 4;

        cr_assert_eq(attach(e->a), 0);
        cr_assert_eq(set_key(e->a, LINUX_TLS_TX, &suites[i], 2, UINT64_MAX - 1), 0);
        cr_assert_eq(say(e->a, "x", 1, 0), 1);
        size_t before = sim_pipe_readable(sim_linux_in_pipe(e->b));
        cr_assert_eq(say(e->a, "y", 1, 0), -EBADMSG);
        cr_assert_eq(say(e->a, "z", 1, 0), -EBADMSG);
        cr_assert_eq(sim_pipe_readable(sim_linux_in_pipe(e->b)), before, "it was sent");
        cr_assert(sim_linux_poll(e->a) & LINUX_POLLERR);
        cr_assert_eq(sim_linux_getsockopt(e->a, 1, 4, &error, &len), 0);
        cr_assert_eq(error, EBADMSG);
        /* Once somebody has read the error, the kernel goes on from record 0. */
        cr_assert_eq(say(e->a, "w", 1, 0), 1);
        cr_assert_eq(told_seq(e->a, LINUX_TLS_TX, &suites[i]), 1);
        ends_close(e);
    }
}

/* Published records open in the model, and the model seals the same bytes. */
Test(linux_record_form, rfc8448_records_both_ways)
{
    for (int stream = RFC8448_S3_CLIENT; stream < RFC8448_STREAMS; stream++) {
        const struct rfc8448_stream_keys *keys = &rfc8448_streams[stream];
        struct ends *e = ends_plain(0);
        const uint16_t head[2] = {0x0304, 51};
        uint8_t info[40] = {0}, wire[600];
        size_t records = 0;

        if (keys->key != NULL) {
            memcpy(info, head, 4);
            memcpy(info + 4, keys->iv + 4, 8);
            memcpy(info + 12, keys->key, 16);
            memcpy(info + 28, keys->iv, 4);
            cr_assert_eq(attach(e->a), 0);
            cr_assert_eq(set_option(e->a, 282, 1, info, 40), 0);
            for (size_t i = 0; i < RFC8448_RECORDS; i++) {
                const struct rfc8448_record *r = &rfc8448_records[i];
                if (r->stream != (enum rfc8448_stream)stream)
                    continue;
                records++;
                cr_assert_eq(say_typed(e->a, r->type, r->content, r->content_len, 0),
                             (int64_t)r->content_len);
                cr_assert_eq(sim_pipe_read(sim_linux_in_pipe(e->b), wire, sizeof wire),
                             r->wire_len);
                cr_assert_eq(memcmp(wire, r->wire, r->wire_len), 0, "%s", r->name);
                cr_assert_eq(say(e->b, r->wire, r->wire_len, 0), (int64_t)r->wire_len);
            }
            cr_assert(records > 0);
            cr_assert_eq(set_option(e->a, 282, 2, info, 40), 0);
            for (size_t i = 0; i < RFC8448_RECORDS; i++) {
                const struct rfc8448_record *r = &rfc8448_records[i];
                if (r->stream != (enum rfc8448_stream)stream)
                    continue;
                EXPECT_HEARD(e->a, 600, (int64_t)r->content_len, r->type);
                cr_assert_eq(memcmp(heard_bytes, r->content, r->content_len), 0, "%s", r->name);
            }
        }
        ends_close(e);
    }
}

Test(linux_tls13, padding_is_stripped)
{
    struct ends *e = ends_raw(GCM13);
    uint8_t wire[400];
    struct wire_record record = {GCM13, 1, 0, 21, 200};

    sim_pipe_write(e->in, wire, make_wire(&record, "\1\0", 2, wire));
    EXPECT_HEARD(e->a, 100, 2, 21);
    record = (struct wire_record){GCM13, 1, 1, 23, 1};
    sim_pipe_write(e->in, wire, make_wire(&record, "zero\0", 5, wire));
    EXPECT_HEARD(e->a, 100, 5, 23);
    ends_close(e);
}

Test(linux_tls13, the_outer_type_is_not_authenticated)
{
    struct ends *e = ends_raw(GCM13);

    feed(e, 0, 23, "abc", 3);
    cr_assert(sim_pipe_flip(e->in, 0, 0x7f));
    EXPECT_HEARD(e->a, 100, 3, 23);
    ends_close(e);
}

Test(linux_tls13, but_that_of_tls12_is)
{
    struct ends *e = ends_raw(GCM12);

    feed(e, 0, 23, "abc", 3);
    cr_assert(sim_pipe_flip(e->in, 0, 1));
    EXPECT_ERROR(e->a, EBADMSG);
    ends_close(e);
}

/* Trap: a compatibility ChangeCipherSpec behind the key ends a TLS 1.3 connection. */
Test(linux_tls13, a_change_cipher_spec_kills_the_receiver)
{
    struct ends *e = ends_raw(GCM13);

    sim_pipe_write(e->in, "\x14\x03\x03\x00\x01\x01", 6);
    feed(e, 0, 23, "data", 4);
    EXPECT_ERROR(e->a, EBADMSG);
    EXPECT_ERROR(e->a, EAGAIN);
    ends_close(e);
}

/* With explicit nonces the parser looks at a header when 13 bytes are there, and not before. */
Test(linux_record_form, the_explicit_nonce_counts_as_header)
{
    struct ends *e = ends_raw(GCM12);

    sim_pipe_write(e->in, "\x14\x03\x03\x00\x01\x01", 6);
    EXPECT_ERROR(e->a, EAGAIN);
    sim_pipe_write(e->in, "123456", 6);
    EXPECT_ERROR(e->a, EAGAIN);
    sim_pipe_write(e->in, "7", 1);
    EXPECT_ERROR(e->a, EBADMSG);
    ends_close(e);
}

Test(linux_tls13, expected_no_padding_is_counted_when_it_was_wrong)
{
    struct ends *e = ends_raw(GCM13);
    uint32_t on = 1;
    uint8_t wire[100];
    struct wire_record record = {GCM13, 1, 1, 23, 9};

    cr_assert_eq(set_option(e->a, 282, 4, &on, 4), 0);
    feed(e, 0, 23, "abc", 3);
    sim_pipe_write(e->in, wire, make_wire(&record, "abc", 3, wire));
    feed(e, 2, 21, "\1\0", 2);
    EXPECT_HEARD(e->a, 100, 6, 23);
    EXPECT_HEARD(e->a, 100, 2, 21);
    cr_assert_eq(e->kernel.stat.decrypt_retry, 2);
    cr_assert_eq(e->kernel.stat.rx_no_pad_violation, 1);
    ends_close(e);
}
