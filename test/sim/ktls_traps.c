/* SPDX-License-Identifier: BSD-2-Clause */
/* The traps of Linux's kernel TLS (docs/reference/linux-ktls.md, "Traps"), each by its number.
 * Trap 10 is in ktls_limits.c; 15 concerns /proc, which nothing here reads. */
#include "ktls_pair.h"

#define IN_KERNEL(p, dir)                                                                          \
    cr_assert_eq(end_move(&(p)->us, (dir), WEIR_POLICY_ALL), WEIR_OK, "%s: %s %d",                 \
                 (p)->suite->name, weir_refusal_name((p)->us.why.code), (p)->us.why.os_error)

static struct pair *both_in_kernel(const struct suite *suite)
{
    struct pair *p = pair_open(suite, 3, false, 0);

    IN_KERNEL(p, WEIR_TX);
    IN_KERNEL(p, WEIR_RX);
    return p;
}

static void refused(struct pair *p, enum weir_dir dir, weir_refusal_code code, int error)
{
    cr_assert_eq(end_move(&p->us, dir, WEIR_POLICY_ALL), WEIR_REFUSED);
    cr_assert_eq(p->us.why.code, code, "%s", weir_refusal_name(p->us.why.code));
    cr_assert_eq(p->us.why.layer, error != 0 ? WEIR_LAYER_OS : WEIR_LAYER_CORE);
    cr_assert_eq(p->us.why.os_error, error);
    cr_assert(!end_in_kernel(&p->us, dir));
}

/* Our end dies of `status`, stays dead, and the peer hears why. */
static void dies(struct pair *p, weir_status status)
{
    cr_assert_eq(end_hear_all(&p->us), status, "%s: %s", p->suite->name,
                 weir_status_name(weir_session_status(&p->us.session)));
    uint64_t heard = p->us.heard;
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(end_hear(&p->us, 1000), status);
        cr_assert_eq(end_say(&p->us, 10), status);
    }
    cr_assert_eq(p->us.heard, heard);
    (void)end_flush(&p->us);
    cr_assert_eq(end_hear_all(&p->peer), WEIR_E_PEER_ALERT, "the alert did not come");
    cr_assert_eq(weir_session_peer_alert(&p->peer.session), weir_status_alert(status));
}

Test(ktls_traps, t01_zero_with_a_type_is_not_the_end)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = both_in_kernel(&suites[i]);
        bool tls13 = p->suite->version == WEIR_TLS13;
        cr_assert_eq(end_say(&p->peer, 0), WEIR_OK);
        cr_assert_eq(end_say(&p->peer, 0), WEIR_OK);
        if (tls13)
            cr_assert_eq(end_say_message(&p->peer, 50), WEIR_OK);
        else
            cr_assert_eq(weir_session_close(&p->peer.session), WEIR_OK);
        cr_assert_eq(end_flush(&p->peer), WEIR_OK);
        cr_assert_eq(end_hear(&p->us, 0), WEIR_OK);
        cr_assert_eq(end_hear(&p->us, 0), tls13 ? WEIR_OK : WEIR_CLOSED);
        cr_assert_eq(p->us.messages_heard, tls13);
        if (tls13) {
            cr_assert_eq(end_hear(&p->us, 0), WEIR_NEED_INPUT);
            pair_live(p, 500);
        }
        pair_close(p);
    }
}

Test(ktls_traps, t01_zero_without_a_type_is_the_end)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = both_in_kernel(&suites[i]);
        cr_assert_eq(end_say(&p->peer, 100), WEIR_OK);
        cr_assert_eq(end_say(&p->peer, 0), WEIR_OK);
        sim_linux_shutdown(p->peer.socket, LINUX_SHUT_WR);
        cr_assert_eq(end_hear_all(&p->us), WEIR_E_TRUNCATED);
        cr_assert_eq(p->us.heard, 100);
        cr_assert_eq(end_hear(&p->us, 0), WEIR_E_TRUNCATED);
        pair_close(p);
    }
}

