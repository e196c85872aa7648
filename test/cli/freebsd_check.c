/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What weir asks FreeBSD, and what it makes of the answers, where there is no FreeBSD: its calls
 * are made by the functions below, which answer from tables.
 */
#include "host.h"
#include "probe.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ktls.h>
#include <sys/linker.h>
#include <sys/module.h>
#include <sys/nv.h>
#include <sys/sockio.h>
#include <sys/sysctl.h>

int ioctl(int fd, unsigned long request, ...);

static unsigned failed;

static void check(const char *name, bool good, const char *got)
{
    printf(good ? "PASS %s\n" : "FAIL %s: %s\n", name, got);
    failed += good ? 0 : 1;
}

/* ---- the kernel ---- */

static const struct value {
    const char *name;
    unsigned type;
    size_t len;
    const char *bytes;
} values[] = {
    {"kern.ipc.tls", CTLTYPE_NODE, 0, ""},
    {"kern.ipc.tls.enable", 0xd, 1, "\1"},
    {"kern.osreldate", 2, 4, "\x08\xe4\x16\0"}, /* 1500168 in little endian */
    {"kern.ipc.tls.stats.active", 9, 8, "\2\0\0\0\0\0\0\0"},
    {"dev.mlx5_core.0.hw.fw_version", CTLTYPE_STRING, 11, "22.39.2048"},
    {"net.inet.tcp.pcblist", 5, 12, "123456789012"},
};
enum { VALUE_COUNT = sizeof values / sizeof values[0] };

int sysctlnametomib(const char *name, int *mib, size_t *size)
{
    for (int i = 0; i < (int)VALUE_COUNT; i++) {
        if (strcmp(values[i].name, name) == 0 && *size >= 2) {
            mib[0] = 77;
            mib[1] = i;
            *size = 2;
            return 0;
        }
    }
    errno = ENOENT;
    return -1;
}

int sysctl(const int *name, unsigned count, void *old, size_t *old_len, const void *value,
           size_t value_len)
{
    bool format = count == 4 && name[0] == CTL_SYSCTL && name[1] == CTL_SYSCTL_OIDFMT;
    const int *mib = format ? name + 2 : name;
    if ((count != 2 && !format) || mib[0] != 77 || value != NULL || value_len != 0) {
        errno = EINVAL;
        return -1;
    }
    const struct value *found = &values[mib[1]];
    unsigned kind = found->type | 0x80000000u;
    size_t len = format ? sizeof kind : found->len;
    if (*old_len < len) {
        errno = ENOMEM;
        return -1;
    }
    memcpy(old, format ? (const void *)&kind : found->bytes, len);
    *old_len = len;
    return 0;
}

/* The list of sessions grows while it is read, once. */
static unsigned list_reads;
int sysctlbyname(const char *name, void *old, size_t *old_len, const void *value, size_t value_len)
{
    (void)value, (void)value_len;
    if (strcmp(name, "net.inet.tcp.ktlslist") != 0) {
        errno = ENOENT;
        return -1;
    }
    if (old == NULL) {
        *old_len = 128;
        return 0;
    }
    if (list_reads++ == 0) {
        errno = ENOMEM;
        return -1;
    }
    memset(old, 0, 128);
    *old_len = 128;
    return 0;
}

int kldfind(const char *file)
{
    errno = ENOENT;
    return strcmp(file, "mlx5en") == 0 ? 3 : -1;
}

int modfind(const char *name)
{
    errno = ENOENT;
    return strcmp(name, "builtin") == 0 ? 4 : -1;
}

static unsigned capabilities, enabled;
static int list_error;
int ioctl(int fd, unsigned long request, ...)
{
    va_list list;
    va_start(list, request);
    struct ifreq *ifreq = va_arg(list, struct ifreq *);
    va_end(list);
    if (fd < 0 || strcmp(ifreq->ifr_name, "mce0") != 0) {
        errno = ENXIO;
        return -1;
    }
    if (request == SIOCGIFCAP) {
        ifreq->ifr_reqcap = (int)capabilities;
        ifreq->ifr_curcap = (int)enabled;
        return 0;
    }
    if (request != SIOCGIFCAPNV || ifreq->ifr_cap_nv.buf_length != IFR_CAP_NV_MAXBUFSIZE ||
        list_error != 0) {
        errno = list_error != 0 ? list_error : EINVAL;
        return -1;
    }
    memcpy(ifreq->ifr_cap_nv.buffer, "packed", 6);
    ifreq->ifr_cap_nv.length = 6;
    return 0;
}

static const struct flag {
    const char *name;
    int type;
    bool on;
} flags[] = {{"LRO", 2, true},     {"MEXTPG", 2, true}, {"TXTLS4", 2, true},
             {"TXTLS6", 2, false}, {"RXTLS4", 2, true}, {"TXTLS_NOTE", 4, false}};

struct nvlist {
    char unused;
};
static struct nvlist the_list;
static int lists;

nvlist_t *nvlist_unpack(const void *bytes, size_t size, int options)
{
    lists++;
    return size == 6 && memcmp(bytes, "packed", 6) == 0 && options == 0 ? &the_list : NULL;
}

void nvlist_destroy(nvlist_t *list)
{
    lists -= list == NULL ? 0 : 1;
}

const char *nvlist_next(const nvlist_t *list, int *type, void **cookie)
{
    const struct flag *flag = *cookie == NULL ? flags : (const struct flag *)*cookie + 1;
    if (list != &the_list || flag == flags + sizeof flags / sizeof flags[0]) {
        return NULL;
    }
    *cookie = (void *)(uintptr_t)flag;
    *type = flag->type;
    return flag->name;
}

