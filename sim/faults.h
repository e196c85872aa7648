/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Faults by counting. A model counts the calls made to it, by class; a test runs a scenario once to
 * learn how many there are, and then again for every n with the nth of them failing:
 *
 *     run(&faults);
 *     for (uint64_t n = 1, all = faults.calls[SIM_ANY_CALL]; n <= all; n++) {
 *         sim_faults_clear(&faults);
 *         sim_faults_plan(&faults, SIM_ANY_CALL, n, 1, sim_fault_errno(EIO));
 *         run(&faults);
 *     }
 *
 * All zeros is a struct without faults. Which classes there are is the model's affair.
 */
#ifndef WEIR_SIM_FAULTS_H
#define WEIR_SIM_FAULTS_H

#include "base.h"

#define SIM_ANY_CALL     0u /**< the class that every call belongs to; a model's own begin at 1 */
#define SIM_CALL_CLASSES 16u
#define SIM_FAULT_PLANS  8u

enum sim_fault_kind {
    SIM_FAULT_NONE = 0,
    SIM_FAULT_ERRNO, /**< the call does nothing, and fails with this errno */
    SIM_FAULT_SHORT, /**< the call moves at most `length` bytes; no effect on one that moves none */
};

struct sim_fault {
    enum sim_fault_kind kind;
    int error;
    size_t length;
};

struct sim_fault_plan {
    unsigned call;
    uint64_t first, count; /**< in calls of the class since sim_faults_clear, from 1 */
    struct sim_fault fault;
};

struct sim_faults {
    /** Calls made so far, by class. */
    uint64_t calls[SIM_CALL_CLASSES];
    /** Faults that struck. */
    uint64_t struck;
    struct sim_fault_plan plans[SIM_FAULT_PLANS];
    size_t planned;
};

struct sim_fault sim_fault_errno(int error);
struct sim_fault sim_fault_short(size_t length);

/** No plans, and all counts at 0. */
void sim_faults_clear(struct sim_faults *faults);

/**
 * From the nth call of a class on (1 is the first since sim_faults_clear), `count` calls meet the
 * fault; UINT64_MAX: all that follow. At most SIM_FAULT_PLANS plans, of which the first that holds
 * counts; false when there is no room for one more.
 */
bool sim_faults_plan(struct sim_faults *faults, unsigned call, uint64_t nth, uint64_t count,
                     struct sim_fault fault);

/** For models: counts a call of class `call` (not SIM_ANY_CALL), and says what it meets. */
struct sim_fault sim_faults_meet(struct sim_faults *faults, unsigned call);

#endif
