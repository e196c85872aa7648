/* SPDX-License-Identifier: BSD-2-Clause */
/* The same connection over a pair of sockets, by weir_conn. */
#include "preshared.h"
#include "project.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/posix.h>

struct socket_end {
    struct weir_conn *conn;
    struct preshared preshared;
    size_t sent, got;
    bool done; /* sent everything, closed, and heard the peer's close_notify */
    weir_status failed;
};

static void note(struct socket_end *end, weir_status status)
{
    if (status < 0 || status == WEIR_REFUSED)
        end->failed = status;
}

static weir_status read_all(struct socket_end *end)
{
    uint8_t buf[10000];
    size_t got = 0;
    weir_status status;

    while ((status = weir_conn_read(end->conn, buf, sizeof buf, &got)) == WEIR_OK)
        for (size_t i = 0; i < got; i++)
            if (buf[i] != pattern(end->got++))
                return WEIR_E_AUTH;
    return status;
}

static weir_status write_some(struct socket_end *end, size_t len)
{
    uint8_t buf[30000];
    weir_status status = WEIR_OK;

    while (status == WEIR_OK && end->sent < len) {
        size_t here = len - end->sent < sizeof buf ? len - end->sent : sizeof buf;
        size_t put = 0;
        for (size_t i = 0; i < here; i++)
            buf[i] = pattern(end->sent + i);
        status = weir_conn_write(end->conn, buf, here, &put);
        end->sent += put;
    }
    return status == WEIR_OK ? weir_conn_close(end->conn) : status;
}

static void step(struct socket_end *end, size_t len)
{
    weir_status status = weir_conn_handshake(end->conn);

    note(end, status);
    if (status != WEIR_OK)
        return;
    weir_status written = write_some(end, len);
    weir_status seen = read_all(end);
    note(end, written);
    note(end, seen);
    end->done = written == WEIR_OK && seen == WEIR_CLOSED;
}

static bool start(struct socket_end *end, const struct choice *choice, int fd, bool server)
{
    preshared_init(&end->preshared, server);
    const struct weir_conn_config config = {
        .fd = fd,
        .handshake = &end->preshared.handshake,
        .backends = choice->backends,
        .backend_count = choice->count,
    };
    end->conn = weir_conn_new(&config);
    return end->conn != NULL;
}

/* Until both are done, one has failed, or nothing has happened for two seconds. */
static bool run(struct socket_end ends[2], const int fds[2], size_t len)
{
    while (!ends[0].done || !ends[1].done) {
        struct pollfd wait[2];
        for (int i = 0; i < 2; i++) {
            step(&ends[i], len);
            if (ends[i].failed != WEIR_OK) {
                fprintf(stderr, "embed: %s\n", weir_conn_explain(ends[i].conn, ends[i].failed));
                return false;
            }
            wait[i] = (struct pollfd){.fd = fds[i], .events = weir_conn_events(ends[i].conn)};
        }
        if ((!ends[0].done || !ends[1].done) && poll(wait, 2, 2000) <= 0)
            return false;
    }
    return ends[0].got == len && ends[1].got == len;
}

static void tell(const struct choice *choice, struct weir_conn *conn)
{
    struct weir_conn_path path = weir_conn_path(conn, WEIR_TX);
    struct weir_counters sent = weir_tx_counters(weir_conn_tx(conn));

    for (size_t i = 0; i < path.refusal_count; i++)
        printf("refused %s %s %u\n", choice->backends[i]->name,
               weir_refusal_name(path.refusals[i].code), (unsigned)path.refusals[i].detail);
    printf("carried %s %llu bytes %llu records\n", path.backend->name,
           (unsigned long long)sent.bytes, (unsigned long long)sent.records);
}

int carry_over_socket(const struct choice *choice, size_t len)
{
    struct socket_end ends[2];
    int fds[2];
    int status = 1;

    memset(ends, 0, sizeof ends);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return 1;
    if (start(&ends[0], choice, fds[0], false) && start(&ends[1], choice, fds[1], true) &&
        run(ends, fds, len)) {
        tell(choice, ends[0].conn);
        status = 0;
    }
    for (int i = 0; i < 2; i++) {
        weir_conn_free(ends[i].conn);
        (void)close(fds[i]);
    }
    return status;
}
