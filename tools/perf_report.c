/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What weir perf prints: lines as iperf's, and who carried the bytes; or JSON.
 */
#include "perf.h"

#include <string.h>

/* ---- numbers out of JSON that the other end may have written ---- */

static double real_of(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static uint64_t count_of(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value < 0 ? 0 : (uint64_t)value;
}

struct word {
    char text[80];
};
static struct word word_of(const json_t *object, const char *name)
{
    struct word word;
    copy_printable(word.text, sizeof word.text, json_string_value(json_object_get(object, name)));
    return word;
}

void report_json(json_t *value)
{
    (void)json_dumpf(value, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    (void)putchar('\n');
    (void)fflush(stdout);
    json_decref(value);
}

/* ---- intervals ---- */

static void line(const char *id, double from, double to, double bytes, const char *role)
{
    double span = to - from;
    (void)printf("[%3s] %6.2f-%-6.2f sec  %-12s %-14s %s\n", id, from, to, show_bytes(bytes).text,
                 show_rate(span > 0 ? bytes / span : 0).text, role);
}

static void header(void)
{
    (void)printf("[ ID] Interval           Transfer     Bitrate\n");
}

/* Bytes of a flow since the last interval line. */
static uint64_t fresh(struct test *test, unsigned i, enum weir_dir dir)
{
    const struct stream *s = test->streams[i];
    if (s == NULL) {
        return 0;
    }
    uint64_t bytes = dir == WEIR_TX ? s->sent.bytes : s->got.bytes;
    uint64_t moved = bytes - test->seen[i][dir];
    test->seen[i][dir] = bytes;
    return moved;
}

static void interval_dir(struct test *test, enum weir_dir dir, double from, double to)
{
    uint64_t sum = 0;
    unsigned flows = 0;
    const char *role = dir == WEIR_TX ? "sent" : "received";
    for (unsigned i = 0; i < test->expected; i++) {
        const struct stream *s = test->streams[i];
        if (s == NULL || !(dir == WEIR_TX ? s->sent.wanted : s->got.wanted)) {
            continue;
        }
        uint64_t bytes = fresh(test, i, dir);
        sum += bytes;
        flows++;
        if (!test->perf->options->json) {
            char id[12];
            (void)snprintf(id, sizeof id, "%u", i);
            line(id, from, to, (double)bytes, role);
        }
    }
    if (flows > 1 && !test->perf->options->json) {
        line("SUM", from, to, (double)sum, role);
    }
    if (flows > 0 && test->perf->options->json) {
        (void)json_array_append_new(test->intervals,
                                    json_pack("{s:s, s:f, s:f, s:I}", "direction", role, "from",
                                              from, "to", to, "bytes", (json_int_t)sum));
    }
}

static double now(void)
{
    return (double)uv_hrtime() / 1e9;
}

static void on_tick(uv_timer_t *timer)
{
    struct test *test = timer->data;
    uv_mutex_lock(&test->perf->lock);
    double from = test->ticked - test->began, to = now() - test->began;
    if (test->ended < test->opened) {
        if (!test->titled && !test->perf->options->json) {
            header();
            test->titled = true;
        }
        interval_dir(test, WEIR_TX, from, to);
        interval_dir(test, WEIR_RX, from, to);
        (void)fflush(stdout);
    }
    test->ticked = test->began + to;
    uv_mutex_unlock(&test->perf->lock);
}

void report_start(struct test *test)
{
    test->started = true;
    test->began = test->ticked = now();
    test->intervals = json_array();
    (void)fflush(stdout);
    perf_wake(test->perf);
}

void report_tick(struct test *test)
{
    const struct perf_options *options = test->perf->options;
    if (test->started && !test->ticking && options->interval > 0) {
        uint64_t ms = (uint64_t)(options->interval * 1000);
        (void)uv_timer_init(test->perf->loop, &test->tick);
        test->tick.data = test;
        test->ticking = true;
        (void)uv_timer_start(&test->tick, on_tick, ms > 0 ? ms : 1, ms > 0 ? ms : 1);
    }
}

void report_stop(struct test *test)
{
    if (test->ticking) {
        (void)uv_timer_stop(&test->tick);
    }
}

/* ---- results ---- */

/* Moves a value that the stream has had till now; it is nobody's who works in another thread. */
static void move_to(json_t *object, const char *name, json_t **value)
{
    if (*value != NULL) {
        (void)json_object_set_new(object, name, *value);
        *value = NULL;
    }
}

static json_t *flow_json(struct flow *flow, double until)
{
    double seconds = (flow->done ? flow->ended : until) - flow->began;
    json_t *json = json_pack("{s:I, s:f, s:b}", "bytes", (json_int_t)flow->bytes, "seconds",
                             flow->began > 0 ? seconds : 0.0, "complete",
                             flow->done && flow->reported ? 1 : 0);
    if (flow->sha256[0] != '\0') {
        (void)json_object_set_new(json, "sha256", json_string(flow->sha256));
    }
    move_to(json, "peer", &flow->totals);
    return json;
}

json_t *report_stream(struct stream *s)
{
    json_t *json = json_pack("{s:i, s:s, s:s}", "id", (int)s->id, "local", s->here.text, "remote",
                             s->there.text);
    if (s->sent.wanted) {
        json_t *flow = flow_json(&s->sent, stream_now(s));
        move_to(flow, "path", &s->end_path[WEIR_TX]);
        (void)json_object_set_new(json, "sent", flow);
    }
    if (s->got.wanted) {
        json_t *flow = flow_json(&s->got, stream_now(s));
        move_to(flow, "path", &s->end_path[WEIR_RX]);
        (void)json_object_set_new(json, "received", flow);
    }
    if (s->failed) {
        (void)json_object_set_new(json, "error", json_string(s->fault.text));
    }
    return json;
}

void report_fault(const struct test *test, const struct stream *s)
{
    if (s->failed && !test->perf->options->json) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "weir perf: %s: %s\n", s->there.text, s->fault.text);
    }
}

