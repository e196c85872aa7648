/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define BUFFER 16384u

static int open_socket(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof name.sun_path)
        return -1;
    memcpy(name.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static int open_device(const char *path)
{
    struct termios settings;
    int fd = open(path, O_RDWR | O_NOCTTY);

    if (fd < 0 || tcgetattr(fd, &settings) != 0)
        return fd; /* a pipe has no settings */
    cfmakeraw(&settings);
    (void)cfsetspeed(&settings, B115200);
    if (tcsetattr(fd, TCSANOW, &settings) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* To read and to write, so that a pipe without an image at its other end is just a silent one. */
static int open_pipe(const char *directory, const char *name)
{
    char path[256];
    int len = snprintf(path, sizeof path, "%s/%s", directory, name);

    return len > 0 && (size_t)len < sizeof path ? open(path, O_RDWR) : -1;
}

static bool never_wait(int fd)
{
    return fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0;
}

bool line_open(struct line *line, const char *path)
{
    struct stat what = {.st_mode = 0};

    if (stat(path, &what) == 0 && S_ISDIR(what.st_mode)) {
        line->in = open_pipe(path, "from-image");
        line->out = open_pipe(path, "to-image");
    } else {
        line->in = S_ISSOCK(what.st_mode) ? open_socket(path) : open_device(path);
        line->out = line->in;
    }
    if (never_wait(line->in) && never_wait(line->out))
        return true;
    perror(path);
    line_close(line);
    return false;
}

void line_close(struct line *line)
{
    if (line->out >= 0 && line->out != line->in)
        (void)close(line->out);
    if (line->in >= 0)
        (void)close(line->in);
    line->in = line->out = -1;
}

static bool wait_for(int fd, short events, int seconds)
{
    struct pollfd wait = {.fd = fd, .events = events};
    int ready;

    do {
        ready = poll(&wait, 1, seconds * 1000);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* Bytes that a non-blocking call moved, 0 for none now, -1 for the end or an error. */
static long moved(ssize_t answer, bool reading)
{
    if (answer > 0 || (answer == 0 && !reading))
        return (long)answer;
    return answer < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : -1;
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        long n = moved(write(fd, data, len), false);
        if (n < 0 || (n == 0 && !wait_for(fd, POLLOUT, -1)))
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_all(int fd, uint8_t *data, size_t len, int seconds)
{
    while (len > 0) {
        long n = moved(read(fd, data, len), true);
        if (n < 0 || (n == 0 && !wait_for(fd, POLLIN, seconds)))
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static void put_header(uint8_t *at, enum link_kind kind, size_t len)
{
    at[0] = (uint8_t)kind;
    at[1] = (uint8_t)(len >> 8);
    at[2] = (uint8_t)len;
}

bool line_begin(const struct line *line)
{
    static const uint8_t zeros[LINK_LONGEST];

    return write_all(line->out, zeros, sizeof zeros);
}

bool line_write(const struct line *line, enum link_kind kind, const uint8_t *data, size_t len)
{
    uint8_t header[LINK_HEADER_LEN];

    put_header(header, kind, len);
    return write_all(line->out, header, sizeof header) && write_all(line->out, data, len);
}

bool line_read(const struct line *line, enum link_kind kind, uint8_t *data, size_t len, int seconds)
{
    uint8_t header[LINK_HEADER_LEN], dropped;

    while (read_all(line->in, header, sizeof header, seconds)) {
        size_t left = (size_t)header[1] << 8 | header[2];
        if (header[0] == kind)
            return left == len && read_all(line->in, data, len, seconds);
        for (; left > 0; left--) {
            if (!read_all(line->in, &dropped, 1, seconds))
                return false;
        }
    }
    return false;
}

/* Bytes on their way in one direction: buf[at..len). */
struct way {
    uint8_t buf[BUFFER];
    size_t at, len;
    bool ended; /* no more will come */
};

/* The frame that the image is sending. */
struct frame {
    uint8_t header[LINK_HEADER_LEN], report[LINK_REPORT_LEN];
    size_t have; /* bytes of it so far, header included */
};

static bool drain(struct way *way, int fd)
{
    long n = moved(write(fd, way->buf + way->at, way->len - way->at), false);

    if (n > 0)
        way->at += (size_t)n;
    if (way->at == way->len)
        way->at = way->len = 0;
    return n >= 0;
}

/* From the socket, or from what was read before, one frame for the line. */
static void fill_frame(struct way *way, int fd, const uint8_t **early, size_t *early_len)
{
    size_t room = LINK_LONGEST;
    long n;

    if (*early_len > 0) {
        n = (long)(*early_len < room ? *early_len : room);
        memcpy(way->buf + LINK_HEADER_LEN, *early, (size_t)n);
        *early += n;
        *early_len -= (size_t)n;
    } else {
        n = moved(read(fd, way->buf + LINK_HEADER_LEN, room), true);
    }
    if (n == 0)
        return;
    way->ended = n < 0;
    put_header(way->buf, n > 0 ? LINK_DATA : LINK_END, n > 0 ? (size_t)n : 0);
    way->len = LINK_HEADER_LEN + (n > 0 ? (size_t)n : 0);
}

/* Takes what the line brought apart: data to `way`, the report to `frame`. False: out of step. */
static bool unwrap(struct frame *frame, const uint8_t *in, size_t len, struct way *way)
{
    for (size_t i = 0; i < len; i++) {
        if (way->ended)
            return false;
        if (frame->have < LINK_HEADER_LEN) {
            frame->header[frame->have++] = in[i];
        } else if (frame->header[0] == LINK_DATA) {
            way->buf[way->len++] = in[i];
            frame->have++;
        } else {
            frame->report[frame->have - LINK_HEADER_LEN] = in[i];
            frame->have++;
        }
        size_t size = (size_t)frame->header[1] << 8 | frame->header[2];
        if (frame->have < LINK_HEADER_LEN)
            continue;
        if (frame->header[0] != LINK_DATA &&
            (frame->header[0] != LINK_END || size != LINK_REPORT_LEN))
            return false;
        if (frame->have == LINK_HEADER_LEN + size) {
            way->ended = frame->header[0] == LINK_END;
            frame->have = 0;
        }
    }
    return true;
}

static unsigned long long number(const uint8_t *at, size_t bytes)
{
    unsigned long long value = 0;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static void read_report(const uint8_t *in, struct line_report *report)
{
    report->status = in[0] < 128 ? in[0] : in[0] - 256;
    report->alert = in[1];
    report->tx_updates = (unsigned)number(in + 2, 2);
    report->rx_updates = (unsigned)number(in + 4, 2);
    report->sent = number(in + 6, 8);
    report->stack = (unsigned)number(in + 14, 2);
}

bool line_forward(const struct line *line, int fd, const uint8_t *early, size_t early_len,
                  int seconds, struct line_report *report)
{
    struct way to_image = {.len = 0}, to_peer = {.len = 0};
    struct frame frame = {.have = 0};
    uint8_t in[BUFFER];

    while (!to_peer.ended || to_peer.len > 0) {
        if (to_image.len == 0 && !to_image.ended)
            fill_frame(&to_image, fd, &early, &early_len);
        bool from_peer = to_image.len == 0 && !to_image.ended;
        struct pollfd wait[3] = {
            {to_image.len > 0 ? line->out : -1, POLLOUT, 0},
            {to_peer.len == 0 ? line->in : -1, POLLIN, 0},
            {from_peer || to_peer.len > 0 ? fd : -1,
             (short)((from_peer ? POLLIN : 0) | (to_peer.len > 0 ? POLLOUT : 0)), 0},
        };
        if (poll(wait, 3, seconds * 1000) <= 0)
            return false;
        if (to_image.len > 0 && !drain(&to_image, line->out))
            return false;
        /* A peer that has gone takes nothing; the image will hear of the end of its stream. */
        if (to_peer.len > 0 && !drain(&to_peer, fd))
            to_peer.at = to_peer.len = 0;
        if (to_peer.len == 0 && !to_peer.ended) {
            long n = moved(read(line->in, in, sizeof in), true);
            if (n < 0 || !unwrap(&frame, in, (size_t)n, &to_peer))
                return false;
        }
    }
    read_report(frame.report, report);
    return true;
}
