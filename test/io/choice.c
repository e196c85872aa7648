/* SPDX-License-Identifier: BSD-2-Clause */
/* The choice of backends at run time: what a host has, lists by name, dry runs. */
#include "below.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/posix_backends.h>

static struct weir_posix_host host;
static struct weir_posix_list list;

static struct weir_refusal no_ktls(void)
{
    return (struct weir_refusal){
        .code = WEIR_REFUSAL_NO_KTLS, .layer = WEIR_LAYER_OS, .os_error = ENOENT};
}

/* A host with one of the two kernels, or none. */
static void host_is(bool linux_ktls, bool mlx5)
{
    memset(&host, 0, sizeof host);
    weir_linux_ktls_init(&host.linux_ktls, 0);
    weir_mlx5_ktls_init(&host.mlx5_kmod, 15, 0, WEIR_CARRIER_NIC);
    if (!linux_ktls) {
        host.linux_ktls_why = no_ktls();
    }
    if (!mlx5) {
        host.mlx5_kmod_why = (struct weir_refusal){.code = WEIR_REFUSAL_NOT_THIS_OS};
    }
}

/* "m", "l", "s": which backends are in the list, in their order; in capitals: they refuse. */
static void expect_list(const char *names, weir_status status, const char *letters)
{
    const struct weir_backend *soft[] = {null_backend()};
    cr_assert_eq(weir_posix_list_fill(&list, names, &host, soft, 1), status);
    cr_assert_eq(list.count, strlen(letters), "%s", names);
    for (size_t i = 0; i < list.count; i++) {
        const struct weir_backend *b = list.backends[i];
        char is = b == &host.mlx5_kmod.backend        ? 'm'
                  : b == &host.linux_ktls.backend     ? 'l'
                  : b == null_backend()               ? 's'
                  : strcmp(b->name, "mlx5-kmod") == 0 ? 'M'
                                                      : 'L';
        cr_assert_eq(is, letters[i], "place %zu of %s: %c", i, names, is);
    }
}

Test(choice, lists_by_name)
{
    (void)unsetenv("WEIR_BACKEND");
    host_is(true, false);
    expect_list(NULL, WEIR_OK, "Mls");
    expect_list("auto", WEIR_OK, "Mls");
    expect_list("soft", WEIR_OK, "s");
    expect_list("soft,linux-ktls", WEIR_OK, "sl");
    expect_list("linux-ktls,soft", WEIR_OK, "ls");
    host_is(false, true);
    expect_list("auto", WEIR_OK, "mLs");
    expect_list("linux-ktls,mlx5-kmod,soft", WEIR_OK, "Lms");
    host_is(false, false);
    expect_list("auto,soft", WEIR_OK, "MLss");
    (void)setenv("WEIR_BACKEND", "soft,mlx5-kmod", 1);
    expect_list(NULL, WEIR_OK, "sM");
    expect_list("linux-ktls", WEIR_OK, "L");
    (void)setenv("WEIR_BACKEND", "", 1);
    expect_list(NULL, WEIR_OK, "MLs");

    static const char *const bad[] = {"",      "softy",      "sof",  "soft,",
                                      ",soft", "soft,,soft", "SOFT", "soft linux-ktls"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct weir_backend *soft[] = {null_backend()};
        cr_assert_eq(weir_posix_list_fill(&list, bad[i], &host, soft, 1), WEIR_REFUSED, "%s",
                     bad[i]);
        cr_assert(list.unknown >= bad[i] && list.unknown <= bad[i] + strlen(bad[i]));
    }
    cr_assert_eq(weir_posix_list_fill(&list, "soft,linux,auto", &host, NULL, 0), WEIR_REFUSED);
    cr_assert(list.unknown_len == 5 && memcmp(list.unknown, "linux", 5) == 0);
    char many[8 * WEIR_POSIX_BACKENDS] = "soft";
    for (size_t i = 1; i < WEIR_POSIX_BACKENDS; i++) {
        (void)strcat(many, ",soft");
    }
    const struct weir_backend *soft[] = {null_backend()};
    cr_assert_eq(weir_posix_list_fill(&list, many, &host, soft, 1), WEIR_OK);
    cr_assert_eq(list.count, WEIR_POSIX_BACKENDS);
    (void)strcat(many, ",soft");
    cr_assert_eq(weir_posix_list_fill(&list, many, &host, soft, 1), WEIR_E_MISUSE);
}

/* One that is not there leaves its reason, whole, and the connection goes by the next. */
Test(choice, what_is_not_there_refuses)
{
    const struct weir_backend *soft[] = {null_backend()};
    host_is(false, false);
    cr_assert_eq(weir_posix_list_fill(&list, "auto", &host, soft, 1), WEIR_OK);
    for (int i = 0; i < 2; i++) {
        end_options[i] =
            (struct end_options){.backends = list.backends, .backend_count = list.count};
    }
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    for (int dir = 0; dir < 2; dir++) {
        struct weir_conn_path path = weir_conn_path(pair->client.conn, (enum weir_dir)dir);
        cr_assert_eq(path.backend, null_backend());
        cr_assert_eq(path.refusal_count, 2);
        cr_assert_eq(path.refusals[0].code, WEIR_REFUSAL_NOT_THIS_OS);
        struct weir_refusal why = no_ktls();
        cr_assert_eq(path.refusals[1].code, why.code);
        cr_assert_eq(path.refusals[1].layer, why.layer);
        cr_assert_eq(path.refusals[1].os_error, why.os_error);
        cr_assert_eq(path.refusals[1].detail, why.detail);
        cr_assert_eq(path.refusals[1].transient, why.transient);
    }
    pair_free(pair);
}

static unsigned asked;

