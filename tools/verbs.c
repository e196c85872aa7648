/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <string.h>

static bool has_interface(struct host *host, const char *name)
{
    const char *rest = host_ask(host, HOST_INTERFACES, NULL).text;
    struct word word;
    while (next_word(&rest, &word)) {
        if (strcmp(word.text, name) == 0) {
            return true;
        }
    }
    return false;
}

struct host *verb_host(const char *file, int argc, char **argv, const char **interface,
                       struct fault *fault)
{
    *interface = argc > 0 ? argv[0] : NULL;
    if (argc > 1) {
        USAGE(fault, "unexpected argument '%s'", argv[1]);
        return NULL;
    }
    struct host *host = file == NULL ? host_here() : host_recorded(file, fault);
    if (host == NULL) {
        if (file == NULL) {
            FAULT(fault, "out of memory");
        }
        return NULL;
    }
    if (*interface != NULL && !has_interface(host, *interface)) {
        FAULT(fault, "no interface '%s'; there are: %.200s", *interface,
              host_ask(host, HOST_INTERFACES, NULL).text);
        host_free(host);
        return NULL;
    }
    return host;
}
