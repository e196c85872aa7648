/* SPDX-License-Identifier: BSD-2-Clause */
#include "below_abi.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FDS = 64, ROOM = 1 << 20 };

/* A descriptor with TLS below it. */
struct below {
    bool ulp, on[2], stopped;
    struct weir_tx tx;
    struct weir_rx rx;
    void *memory[2];
    uint8_t *out, *in; /* sealed and not sent; received and not opened */
    size_t out_len, in_len;
    uint8_t type; /* of text[0..text_len), opened and not read */
    uint8_t text[WEIR_MAX_PLAINTEXT];
    size_t text_at, text_len;
    bool has_text, told;
    bool ends; /* its FIN goes behind what is not sent */
    int error; /* in the socket */
};

struct below_plan below_plan;
static struct below *table[FDS];

static struct below *find(int fd)
{
    return fd >= 0 && fd < FDS ? table[fd] : NULL;
}

bool below_carries(int fd, enum weir_dir dir)
{
    const struct below *b = find(fd);
    return b != NULL && b->on[dir];
}

/* Hands the transport what it takes. */
static void push(struct below *b, int fd)
{
    while (b->out_len > 0) {
        ssize_t n = really_send(fd, b->out, b->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) {
            if (n < 0 && errno != EAGAIN) {
                b->out_len = 0;
            }
            return;
        }
        memmove(b->out, b->out + n, b->out_len - (size_t)n);
        b->out_len -= (size_t)n;
    }
    if (b->ends) {
        b->ends = false;
        (void)really_shutdown(fd, SHUT_WR);
    }
}

static void push_all(void)
{
    for (int fd = 0; fd < FDS; fd++) {
        if (table[fd] != NULL) {
            push(table[fd], fd);
        }
    }
}

static int fails(int error)
{
    errno = error;
    return -1;
}

static bool due(void)
{
    unsigned n = below_plan.calls++;
    if (below_plan.until > 0 && n >= below_plan.until) {
        return true;
    }
    if (below_plan.eagain <= 2) {
        return below_plan.eagain > 0 && (n + 1) % below_plan.eagain == 0;
    }
    return (n * 2654435761u >> 11) % below_plan.eagain == 0; /* in step with nothing */
}

/* ---- options ---- */

static int take_key(struct below *b, int name, const void *value, unsigned len)
{
    enum weir_dir dir = name == KEY_TX ? WEIR_TX : WEIR_RX;
    const struct weir_backend *seal = null_backend();
    struct weir_keys keys;
    struct weir_refusal why;
    if (!b->ulp) {
        return fails(ENOPROTOOPT);
    }
    if (len != sizeof keys) {
        return fails(EINVAL);
    }
    if (b->on[dir]) {
        if (below_plan.no_rekey) {
            return fails(EBUSY);
        }
        if (below_plan.put_off > 0) {
            below_plan.put_off--;
            return fails(EAGAIN);
        }
    }
    memcpy(&keys, value, sizeof keys);
    if (b->memory[dir] == NULL) {
        cr_assert_eq(posix_memalign(&b->memory[dir], 64, seal->ctx_size), 0);
    }
    if (dir == WEIR_TX) {
        weir_tx_wipe(&b->tx);
        cr_assert_eq(weir_tx_init(&b->tx, &keys, seal, b->memory[dir], seal->ctx_size, &why),
                     WEIR_OK);
    } else {
        weir_rx_wipe(&b->rx);
        cr_assert_eq(weir_rx_init(&b->rx, &keys, seal, b->memory[dir], seal->ctx_size, &why),
                     WEIR_OK);
        b->stopped = false;
    }
    b->on[dir] = true;
    return 0;
}

static int set_option(int fd, int level, int name, const void *value, unsigned len)
{
    if (level != LEVEL) {
        return really_setsockopt(fd, level, name, value, len);
    }
    below_plan.options++;
    if (below_plan.fail_at > 0 && --below_plan.fail_at == 0) {
        return fails(below_plan.fail_with);
    }
    cr_assert(fd >= 0 && fd < FDS);
    if (table[fd] == NULL) {
        table[fd] = calloc(1, sizeof *table[fd]);
        table[fd]->out = malloc(ROOM);
        table[fd]->in = malloc(ROOM);
    }
    if (name != ULP) {
        return take_key(table[fd], name, value, len);
    }
    if (table[fd]->ulp) {
        return fails(EEXIST);
    }
    table[fd]->ulp = true;
    return 0;
}

