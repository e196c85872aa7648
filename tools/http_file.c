/* SPDX-License-Identifier: BSD-2-Clause */
#include "http_file.h"

#include "http_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__) && __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

/* A FIFO must not stop the server, nor a terminal become its own. */
#define FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

int http_root_open(const char *directory)
{
    return open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int http_file_walk(int root, const char *name, int *fd)
{
    int at = root;
    for (;;) {
        size_t len = strcspn(name, "/");
        char part[HTTP_PATH_MAX];
        if (len >= sizeof part) {
            return ENAMETOOLONG;
        }
        memcpy(part, name, len);
        part[len] = '\0';
        /* One name at a time, and never through a link: nothing leads upwards. */
        int flags = FLAGS | O_NOFOLLOW | (name[len] == '/' ? O_DIRECTORY : 0);
        bool up = strcmp(part, "..") == 0;
        int next = up ? -1 : openat(at, len == 0 ? "." : part, flags);
        int error = up ? ENOENT : errno;
        if (at != root) {
            (void)close(at);
        }
        if (next < 0) {
            return error == EMLINK ? ELOOP : error; /* FreeBSD's word for a link */
        }
        at = next;
        if (name[len] == '\0') {
            *fd = at;
            return 0;
        }
        name += len + 1;
    }
}

#if defined(SYS_openat2)
static int open_beneath(int root, const char *name, int *fd)
{
    struct open_how how;
    memset(&how, 0, sizeof how);
    how.flags = FLAGS;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    /* EAGAIN: something was renamed on the way, and the kernel cannot vouch for the result. */
    for (int tries = 0; tries < 8; tries++) {
        long answer = syscall(SYS_openat2, root, name, &how, sizeof how);
        if (answer >= 0) {
            *fd = (int)answer;
            return 0;
        }
        if (errno != EAGAIN && errno != EINTR) {
            break;
        }
    }
    /* Old kernels do not have it, and some sandboxes forbid it. */
    return errno == ENOSYS || errno == EPERM ? http_file_walk(root, name, fd) : errno;
}
#elif defined(O_RESOLVE_BENEATH)
static int open_beneath(int root, const char *name, int *fd)
{
    *fd = openat(root, name, FLAGS | O_RESOLVE_BENEATH);
    return *fd >= 0 ? 0 : errno;
}
#else
static int open_beneath(int root, const char *name, int *fd)
{
    return http_file_walk(root, name, fd);
}
#endif

int http_file_open(int root, const char *name, struct http_file *file)
{
    int error = open_beneath(root, name[0] == '\0' ? "." : name, &file->fd);
    if (error != 0) {
        return error;
    }
    if (fstat(file->fd, &file->st) != 0) {
        error = errno;
    } else if (!S_ISREG(file->st.st_mode) && !S_ISDIR(file->st.st_mode)) {
        error = ENOENT;
    }
    if (error != 0) {
        (void)close(file->fd);
        file->fd = -1;
    }
    return error;
}
