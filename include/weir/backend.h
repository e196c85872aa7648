/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Backends: the places that can protect a direction. The software one is a backend like any other,
 * and one written outside this tree is, too.
 */
#ifndef WEIR_BACKEND_H
#define WEIR_BACKEND_H

#include "aead.h"
#include "keys.h"
#include "refusal.h"

/** The interface version of struct weir_backend. */
#define WEIR_BACKEND_ABI 1u

/** How a backend takes a direction's bytes. */
typedef enum weir_form {
    /** weir frames records; the backend seals and opens their bytes. */
    WEIR_FORM_RECORD = 1,
} weir_form;

/**
 * A backend. `self` is always this struct: a backend with settings embeds it as first member of its
 * own struct. `ctx` is the memory of one direction, given by the caller, `ctx_size` bytes.
 */
struct weir_backend {
    uint32_t abi; /**< WEIR_BACKEND_ABI */
    weir_form form;
    const char *name;
    size_t ctx_size, ctx_align;
    /** Whether it could carry such a direction; no side effect. False: `why` is filled. */
    bool (*supports)(const struct weir_backend *self, const struct weir_keys *keys,
                     enum weir_dir dir, struct weir_refusal *why);
    /** Takes a direction. WEIR_OK, or WEIR_REFUSED with `why` filled and nothing changed. */
    weir_status (*attach)(const struct weir_backend *self, void *ctx, const struct weir_keys *keys,
                          enum weir_dir dir, struct weir_refusal *why);
    /**
     * Replaces the key of an attached direction (same version and suite). WEIR_OK, WEIR_E_PROVIDER
     * or WEIR_E_BACKEND; after an error it holds nothing, as after `detach`. NULL: cannot.
     */
    weir_status (*rekey)(const struct weir_backend *self, void *ctx, const struct weir_keys *keys);
    /** Wipes what it holds of the direction. */
    void (*detach)(const struct weir_backend *self, void *ctx);
    /** WEIR_FORM_RECORD: as struct weir_aead's members of these names. */
    weir_status (*seal)(const struct weir_backend *self, void *ctx, const struct weir_aead_op *op);
    weir_status (*open)(const struct weir_backend *self, void *ctx, const struct weir_aead_op *op);
};

WEIR_BEGIN

/**
 * Whether `backend` can be used at all with this build of weir and with these keys: interface
 * version, form (a function missing that is not marked as optional counts as another form), and
 * then what the backend itself says. False: `why` is filled.
 */
WEIR_API bool weir_backend_check(const struct weir_backend *backend, const struct weir_keys *keys,
                                 enum weir_dir dir, struct weir_refusal *why);

WEIR_END
#endif
