/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A large file through Linux's kernel TLS: weir_conn_sendfile against OpenSSL's own SSL_sendfile.
 * Needs a kernel that has it; where the machine's does not, run it in a guest:
 *
 *     scripts/test-vm --seconds 600 build-bench-ktls/bench/ktls [MIB [ROUNDS]]
 *
 * Both senders have a non-blocking socket of the same kind; the receiver makes the handshake and
 * then throws the records away unread, so that it costs little. They take turns within a round, and
 * begin in turns. The system calls are counted in runs of their own, by ptrace. Ends with 0 when
 * weir makes no more of them, but for two beside each sendfile(2) that keep a SIGPIPE from the
 * program, moves no byte of the file through its own memory, and has at least 0.95 of the
 * throughput (median of the rounds).
 */
#include "check.h"
#include "end.h"
#include "raw.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ROUNDS = 99, MARK = SYS_getppid };

static const struct tls_suite *suite = &tls_suites[3];
static int file;
static size_t size;

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What is counted lies between two of these. */
static void mark(void)
{
    (void)syscall(MARK);
}

static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    CHECK(poll(&p, 1, -1) == 1);
}

static void drain(void *arg)
{
    static char buf[1 << 18];
    int fd = *(int *)arg;
    SSL_CTX *ctx = tls_context(suite, false);
    SSL *ssl = SSL_new(ctx);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1) {
        tls_fail("SSL_connect");
    }
    size_t got = 0;
    for (ssize_t n = 1; n > 0; got += n > 0 ? (size_t)n : 0) {
        n = recv(fd, buf, sizeof buf, MSG_TRUNC);
    }
    CHECK(got > size);
}

/* Both answer when the handshake was over. */
static double by_weir(int fd, SSL *ssl)
{
    struct weir_soft soft;
    struct weir_linux_ktls ktls;
    struct weir_refusal why;
    CHECK(weir_soft_init(&soft, &weir_aead_openssl, &why) == WEIR_OK);
    weir_linux_ktls_init(&ktls, end_features & WEIR_LINUX_KTLS_SAFE);
    const struct weir_backend *backends[] = {&ktls.backend, &soft.backend};
    struct weir_conn_config config = {.fd = fd,
                                      .handshake = weir_openssl_handshake(ssl, &why),
                                      .backends = backends,
                                      .backend_count = 2};
    struct weir_conn *conn = weir_conn_new(&config);
    CHECK(conn != NULL);
    weir_status status;
    while ((status = weir_conn_handshake(conn)) != WEIR_OK) {
        CHECK(status > 0 && status != WEIR_REFUSED);
        wait_for(fd, weir_conn_events(conn));
    }
    CHECK(weir_conn_path(conn, WEIR_TX).backend == &ktls.backend);
    double begin = now();
    mark();
    for (uint64_t at = 0; at < size;) {
        status = weir_conn_sendfile(conn, file, &at, size - at);
        CHECK(status == WEIR_OK || status == WEIR_NEED_OUTPUT);
        if (at < size) {
            wait_for(fd, POLLOUT);
        }
    }
    mark();
    while (weir_conn_close(conn) == WEIR_NEED_OUTPUT) {
        wait_for(fd, weir_conn_events(conn));
    }
    weir_conn_free(conn);
    return begin;
}

static double by_openssl(int fd, SSL *ssl)
{
    SSL_set_options(ssl, SSL_OP_ENABLE_KTLS);
    if (SSL_set_fd(ssl, fd) != 1 || SSL_accept(ssl) != 1) {
        tls_fail("SSL_accept");
    }
    CHECK(BIO_get_ktls_send(SSL_get_wbio(ssl)) == 1);
    raw_nonblocking(fd, true);
    double begin = now();
    mark();
    for (size_t at = 0; at < size;) {
        ossl_ssize_t n = SSL_sendfile(ssl, file, (off_t)at, size - at, 0);
        CHECK(n > 0 || SSL_get_error(ssl, (int)n) == SSL_ERROR_WANT_WRITE);
        at += n > 0 ? (size_t)n : 0;
        if (at < size) {
            wait_for(fd, POLLOUT);
        }
    }
    mark();
    while (SSL_shutdown(ssl) < 0) {
        wait_for(fd, POLLOUT);
    }
    return begin;
}

