/* SPDX-License-Identifier: BSD-2-Clause */
#include "link.h"

struct header {
    uint8_t kind;
    uint16_t len;
};

static struct header read_header(void)
{
    uint8_t kind = 0, len[2];

    while (kind == 0)
        uart_read(&kind, 1);
    uart_read(len, sizeof len);
    return (struct header){kind, (uint16_t)(len[0] << 8 | len[1])};
}

static void skip(size_t len)
{
    uint8_t in;

    for (; len > 0; len--)
        uart_read(&in, 1);
}

void link_read_keys(struct link *link, uint8_t *buf, size_t len)
{
    skip(link->left);
    link->left = 0;
    struct header header = read_header();
    while (header.kind != LINK_KEYS || header.len != len) {
        skip(header.len <= LINK_LONGEST ? header.len : 0);
        header = read_header();
    }
    uart_read(buf, len);
}

bool link_read(struct link *link, uint8_t *buf, size_t len, size_t *got)
{
    *got = 0;
    while (*got < len) {
        size_t part = len - *got < link->left ? len - *got : link->left;
        uart_read(buf + *got, part);
        link->left = (uint16_t)(link->left - part);
        *got += part;
        if (*got == len)
            break;
        struct header header = read_header();
        if (header.kind != LINK_DATA || header.len > LINK_LONGEST)
            return false; /* the end, or a line that is out of step: the same to a stream */
        link->left = header.len;
    }
    return true;
}

void link_write(enum link_kind kind, const uint8_t *data, size_t len)
{
    const uint8_t header[LINK_HEADER_LEN] = {(uint8_t)kind, (uint8_t)(len >> 8), (uint8_t)len};

    uart_write(header, sizeof header);
    uart_write(data, len);
}
