/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream's way through the event loop: handshake, reading, writing, the end.
 */
#include "receiver.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a stream can be asked, in the order in which it is done. */
enum { ASK_BEGIN = 1, ASK_START = 2, ASK_RUN = 4, ASK_END = 8, ASK_FAIL = 16 };

static void run(struct stream *s);

double stream_now(const struct stream *s)
{
    (void)s;
    return (double)uv_hrtime() / 1e9;
}

/* ---- the end ---- */

static void free_flow(struct flow *flow)
{
    digest_free(flow->digest);
    json_decref(flow->totals);
    json_decref(flow->path);
}

static void free_stream(struct stream *s)
{
    if (s->link != NULL) {
        uv_mutex_lock(&s->world->lock);
        *s->link = s->next;
        if (s->next != NULL) {
            s->next->link = s->link;
        }
        uv_mutex_unlock(&s->world->lock);
    }
    weir_conn_free(s->conn);
    if (s->tls.object != NULL) {
        s->world->library->close_session(&s->tls);
    }
    if (s->fd >= 0) {
        (void)close(s->fd);
    }
    free_flow(&s->sent);
    free_flow(&s->got);
    json_decref(s->end_path[WEIR_TX]);
    json_decref(s->end_path[WEIR_RX]);
    free(s->queue);
    free(s->block);
    free(s->text);
    free(s);
}

static void idle_closed(uv_handle_t *handle)
{
    free_stream(handle->data);
}

static void poll_closed(uv_handle_t *handle)
{
    struct stream *s = handle->data;
    uv_close((uv_handle_t *)&s->again, idle_closed);
}

/* From here on the loop's thread reads. Answers what nobody has heard yet. */
static struct news stop_receiver(struct stream *s)
{
    struct news news = {.what = NEWS_NOTHING};
    if (s->receiver != NULL) {
        receiver_stop(s->receiver, &news);
        s->receiver = NULL;
    }
    return news;
}

void stream_end(struct stream *s, const struct fault *fault)
{
    if (s->over) {
        return;
    }
    s->over = true;
    if (fault != NULL) {
        s->failed = true;
        s->fault = *fault;
    }
    (void)stop_receiver(s);
    s->end_path[WEIR_TX] = path_json(s, WEIR_TX);
    s->end_path[WEIR_RX] = path_json(s, WEIR_RX);
    if (s->open && !s->closing) {
        (void)weir_conn_close(s->conn); /* as far as the socket takes it */
    }
    s->owner->ended(s);
    uv_close((uv_handle_t *)&s->poll, poll_closed);
}

static void failed(struct stream *s, weir_status status)
{
    struct fault fault;
    FAULT(&fault, "%s", weir_conn_explain(s->conn, status));
    stream_end(s, &fault);
}

/* ---- reading ---- */

/* The peer will send no more. */
static void peer_closed(struct stream *s)
{
    if (!s->closing && !stream_complete(s)) {
        struct fault fault;
        FAULT(&fault, "the peer closed the connection before the test was over");
        stream_end(s, &fault);
        return;
    }
    s->closing = true;
}

/* Deals with what reading has come to. */
static void hear(struct stream *s, const struct news *news)
{
    struct fault fault;
    if (news->what == NEWS_FAULT) {
        stream_end(s, &news->fault);
    } else if (news->what == NEWS_MESSAGE && !frames_hear(s, &fault)) {
        stream_end(s, &fault);
    } else if (news->what == NEWS_END && news->status == WEIR_CLOSED) {
        peer_closed(s);
    } else if (news->what == NEWS_END) {
        failed(s, news->status);
    }
}

/* Reads what is there, for one turn. True: there is more. */
static bool receive(struct stream *s)
{
    struct news news = {.what = NEWS_NOTHING};
    frames_read(s, &news);
    hear(s, &news);
    return news.what == NEWS_TURN || news.what == NEWS_MESSAGE;
}

/* Deals with what the receiver has come to, if that is anything, and has it go on. */
static void hear_receiver(struct stream *s)
{
    struct news news = {.what = NEWS_NOTHING};
    if (receiver_news(s->receiver, &news)) {
        hear(s, &news);
        if (!s->over && news.what == NEWS_MESSAGE) {
            receiver_go_on(s->receiver);
        }
    }
}

/* ---- writing ---- */