Test(ktls_traps, t02_a_ticket_among_the_data)
{
    for (unsigned i = 3; i < SUITES; i++) {
        struct pair *p = both_in_kernel(&suites[i]);
        cr_assert_eq(end_say(&p->peer, 1000), WEIR_OK);
        cr_assert_eq(end_say(&p->peer, 1000), WEIR_OK);
        cr_assert_eq(end_say_message(&p->peer, 200), WEIR_OK);
        cr_assert_eq(end_say_message(&p->peer, 16384), WEIR_OK);
        cr_assert_eq(end_say(&p->peer, 1000), WEIR_OK);
        cr_assert_eq(end_hear(&p->us, 0), WEIR_OK);
        cr_assert_eq(p->us.heard, 2000); /* two records in one call */
        cr_assert_eq(end_hear(&p->us, 0), WEIR_OK);
        cr_assert_eq(end_hear(&p->us, 0), WEIR_OK);
        cr_assert_eq(p->us.messages_heard, 2);
        cr_assert_eq(end_hear(&p->us, 0), WEIR_OK);
        cr_assert_eq(p->us.heard, 3000);
        pair_live(p, 100);
        pair_close(p);
    }
}

/* The kernel tells of a header that it cannot parse once, and then of nothing. */
Test(ktls_traps, t03_parsing_errors_are_told_once)
{
    static const struct {
        uint8_t header[5];
        weir_status status;
        int error;
    } rows[] = {
        {{23, 3, 3, 0x48, 0x01}, WEIR_E_OVERFLOW, EMSGSIZE},
        {{23, 3, 3, 0xff, 0xff}, WEIR_E_OVERFLOW, EMSGSIZE},
        {{23, 3, 1, 0x00, 0x40}, WEIR_E_VERSION, EINVAL},
        {{23, 2, 3, 0x00, 0x40}, WEIR_E_VERSION, EINVAL},
        {{23, 3, 3, 0x00, 0x0f}, WEIR_E_AUTH, EBADMSG},
        {{23, 3, 3, 0x00, 0x00}, WEIR_E_AUTH, EBADMSG},
    };
    static const uint8_t body[64];

    for (unsigned i = 0; i < SUITES; i++) {
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            struct pair *p = both_in_kernel(&suites[i]);
            cr_assert_eq(end_say(&p->peer, 700), WEIR_OK);
            end_raw(&p->peer, rows[k].header, 5);
            end_raw(&p->peer, body, sizeof body);
            dies(p, rows[k].status);
            cr_assert_eq(p->us.heard, 700); /* what was good came first */
            uint8_t byte;
            struct sim_linux_in msg = {.buffer = &byte, .len = 1};
            cr_assert_eq(sim_linux_recvmsg(p->us.socket, &msg, 0), -1);
            cr_assert_eq(sim_linux_errno(p->us.socket), EAGAIN);
            pair_close(p);
        }
    }
}

Test(ktls_traps, t03_a_record_that_is_not_authentic)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = both_in_kernel(&suites[i]);
        struct sim_pipe *in = sim_linux_in_pipe(p->us.socket);
        cr_assert_eq(end_say(&p->peer, 700), WEIR_OK);
        uint64_t at = sim_pipe_write_offset(in);
        cr_assert_eq(end_say(&p->peer, 700), WEIR_OK);
        cr_assert_eq(end_say(&p->peer, 700), WEIR_OK);
        cr_assert(sim_pipe_flip(in, at + 100, 1));
        dies(p, WEIR_E_AUTH);
        cr_assert_eq(p->us.heard, 700);
        pair_close(p);
    }
}

Test(ktls_traps, t04_a_part_of_a_record_is_no_boundary)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = pair_open(&suites[i], 3, false, 0);
        cr_assert_eq(end_say(&p->peer, 700), WEIR_OK);
        cr_assert_eq(end_say(&p->peer, 700), WEIR_OK);
        for (size_t cut = 1; cut < 700; cut += 37) {
            cr_assert_eq(end_hear(&p->us, 37), WEIR_OK);
            if (p->us.raw_len > 0)
                refused(p, WEIR_RX, WEIR_REFUSAL_BOUNDARY, 0);
        }
        end_align(&p->us);
        IN_KERNEL(p, WEIR_RX);
        pair_live(p, 1000);
        pair_close(p);
    }
}

