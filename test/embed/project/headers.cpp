// SPDX-License-Identifier: BSD-2-Clause
// The installed headers, from C++: they compile, and what they declare links.
#include <weir/handshake.h>
#include <weir/weir.h>
#ifdef WITH_IO
#include <weir/posix.h>
#endif
#ifdef WITH_OPENSSL
#include <weir/openssl.h>
#endif
#ifdef WITH_MBEDTLS
#include <weir/mbedtls.h>
#endif
#include <cstdio>
#include <cstring>

int main()
{
    weir_tx tx{};
    const bool ok = weir_tx_status(&tx) == WEIR_E_MISUSE &&
                    std::strcmp(weir_status_name(WEIR_E_AUTH), "E_AUTH") == 0 &&
                    weir_suite_find(WEIR_TLS_AES_128_GCM_SHA256) != nullptr;
    std::puts(ok ? "linked from C++" : "wrong answers");
    return ok ? 0 : 1;
}
