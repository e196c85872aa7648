/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir sim: the device engine in a simulated network, from one seed.
 */
#ifndef WEIR_TOOLS_SIM_H
#define WEIR_TOOLS_SIM_H

#include "common.h"
#include "sim/device.h"

/* What the command line asks for. Chances in millionths; below 0: drawn from the seed. */
struct sim_options {
    uint64_t seed, runs;
    bool seed_given;
    long loss, reorder, duplicate, corrupt;
    uint64_t flows, bytes, record, queue;                      /* 0: drawn */
    const char *direction, *version, *policy, *variant, *aead; /* NULL: drawn */
    uint64_t key_bits;
    const char *faults[SIM_FAULT_PLANS];
    size_t fault_count;
    const char *trace, *pcap, *keylog;
    bool json;
};

/* Everything of all runs, added up. */
struct sim_totals {
    uint64_t runs, failed, in_flight_bytes;
    uint64_t struck; /* faults that struck */
    struct sim_device_report sum;
    uint64_t quiet_ticks; /* what the same runs take when nothing is lost */
};

extern const char sim_help[];
int sim_main(int argc, char **argv);

/* sim_faults.c: plans the fault that `text` names, in one of the two; a fault when there is none
 * such. */
bool sim_fault_plan(struct sim_faults *faults, uint64_t *wrong_packet, const char *text,
                    struct fault *fault);
extern const char sim_faults_help[];

/* sim_report.c */
void sim_add(struct sim_totals *totals, const struct sim_device_report *report);
void sim_print(const struct sim_options *o, const struct sim_totals *totals);
/* One line about a run that failed. */
void sim_print_failure(uint64_t seed, const struct sim_device_report *report, FILE *out);
void sim_print_json(const struct sim_options *o, const struct sim_totals *totals,
                    uint64_t failed_seed, const struct sim_device_report *failed);

/* sim_capture.c: the tap that writes --trace and --pcap; NULL: neither was asked for. */
struct sim_capture;
bool sim_capture_open(struct sim_capture **capture, const struct sim_options *o,
                      struct fault *fault);
struct sim_device_tap *sim_capture_tap(struct sim_capture *capture);
/* False: not everything could be written. */
bool sim_capture_close(struct sim_capture *capture, struct fault *fault);

#endif