Test(ktls_traps, t05_what_was_read_ahead_is_counted)
{
    for (unsigned i = 0; i < SUITES; i++) {
        for (unsigned ahead = 0; ahead < 8; ahead++) {
            struct pair *p = pair_open(&suites[i], 3, false, 0);
            for (unsigned k = 0; k < ahead; k++)
                cr_assert_eq(end_say(&p->peer, 10 + k), WEIR_OK);
            (void)end_hear_all(&p->us); /* in one read */
            for (unsigned k = 0; k < 3; k++)
                cr_assert_eq(end_say(&p->peer, 20 + k), WEIR_OK);
            IN_KERNEL(p, WEIR_RX); /* with three records queued in TCP */
            cr_assert_eq(end_hear(&p->us, 0), WEIR_OK);
            pair_live(p, 100);
            end_query(&p->us);
            cr_assert_eq(weir_rx_position(&p->us.rx).seq,
                         p->us.rx_keys.at.seq + p->peer.said.records);
            pair_close(p);
        }
    }
}

Test(ktls_traps, t06_no_attaching_after_the_peers_fin)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = pair_open(&suites[i], 3, false, 0);
        cr_assert_eq(end_say(&p->peer, 5000), WEIR_OK);
        (void)weir_session_close(&p->peer.session);
        cr_assert_eq(end_flush(&p->peer), WEIR_OK);
        sim_linux_shutdown(p->peer.socket, LINUX_SHUT_WR);
        refused(p, WEIR_TX, WEIR_REFUSAL_SOCKET, ENOTCONN);
        refused(p, WEIR_RX, WEIR_REFUSAL_SOCKET, ENOTCONN);
        cr_assert_eq(end_say(&p->us, 5000), WEIR_OK);
        cr_assert_eq(end_hear_all(&p->us), WEIR_CLOSED);
        cr_assert_eq(p->us.heard, 5000);
        pair_close(p);
    }
}

Test(ktls_traps, t07_loading_the_module_takes_privilege)
{
    struct pair *p = pair_open(GCM13, 3, false, 0);

    p->kernel.tls_registered = false;
    p->kernel.tls_loadable = false;
    p->kernel.privileged = true;
    refused(p, WEIR_TX, WEIR_REFUSAL_NO_KTLS, ENOENT);
    p->kernel.tls_loadable = true;
    p->kernel.privileged = false;
    refused(p, WEIR_TX, WEIR_REFUSAL_NO_KTLS, ENOENT);
    pair_live(p, 1000);
    p->kernel.privileged = true;
    IN_KERNEL(p, WEIR_TX);
    pair_live(p, 1000);
    pair_close(p);
}

/* The structure of AES-GCM-256 in TLS 1.2, all zeros but for its head. */
static void take_direction(struct sim_linux_socket *s, int name)
{
    uint8_t info[56] = {0};
    const uint16_t head[2] = {LINUX_TLS_1_2, LINUX_CIPHER_AES_GCM_256};

    memcpy(info, head, sizeof head);
    cr_assert_eq(sim_linux_setsockopt(s, LINUX_SOL_TCP, LINUX_TCP_ULP, "tls", 4), 0);
    cr_assert_eq(sim_linux_setsockopt(s, LINUX_SOL_TLS, name, info, sizeof info), 0);
}