/* ---- the lines at the end ---- */

/* Sender's and receiver's line of each stream, and their sums. */
static void end_lines(const struct test *test, const char *flow_name)
{
    bool sent = strcmp(flow_name, "sent") == 0;
    double bytes[2] = {0}, seconds[2] = {0};
    unsigned flows[2] = {0};
    for (unsigned i = 0; i < test->expected; i++) {
        const json_t *flow = json_object_get(test->results[i], flow_name);
        const json_t *ends[2] = {sent ? flow : json_object_get(flow, "peer"),
                                 sent ? json_object_get(flow, "peer") : flow};
        char id[12];
        (void)snprintf(id, sizeof id, "%u", i);
        for (int e = 0; e < 2; e++) {
            if (ends[e] != NULL) {
                double b = real_of(ends[e], "bytes"), t = real_of(ends[e], "seconds");
                line(id, 0, t, b, e == 0 ? "sender" : "receiver");
                bytes[e] += b;
                seconds[e] = t > seconds[e] ? t : seconds[e];
                flows[e]++;
            }
        }
    }
    for (int e = 0; e < 2; e++) {
        if (flows[e] > 1) {
            line("SUM", 0, seconds[e], bytes[e], e == 0 ? "sender" : "receiver");
        }
    }
}

static const json_t *path_of(const struct test *test, unsigned i, const char *flow_name, bool peer)
{
    const json_t *flow = json_object_get(test->results[i], flow_name);
    return json_object_get(peer ? json_object_get(flow, "peer") : flow, "path");
}

/* "soft with openssl: TLSv1.3, TLS_AES_128_GCM_SHA256" */
struct carrier {
    char text[336];
};
static struct carrier carrier_of(const json_t *path)
{
    struct carrier c;
    struct word aead = word_of(path, "aead");
    (void)snprintf(c.text, sizeof c.text, "%s%s%s: %s, %s", word_of(path, "backend").text,
                   aead.text[0] == '\0' ? "" : " with ", aead.text, word_of(path, "tls").text,
                   word_of(path, "cipher").text);
    return c;
}

