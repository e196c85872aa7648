/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which kernel backends this host has, and lists of backends by name.
 */
#include "weir/posix_backends.h"

#include "loopback.h"
#include "weir/posix_exec.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__)
#define ON_LINUX true
#else
#define ON_LINUX false
#endif
#if defined(__FreeBSD__)
#include <sys/sysctl.h>
#include <sys/types.h>
#define ON_FREEBSD true
#else
#define ON_FREEBSD false
#endif

/* Which of the backends of kernels it is; also their order of preference. */
enum kernel { MLX5_KMOD, LINUX_KTLS, KERNELS };

static const char *const kernel_names[KERNELS] = {"mlx5-kmod", "linux-ktls"};

/* ---- what this host has ---- */

/* A probe has at most a dozen commands; more than these would be one that never ends. */
enum { MOST_COMMANDS = 64 };

static struct weir_refusal refusal(weir_refusal_code code, weir_layer layer, int error)
{
    return (struct weir_refusal){.code = code, .layer = layer, .os_error = error};
}

static struct weir_refusal probe_linux(const int ends[2], uint32_t *found)
{
    struct weir_linux_ktls_probe probe;
    struct weir_refusal why = refusal(WEIR_REFUSAL_OS, WEIR_LAYER_OS, 0);
    const struct weir_cmd *cmd = NULL;
    unsigned end = 0;
    weir_linux_ktls_probe_init(&probe);
    for (int i = 0;
         i < MOST_COMMANDS && (cmd = weir_linux_ktls_probe_command(&probe, &end)) != NULL; i++) {
        struct weir_done done = weir_posix_command(ends[end & 1], cmd);
        weir_linux_ktls_probe_complete(&probe, &done);
    }
    weir_status status = weir_linux_ktls_probe_result(&probe, found, &why);
    return status == WEIR_OK ? refusal(WEIR_REFUSAL_NONE, WEIR_LAYER_CORE, 0) : why;
}

static struct weir_refusal probe_mlx5(const int ends[2], uint32_t *found)
{
    struct weir_mlx5_ktls_probe probe;
    struct weir_refusal why = refusal(WEIR_REFUSAL_OS, WEIR_LAYER_OS, 0);
    const struct weir_cmd *cmd = NULL;
    uint32_t modes = 0;
    unsigned end = 0;
    weir_mlx5_ktls_probe_init(&probe);
    for (int i = 0; i < MOST_COMMANDS && (cmd = weir_mlx5_ktls_probe_command(&probe, &end)) != NULL;
         i++) {
        struct weir_done done = weir_posix_command(ends[end & 1], cmd);
        weir_mlx5_ktls_probe_complete(&probe, &done);
    }
    weir_status status = weir_mlx5_ktls_probe_result(&probe, found, &modes, &why);
    return status == WEIR_OK ? refusal(WEIR_REFUSAL_NONE, WEIR_LAYER_CORE, 0) : why;
}

/* What the release can do, beside what the probe has tried; and the most it puts in a record. */
static uint32_t ask_release(uint16_t *most_record)
{
    *most_record = 0;
#if defined(__FreeBSD__)
    unsigned most = 0;
    size_t len = sizeof most;
    if (sysctlbyname("kern.ipc.tls.maxlen", &most, &len, NULL, 0) == 0 &&
        most <= WEIR_MAX_PLAINTEXT) {
        *most_record = (uint16_t)most;
    }
    int release = getosreldate();
    return release > 0 ? weir_mlx5_ktls_of_release((uint32_t)release) : 0;
#else
    return 0;
#endif
}

void weir_posix_host_probe(struct weir_posix_host *host)
{
    int ends[2] = {-1, -1};
    uint32_t found = 0;
    uint16_t most_record = 0;
    memset(host, 0, sizeof *host);
    host->linux_ktls_why = host->mlx5_kmod_why =
        refusal(WEIR_REFUSAL_NOT_THIS_OS, WEIR_LAYER_BACKEND, 0);
    if (ON_LINUX || ON_FREEBSD) {
        struct weir_refusal *why = ON_LINUX ? &host->linux_ktls_why : &host->mlx5_kmod_why;
        int error = io_loopback(ends);
        if (error != 0) {
            *why = refusal(WEIR_REFUSAL_SOCKET, WEIR_LAYER_OS, error);
        } else {
            *why = ON_LINUX ? probe_linux(ends, &host->linux_ktls_found) : probe_mlx5(ends, &found);
            (void)close(ends[0]);
            (void)close(ends[1]);
        }
    }
    weir_linux_ktls_init(&host->linux_ktls, host->linux_ktls_found & WEIR_LINUX_KTLS_SAFE);
    found |= ask_release(&most_record);
    /* Which of the two carries it is left to FreeBSD: asking for the interface would also ask for
     * TLS 1.2 AES-GCM there, which needs a setting of the host to be safe. */
    weir_mlx5_ktls_init(&host->mlx5_kmod, found, most_record, WEIR_CARRIER_BELOW);
}

