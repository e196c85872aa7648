/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Linux answers. Layouts and numbers: docs of the kernel (networking/tls.rst,
 * networking/tls-offload.rst) and linux/ethtool.h.
 */
#include "host.h"
#include "probe.h"
#include "sockdiag.h"
#include "weir/keys.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>
/* After net/if.h, which says some of it, too. */
#include <linux/ethtool.h>
#include <linux/sockios.h>

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif
enum { SET_TX = 1, SET_RX = 2, GET_RECORD_TYPE = 2 };

/* ---- TLS of the kernel ---- */

int kernel_tls_attach(int fd)
{
    return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") < 0 && errno != EEXIST ? errno
                                                                                            : 0;
}

/* Sessions opened so far, by where they went. */
struct opened {
    bool known;
    uint64_t software, nic;
};

static struct opened count_opened(enum probe_dir dir)
{
    struct opened opened = {0};
    char line[128];
    FILE *file = fopen("/proc/net/tls_stat", "r");
    const char *software = dir == PROBE_TX ? "TlsTxSw" : "TlsRxSw";
    const char *nic = dir == PROBE_TX ? "TlsTxDevice" : "TlsRxDevice";
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        size_t len = strcspn(line, " \t");
        uint64_t number = strtoull(line + len, NULL, 10);
        line[len] = '\0';
        opened.known = true;
        opened.software = strcmp(line, software) == 0 ? number : opened.software;
        opened.nic = strcmp(line, nic) == 0 ? number : opened.nic;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return opened;
}

int kernel_tls_key(int fd, enum probe_dir dir, const struct probe_suite *suite,
                   const struct probe_key *key, const char **where)
{
    /* Version, cipher, then IV, key, salt and record number, with nothing in between. */
    struct {
        uint16_t version, cipher;
        uint8_t rest[52];
    } info = {.version = (uint16_t)(0x0300 | suite->minor)};
    bool gcm = suite->algorithm == PROBE_GCM;
    size_t iv = gcm ? 8 : 12, salt = gcm ? 4 : 0;
    info.cipher = !gcm ? 54 : suite->key_len == 16 ? 51 : 52;
    memcpy(info.rest, key->iv, iv);
    memcpy(info.rest + iv, key->key, suite->key_len);
    memcpy(info.rest + iv + suite->key_len, key->iv + 8, salt);
    socklen_t size = (socklen_t)(4 + iv + suite->key_len + salt + 8);

    struct opened before = count_opened(dir);
    int error = 0;
    if (setsockopt(fd, SOL_TLS, dir == PROBE_TX ? SET_TX : SET_RX, &info, size) < 0) {
        error = errno;
    }
    weir_wipe(&info, sizeof info);
    struct opened after = count_opened(dir);
    bool software = after.software > before.software, nic = after.nic > before.nic;
    *where = software == nic ? "set" : nic ? "nic" : "software";
    return error;
}

int kernel_tls_option(int fd, const char *name)
{
    static const struct option_number {
        const char *name;
        int number;
    } options[] = {
#define X(name, number) {name, number},
        PROBE_OPTION_LIST(X)
#undef X
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        unsigned value = 0;
        socklen_t size = options[i].number == 5 ? sizeof(uint16_t) : sizeof value;
        if (strcmp(options[i].name, name) == 0) {
            int bad = getsockopt(fd, SOL_TLS, options[i].number, &value, &size);
            /* Only a kernel that has never heard of it answers ENOPROTOOPT. */
            return bad < 0 && errno == ENOPROTOOPT ? ENOPROTOOPT : 0;
        }
    }
    return EINVAL;
}

int kernel_tls_type(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_TLS && c->cmsg_type == GET_RECORD_TYPE) {
            return *CMSG_DATA(c);
        }
    }
    return -1;
}

/* ---- modules and configuration ---- */

/* Whether a line of the file begins with `start` or, without `first`, has it anywhere. */
static bool file_has(const char *path, const char *part, bool first, char *line, size_t size)
{
    FILE *file = fopen(path, "r");
    bool found = false;
    while (file != NULL && !found && fgets(line, (int)size, file) != NULL) {
        const char *at = strstr(line, part);
        found = first ? at == line : at != NULL;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

static int module(const char *name, FILE *out)
{
    char part[80], path[512], line[1024];
    struct utsname system;
    (void)snprintf(part, sizeof part, "%s ", name);
    if (file_has("/proc/modules", part, true, line, sizeof line)) {
        (void)fprintf(out, "loaded");
        return 0;
    }
    if (uname(&system) < 0) {
        return errno;
    }
    (void)snprintf(part, sizeof part, "/%s.ko", name);
    (void)snprintf(path, sizeof path, "/lib/modules/%s/modules.builtin", system.release);
    if (file_has(path, part, false, line, sizeof line)) {
        (void)fprintf(out, "built-in");
        return 0;
    }
    (void)snprintf(path, sizeof path, "/lib/modules/%s/modules.dep", system.release);
    if (file_has(path, part, false, line, sizeof line)) {
        (void)fprintf(out, "available");
        return 0;
    }
    return ENOENT;
}

static int config(const char *name, FILE *out)
{
    static const char *const places[] = {"/boot/config-%s", "/lib/modules/%s/config"};
    char part[80], path[512], line[1024];
    struct utsname system;
    if (uname(&system) < 0) {
        return errno;
    }
    (void)snprintf(part, sizeof part, "%s=", name);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t before = strcspn(places[i], "%");
        (void)snprintf(path, sizeof path, "%.*s%s%s", (int)before, places[i], system.release,
                       places[i] + before + 2);
        if (file_has(path, part, true, line, sizeof line)) {
            (void)fprintf(out, "%c", line[strlen(part)]);
            return 0;
        }
        /* A configuration that has options at all does not have this one. */
        if (file_has(path, "CONFIG_", true, line, sizeof line)) {
            (void)fprintf(out, "n");
            return 0;
        }
    }
    return ENOENT;
}

/* ---- interfaces ---- */

static int ethtool(const char *interface, void *data)
{
    struct ifreq request = {0};
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    request.ifr_data = data;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) {
        return errno;
    }
    int error = ioctl(fd, SIOCETHTOOL, &request) < 0 ? errno : 0;
    (void)close(fd);
    return error;
}

