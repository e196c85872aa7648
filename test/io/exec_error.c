/* SPDX-License-Identifier: BSD-2-Clause */
/* What a socket has to tell besides the bytes that it gives: got when it is asked for. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/posix_exec.h>

/* Connected over the loopback. */
static void two(int fd[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(listener, (const struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd[0], (const struct sockaddr *)&address, len), 0);
    fd[1] = accept(listener, NULL, NULL);
    cr_assert(fd[1] >= 0);
    (void)close(listener);
}

Test(exec_error, is_got_behind_the_bytes)
{
    struct weir_stream_op op = {.len = 5};
    uint8_t buf[8];
    struct weir_stream_done done;
    int fd[2];

    two(fd);
    cr_assert_eq(send(fd[1], "hello", 5, 0), 5);
    struct pollfd ready = {.fd = fd[0], .events = POLLIN};
    cr_assert_eq(poll(&ready, 1, 5000), 1);
    op.ask_error = true;
    done = weir_posix_receive(fd[0], &op, buf, sizeof buf);
    cr_assert(done.os_error == 0 && done.len == 5 && done.pending_error == 0);

    /* Bytes and a reset wait together: whoever does not ask is told at the next call. */
    for (int ask = 0; ask <= 1; ask++) {
        const struct linger reset = {.l_onoff = 1, .l_linger = 0};

        if (ask == 1)
            two(fd);
        cr_assert_eq(send(fd[1], "hello", 5, 0), 5);
        ready.fd = fd[0];
        cr_assert_eq(poll(&ready, 1, 5000), 1);
        cr_assert_eq(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        (void)close(fd[1]);
        ready.events = 0; /* POLLERR and POLLHUP come unasked */
        cr_assert_eq(poll(&ready, 1, 5000), 1);
        ready.events = POLLIN;
        op.ask_error = ask == 1;
        done = weir_posix_receive(fd[0], &op, buf, sizeof buf);
        cr_assert_eq(done.os_error, 0);
        cr_assert_eq(done.len, 5);
        cr_assert_eq(done.pending_error, ask == 1 ? ECONNRESET : 0);
        done = weir_posix_receive(fd[0], &op, buf, sizeof buf);
        cr_assert_eq(done.os_error, ask == 1 ? 0 : ECONNRESET);
        cr_assert_eq(done.len, 0);
        (void)close(fd[0]);
    }
}