Test(ktls_traps, t08_both_directions_have_one_suite)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = pair_open(&suites[i], 3, false, 0);
        take_direction(p->us.socket, LINUX_TLS_RX);
        if (i == 1) {
            IN_KERNEL(p, WEIR_TX);
        } else {
            refused(p, WEIR_TX, WEIR_REFUSAL_SUITE, EINVAL);
            cr_assert_eq(p->us.why.detail, p->suite->suite);
        }
        cr_assert_eq(end_say(&p->us, 3000), WEIR_OK);
        cr_assert_eq(end_hear_all(&p->peer), WEIR_NEED_INPUT);
        cr_assert_eq(p->peer.heard, 3000);
        pair_close(p);
    }
}

Test(ktls_traps, t08_suites_that_the_kernel_lacks)
{
    struct pair *p = pair_open(&suites[5], 3, false, 0);

    p->kernel.ciphers &= ~LINUX_CIPHER_BIT(LINUX_CIPHER_CHACHA20);
    refused(p, WEIR_TX, WEIR_REFUSAL_SUITE, EINVAL);
    p->kernel.ciphers |= LINUX_CIPHER_BIT(LINUX_CIPHER_CHACHA20);
    p->kernel.crypto &= ~LINUX_CIPHER_BIT(LINUX_CIPHER_CHACHA20);
    refused(p, WEIR_RX, WEIR_REFUSAL_SUITE, ENOENT);
    pair_live(p, 1000);
    p->kernel.crypto |= LINUX_CIPHER_BIT(LINUX_CIPHER_CHACHA20);
    IN_KERNEL(p, WEIR_RX);
    pair_live(p, 1000);
    pair_close(p);
    p = pair_open(GCM13, 3, false, 0);
    sim_linux_release(&p->kernel, 4, 19);
    refused(p, WEIR_TX, WEIR_REFUSAL_VERSION, 524);
    cr_assert_eq(p->us.why.detail, WEIR_TLS13);
    pair_live(p, 1000);
    pair_close(p);
    p = pair_open(GCM12, 3, false, 0);
    sim_linux_release(&p->kernel, 4, 13);
    IN_KERNEL(p, WEIR_TX);
    refused(p, WEIR_RX, WEIR_REFUSAL_TAKEN, ENOPROTOOPT);
    pair_live(p, 1000);
    pair_close(p);
}

Test(ktls_traps, t09_nothing_is_left_open_when_the_socket_is_closed)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = both_in_kernel(&suites[i]);
        for (size_t len = 1; len < 40000; len = 3 * len + 1)
            cr_assert_eq(end_say(&p->us, len), WEIR_OK);
        (void)weir_session_close(&p->us.session);
        cr_assert_eq(end_flush(&p->us), WEIR_OK);
        sim_linux_close(p->us.socket);
        p->us.socket = NULL;
        cr_assert_eq(end_hear_all(&p->peer), WEIR_CLOSED);
        cr_assert_eq(p->peer.heard, p->us.sent);
        pair_close(p);
    }
}

Test(ktls_traps, t11_a_second_key_is_refused)
{
    /* The direction was somebody else's. */
    struct pair *p = pair_open(&suites[1], 3, false, 0);
    take_direction(p->us.socket, LINUX_TLS_TX);
    refused(p, WEIR_TX, WEIR_REFUSAL_TAKEN, EBUSY);
    pair_close(p);
    /* A backend that was told wrongly that the kernel changes keys: nothing goes out under the old
     * key, which the peer has left. */
    for (unsigned i = 3; i < SUITES; i++) {
        p = both_in_kernel(&suites[i]);
        p->kernel.rekey = false;
        cr_assert_eq(weir_session_key_update(&p->us.session, false, &p->us.why), WEIR_OK);
        (void)end_flush(&p->us);
        cr_assert_eq(weir_session_status(&p->us.session), WEIR_E_BACKEND);
        uint64_t said = p->us.said.bytes;
        cr_assert_eq(end_say(&p->us, 100), WEIR_E_BACKEND);
        (void)end_flush(&p->us);
        cr_assert_eq(p->us.said.bytes, said);
        cr_assert_eq(end_hear_all(&p->peer), WEIR_NEED_INPUT);
        cr_assert_eq(weir_rx_counters(&p->peer.rx).rekeys, 1);
        pair_close(p);
    }
}

