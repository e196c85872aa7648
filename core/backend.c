/* SPDX-License-Identifier: BSD-2-Clause */
#include <weir/backend.h>

bool weir_backend_check(const struct weir_backend *backend, const struct weir_keys *keys,
                        enum weir_dir dir, struct weir_refusal *why)
{
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    if (backend->abi != WEIR_BACKEND_ABI) {
        why->code = WEIR_REFUSAL_ABI;
        why->detail = backend->abi;
        return false;
    }
    if (backend->form != WEIR_FORM_RECORD || backend->supports == NULL || backend->attach == NULL ||
        backend->detach == NULL || backend->seal == NULL || backend->open == NULL) {
        why->code = WEIR_REFUSAL_FORM;
        why->detail = (uint32_t)backend->form;
        return false;
    }
    why->layer = WEIR_LAYER_BACKEND;
    return backend->supports(backend, keys, dir, why);
}
