/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every POSIX system answers in the same way, and how a program is run.
 */
#include "host.h"

/* FreeBSD's net/if.h wants these first. */
#include <sys/socket.h>
#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERRNO_LIST(X)                                                                              \
    X(EPERM)                                                                                       \
    X(ENOENT)                                                                                      \
    X(EIO)                                                                                         \
    X(ENXIO)                                                                                       \
    X(ENOMEM)                                                                                      \
    X(EACCES)                                                                                      \
    X(EFAULT)                                                                                      \
    X(EBUSY)                                                                                       \
    X(EEXIST)                                                                                      \
    X(ENODEV)                                                                                      \
    X(ENOTDIR)                                                                                     \
    X(EISDIR)                                                                                      \
    X(EINVAL)                                                                                      \
    X(EMFILE)                                                                                      \
    X(EFBIG)                                                                                       \
    X(EPIPE)                                                                                       \
    X(EAGAIN)                                                                                      \
    X(EALREADY)                                                                                    \
    X(EMSGSIZE)                                                                                    \
    X(ENOPROTOOPT)                                                                                 \
    X(EPROTONOSUPPORT)                                                                             \
    X(EOPNOTSUPP)                                                                                  \
    X(EAFNOSUPPORT)                                                                                \
    X(EADDRNOTAVAIL)                                                                               \
    X(ENETUNREACH)                                                                                 \
    X(EHOSTUNREACH)                                                                                \
    X(ECONNABORTED)                                                                                \
    X(ECONNREFUSED)                                                                                \
    X(ECONNRESET)                                                                                  \
    X(ENOBUFS)                                                                                     \
    X(ENOTCONN)                                                                                    \
    X(ETIMEDOUT)                                                                                   \
    X(EBADMSG)                                                                                     \
    X(ENOSYS)

static const struct named {
    const char *name;
    int error;
} names[] = {
#define X(name) {#name, name},
    ERRNO_LIST(X)
#undef X
};
enum { NAME_COUNT = sizeof names / sizeof names[0] };
static const char other_errno[] = "EOTHER";

const char *errno_name(int error)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (names[i].error == error) {
            return names[i].name;
        }
    }
    return other_errno;
}

const char *errno_named(const char *name)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (strcmp(names[i].name, name) == 0) {
            return names[i].name;
        }
    }
    return strcmp(name, other_errno) == 0 ? other_errno : NULL;
}

static int read_file(const char *path, FILE *out)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return errno;
    }
    char piece[4096];
    size_t total = 0;
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0 && total < 65536;) {
        (void)fwrite(piece, 1, got, out);
        total += got;
    }
    int error = ferror(file) != 0 ? EIO : 0;
    (void)fclose(file);
    return error;
}

static int interfaces(FILE *out)
{
    struct if_nameindex *list = if_nameindex();
    if (list == NULL) {
        return errno;
    }
    for (const struct if_nameindex *one = list; one->if_index != 0 && one->if_name != NULL; one++) {
        (void)fprintf(out, "%s%s", one == list ? "" : " ", one->if_name);
    }
    if_freenameindex(list);
    return 0;
}

int host_posix_ask(enum host_kind kind, const char *key, FILE *out)
{
    struct utsname name;
    if (kind == HOST_UNAME) {
        if (uname(&name) < 0) {
            return errno;
        }
        (void)fprintf(out, "%s %s %s", name.sysname, name.release, name.machine);
        return 0;
    }
    if (kind == HOST_USER) {
        (void)fprintf(out, "%s", geteuid() == 0 ? "root" : "user");
        return 0;
    }
    if (kind == HOST_INTERFACES) {
        return interfaces(out);
    }
    return kind == HOST_FILE ? read_file(key, out) : ENOENT;
}

extern char **environ;

int command_run(const struct command *command, struct fault *fault)
{
    char *argv[COMMAND_WORDS + 1] = {NULL};
    char words[COMMAND_WORDS][128];
    for (size_t i = 0; i < COMMAND_WORDS && command->words[i] != NULL; i++) {
        (void)snprintf(words[i], sizeof words[i], "%s", command->words[i]);
        argv[i] = words[i];
    }
    (void)fflush(stdout);
    if (argv[0] == NULL) {
        FAULT(fault, "no command");
        return -1;
    }
    pid_t child = 0;
    /* SIGPIPE is ignored here, which a program would inherit. */
    posix_spawnattr_t attributes;
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGPIPE);
    int error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        FAULT(fault, "cannot run %s: %s", argv[0], strerror(error));
        return -1;
    }
    (void)posix_spawnattr_setsigdefault(&attributes, &signals);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    error = posix_spawnp(&child, argv[0], NULL, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        FAULT(fault, "cannot run %s: %s", argv[0], strerror(error));
        return -1;
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            FAULT(fault, "cannot wait for %s: %s", argv[0], strerror(errno));
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
