/* SPDX-License-Identifier: BSD-2-Clause */
#include "internal.h"

#include <string.h>

void weir_mbedtls_queue_free(struct mbedtls_queue *queue)
{
    if (queue->data != NULL)
        weir_wipe(queue->data, queue->cap);
    mbedtls_free(queue->data);
    memset(queue, 0, sizeof *queue);
}

bool weir_mbedtls_queue_add(struct mbedtls_queue *queue, const uint8_t *data, size_t len)
{
    size_t have = mbedtls_queue_len(queue);

    if (len > queue->cap - queue->end) {
        if (len > SIZE_MAX / 4 - have)
            return false;
        size_t cap = 2 * (have + len);
        uint8_t *bigger = mbedtls_calloc(1, cap);
        if (bigger == NULL)
            return false;
        if (have > 0)
            memcpy(bigger, queue->data + queue->start, have);
        weir_mbedtls_queue_free(queue);
        *queue = (struct mbedtls_queue){.data = bigger, .end = have, .cap = cap};
    }
    if (len > 0)
        memcpy(queue->data + queue->end, data, len);
    queue->end += len;
    return true;
}

void weir_mbedtls_queue_drop(struct mbedtls_queue *queue, size_t len)
{
    if (len >= mbedtls_queue_len(queue)) {
        weir_mbedtls_queue_free(queue);
        return;
    }
    weir_wipe(queue->data + queue->start, len);
    queue->start += len;
}
