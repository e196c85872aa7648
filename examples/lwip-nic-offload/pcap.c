/* SPDX-License-Identifier: BSD-2-Clause */
#include "pcap.h"

#define MAGIC    0xa1b2c3d4u /* microseconds, in the order of this machine's bytes */
#define ETHERNET 1u

static void put(FILE *file, const uint32_t *words, size_t count)
{
    (void)fwrite(words, sizeof *words, count, file);
}

FILE *pcap_open(const char *path)
{
    FILE *file = fopen(path, "wb");
    const uint16_t version[2] = {2, 4};
    const uint32_t magic = MAGIC, rest[4] = {0, 0, 65535, ETHERNET};

    if (file == NULL)
        return NULL;
    put(file, &magic, 1);
    (void)fwrite(version, sizeof version[0], 2, file);
    put(file, rest, 4);
    return file;
}

void pcap_frame(FILE *file, uint64_t now, const uint8_t *bytes, size_t len)
{
    const uint32_t header[4] = {(uint32_t)(now / 1000000), (uint32_t)(now % 1000000), (uint32_t)len,
                                (uint32_t)len};

    put(file, header, 4);
    (void)fwrite(bytes, 1, len, file);
}
