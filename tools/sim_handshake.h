/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handshakes for weir sim: made in memory by a TLS library, to be played through the simulated TCP.
 */
#ifndef WEIR_TOOLS_SIM_HANDSHAKE_H
#define WEIR_TOOLS_SIM_HANDSHAKE_H

#include "common.h"
#include "sim/device.h"

/* What a handshake left: flights in one piece of memory. */
struct sim_handshake {
    struct sim_device_opening opening;
    struct sim_device_flight flights[8];
    uint8_t *bytes;
    size_t len, room;
};

/*
 * Makes one with AES-GCM of so many bits; its secrets are appended to `keylog` in the format of
 * NSS. False: fault, which is also the answer of a build without OpenSSL.
 */
bool sim_handshake_make(struct sim_handshake *handshake, uint16_t version, unsigned key_bits,
                        FILE *keylog, struct fault *fault);
/* Wipes keys and releases. Safe on zeros. */
void sim_handshake_free(struct sim_handshake *handshake);

#endif
