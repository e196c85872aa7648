/* SPDX-License-Identifier: BSD-2-Clause */
/* Attaching the ULP and installing keys: every row of the two tables of errors, and near misses. */
#include "linux_ends.h"

#include <stdlib.h>

Test(linux_attach, success_leaves_plain_bytes_both_ways)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(say(e->a, "plain", 5, 0), 5);
    EXPECT_HEARD(e->b, 100, 5, NO_TYPE);
    cr_assert_eq(memcmp(heard_bytes, "plain", 5), 0);
    cr_assert_eq(say(e->b, "back", 4, 0), 4);
    EXPECT_HEARD(e->a, 100, 4, NO_TYPE);
    ends_close(e);
}

Test(linux_attach, enoent_without_the_module_for_the_unprivileged)
{
    struct ends *e = ends_plain(0);

    e->kernel.tls_registered = false;
    cr_assert_eq(attach(e->a), ENOENT);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM12, 1, 0), ENOPROTOOPT);
    ends_close(e);
}

Test(linux_attach, a_privileged_caller_loads_the_module_for_all)
{
    struct ends *e = ends_plain(0);

    e->kernel.tls_registered = false;
    e->kernel.privileged = true;
    e->kernel.tls_loadable = false;
    cr_assert_eq(attach(e->a), ENOENT);
    e->kernel.tls_loadable = true;
    cr_assert_eq(attach(e->a), 0);
    e->kernel.privileged = false;
    cr_assert_eq(attach(e->b), 0);
    ends_close(e);
}

Test(linux_attach, enoent_for_another_name)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(set_option(e->a, 6, 31, "tlsx", 4), ENOENT);
    cr_assert_eq(set_option(e->a, 6, 31, "tl", 2), ENOENT);
    cr_assert_eq(set_option(e->a, 6, 31, "tls", 0), EINVAL);
    cr_assert_eq(set_option(e->a, 6, 31, "tls", 3), 0);
    ends_close(e);
}

Test(linux_attach, enotconn_before_connect_and_when_listening)
{
    struct sim_linux kernel;
    sim_linux_init(&kernel, 1);
    struct sim_linux_socket *s = sim_linux_socket_new(&kernel, true);

    cr_assert_eq(attach(s), ENOTCONN);
    cr_assert_eq(sim_linux_listen(s), 0);
    cr_assert_eq(attach(s), ENOTCONN);
    sim_linux_close(s);
}

Test(linux_attach, enotconn_when_the_fin_of_the_peer_has_arrived)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(say(e->b, "request", 7, 0), 7);
    cr_assert_eq(sim_linux_shutdown(e->b, LINUX_SHUT_WR), 0);
    cr_assert_eq(attach(e->a), ENOTCONN);
    /* The end that has sent it is not established either. */
    cr_assert_eq(attach(e->b), ENOTCONN);
    EXPECT_HEARD(e->a, 100, 7, NO_TYPE);
    ends_close(e);
}

Test(linux_attach, works_while_the_fin_is_on_its_way)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(say(e->b, "x", 1, 0), 1);
    sim_pipe_hold(sim_linux_in_pipe(e->a));
    cr_assert_eq(say(e->b, "y", 1, 0), 1);
    cr_assert_eq(sim_linux_shutdown(e->b, LINUX_SHUT_WR), 0);
    cr_assert_eq(attach(e->a), 0);
    ends_close(e);
}

Test(linux_attach, enotconn_after_a_reset)
{
    struct ends *e = ends_plain(0);

    sim_pipe_reset(sim_linux_in_pipe(e->a));
    cr_assert_eq(attach(e->a), ENOTCONN);
    ends_close(e);
}

Test(linux_attach, old_kernels_say_524)
{
    struct sim_linux kernel;
    sim_linux_init(&kernel, 1);
    sim_linux_release(&kernel, 4, 19);
    struct sim_linux_socket *s = sim_linux_socket_new(&kernel, true);

    cr_assert_eq(attach(s), 524);
    sim_linux_close(s);
}

Test(linux_attach, eexist_the_second_time)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(attach(e->a), EEXIST);
    cr_assert_eq(attach(e->b), 0, "the other end is another socket");
    ends_close(e);
}

