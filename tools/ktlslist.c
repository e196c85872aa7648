/* SPDX-License-Identifier: BSD-2-Clause */
#include "ktlslist.h"
#include "kinds.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Where things are. A direction is within a session, its members within it. */
enum {
    HEADER = 64,
    HEADER_COUNT = 8,
    HEADER_GENERATION = 16,
    SESSION = 424,
    SESSION_TOTAL = 0,
    SESSION_FIXED = 4,
    SESSION_GENERATION = 8,
    SESSION_RX = 72,
    SESSION_TX = 248,
    DIR_CIPHER = 136,
    DIR_KEY_LEN = 144,
    DIR_AUTH_KEY_LEN = 148,
    DIR_MINOR = 153,
    DIR_DRIVER_LEN = 158,
    DIR_INTERFACE = 160,
    INTERFACE_LEN = 16
};
static uint16_t u16_at(const uint8_t *at)
{
    uint16_t value = 0;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t u32_at(const uint8_t *at)
{
    uint32_t value = 0;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t u64_at(const uint8_t *at)
{
    uint64_t value = 0;
    memcpy(&value, at, sizeof value);
    return value;
}

/* "TLSv1.3 AES-GCM-128" of a direction that is in use; false when it is not. */
static bool suite_of(const uint8_t *dir, char *text, size_t size)
{
    const char *name = "?";
    uint32_t cipher = u32_at(dir + DIR_CIPHER);
    if (cipher == 0) {
        return false;
    }
    name = cipher == 25 ? "AES-GCM" : cipher == 41 ? "ChaCha20" : cipher == 11 ? "AES-CBC" : name;
    (void)snprintf(text, size, "TLSv1.%d %s-%d", dir[DIR_MINOR] - 1, name,
                   u16_at(dir + DIR_KEY_LEN) * 8);
    return true;
}

static void interface_of(const uint8_t *dir, char *text)
{
    memcpy(text, dir + DIR_INTERFACE, INTERFACE_LEN);
    text[INTERFACE_LEN] = '\0';
    if (text[0] == '\0') {
        memcpy(text, "-", 2);
    }
}

/*
 * What the drivers say stands behind the fixed part, RX before TX. Keys would stand in between in
 * the list for the privileged: where there is room for more than the texts, neither is looked at.
 */
static size_t driver_text(const uint8_t *session, size_t total, const char **text)
{
    size_t rx = u16_at(session + SESSION_RX + DIR_DRIVER_LEN);
    size_t tx = u16_at(session + SESSION_TX + DIR_DRIVER_LEN);
    *text = (const char *)session + SESSION;
    return SESSION + rx + tx <= total && total < SESSION + rx + tx + 8 ? rx + tx : 0;
}

static void add_session(struct kinds *kinds, const uint8_t *session, size_t total)
{
    char suite[40] = "?", rx[INTERFACE_LEN + 1], tx[INTERFACE_LEN + 1], line[KIND_LEN];
    const char *driver = NULL;
    size_t len = driver_text(session, total, &driver);
    (void)(suite_of(session + SESSION_TX, suite, sizeof suite) ||
           suite_of(session + SESSION_RX, suite, sizeof suite));
    interface_of(session + SESSION_RX, rx);
    interface_of(session + SESSION_TX, tx);
    (void)snprintf(line, sizeof line, "%s rx %s tx %s%s%.*s", suite, rx, tx, len == 0 ? "" : " ",
                   (int)(len < 80 ? len : 80), driver);
    for (char *c = line; *c != '\0'; c++) {
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    }
    kinds_add(kinds, line);
}

int ktlslist_print(const uint8_t *bytes, size_t len, FILE *out)
{
    struct kinds kinds = {.count = 0};
    if (len < (size_t)2 * HEADER) {
        return EBADMSG;
    }
    /* The header at the end tells what was valid when the list was complete. */
    const uint8_t *end = bytes + len - HEADER;
    uint32_t count = u32_at(end + HEADER_COUNT);
    uint64_t generation = u64_at(end + HEADER_GENERATION);
    const uint8_t *at = bytes + HEADER;
    for (uint32_t i = 0; i < count && at < end; i++) {
        size_t left = (size_t)(end - at);
        if (left < SESSION || u32_at(at + SESSION_FIXED) != SESSION) {
            return EBADMSG;
        }
        size_t total = u32_at(at + SESSION_TOTAL);
        if (total < SESSION || total > left) {
            return EBADMSG;
        }
        if (u64_at(at + SESSION_GENERATION) <= generation) {
            add_session(&kinds, at, total);
        }
        at += total;
    }
    kinds_print(&kinds, out);
    return 0;
}
