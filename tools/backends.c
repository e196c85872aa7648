/* SPDX-License-Identifier: BSD-2-Clause */
#include "backends.h"

#include <stdlib.h>
#include <string.h>

#ifdef WEIR_HAVE_IPSECMB
#include "weir/ipsecmb.h"
#define AEAD_IPSECMB   &weir_aead_ipsecmb
#define USABLE_IPSECMB weir_ipsecmb_usable
#else
#define AEAD_IPSECMB   NULL
#define USABLE_IPSECMB NULL
#endif
#ifdef WEIR_HAVE_OPENSSL
#include "weir/openssl.h"
#define AEAD_OPENSSL &weir_aead_openssl
#else
#define AEAD_OPENSSL NULL
#endif
#ifdef WEIR_HAVE_MBEDTLS
#include "weir/mbedtls.h"
#define AEAD_MBEDTLS &weir_aead_mbedtls
#else
#define AEAD_MBEDTLS NULL
#endif
#ifdef WEIR_HAVE_PORTABLE
#include "weir/portable.h"
#define AEAD_PORTABLE &weir_aead_portable
#else
#define AEAD_PORTABLE NULL
#endif

/*
 * The fastest first, as docs/performance.md has measured it: X(name, provider or NULL when not part
 * of this build, what tells whether this host can use it or NULL when each can)
 */
#define AEAD_LIST(X)                                                                               \
    X("ipsec-mb", AEAD_IPSECMB, USABLE_IPSECMB)                                                    \
    X("openssl", AEAD_OPENSSL, NULL)                                                               \
    X("mbedtls", AEAD_MBEDTLS, NULL)                                                               \
    X("portable", AEAD_PORTABLE, NULL)

struct known_aead {
    const char *name;
    const struct weir_aead *aead;
    bool (*usable)(struct weir_refusal *why);
};

static const struct known_aead known_aeads[] = {
#define X(name, aead, usable) {name, aead, usable},
    AEAD_LIST(X)
#undef X
};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void add_soft(struct candidates *c, const struct known_aead *known)
{
    struct weir_refusal why = {.code = WEIR_REFUSAL_NOT_BUILT, .layer = WEIR_LAYER_PROVIDER};
    if (c->soft_count == CANDIDATES_MAX) {
        return;
    }
    size_t i = c->soft_count++;
    c->providers[i] = known->name;
    if (known->aead != NULL && (known->usable == NULL || known->usable(&why)) &&
        weir_soft_init(&c->soft[i], known->aead, &why) == WEIR_OK) {
        c->software[i] = &c->soft[i].backend;
        return;
    }
    weir_posix_absent_init(&c->absent[i], "soft", &why);
    c->software[i] = &c->absent[i].backend;
}

/* The next name of a comma-separated list; its length is 0 where two commas meet. */
static const char *next_name(const char **list, size_t *len)
{
    const char *name = *list;
    if (name == NULL) {
        return NULL;
    }
    *len = strcspn(name, ",");
    *list = name[*len] == ',' ? name + *len + 1 : NULL;
    return name;
}

static bool same(const char *name, size_t len, const char *known)
{
    return strlen(known) == len && memcmp(name, known, len) == 0;
}

static bool is_auto(const char *list)
{
    return list == NULL || strcmp(list, "auto") == 0;
}

static bool add_aeads(struct candidates *c, const char *aeads, struct fault *fault)
{
    if (is_auto(aeads)) {
        for (size_t i = 0; i < COUNT(known_aeads); i++) {
            add_soft(c, &known_aeads[i]);
        }
        return true;
    }
    size_t len = 0;
    for (const char *name; (name = next_name(&aeads, &len)) != NULL;) {
        size_t i = 0;
        while (i < COUNT(known_aeads) && !same(name, len, known_aeads[i].name)) {
            i++;
        }
        if (i == COUNT(known_aeads)) {
            USAGE(fault,
                  "unknown AEAD provider '%.*s'; known: auto, ipsec-mb, openssl, mbedtls, portable",
                  (int)len, name);
            return false;
        }
        add_soft(c, &known_aeads[i]);
    }
    return true;
}

static bool is_absent(const struct candidates *c, const struct weir_backend *backend,
                      struct weir_refusal *why)
{
    for (size_t i = 0; i < CANDIDATES_MAX; i++) {
        if (backend == &c->absent[i].backend) {
            *why = c->absent[i].why;
            return true;
        }
    }
    for (size_t i = 0; i < COUNT(c->list.absent); i++) {
        if (backend == &c->list.absent[i].backend) {
            *why = c->list.absent[i].why;
            return true;
        }
    }
    return false;
}

