/* SPDX-License-Identifier: BSD-2-Clause */
#include "preshared.h"
#include "project.h"

#include <string.h>

static const uint8_t hello[] = {'h', 'e', 'l', 'l', 'o', '\n'};

static struct preshared *of(struct weir_handshake *hs)
{
    return (struct preshared *)(void *)hs;
}

/* Takes the bytes of the peer's hello, never one more. */
static weir_status drive(struct weir_handshake *hs, const uint8_t *in, size_t len, size_t *consumed)
{
    struct preshared *p = of(hs);
    size_t here = sizeof hello - p->heard < len ? sizeof hello - p->heard : len;

    *consumed = here;
    if (here > 0 && memcmp(in, hello + p->heard, here) != 0)
        return WEIR_E_HANDSHAKE;
    p->heard += here;
    return p->heard == sizeof hello ? WEIR_OK : WEIR_NEED_INPUT;
}

static void output(struct weir_handshake *hs, const uint8_t **data, size_t *len)
{
    *data = hello + of(hs)->said;
    *len = sizeof hello - of(hs)->said;
}

static void output_taken(struct weir_handshake *hs, size_t len)
{
    of(hs)->said += len;
}

static weir_status take_keys(struct weir_handshake *hs, struct weir_keys *tx, struct weir_keys *rx,
                             struct weir_refusal *why)
{
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_BINDING};
    shared_keys(hs->server, tx, rx);
    return WEIR_OK;
}

/* There is nothing to say after this handshake, and nobody to hear it. */
static weir_status deliver(struct weir_handshake *hs, const uint8_t *data, size_t len)
{
    (void)hs;
    (void)data;
    (void)len;
    return WEIR_E_HANDSHAKE;
}

static weir_status collect(struct weir_handshake *hs, struct weir_control *control)
{
    (void)hs;
    *control = (struct weir_control){.kind = WEIR_CONTROL_NONE};
    return WEIR_OK;
}

static void epochs(struct weir_handshake *hs, uint16_t tx, uint16_t rx)
{
    (void)hs;
    (void)tx;
    (void)rx;
}

static const char *error(struct weir_handshake *hs)
{
    return of(hs)->heard == sizeof hello ? "" : "the peer did not say hello";
}

static void chosen(struct weir_handshake *hs, uint16_t *version, uint16_t *suite)
{
    (void)hs;
    *version = WEIR_TLS13;
    *suite = WEIR_TLS_CHACHA20_POLY1305_SHA256;
}

static void release(struct weir_handshake *hs)
{
    *of(hs) = (struct preshared){.said = 0};
}

void preshared_init(struct preshared *preshared, bool server)
{
    *preshared = (struct preshared){
        .handshake =
            {
                .abi = WEIR_HANDSHAKE_ABI,
                .library = "preshared",
                .server = server,
                .drive = drive,
                .output = output,
                .output_taken = output_taken,
                .take_keys = take_keys,
                .deliver = deliver,
                .collect = collect,
                .epochs = epochs,
                .error = error,
                .chosen = chosen,
                .release = release,
            },
    };
}
