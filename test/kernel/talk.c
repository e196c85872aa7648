/* SPDX-License-Identifier: BSD-2-Clause */
/* weir, with the kernel's TLS below it, opposite OpenSSL in user space. */
#include "check.h"
#include "end.h"

#include <stdio.h>
#include <string.h>

enum { KIB = 1024, MB = 1000 * 1000 };

struct scene {
    const char *name;
    struct end_plan ours;
    struct peer peer;
    int version; /* 0: both */
    bool wide;   /* with every suite, in both roles, rather than with one of each version */
    /* What becomes of it where the key cannot change: see adapt(). */
    bool changes_theirs, changes_ours, asks_for_ours;
};

static const struct scene scenes[] = {
    {.name = "64 KiB each way", .ours = {.send = 64 * KIB, .expect = 64 * KIB}, .wide = true},
    {.name = "pieces of all sizes",
     .ours = {.send = 400001,
              .expect = 300007,
              .chunk = 7919,
              .how_send = SEND_WRITEV,
              .how_read = READ_VIEW},
     .peer = {.chunk = 1009}},
    {.name = "one byte at a time",
     .ours = {.send = 300, .expect = 300, .chunk = 1},
     .peer = {.chunk = 1}},
    {.name = "where the kernel stands in receiving",
     .ours = {.expect = 100000, .pause_at = 50001},
     .peer = {.pause_at = 50001}},
    {.name = "sendfile", .ours = {.send = 3 * MB + 1, .how_send = SEND_FILE, .chunk = 1 << 20}},
    {.name = "splice",
     .ours =
         {.send = 1 * MB + 1, .expect = 1 * MB, .how_send = SEND_SPLICE, .how_read = READ_SPLICE}},
    {.name = "splice, with KeyUpdates between",
     .ours = {.send = 500000, .expect = 500000, .how_send = SEND_SPLICE, .how_read = READ_SPLICE},
     .peer = {.updates = 3},
     .version = TLS1_3_VERSION,
     .changes_theirs = true},
    {.name = "splice, with a bad record",
     .ours = {.send = 1000, .expect = 500000, .how_read = READ_SPLICE, .read_end = WEIR_E_AUTH},
     .peer = {.flip = 9, .alert = SSL_AD_BAD_RECORD_MAC}},
    {.name = "records that wait for the key", .ours = {.expect = 60000, .slow_start = true}},
    {.name = "the peer ends first, and goes on receiving",
     .ours = {.send = 300000, .expect = 200000, .order = PEER_FIRST},
     .peer = {.order = PEER_FIRST, .fin = true}},
    {.name = "the peer ends last, and goes on sending",
     .ours = {.send = 300000, .expect = 200000},
     .peer = {.order = PEER_LAST}},
    {.name = "tickets in between",
     .ours = {.send = 100000, .expect = 500000},
     .peer = {.tickets = 5},
     .version = TLS1_3_VERSION},
    {.name = "the peer's KeyUpdates",
     .ours = {.send = 300000, .expect = 500000},
     .peer = {.updates = 5},
     .version = TLS1_3_VERSION,
     .changes_theirs = true},
    {.name = "KeyUpdates of ours",
     .ours = {.send = 500000, .expect = 100000, .updates = 3},
     .peer = {.expect_updates = 3},
     .version = TLS1_3_VERSION,
     .changes_ours = true},
    {.name = "the peer asks for a KeyUpdate",
     .ours = {.send = 300000, .expect = 300000, .order = PEER_FIRST},
     .peer = {.updates = 1, .request = true, .expect_updates = 1},
     .version = TLS1_3_VERSION,
     .changes_theirs = true,
     .asks_for_ours = true},
    {.name = "a bad record",
     .ours = {.send = 100000, .expect = 500000, .read_end = WEIR_E_AUTH},
     .peer = {.flip = 9, .alert = SSL_AD_BAD_RECORD_MAC}},
    {.name = "an end without close_notify",
     .ours = {.send = 100000, .expect = 100000, .read_end = WEIR_E_TRUNCATED},
     .peer = {.cut = true, .any_end = true}},
};

static const struct {
    const char *name;
    enum end_place tx, rx;
} places[] = {{"both in the kernel", IN_KERNEL, IN_KERNEL},
              {"TX in the kernel", IN_KERNEL, IN_SOFTWARE},
              {"RX in the kernel", IN_SOFTWARE, IN_KERNEL}};

struct job {
    struct end_plan ours;
    struct peer peer;
};

static void play(const void *arg)
{
    static struct end e;
    const struct job *job = arg;
    struct peer peer = job->peer;
    end_open(&e, &job->ours, &peer);
    end_run(&e);
    end_close(&e);
}

