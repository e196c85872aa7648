/* SPDX-License-Identifier: BSD-2-Clause */
#include <weir/status.h>

uint8_t weir_status_alert(weir_status status)
{
    switch (status) {
#define WEIR_X(value, name, alert, text)                                                           \
    case WEIR_##name:                                                                              \
        return (uint8_t)(alert);
        WEIR_STATUS_LIST(WEIR_X)
#undef WEIR_X
    }
    return 80; /* internal_error: a status that is not in the list came from a broken provider */
}
