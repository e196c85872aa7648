/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes docs/status.md or docs/refusals.md from the lists in the public headers, so that the pages
 * say what the library says. `ninja docs` writes both; suite `budget` checks that they are up to
 * date.
 *
 *     lists status | refusals
 */
#include <weir/refusal.h>
#include <weir/status.h>

#include <stdio.h>
#include <string.h>

static const char status_intro[] =
    "# What a call answers\n"
    "\n"
    "<!-- Written by docs/lists.c from include/weir/status.h: change it there, then `ninja docs`. "
    "-->\n"
    "\n"
    "Every call of weir that can do something other than succeed answers a `weir_status`.\n"
    "\n"
    "- **Zero**: done.\n"
    "- **Above zero**: nothing is wrong. Do what the name says and call again.\n"
    "- **Below zero**: the object is dead and answers the same status for ever. The session sends\n"
    "  the alert of the table by itself; who drives `weir_tx` and `weir_rx` without a session "
    "gets\n"
    "  its number from `weir_status_alert()`.\n"
    "\n"
    "`weir_status_name()` gives the name without its prefix, `weir_status_text()` the meaning.\n"
    "\n"
    "| value | name | meaning | alert for the peer |\n"
    "|---:|---|---|---|\n";

static const char refusal_intro[] =
    "# Why something was refused\n"
    "\n"
    "<!-- Written by docs/lists.c from include/weir/refusal.h: change it there, then `ninja docs`. "
    "-->\n"
    "\n"
    "`WEIR_REFUSED` comes with a `struct weir_refusal` that says why. A refusal is an answer, not "
    "an\n"
    "error: whatever was asked stays exactly as it was, and the caller may ask for something "
    "else.\n"
    "\n"
    "- `code`: the table below; `weir_refusal_name()` and `weir_refusal_text()` put it in words.\n"
    "- `layer`: who refused: core, the provider, the backend, the binding or the operating "
    "system.\n"
    "- `os_error`: an errno value, or 0.\n"
    "- `detail`: a number that belongs to the code, such as the suite that is not carried; or 0.\n"
    "- `transient`: whether asking again later can help.\n"
    "\n"
    "| number | code | name | meaning |\n"
    "|---:|---|---|---|\n";

static void status_row(weir_status status)
{
    uint8_t alert = weir_status_alert(status);

    printf("| %d | `WEIR_%s` | %s | ", (int)status, weir_status_name(status),
           weir_status_text(status));
    if (alert == WEIR_ALERT_NONE)
        puts("none |");
    else
        printf("%s (%u) |\n", weir_alert_name(alert), (unsigned)alert);
}

static void refusal_row(const char *symbol, weir_refusal_code code)
{
    printf("| %d | `WEIR_REFUSAL_%s` | `%s` | %s |\n", (int)code, symbol, weir_refusal_name(code),
           weir_refusal_text(code));
}

int main(int argc, char **argv)
{
    const char *page = argc == 2 ? argv[1] : "";

    if (strcmp(page, "status") == 0) {
        fputs(status_intro, stdout);
#define WEIR_X(value, name, alert, text) status_row(WEIR_##name);
        WEIR_STATUS_LIST(WEIR_X)
#undef WEIR_X
        return 0;
    }
    if (strcmp(page, "refusals") == 0) {
        fputs(refusal_intro, stdout);
#define WEIR_X(name, lower, text) refusal_row(#name, WEIR_REFUSAL_##name);
        WEIR_REFUSAL_LIST(WEIR_X)
#undef WEIR_X
        return 0;
    }
    fputs("usage: lists status | refusals\n", stderr);
    return 2;
}
