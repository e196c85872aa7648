/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim.h"

#include <inttypes.h>
#include <jansson.h>

/* What is counted over all runs. X(name in JSON, where it is in a report, what it is) */
#define COUNT_LIST(X)                                                                              \
    X("records", records, "records that arrived, and were right")                                  \
    X("bytes", content, "bytes of their content")                                                  \
    X("segments_card", segments[WEIR_MLX5_DEVICE], "segments that the card encrypted")             \
    X("segments_software", segments[WEIR_MLX5_SOFTWARE], "segments that the processor encrypted")  \
    X("segments_untouched", segments[WEIR_MLX5_UNTOUCHED], "segments that went as they were")      \
    X("segments_dropped", segments[WEIR_MLX5_DROPPED], "segments dropped, to be sent again")       \
    X("resyncs_start", starts, "resyncs from the start of a record")                               \
    X("resyncs_gap", gaps, "resyncs over a gap within a record")                                   \
    X("bytes_read_again", tx.tx_bytes_ooo, "bytes that the card read again for that")              \
    X("tags_software", tx.tx_tags, "records sealed once more for a part of their tag")             \
    X("frames", out.frames, "frames that the host sent")                                           \
    X("frames_lost", out.lost, "of them lost")                                                     \
    X("frames_reordered", out.reordered, "reordered")                                              \
    X("frames_duplicated", out.duplicated, "duplicated")                                           \
    X("frames_damaged", out.corrupted, "damaged")                                                  \
    X("segments_again", tcp.again, "segments that TCP sent again")                                 \
    X("timeouts", tcp.timeouts, "timeouts of TCP")                                                 \
    X("received_decrypted", came[2], "records received: decrypted by the card")                    \
    X("received_mixed", came[1], "decrypted in part")                                              \
    X("received_encrypted", came[0], "not decrypted")                                              \
    X("rx_resync_ok", rx.rx_resync_ok, "questions to the card where it stands")                    \
    X("rx_confirmed", rx.rx_confirmed, "of its proposals confirmed")                               \
    X("refused", software, "directions that the card refused, and that went on in software")       \
    X("dead", dead, "directions that ended with an error")                                         \
    X("queue_resets", resets, "resets of a queue")                                                 \
    X("complaints", complaints, "complaints of the card")

void sim_add(struct sim_totals *totals, const struct sim_device_report *report)
{
    struct sim_device_report *sum = &totals->sum;
#define X(name, where, what) sum->where += report->where;
    COUNT_LIST(X)
#undef X
    sum->ticks += report->ticks;
    sum->digest ^= report->digest;
    totals->runs++;
    totals->failed += report->failed;
}

/* Bytes of content in a second of virtual time. */
static double goodput(uint64_t bytes, uint64_t ticks)
{
    return ticks == 0 ? 0 : (double)bytes * 1e6 / (double)ticks;
}

static double relative(const struct sim_totals *totals)
{
    return totals->sum.ticks == 0 ? 0 : (double)totals->quiet_ticks / (double)totals->sum.ticks;
}

void sim_print_failure(uint64_t seed, const struct sim_device_report *report, FILE *out)
{
    (void)fprintf(out, "seed %" PRIu64 " fails after %.6f s, flow %u: %s\n", seed,
                  (double)report->ticks / 1e6, report->flow, report->text);
    if (report->byte_known) {
        (void)fprintf(out, "the first wrong byte is %" PRIu64 "\n", report->wrong);
    }
}

void sim_print(const struct sim_options *o, const struct sim_totals *totals)
{
    const struct sim_device_report *sum = &totals->sum;
    if (o->runs == 1) {
        (void)printf("seed %" PRIu64 ": %s\n", o->seed, totals->failed > 0 ? "failed" : "good");
    } else {
        (void)printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " good, %" PRIu64 " failed\n",
                     o->seed, o->seed + totals->runs - 1, totals->runs - totals->failed,
                     totals->failed);
    }
#define X(name, where, what)                                                                       \
    if (sum->where > 0) {                                                                          \
        (void)printf("%12" PRIu64 "  %s\n", sum->where, what);                                     \
    }
    COUNT_LIST(X)
#undef X
    if (totals->struck > 0) {
        (void)printf("%12" PRIu64 "  faults that struck\n", totals->struck);
    }
    (void)printf("%.3f s of virtual time, %s of content, %.0f %% of what it is without loss\n",
                 (double)sum->ticks / 1e6, show_rate(goodput(sum->content, sum->ticks)).text,
                 relative(totals) * 100);
    (void)printf("digest of the trace: %016" PRIx64 "\n", sum->digest);
}

void sim_print_json(const struct sim_options *o, const struct sim_totals *totals,
                    uint64_t failed_seed, const struct sim_device_report *failed)
{
    const struct sim_device_report *sum = &totals->sum;
    char digest[20];
    (void)snprintf(digest, sizeof digest, "%016" PRIx64, sum->digest);
    json_t *json =
        json_pack("{s:I, s:I, s:I, s:s}", "seed", (json_int_t)o->seed, "runs",
                  (json_int_t)totals->runs, "failed", (json_int_t)totals->failed, "digest", digest);
#define X(name, where, what)                                                                       \
    (void)json_object_set_new(json, name, json_integer((json_int_t)sum->where));
    COUNT_LIST(X)
#undef X
    (void)json_object_set_new(json, "faults_struck", json_integer((json_int_t)totals->struck));
    (void)json_object_set_new(json, "seconds", json_real((double)sum->ticks / 1e6));
    (void)json_object_set_new(json, "goodput", json_real(goodput(sum->content, sum->ticks)));
    (void)json_object_set_new(json, "goodput_relative", json_real(relative(totals)));
    if (failed != NULL) {
        json_t *why = json_pack("{s:I, s:i, s:s, s:f}", "seed", (json_int_t)failed_seed, "flow",
                                (int)failed->flow, "what", failed->text, "seconds",
                                (double)failed->ticks / 1e6);
        if (failed->byte_known) {
            (void)json_object_set_new(why, "byte", json_integer((json_int_t)failed->wrong));
        }
        (void)json_object_set_new(json, "failure", why);
    }
    (void)json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    (void)putchar('\n');
    json_decref(json);
}
