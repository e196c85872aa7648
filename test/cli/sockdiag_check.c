/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sock_diag says about connections: answers put together by hand, whole and broken.
 */
#include "sockdiag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

struct answer {
    uint8_t bytes[4096];
    size_t len;
};

static unsigned failed;

static void put16(struct answer *a, size_t value)
{
    uint16_t two = (uint16_t)value;
    memcpy(a->bytes + a->len, &two, sizeof two);
    a->len += sizeof two;
}

static void attribute(struct answer *a, uint16_t type, uint16_t value)
{
    put16(a, 6);
    put16(a, type);
    put16(a, value);
    put16(a, 0); /* up to four bytes */
}

/* A connection; version 0: one without TLS in the kernel. */
static void connection(struct answer *a, uint16_t version, uint16_t suite, uint16_t tx, uint16_t rx)
{
    size_t start = a->len, body = sizeof(struct inet_diag_msg);
    size_t tls = 4 + 4 * 8, name = 4 + 4, ulp = 4 + name + tls;
    size_t total = NLMSG_HDRLEN + body + 8 + (version == 0 ? 0 : ulp);
    memset(a->bytes + start, 0, total);
    const struct nlmsghdr head = {.nlmsg_len = (uint32_t)total, .nlmsg_type = 20};
    memcpy(a->bytes + start, &head, sizeof head);
    a->len = start + NLMSG_HDRLEN + body;
    attribute(a, INET_DIAG_SHUTDOWN, 0);
    if (version == 0) {
        return;
    }
    put16(a, ulp);
    put16(a, INET_DIAG_ULP_INFO | NLA_F_NESTED);
    put16(a, name);
    put16(a, 1);
    memcpy(a->bytes + a->len, "tls", 4);
    a->len += 4;
    put16(a, tls);
    put16(a, 2 | NLA_F_NESTED);
    attribute(a, 1, version);
    attribute(a, 2, suite);
    attribute(a, 3, tx);
    attribute(a, 4, rx);
}

static void message(struct answer *a, uint16_t type, int error)
{
    const struct nlmsghdr head = {.nlmsg_len = NLMSG_HDRLEN + 4, .nlmsg_type = type};
    memcpy(a->bytes + a->len, &head, sizeof head);
    memcpy(a->bytes + a->len + NLMSG_HDRLEN, &error, sizeof error);
    a->len += NLMSG_HDRLEN + 4;
}

/* Reads a copy of its own length, so that a sanitizer sees every byte beyond it. */
static int read_copy(const struct answer *a, size_t len, struct kinds *kinds, bool *done)
{
    uint8_t *exact = malloc(len + (len == 0));
    if (exact == NULL) {
        exit(2);
    }
    memcpy(exact, a->bytes, len);
    *kinds = (struct kinds){.count = 0};
    *done = false;
    int status = sockdiag_read(exact, len, kinds, done);
    free(exact);
    return status;
}

static void check(const char *name, const struct answer *a, int wanted, bool end, const char *text)
{
    char *got = NULL;
    size_t size = 0;
    struct kinds kinds;
    bool done = false;
    int status = read_copy(a, a->len, &kinds, &done);
    FILE *out = open_memstream(&got, &size);
    if (out == NULL) {
        exit(2);
    }
    kinds_print(&kinds, out);
    (void)fclose(out);
    bool good = status == wanted && done == end && strcmp(got, text) == 0;
    printf(good ? "PASS %s\n" : "FAIL %s: %d, done %d, '%s'\n", name, status, done, got);
    failed += good ? 0 : 1;
    free(got);
}

/* Whatever is cut off or changed: an answer or a refusal, and nothing read beyond the end. */
static void broken(const struct answer *a)
{
    struct answer changed;
    struct kinds kinds;
    bool done = false;
    for (size_t len = 0; len < a->len; len++) {
        (void)read_copy(a, len, &kinds, &done);
    }
    for (size_t at = 0; at < a->len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            changed = *a;
            changed.bytes[at] = (uint8_t)(changed.bytes[at] ^ 1u << bit);
            (void)read_copy(&changed, changed.len, &kinds, &done);
        }
    }
    printf("PASS broken answers are survived\n");
}

int main(void)
{
    static struct answer a;
    check("nothing", &a, 0, false, "");
    connection(&a, 0x0303, 51, 2, 2);
    connection(&a, 0x0303, 51, 2, 2);
    connection(&a, 0, 0, 0, 0);
    connection(&a, 0x0304, 54, 3, 1);
    connection(&a, 0x0304, 52, 9, 4);
    connection(&a, 0x0302, 99, 1, 1);
    check("connections", &a, 0, false,
          "2 TLSv1.2 AES-128-GCM rx software tx software\n"
          "1 TLSv1.3 ChaCha20-Poly1305 rx plain tx nic\n"
          "1 TLSv1.3 AES-256-GCM rx record engine tx ?\n"
          "1 TLS ? rx plain tx plain\n");
    message(&a, NLMSG_DONE, 0);
    connection(&a, 0x0303, 51, 2, 2);
    check("nothing after the end", &a, 0, true,
          "2 TLSv1.2 AES-128-GCM rx software tx software\n"
          "1 TLSv1.3 ChaCha20-Poly1305 rx plain tx nic\n"
          "1 TLSv1.3 AES-256-GCM rx record engine tx ?\n"
          "1 TLS ? rx plain tx plain\n");
    broken(&a);
    a.len = 0;
    message(&a, NLMSG_ERROR, -EPERM);
    check("an error", &a, EPERM, true, "");
    a.len = 0;
    message(&a, NLMSG_ERROR, 5);
    check("an error that is none", &a, EBADMSG, true, "");
    a.len = 7;
    check("half a header", &a, EBADMSG, false, "");
    a.len = 0;
    connection(&a, 0x0303, 51, 2, 2);
    a.bytes[0] = 8;
    check("a message shorter than its header", &a, EBADMSG, false, "");
    a.bytes[1] = 8;
    check("a message beyond the end", &a, EBADMSG, false, "");
    return failed == 0 ? 0 : 1;
}