bool nvlist_get_bool(const nvlist_t *list, const char *name)
{
    bool on = false;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        on = on || (list == &the_list && strcmp(flags[i].name, name) == 0 && flags[i].on);
    }
    return on;
}

static struct tls_enable given;
static int given_option, mode, key_error;
int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    (void)fd;
    if (level != IPPROTO_TCP || len != sizeof given || key_error != 0) {
        errno = key_error != 0 ? key_error : EINVAL;
        return -1;
    }
    memcpy(&given, value, sizeof given);
    given_option = option;
    return 0;
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict len)
{
    (void)fd;
    if (level != IPPROTO_TCP || option != given_option + 1 || *len != sizeof mode) {
        errno = EINVAL;
        return -1;
    }
    memcpy(value, &mode, sizeof mode);
    return 0;
}

/* ---- what is asked ---- */

static void ask(const char *name, enum host_kind kind, const char *key, int error, const char *text)
{
    char *got = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&got, &size);
    if (out == NULL) {
        exit(2);
    }
    int answer = host_system_ask(kind, key, out);
    (void)fclose(out);
    check(name, answer == error && (error != 0 || strcmp(got, text) == 0), got);
    free(got);
}

static void settings(void)
{
    ask("a node", HOST_SYSCTL, "kern.ipc.tls", 0, "node");
    ask("a setting of one byte", HOST_SYSCTL, "kern.ipc.tls.enable", 0, "1");
    ask("one of four", HOST_SYSCTL, "kern.osreldate", 0, "1500168");
    ask("one of eight", HOST_SYSCTL, "kern.ipc.tls.stats.active", 0, "2");
    ask("a text", HOST_SYSCTL, "dev.mlx5_core.0.hw.fw_version", 0, "22.39.2048");
    ask("what has no form", HOST_SYSCTL, "net.inet.tcp.pcblist", EINVAL, "");
    ask("what is not there", HOST_SYSCTL, "kern.ipc.nothing", ENOENT, "");
    ask("a module", HOST_MODULE, "mlx5en", 0, "loaded");
    ask("a module of the kernel", HOST_MODULE, "builtin", 0, "loaded");
    ask("no module", HOST_MODULE, "ktls_ocf", ENOENT, "");
    ask("a list that grows", HOST_SESSIONS, "", 0, "");
    check("is read twice", list_reads == 2, "read in another way");
    ask("what only Linux has", HOST_COUNTERS, "mce0", ENOENT, "");
}

static void interfaces(void)
{
    capabilities = 1u << 26 | 1u << 27 | 1u << 28;
    enabled = 1u << 26 | 1u << 28;
    ask("flags of one word", HOST_FEATURES, "mce0", 0, "MEXTPG on\nTXTLS4 off\nTXTLS6 on\n");
    capabilities |= 1u << 17;
    ask("flags by name", HOST_FEATURES, "mce0", 0, "MEXTPG on\nTXTLS4 on\nTXTLS6 off\nRXTLS4 on\n");
    list_error = EFBIG;
    ask("flags that are refused", HOST_FEATURES, "mce0", EFBIG, "");
    list_error = 0;
    ask("no such interface", HOST_FEATURES, "mce1", ENXIO, "");
    check("lists are freed", lists == 0, "some are not");
}

static void keys(void)
{
    struct probe_key key;
    const char *where = "";
    static const char *const modes[] = {"none", "software", "nic", "set"};
    memset(&key, 'k', sizeof key);
    for (const struct probe_suite *suite = probe_suites; suite->name != NULL; suite++) {
        bool gcm = strstr(suite->name, "GCM") != NULL, tls12 = strstr(suite->name, "1.2") != NULL;
        for (mode = 0; mode < 4; mode++) {
            enum probe_dir dir = mode % 2 == 0 ? PROBE_TX : PROBE_RX;
            static const uint8_t zeros[8];
            int status = kernel_tls_key(3, dir, suite, &key, &where);
            bool good = status == 0 && strcmp(where, modes[mode]) == 0 &&
                        given_option == (dir == PROBE_TX ? 39 : 41) &&
                        given.cipher_key == key.key && given.iv == key.iv &&
                        given.auth_key == NULL && given.cipher_algorithm == (gcm ? 25 : 41) &&
                        given.cipher_key_len == (strstr(suite->name, "128") != NULL ? 16 : 32) &&
                        given.iv_len == (gcm && tls12 ? 4 : 12) && given.auth_algorithm == 0 &&
                        given.auth_key_len == 0 && given.flags == 0 && given.tls_vmajor == 3 &&
                        given.tls_vminor == (tls12 ? 3 : 4) && memcmp(given.rec_seq, zeros, 8) == 0;
            check(suite->name, good, where);
        }
    }
    key_error = ENXIO;
    check("a key that is refused", kernel_tls_key(3, PROBE_TX, probe_suites, &key, &where) == ENXIO,
          "taken");
    check("nothing to attach", kernel_tls_attach(3) == 0, "refused");
    check("no options", kernel_tls_option(3, "TLS_TX_ZEROCOPY_RO") == ENOPROTOOPT, "taken");
}

static void record_types(void)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(6)];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = IPPROTO_TCP;
    head->cmsg_type = 2;
    head->cmsg_len = CMSG_LEN(6);
    CMSG_DATA(head)[0] = 23;
    check("a record's type", kernel_tls_type(&message) == 23, "another");
    head->cmsg_type = 1;
    check("another message", kernel_tls_type(&message) == -1, "taken for a record");
    message.msg_controllen = 0;
    check("no message", kernel_tls_type(&message) == -1, "taken for a record");
}

int main(void)
{
    settings();
    interfaces();
    keys();
    record_types();
    return failed == 0 ? 0 : 1;
}
