/* SPDX-License-Identifier: BSD-2-Clause */
#include "facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct raw_key facts_receiver(int fd[2], const struct raw_suite *suite)
{
    struct raw_key key = raw_key(suite, 5);
    raw_pair(fd);
    CHECK_ERR(raw_attach(fd[1]), 0);
    CHECK_ERR(raw_set_key(fd[1], TLS_RX, &key), 0);
    return key;
}

struct raw_key facts_sender(int fd[2], const struct raw_suite *suite)
{
    struct raw_key key = raw_key(suite, 5);
    raw_pair(fd);
    CHECK_ERR(raw_attach(fd[0]), 0);
    CHECK_ERR(raw_set_key(fd[0], TLS_TX, &key), 0);
    return key;
}

void facts_put(int fd, struct raw_key *key, uint8_t type, const void *data, size_t len)
{
    uint8_t record[RAW_RECORD];
    raw_write_all(fd, record, raw_seal(key, type, data, len, record));
}

ssize_t facts_take(int fd, struct raw_key *key, uint8_t *type, uint8_t out[RAW_RECORD])
{
    uint8_t record[RAW_RECORD];
    if (recv(fd, record, 1, MSG_PEEK) == 0) {
        return -1;
    }
    raw_read_all(fd, record, 5);
    size_t len = (size_t)record[3] << 8 | record[4];
    CHECK(len <= sizeof record - 5);
    raw_read_all(fd, record + 5, len);
    ssize_t n = raw_open(key, record, 5 + len, type, out);
    CHECK(n >= 0);
    return n;
}

uint64_t facts_seq(int fd, int dir, const struct raw_suite *suite)
{
    struct raw_key key = {.suite = suite};
    CHECK_ERR(raw_get_key(fd, dir, &key), 0);
    return key.seq;
}

long facts_stat(const char *name)
{
    char line[128];
    long result = -1;
    size_t len = strlen(name);
    FILE *file = fopen("/proc/net/tls_stat", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, len) == 0 && line[len] == ' ') {
            result = strtol(line + len, NULL, 10);
        }
    }
    fclose(file);
    return result;
}

static void run(const struct fact *fact, const struct raw_suite *suite)
{
    char name[200];
    if (fact->version == 0 || fact->version == suite->version) {
        snprintf(name, sizeof name, "%s, %s", suite->name, fact->name);
        check_case(name, fact->body, suite, 20);
    }
}

int main(int argc, char **argv)
{
    const struct fact *const lists[] = {facts_keys, facts_tx, facts_rx, facts_update};
    check_only(argc > 1 ? argv[1] : NULL);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (const struct fact *fact = lists[i]; fact->name != NULL; fact++) {
            /* The framing has three forms: TLS 1.2 with an explicit nonce, without, TLS 1.3. */
            run(fact, &raw_suites[0]);
            run(fact, &raw_suites[2]);
            run(fact, &raw_suites[3]);
        }
    }
    return check_result();
}
