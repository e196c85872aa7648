/* SPDX-License-Identifier: BSD-2-Clause */
/* The FreeBSD backend without a kernel: sends, receives, and the probe. */
#include "mlx5_host.h"

static void begin(struct host *h, enum weir_dir dir)
{
    host_begin(h, 1500000, WEIR_CARRIER_NONE);
    (void)host_attach(h, dir);
    (void)host_done(h, 0);
    (void)host_mode(h, 1);
}

/* Data is sent plainly, so that sendfile can stand for it; the rest with its type. */
static void sends(struct test *t)
{
    struct weir_stream_op op;
    struct host h;

    begin(&h, WEIR_TX);
    op = (struct weir_stream_op){.len = 1000000};
    h.k.backend.send(&h.k.backend, &h.ctx, WEIR_TYPE_DATA, &op);
    CHECK_EQ(t, op.len, 1000000);
    CHECK_EQ(t, op.control_len, 0);
    for (int type = WEIR_TYPE_ALERT; type <= WEIR_TYPE_HANDSHAKE; type++) {
        op = (struct weir_stream_op){.len = 2};
        h.k.backend.send(&h.k.backend, &h.ctx, (uint8_t)type, &op);
        CHECK_EQ(t, op.len, 2);
        CHECK_EQ(t, op.level, 6);
        CHECK_EQ(t, op.type, 1);
        CHECK_EQ(t, op.control_len, 1);
        CHECK_EQ(t, op.control[0], type);
    }
    /* No record is longer than a call. */
    h.limit = 600;
    (void)host_attach(&h, WEIR_TX);
    (void)host_done(&h, 0);
    (void)host_mode(&h, 1);
    for (size_t len = 599; len <= 601; len++) {
        op = (struct weir_stream_op){.len = len};
        h.k.backend.send(&h.k.backend, &h.ctx, WEIR_TYPE_DATA, &op);
        CHECK_EQ(t, op.len, len < 600 ? len : 600);
    }
}

static void every_errno_of_a_send(struct test *t)
{
    static const struct {
        int error;
        weir_status status;
    } rows[] = {
        {0, WEIR_OK},         {35, WEIR_NEED_OUTPUT}, {4, WEIR_NEED_OUTPUT}, {5, WEIR_E_BACKEND},
        {89, WEIR_E_BACKEND}, {40, WEIR_E_BACKEND},   {22, WEIR_E_BACKEND},  {32, WEIR_E_IO},
        {53, WEIR_E_IO},      {54, WEIR_E_IO},        {55, WEIR_E_IO},       {57, WEIR_E_IO},
        {60, WEIR_E_IO},      {65, WEIR_E_IO},        {11, WEIR_E_IO},
    };
    struct host h;

    begin(&h, WEIR_TX);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct weir_stream_done done = {.os_error = rows[i].error, .len = 0};

        t->at = (uint64_t)rows[i].error;
        CHECK_STATUS(t, h.k.backend.sent(&h.k.backend, &h.ctx, &done), rows[i].status);
    }
}

static void every_errno_of_a_receive(struct test *t)
{
    static const struct {
        int error;
        weir_status status;
    } rows[] = {
        {35, WEIR_NEED_INPUT}, {4, WEIR_NEED_INPUT}, {89, WEIR_E_AUTH},   {40, WEIR_E_OVERFLOW},
        {22, WEIR_E_VERSION},  {5, WEIR_E_BACKEND},  {6, WEIR_E_BACKEND}, {53, WEIR_E_IO},
        {54, WEIR_E_IO},       {60, WEIR_E_IO},      {57, WEIR_E_IO},     {74, WEIR_E_IO},
    };
    struct weir_stream_op op = {0};
    struct weir_stream_in in;
    struct host h;

    begin(&h, WEIR_RX);
    h.k.backend.receive(&h.k.backend, &h.ctx, &op);
    CHECK_EQ(t, op.level, 6);
    CHECK_EQ(t, op.type, 2);
    CHECK_EQ(t, op.control_len, 6);
    CHECK_EQ(t, op.len, 16384);
    CHECK(t, op.ask_error);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct weir_stream_done done = {.os_error = rows[i].error};

        t->at = (uint64_t)rows[i].error;
        CHECK_STATUS(t, h.k.backend.received(&h.k.backend, &h.ctx, &done, &in), rows[i].status);
    }
}

/* `len` bytes came; `record` is the length in TLS_GET_RECORD, -1 when there was none. */
static weir_status got(struct host *h, size_t len, uint8_t type, int record, bool end,
                       struct weir_stream_in *in)
{
    struct weir_stream_done done = {.len = len, .end_of_record = end};

    memset(in, 0xa5, sizeof *in);
    if (record >= 0) {
        done.has_control = true;
        done.control_len = 6;
        done.control[0] = type;
        done.control[1] = 3;
        done.control[2] = 3;
        done.control[4] = (uint8_t)(record >> 8);
        done.control[5] = (uint8_t)record;
    }
    return h->k.backend.received(&h->k.backend, &h->ctx, &done, in);
}