/* Writes as much of buf[*at..len) as goes; buf[len] is there, too. WEIR_OK: all of it. */
static weir_status put(struct stream *s, uint8_t *buf, size_t *at, size_t len)
{
    size_t n = 0;
    weir_status status = weir_conn_write_lent(s->conn, buf + *at, len - *at, &n);
    *at += n;
    if (n > 0) {
        s->last_progress = stream_now(s);
    }
    return status == WEIR_REKEY_DUE ? WEIR_OK : status;
}

static weir_status put_queue(struct stream *s)
{
    weir_status status = WEIR_OK;
    if (s->queue_at < s->queue_len) {
        status = put(s, s->queue, &s->queue_at, s->queue_len);
        if (s->queue_at == s->queue_len) {
            s->queue_at = s->queue_len = 0;
        }
    }
    return status;
}

/* How the sending direction stands. What is read may want an answer, which would be sealed while we
 * look. */
static json_t *sending_path(struct stream *s)
{
    if (s->receiver != NULL) {
        receiver_hold(s->receiver);
    }
    json_t *path = path_json(s, WEIR_TX);
    if (s->receiver != NULL) {
        receiver_release(s->receiver);
    }
    return path;
}

/* All that was to be sent is sent: says so, with the account of it. */
static void say_done(struct stream *s)
{
    s->sending = false;
    s->sent.done = true;
    s->sent.ended = stream_now(s);
    s->sent.path = sending_path(s);
    json_t *done = json_pack("{s:I, s:f, s:O*}", "bytes", (json_int_t)s->sent.bytes, "seconds",
                             s->sent.ended - s->sent.began, "path", s->sent.path);
    if (s->sent.digest != NULL) {
        (void)snprintf(s->sent.sha256, sizeof s->sent.sha256, "%s", digest_end(s->sent.digest).hex);
        (void)json_object_set_new(done, "sha256", json_string(s->sent.sha256));
    }
    stream_say(s, FRAME_DONE, done);
}

/* A block has gone out. Begins the next one, or ends the sending. */
static weir_status next_block(struct stream *s)
{
    uint64_t left = UINT64_MAX;
    if (s->block_len > 0) {
        s->sent.bytes += s->block_len - FRAME_HEADER;
        s->since_update += s->block_len - FRAME_HEADER;
        s->block_len = s->block_at = 0;
    }
    if (s->bytes > 0) {
        left = s->bytes - s->sent.bytes;
    } else if (stream_now(s) >= s->sent.began + s->seconds) {
        left = 0;
    }
    if (left == 0) {
        say_done(s);
        return WEIR_OK;
    }
    if (s->key_update > 0 && s->since_update >= s->key_update) {
        s->since_update = 0;
        weir_status status = weir_conn_key_update(s->conn, false);
        if (status != WEIR_OK) {
            return status;
        }
    }
    frames_fill(s, left);
    return s->block == NULL ? WEIR_E_IO : WEIR_OK;
}

/* Sends messages and data, for one turn. WEIR_OK or WEIR_NEED_OUTPUT; else the stream has to end.
 */
static weir_status send_turn(struct stream *s)
{
    weir_status status = WEIR_OK;
    for (size_t moved = 0; status == WEIR_OK && moved < TURN;) {
        if (s->block_at < s->block_len) {
            size_t before = s->block_at;
            status = put(s, s->block, &s->block_at, s->block_len);
            moved += s->block_at - before;
        } else if (s->queue_at < s->queue_len) {
            status = put_queue(s); /* between blocks only */
        } else if (s->sending) {
            status = next_block(s);
        } else {
            break;
        }
    }
    if (status == WEIR_OK) {
        status = weir_conn_flush(s->conn);
    }
    return status;
}

static bool nothing_to_send(const struct stream *s)
{
    return !s->sending && s->queue_at == s->queue_len && s->block_at == s->block_len;
}

/* Sending has failed. The peer may have said why before it hung up; that it did is no news. */
static void send_failed(struct stream *s, weir_status status)
{
    struct news news = stop_receiver(s);
    if (news.what == NEWS_NOTHING) {
        frames_read(s, &news);
    }
    if (news.status != WEIR_E_TRUNCATED) {
        hear(s, &news);
    }
    if (!s->over) {
        failed(s, status);
    }
}

