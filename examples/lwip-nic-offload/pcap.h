/* SPDX-License-Identifier: BSD-2-Clause */
/* Captures as tcpdump writes them (draft-ietf-opsawg-pcap), for tshark to read. */
#ifndef EXAMPLE_PCAP_H
#define EXAMPLE_PCAP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A new capture of Ethernet frames; NULL when it cannot be made. Ended by fclose. */
FILE *pcap_open(const char *path);
/* A frame, `now` microseconds from the beginning. */
void pcap_frame(FILE *file, uint64_t now, const uint8_t *bytes, size_t len);

#endif