Test(linux_attach, enoprotoopt_on_a_socket_that_is_not_tcp)
{
    struct sim_linux kernel;
    sim_linux_init(&kernel, 1);
    struct sim_linux_socket *s = sim_linux_socket_new(&kernel, false);

    cr_assert_eq(attach(s), ENOPROTOOPT);
    sim_linux_close(s);
}

Test(linux_attach, tls_options_without_the_ulp_are_enoprotoopt)
{
    struct ends *e = ends_plain(0);
    uint8_t info[56];
    uint32_t len = 40;

    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM12, 1, 0), ENOPROTOOPT);
    cr_assert_eq(set_key(e->a, LINUX_TLS_RX, GCM12, 1, 0), ENOPROTOOPT);
    cr_assert_eq(sim_linux_getsockopt(e->a, 282, 1, info, &len), -1);
    cr_assert_eq(sim_linux_errno(e->a), EOPNOTSUPP, "asking answers otherwise than setting");
    ends_close(e);
}

Test(linux_attach, its_name_can_be_asked_for)
{
    struct ends *e = ends_plain(0);
    char name[32] = "?";
    uint32_t len = sizeof name;

    cr_assert_eq(sim_linux_getsockopt(e->a, 6, 31, name, &len), 0);
    cr_assert_eq(len, 0);
    cr_assert_eq(attach(e->a), 0);
    len = sizeof name;
    cr_assert_eq(sim_linux_getsockopt(e->a, 6, 31, name, &len), 0);
    cr_assert_str_eq(name, "tls");
    ends_close(e);
}

Test(linux_attach, there_is_no_way_off)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(sim_linux_disconnect(e->a), -1);
    cr_assert_eq(sim_linux_errno(e->a), EOPNOTSUPP);
    cr_assert_eq(sim_linux_shutdown(e->a, LINUX_SHUT_RDWR), 0);
    cr_assert_eq(sim_linux_listen(e->a), -1);
    cr_assert_eq(sim_linux_errno(e->a), EINVAL);
    cr_assert_eq(attach(e->a), EEXIST);
    cr_assert_eq(sim_linux_disconnect(e->b), 0, "a plain socket may");
    ends_close(e);
}

/* Structures of section "key structures", written and read back byte for byte. */
Test(linux_keys, structures_are_read_and_told_by_these_layouts)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_plain(0);
        uint8_t info[56], told[56];
        uint32_t len = make_info(info, &suites[i], 5, 0x0102030405060708);

        cr_assert_eq(len, suites[i].info_len);
        cr_assert_eq(attach(e->a), 0);
        for (int name = LINUX_TLS_TX; name <= LINUX_TLS_RX; name++) {
            uint32_t told_len = len;
            cr_assert_eq(set_option(e->a, 282, name, info, len), 0, "%s", suites[i].name);
            cr_assert_eq(sim_linux_getsockopt(e->a, 282, name, told, &told_len), 0);
            cr_assert_eq(told_len, len);
            cr_assert_eq(memcmp(told, info, len), 0, "%s", suites[i].name);
        }
        ends_close(e);
    }
}

Test(linux_keys, einval_without_a_value_or_with_less_than_four_bytes)
{
    struct ends *e = ends_plain(0);
    uint8_t info[56];

    make_info(info, GCM12, 1, 0);
    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(set_option(e->a, 282, 1, NULL, 40), EINVAL);
    cr_assert_eq(set_option(e->a, 282, 1, info, 3), EINVAL);
    ends_close(e);
}

Test(linux_keys, einval_for_a_length_that_is_not_the_ciphers)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_plain(0);
        uint8_t info[57] = {0};
        uint32_t len = make_info(info, &suites[i], 1, 0);

        cr_assert_eq(attach(e->a), 0);
        cr_assert_eq(set_option(e->a, 282, 1, info, len - 1), EINVAL);
        cr_assert_eq(set_option(e->a, 282, 1, info, len + 1), EINVAL);
        cr_assert_eq(set_option(e->a, 282, 1, info, 4), EINVAL);
        cr_assert_eq(set_option(e->a, 282, 1, info, len), 0);
        ends_close(e);
    }
}

static int set_suite(struct ends *e, int name, uint16_t version, uint16_t cipher, uint32_t len)
{
    uint8_t info[56] = {0};

    memcpy(info, &version, 2);
    memcpy(info + 2, &cipher, 2);
    return set_option(e->a, 282, name, info, len);
}

