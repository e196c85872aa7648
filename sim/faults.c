/* SPDX-License-Identifier: BSD-2-Clause */
#include "faults.h"

#include <string.h>

struct sim_fault sim_fault_errno(int error)
{
    return (struct sim_fault){.kind = SIM_FAULT_ERRNO, .error = error};
}

struct sim_fault sim_fault_short(size_t length)
{
    return (struct sim_fault){.kind = SIM_FAULT_SHORT, .length = length};
}

void sim_faults_clear(struct sim_faults *faults)
{
    memset(faults, 0, sizeof *faults);
}

bool sim_faults_plan(struct sim_faults *faults, unsigned call, uint64_t nth, uint64_t count,
                     struct sim_fault fault)
{
    if (faults->planned == SIM_FAULT_PLANS || call >= SIM_CALL_CLASSES || nth == 0)
        return false;
    faults->plans[faults->planned++] = (struct sim_fault_plan){call, nth, count, fault};
    return true;
}

struct sim_fault sim_faults_meet(struct sim_faults *faults, unsigned call)
{
    faults->calls[SIM_ANY_CALL]++;
    if (call != SIM_ANY_CALL && call < SIM_CALL_CLASSES)
        faults->calls[call]++;
    for (size_t i = 0; i < faults->planned; i++) {
        const struct sim_fault_plan *plan = &faults->plans[i];
        uint64_t now = faults->calls[plan->call];

        if (plan->call != SIM_ANY_CALL && plan->call != call)
            continue;
        if (now >= plan->first && now - plan->first < plan->count) {
            faults->struck++;
            return plan->fault;
        }
    }
    return (struct sim_fault){0};
}
