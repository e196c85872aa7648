/* SPDX-License-Identifier: BSD-2-Clause */
#include "backends.h"

#include <stdlib.h>
#include <string.h>

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

#if defined(__linux__)
#define ON_LINUX true
#else
#define ON_LINUX false
#endif
#if defined(__FreeBSD__)
#define ON_FREEBSD true
#else
#define ON_FREEBSD false
#endif

/* The best first: X(name, runs on this system, needs an AEAD provider, part of this build) */
#define BACKEND_LIST(X)                                                                            \
    X("mlx5-kmod", ON_FREEBSD, false, false)                                                       \
    X("linux-ktls", ON_LINUX, false, false)                                                        \
    X("soft", true, true, true)

/* The fastest first: X(name, provider or NULL when not part of this build) */
#define AEAD_LIST(X)                                                                               \
    X("openssl", AEAD_OPENSSL)                                                                     \
    X("mbedtls", AEAD_MBEDTLS)                                                                     \
    X("portable", AEAD_PORTABLE)

struct known_backend {
    const char *name;
    bool here, takes_aead, built;
};
struct known_aead {
    const char *name;
    const struct weir_aead *aead;
};

static const struct known_backend known_backends[] = {
#define X(name, here, takes_aead, built) {name, here, takes_aead, built},
    BACKEND_LIST(X)
#undef X
};
static const struct known_aead known_aeads[] = {
#define X(name, aead) {name, aead},
    AEAD_LIST(X)
#undef X
};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A backend that is not there refuses like one that is. */
static bool absent_supports(const struct weir_backend *self, const struct weir_keys *keys,
                            enum weir_dir dir, struct weir_refusal *why)
{
    const struct absent *absent = (const struct absent *)self;
    (void)keys;
    (void)dir;
    *why = absent->why;
    return false;
}

static weir_status absent_attach(const struct weir_backend *self, void *ctx,
                                 const struct weir_attach *what, struct weir_refusal *why)
{
    (void)ctx;
    (void)absent_supports(self, what->keys, what->dir, why);
    return WEIR_REFUSED;
}

static void absent_detach(const struct weir_backend *self, void *ctx)
{
    (void)self;
    (void)ctx;
}

static weir_status absent_crypt(const struct weir_backend *self, void *ctx,
                                const struct weir_aead_op *op)
{
    (void)self;
    (void)ctx;
    (void)op;
    return WEIR_E_BACKEND;
}

static void add_absent(struct candidates *c, const char *backend, const char *provider,
                       struct weir_refusal why)
{
    if (c->count == CANDIDATES_MAX) {
        return;
    }
    size_t i = c->count++;
    c->absent[i].backend = (struct weir_backend){
        .abi = WEIR_BACKEND_ABI,
        .form = WEIR_FORM_RECORD,
        .name = backend,
        .ctx_size = 0,
        .ctx_align = 1,
        .supports = absent_supports,
        .attach = absent_attach,
        .detach = absent_detach,
        .seal = absent_crypt,
        .open = absent_crypt,
    };
    c->absent[i].why = why;
    c->backends[i] = &c->absent[i].backend;
    c->names[i] = (struct candidate){.backend = backend, .provider = provider};
}

static void add_soft(struct candidates *c, const struct known_aead *known)
{
    struct weir_refusal why = {.code = WEIR_REFUSAL_NOT_BUILT, .layer = WEIR_LAYER_PROVIDER};
    if (c->count == CANDIDATES_MAX) {
        return;
    }
    struct weir_soft *soft = &c->soft[c->count];
    if (known->aead == NULL || weir_soft_init(soft, known->aead, &why) != WEIR_OK) {
        add_absent(c, "soft", known->name, why);
        return;
    }
    size_t i = c->count++;
    c->backends[i] = &soft->backend;
    c->names[i] = (struct candidate){.backend = "soft", .provider = known->name};
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
            USAGE(fault, "unknown AEAD provider '%.*s'; known: auto, openssl, mbedtls, portable",
                  (int)len, name);
            return false;
        }
        add_soft(c, &known_aeads[i]);
    }
    return true;
}

static bool add_backend(struct candidates *c, const struct known_backend *known, const char *aeads,
                        struct fault *fault)
{
    if (known->here && known->built && known->takes_aead) {
        return add_aeads(c, aeads, fault);
    }
    struct weir_refusal why = {.code =
                                   known->here ? WEIR_REFUSAL_NOT_BUILT : WEIR_REFUSAL_NOT_THIS_OS,
                               .layer = WEIR_LAYER_BACKEND};
    add_absent(c, known->name, NULL, why);
    return true;
}

static bool add_backends(struct candidates *c, const char *backends, const char *aeads,
                         struct fault *fault)
{
    if (is_auto(backends)) {
        for (size_t i = 0; i < COUNT(known_backends); i++) {
            if (!add_backend(c, &known_backends[i], aeads, fault)) {
                return false;
            }
        }
        return true;
    }
    size_t len = 0;
    for (const char *name; (name = next_name(&backends, &len)) != NULL;) {
        size_t i = 0;
        while (i < COUNT(known_backends) && !same(name, len, known_backends[i].name)) {
            i++;
        }
        if (i == COUNT(known_backends)) {
            USAGE(fault, "unknown backend '%.*s'; known: auto, mlx5-kmod, linux-ktls, soft",
                  (int)len, name);
            return false;
        }
        if (!add_backend(c, &known_backends[i], aeads, fault)) {
            return false;
        }
    }
    return true;
}

/* At least one candidate is there; otherwise every reason, in one line. */
static bool some_present(const struct candidates *c, struct fault *fault)
{
    size_t used = 0;
    fault->usage = false;
    fault->text[0] = '\0';
    for (size_t i = 0; i < c->count; i++) {
        if (c->backends[i] != &c->absent[i].backend) {
            return true;
        }
        struct candidate_label label = candidate_show(&c->names[i]);
        int n = snprintf(fault->text + used, sizeof fault->text - used, "%s%s: %s (%s)",
                         i == 0 ? "no backend can be used: " : "; ", label.text,
                         weir_refusal_text(c->absent[i].why.code),
                         weir_refusal_name(c->absent[i].why.code));
        used += n < 0 ? 0 : (size_t)n;
        used = used < sizeof fault->text ? used : sizeof fault->text - 1;
    }
    return false;
}

bool candidates_choose(struct candidates *c, const char *backends, const char *aeads,
                       struct fault *fault)
{
    *c = (struct candidates){0};
    return add_backends(c, backends, aeads, fault) && some_present(c, fault);
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
