/* SPDX-License-Identifier: BSD-2-Clause */
/* What a card would choke on: each rule broken by one change, and its near miss. */
#include "nic_bed.h"

#include <string.h>

enum { AT_UMR, AT_SET_PSV, AT_NOP, AT_DUMP, AT_SEND, ENTRIES };

/* UMR, SET_PSV, NOP, a DUMP of the first 40 bytes, and the rest of a record as a packet. */
struct script {
    struct bed *b;
    uint8_t *entry[ENTRIES];
};

static struct script script_new(const struct bed_suite *suite)
{
    struct script s = {.b = bed_new(suite, 5, 0x1000)};

    bed_record(s.b, 300);
    s.entry[AT_UMR] = bed_umr(s.b, 0, WEIR_MLX5_FENCE);
    s.entry[AT_SET_PSV] = bed_set_psv(s.b, 0);
    s.entry[AT_NOP] = bed_nop(s.b, WEIR_MLX5_FENCE);
    s.entry[AT_DUMP] = bed_dump(s.b, 0, 40, 0);
    s.entry[AT_SEND] = bed_send(s.b, 40, s.b->len - 40);
    return s;
}

struct spoil {
    const char *what;
    unsigned entry, byte, value;
    enum sim_nic_wrong wrong;
};

static const struct spoil spoils[] = {
    {"producer index of UMR", AT_UMR, 2, 1, SIM_NIC_BAD_INDEX},
    {"producer index of SET_PSV, high byte", AT_SET_PSV, 1, 1, SIM_NIC_BAD_INDEX},
    {"queue number, high byte", AT_UMR, 4, 1, SIM_NIC_BAD_QUEUE},
    {"queue number, low byte", AT_SEND, 6, 0x57, SIM_NIC_BAD_QUEUE},
    {"UMR with 11 segments", AT_UMR, 7, 11, SIM_NIC_BAD_COUNT},
    {"UMR with 13 segments", AT_UMR, 7, 13, SIM_NIC_BAD_COUNT},
    {"UMR with none", AT_UMR, 7, 0, SIM_NIC_BAD_COUNT},
    {"SET_PSV with 3", AT_SET_PSV, 7, 3, SIM_NIC_BAD_COUNT},
    {"SET_PSV with 1", AT_SET_PSV, 7, 1, SIM_NIC_BAD_COUNT},
    {"NOP with 2", AT_NOP, 7, 2, SIM_NIC_BAD_COUNT},
    {"NOP with 3", AT_NOP, 7, 3, SIM_NIC_BAD_COUNT},
    {"DUMP with 3", AT_DUMP, 7, 3, SIM_NIC_BAD_COUNT},
    {"DUMP with 1", AT_DUMP, 7, 1, SIM_NIC_BAD_COUNT},
    {"SEND whose headers go over its end", AT_SEND, 7, 5, SIM_NIC_BAD_COUNT},
    {"SEND with 1", AT_SEND, 7, 1, SIM_NIC_BAD_COUNT},
    {"opcode of RDMA", AT_NOP, 3, 0x08, SIM_NIC_BAD_OPCODE},
    {"opcode CHECK_PSV", AT_SET_PSV, 3, 0x22, SIM_NIC_BAD_OPCODE},
    {"opcode beyond UMR", AT_NOP, 3, 0x26, SIM_NIC_BAD_OPCODE},
    {"UMR without modifier", AT_UMR, 0, 0, SIM_NIC_BAD_MODIFIER},
    {"UMR with another modifier", AT_UMR, 0, 3, SIM_NIC_BAD_MODIFIER},
    {"SET_PSV without modifier", AT_SET_PSV, 0, 0, SIM_NIC_BAD_MODIFIER},
    {"DUMP with a modifier", AT_DUMP, 0, 1, SIM_NIC_BAD_MODIFIER},
    {"SEND with a modifier", AT_SEND, 0, 1, SIM_NIC_BAD_MODIFIER},
    {"flag that there is not", AT_NOP, 11, 0x21, SIM_NIC_BAD_FIELD},
    {"signature", AT_NOP, 8, 1, SIM_NIC_BAD_FIELD},
    {"reserved 10", AT_NOP, 10, 1, SIM_NIC_BAD_FIELD},
    {"tisn not shifted", AT_DUMP, 15, 1, SIM_NIC_BAD_FIELD},
    {"UMR of a TIR", AT_UMR, 0, 2, SIM_NIC_NO_CONTEXT},
    {"UMR of nobody", AT_UMR, 12, 1, SIM_NIC_NO_CONTEXT},
    {"SET_PSV of nobody", AT_SET_PSV, 17, 1, SIM_NIC_NO_CONTEXT},
    {"SET_PSV of a TIR", AT_SET_PSV, 0, 2, SIM_NIC_NO_CONTEXT},
    {"DUMP under nobody", AT_DUMP, 12, 1, SIM_NIC_NO_CONTEXT},
    {"SEND under nobody", AT_SEND, 12, 1, SIM_NIC_NO_CONTEXT},
    {"UMR not inline", AT_UMR, 16, 0, SIM_NIC_BAD_FIELD},
    {"UMR flags", AT_UMR, 16, 0xa0, SIM_NIC_BAD_FIELD},
    {"UMR octowords", AT_UMR, 23, 5, SIM_NIC_BAD_FIELD},
    {"UMR mask", AT_UMR, 31, 1, SIM_NIC_BAD_FIELD},
    {"memory key context", AT_UMR, 127, 1, SIM_NIC_BAD_FIELD},
    {"params: constant before", AT_UMR, 128, 0x0d, SIM_NIC_BAD_FIELD},
    {"params: constant behind", AT_UMR, 128, 0x8c, SIM_NIC_BAD_FIELD},
    {"params: TLS 1.1", AT_UMR, 128, 0x85, SIM_NIC_BAD_PARAMS},
    {"params: TLS 1.4", AT_UMR, 128, 0x91, SIM_NIC_BAD_PARAMS},
    {"params: reserved 1", AT_UMR, 129, 1, SIM_NIC_BAD_FIELD},
    {"params: no TLS", AT_UMR, 131, 0, SIM_NIC_BAD_PARAMS},
    {"params: NVMe", AT_UMR, 131, 2, SIM_NIC_BAD_PARAMS},
    {"params: reserved 4", AT_UMR, 132, 1, SIM_NIC_BAD_FIELD},
    {"params: resync of a TIS", AT_UMR, 147, 1, SIM_NIC_BAD_PARAMS},
    {"params: reserved 32", AT_UMR, 160, 1, SIM_NIC_BAD_FIELD},
    {"params: key of nobody", AT_UMR, 161, 1, SIM_NIC_NO_KEY},
    {"params: reserved 36", AT_UMR, 164, 1, SIM_NIC_BAD_FIELD},
    {"params: last byte", AT_UMR, 191, 1, SIM_NIC_BAD_FIELD},
    {"progress: number in the control segment", AT_SET_PSV, 14, 1, SIM_NIC_BAD_FIELD},
    {"progress: valid", AT_SET_PSV, 16, 0x80, SIM_NIC_BAD_FIELD},
    {"progress: sequence of a TIS", AT_SET_PSV, 23, 1, SIM_NIC_BAD_FIELD},
    {"progress: resync", AT_SET_PSV, 27, 1, SIM_NIC_BAD_FIELD},
    {"progress: states", AT_SET_PSV, 28, 0x40, SIM_NIC_BAD_FIELD},
    {"progress: last byte", AT_SET_PSV, 31, 1, SIM_NIC_BAD_FIELD},
    {"no fence behind parameters", AT_NOP, 11, 0, SIM_NIC_NO_FENCE},
    {"no fence, but a completion", AT_NOP, 11, 8, SIM_NIC_NO_FENCE},
    {"DUMP of nothing", AT_DUMP, 19, 0, SIM_NIC_BAD_LENGTH},
    {"DUMP beyond the MTU", AT_DUMP, 18, 6, SIM_NIC_BAD_LENGTH},
    {"DUMP over the end of the record", AT_DUMP, 18, 2, SIM_NIC_DUMP_TOO_FAR},
    {"DUMP: lkey", AT_DUMP, 23, 8, SIM_NIC_BAD_MEMORY},
    {"DUMP: address below", AT_DUMP, 29, 0, SIM_NIC_BAD_MEMORY},
    {"DUMP: address beyond", AT_DUMP, 29, 9, SIM_NIC_BAD_MEMORY},
    {"DUMP of less, with nothing to hold it against", AT_DUMP, 19, 39, SIM_NIC_FINE},
    {"SEND: fields of offsets", AT_SEND, 16, 1, SIM_NIC_BAD_FIELD},
    {"SEND: checksum flags", AT_SEND, 20, 0xe0, SIM_NIC_BAD_FIELD},
    {"SEND: MSS", AT_SEND, 23, 100, SIM_NIC_BAD_FIELD},
    {"SEND as LSO without an MSS", AT_SEND, 3, 0x0e, SIM_NIC_BAD_FIELD},
    {"SEND: metadata", AT_SEND, 27, 1, SIM_NIC_BAD_FIELD},
    {"SEND: headers cut", AT_SEND, 29, 53, SIM_NIC_BAD_HEADERS},
    {"SEND: headers too long", AT_SEND, 29, 55, SIM_NIC_BAD_HEADERS},
    {"SEND: not IP", AT_SEND, 30 + 13, 6, SIM_NIC_BAD_HEADERS},
    {"SEND: version of IP", AT_SEND, 30 + 14, 0x55, SIM_NIC_BAD_HEADERS},
    {"SEND: UDP", AT_SEND, 30 + 23, 17, SIM_NIC_BAD_HEADERS},
    {"SEND: TCP with options that are not there", AT_SEND, 30 + 46, 0x60, SIM_NIC_BAD_HEADERS},
    {"SEND: length of IP", AT_SEND, 30 + 17, 0, SIM_NIC_BAD_HEADERS},
    {"SEND: less data than IP says", AT_SEND, 99, 0, SIM_NIC_BAD_HEADERS},
    {"SEND: data inline", AT_SEND, 96, 0x80, SIM_NIC_BAD_MEMORY},
    {"SEND: lkey", AT_SEND, 103, 6, SIM_NIC_BAD_MEMORY},
};

