/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection of `weir perf`: frames over a weir_conn, driven by the event loop.
 *
 * On the wire, inside TLS, both ends speak in frames: one byte of kind, three of zero, four of
 * length (big endian), and so many bytes. HELLO, READY, START, DONE and RESULT hold a JSON object,
 * DATA holds the bytes that are measured.
 *
 *     client                          server
 *     HELLO: what to do          ->
 *                                <-   READY
 *     START, on all streams      ->
 *     DATA …, DONE: totals      <->   either or both ways
 *     RESULT: what arrived      <->   from whoever got DONE
 *     close_notify              <->   the client first
 *
 * A stream belongs to one event loop and is touched by the thread of that loop, but for what says
 * otherwise below. In a test in both directions a thread of its own does the reading (receiver.h),
 * so that opening what comes and sealing what goes can keep two processors busy.
 */
#ifndef WEIR_TOOLS_STREAM_H
#define WEIR_TOOLS_STREAM_H

#include "backends.h"
#include "crew.h"
#include "digest.h"
#include "net.h"
#include "tls.h"
#include "weir/posix.h"

#include <jansson.h>

enum frame_kind {
    FRAME_HELLO = 1,
    FRAME_READY,
    FRAME_START,
    FRAME_DATA,
    FRAME_DONE,
    FRAME_RESULT,
};

enum { FRAME_HEADER = 8, MESSAGE_MAX = 65536 };

/* Bytes moved before a loop gets its turn: timers, signals and other streams wait so long. */
enum { TURN = 4 * 1024 * 1024 };

/* What one direction of a stream has moved. Times: seconds of the event loop's clock. */
struct flow {
    bool wanted;            /* this direction is part of the test */
    bool done;              /* DONE has been queued or received */
    bool reported;          /* RESULT has been received or queued */
    _Atomic uint64_t bytes; /* any thread may look */
    double began, ended;
    struct digest *digest;
    char sha256[65]; /* ours */
    json_t *totals;  /* the other end's account: RESULT for what we sent, DONE for the rest */
    json_t *path;    /* ours, when it was done: see path_json */
};

/* What reading has come to. */
enum news_kind {
    NEWS_NOTHING, /* there is no more for now */
    NEWS_TURN,    /* the turn is over, and there may be more */
    NEWS_MESSAGE, /* a message is whole: frames_hear */
    NEWS_FAULT,   /* the peer is at fault */
    NEWS_END,     /* the connection answers `status` from now on */
};
struct news {
    enum news_kind what;
    weir_status status;
    struct fault fault;
};

struct stream;
struct receiver;

/* Whom a stream tells about itself, in its own thread. */
struct stream_owner {
    /* The TLS handshake is complete. */
    void (*opened)(struct stream *stream);
    /* A message came; `body` is borrowed. False, with fault: the stream is to end. */
    bool (*message)(struct stream *stream, enum frame_kind kind, const json_t *body,
                    struct fault *fault);
    /* Somebody has called stream_ask_start. */
    void (*start)(struct stream *stream);
    /* It is over; stream->failed tells how. The stream frees itself after this call. */
    void (*ended)(struct stream *stream);
};

/* What all streams of an event loop share. */
struct stream_world {
    struct crew_member crew;
    uv_mutex_t lock;        /* of the list, and of what its streams are asked */
    struct stream *streams; /* that have not been freed */
    const struct tls_library *library;
    struct tls_context *context;
    const struct candidates *candidates;
    uint64_t record_size; /* from the command line; 0: as the test says */
    bool two_threads;     /* for a stream that moves data both ways */
    weir_policy policy;
    void *data; /* the owner's */
    /* The owner's part of being woken; NULL: none. */
    void (*woken)(struct stream_world *world);
};

struct stream {
    const struct stream_owner *owner;
    void *data; /* the owner's */
    unsigned id;
    struct stream_world *world;
    struct address_text here, there;

