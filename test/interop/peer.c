/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir's end of the interoperability tests: a client or a server over io/posix, with the tap on its
 * own wire. Prints "PORT n" as a server, then one line of JSON for every connection.
 */
#include "peer.h"

#include "relay.h"
#include "talk.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/posix.h>

/* The hand-over as the tap sees it: the members of the binding that it listens to are replaced by
 * those below, and called from there. One connection at a time. */
static struct {
    weir_status (*take_keys)(struct weir_handshake *hs, struct weir_keys *tx, struct weir_keys *rx,
                             struct weir_refusal *why);
    void (*output_taken)(struct weir_handshake *hs, size_t len);
    struct wire *wire;
    uint64_t taken; /* bytes of the handshake on their way */
} hook;

static weir_status take_keys(struct weir_handshake *hs, struct weir_keys *tx, struct weir_keys *rx,
                             struct weir_refusal *why)
{
    weir_status status = hook.take_keys(hs, tx, rx, why);

    if (status == WEIR_OK) {
        size_t limit =
            hs->record_limit != NULL ? hs->record_limit(hs, WEIR_TX) : WEIR_MAX_PLAINTEXT;
        wire_keys(hook.wire, tx, hook.taken, limit);
    }
    return status;
}

static void output_taken(struct weir_handshake *hs, size_t len)
{
    hook.taken += len;
    hook.output_taken(hs, len);
}

static void listen_to(struct weir_handshake *hs, struct wire *wire)
{
    hook.take_keys = hs->take_keys;
    hook.output_taken = hs->output_taken;
    hook.wire = wire;
    hook.taken = 0;
    hs->take_keys = take_keys;
    hs->output_taken = output_taken;
}

/* ---- the report ---- */

static void print_text(const char *name, const char *text)
{
    printf(", \"%s\": \"", name);
    for (; *text != '\0'; text++)
        putchar(*text == '"' || *text == '\\' || *text < ' ' ? '\'' : *text);
    putchar('"');
}

static void print_number(const char *name, uint64_t number)
{
    printf(", \"%s\": %llu", name, (unsigned long long)number);
}

static void print_wire(const struct wire_report *w)
{
    printf(", \"wire\": {\"records\": %llu", (unsigned long long)w->records);
    print_number("library_records", w->library_records);
    print_number("data_records", w->data_records);
    print_number("bytes", w->bytes);
    print_number("padding", w->padding);
    print_number("longest", w->longest);
    print_number("key_updates", w->key_updates);
    print_number("requests", w->requests);
    print_number("other_messages", w->other_messages);
    print_number("refusals", w->refusals);
    print_number("key_count", w->key_count);
    print_number("fault_count", w->fault_count);
    print_text("digest", w->digest);
    printf(", \"close_notify\": %s", w->close_notify ? "true" : "false");
    printf(", \"fatal_alert\": %d, \"keys\": [", w->fatal_alert);
    for (size_t i = 0; i < w->key_count && i < WIRE_KEYS; i++)
        printf("%s\"%s\"", i == 0 ? "" : ", ", w->keys[i]);
    printf("], \"faults\": [");
    for (size_t i = 0; i < w->fault_count && i < WIRE_FAULTS; i++)
        printf("%s\"%s\"", i == 0 ? "" : ", ", w->faults[i]);
    printf("]}");
}

static void print_outcome(const struct outcome *o, const struct wire_report *w, uint16_t version,
                          uint16_t suite, enum reuse reuse)
{
    static const char *const reused[] = {"no", "yes", "unknown"};

    printf("{\"version\": \"%s\"", version == WEIR_TLS13 ? "1.3" : "1.2");
    print_text("suite", weir_suite_name(suite));
    print_text("handshake", weir_status_name(o->handshake));
    print_text("read", weir_status_name(o->read));
    print_text("write", weir_status_name(o->write));
    print_text("explain", o->explain);
    print_text("backend", o->backend);
    print_text("rx_backend", o->rx_backend);
    print_text("rx_refusal", o->rx_refusal);
    print_text("stray", o->stray < 0 ? "failed" : o->stray > 0 ? "sent" : "not tried");
    print_text("reused", reused[reuse]);
    print_number("sent", o->sent);
    print_number("received", o->received);
    print_text("sent_digest", o->sent_digest);
    print_text("received_digest", o->received_digest);
    print_text("written_digest", o->written_digest);
    print_number("updates", o->updates);
    print_number("tx_rekeys", o->tx_rekeys);
    print_number("rx_rekeys", o->rx_rekeys);
    print_number("rx_records", o->rx_records);
    print_number("peer_alert", o->peer_alert);
    print_number("handshake_bytes", hook.taken);
    print_wire(w);
    printf("}\n");
    (void)fflush(stdout);
}