Test(linux_keys, einval_for_versions_and_ciphers_there_are_not)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(set_suite(e, 1, 0x0302, 51, 40), EINVAL);
    cr_assert_eq(set_suite(e, 1, 0x0305, 51, 40), EINVAL);
    cr_assert_eq(set_suite(e, 1, 0x0303, 50, 40), EINVAL);
    cr_assert_eq(set_suite(e, 1, 0x0303, 59, 40), EINVAL);
    cr_assert_eq(set_suite(e, 1, 0x0304, 57, 40), EINVAL, "ARIA is not for 1.3");
    cr_assert_eq(set_suite(e, 1, 0x0304, 58, 56), EINVAL, "ARIA is not for 1.3");
    /* Known, and the module of its algorithm is not there. */
    cr_assert_eq(set_suite(e, 1, 0x0303, 57, 40), ENOENT);
    cr_assert_eq(set_suite(e, 1, 0x0304, 53, 40), ENOENT);
    ends_close(e);
}

Test(linux_keys, einval_when_the_other_direction_has_another_suite)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(set_key(e->a, LINUX_TLS_RX, GCM13, 1, 0), 0);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM12, 1, 0), EINVAL, "another version");
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, CHACHA13, 1, 0), EINVAL, "another cipher");
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 2, 0), 0);
    ends_close(e);
}

Test(linux_keys, a_failed_first_key_leaves_the_direction_plain)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(attach(e->a), 0);
    e->kernel.crypto = LINUX_CIPHER_BIT(LINUX_CIPHER_CHACHA20);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 1, 0), ENOENT);
    cr_assert_eq(say(e->a, "plain", 5, 0), 5);
    EXPECT_HEARD(e->b, 100, 5, NO_TYPE);
    /* It has not decided the suite either. */
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, CHACHA12, 1, 0), 0);
    ends_close(e);
}

Test(linux_keys, ebusy_for_a_second_key_of_tls12)
{
    struct ends *e = ends_open(GCM12);

    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM12, 3, 0), EBUSY);
    cr_assert_eq(set_key(e->a, LINUX_TLS_RX, GCM12, 3, 0), EBUSY);
    cr_assert_eq(e->kernel.stat.tx_rekey_error, 1);
    cr_assert_eq(e->kernel.stat.rx_rekey_error, 1);
    cr_assert_eq(say(e->a, "still", 5, 0), 5);
    EXPECT_HEARD(e->b, 100, 5, 23);
    ends_close(e);
}

Test(linux_keys, ebusy_for_every_second_key_before_614)
{
    struct ends *e = ends_open(GCM13);

    sim_linux_release(&e->kernel, 6, 13);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 3, 0), EBUSY);
    sim_linux_release(&e->kernel, 6, 14);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 3, 0), 0);
    ends_close(e);
}

Test(linux_keys, directions_are_apart)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_plain(0);
        struct sim_linux_diag diag;

        cr_assert_eq(attach(e->a), 0);
        cr_assert_eq(attach(e->b), 0);
        cr_assert_eq(set_key(e->a, LINUX_TLS_TX, &suites[i], 1, 0), 0);
        cr_assert_eq(set_key(e->b, LINUX_TLS_RX, &suites[i], 1, 0), 0);
        cr_assert_eq(say(e->b, "plain", 5, 0), 5);
        EXPECT_HEARD(e->a, 100, 5, NO_TYPE);
        cr_assert_eq(say(e->a, "sealed", 6, 0), 6);
        EXPECT_HEARD(e->b, 100, 6, 23);
        cr_assert(sim_linux_diag(e->a, &diag));
        cr_assert(diag.tx == SIM_LINUX_SW && diag.rx == SIM_LINUX_BASE);
        cr_assert(diag.version == suites[i].version && diag.cipher == suites[i].cipher);
        ends_close(e);
    }
}

/* Records that came before the key are parsed when it comes: 20 000 bytes of them. */
Test(linux_keys, records_already_queued_are_read)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_plain(0);

        fill_data();
        cr_assert_eq(attach(e->a), 0);
        cr_assert_eq(set_key(e->a, LINUX_TLS_TX, &suites[i], 1, 0), 0);
        cr_assert_eq(say(e->a, data, 20000, 0), 20000);
        cr_assert_eq(attach(e->b), 0);
        cr_assert_eq(set_key(e->b, LINUX_TLS_RX, &suites[i], 1, 0), 0);
        cr_assert(sim_linux_poll(e->b) & LINUX_POLLIN);
        EXPECT_HEARD(e->b, HEAR_MAX, 20000, 23);
        cr_assert(is_pattern(heard_bytes, 0, 20000));
        ends_close(e);
    }
}