/* The script is fine as it is: each of these fails for its one byte. */
Test(nic_wrong, the_script_is_right)
{
    for (size_t i = 0; i < 4; i++) {
        struct script s = script_new(&bed_suites[i]);

        cr_assert(bed_post(s.b));
        bed_expect(s.b, 40, s.b->len - 40);
        bed_close(s.b);
    }
}

Test(nic_wrong, one_byte_of_an_entry)
{
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        const struct spoil *spoil = &spoils[i];
        struct script s = script_new(&bed_suites[3]);

        cr_assert_neq(s.entry[spoil->entry][spoil->byte], spoil->value, "%s", spoil->what);
        s.entry[spoil->entry][spoil->byte] = (uint8_t)spoil->value;
        bool good = bed_post(s.b);
        cr_assert_eq(good, spoil->wrong == SIM_NIC_FINE, "%s", spoil->what);
        if (!good)
            bed_expect_wrong(s.b, spoil->wrong, spoil->what);
        bed_drop(s.b);
    }
}

Test(nic_wrong, data_of_no_length)
{
    struct script s = script_new(&bed_suites[0]);

    memset(s.entry[AT_SEND] + 96, 0, 4);
    cr_assert(!bed_post(s.b));
    bed_expect_wrong(s.b, SIM_NIC_BAD_LENGTH, "data of no length");
    bed_drop(s.b);
}