static void receives(struct test *t)
{
    struct weir_stream_in in;
    struct host h;

    begin(&h, WEIR_RX);
    CHECK_STATUS(t, got(&h, 300, 23, 300, true, &in), WEIR_OK);
    CHECK(t, in.type == 23 && in.counted && in.records == 1);
    /* One record in three calls. */
    CHECK_STATUS(t, got(&h, 1000, 23, 16384, false, &in), WEIR_OK);
    CHECK_EQ(t, in.records, 1);
    CHECK_STATUS(t, got(&h, 15000, 0, -1, false, &in), WEIR_OK);
    CHECK(t, in.type == 23 && in.counted && in.records == 0);
    CHECK_STATUS(t, got(&h, 384, 0, -1, true, &in), WEIR_OK);
    /* Empty ones have no mark; they are not the end. */
    CHECK_STATUS(t, got(&h, 0, 23, 0, false, &in), WEIR_OK);
    CHECK(t, in.type == 23 && in.records == 1);
    CHECK_STATUS(t, got(&h, 2, 21, 2, true, &in), WEIR_OK);
    CHECK_EQ(t, in.type, 21);
    CHECK_STATUS(t, got(&h, 0, 0, -1, false, &in), WEIR_CLOSED);
}

/* What contradicts itself ends the direction: nobody knows what the bytes are. */
static void receives_what_cannot_be(struct test *t)
{
    static const struct {
        size_t len;
        int record;
        bool end;
        uint8_t type;
    } rows[] = {
        {5, -1, true, 23},  /* no type */
        {5, -1, false, 23}, /* nor here */
        {6, 5, true, 23},   /* more than the record has */
        {5, 5, false, 23},  /* all of it, and not its end */
        {4, 5, true, 23},   /* its end, and not all of it */
        {0, 5, false, 23},  /* none of it */
        {4, 5, false, 22},  /* a control record in parts */
    };
    struct weir_stream_in in;
    struct host h;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        t->at = i;
        begin(&h, WEIR_RX);
        CHECK_STATUS(t, got(&h, rows[i].len, rows[i].type, rows[i].record, rows[i].end, &in),
                     WEIR_E_BACKEND);
    }
    begin(&h, WEIR_RX); /* a record within a record */
    CHECK_STATUS(t, got(&h, 100, 23, 200, false, &in), WEIR_OK);
    CHECK_STATUS(t, got(&h, 100, 23, 100, true, &in), WEIR_E_BACKEND);
    begin(&h, WEIR_RX);
    CHECK_STATUS(t, got(&h, 16384, 23, 16385, false, &in), WEIR_E_OVERFLOW);
}

static void receives_what_is_cut_off(struct test *t)
{
    struct weir_stream_done done = {.len = 5,
                                    .has_control = true,
                                    .end_of_record = true,
                                    .control = {23, 3, 3, 0, 0, 5},
                                    .control_len = 6};
    struct weir_stream_in in;
    struct host h;

    begin(&h, WEIR_RX);
    done.truncated = true;
    CHECK_STATUS(t, h.k.backend.received(&h.k.backend, &h.ctx, &done, &in), WEIR_E_BACKEND);
    done.len = 0;
    done.has_control = false;
    CHECK_STATUS(t, h.k.backend.received(&h.k.backend, &h.ctx, &done, &in), WEIR_E_BACKEND);
    done = (struct weir_stream_done){.len = 5,
                                     .has_control = true,
                                     .end_of_record = true,
                                     .control = {23, 3, 3, 0, 0, 5},
                                     .control_len = 5};
    CHECK_STATUS(t, h.k.backend.received(&h.k.backend, &h.ctx, &done, &in), WEIR_E_BACKEND);
    done.control_len = 6;
    for (size_t i = 1; i <= 2; i++) {
        done.control[i] = 4;
        CHECK_STATUS(t, h.k.backend.received(&h.k.backend, &h.ctx, &done, &in), WEIR_E_VERSION);
        done.control[i] = 3;
    }
    CHECK_STATUS(t, h.k.backend.received(&h.k.backend, &h.ctx, &done, &in), WEIR_OK);
}

/* Bytes came, and then the socket tells an error: of a record that was passed over, so that nobody
 * knows on which side of it they lie; or of the end, which comes behind them. */
