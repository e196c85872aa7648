/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of sessions of FreeBSD: bytes put together by hand, and what is read out of them.
 */
#include "ktlslist.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct list {
    uint8_t bytes[65536];
    size_t len;
};

static unsigned failed;

static void put(uint8_t *at, uint64_t value, size_t size)
{
    uint16_t two = (uint16_t)value;
    uint32_t four = (uint32_t)value;
    memcpy(at,
           size == 2   ? (const void *)&two
           : size == 4 ? (const void *)&four
                       : (const void *)&value,
           size);
}

static void header(struct list *list, uint32_t count, uint64_t generation)
{
    uint8_t *at = list->bytes + list->len;
    memset(at, 0, 64);
    put(at, 64, 8);
    put(at + 8, count, 4);
    put(at + 16, generation, 8);
    list->len += 64;
}

static void direction(uint8_t *dir, uint32_t cipher, unsigned key_len, unsigned minor,
                      const char *interface, const char *driver)
{
    put(dir + 136, cipher, 4);
    put(dir + 144, key_len, 2);
    dir[152] = 3;
    dir[153] = (uint8_t)minor;
    put(dir + 158, strlen(driver), 2);
    memcpy(dir + 160, interface, strlen(interface));
}

/* A session whose TX is on an interface, and RX on another; `more`: bytes behind the texts. */
static uint8_t *session(struct list *list, uint64_t generation, const char *rx, const char *tx,
                        const char *driver, size_t more)
{
    uint8_t *at = list->bytes + list->len;
    size_t total = 424 + strlen(driver) + more;
    memset(at, 0, total);
    put(at, total, 4);
    put(at + 4, 424, 4);
    put(at + 8, generation, 8);
    direction(at + 72, 25, 16, 4, rx, driver);
    direction(at + 248, 25, 16, 4, tx, "");
    memcpy(at + 424, driver, strlen(driver));
    list->len += total;
    return at;
}

static void check(const char *name, const struct list *list, int wanted, const char *text)
{
    char *got = NULL;
    size_t size = 0;
    /* A copy of its own, so that a sanitizer sees every byte that is read beyond it. */
    uint8_t *exact = malloc(list->len + (list->len == 0));
    FILE *out = open_memstream(&got, &size);
    if (exact == NULL || out == NULL) {
        exit(2);
    }
    memcpy(exact, list->bytes, list->len);
    int answer = ktlslist_print(exact, list->len, out);
    (void)fclose(out);
    bool good = answer == wanted && (wanted != 0 || strcmp(got, text) == 0);
    printf(good ? "PASS %s\n" : "FAIL %s: %d, '%s'\n", name, answer, got);
    failed += good ? 0 : 1;
    free(got);
    free(exact);
}

static void lists(void)
{
    static struct list list;
    header(&list, 0, 7);
    check("one header alone", &list, EBADMSG, "");
    header(&list, 0, 7);
    check("no session", &list, 0, "");

    list.len = 0;
    header(&list, 5, 7);
    (void)session(&list, 1, "", "mce0", "", 0);
    (void)session(&list, 2, "", "mce0", "", 0);
    (void)session(&list, 3, "mce1", "mce0", "tracker_state: 1, auth_state: 2", 1);
    (void)session(&list, 8, "", "mce9", "", 0); /* came after the list was begun */
    uint8_t *other = session(&list, 7, "", "", "", 0);
    direction(other + 72, 0, 0, 0, "", "");
    direction(other + 248, 41, 32, 3, "", "");
    header(&list, 5, 7);
    check("kinds of sessions", &list, 0,
          "2 TLSv1.3 AES-GCM-128 rx - tx mce0\n"
          "1 TLSv1.3 AES-GCM-128 rx mce1 tx mce0 tracker_state: 1, auth_state: 2\n"
          "1 TLSv1.2 ChaCha20-256 rx - tx -\n");

    list.len = 0;
    header(&list, 1, 7);
    uint8_t *keys = session(&list, 1, "mce1", "mce0", "text", 32);
    memset(keys + 424, 'K', 32);
    header(&list, 1, 7);
    check("keys are not read", &list, 0, "1 TLSv1.3 AES-GCM-128 rx mce1 tx mce0\n");

    list.len = 0;
    header(&list, 100, 7);
    for (unsigned i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "mce%u", i);
        (void)session(&list, 1, "", name, "", 0);
    }
    header(&list, 100, 7);
    char text[65 * 60] = "";
    for (unsigned i = 0; i < 64; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "1 TLSv1.3 AES-GCM-128 rx - tx mce%u\n", i);
    }
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "36 others\n");
    check("many kinds", &list, 0, text);
}

/* What is laid out in another way is refused, not guessed at. */
static void layouts(void)
{
    static struct list list, good;
    header(&good, 1, 7);
    uint8_t *at = session(&good, 1, "", "mce0", "", 0);
    header(&good, 1, 7);
    size_t offset = (size_t)(at - good.bytes);
    static const struct change {
        const char *name;
        size_t where;
        uint32_t value;
    } changes[] = {{"another fixed part", 4, 432},
                   {"a session without length", 0, 0},
                   {"a session too short", 0, 423},
                   {"a session beyond the end", 0, 425},
                   {"a session of 4 GiB", 0, UINT32_MAX}};
    check("the good one", &good, 0, "1 TLSv1.3 AES-GCM-128 rx - tx mce0\n");
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        list = good;
        put(list.bytes + offset + changes[i].where, changes[i].value, 4);
        check(changes[i].name, &list, EBADMSG, "");
    }
    for (size_t cut = 1; cut < 424; cut += 61) {
        list = good;
        memmove(list.bytes + 64 + 424 - cut, list.bytes + 64 + 424, 64);
        list.len -= cut;
        check("a list cut short", &list, EBADMSG, "");
    }
    list.len = 0;
    check("no bytes", &list, EBADMSG, "");
}

int main(void)
{
    lists();
    layouts();
    return failed == 0 ? 0 : 1;
}