static void send_some(struct stream *s)
{
    weir_status status = send_turn(s);
    if (status == WEIR_OK && s->closing && nothing_to_send(s)) {
        status = weir_conn_close(s->conn);
        if (status == WEIR_OK && (weir_conn_events(s->conn) & POLLIN) == 0) {
            stream_end(s, NULL); /* both have said close_notify */
            return;
        }
    }
    if (status < WEIR_OK || status == WEIR_REFUSED) {
        send_failed(s, status);
    }
}

/* ---- the loop ---- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct stream *s = poll->data;
    (void)events;
    if (status < 0) {
        s->polled = 0; /* libuv stops on POLLERR; reading or writing tells what it is about */
    }
    run(s);
}

static void on_again(uv_idle_t *idle)
{
    run(idle->data);
}

/* Waits for what comes next. `more`: reading has not come to its end. */
static void wait_for(struct stream *s, bool more)
{
    /* What the receiver finds is to be sent after this look, it has to tell us about. */
    s->sees_to_output = false;
    short wanted = weir_conn_events(s->conn);
    int mask = (wanted & POLLOUT) != 0 ? UV_WRITABLE : 0;
    if ((wanted & POLLIN) != 0 && s->receiver == NULL) {
        mask |= UV_READABLE;
    }
    if (s->open && !nothing_to_send(s)) {
        mask |= UV_WRITABLE;
    }
    s->sees_to_output = (mask & UV_WRITABLE) != 0;
    if (mask != s->polled) {
        s->polled = mask;
        (void)(mask == 0 ? uv_poll_stop(&s->poll) : uv_poll_start(&s->poll, mask, on_poll));
    }
    (void)(more ? uv_idle_start(&s->again, on_again) : uv_idle_stop(&s->again));
}

/* True when the handshake is complete. */
static bool shake_hands(struct stream *s)
{
    if (s->open) {
        return true;
    }
    weir_status status = weir_conn_handshake(s->conn);
    if (status == WEIR_OK) {
        struct weir_handshake *hs = weir_conn_handshake_of(s->conn);
        hs->chosen(hs, &s->version, &s->suite);
        s->open = true;
        s->last_progress = stream_now(s);
        s->owner->opened(s);
        return true;
    }
    if (status < WEIR_OK || status == WEIR_REFUSED) {
        failed(s, status);
    }
    return false;
}

static void run(struct stream *s)
{
    bool more = false;
    if (s->over) {
        return;
    }
    s->sees_to_output = true;
    if (shake_hands(s) && !s->over) {
        if (s->receiver != NULL) {
            hear_receiver(s);
        } else {
            more = receive(s);
        }
        if (!s->over) {
            send_some(s);
        }
    }
    if (!s->over) {
        wait_for(s, more);
    }
}

bool stream_prepare(struct stream *s, bool sends, bool receives)
{
    s->sent.wanted = sends;
    s->got.wanted = receives;
    if (s->verify) {
        s->sent.digest = sends ? digest_new() : NULL;
        s->got.digest = receives ? digest_new() : NULL;
        return (s->sent.digest != NULL || !sends) && (s->got.digest != NULL || !receives);
    }
    return true;
}

void stream_start(struct stream *s)
{
    s->sending = true;
    s->sent.began = stream_now(s);
    (void)uv_idle_start(&s->again, on_again);
    if (s->got.wanted && s->world->two_threads) {
        struct fault fault;
        s->receiver = receiver_start(s, &fault);
        if (s->receiver == NULL) {
            stream_end(s, &fault);
        }
    }
}

void stream_close(struct stream *s)
{
    s->closing = true;
    (void)uv_idle_start(&s->again, on_again);
}

bool stream_complete(const struct stream *s)
{
    return (!s->sent.wanted || (s->sent.done && s->sent.reported)) &&
           (!s->got.wanted || (s->got.done && s->got.reported));
}

