/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel's refusals mean (Linux: net/tls/tls_main.c, net/ipv4/tcp_ulp.c). */
#include "direction.h"

struct row {
    uint8_t step;
    int error;
    weir_refusal_code code;
};

static const struct row rows[] = {
    /* Not registered; only a caller with CAP_NET_ADMIN has the module loaded for it. */
    {STEP_ULP, KTLS_ENOENT, WEIR_REFUSAL_NO_KTLS},
    /* Not connected, listening, or the peer's FIN is here already. */
    {STEP_ULP, KTLS_ENOTCONN, WEIR_REFUSAL_SOCKET},
    {STEP_ULP, KTLS_ENOTSUPP, WEIR_REFUSAL_SOCKET},
    /* No TCP socket. */
    {STEP_ULP, KTLS_ENOPROTOOPT, WEIR_REFUSAL_SOCKET},
    /* Multipath TCP (net/mptcp/sockopt.c). */
    {STEP_ULP, KTLS_EOPNOTSUPP, WEIR_REFUSAL_SOCKET},
    /* Not in the kernel's crypto API: a module that is missing, FIPS mode. */
    {STEP_KEY, KTLS_ENOENT, WEIR_REFUSAL_SUITE},
    /* A cipher that this kernel does not know, or not the one of the other direction. */
    {STEP_KEY, KTLS_EINVAL, WEIR_REFUSAL_SUITE},
    {STEP_KEY, KTLS_ENOTSUPP, WEIR_REFUSAL_VERSION},
    /* This direction has a key already. */
    {STEP_KEY, KTLS_EBUSY, WEIR_REFUSAL_TAKEN},
};

static weir_refusal_code code_of(const struct ktls *k, int os_error)
{
    if (os_error == KTLS_ENOMEM)
        return WEIR_REFUSAL_RESOURCES;
    if (k->step == STEP_LIMIT)
        return WEIR_REFUSAL_RECORD_LIMIT;
    /* Nobody understands SOL_TLS here. Behind a protocol that was attached before, it is another's;
     * behind our own "tls", a kernel without this direction (Linux before 4.17 only sends). */
    if (k->step == STEP_KEY && os_error == KTLS_ENOPROTOOPT)
        return k->had_ulp ? WEIR_REFUSAL_TAKEN : WEIR_REFUSAL_NO_KTLS;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].step == k->step && rows[i].error == os_error)
            return rows[i].code;
    }
    return WEIR_REFUSAL_OS;
}

static uint32_t detail_of(const struct ktls *k, weir_refusal_code code)
{
    if (code == WEIR_REFUSAL_SUITE)
        return k->suite;
    if (code == WEIR_REFUSAL_VERSION)
        return k->version;
    return code == WEIR_REFUSAL_RECORD_LIMIT ? k->record_limit : 0;
}

void weir_ktls_refuse(const struct ktls *k, int os_error, struct weir_refusal *why)
{
    weir_refusal_code code = code_of(k, os_error);

    *why = (struct weir_refusal){
        .code = code,
        .layer = WEIR_LAYER_OS,
        .os_error = os_error,
        .detail = detail_of(k, code),
        .transient = os_error == KTLS_ENOMEM || os_error == KTLS_EAGAIN || os_error == KTLS_EINTR,
    };
}