/* ---- connections ---- */

/* A connection by weir's own interface. */
static void talk_on_conn(const struct options *o, const struct weir_backend *backend, int fd,
                         struct wire *wire, struct outcome *outcome, uint16_t *version,
                         uint16_t *suite)
{
    const struct weir_backend *const backends[] = {backend};
    struct weir_handshake *hs = o->library->begin();

    listen_to(hs, wire);
    struct weir_conn *conn = weir_conn_new(&(struct weir_conn_config){
        .fd = fd,
        .handshake = hs,
        .backends = backends,
        .backend_count = 1,
        .record_limit = o->record_size,
        .pad_multiple = o->pad,
    });
    if (conn == NULL)
        die("weir_conn_new failed");
    talk(way_of_conn(conn), fd, o, outcome);
    if (outcome->handshake == WEIR_OK)
        hs->chosen(hs, version, suite);
    weir_conn_free(conn);
}

#ifdef HAVE_OPENSSL
/* A connection of OpenSSL's, over weir's BIO. */
static void talk_on_bio(const struct options *o, int fd, struct wire *wire, struct outcome *outcome,
                        uint16_t *version, uint16_t *suite)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        die("cannot prepare the socket");
    hook.taken = 0;
    talk(way_of_bio(o, fd, wire), fd, o, outcome);
    *version = o->suite->version; /* the only one that is offered */
    *suite = o->suite->id;
}
#endif

static void serve_one(const struct options *o, const struct weir_backend *backend, int peer)
{
    struct wire *wire = wire_new(o->record_size, o->pad);
    struct wire_report report;
    struct outcome outcome;
    uint16_t version = 0, suite = 0;
    int fd;

    struct relay *relay = relay_start(peer, wire, o->chop, &fd);
#ifdef HAVE_OPENSSL
    if (o->bio)
        talk_on_bio(o, fd, wire, &outcome, &version, &suite);
#endif
    if (!o->bio)
        talk_on_conn(o, backend, fd, wire, &outcome, &version, &suite);
    (void)close(fd);
    relay_end(relay);
    enum reuse reuse = o->library->end(outcome.read == WEIR_CLOSED && outcome.write == WEIR_OK);
    wire_end(wire, o->ending == END_ABRUPT || outcome.handshake != WEIR_OK, &report);
    print_outcome(&outcome, &report, version, suite, reuse);
}

static int start_listening(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        die("cannot listen on loopback");
    printf("PORT %u\n", ntohs(at.sin_port));
    (void)fflush(stdout);
    return fd;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        die("cannot connect to port %u", port);
    return fd;
}

int main(int argc, char **argv)
{
    struct options options;
    struct weir_soft soft;
    struct weir_refusal why;

    options_parse(argc, argv, &options);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)alarm(options.timeout); /* whatever hangs ends by itself */
    if (weir_soft_init(&soft, options.aead, &why) != WEIR_OK)
        die("AEAD provider: %s", weir_refusal_text(why.code));
    options.library->open(&options);
    int listener = options.server ? start_listening() : -1;
    for (unsigned i = 0; i < options.connections; i++) {
        int peer = options.server ? accept(listener, NULL, NULL) : connect_to(options.port);
        if (peer < 0)
            die("cannot accept");
        serve_one(&options, &soft.backend, peer);
    }
    if (listener >= 0)
        (void)close(listener);
    options.library->close();
    return 0;
}
