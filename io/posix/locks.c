/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The locks of a connection that two threads share: one for each direction. Who needs both takes
 * that of sending first.
 *
 * What the lock of receiving guards: `in`, the records, `rx` with its path and its status, and
 * `end_of_file`. That of sending guards the rest, the session and the TLS library among it. The
 * session ends both directions when it fails, so its status changes under both, and may be read
 * under one.
 *
 * Mutexes promise no turns: a thread that gives one and soon takes it again may do so for long
 * before another that waits. So each is taken through a gate, at which who wants both waits as
 * well.
 */
#include "conn.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Two by their direction, WEIR_TX and WEIR_RX, and the gate. */
enum { GATE = 2, LOCKS };

struct io_locks {
    pthread_mutex_t mutex[LOCKS];
    atomic_short shown[2]; /* io_events, by direction */
};

static void destroy(struct io_locks *locks, int made)
{
    while (made > 0) {
        (void)pthread_mutex_destroy(&locks->mutex[--made]);
    }
    free(locks);
}

static void take(struct io_locks *locks, int which)
{
    (void)pthread_mutex_lock(&locks->mutex[which]);
}

/* Shows what there is to wait for, so that who asks need not wait for the other thread. */
static void give(const struct weir_conn *conn, enum weir_dir dir)
{
    if (conn->phase == IO_OPEN) {
        atomic_store(&conn->locks->shown[dir], io_events(conn, dir));
    }
    (void)pthread_mutex_unlock(&conn->locks->mutex[dir]);
}

short io_events_shown(const struct weir_conn *conn, enum weir_dir dir)
{
    if (conn->locks == NULL) {
        return io_events(conn, dir);
    }
    if (pthread_mutex_trylock(&conn->locks->mutex[dir]) == 0) {
        give(conn, dir);
    } /* else a call is at work that shows it at its end */
    return atomic_load(&conn->locks->shown[dir]);
}

struct io_locks *io_locks_new(void)
{
    struct io_locks *locks = malloc(sizeof *locks);
    if (locks == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    for (int made = 0; made < LOCKS; made++) {
        int error = pthread_mutex_init(&locks->mutex[made], NULL);
        if (error != 0) {
            destroy(locks, made);
            errno = error;
            return NULL;
        }
    }
    atomic_init(&locks->shown[WEIR_TX], 0);
    atomic_init(&locks->shown[WEIR_RX], 0);
    return locks;
}

void io_locks_free(struct io_locks *locks)
{
    if (locks != NULL) {
        destroy(locks, LOCKS);
    }
}

void io_lock(const struct weir_conn *conn, unsigned dirs)
{
    struct io_locks *locks = conn->locks;
    if (locks == NULL) {
        return;
    }
    take(locks, GATE);
    if ((dirs & IO_TX) != 0) {
        take(locks, WEIR_TX);
    }
    if ((dirs & IO_RX) != 0) {
        take(locks, WEIR_RX);
    }
    (void)pthread_mutex_unlock(&locks->mutex[GATE]);
}

void io_unlock(const struct weir_conn *conn, unsigned dirs)
{
    if (conn->locks != NULL && (dirs & IO_RX) != 0) {
        give(conn, WEIR_RX);
    }
    if (conn->locks != NULL && (dirs & IO_TX) != 0) {
        give(conn, WEIR_TX);
    }
}

/* ---- sending ---- */

/* Whether sealing has nothing to do with the session, nor with what is received. */
static bool only_seals(const struct weir_conn *conn)
{
    return conn->phase == IO_OPEN && !io_streams(conn, WEIR_TX) && !io_wants_move(conn, WEIR_TX) &&
           conn->tx_status == WEIR_OK && !conn->pump_again && !conn->closing &&
           weir_tx_command(&conn->tx) == NULL && weir_tx_status(&conn->tx) == WEIR_OK &&
           weir_session_status(&conn->session) >= WEIR_OK &&
           !weir_session_wants_flush(&conn->session) && !weir_session_send_ended(&conn->session);
}

void io_lock_to_send(struct weir_conn *conn)
{
    if (conn->locks == NULL) {
        return;
    }
    io_lock(conn, IO_TX);
    conn->alone = only_seals(conn);
    if (!conn->alone) {
        io_unlock(conn, IO_TX);
        io_lock(conn, IO_BOTH);
    }
}

void io_unlock_to_send(struct weir_conn *conn)
{
    unsigned held = conn->alone ? IO_TX : IO_BOTH;
    conn->alone = false;
    io_unlock(conn, held);
}

void io_lock_the_other(struct weir_conn *conn)
{
    if (conn->alone) {
        /* Not through the gate: who waits there for this direction would wait for good. */
        take(conn->locks, WEIR_RX);
        conn->alone = false;
    }
}

bool io_sends_alone(struct weir_conn *conn)
{
    if (conn->alone && !only_seals(conn)) {
        io_lock_the_other(conn);
    }
    return conn->alone;
}
