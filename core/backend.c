/* SPDX-License-Identifier: BSD-2-Clause */
#include <weir/backend.h>
#include <weir/record.h>

/* Whether all is there that a backend of its form must have. */
static bool form_complete(const struct weir_backend *b)
{
    if (b->supports == NULL || b->attach == NULL || b->detach == NULL ||
        (b->command == NULL) != (b->complete == NULL))
        return false;
    /* Nobody could carry its commands out. */
    if (!WEIR_HAS_OFFLOAD && b->command != NULL)
        return false;
    switch (b->form) {
    case WEIR_FORM_RECORD:
        return b->seal != NULL && b->open != NULL;
    case WEIR_FORM_STREAM:
        return WEIR_HAS_OFFLOAD && b->send != NULL && b->sent != NULL && b->receive != NULL &&
               b->received != NULL && b->least_record >= 1 && b->least_record <= WEIR_MAX_PLAINTEXT;
    case WEIR_FORM_PACKET:
        return WEIR_HAS_OFFLOAD && WEIR_HAS_PACKET && b->frame != NULL && b->seal != NULL;
    }
    return false;
}

bool weir_backend_check(const struct weir_backend *backend, const struct weir_keys *keys,
                        enum weir_dir dir, struct weir_refusal *why)
{
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    if (backend->abi != WEIR_BACKEND_ABI) {
        why->code = WEIR_REFUSAL_ABI;
        why->detail = backend->abi;
        return false;
    }
    if (!form_complete(backend)) {
        why->code = WEIR_REFUSAL_FORM;
        why->detail = (uint32_t)backend->form;
        return false;
    }
    why->layer = WEIR_LAYER_BACKEND;
    return backend->supports(backend, keys, dir, why);
}