struct reason reason_show(const struct weir_refusal *why)
{
    struct reason reason;
    (void)snprintf(reason.text, sizeof reason.text, "%s (%s)%s%s", weir_refusal_text(why->code),
                   weir_refusal_name(why->code), why->os_error == 0 ? "" : ": ",
                   why->os_error == 0 ? "" : strerror(why->os_error));
    return reason;
}

/* A backend that a connection can begin on is there; otherwise every reason, in one line. */
static bool some_present(const struct candidates *c, struct fault *fault)
{
    size_t used = 0;
    fault->usage = false;
    fault->text[0] = '\0';
    for (size_t i = 0; i < c->count; i++) {
        struct weir_refusal why;
        bool absent = is_absent(c, c->backends[i], &why);
        if (!absent && c->backends[i]->form == WEIR_FORM_RECORD) {
            return true;
        }
        int n =
            snprintf(fault->text + used, sizeof fault->text - used, "%s%s: %s",
                     i == 0 ? "no backend can be used: " : "; ", candidate_show(&c->names[i]).text,
                     absent ? reason_show(&why).text : "needs soft behind it, to begin on");
        used += n < 0 ? 0 : (size_t)n;
        used = used < sizeof fault->text ? used : sizeof fault->text - 1;
    }
    return false;
}

static bool name_list(struct candidates *c, const char *names, struct fault *fault)
{
    const bool given = names != NULL;
    if (!given || strcmp(names, "soft") != 0) {
        weir_posix_host_probe(&c->host);
    }
    weir_status status =
        weir_posix_list_fill(&c->list, names, &c->host, c->software, c->soft_count);
    if (status == WEIR_REFUSED) {
        USAGE(fault, "unknown backend '%.*s'%s; known: auto, mlx5-kmod, linux-ktls, soft",
              (int)c->list.unknown_len, c->list.unknown, given ? "" : " in WEIR_BACKEND");
    } else if (status != WEIR_OK) {
        USAGE(fault, "too many backends: %u at most", WEIR_POSIX_BACKENDS);
    }
    return status == WEIR_OK;
}

bool candidates_choose(struct candidates *c, const char *backends, const char *aeads,
                       struct fault *fault)
{
    memset(c, 0, sizeof *c);
    if (!add_aeads(c, aeads, fault) || !name_list(c, backends, fault)) {
        return false;
    }
    c->count = c->list.count;
    for (size_t i = 0; i < c->count; i++) {
        c->backends[i] = c->list.backends[i];
        c->names[i] = (struct candidate){.backend = c->backends[i]->name};
        for (size_t k = 0; k < c->soft_count; k++) {
            if (c->software[k] == c->backends[i]) {
                c->names[i].provider = c->providers[k];
            }
        }
    }
    return some_present(c, fault);
}

struct candidate_label candidate_show(const struct candidate *candidate)
{
    struct candidate_label label;
    (void)snprintf(label.text, sizeof label.text, "%s%s%s", candidate->backend,
                   candidate->provider == NULL ? "" : " with ",
                   candidate->provider == NULL ? "" : candidate->provider);
    return label;
}

const struct candidate *candidate_of(const struct candidates *c, const struct weir_backend *backend)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->backends[i] == backend) {
            return &c->names[i];
        }
    }
    return NULL;
}

const char *carrier_name(weir_carrier carrier)
{
    switch (carrier) {
    case WEIR_CARRIER_SOFTWARE:
        return "software";
    case WEIR_CARRIER_KERNEL:
        return "kernel";
    case WEIR_CARRIER_NIC:
        return "nic";
    case WEIR_CARRIER_BELOW:
        return "below";
    case WEIR_CARRIER_NONE:
        break;
    }
    return "none";
}

json_t *refusal_json(const struct candidate *name, const struct weir_refusal *why)
{
    static const char *const layers[] = {"core", "provider", "backend", "binding", "os"};
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:b}", "name", candidate_show(name).text,
                     "code", weir_refusal_name(why->code), "text", weir_refusal_text(why->code),
                     "layer", (size_t)why->layer < COUNT(layers) ? layers[why->layer] : "?",
                     "os_error", why->os_error, "detail", (json_int_t)why->detail, "transient",
                     (int)why->transient);
}
