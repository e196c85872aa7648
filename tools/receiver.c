/* SPDX-License-Identifier: BSD-2-Clause */
#include "receiver.h"

#include <poll.h>
#include <stdlib.h>

struct receiver {
    struct stream *stream;
    struct crew_member crew; /* its loop, with nothing in it but the socket */
    uv_poll_t poll;
    bool polled;
    uv_mutex_t reading; /* held for a turn of it */
    atomic_bool rests;  /* `news` is the stream's own thread's */
    struct news news;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct receiver *r, bool wanted)
{
    if (wanted != r->polled) {
        r->polled = wanted;
        (void)(wanted ? uv_poll_start(&r->poll, UV_READABLE, on_poll) : uv_poll_stop(&r->poll));
    }
}

static void read_on(struct receiver *r)
{
    struct stream *s = r->stream;
    uv_mutex_lock(&r->reading);
    frames_read(s, &r->news);
    uv_mutex_unlock(&r->reading);
    if (r->news.what != NEWS_NOTHING && r->news.what != NEWS_TURN) {
        watch(r, false);
        atomic_store(&r->rests, true);
        stream_ask_run(s);
        return;
    }
    watch(r, true);
    if (r->news.what == NEWS_TURN) {
        crew_wake(&r->crew); /* what the connection has, the socket does not tell of */
    }
    /* An answer to what was read, if the other thread does not find it by itself. */
    if (!atomic_load(&s->sees_to_output) && (weir_conn_events(s->conn) & POLLOUT) != 0) {
        stream_ask_run(s);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct receiver *r = poll->data;
    (void)events;
    if (status < 0) {
        r->polled = false; /* libuv stops on POLLERR; reading tells what it is about */
    }
    read_on(r);
}

static void on_woken(struct crew_member *member)
{
    struct receiver *r = member->data;
    if (atomic_load(&member->quit)) {
        if (!uv_is_closing((uv_handle_t *)&r->poll)) {
            uv_close((uv_handle_t *)&r->poll, NULL);
        }
    } else if (!atomic_load(&r->rests)) {
        read_on(r);
    }
}

/* Puts the socket into a loop, and starts its thread. */
static bool start(struct receiver *r, struct fault *fault)
{
    if (!crew_open(&r->crew, on_woken, r, fault)) {
        return false;
    }
    if (uv_poll_init(&r->crew.loop, &r->poll, r->stream->fd) != 0) {
        crew_close(&r->crew);
        FAULT(fault, "cannot watch this socket");
        return false;
    }
    r->poll.data = r;
    if (!crew_start(&r->crew, fault)) {
        uv_close((uv_handle_t *)&r->poll, NULL);
        crew_close(&r->crew);
        return false;
    }
    return true;
}

struct receiver *receiver_start(struct stream *s, struct fault *fault)
{
    struct receiver *r = calloc(1, sizeof *r);
    if (r == NULL) {
        FAULT(fault, "out of memory");
        return NULL;
    }
    r->stream = s;
    if (uv_mutex_init(&r->reading) != 0) {
        free(r);
        FAULT(fault, "cannot make a lock");
        return NULL;
    }
    if (!start(r, fault)) {
        uv_mutex_destroy(&r->reading);
        free(r);
        return NULL;
    }
    crew_wake(&r->crew); /* something may have been read already */
    return r;
}

bool receiver_news(struct receiver *r, struct news *news)
{
    if (!atomic_load(&r->rests)) {
        return false;
    }
    *news = r->news;
    return true;
}

void receiver_go_on(struct receiver *r)
{
    atomic_store(&r->rests, false);
    crew_wake(&r->crew);
}

void receiver_hold(struct receiver *r)
{
    uv_mutex_lock(&r->reading);
}

void receiver_release(struct receiver *r)
{
    uv_mutex_unlock(&r->reading);
}

void receiver_stop(struct receiver *r, struct news *news)
{
    crew_close(&r->crew);
    if (!receiver_news(r, news)) {
        news->what = NEWS_NOTHING;
    }
    uv_mutex_destroy(&r->reading);
    free(r);
}
