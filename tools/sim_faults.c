/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim.h"

#include <string.h>

const char sim_faults_help[] =
    "Faults of the card, each at the Nth such thing (1: the first), or from N on for ever (N+):\n"
    "  keys-full@N         a command finds the table of keys full\n"
    "  command-fails@N     a command of the firmware fails\n"
    "  command-late@N      its reply comes a twentieth of a second later\n"
    "  command-never@N     its reply never comes\n"
    "  entry-fails@N       an entry of a queue completes with an error\n"
    "  entry-late@N        a queue stands still for a twentieth of a second\n"
    "  entry-never@N       a queue stands still until it is reset\n"
    "  doorbell-lost@N     the card does not hear of new entries\n"
    "  gone@N              the card goes away, at any call\n"
    "  wrong-byte@N        a packet leaves it with a wrong byte: the one fault that makes a run "
    "fail\n"
    "\n"
    "Exit status: 0 when every run was good, 1 when one was not, 2 for a wrong command line.\n";

static const struct known_fault {
    const char *name;
    unsigned call;
    struct sim_fault fault;
} known[] = {
    {"keys-full", SIM_NIC_COMMAND, {SIM_FAULT_ERRNO, WEIR_MLX5_STATUS_LIMIT, 0}},
    {"command-fails", SIM_NIC_COMMAND, {SIM_FAULT_ERRNO, WEIR_MLX5_STATUS_NO_RESOURCES, 0}},
    {"command-late", SIM_NIC_COMMAND, {SIM_FAULT_SHORT, 0, 50}},
    {"command-never", SIM_NIC_COMMAND, {SIM_FAULT_SHORT, 0, SIM_NIC_NEVER}},
    {"entry-fails", SIM_NIC_ENTRY, {SIM_FAULT_ERRNO, 2, 0}},
    {"entry-late", SIM_NIC_ENTRY, {SIM_FAULT_SHORT, 0, 50}},
    {"entry-never", SIM_NIC_ENTRY, {SIM_FAULT_SHORT, 0, SIM_NIC_NEVER}},
    {"doorbell-lost", SIM_NIC_DOORBELL, {SIM_FAULT_ERRNO, 1, 0}},
    {"gone", SIM_ANY_CALL, {SIM_FAULT_ERRNO, SIM_NIC_GONE, 0}},
};

/* "12" or "12+". */
static bool parse_nth(const char *text, uint64_t *nth, uint64_t *count)
{
    char digits[24];
    size_t len = strlen(text);
    *count = 1;
    if (len > 0 && text[len - 1] == '+') {
        *count = UINT64_MAX;
        len--;
    }
    if (len == 0 || len >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, len);
    digits[len] = '\0';
    return parse_number(digits, 1, UINT64_MAX, nth);
}

bool sim_fault_plan(struct sim_faults *faults, uint64_t *wrong_packet, const char *text,
                    struct fault *fault)
{
    const char *at = strchr(text, '@');
    size_t len = at == NULL ? strlen(text) : (size_t)(at - text);
    uint64_t nth = 1;
    uint64_t count = 1;
    if (at != NULL && !parse_nth(at + 1, &nth, &count)) {
        USAGE(fault, "--fault takes a number from 1 on behind '@', not '%.40s'", at + 1);
        return false;
    }
    if (strlen("wrong-byte") == len && memcmp("wrong-byte", text, len) == 0) {
        *wrong_packet = nth;
        return true;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(known[i].name) == len && memcmp(known[i].name, text, len) == 0) {
            if (sim_faults_plan(faults, known[i].call, nth, count, known[i].fault)) {
                return true;
            }
            USAGE(fault, "--fault: at most %u of them", SIM_FAULT_PLANS);
            return false;
        }
    }
    USAGE(fault, "unknown fault '%.40s'", text);
    return false;
}
