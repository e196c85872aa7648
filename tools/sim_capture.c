/* SPDX-License-Identifier: BSD-2-Clause */
/* --trace: what happens, a line each. --pcap: the wire at the host with the card, in the format
 * that libpcap calls pcap (magic a1b2c3d4, version 2.4, link type 1: Ethernet). */
#include "sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct sim_capture {
    struct sim_device_tap tap; /* first */
    FILE *trace, *pcap;
};

static void event(struct sim_device_tap *tap, uint64_t now, unsigned flow, const char *text)
{
    const struct sim_capture *c = (const struct sim_capture *)(const void *)tap;
    if (c->trace != NULL) {
        (void)fprintf(c->trace, "%" PRIu64 ".%06" PRIu64 " flow %u: %s\n", now / 1000000,
                      now % 1000000, flow, text);
    }
}

static void put32(uint8_t *p, uint64_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void frame(struct sim_device_tap *tap, uint64_t now, bool leaves, const uint8_t *bytes,
                  size_t len)
{
    const struct sim_capture *c = (const struct sim_capture *)(const void *)tap;
    uint8_t head[16];
    size_t headers = 0;
    struct sim_wire w;
    /* What a checksum has caught is dropped below any capture, as many cards do it. */
    if (c->pcap == NULL || (!leaves && !sim_wire_read(bytes, len, &w, &headers))) {
        return;
    }
    put32(head, now / 1000000);
    put32(head + 4, now % 1000000);
    put32(head + 8, len);
    put32(head + 12, len);
    (void)fwrite(head, sizeof head, 1, c->pcap);
    (void)fwrite(bytes, len, 1, c->pcap);
}

static FILE *create(const char *name, struct fault *fault)
{
    FILE *file = fopen(name, "wb");
    if (file == NULL) {
        FAULT(fault, "%.200s: %s", name, strerror(errno));
    }
    return file;
}

bool sim_capture_open(struct sim_capture **capture, const struct sim_options *o,
                      struct fault *fault)
{
    static const uint8_t head[24] = {0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4, 0, 0, 0, 0,
                                     0,    0,    0,    0,    0, 1, 0, 0, 0, 0, 0, 1};
    *capture = NULL;
    if (o->trace == NULL && o->pcap == NULL) {
        return true;
    }
    struct sim_capture *c = calloc(1, sizeof *c);
    if (c == NULL) {
        FAULT(fault, "out of memory");
        return false;
    }
    c->tap.event = event;
    c->tap.frame = frame;
    if ((o->trace != NULL && (c->trace = create(o->trace, fault)) == NULL) ||
        (o->pcap != NULL && (c->pcap = create(o->pcap, fault)) == NULL)) {
        struct fault ignored;
        (void)sim_capture_close(c, &ignored);
        return false;
    }
    if (c->pcap != NULL) {
        (void)fwrite(head, sizeof head, 1, c->pcap);
    }
    *capture = c;
    return true;
}

struct sim_device_tap *sim_capture_tap(struct sim_capture *capture)
{
    return capture == NULL ? NULL : &capture->tap;
}

static bool finish(FILE *file)
{
    if (file == NULL) {
        return true;
    }
    bool good = ferror(file) == 0;
    return fclose(file) == 0 && good;
}

bool sim_capture_close(struct sim_capture *capture, struct fault *fault)
{
    if (capture == NULL) {
        return true;
    }
    bool traced = finish(capture->trace);
    bool captured = finish(capture->pcap);
    free(capture);
    if (!traced || !captured) {
        FAULT(fault, "not all of the %s could be written", traced ? "capture" : "trace");
        return false;
    }
    return true;
}