struct stream *stream_new(struct stream_world *world, const struct stream_owner *owner, void *data,
                          int fd, const char *host, struct fault *fault)
{
    struct stream *s = calloc(1, sizeof *s);
    if (s == NULL) {
        (void)close(fd);
        FAULT(fault, "out of memory");
        return NULL;
    }
    *s = (struct stream){.owner = owner,
                         .data = data,
                         .world = world,
                         .here = net_here(fd),
                         .there = net_there(fd),
                         .server = host == NULL,
                         .fd = fd,
                         .accepted = stream_now(s),
                         .last_progress = stream_now(s)};
    net_tune(fd);
    if (!world->library->open_session(world->context, host, &s->tls, fault)) {
        free_stream(s);
        return NULL;
    }
    struct weir_conn_config config = {.fd = fd,
                                      .handshake = s->tls.handshake,
                                      .backends = world->candidates->backends,
                                      .backend_count = world->candidates->count,
                                      .record_limit = (size_t)world->record_size,
                                      .policy = world->policy,
                                      .two_threads = world->two_threads};
    s->conn = weir_conn_new(&config);
    if (s->conn == NULL) {
        FAULT(fault, "cannot make a connection of this socket");
        s->tls.handshake->release(s->tls.handshake);
        free_stream(s);
        return NULL;
    }
    s->poll.data = s->again.data = s;
    return s;
}

/* ---- between threads ---- */

static void ask(struct stream *s, unsigned what, const struct fault *fault)
{
    uv_mutex_lock(&s->world->lock);
    s->asked |= what;
    if (fault != NULL) {
        s->asked |= ASK_FAIL;
        s->asked_fault = *fault;
    }
    uv_mutex_unlock(&s->world->lock);
    crew_wake(&s->world->crew);
}

void stream_begin(struct stream *s)
{
    struct stream_world *world = s->world;
    uv_mutex_lock(&world->lock);
    s->link = &world->streams;
    s->next = world->streams;
    if (s->next != NULL) {
        s->next->link = &s->next;
    }
    world->streams = s;
    uv_mutex_unlock(&world->lock);
    ask(s, ASK_BEGIN, NULL);
}

void stream_ask_start(struct stream *s)
{
    ask(s, ASK_START, NULL);
}

void stream_ask_run(struct stream *s)
{
    ask(s, ASK_RUN, NULL);
}

void stream_ask_end(struct stream *s, const struct fault *fault)
{
    ask(s, ASK_END, fault);
}

/* Puts it into the loop. False: it is gone. */
static bool begin(struct stream *s)
{
    if (uv_poll_init(&s->world->crew.loop, &s->poll, s->fd) != 0) {
        s->over = s->failed = true;
        FAULT(&s->fault, "cannot watch this socket");
        s->owner->ended(s);
        free_stream(s);
        return false;
    }
    (void)uv_idle_init(&s->world->crew.loop, &s->again);
    (void)uv_idle_start(&s->again, on_again);
    return true;
}

/* A stream that is asked something, and what; NULL: none. */
static struct stream *next_asked(struct stream_world *world, unsigned *what, struct fault *fault)
{
    uv_mutex_lock(&world->lock);
    struct stream *s = world->streams;
    while (s != NULL && s->asked == 0) {
        s = s->next;
    }
    if (s != NULL) {
        *what = s->asked;
        *fault = s->asked_fault;
        s->asked = 0;
    }
    uv_mutex_unlock(&world->lock);
    return s;
}

static void on_woken(struct crew_member *member)
{
    struct stream_world *world = member->data;
    struct fault fault;
    unsigned what = 0;
    /* Only this thread frees streams of this world, so that one found is there. */
    for (struct stream *s; (s = next_asked(world, &what, &fault)) != NULL;) {
        if ((what & ASK_BEGIN) != 0 && !begin(s)) {
            continue;
        }
        if ((what & ASK_START) != 0 && !s->over) {
            s->owner->start(s);
            (void)uv_idle_start(&s->again, on_again); /* with what is to be said now */
        }
        if ((what & ASK_RUN) != 0) {
            run(s);
        }
        if ((what & ASK_END) != 0) {
            stream_end(s, (what & ASK_FAIL) != 0 ? &fault : NULL);
        }
    }
    if (world->woken != NULL) {
        world->woken(world);
    }
}

bool stream_world_open(struct stream_world *world, struct fault *fault)
{
    if (uv_mutex_init(&world->lock) != 0) {
        FAULT(fault, "cannot make an event loop");
        return false;
    }
    if (!crew_open(&world->crew, on_woken, world, fault)) {
        uv_mutex_destroy(&world->lock);
        return false;
    }
    return true;
}

void stream_world_close(struct stream_world *world)
{
    crew_close(&world->crew);
    uv_mutex_destroy(&world->lock);
}
