/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Backends: the places that can protect a direction. The software one is a backend like any other,
 * and one written outside this tree is, too.
 */
#ifndef WEIR_BACKEND_H
#define WEIR_BACKEND_H

#include "aead.h"
#include "cmd.h"
#include "keys.h"
#include "refusal.h"

/** The interface version of struct weir_backend. */
#define WEIR_BACKEND_ABI 4u

/** How a backend takes a direction's bytes. */
typedef enum WEIR_ENUM weir_form {
    /** weir frames records; the backend seals and opens their bytes. */
    WEIR_FORM_RECORD = 1,
    /** Plaintext goes through the socket; below it somebody frames and protects. */
    WEIR_FORM_STREAM = 2,
    /** Sending only: weir frames records in plaintext, with room for the tag; each TCP segment of
     * them passes the backend on its way out. The position always says where in TCP's stream it is
     * (struct weir_position, `tcp_known`). */
    WEIR_FORM_PACKET = 3,
} weir_form;

/** What a backend can do beyond its functions (struct weir_backend, `caps`). */
enum {
    /** Gives a direction up again, with its position: it can be taken back or moved on. */
    WEIR_CAP_RELEASE = 1,
    /** STREAM: keeps to the record limit of a direction (weir_tx_set_record_limit). */
    WEIR_CAP_RECORD_LIMIT = 2,
    /** STREAM: splice(2) from its socket brings application data and nothing else. */
    WEIR_CAP_SPLICE = 4,
};

/** Who protects the records of a direction, as far as the operating system tells. */
typedef enum WEIR_ENUM weir_carrier {
    WEIR_CARRIER_NONE = 0,     /**< nobody: the operating system knows no key for it */
    WEIR_CARRIER_SOFTWARE = 1, /**< weir itself */
    WEIR_CARRIER_KERNEL = 2,   /**< the kernel, on the processor */
    WEIR_CARRIER_NIC = 3,      /**< the network interface */
    WEIR_CARRIER_BELOW = 4,    /**< kernel or network interface; which of them is not told */
} weir_carrier;

/** What a backend is asked to take. */
struct weir_attach {
    /** The direction's own. They stay where they are until `detach`, and their key changes only
     * before `rekey`; the backend may read them there. */
    const struct weir_keys *keys;
    enum weir_dir dir;
    uint16_t record_limit; /**< most plaintext bytes in a record */
};

/** What a backend knows of a direction that it carries. */
struct weir_backend_state {
    weir_carrier carrier;
    /** `seq` and (TX, TLS 1.2 AES-GCM) `explicit_nonce` are those of the next record. */
    bool exact;
    uint64_t seq, explicit_nonce;
};

/** What a call of recvmsg brought. Its bytes are those of struct weir_stream_done. */
struct weir_stream_in {
    uint8_t type;
    bool counted;     /**< `records` is known */
    uint32_t records; /**< records that began with these bytes */
};

/**
 * A backend. `self` is always this struct: a backend with settings embeds it as first member of its
 * own struct. `ctx` is the memory of one direction, given by the caller, `ctx_size` bytes.
 *
 * WEIR_PENDING, where a function may answer it, means: carry out what `command` says, tell
 * `complete`, and so on until that answers something else. `complete` answers for the function that
 * began.
 */