/* A hand-over in the middle of a record takes a length from ciphertext. */
Test(linux_takeover, a_partial_record_read_before_is_beyond_repair)
{
    struct ends *e = ends_raw(GCM13);
    uint8_t content[100] = {0}, wire[200];
    struct wire_record record = {GCM13, 1, 0, 23, 0};
    size_t len = make_wire(&record, content, sizeof content, wire);

    cr_assert_eq(sim_pipe_write(e->in, wire + 7, len - 7), len - 7);
    struct heard heard = hear(e->a, 100, 0);
    cr_assert(heard.n == -EMSGSIZE || heard.n == -EINVAL || heard.n == -EBADMSG ||
              heard.n == -EAGAIN);
    ends_close(e);
}

Test(linux_takeover, read_ahead_that_is_not_counted_fails_every_record)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_raw(&suites[i]);

        feed(e, 1, 23, "second", 6);
        EXPECT_ERROR(e->a, EBADMSG);
        ends_close(e);
    }
}

Test(linux_takeover, read_ahead_that_is_counted_goes_on_behind_it)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct ends *e = ends_plain(0);
        struct wire_record record = {&suites[i], 1, 3, 23, 0};
        uint8_t wire[200];

        cr_assert_eq(attach(e->b), 0);
        cr_assert_eq(set_key(e->b, LINUX_TLS_RX, &suites[i], 1, 3), 0);
        size_t len = make_wire(&record, "fourth", 6, wire);
        cr_assert_eq(len, 6 + suites[i].overhead);
        cr_assert_eq(say(e->a, wire, len, 0), (int64_t)len);
        EXPECT_HEARD(e->b, 100, 6, 23);
        cr_assert_eq(told_seq(e->b, LINUX_TLS_RX, &suites[i]), 4);
        ends_close(e);
    }
}

/* TCP looks at ancillary data of SOL_SOCKET only: before the key, a typed send is plaintext. */
Test(linux_takeover, a_typed_send_before_the_key_goes_out_in_the_clear)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(attach(e->a), 0);
    cr_assert_eq(say_typed(e->a, 21, "\1\0", 2, 0), 2);
    EXPECT_HEARD(e->b, 100, 2, NO_TYPE);
    ends_close(e);
}

Test(linux_release, has_what_came_when)
{
    struct sim_linux kernel;

    sim_linux_init(&kernel, 1);
    sim_linux_release(&kernel, 4, 13);
    cr_assert(!kernel.rx && !kernel.tls13 && kernel.ciphers == 1);
    sim_linux_release(&kernel, 5, 10);
    cr_assert(kernel.rx && kernel.tls13 && kernel.ciphers == 7 && kernel.cmsg_per_record);
    sim_linux_release(&kernel, 5, 11);
    cr_assert(kernel.ciphers == 15 && !kernel.cmsg_per_record && !kernel.zerocopy_ro);
    sim_linux_release(&kernel, 6, 1);
    cr_assert(kernel.ciphers == 0xff && kernel.zerocopy_ro && kernel.expect_no_pad);
    cr_assert(!kernel.rekey && !kernel.eor && !kernel.max_payload);
    sim_linux_release(&kernel, 6, 14);
    cr_assert(kernel.rekey && kernel.eor && !kernel.max_payload && kernel.diag_needs_privilege);
    sim_linux_release(&kernel, 6, 19);
    cr_assert(kernel.max_payload && !kernel.diag_needs_privilege);
}

Test(linux_release, ciphers_and_directions_of_old_kernels)
{
    struct ends *e = ends_plain(0);

    cr_assert_eq(attach(e->a), 0);
    sim_linux_release(&e->kernel, 4, 13);
    cr_assert_eq(set_key(e->a, LINUX_TLS_RX, GCM12, 1, 0), ENOPROTOOPT);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM13, 1, 0), 524);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, CHACHA12, 1, 0), EINVAL);
    cr_assert_eq(set_key(e->a, LINUX_TLS_TX, GCM12, 1, 0), 0);
    ends_close(e);
}
