/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection that is tried before it is made: the very calls of a real one, over a pair of
 * sockets of its own, with a handshake that hands out random keys at once.
 */
#include "loopback.h"
#include "weir/posix_backends.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/random.h>
#endif

struct random_handshake {
    struct weir_handshake handshake;
    uint16_t version, suite;
};

static struct random_handshake *of(struct weir_handshake *hs)
{
    return (struct random_handshake *)(void *)hs;
}

static weir_status drive(struct weir_handshake *hs, const uint8_t *in, size_t len, size_t *consumed)
{
    (void)hs;
    (void)in;
    (void)len;
    *consumed = 0;
    return WEIR_OK;
}

static void output(struct weir_handshake *hs, const uint8_t **data, size_t *len)
{
    (void)hs;
    *data = NULL;
    *len = 0;
}

static void output_taken(struct weir_handshake *hs, size_t len)
{
    (void)hs;
    (void)len;
}

static bool random_keys(struct weir_keys *keys, uint16_t version, uint16_t suite)
{
    const struct weir_suite *known = weir_suite_find(suite);
    memset(keys, 0, sizeof *keys);
    if (getentropy(keys->key, sizeof keys->key) != 0 ||
        getentropy(keys->iv, sizeof keys->iv) != 0 ||
        getentropy(keys->secret, sizeof keys->secret) != 0) {
        return false;
    }
    bool explicit_nonce = version == WEIR_TLS12 && known->alg != WEIR_CHACHA20_POLY1305;
    keys->version = version;
    keys->suite = suite;
    keys->secret_len = version == WEIR_TLS13 ? (uint8_t)WEIR_HASH_LEN(known->hash) : 0;
    keys->at.nonce_rule = explicit_nonce ? WEIR_NONCE_SEQ : WEIR_NONCE_IMPLICIT;
    return true;
}

static weir_status take_keys(struct weir_handshake *hs, struct weir_keys *tx, struct weir_keys *rx,
                             struct weir_refusal *why)
{
    if (random_keys(tx, of(hs)->version, of(hs)->suite) &&
        random_keys(rx, of(hs)->version, of(hs)->suite)) {
        return WEIR_OK;
    }
    *why = (struct weir_refusal){
        .code = WEIR_REFUSAL_OS, .layer = WEIR_LAYER_OS, .os_error = errno, .transient = true};
    return WEIR_REFUSED;
}

static weir_status deliver(struct weir_handshake *hs, const uint8_t *data, size_t len)
{
    (void)hs;
    (void)data;
    (void)len;
    return WEIR_OK;
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
    (void)hs;
    return "";
}

static void chosen(struct weir_handshake *hs, uint16_t *version, uint16_t *suite)
{
    *version = of(hs)->version;
    *suite = of(hs)->suite;
}

static void release(struct weir_handshake *hs)
{
    (void)hs;
}

static void tell(struct weir_conn *conn, enum weir_dir dir, struct weir_posix_outcome *outcome)
{
    if (weir_conn_session(conn) != NULL) {
        (void)(weir_conn_query(conn, dir) == WEIR_OK); /* who it is; it may not be known */
    }
    struct weir_conn_path path = weir_conn_path(conn, dir);
    outcome->backend = weir_conn_session(conn) != NULL ? path.backend : NULL;
    outcome->carrier = path.carrier;
    outcome->refusal_count = path.refusal_count;
    memcpy(outcome->refusals, path.refusals, path.refusal_count * sizeof path.refusals[0]);
}

static weir_status try_it(const struct weir_conn_config *config,
                          struct weir_posix_outcome outcome[2])
{
    struct weir_conn *conn = weir_conn_new(config);
    if (conn == NULL) {
        return errno == EINVAL ? WEIR_E_MISUSE : WEIR_E_IO;
    }
    weir_status status = weir_conn_handshake(conn);
    if (status >= WEIR_OK) {
        tell(conn, WEIR_TX, &outcome[WEIR_TX]);
        tell(conn, WEIR_RX, &outcome[WEIR_RX]);
        status = WEIR_OK;
    }
    weir_conn_free(conn);
    return status;
}

weir_status weir_posix_dry_run(const struct weir_conn_config *config, uint16_t version,
                               uint16_t suite, struct weir_posix_outcome outcome[2])
{
    const struct weir_suite *known = weir_suite_find(suite);
    struct weir_conn_config own = *config;
    struct random_handshake hs = {.version = version, .suite = suite};
    int ends[2] = {-1, -1};

    memset(outcome, 0, 2 * sizeof *outcome);
    if (known == NULL || known->version != version || config->backend_count > WEIR_POSIX_BACKENDS) {
        return WEIR_E_MISUSE;
    }
    hs.handshake = (struct weir_handshake){
        .abi = WEIR_HANDSHAKE_ABI,
        .library = "dry run",
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
    };
    errno = io_loopback(ends);
    if (errno != 0) {
        return WEIR_E_IO;
    }
    own.fd = ends[0];
    own.handshake = &hs.handshake;
    weir_status status = try_it(&own, outcome);
    int failed = errno;
    (void)close(ends[0]);
    (void)close(ends[1]);
    errno = failed;
    return status;
}