/* A Linux kernel that takes everything that is asked of its TLS. */
static int takes_all(int fd, int level, int name, const void *value, unsigned len)
{
    if ((level == 6 && name == 31) || level == 282) {
        asked++;
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        cr_assert_eq(getpeername(fd, (struct sockaddr *)(void *)&peer, &size), 0, "connected");
        cr_assert_eq(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
        return 0;
    }
    return really_setsockopt(fd, level, name, value, len);
}

static int takes_none(int fd, int level, int name, const void *value, unsigned len)
{
    if (level == 6 && name == 31) {
        asked++;
        errno = ENOENT;
        return -1;
    }
    return really_setsockopt(fd, level, name, value, len);
}

/* The next descriptor: none is left open. */
static int next_fd(void)
{
    int fd = dup(0);
    (void)close(fd);
    return fd;
}

#ifdef __linux__
Test(choice, the_probe)
{
    int fd = next_fd();
    hooks.setsockopt = takes_all;
    weir_posix_host_probe(&host);
    cr_assert_gt(asked, 2);
    cr_assert_eq(host.linux_ktls_why.code, WEIR_REFUSAL_NONE);
    cr_assert_eq(host.mlx5_kmod_why.code, WEIR_REFUSAL_NOT_THIS_OS);
    cr_assert(host.linux_ktls_found & WEIR_LINUX_KTLS_REKEY);
    cr_assert(host.linux_ktls_found & WEIR_LINUX_KTLS_TX);
    cr_assert_eq(host.linux_ktls.features, host.linux_ktls_found & WEIR_LINUX_KTLS_SAFE);
    cr_assert(host.linux_ktls.backend.rekey != NULL);
    cr_assert_eq(next_fd(), fd);

    hooks.setsockopt = takes_none;
    weir_posix_host_probe(&host);
    cr_assert_eq(host.linux_ktls_why.code, WEIR_REFUSAL_NO_KTLS);
    cr_assert_eq(host.linux_ktls_why.os_error, ENOENT);
    cr_assert_eq(host.linux_ktls_found, 0);
    cr_assert_eq(next_fd(), fd);
    hooks = (struct syscall_hooks){0};
}
#endif

Test(choice, a_dry_run)
{
    static struct below_backend first, second;
    static const struct weir_backend *backends[3];
    struct weir_posix_outcome outcome[2];
    int fd = next_fd();
    below_reset();
    below_backend_init(&first, BELOW_REKEY);
    below_backend_init(&second, 0);
    backends[0] = &first.backend;
    backends[1] = &second.backend;
    backends[2] = null_backend();
    struct weir_conn_config config = {.fd = -1, .backends = backends, .backend_count = 3};

    /* The first fails at its second command, for sending; receiving it takes. */
    below_plan.fail_at = 2;
    below_plan.fail_with = ENOMEM;
    cr_assert_eq(weir_posix_dry_run(&config, WEIR_TLS13, WEIR_TLS_AES_256_GCM_SHA384, outcome),
                 WEIR_OK);
    cr_assert_eq(outcome[WEIR_TX].backend, &second.backend);
    cr_assert_eq(outcome[WEIR_TX].refusal_count, 1);
    cr_assert_eq(outcome[WEIR_TX].refusals[0].os_error, ENOMEM);
    cr_assert_eq(outcome[WEIR_TX].carrier, WEIR_CARRIER_KERNEL);
    cr_assert_eq(outcome[WEIR_RX].backend, &first.backend);
    cr_assert_eq(outcome[WEIR_RX].refusal_count, 0);
    cr_assert_eq(next_fd(), fd);

    /* The same list as a connection of that kind gets. */
    below_reset();
    below_backend_init(&first, 0);
    cr_assert_eq(weir_posix_dry_run(&config, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256, outcome),
                 WEIR_OK);
    below_reset(); /* it does not see descriptors closed */
    for (int i = 0; i < 2; i++) {
        end_options[i] = (struct end_options){.backends = backends, .backend_count = 3};
    }
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    for (int dir = 0; dir < 2; dir++) {
        struct weir_conn_path path = weir_conn_path(pair->client.conn, (enum weir_dir)dir);
        cr_assert_eq(path.backend, outcome[dir].backend);
        cr_assert_eq(path.refusal_count, outcome[dir].refusal_count);
        cr_assert_eq(memcmp(path.refusals, outcome[dir].refusals,
                            path.refusal_count * sizeof path.refusals[0]),
                     0);
    }
    cr_assert_eq(outcome[WEIR_RX].backend, null_backend());
    cr_assert_eq(outcome[WEIR_RX].refusals[1].code, WEIR_REFUSAL_NO_REKEY);
    cr_assert_eq(outcome[WEIR_RX].carrier, WEIR_CARRIER_SOFTWARE);
    pair_free(pair);

    cr_assert_eq(weir_posix_dry_run(&config, WEIR_TLS12, WEIR_TLS_AES_128_GCM_SHA256, outcome),
                 WEIR_E_MISUSE);
    cr_assert_eq(weir_posix_dry_run(&config, WEIR_TLS13, 0x1234, outcome), WEIR_E_MISUSE);
    config.backend_count = 2; /* nothing to begin on */
    cr_assert_eq(weir_posix_dry_run(&config, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256, outcome),
                 WEIR_OK);
    for (int dir = 0; dir < 2; dir++) {
        cr_assert_null(outcome[dir].backend);
        cr_assert_eq(outcome[dir].refusal_count, 2);
        cr_assert_eq(outcome[dir].refusals[1].code, WEIR_REFUSAL_FORM);
    }
    config.backend_count = 0;
    cr_assert_eq(weir_posix_dry_run(&config, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256, outcome),
                 WEIR_E_MISUSE);
    cr_assert_eq(next_fd(), fd);
}
