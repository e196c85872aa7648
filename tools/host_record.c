/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recordings: the answers a host gave, as lines that one can read, and write by hand.
 *
 *     # a comment
 *     uname FreeBSD 14.1-RELEASE amd64
 *     sysctl kern.ipc.tls.enable=1
 *     sysctl dev.mce.0.tls!ENOENT
 *     file /proc/net/tls_stat=TlsCurrTxSw 1
 *     file /proc/net/tls_stat=TlsCurrRxSw 0
 *     after 1.0
 *     sysctl kern.ipc.tls.stats.active=3
 *
 * A key that comes again in the same sample adds a line to its answer; "after" begins the next
 * sample, in which what is not said again stays as it was.
 */
#include "host_answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_MAX_BYTES = 4096, LINES_MAX = 65536 };

double host_pause(struct host *host, double seconds)
{
    if (host->recorded) {
        if (host->sample + 1 >= host->samples) {
            return 0;
        }
        host->sample++;
        return host->pauses[host->sample];
    }
    double whole = (double)(time_t)seconds;
    struct timespec left = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - whole) * 1e9)};
    struct timespec before, after;
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    host->sample++;
    if (host->sample < SAMPLES_MAX) {
        host->pauses[host->sample] = seconds;
    }
    host_forget(host, host->sample - 1); /* who watches for days must not fill the memory */
    return (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

/* ---- reading ---- */

/* Adds a line to what an answer already says in this sample. */
static bool add_line(struct answer_kept *kept, const char *line)
{
    size_t size = strlen(kept->text) + strlen(line) + 2;
    char *longer = malloc(size);
    if (longer == NULL) {
        return false;
    }
    (void)snprintf(longer, size, "%s\n%s", kept->text, line);
    free(kept->text);
    kept->text = longer;
    return true;
}

static bool take_answer(struct host *host, enum host_kind kind, const char *key, const char *text,
                        const char *error, struct fault *fault)
{
    struct answer_kept *kept = host_find(host, kind, key);
    if (kept != NULL && kept->sample == host->sample) {
        bool lines = host_words[kind].key || kind == HOST_SESSIONS;
        if (error != NULL || kept->error != NULL || !lines) {
            FAULT(fault, "two answers to '%s %.100s'", host_words[kind].word, key);
            return false;
        }
        if (add_line(kept, text)) {
            return true;
        }
    } else if (host_keep(host, kind, key, strdup(text), error) != NULL) {
        return true;
    }
    FAULT(fault, "out of memory");
    return false;
}

/* "KEY=TEXT" or "KEY!ERRNO". */
static bool take_pair(struct host *host, enum host_kind kind, char *pair, struct fault *fault)
{
    size_t len = strcspn(pair, "=!");
    bool failed = pair[len] == '!';
    const char *text = pair + len + 1, *error = NULL;
    if (len == 0 || pair[len] == '\0') {
        FAULT(fault, "'%s' needs KEY=ANSWER or KEY!ERRNO", host_words[kind].word);
        return false;
    }
    pair[len] = '\0';
    if (failed) {
        error = errno_named(text);
        if (error == NULL) {
            FAULT(fault, "unknown errno '%.40s'", text);
            return false;
        }
        text = "";
    }
    return take_answer(host, kind, pair, text, error, fault);
}

static bool take_after(struct host *host, const char *text, struct fault *fault)
{
    double seconds = 0;
    if (!parse_seconds(text, &seconds)) {
        FAULT(fault, "'after' needs seconds, not '%.40s'", text);
        return false;
    }
    if (host->sample + 1 >= SAMPLES_MAX) {
        FAULT(fault, "more than %d samples", SAMPLES_MAX);
        return false;
    }
    host->pauses[++host->sample] = seconds;
    return true;
}

static bool take_line(struct host *host, char *line, struct fault *fault)
{
    size_t len = strcspn(line, " ");
    char *rest = line + len;
    if (line[0] == '#' || line[0] == '\0') {
        return true;
    }
    for (const char *c = line; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            FAULT(fault, "bytes that are not printable ASCII");
            return false;
        }
    }
    if (rest[0] == ' ') {
        *rest++ = '\0';
    }
    if (strcmp(line, "after") == 0) {
        return take_after(host, rest, fault);
    }
    for (int kind = 0; kind < HOST_KINDS; kind++) {
        if (strcmp(line, host_words[kind].word) == 0) {
            return host_words[kind].key
                       ? take_pair(host, (enum host_kind)kind, rest, fault)
                       : take_answer(host, (enum host_kind)kind, "", rest, NULL, fault);
        }
    }
    FAULT(fault, "unknown word '%.40s'", line);
    return false;
}

