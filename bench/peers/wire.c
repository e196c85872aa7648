/* SPDX-License-Identifier: BSD-2-Clause */
/* What lies between two ends; a module of its own, since a peer that is loaded brings it along. */
#include <string.h>

#include "peer.h"

bool wire_put(struct wire *wire, const void *bytes, size_t len)
{
    if (WIRE_ROOM - wire->len < len)
        return false;
    memcpy(wire->bytes + wire->len, bytes, len);
    wire->len += len;
    return true;
}

size_t wire_get(struct wire *wire, void *bytes, size_t len)
{
    size_t got = wire->len - wire->taken < len ? wire->len - wire->taken : len;

    memcpy(bytes, wire->bytes + wire->taken, got);
    wire->taken += got;
    if (wire->taken == wire->len)
        wire->taken = wire->len = 0;
    return got;
}
