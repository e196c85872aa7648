/* SPDX-License-Identifier: BSD-2-Clause */
#include "counters.h"

#include <string.h>

enum counter_kind { NOW, SUM };
static const struct counter counters[] = {
#define X(source, name, kind, bad, meaning) {SOURCE_##source, name, (kind) == NOW, bad, meaning},
    COUNTER_LIST(X)
#undef X
};
enum { COUNTER_COUNT = sizeof counters / sizeof counters[0] };

static const struct source {
    enum host_system system;
    bool each;
    const char *where;
} sources[COUNTER_SOURCES] = {
#define X(name, system, each, where) {system, each, where},
    COUNTER_SOURCE_LIST(X)
#undef X
};

bool mce_number(const char *interface, unsigned *number)
{
    uint64_t value = 0;
    if (strncmp(interface, "mce", 3) != 0 || !parse_number(interface + 3, 0, 999, &value)) {
        return false;
    }
    *number = (unsigned)value;
    return true;
}

struct counter_label counter_show(const struct reading *reading)
{
    struct counter_label label;
    const char *where = sources[reading->counter->source].where, *name = reading->counter->name;
    unsigned number = 0;
    switch (reading->counter->source) {
    case SOURCE_TLS_STAT:
        (void)snprintf(label.text, sizeof label.text, "%s %s", where, name);
        break;
    case SOURCE_ETHTOOL:
        (void)snprintf(label.text, sizeof label.text, "%s %s %s", where, reading->interface, name);
        break;
    case SOURCE_MCE:
        (void)mce_number(reading->interface, &number);
        (void)snprintf(label.text, sizeof label.text, "%s.%u.%s", where, number, name);
        break;
    case SOURCE_KTLS:
    case COUNTER_SOURCES:
        (void)snprintf(label.text, sizeof label.text, "%s.%s", where, name);
        break;
    }
    return label;
}

static bool value_of(struct host *host, struct reading *reading)
{
    const struct counter *counter = reading->counter;
    struct answer lines;
    struct word word;
    unsigned number = 0;
    switch (counter->source) {
    case SOURCE_TLS_STAT:
        lines = host_ask(host, HOST_FILE, sources[SOURCE_TLS_STAT].where);
        break;
    case SOURCE_ETHTOOL:
        lines = host_ask(host, HOST_COUNTERS, reading->interface);
        break;
    case SOURCE_MCE:
        /* What a driver does not have is not asked for a hundred times. */
        if (!mce_number(reading->interface, &number)) {
            return false;
        }
        return host_number(host, HOST_SYSCTL, counter_show(reading).text, &reading->value);
    case SOURCE_KTLS:
    case COUNTER_SOURCES:
    default:
        return host_number(host, HOST_SYSCTL, counter_show(reading).text, &reading->value);
    }
    return find_line(lines.text, counter->name, &word) &&
           parse_number(word.text, 0, UINT64_MAX, &reading->value);
}

static void read_source(struct host *host, enum counter_source source, const char *interface,
                        struct readings *out)
{
    size_t len = strlen(interface);

    if (len >= sizeof out->list[0].interface)
        return; /* no system has such a name (IFNAMSIZ); a part of it would be another's */
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        struct reading reading = {.counter = &counters[i]};
        memcpy(reading.interface, interface, len + 1);
        if (counters[i].source == source && out->count < READINGS_MAX && value_of(host, &reading)) {
            out->list[out->count++] = reading;
        }
    }
}

void counters_read(struct host *host, const char *interface, struct readings *out)
{
    enum host_system system = host_system(host);
    out->count = 0;
    for (int source = 0; source < COUNTER_SOURCES; source++) {
        if (sources[source].system != system) {
            continue;
        }
        if (!sources[source].each) {
            read_source(host, (enum counter_source)source, "", out);
            continue;
        }
        const char *rest = host_ask(host, HOST_INTERFACES, NULL).text;
        struct word name;
        while (next_word(&rest, &name)) {
            if (interface == NULL || strcmp(interface, name.text) == 0) {
                read_source(host, (enum counter_source)source, name.text, out);
            }
        }
    }
}

bool counters_sum(const struct readings *readings, enum counter_source source, const char *name,
                  uint64_t *sum)
{
    bool found = false;
    *sum = 0;
    for (size_t i = 0; i < readings->count; i++) {
        const struct reading *one = &readings->list[i];
        if (one->counter->source == source && strcmp(one->counter->name, name) == 0) {
            *sum += one->value;
            found = true;
        }
    }
    return found;
}

uint64_t counters_value(const struct readings *readings, enum counter_source source,
                        const char *name)
{
    uint64_t sum = 0;
    (void)counters_sum(readings, source, name, &sum);
    return sum;
}

uint64_t counters_before(const struct readings *earlier, const struct reading *reading)
{
    for (size_t i = 0; i < earlier->count; i++) {
        const struct reading *one = &earlier->list[i];
        if (one->counter == reading->counter && strcmp(one->interface, reading->interface) == 0) {
            return one->value;
        }
    }
    return reading->value;
}
