/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers: asked once, kept, looked at.
 */
#include "host.h"
#include "host_answers.h"

#include <stdlib.h>
#include <string.h>

const char host_unrecorded[] = "unrecorded";

const struct host_word host_words[HOST_KINDS] = {
#define X(name, word, key) {word, key},
    HOST_KIND_LIST(X)
#undef X
};

struct host *host_here(void)
{
    return calloc(1, sizeof(struct host));
}

void host_forget(struct host *host, unsigned before)
{
    struct answer_kept **at = &host->first;
    while (*at != NULL) {
        struct answer_kept *kept = *at;
        if (kept->sample >= before) {
            at = &kept->next;
            continue;
        }
        *at = kept->next;
        free(kept->key);
        free(kept->text);
        free(kept);
    }
    host->last = at;
    if (host->first != NULL) {
        struct answer_kept *kept = host->first;
        for (; kept->next != NULL; kept = kept->next) {
        }
        host->last = &kept->next;
    }
}

void host_free(struct host *host)
{
    if (host != NULL) {
        host_forget(host, UINT_MAX);
        free(host);
    }
}

bool host_is_recorded(const struct host *host)
{
    return host->recorded;
}

struct answer_kept *host_keep(struct host *host, enum host_kind kind, const char *key, char *text,
                              const char *error)
{
    struct answer_kept *kept = calloc(1, sizeof *kept);
    char *copy = strdup(key);
    if (kept == NULL || copy == NULL || text == NULL) {
        free(kept);
        free(copy);
        free(text);
        return NULL;
    }
    *kept = (struct answer_kept){
        .kind = kind, .key = copy, .text = text, .error = error, .sample = host->sample};
    if (host->last == NULL) {
        host->last = &host->first;
    }
    *host->last = kept;
    host->last = &kept->next;
    return kept;
}

struct answer_kept *host_find(struct host *host, enum host_kind kind, const char *key)
{
    struct answer_kept *found = NULL;
    for (struct answer_kept *kept = host->first; kept != NULL; kept = kept->next) {
        bool now = host->recorded ? kept->sample <= host->sample : kept->sample == host->sample;
        if (now && kept->kind == kind && strcmp(kept->key, key) == 0) {
            found = kept;
        }
    }
    return found;
}

/* What upsets a terminal or the lines of a recording does not get into an answer. */
static void make_printable(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '\n') {
        text[--len] = '\0';
    }
    for (; *text != '\0'; text++) {
        if (*text == '\t') {
            *text = ' ';
        } else if (*text != '\n' && (*text < ' ' || *text > '~')) {
            *text = '?';
        }
    }
}

static struct answer_kept *ask_system(struct host *host, enum host_kind kind, const char *key)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    int error = host_system_ask(kind, key, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    if (error != 0) {
        text[0] = '\0';
    }
    make_printable(text);
    return host_keep(host, kind, key, text, error == 0 ? NULL : errno_name(error));
}

struct answer host_ask(struct host *host, enum host_kind kind, const char *key)
{
    const char *real = key == NULL ? "" : key;
    struct answer_kept *kept = host_find(host, kind, real);
    if (kept == NULL) {
        if (host->recorded) {
            return (struct answer){.text = "", .error = host_unrecorded};
        }
        kept = ask_system(host, kind, real);
    }
    if (kept == NULL) {
        return (struct answer){.text = "", .error = "ENOMEM"};
    }
    return (struct answer){.text = kept->text, .error = kept->error};
}

bool host_number(struct host *host, enum host_kind kind, const char *key, uint64_t *number)
{
    struct answer answer = host_ask(host, kind, key);
    return answer.error == NULL && parse_number(answer.text, 0, UINT64_MAX, number);
}

bool host_has(struct host *host, enum host_kind kind, const char *key)
{
    return host_ask(host, kind, key).error == NULL;
}

bool host_is_root(struct host *host)
{
    return strcmp(host_ask(host, HOST_USER, NULL).text, "root") == 0;
}

enum host_system host_system(struct host *host)
{
    const char *rest = host_ask(host, HOST_UNAME, NULL).text;
    struct word name;
    if (!next_word(&rest, &name)) {
        return SYSTEM_OTHER;
    }
    return strcmp(name.text, "Linux") == 0     ? SYSTEM_LINUX
           : strcmp(name.text, "FreeBSD") == 0 ? SYSTEM_FREEBSD
                                               : SYSTEM_OTHER;
}

uint64_t host_osreldate(struct host *host)
{
    uint64_t number = 0;
    if (host_number(host, HOST_SYSCTL, "kern.osreldate", &number)) {
        return number;
    }
    /* "FreeBSD 14.1-RELEASE": the version counts 100000 for 14 and 1000 for .1 */
    const char *rest = host_ask(host, HOST_UNAME, NULL).text;
    struct word word;
    unsigned long parts[2] = {0, 0};
    if (next_word(&rest, &word) && next_word(&rest, &word)) {
        char *end = NULL;
        parts[0] = strtoul(word.text, &end, 10);
        parts[1] = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    }
    return parts[0] < 1000 && parts[1] < 100 ? parts[0] * 100000 + parts[1] * 1000 : 0;
}

bool next_word(const char **rest, struct word *word)
{
    const char *at = *rest + strspn(*rest, " \n");
    size_t len = strcspn(at, " \n");
    *rest = at + len;
    (void)snprintf(word->text, sizeof word->text, "%.*s", (int)(len < 64 ? len : 64), at);
    return len > 0;
}

bool find_line(const char *lines, const char *name, struct word *value)
{
    size_t len = strlen(name);
    for (const char *line = lines; line != NULL; line = strchr(line, '\n')) {
        line += line[0] == '\n';
        if (strncmp(line, name, len) == 0 && line[len] == ' ') {
            size_t blanks = strspn(line + len, " ");
            size_t rest = strcspn(line + len + blanks, "\n");
            (void)snprintf(value->text, sizeof value->text, "%.*s", (int)(rest < 64 ? rest : 64),
                           line + len + blanks);
            return true;
        }
    }
    return false;
}
