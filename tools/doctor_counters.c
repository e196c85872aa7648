/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the counters say: errors that go on, and work done twice.
 */
#include "doctor.h"

#include <string.h>

static void add_count(struct doctor *d, const struct reading *reading, uint64_t count)
{
    char part[300];
    (void)snprintf(part, sizeof part, "%s%s %llu (%s)", d->found[0] == '\0' ? "" : ", ",
                   counter_show(reading).text, (unsigned long long)count,
                   reading->counter->meaning);
    doctor_add(d, part);
}

void doctor_errors(struct doctor *d)
{
    unsigned grown = 0, total = 0;
    if (d->after.count == 0) {
        FIND_ADVICE(d, ERRORS, NULL, STATE_SKIP, "", "no counters to be read");
        return;
    }
    d->found[0] = '\0';
    for (size_t i = 0; i < d->after.count; i++) {
        const struct reading *now = &d->after.list[i];
        uint64_t before = counters_before(&d->before, now);
        if (now->counter->bad && now->value > before) {
            grown++;
            add_count(d, now, now->value - before);
        }
    }
    if (grown > 0) {
        char part[80];
        (void)snprintf(part, sizeof part, " more within %g s", d->seconds);
        doctor_add(d, part);
        doctor_note(d, CHECK_ERRORS, NULL, STATE_WARN, NULL);
        return;
    }
    for (size_t i = 0; i < d->after.count; i++) {
        if (d->after.list[i].counter->bad && d->after.list[i].value > 0) {
            total++;
            add_count(d, &d->after.list[i], d->after.list[i].value);
        }
    }
    if (total > 0) {
        doctor_add(d, " since the start; none more now");
    } else {
        doctor_add(d, "none");
    }
    doctor_note(d, CHECK_ERRORS, NULL, total > 0 ? STATE_NOTE : STATE_OK, NULL);
}

void doctor_ratio(struct doctor *d, const char *name, uint64_t part, uint64_t whole)
{
    char text[120];
    if (whole == 0) {
        return;
    }
    double percent = 100.0 * (double)part / (double)whole;
    (void)snprintf(text, sizeof text, "%s%s %.2f %%%s", d->found[0] == '\0' ? "" : ", ", name,
                   percent, percent > d->percent ? " (!)" : "");
    doctor_add(d, text);
}

void doctor_ratios_end(struct doctor *d)
{
    bool high = strstr(d->found, "(!)") != NULL;
    if (d->found[0] == '\0') {
        FIND_ADVICE(d, RATIOS, NULL, STATE_SKIP, "", "a NIC has carried nothing yet");
        return;
    }
    char text[40];
    (void)snprintf(text, sizeof text, "; warned of above %g %%", d->percent);
    doctor_add(d, text);
    doctor_note(d, CHECK_RATIOS, NULL, high ? STATE_WARN : STATE_OK, NULL);
}