    /* The test, as HELLO says. */
    bool verify;
    uint64_t bytes; /* to send each way; 0: until `seconds` are over */
    double seconds;
    uint64_t key_update; /* a KeyUpdate after so many bytes sent; 0: none */
    struct flow sent, got;

    bool server, open, sending, closing, over;
    bool failed;
    struct fault fault;
    json_t *end_path[2]; /* by weir_dir: as the connection stood at its end */

    uint16_t version, suite; /* of TLS, once it is open */
    double accepted;
    _Atomic double last_progress; /* any thread may look */

    /* The rest is stream.c's, frames.c's and receiver.c's own. */
    struct stream *next, **link; /* under world->lock, as what it is asked */
    unsigned asked;
    struct fault asked_fault;
    int fd;
    uv_poll_t poll;
    uv_idle_t again;
    int polled;
    struct weir_conn *conn;
    struct tls_session tls;
    uint8_t *queue; /* messages to send: queue[queue_at..queue_len) */
    size_t queue_len, queue_at;
    uint8_t *block; /* the DATA frame being sent: block[block_at..block_len) */
    size_t block_len, block_at;
    uint64_t blocks, since_update;
    struct receiver *receiver;  /* who reads; NULL: the loop's thread */
    atomic_bool sees_to_output; /* before it waits, or when the socket takes more, it sends */
    /* Who reads has these, and most of `got`. */
    const uint8_t *view; /* what has been read and not yet taken apart */
    size_t view_len;
    uint8_t head[FRAME_HEADER]; /* the frame being received */
    size_t head_len;
    enum frame_kind kind;
    size_t left;
    char *text;
    size_t text_len;
};

/* Makes the loop of a world whose other members are set. False: fault. */
bool stream_world_open(struct stream_world *world, struct fault *fault);
/* Waits until its last stream is freed, all of which have been or are being ended. */
void stream_world_close(struct stream_world *world);

/* Takes over `fd`, also when it fails (NULL, fault). `host`: NULL as a server. The caller's until
 * stream_begin; may be called by any thread. */
struct stream *stream_new(struct stream_world *world, const struct stream_owner *owner, void *data,
                          int fd, const char *host, struct fault *fault);

/* What any thread may ask, as long as owner->ended has not returned: to begin with the handshake,
 * to have owner->start called, to look for what there is to do, to end. The stream's own thread
 * does it, soon. */
void stream_begin(struct stream *stream);
void stream_ask_start(struct stream *stream);
void stream_ask_run(struct stream *stream);
void stream_ask_end(struct stream *stream, const struct fault *fault);

/* Sets out for the test that HELLO names. False: memory ran out. */
bool stream_prepare(struct stream *stream, bool sends, bool receives);

/* Queues a message; takes `body` over. */
void stream_say(struct stream *stream, enum frame_kind kind, json_t *body);

/* Begins to send what the test says; may end the stream. */
void stream_start(struct stream *stream);

/* Says close_notify once all is sent, and ends when the peer has said it, too. */
void stream_close(struct stream *stream);

/* Ends it at once, with or without a fault. */
void stream_end(struct stream *stream, const struct fault *fault);

/* Whether all that the test wants has been sent, received and accounted for. */
bool stream_complete(const struct stream *stream);

/* Seconds of the loop's clock. */
double stream_now(const struct stream *stream);

/* ---- frames.c ---- */

/* Reads and takes apart what is there, up to the end of a message or of the turn. For whoever reads
 * now; what it comes to is for the stream's own thread to deal with. */
void frames_read(struct stream *stream, struct news *news);

/* After NEWS_MESSAGE, before anything else is read: does as it says. False: fault. */
bool frames_hear(struct stream *stream, struct fault *fault);

/* Makes the next DATA frame in stream->block, of at most `most` payload bytes. */
void frames_fill(struct stream *stream, uint64_t most);

/* What carries a direction, how much, and who refused to. A new reference. */
json_t *path_json(const struct stream *stream, enum weir_dir dir);

#endif
