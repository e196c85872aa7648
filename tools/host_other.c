/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A system whose kernel has no TLS that weir knows.
 */
#include "host.h"
#include "probe.h"

#include <errno.h>

int host_system_ask(enum host_kind kind, const char *key, FILE *out)
{
    return host_posix_ask(kind, key, out);
}

int kernel_tls_attach(int fd)
{
    (void)fd;
    return ENOPROTOOPT;
}

int kernel_tls_key(int fd, enum probe_dir dir, const struct probe_suite *suite,
                   const struct probe_key *key, const char **where)
{
    (void)fd, (void)dir, (void)suite, (void)key, (void)where;
    return ENOPROTOOPT;
}

int kernel_tls_option(int fd, const char *name)
{
    (void)fd, (void)name;
    return ENOPROTOOPT;
}

int kernel_tls_type(struct msghdr *message)
{
    (void)message;
    return -1;
}
