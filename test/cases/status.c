/* SPDX-License-Identifier: BSD-2-Clause */
/* The lists of statuses, alerts and refusals. */
#include "cases.h"

struct row {
    int value;
    const char *name, *text;
    uint8_t alert;
};

static const struct row rows[] = {
#define WEIR_X(value, name, alert, text) {value, #name, text, alert},
    WEIR_STATUS_LIST(WEIR_X)
#undef WEIR_X
};
#define ROWS (sizeof(rows) / sizeof(*rows))

/* In a build without texts each of them is "?". */
static const char *as_built(const char *text)
{
    return WEIR_HAS_TEXTS ? text : "?";
}

static void each_has_name_text_and_alert(struct test *t)
{
    for (size_t i = 0; i < ROWS; i++) {
        weir_status status = (weir_status)rows[i].value;

        t->at = i;
        CHECK_STR(t, weir_status_name(status), as_built(rows[i].name));
        CHECK_STR(t, weir_status_text(status), as_built(rows[i].text));
        CHECK_EQ(t, weir_status_alert(status), rows[i].alert);
    }
}

static void values_and_names_are_distinct(struct test *t)
{
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < i; j++) {
            t->at = i;
            CHECK(t, rows[i].value != rows[j].value);
            if (WEIR_HAS_TEXTS)
                CHECK(t, weir_status_name((weir_status)rows[i].value) !=
                             weir_status_name((weir_status)rows[j].value));
        }
    }
}

/* The table that callers rely on: RFC 8446 section 6 and RFC 5246 section 7.2. */
static void alerts_are_those_of_the_rfc(struct test *t)
{
    CHECK_EQ(t, weir_status_alert(WEIR_E_TYPE), 10);     /* unexpected_message */
    CHECK_EQ(t, weir_status_alert(WEIR_E_AUTH), 20);     /* bad_record_mac */
    CHECK_EQ(t, weir_status_alert(WEIR_E_OVERFLOW), 22); /* record_overflow */
    CHECK_EQ(t, weir_status_alert(WEIR_E_PARAM), 47);    /* illegal_parameter */
    CHECK_EQ(t, weir_status_alert(WEIR_E_DECODE), 50);   /* decode_error */
    CHECK_EQ(t, weir_status_alert(WEIR_E_VERSION), 70);  /* protocol_version */
    CHECK_EQ(t, weir_status_alert(WEIR_E_REKEY), 80);    /* internal_error */
    CHECK_STR(t, weir_alert_name(0), as_built("close_notify"));
    CHECK_STR(t, weir_alert_name(10), as_built("unexpected_message"));
    CHECK_STR(t, weir_alert_name(20), as_built("bad_record_mac"));
    CHECK_STR(t, weir_alert_name(22), as_built("record_overflow"));
    CHECK_STR(t, weir_alert_name(47), as_built("illegal_parameter"));
    CHECK_STR(t, weir_alert_name(50), as_built("decode_error"));
    CHECK_STR(t, weir_alert_name(70), as_built("protocol_version"));
    CHECK_STR(t, weir_alert_name(80), as_built("internal_error"));
    CHECK_STR(t, weir_alert_name(90), as_built("user_canceled"));
    CHECK_STR(t, weir_alert_name(100), as_built("no_renegotiation"));
}

/* Only what kills a direction has an alert, and nothing that asks to be called again. */
static void answers_above_zero_have_no_alert(struct test *t)
{
    for (size_t i = 0; i < ROWS; i++) {
        t->at = i;
        if (rows[i].value >= 0)
            CHECK_EQ(t, weir_status_alert((weir_status)rows[i].value), WEIR_ALERT_NONE);
    }
}

static void unknown_numbers_have_a_text_too(struct test *t)
{
    static const int unknown[] = {7, 8, 100, -18, -19, -100, 127, -128};

    for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
        weir_status status = (weir_status)unknown[i];

        t->at = i;
        CHECK_STR(t, weir_status_name(status), "?");
        CHECK_EQ(t, weir_status_alert(status), 80); /* internal_error */
        REQUIRE(t, weir_status_text(status) != NULL);
        CHECK(t, weir_status_text(status)[0] != '\0');
    }
    CHECK_STR(t, weir_alert_name(1), as_built("unknown_alert"));
    CHECK_STR(t, weir_alert_name(254), as_built("unknown_alert"));
    CHECK_STR(t, weir_alert_name(WEIR_ALERT_NONE), as_built("unknown_alert"));
}

/* Whatever -fshort-enums says, which is the rule on Arm without an operating system. */
static void enums_are_ints(struct test *t)
{
    static const size_t sizes[] = {
        sizeof(weir_status),       sizeof(weir_alg),           sizeof(weir_hash),
        sizeof(enum weir_dir),     sizeof(enum weir_type),     sizeof(weir_form),
        sizeof(weir_carrier),      sizeof(weir_policy),        sizeof(weir_cmd_kind),
        sizeof(weir_refusal_code), sizeof(weir_layer),         sizeof(weir_nonce_rule),
        sizeof(weir_seqmap_place), sizeof(enum weir_suite_id), sizeof(enum weir_mlx5_object),
    };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        t->at = i;
        CHECK_EQ(t, sizes[i], sizeof(int));
    }
}

static const struct test_case table[] = {
    CASE(each_has_name_text_and_alert),    CASE(values_and_names_are_distinct),
    CASE(alerts_are_those_of_the_rfc),     CASE(answers_above_zero_have_no_alert),
    CASE(unknown_numbers_have_a_text_too), CASE(enums_are_ints),
};
CASE_GROUP(status, table, TEST_ONCE);
