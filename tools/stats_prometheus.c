/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text format of Prometheus: every metric once, with all its samples behind its description.
 */
#include "stats.h"

#include <ctype.h>
#include <string.h>

/* "weir_linux_tls_curr_tx_sw", "weir_freebsd_mce_tls_stats_tx_packets_total" */
struct metric {
    char name[128];
};
static struct metric metric_of(const struct counter *counter)
{
    static const char *const starts[COUNTER_SOURCES] = {
        [SOURCE_TLS_STAT] = "linux",
        [SOURCE_ETHTOOL] = "linux_ethtool",
        [SOURCE_KTLS] = "freebsd_ktls",
        [SOURCE_MCE] = "freebsd_mce",
    };
    struct metric metric;
    int len = snprintf(metric.name, sizeof metric.name, "weir_%s", starts[counter->source]);
    size_t at = len > 0 ? (size_t)len : 0;
    bool camel = counter->source == SOURCE_TLS_STAT;
    metric.name[at++] = '_';
    for (const char *c = counter->name; *c != '\0' && at < sizeof metric.name - 16; c++) {
        if (camel && isupper((unsigned char)*c) != 0 && c != counter->name) {
            metric.name[at++] = '_';
        }
        metric.name[at++] = *c == '.' ? '_' : (char)tolower((unsigned char)*c);
    }
    (void)snprintf(metric.name + at, sizeof metric.name - at, "%s", counter->now ? "" : "_total");
    return metric;
}

static void print_sample(const char *name, const struct reading *reading)
{
    (void)printf("%s", name);
    if (reading->interface[0] != '\0') {
        (void)printf("{interface=\"");
        for (const char *c = reading->interface; *c != '\0'; c++) {
            (void)printf("%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
        }
        (void)printf("\"}");
    }
    (void)printf(" %llu\n", (unsigned long long)reading->value);
}

void stats_prometheus(const struct readings *now, const struct verdict *verdict)
{
    static const char *const words[] = {
#define X(symbol, word) word,
        STATS_ACTIVE_LIST(X)
#undef X
    };
    for (size_t i = 0; i < now->count; i++) {
        const struct counter *counter = now->list[i].counter;
        bool first = true;
        for (size_t j = 0; j < i; j++) {
            first = first && now->list[j].counter != counter;
        }
        if (!first) {
            continue;
        }
        struct metric metric = metric_of(counter);
        (void)printf("# HELP %s %s\n# TYPE %s %s\n", metric.name, counter->meaning, metric.name,
                     counter->now ? "gauge" : "counter");
        for (size_t j = i; j < now->count; j++) {
            if (now->list[j].counter == counter) {
                print_sample(metric.name, &now->list[j]);
            }
        }
    }
    (void)printf("# HELP weir_offload_active who carries records now\n"
                 "# TYPE weir_offload_active gauge\n");
    for (int i = 0; i < (int)(sizeof words / sizeof words[0]); i++) {
        (void)printf("weir_offload_active{where=\"%s\"} %d\n", words[i],
                     i == (int)verdict->active ? 1 : 0);
    }
}