/* The largest packet and DUMP that the MTU lets through, and one byte more. */
Test(nic_wrong, lengths_at_the_mtu)
{
    for (unsigned more = 0; more < 2; more++) {
        struct bed *b = bed_new(&bed_suites[1], 0, 0);

        bed_record(b, 3000);
        bed_params(b, 0);
        bed_send(b, 0, 1460 + more);
        cr_assert_eq(bed_post(b), more == 0);
        if (more == 1)
            bed_expect_wrong(b, SIM_NIC_BAD_LENGTH, "packet");
        bed_drop(b);
        b = bed_new(&bed_suites[1], 0, 0);
        bed_record(b, 3000);
        bed_params(b, 0);
        bed_send_as(b, 0, 2900, 1460 + more, 1);
        cr_assert_eq(bed_post(b), more == 0);
        if (more == 1)
            bed_expect_wrong(b, SIM_NIC_BAD_LENGTH, "LSO");
        bed_drop(b);
        b = bed_new(&bed_suites[1], 0, 0);
        bed_record(b, 3000);
        bed_params(b, 0);
        bed_dump(b, 0, 1522 + more, 0);
        cr_assert_eq(bed_post(b), more == 0);
        if (more == 1)
            bed_expect_wrong(b, SIM_NIC_BAD_LENGTH, "DUMP");
        bed_drop(b);
    }
}