static bool take_file(struct host *host, FILE *file, const char *path, struct fault *fault)
{
    char line[LINE_MAX_BYTES];
    struct fault why;
    for (unsigned number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        size_t len = strlen(line);
        if (len > 0 && line[len - 1] == '\n') {
            line[--len] = '\0';
        } else if (len + 1 == sizeof line || number > LINES_MAX) {
            FAULT(fault, "%s:%u: too long for a recording", path, number);
            return false;
        }
        if (!take_line(host, line, &why)) {
            FAULT(fault, "%.150s:%u: %.200s", path, number, why.text);
            return false;
        }
    }
    if (ferror(file) != 0) {
        FAULT(fault, "cannot read '%s': %s", path, strerror(errno));
        return false;
    }
    host->samples = host->sample + 1;
    host->sample = 0;
    if (host_find(host, HOST_UNAME, "") == NULL) {
        FAULT(fault, "%s: not a recording of a host: it has no line 'uname SYSTEM RELEASE'", path);
        return false;
    }
    return true;
}

struct host *host_recorded(const char *path, struct fault *fault)
{
    struct host *host = host_here();
    FILE *file = fopen(path, "r");
    if (host == NULL || file == NULL) {
        FAULT(fault, "cannot read '%s': %s", path, strerror(errno));
        host_free(host);
        if (file != NULL) {
            (void)fclose(file);
        }
        return NULL;
    }
    host->recorded = true;
    bool good = take_file(host, file, path, fault);
    (void)fclose(file);
    if (!good) {
        host_free(host);
        return NULL;
    }
    return host;
}

/* ---- writing ---- */

static void write_answer(FILE *file, const struct answer_kept *kept)
{
    const char *word = host_words[kept->kind].word;
    if (kept->error != NULL && !host_words[kept->kind].key) {
        return; /* not recorded is all there is to say */
    }
    const char *blank = host_words[kept->kind].key ? " " : "";
    if (kept->error != NULL) {
        (void)fprintf(file, "%s%s%s!%s\n", word, blank, kept->key, kept->error);
        return;
    }
    const char *between = host_words[kept->kind].key ? "=" : " ";
    for (const char *line = kept->text; line != NULL;) {
        size_t len = strcspn(line, "\n");
        (void)fprintf(file, "%s%s%s%s%.*s\n", word, blank, kept->key, between, (int)len, line);
        line = line[len] == '\n' ? line + len + 1 : NULL;
    }
}

/* Whether an earlier sample says the same already. */
static bool repeats(const struct host *host, const struct answer_kept *kept)
{
    const struct answer_kept *before = NULL;
    for (const struct answer_kept *k = host->first; k != kept; k = k->next) {
        if (k->kind == kept->kind && strcmp(k->key, kept->key) == 0) {
            before = k;
        }
    }
    return before != NULL && before->error == kept->error && strcmp(before->text, kept->text) == 0;
}

bool host_record(const struct host *host, const char *path, struct fault *fault)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        FAULT(fault, "cannot write '%s': %s", path, strerror(errno));
        return false;
    }
    unsigned sample = 0;
    (void)fprintf(file, "# What a host answered to weir; see docs/doctor.md\n");
    for (const struct answer_kept *kept = host->first; kept != NULL; kept = kept->next) {
        if (kept->sample != sample) {
            sample = kept->sample;
            (void)fprintf(file, "after %.1f\n", host->pauses[sample]);
        }
        if (!repeats(host, kept)) {
            write_answer(file, kept);
        }
    }
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        FAULT(fault, "cannot write '%s': %s", path, strerror(errno));
        return false;
    }
    return true;
}