static int get_option(int fd, int level, int name, void *value, unsigned *len)
{
    struct below *b = find(fd);
    if (level == SOL_SOCKET && name == SO_ERROR && b != NULL && b->error != 0) {
        memcpy(value, &b->error, sizeof b->error);
        *len = sizeof b->error;
        b->error = 0;
        return 0;
    }
    if (level != LEVEL) {
        return really_getsockopt(fd, level, name, value, len);
    }
    struct weir_position at = {0};
    if (b == NULL || *len < sizeof at || !b->on[name == KEY_TX ? WEIR_TX : WEIR_RX]) {
        return fails(EBUSY);
    }
    at = name == KEY_TX ? weir_tx_position(&b->tx) : weir_rx_position(&b->rx);
    memcpy(value, &at, sizeof at);
    *len = sizeof at;
    return 0;
}

/* ---- sending ---- */

static void seal(struct below *b, uint8_t type, const uint8_t *data, size_t len)
{
    size_t most = below_plan.record > 0 ? below_plan.record : WEIR_MAX_PLAINTEXT;
    for (size_t at = 0; at < len;) {
        size_t n = len - at;
        n = type == WEIR_TYPE_DATA && n > most ? most : n;
        const struct weir_iov in = {data + at, n};
        size_t taken = 0, made = 0;
        cr_assert_geq(weir_tx_seal(&b->tx, type, &in, 1, b->out + b->out_len, ROOM - b->out_len,
                                   &taken, &made),
                      WEIR_OK);
        cr_assert_eq(taken, n);
        b->out_len += made;
        at += n;
    }
}

/* 0: may send. */
static int before_send(struct below *b, int fd)
{
    if (b->error != 0) {
        int error = b->error;
        b->error = 0;
        return error;
    }
    if (below_plan.send_error != 0) {
        int error = below_plan.send_error;
        below_plan.send_error = 0;
        return error;
    }
    push(b, fd);
    return due() || b->out_len > 0 ? EAGAIN : 0;
}

static ssize_t send_message(int fd, const struct msghdr *message, int flags)
{
    struct below *b = find(fd);
    uint8_t type = WEIR_TYPE_DATA;
    static uint8_t text[256 * 1024];
    size_t len = 0;
    if (b == NULL || !b->on[WEIR_TX]) {
        return really_sendmsg(fd, message, flags);
    }
    cr_assert_eq(flags, MSG_NOSIGNAL | MSG_DONTWAIT);
    int error = before_send(b, fd);
    if (error != 0) {
        return fails(error);
    }
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header != NULL) {
        cr_assert_eq(header->cmsg_level, LEVEL);
        cr_assert_eq(header->cmsg_type, SET_TYPE);
        cr_assert_eq(header->cmsg_len, CMSG_LEN(1));
        type = *CMSG_DATA(header);
    }
    for (size_t i = 0; i < message->msg_iovlen && len < sizeof text; i++) {
        size_t n = message->msg_iov[i].iov_len;
        n = n < sizeof text - len ? n : sizeof text - len;
        memcpy(text + len, message->msg_iov[i].iov_base, n);
        len += n;
    }
    if (type == WEIR_TYPE_DATA && below_plan.most > 0 && len > below_plan.most) {
        len = below_plan.most;
    }
    if (type == WEIR_TYPE_DATA && below_plan.record > 0 && len / below_plan.record > ROOM / 64) {
        len = ROOM / 64 * below_plan.record;
    }
    cr_assert(type == WEIR_TYPE_DATA || len <= WEIR_MAX_PLAINTEXT);
    seal(b, type, text, len);
    push(b, fd);
    return (ssize_t)len;
}

/* sendfile and splice have no MSG_NOSIGNAL. */
static ssize_t fails_loudly(int error)
{
    if (error == EPIPE) {
        (void)raise(SIGPIPE);
    }
    return fails(error);
}