/* Seconds from the end of the handshake until the receiver has all. */
static double once(bool weir)
{
    int fd[2];
    raw_pair(fd);
    check_start(drain, &fd[1], fd[0]);
    close(fd[1]);
    SSL_CTX *ctx = tls_context(suite, true);
    SSL *ssl = SSL_new(ctx);
    CHECK(ssl != NULL);
    SSL_set_accept_state(ssl);
    double begin = weir ? by_weir(fd[0], ssl) : by_openssl(fd[0], ssl);
    (void)shutdown(fd[0], SHUT_WR);
    check_join();
    double seconds = now() - begin;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd[0]);
    return seconds;
}

struct calls {
    unsigned long all, sendfile, waits;
    unsigned long bytes; /* that any other call has moved from or to memory */
};

/* Counts the calls of `pid`, which is stopped, until it ends. */
static void count(pid_t pid, struct calls *calls)
{
    bool inside = false, entry = true;
    int status = 0;
    while (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid &&
           WIFSTOPPED(status)) {
        struct user_regs_struct regs;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
            continue;
        }
        entry = !entry;
        if (!entry || ptrace(PTRACE_GETREGS, pid, NULL, &regs) != 0) {
            continue; /* at its end a call has its result */
        }
        long number = (long)regs.orig_rax, result = (long)regs.rax;
        if (number == MARK) {
            inside = !inside;
        } else if (inside) {
            bool file_call = number == SYS_sendfile;
            bool wait_call = number == SYS_poll;
            calls->all++;
            calls->sendfile += file_call;
            calls->waits += wait_call;
            calls->bytes += !file_call && !wait_call && result > 0 ? (unsigned long)result : 0;
        }
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct calls counted(bool weir)
{
    struct calls calls = {0};
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        (void)once(weir);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
    CHECK(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD) == 0);
    count(pid, &calls);
    double mb = (double)size / 1e6;
    printf("%-8s %6.2f calls per MB (%lu: %lu sendfile, %lu poll, %lu others), %lu bytes through "
           "memory\n",
           weir ? "weir" : "OpenSSL", (double)calls.all / mb, calls.all, calls.sendfile,
           calls.waits, calls.all - calls.sendfile - calls.waits, calls.bytes);
    return calls;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, ascending);
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double rounds_of(size_t rounds)
{
    double rate[2][MAX_ROUNDS], ratio[MAX_ROUNDS];
    for (size_t i = 0; i < rounds; i++) {
        for (size_t turn = 0; turn < 2; turn++) {
            bool weir = (i + turn) % 2 == 0;
            rate[weir][i] = (double)size / 1e6 / once(weir);
        }
        ratio[i] = rate[1][i] / rate[0][i];
        printf("round %zu: weir %.1f MB/s, OpenSSL %.1f MB/s, ratio %.3f\n", i + 1, rate[1][i],
               rate[0][i], ratio[i]);
        fflush(stdout);
    }
    double middle = median(ratio, rounds);
    printf("median of %zu: weir %.1f MB/s, OpenSSL %.1f MB/s; ratio %.3f (%.3f to %.3f)\n", rounds,
           median(rate[1], rounds), median(rate[0], rounds), middle, ratio[0], ratio[rounds - 1]);
    return middle;
}

int main(int argc, char **argv)
{
    unsigned long mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 64;
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 9;
    static uint8_t buf[1 << 20];
    if (mib < 1 || mib > 1024 || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: ktls [MIB [ROUNDS]]    1 to 1024, 1 to %d\n", MAX_ROUNDS);
        return 2;
    }
    end_probe();
    tls_certificate();
    file = memfd_create("file", 0);
    size = mib << 20;
    for (unsigned long i = 0; i < mib; i++) {
        check_fill(buf, sizeof buf, (uint64_t)i << 20, 1);
        CHECK(write(file, buf, sizeof buf) == (ssize_t)sizeof buf);
    }
    printf("%lu MiB, %s, %s\n", mib, suite->name, OpenSSL_version(OPENSSL_VERSION));
    struct calls weir = counted(true), openssl = counted(false);
    double ratio = rounds_of(rounds);
    bool good = weir.all <= openssl.all + 2 * weir.sendfile && weir.bytes == 0 && ratio >= 0.95;
    printf("%s\n", good ? "bars met" : "bars NOT met");
    return good ? 0 : 1;
}
