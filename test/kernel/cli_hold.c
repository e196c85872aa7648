/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a command while a connection has its keys in the kernel:  cli-hold COMMAND [ARGUMENT]…
 */
#include "raw.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int fd[2], status = 0;
    if (argc < 2) {
        return 2;
    }
    raw_tls_pair(fd, &raw_suites[0]);
    pid_t child = fork();
    if (child == 0) {
        (void)execv(argv[1], argv + 1);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("cli-hold");
        return 2;
    }
    (void)close(fd[0]);
    (void)close(fd[1]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