static ssize_t send_file(int fd, int file, int64_t *offset, size_t len)
{
    struct below *b = find(fd);
    static uint8_t text[65536];
    cr_assert(b != NULL && b->on[WEIR_TX], "sendfile would send plaintext");
    int error = below_plan.no_sendfile ? EINVAL : before_send(b, fd);
    if (error != 0) {
        return fails_loudly(error);
    }
    len = len < sizeof text ? len : sizeof text;
    len = below_plan.most > 0 && len > below_plan.most ? below_plan.most : len;
    ssize_t n = pread(file, text, len, (off_t)*offset);
    if (n > 0) {
        seal(b, WEIR_TYPE_DATA, text, (size_t)n);
        push(b, fd);
        *offset += n;
        below_plan.sendfiles++;
    }
    return n;
}

/* ---- receiving ---- */

/* The next record in `text`: 1; 0: the peer's end; below zero: -errno. */
static int open_record(struct below *b, int fd)
{
    for (;;) {
        struct weir_record record = {0};
        size_t consumed = 0, count = 0;
        if (b->has_text) {
            return 1;
        }
        weir_status status = weir_rx_open(&b->rx, b->in, b->in_len, &consumed, &record, 1, &count);
        if (count > 0) {
            cr_assert(record.len <= sizeof b->text);
            memcpy(b->text, record.data, record.len);
            b->type = record.type;
            b->text_at = 0;
            b->text_len = record.len;
            b->has_text = record.len > 0 || record.type != WEIR_TYPE_DATA;
            b->stopped |= !below_plan.no_rekey && record.type == WEIR_TYPE_HANDSHAKE &&
                          record.len > 0 && record.data[0] == 24;
        }
        memmove(b->in, b->in + consumed, b->in_len - consumed);
        b->in_len -= consumed;
        if (count > 0) {
            continue;
        }
        if (status == WEIR_E_AUTH) {
            b->error = EBADMSG;
            return -EBADMSG;
        }
        if (status < WEIR_OK) { /* a header that it cannot parse: told once, then silence */
            bool told = b->told;
            b->told = true;
            b->error = told ? b->error : EBADMSG;
            return told ? -EAGAIN : status == WEIR_E_OVERFLOW ? -EMSGSIZE : -EINVAL;
        }
        if (b->stopped) {
            return -EKEYEXPIRED;
        }
        ssize_t n = really_recv(fd, b->in + b->in_len, ROOM - b->in_len, MSG_DONTWAIT);
        if (n <= 0) {
            return n == 0 ? 0 : -errno;
        }
        b->in_len += (size_t)n;
    }
}

/* As recvmsg; `type`: what came; NULL: the caller has no room for it. */
static ssize_t receive(struct below *b, int fd, uint8_t *to, size_t len, uint8_t *type, int *flags)
{
    size_t got = 0;
    if (!b->has_text && due()) { /* what is opened is there */
        return fails(EAGAIN);
    }
    if (below_plan.most > 0 && len > below_plan.most && len > WEIR_MAX_PLAINTEXT) {
        len = below_plan.most > WEIR_MAX_PLAINTEXT ? below_plan.most : WEIR_MAX_PLAINTEXT;
    }
    *flags = 0;
    while (got < len) {
        int there = open_record(b, fd);
        if (there <= 0 && got > 0) {
            b->told = false; /* of what lies behind these bytes it tells with the next call */
            return (ssize_t)got;
        }
        if (there <= 0) {
            return there == 0 ? 0 : fails(-there);
        }
        if (got > 0 && b->type != WEIR_TYPE_DATA) {
            break;
        }
        if (type == NULL && b->type != WEIR_TYPE_DATA) {
            return fails(EIO);
        }
        size_t n = b->text_len - b->text_at < len - got ? b->text_len - b->text_at : len - got;
        memcpy(to + got, b->text + b->text_at, n);
        got += n;
        b->text_at += n;
        b->has_text = b->text_at < b->text_len;
        *flags = b->has_text ? 0 : MSG_EOR;
        if (type != NULL) {
            *type = b->type;
        }
        if (b->type != WEIR_TYPE_DATA) {
            break;
        }
    }
    return (ssize_t)got;
}

