/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockdiag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Attributes of "tls" among those of the upper layer protocol; newer than some headers. */
enum { ULP_TLS = 2, INFO_VERSION = 1, INFO_CIPHER = 2, INFO_TX = 3, INFO_RX = 4 };

struct attribute {
    uint16_t type;
    const uint8_t *data;
    size_t len;
};

/* Takes the first attribute off *at; false at the end, or when the rest is none. */
static bool next_attribute(const uint8_t **at, size_t *left, struct attribute *attribute)
{
    struct rtattr head;
    if (*left < sizeof head) {
        return false;
    }
    memcpy(&head, *at, sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > *left) {
        return false;
    }
    attribute->type = (uint16_t)(head.rta_type & NLA_TYPE_MASK);
    attribute->data = *at + RTA_LENGTH(0);
    attribute->len = head.rta_len - RTA_LENGTH(0);
    size_t whole = RTA_ALIGN((size_t)head.rta_len);
    whole = whole < *left ? whole : *left;
    *at += whole;
    *left -= whole;
    return true;
}

/* The attribute of that type. */
static bool find_attribute(const uint8_t *bytes, size_t len, uint16_t type, struct attribute *found)
{
    while (next_attribute(&bytes, &len, found)) {
        if (found->type == type) {
            return true;
        }
    }
    return false;
}

static unsigned number_of(const struct attribute *tls, uint16_t type)
{
    struct attribute found;
    uint16_t value = 0;
    if (find_attribute(tls->data, tls->len, type, &found) && found.len >= sizeof value) {
        memcpy(&value, found.data, sizeof value);
    }
    return value;
}

static void add_socket(struct kinds *kinds, const struct attribute *tls)
{
    static const char *const suites[] = {"AES-128-GCM", "AES-256-GCM", "AES-128-CCM",
                                         "ChaCha20-Poly1305"};
    static const char *const places[] = {"?", "plain", "software", "nic", "record engine"};
    enum { PLACES = sizeof places / sizeof places[0], FIRST_SUITE = 51 };
    unsigned version = number_of(tls, INFO_VERSION), suite = number_of(tls, INFO_CIPHER);
    unsigned tx = number_of(tls, INFO_TX), rx = number_of(tls, INFO_RX);
    char line[KIND_LEN];
    (void)snprintf(line, sizeof line, "%s %s rx %s tx %s",
                   version == 0x0303   ? "TLSv1.2"
                   : version == 0x0304 ? "TLSv1.3"
                                       : "TLS",
                   suite >= FIRST_SUITE && suite < FIRST_SUITE + 4 ? suites[suite - FIRST_SUITE]
                                                                   : "?",
                   places[rx < PLACES ? rx : 0], places[tx < PLACES ? tx : 0]);
    kinds_add(kinds, line);
}

static void add_message(struct kinds *kinds, const uint8_t *body, size_t len)
{
    struct attribute ulp, tls;
    size_t head = NLMSG_ALIGN(sizeof(struct inet_diag_msg));
    if (len > head && find_attribute(body + head, len - head, INET_DIAG_ULP_INFO, &ulp) &&
        find_attribute(ulp.data, ulp.len, ULP_TLS, &tls)) {
        add_socket(kinds, &tls);
    }
}

int sockdiag_read(const uint8_t *bytes, size_t len, struct kinds *kinds, bool *done)
{
    while (len > 0) {
        struct nlmsghdr head;
        if (len < sizeof head) {
            return EBADMSG;
        }
        memcpy(&head, bytes, sizeof head);
        if (head.nlmsg_len < sizeof head || head.nlmsg_len > len) {
            return EBADMSG;
        }
        const uint8_t *body = bytes + NLMSG_HDRLEN;
        size_t size = head.nlmsg_len - NLMSG_HDRLEN;
        if (head.nlmsg_type == NLMSG_DONE) {
            *done = true;
            return 0;
        }
        if (head.nlmsg_type == NLMSG_ERROR) {
            int error = 0;
            if (size >= sizeof error) {
                memcpy(&error, body, sizeof error);
            }
            *done = true;
            return error < 0 && error > -4096 ? -error : EBADMSG;
        }
        if (head.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
            add_message(kinds, body, size);
        }
        size_t whole = NLMSG_ALIGN((size_t)head.nlmsg_len);
        whole = whole < len ? whole : len;
        bytes += whole;
        len -= whole;
    }
    return 0;
}

/* Asks for all TCP connections of a family that are not listening. */
static int ask(int fd, uint8_t family)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } request = {.head = {.nlmsg_len = sizeof request,
                          .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                          .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                 .body = {.sdiag_family = family,
                          .sdiag_protocol = IPPROTO_TCP,
                          /* Without it the kernel leaves upper layer protocols out, too. */
                          .idiag_ext = 1u << (INET_DIAG_INFO - 1),
                          .idiag_states = ~(1u << 10)}}; /* TCP_LISTEN */
    return send(fd, &request, sizeof request, 0) < 0 ? errno : 0;
}

static int dump(int fd, uint8_t family, struct kinds *kinds)
{
    uint8_t bytes[32768];
    bool done = false;
    int error = ask(fd, family);
    while (error == 0 && !done) {
        ssize_t got = recv(fd, bytes, sizeof bytes, MSG_TRUNC);
        if (got < 0) {
            return errno;
        }
        error =
            (size_t)got > sizeof bytes ? EMSGSIZE : sockdiag_read(bytes, (size_t)got, kinds, &done);
    }
    return error;
}

int sockdiag_print(FILE *out)
{
    struct kinds kinds = {.count = 0};
    const struct timeval limit = {.tv_sec = 2};
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) {
        return errno;
    }
    int error = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ? errno : 0;
    error = error != 0 ? error : dump(fd, AF_INET, &kinds);
    error = error != 0 ? error : dump(fd, AF_INET6, &kinds);
    (void)close(fd);
    kinds_print(&kinds, out);
    return error;
}
