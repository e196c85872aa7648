/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux's sendfile(2) and splice(2) raise SIGPIPE where the peer has gone, and know no
 * MSG_NOSIGNAL. A peer must not be able to end a program that has heard of no signal from any other
 * call here.
 */
#include "conn.h"

#include <errno.h>

#if defined(__linux__)

#include <time.h>

static sigset_t only_sigpipe(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    return set;
}

struct io_quiet io_quiet_begin(void)
{
    struct io_quiet quiet = {.holds = false};
    const sigset_t set = only_sigpipe();
    sigset_t pending;
    if (pthread_sigmask(SIG_BLOCK, &set, &quiet.before) != 0) {
        return quiet;
    }
    quiet.blocked = sigismember(&quiet.before, SIGPIPE) == 1;
    /* One that waits already is the application's; where it blocks none, none waits. */
    quiet.holds =
        !quiet.blocked || (sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 0);
    return quiet;
}

void io_quiet_end(const struct io_quiet *quiet, bool broken)
{
    const sigset_t set = only_sigpipe();
    const struct timespec at_once = {0};
    int error = errno;
    while (quiet->holds && broken && sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR) {
    }
    if (quiet->holds && !quiet->blocked) {
        (void)pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
    }
    errno = error;
}

#else

struct io_quiet io_quiet_begin(void)
{
    return (struct io_quiet){.holds = false}; /* weir_conn_new sets SO_NOSIGPIPE */
}

void io_quiet_end(const struct io_quiet *quiet, bool broken)
{
    (void)quiet;
    (void)broken;
}

#endif