struct weir_backend {
    uint32_t abi; /**< WEIR_BACKEND_ABI */
    weir_form form;
    uint32_t caps; /**< WEIR_CAP_… */
    const char *name;
    size_t ctx_size, ctx_align;
    /**
     * STREAM: the least plaintext bytes it puts in a record when there are more to come, 1 to
     * 16384; so many records at most were made of what it took. Whoever does not know says 1.
     */
    uint16_t least_record;
    /** Whether it could carry such a direction; no side effect. False: `why` is filled. */
    bool (*supports)(const struct weir_backend *self, const struct weir_keys *keys,
                     enum weir_dir dir, struct weir_refusal *why);
    /**
     * Takes a direction. WEIR_OK; WEIR_PENDING; or WEIR_REFUSED with `why` filled, the direction
     * unchanged (also on the socket) and nothing left to detach.
     */
    weir_status (*attach)(const struct weir_backend *self, void *ctx,
                          const struct weir_attach *what, struct weir_refusal *why);
    /** The command to carry out. Optional for backends that never answer WEIR_PENDING. */
    const struct weir_cmd *(*command)(const struct weir_backend *self, void *ctx);
    /**
     * Takes the result of a command: WEIR_PENDING, or what attach, rekey or query would answer.
     * Wipes what the command held. Optional as `command` is.
     */
    weir_status (*complete)(const struct weir_backend *self, void *ctx,
                            const struct weir_done *done, struct weir_refusal *why);
    /**
     * Replaces the key of an attached direction (same version and suite). WEIR_OK, WEIR_PENDING,
     * WEIR_E_PROVIDER or WEIR_E_BACKEND; after an error it holds nothing, as after `detach`. NULL:
     * cannot.
     */
    weir_status (*rekey)(const struct weir_backend *self, void *ctx, const struct weir_keys *keys);
    /**
     * Tells what it knows of an attached direction. WEIR_OK: `state` is filled; WEIR_PENDING: when
     * `complete` has answered WEIR_OK, this is called again and answers from what was learnt.
     * WEIR_REFUSED (from `complete`): it could not be learnt, and nothing changed. Optional.
     */
    weir_status (*query)(const struct weir_backend *self, void *ctx,
                         struct weir_backend_state *state);
    /** Wipes what it holds of the direction, in the middle of a command, too. */
    void (*detach)(const struct weir_backend *self, void *ctx);

    /**
     * WEIR_FORM_RECORD: as struct weir_aead's members of these names. WEIR_FORM_PACKET: `seal`
     * brings in[…] to `out` unless it is there, and fills the tag with zeros; it cannot fail, and
     * `open` is not there.
     */
    weir_status (*seal)(const struct weir_backend *self, void *ctx, const struct weir_aead_op *op);
    weir_status (*open)(const struct weir_backend *self, void *ctx, const struct weir_aead_op *op);
    /** WEIR_FORM_RECORD: as the member of struct weir_aead; optional as it is. */
    weir_status (*keystream)(const struct weir_backend *self, void *ctx,
                             const uint8_t nonce[WEIR_IV_LEN], uint64_t offset, const uint8_t *in,
                             uint8_t *out, size_t len);

    /**
     * WEIR_FORM_STREAM: fills `op` for sending op->len bytes (above 0, at most 16384 unless `type`
     * is application data) as records of `type`; may lower op->len for application data.
     */
    void (*send)(const struct weir_backend *self, void *ctx, uint8_t type,
                 struct weir_stream_op *op);
    /**
     * Judges how that went. WEIR_OK; WEIR_NEED_OUTPUT: nothing was taken, try again when the socket
     * takes more. WEIR_E_IO, WEIR_E_KEY_LIMIT or WEIR_E_BACKEND: the direction is over.
     */
    weir_status (*sent)(const struct weir_backend *self, void *ctx,
                        const struct weir_stream_done *done);
    /** Fills `op` for receiving: op->len is the least room that never cuts a control record. */
    void (*receive)(const struct weir_backend *self, void *ctx, struct weir_stream_op *op);
    /**
     * Judges what came. WEIR_OK: `in` is filled. WEIR_NEED_INPUT: nothing there. WEIR_CLOSED: the
     * end of the transport. WEIR_E_AUTH, WEIR_E_OVERFLOW, WEIR_E_VERSION, WEIR_E_TYPE,
     * WEIR_E_DECODE, WEIR_E_IO or WEIR_E_BACKEND: the direction is over.
     */
    weir_status (*received)(const struct weir_backend *self, void *ctx,
                            const struct weir_stream_done *done, struct weir_stream_in *in);

    /**
     * WEIR_FORM_PACKET: the record at position `at`, `record_len` bytes on the wire, is about to be
     * framed by `seal`. It is the first of `together` records, no longer than it, of which all are
     * to follow or none. WEIR_OK; WEIR_NEED_OUTPUT: there is no room to remember it until the peer
     * has acknowledged more, and nothing has changed. Below zero: the direction is over.
     */
    weir_status (*frame)(const struct weir_backend *self, void *ctx, const struct weir_position *at,
                         uint32_t record_len, uint32_t together);

    /** WEIR_FORM_RECORD: as the members of struct weir_aead; optional as they are. */
    weir_status (*seal_each)(const struct weir_backend *self, void *ctx,
                             const struct weir_aead_op *ops, size_t count);
    weir_status (*open_each)(const struct weir_backend *self, void *ctx,
                             const struct weir_aead_op *ops, size_t count, size_t *good);
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