static void receives_beside_an_error(struct test *t)
{
    static const struct {
        int error;
        weir_status at_once, then;
    } rows[] = {
        {89, WEIR_E_AUTH, WEIR_E_AUTH}, {40, WEIR_E_OVERFLOW, WEIR_E_OVERFLOW},
        {22, WEIR_OK, WEIR_E_VERSION},  {54, WEIR_OK, WEIR_E_IO},
        {53, WEIR_OK, WEIR_E_IO},       {5, WEIR_OK, WEIR_E_BACKEND},
    };
    const struct weir_stream_done none = {.os_error = 35}, end = {.len = 0};
    struct weir_stream_in in;
    struct host h;

    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        struct weir_stream_done done = {.len = 5,
                                        .has_control = true,
                                        .end_of_record = true,
                                        .control = {23, 3, 3, 0, 0, 5},
                                        .control_len = 6};

        t->at = (uint64_t)rows[i / 2].error;
        begin(&h, WEIR_RX);
        CHECK_STATUS(t, h.k.backend.received(&h.k.backend, &h.ctx, &done, &in), WEIR_OK);
        done.pending_error = rows[i / 2].error;
        CHECK_STATUS(t, h.k.backend.received(&h.k.backend, &h.ctx, &done, &in),
                     rows[i / 2].at_once);
        if (rows[i / 2].at_once != WEIR_OK)
            continue;
        done.pending_error = 0; /* it is told once, and more may wait before it */
        CHECK_STATUS(t, h.k.backend.received(&h.k.backend, &h.ctx, &done, &in), WEIR_OK);
        for (int again = 0; again < 2; again++)
            CHECK_STATUS(t, h.k.backend.received(&h.k.backend, &h.ctx, i % 2 ? &none : &end, &in),
                         rows[i / 2].then);
    }
}

static const uint32_t order[] = {WEIR_MLX5_KTLS_TX_TLS12, WEIR_MLX5_KTLS_RX_TLS12,
                                 WEIR_MLX5_KTLS_TX_TLS13, WEIR_MLX5_KTLS_RX_TLS13};

/* Carries out the probe on a host that takes those of `taken` and has those of `nic` below. */
static void probe_host(struct test *t, struct weir_mlx5_ktls_probe *probe, uint32_t taken,
                       uint32_t nic, int error)
{
    uint32_t features, modes;
    struct weir_refusal why;
    unsigned end;

    weir_mlx5_ktls_probe_init(probe);
    for (size_t i = 0; i < 4; i++) {
        const struct weir_cmd *cmd = weir_mlx5_ktls_probe_command(probe, &end);
        struct weir_done done = {.os_error = (taken & order[i]) != 0 ? 0 : error};
        int32_t mode = (nic & order[i]) != 0 ? 2 : 1;

        CHECK_STATUS(t, weir_mlx5_ktls_probe_result(probe, &features, &modes, &why), WEIR_PENDING);
        REQUIRE(t, cmd != NULL);
        CHECK_EQ(t, cmd->kind, WEIR_CMD_SETSOCKOPT);
        CHECK_EQ(t, cmd->name, i % 2 == 1 ? 41 : 39);
        CHECK_EQ(t, end, i / 2);
        CHECK_EQ(t, cmd->len, sizeof(void *) == 4 ? 48 : 64);
        CHECK_EQ(t, cmd->value[sizeof(void *) == 4 ? 37 : 49], i >= 2 ? 4 : 3);
        weir_mlx5_ktls_probe_complete(probe, &done);
        if (done.os_error != 0)
            continue;
        cmd = weir_mlx5_ktls_probe_command(probe, &end);
        REQUIRE(t, cmd != NULL);
        CHECK_EQ(t, cmd->kind, WEIR_CMD_GETSOCKOPT);
        CHECK_EQ(t, cmd->name, i % 2 == 1 ? 42 : 40);
        CHECK_EQ(t, end, i / 2);
        memcpy(cmd->value, &mode, 4);
        done.len = 4;
        weir_mlx5_ktls_probe_complete(probe, &done);
    }
    CHECK(t, weir_mlx5_ktls_probe_command(probe, &end) == NULL);
}

static void probes(struct test *t)
{
    struct weir_mlx5_ktls_probe probe;
    uint32_t features, modes;
    struct weir_refusal why;

    for (uint32_t taken = 1; taken <= 15; taken++) {
        uint32_t nic = taken & 5;

        t->at = taken;
        probe_host(t, &probe, taken, nic, 45);
        CHECK_STATUS(t, weir_mlx5_ktls_probe_result(&probe, &features, &modes, &why), WEIR_OK);
        CHECK_EQ(t, features, taken);
        CHECK_EQ(t, modes, nic);
    }
    probe_host(t, &probe, 0, 0, 42);
    CHECK_STATUS(t, weir_mlx5_ktls_probe_result(&probe, &features, &modes, &why), WEIR_REFUSED);
    CHECK_EQ(t, why.code, WEIR_REFUSAL_NO_KTLS);
    CHECK_EQ(t, why.os_error, 42);
    CHECK_EQ(t, features, 0);
    probe_host(t, &probe, 0, 0, 45);
    CHECK_STATUS(t, weir_mlx5_ktls_probe_result(&probe, &features, &modes, &why), WEIR_REFUSED);
    CHECK_EQ(t, why.code, WEIR_REFUSAL_SWITCHED_OFF);
}

static const struct test_case table[] = {
    CASE(sends),
    CASE(every_errno_of_a_send),
    CASE(every_errno_of_a_receive),
    CASE(receives),
    CASE(receives_what_cannot_be),
    CASE(receives_what_is_cut_off),
    CASE(receives_beside_an_error),
    CASE(probes),
};
CASE_GROUP(mlx5_ktls_stream, table, TEST_ONCE);