static void refused_lines(const json_t *path)
{
    size_t i = 0;
    const json_t *refused = NULL;
    json_array_foreach(json_object_get(path, "refused"), i, refused)
    {
        (void)printf("      not by %s: %s (%s)\n", word_of(refused, "name").text,
                     word_of(refused, "text").text, word_of(refused, "code").text);
    }
}

/* One line for each distinct carrier of a direction at one end, with sums over its streams. */
static void carrier_lines(const struct test *test, const char *flow_name, bool peer,
                          const char *verb, bool refused)
{
    for (unsigned i = 0; i < test->expected; i++) {
        const json_t *path = path_of(test, i, flow_name, peer);
        struct carrier carrier = carrier_of(path);
        uint64_t records = 0, bytes = 0, updates = 0;
        bool seen = path == NULL;
        for (unsigned j = 0; j < test->expected && !seen; j++) {
            const json_t *other = path_of(test, j, flow_name, peer);
            if (other == NULL || strcmp(carrier_of(other).text, carrier.text) != 0) {
                continue;
            }
            seen = j < i;
            records += count_of(other, "records");
            bytes += count_of(other, "bytes");
            updates += count_of(other, "key_updates");
        }
        if (!seen) {
            (void)printf("  %s by %s, %llu records, %s, %llu KeyUpdates\n", verb, carrier.text,
                         (unsigned long long)records, show_bytes((double)bytes).text,
                         (unsigned long long)updates);
            if (refused) {
                refused_lines(path);
            }
        }
    }
}

static void digest_lines(const struct test *test, const char *flow_name)
{
    for (unsigned i = 0; i < test->expected; i++) {
        const json_t *flow = json_object_get(test->results[i], flow_name);
        struct word ours = word_of(flow, "sha256");
        struct word theirs = word_of(json_object_get(flow, "peer"), "sha256");
        if (ours.text[0] != '\0' && theirs.text[0] != '\0') {
            (void)printf("  [%3u] SHA-256 %s at both ends: %s\n", i,
                         strcmp(ours.text, theirs.text) == 0 ? "equal" : "DIFFERENT", ours.text);
        }
    }
}

static void end_direction(const struct test *test, const char *flow_name)
{
    bool sent = strcmp(flow_name, "sent") == 0, any = false;
    for (unsigned i = 0; i < test->expected; i++) {
        any = any || json_object_get(test->results[i], flow_name) != NULL;
    }
    if (any) {
        bool up = sent != test->server;
        /* Reasons that are the same at both ends are given once. */
        bool same = json_equal(json_object_get(path_of(test, 0, flow_name, false), "refused"),
                               json_object_get(path_of(test, 0, flow_name, true), "refused"));
        (void)printf("%s:\n", up ? "Client to server" : "Server to client");
        carrier_lines(test, flow_name, !sent, "sent", !same);
        carrier_lines(test, flow_name, sent, "received", true);
        digest_lines(test, flow_name);
    }
}

static json_t *test_json(struct test *test)
{
    json_t *streams = json_array();
    for (unsigned i = 0; i < test->expected; i++) {
        if (test->results[i] != NULL) {
            (void)json_array_append(streams, test->results[i]);
        }
    }
    json_t *json =
        json_pack("{s:s, s:b, s:s, s:O*, s:o}", "role", test->server ? "server" : "client", "ok",
                  test->failed ? 0 : 1, "tls_library", test->perf->library->version(), "intervals",
                  test->intervals, "streams", streams);
    if (!test->server) {
        (void)json_object_set_new(json, "verified", json_boolean(!test->perf->settings.insecure));
    }
    return json;
}

void report_end(struct test *test)
{
    if (test->perf->options->json) {
        report_json(test_json(test));
        return;
    }
    if (test->started) {
        (void)printf("- - - - - - - - - - - - - - - - - - - - - - - - -\n");
        header();
        end_lines(test, "sent");
        end_lines(test, "received");
        (void)printf("\n");
        end_direction(test, test->server ? "received" : "sent");
        end_direction(test, test->server ? "sent" : "received");
        (void)fflush(stdout);
    }
}