static ssize_t receive_message(int fd, struct msghdr *message, int flags)
{
    struct below *b = find(fd);
    uint8_t type = 0;
    if (b == NULL || !b->on[WEIR_RX]) {
        return really_recvmsg(fd, message, flags);
    }
    cr_assert_eq(flags, MSG_DONTWAIT);
    cr_assert_eq(message->msg_iovlen, 1);
    below_plan.largest = message->msg_iov[0].iov_len > below_plan.largest
                             ? message->msg_iov[0].iov_len
                             : below_plan.largest;
    int came = 0;
    ssize_t n = receive(b, fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len,
                        message->msg_control == NULL ? NULL : &type, &came);
    if (n < 0) {
        return n;
    }
    message->msg_flags = came & MSG_EOR;
    if (type == 0) {
        message->msg_controllen = 0;
        return n;
    }
    cr_assert_geq(message->msg_controllen, CMSG_SPACE(1));
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = LEVEL;
    header->cmsg_type = GET_TYPE;
    header->cmsg_len = CMSG_LEN(1);
    *CMSG_DATA(header) = type;
    message->msg_controllen = CMSG_SPACE(1);
    return n;
}

static ssize_t receive_plain(int fd, void *data, size_t len, int flags)
{
    (void)flags;
    int came = 0;
    return receive(find(fd), fd, data, len, NULL, &came);
}

/* One record's data at most; what is no data stays, and is said to be invalid. */
static ssize_t splice_out(struct below *b, int fd, int pipe, size_t len)
{
    int there = due() ? -EAGAIN : open_record(b, fd);
    if (there <= 0) {
        return there == 0 ? 0 : fails(-there);
    }
    if (b->type != WEIR_TYPE_DATA) {
        return fails(EINVAL);
    }
    len = len < b->text_len - b->text_at ? len : b->text_len - b->text_at;
    ssize_t n = write(pipe, b->text + b->text_at, len);
    if (n > 0) {
        below_plan.splices++;
        b->text_at += (size_t)n;
        b->has_text = b->text_at < b->text_len;
    }
    return n;
}

static ssize_t splice_in(struct below *b, int fd, int pipe, size_t len)
{
    static uint8_t text[65536];
    int error = below_plan.no_sendfile ? EINVAL : before_send(b, fd);
    if (error != 0) {
        return fails_loudly(error);
    }
    len = len < sizeof text ? len : sizeof text;
    len = below_plan.most > 0 && len > below_plan.most ? below_plan.most : len;
    ssize_t n = read(pipe, text, len);
    if (n > 0) {
        seal(b, WEIR_TYPE_DATA, text, (size_t)n);
        push(b, fd);
        below_plan.splices++;
    }
    return n;
}

static ssize_t splice_either(int from, int to, size_t len, unsigned flags)
{
    if (below_carries(from, WEIR_RX)) {
        return splice_out(find(from), from, to, len);
    }
    cr_assert(below_carries(to, WEIR_TX), "splice would send plaintext");
    (void)flags;
    return splice_in(find(to), to, from, len);
}

static int shut(int fd, int how)
{
    struct below *b = find(fd);
    if (b == NULL || b->out_len == 0 || how != SHUT_WR) {
        return really_shutdown(fd, how);
    }
    b->ends = true;
    return 0;
}

static bool carries(int fd, bool sending)
{
    return below_carries(fd, sending ? WEIR_TX : WEIR_RX);
}

void below_reset(void)
{
    for (int fd = 0; fd < FDS; fd++) {
        if (table[fd] != NULL) {
            weir_tx_wipe(&table[fd]->tx);
            weir_rx_wipe(&table[fd]->rx);
            free(table[fd]->memory[WEIR_TX]);
            free(table[fd]->memory[WEIR_RX]);
            free(table[fd]->out);
            free(table[fd]->in);
            free(table[fd]);
            table[fd] = NULL;
        }
    }
    below_plan = (struct below_plan){0};
    hooks = (struct syscall_hooks){.sendmsg = send_message,
                                   .recvmsg = receive_message,
                                   .setsockopt = set_option,
                                   .getsockopt = get_option,
                                   .carries = carries,
                                   .recv = receive_plain,
                                   .sendfile = send_file,
                                   .splice = splice_either,
                                   .shutdown = shut,
                                   .always = push_all};
}