Test(ktls_traps, t12_all_comes_behind_a_key_update)
{
    for (unsigned i = 3; i < SUITES; i++) {
        struct pair *p = both_in_kernel(&suites[i]);
        for (unsigned k = 0; k < 5; k++) {
            cr_assert_eq(end_say(&p->peer, 1000), WEIR_OK);
            cr_assert_eq(weir_session_key_update(&p->peer.session, k % 2 == 0, &p->us.why),
                         WEIR_OK);
            cr_assert_eq(end_say(&p->peer, 1000), WEIR_OK);
        }
        cr_assert_eq(end_hear_all(&p->us), WEIR_NEED_INPUT);
        cr_assert_eq(p->us.heard, 10000);
        cr_assert_eq(weir_rx_counters(&p->us.rx).rekeys, 5);
        pair_live(p, 1000);
        cr_assert_eq(weir_tx_counters(&p->us.tx).rekeys, weir_rx_counters(&p->peer.rx).rekeys);
        cr_assert(weir_tx_counters(&p->us.tx).rekeys > 0);
        pair_close(p);
    }
}

/* A piece of another message that happens to begin with the number of KeyUpdate stops the kernel,
 * and nothing short of a new key starts it again. */
Test(ktls_traps, t12_what_looks_like_a_key_update)
{
    struct pair *p = both_in_kernel(GCM13);

    p->us.deaf = true;
    /* See make_message: byte 296 of the first one is 24. */
    cr_assert_eq(weir_tx_set_record_limit(&p->peer.tx, 296), WEIR_OK);
    cr_assert_eq(end_say_message(&p->peer, 500), WEIR_OK);
    cr_assert_eq(end_say(&p->peer, 100), WEIR_OK);
    dies(p, WEIR_E_BACKEND);
    cr_assert_eq(p->us.heard, 0);
    pair_close(p);
}

static bool holds(const void *memory, size_t len, const uint8_t *what, size_t what_len)
{
    for (size_t i = 0; i + what_len <= len; i++) {
        if (memcmp((const uint8_t *)memory + i, what, what_len) == 0)
            return true;
    }
    return false;
}

Test(ktls_traps, t13_keys_that_the_kernel_hands_out_are_wiped)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = both_in_kernel(&suites[i]);
        pair_live(p, 1000);
        cr_assert(!holds(&p->us.ktls_tx, sizeof p->us.ktls_tx, p->us.tx_keys.key, 8));
        cr_assert_eq(weir_tx_query(&p->us.tx, &p->us.why), WEIR_PENDING);
        enum weir_dir dir;
        const struct weir_cmd *cmd = weir_session_command(&p->us.session, &dir);
        struct weir_done done = sim_linux_exec(p->us.socket, cmd);
        cr_assert(holds(&p->us.ktls_tx, sizeof p->us.ktls_tx, p->us.tx_keys.key, 8));
        cr_assert_eq(weir_session_complete(&p->us.session, dir, &done, &p->us.why), WEIR_OK);
        cr_assert(!holds(&p->us.ktls_tx, sizeof p->us.ktls_tx, p->us.tx_keys.key, 8));
        cr_assert(!holds(&p->us.ktls_tx, sizeof p->us.ktls_tx, p->us.tx_keys.iv, 4));
        pair_close(p);
    }
}

/* 14 and 16: the calls are the same, the answer is the same, and TLS 1.3 no interface takes. */
Test(ktls_traps, t14_t16_who_encrypts_is_not_told)
{
    for (unsigned i = 0; i < 2 * SUITES; i++) {
        struct pair *p = pair_open(&suites[i / 2], 3, false, 0);
        bool device = i % 2 != 0;
        bool taken = device && i / 2 < 2; /* TLS 1.2 with AES-GCM */
        struct sim_linux_diag diag;
        p->kernel.device_tx = p->kernel.device_rx = device;
        IN_KERNEL(p, WEIR_TX);
        IN_KERNEL(p, WEIR_RX);
        pair_live(p, 20000);
        end_query(&p->us);
        cr_assert_eq(weir_tx_carrier(&p->us.tx), WEIR_CARRIER_BELOW);
        cr_assert_eq(weir_rx_carrier(&p->us.rx), WEIR_CARRIER_BELOW);
        cr_assert(sim_linux_diag(p->us.socket, &diag));
        cr_assert_eq(diag.tx, taken ? SIM_LINUX_HW : SIM_LINUX_SW);
        cr_assert_eq(diag.rx, taken ? SIM_LINUX_HW : SIM_LINUX_SW);
        pair_counts(p);
        pair_close(p);
    }
}