/* Where the kernel cannot change a key, a KeyUpdate that needs it ends the connection, by name. */
static void adapt(struct job *job, const struct scene *scene)
{
    bool tx = job->ours.place[WEIR_TX] == IN_KERNEL, rx = job->ours.place[WEIR_RX] == IN_KERNEL;
    if ((end_features & WEIR_LINUX_KTLS_REKEY) != 0) {
        return;
    }
    if (scene->changes_ours && tx) {
        job->ours.update_refused = true;
        job->peer.expect_updates = 0;
    }
    if ((scene->changes_theirs && rx) || (scene->asks_for_ours && tx)) {
        job->ours.read_end = WEIR_E_REKEY;
        job->peer.alert = SSL_AD_INTERNAL_ERROR;
    }
}

static void one(const struct scene *scene, const struct tls_suite *suite, bool server, size_t place)
{
    char name[200];
    struct job job = {scene->ours, scene->peer};
    if (scene->version != 0 && scene->version != suite->version) {
        return;
    }
    if (scene->ours.pause_at > 0 && places[place].rx != IN_KERNEL) {
        return;
    }
    if (scene->peer.tickets > 0) {
        server = false; /* only servers have tickets */
    }
    job.ours.suite = suite;
    job.ours.server = server;
    job.ours.place[WEIR_TX] = places[place].tx;
    job.ours.place[WEIR_RX] = places[place].rx;
    job.ours.policy = WEIR_POLICY_ALL;
    adapt(&job, scene);
    snprintf(name, sizeof name, "%s, %s, %s, %s", scene->name, suite->name,
             server ? "server" : "client", places[place].name);
    check_case(name, play, &job, 40);
}

/* 100 MB through the kernel, one way; the other way 64 KiB. */
static void bulk(const struct tls_suite *suite, bool sending, bool splice)
{
    char name[200];
    struct job job = {.ours = {.suite = suite,
                               .server = sending,
                               .send = sending ? 100 * MB : 64 * KIB,
                               .expect = sending ? 64 * KIB : 100 * MB,
                               .how_send = splice ? SEND_SPLICE : SEND_FILE,
                               .how_read = splice ? READ_SPLICE : READ_COPY,
                               .chunk = 8 << 20,
                               .place = {IN_KERNEL, IN_KERNEL},
                               .policy = WEIR_POLICY_ALL}};
    snprintf(name, sizeof name, "100 MB %s, %s", suite->name,
             sending ? (splice ? "spliced" : "sendfile") : "received");
    check_case(name, play, &job, 120);
}

/* TLS 1.3 under each policy: what the kernel is not given because the peer could change the key. */
static void policies(void)
{
    bool rekey = (end_features & WEIR_LINUX_KTLS_REKEY) != 0;
    weir_refusal_code no = rekey ? WEIR_REFUSAL_NONE : WEIR_REFUSAL_NO_REKEY;
    const struct {
        const char *name;
        weir_policy policy;
        weir_refusal_code tx, rx;
    } rows[] = {{"the default policy", WEIR_POLICY_DEFAULT, WEIR_REFUSAL_NONE, no},
                {"the strict policy", WEIR_POLICY_STRICT, no, no}};
    for (size_t i = 0; i < 2; i++) {
        struct job job = {.ours = {.suite = &tls_suites[3],
                                   .send = 200000,
                                   .expect = 500000,
                                   .place = {IN_KERNEL, IN_KERNEL},
                                   .policy = rows[i].policy,
                                   .refused = {rows[i].tx, rows[i].rx}},
                          .peer = {.updates = 5}};
        check_case(rows[i].name, play, &job, 40);
    }
}

/* KeyUpdates both ways at once, on a kernel that can change the key of a direction it has. */
static void rekey(const void *arg)
{
    const struct job job = {.ours = {.suite = arg,
                                     .send = 1 * MB,
                                     .expect = 1 * MB,
                                     .updates = 7,
                                     .end_last = true,
                                     .place = {IN_KERNEL, IN_KERNEL},
                                     .policy = WEIR_POLICY_STRICT},
                            .peer = {.updates = 5, .expect_updates = 7}};
    if ((end_features & WEIR_LINUX_KTLS_REKEY) == 0) {
        check_skip("this kernel cannot change a key (before 6.14); WEIR_TEST_KERNEL names another");
    }
    play(&job);
}

int main(int argc, char **argv)
{
    check_only(argc > 1 ? argv[1] : NULL);
    end_probe();
    tls_certificate();
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        for (size_t j = 0; j < TLS_SUITES; j++) {
            for (size_t k = 0; k < 3; k++) {
                if (scenes[i].wide && k == 0) {
                    one(&scenes[i], &tls_suites[j], false, k);
                    one(&scenes[i], &tls_suites[j], true, k);
                } else if (j == 0 || j == 4) {
                    one(&scenes[i], &tls_suites[j], (i + k) % 2 == 0, k);
                }
            }
        }
    }
    policies();
    for (size_t i = 3; i < TLS_SUITES; i++) {
        char name[100];
        snprintf(name, sizeof name, "keys change in the kernel, %s", tls_suites[i].name);
        check_case(name, rekey, &tls_suites[i], 40);
    }
    for (int sending = 0; sending < 2; sending++) {
        bulk(&tls_suites[0], sending, false);
        bulk(&tls_suites[3], sending, true);
    }
    return check_result();
}