/* How many strings there are in a set. */
static int string_count(const char *interface, uint32_t set, uint32_t *count)
{
    struct ethtool_sset_info *info = calloc(1, sizeof *info + sizeof *count);
    if (info == NULL) {
        return ENOMEM;
    }
    info->cmd = ETHTOOL_GSSET_INFO;
    info->sset_mask = 1ull << set;
    int error = ethtool(interface, info);
    if (error == 0 && info->sset_mask == 0) {
        error = EOPNOTSUPP;
    }
    *count = error == 0 ? info->data[0] : 0;
    free(info);
    return error == 0 && *count > 65536 ? EOPNOTSUPP : error;
}

/* The names of a string set; the caller frees them. */
static int string_set(const char *interface, uint32_t set, struct ethtool_gstrings **names)
{
    uint32_t count = 0;
    int error = string_count(interface, set, &count);
    if (error != 0) {
        return error;
    }
    /* With a NUL behind the last one, whatever the driver wrote. */
    *names = calloc(1, sizeof **names + (size_t)count * ETH_GSTRING_LEN + 1);
    if (*names == NULL) {
        return ENOMEM;
    }
    (*names)->cmd = ETHTOOL_GSTRINGS;
    (*names)->string_set = set;
    (*names)->len = count;
    error = ethtool(interface, *names);
    if (error == 0 && (*names)->len > count) {
        error = EOPNOTSUPP; /* it grew meanwhile */
    }
    if (error != 0) {
        free(*names);
        *names = NULL;
    }
    return error;
}

/* What TLS on the NIC needs: its own switches, and the checksums they stand on. */
static bool is_interesting(const char *name)
{
    return strstr(name, "tls-hw") != NULL || strstr(name, "checksum") != NULL;
}

static int features(const char *interface, FILE *out)
{
    struct ethtool_gstrings *names = NULL;
    int error = string_set(interface, ETH_SS_FEATURES, &names);
    if (error != 0) {
        return error;
    }
    uint32_t blocks = (names->len + 31) / 32;
    struct ethtool_gfeatures *values =
        calloc(1, sizeof *values + blocks * sizeof values->features[0]);
    if (values == NULL) {
        free(names);
        return ENOMEM;
    }
    values->cmd = ETHTOOL_GFEATURES;
    values->size = blocks;
    error = ethtool(interface, values);
    for (uint32_t i = 0; error == 0 && i < names->len; i++) {
        const char *name = (const char *)names->data + (size_t)i * ETH_GSTRING_LEN;
        const struct ethtool_get_features_block *block = &values->features[i / 32];
        uint32_t bit = 1u << i % 32;
        bool fixed = (block->available & bit) == 0 || (block->never_changed & bit) != 0;
        if (is_interesting(name)) {
            (void)fprintf(out, "%.*s %s%s\n", ETH_GSTRING_LEN, name,
                          (block->active & bit) != 0 ? "on" : "off", fixed ? " fixed" : "");
        }
    }
    free(names);
    free(values);
    return error;
}

static int counters(const char *interface, FILE *out)
{
    struct ethtool_gstrings *names = NULL;
    int error = string_set(interface, ETH_SS_STATS, &names);
    if (error != 0) {
        return error;
    }
    struct ethtool_stats *values = calloc(1, sizeof *values + names->len * sizeof values->data[0]);
    if (values == NULL) {
        free(names);
        return ENOMEM;
    }
    values->cmd = ETHTOOL_GSTATS;
    values->n_stats = names->len;
    error = ethtool(interface, values);
    for (uint32_t i = 0; error == 0 && i < names->len; i++) {
        const char *name = (const char *)names->data + (size_t)i * ETH_GSTRING_LEN;
        if (strstr(name, "tls") != NULL) {
            (void)fprintf(out, "%.*s %llu\n", ETH_GSTRING_LEN, name,
                          (unsigned long long)values->data[i]);
        }
    }
    free(names);
    free(values);
    return error;
}

int host_system_ask(enum host_kind kind, const char *key, FILE *out)
{
    switch (kind) {
    case HOST_MODULE:
        return module(key, out);
    case HOST_CONFIG:
        return config(key, out);
    case HOST_FEATURES:
        return features(key, out);
    case HOST_COUNTERS:
        return counters(key, out);
    case HOST_SESSIONS:
        return sockdiag_print(out);
    case HOST_PROBE:
        return probe(key, out);
    case HOST_SYSCTL: /* FreeBSD's; Linux has files */
    case HOST_UNAME:
    case HOST_USER:
    case HOST_INTERFACES:
    case HOST_FILE:
    case HOST_KINDS:
        break;
    }
    return host_posix_ask(kind, key, out);
}