/* sendfile without a copy, and decryption without looking for padding, are for those who ask. */
Test(ktls_traps, t17_options_are_set_on_request_only)
{
    for (unsigned i = 0; i < 4; i++) {
        struct pair *p = pair_open(GCM13, 3, false, 0);
        struct sim_linux_diag diag;
        bool asked = i % 2 != 0, known = i < 2;
        p->kernel.zerocopy_ro = p->kernel.expect_no_pad = known;
        end_features(&p->us,
                     WEIR_LINUX_KTLS_SAFE |
                         (asked ? WEIR_LINUX_KTLS_ZEROCOPY_RO | WEIR_LINUX_KTLS_RX_NO_PAD : 0u));
        IN_KERNEL(p, WEIR_TX);
        IN_KERNEL(p, WEIR_RX);
        cr_assert(sim_linux_diag(p->us.socket, &diag));
        cr_assert_eq(diag.zerocopy, asked && known);
        cr_assert_eq(diag.no_pad, asked && known);
        cr_assert_eq(weir_tx_set_padding(&p->peer.tx, 100), WEIR_OK);
        pair_live(p, 30000);
        pair_close(p);
    }
}

Test(ktls_traps, t18_old_kernels_say_a_type_for_every_record)
{
    for (unsigned i = 0; i < SUITES; i++) {
        struct pair *p = both_in_kernel(&suites[i]);
        p->kernel.cmsg_per_record = true;
        for (unsigned k = 0; k < 10; k++)
            cr_assert_eq(end_say(&p->peer, 100), WEIR_OK);
        cr_assert_eq(end_hear(&p->us, 0), WEIR_OK);
        cr_assert_eq(p->us.heard, 1000);
        pair_live(p, 1000);
        pair_close(p);
    }
}

Test(ktls_traps, t19_a_change_of_key_that_is_put_off)
{
    for (unsigned i = 3; i < SUITES; i++) {
        struct sim_faults faults = {.struck = 0};
        struct pair *p = both_in_kernel(&suites[i]);
        cr_assert(sim_faults_plan(&faults, SIM_LINUX_SETSOCKOPT, 1, 5, sim_fault_errno(EAGAIN)));
        sim_linux_set_faults(p->us.socket, &faults);
        cr_assert_eq(weir_session_key_update(&p->us.session, true, &p->us.why), WEIR_OK);
        pair_live(p, 3000);
        cr_assert_eq(faults.struck, 5);
        cr_assert_eq(weir_tx_counters(&p->us.tx).rekeys, 1);
        cr_assert_eq(weir_rx_counters(&p->us.rx).rekeys, 1);
        sim_linux_set_faults(p->us.socket, NULL);
        pair_close(p);
    }
}

Test(ktls_traps, t20_a_change_cipher_spec_ends_a_connection)
{
    static const uint8_t record[] = {20, 3, 3, 0, 1, 1};

    for (unsigned i = 3; i < SUITES; i++) {
        struct pair *p = both_in_kernel(&suites[i]);
        cr_assert_eq(end_say(&p->peer, 100), WEIR_OK);
        end_raw(&p->peer, record, sizeof record);
        cr_assert_eq(end_say(&p->peer, 100), WEIR_OK);
        dies(p, WEIR_E_AUTH);
        cr_assert_eq(p->us.heard, 100);
        pair_close(p);
    }
}