/* ---- backends that are not there ---- */

static bool absent_supports(const struct weir_backend *self, const struct weir_keys *keys,
                            enum weir_dir dir, struct weir_refusal *why)
{
    (void)keys;
    (void)dir;
    *why = ((const struct weir_posix_absent *)(const void *)self)->why;
    return false;
}

static weir_status absent_attach(const struct weir_backend *self, void *ctx,
                                 const struct weir_attach *what, struct weir_refusal *why)
{
    (void)ctx;
    (void)absent_supports(self, what->keys, what->dir, why);
    return WEIR_REFUSED;
}

static void absent_detach(const struct weir_backend *self, void *ctx)
{
    (void)self;
    (void)ctx;
}

static weir_status absent_crypt(const struct weir_backend *self, void *ctx,
                                const struct weir_aead_op *op)
{
    (void)self;
    (void)ctx;
    (void)op;
    return WEIR_E_BACKEND;
}

void weir_posix_absent_init(struct weir_posix_absent *absent, const char *name,
                            const struct weir_refusal *why)
{
    absent->backend = (struct weir_backend){
        .abi = WEIR_BACKEND_ABI,
        .form = WEIR_FORM_RECORD,
        .name = name,
        .ctx_align = 1,
        .supports = absent_supports,
        .attach = absent_attach,
        .detach = absent_detach,
        .seal = absent_crypt,
        .open = absent_crypt,
    };
    absent->why = *why;
}

/* ---- lists ---- */

static weir_status add(struct weir_posix_list *list, const struct weir_backend *backend)
{
    if (list->count == WEIR_POSIX_BACKENDS) {
        return WEIR_E_MISUSE;
    }
    list->backends[list->count++] = backend;
    return WEIR_OK;
}

static weir_status add_kernel(struct weir_posix_list *list, enum kernel which,
                              const struct weir_posix_host *host)
{
    bool mlx5 = which == MLX5_KMOD;
    const struct weir_refusal *why = mlx5 ? &host->mlx5_kmod_why : &host->linux_ktls_why;
    if (why->code == WEIR_REFUSAL_NONE) {
        return add(list, mlx5 ? &host->mlx5_kmod.backend : &host->linux_ktls.backend);
    }
    weir_posix_absent_init(&list->absent[which], kernel_names[which], why);
    return add(list, &list->absent[which].backend);
}

static weir_status add_soft(struct weir_posix_list *list, const struct weir_backend *const *soft,
                            size_t count)
{
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < count && status == WEIR_OK; i++) {
        status = add(list, soft[i]);
    }
    return status;
}

static bool same(const char *name, size_t len, const char *known)
{
    return strlen(known) == len && memcmp(name, known, len) == 0;
}

static weir_status add_name(struct weir_posix_list *list, const char *name, size_t len,
                            const struct weir_posix_host *host,
                            const struct weir_backend *const *soft, size_t soft_count)
{
    bool all = same(name, len, "auto"), known = all;
    weir_status status = WEIR_OK;
    for (int i = 0; i < KERNELS && status == WEIR_OK; i++) {
        if (all || same(name, len, kernel_names[i])) {
            status = add_kernel(list, (enum kernel)i, host);
            known = true;
        }
    }
    if (status == WEIR_OK && (all || same(name, len, "soft"))) {
        status = add_soft(list, soft, soft_count);
        known = true;
    }
    if (!known) {
        list->unknown = name;
        list->unknown_len = len;
        return WEIR_REFUSED;
    }
    return status;
}

weir_status weir_posix_list_fill(struct weir_posix_list *list, const char *names,
                                 const struct weir_posix_host *host,
                                 const struct weir_backend *const *soft, size_t soft_count)
{
    memset(list, 0, sizeof *list);
    if (names == NULL) {
        names = getenv("WEIR_BACKEND");
        names = names == NULL || names[0] == '\0' ? "auto" : names;
    }
    for (;;) {
        size_t len = strcspn(names, ",");
        weir_status status = add_name(list, names, len, host, soft, soft_count);
        if (status != WEIR_OK || names[len] == '\0') {
            return status;
        }
        names += len + 1;
    }
}
