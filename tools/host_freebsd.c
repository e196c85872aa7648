/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What FreeBSD answers. Layouts and numbers: ktls(4), sys/ktls.h, netinet/tcp.h, net/if.h.
 */
#include "host.h"
#include "ktlslist.h"
#include "probe.h"
#include "weir/keys.h"

/* The headers below do not say what they need. */
#include <sys/param.h>
#include <sys/socket.h>

#include <crypto/cryptodev.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ktls.h>
#include <sys/linker.h>
#include <sys/module.h>
#include <sys/nv.h>
#include <sys/sockio.h>
#include <sys/sysctl.h>
#include <unistd.h>

/* ---- TLS of the kernel ---- */

int kernel_tls_attach(int fd)
{
    (void)fd;
    return 0; /* nothing to attach: the options of TCP do it all */
}

int kernel_tls_key(int fd, enum probe_dir dir, const struct probe_suite *suite,
                   const struct probe_key *key, const char **where)
{
    bool gcm = suite->algorithm == PROBE_GCM;
    struct tls_enable enable = {
        .cipher_key = key->key,
        .iv = key->iv,
        .cipher_algorithm = gcm ? CRYPTO_AES_NIST_GCM_16 : CRYPTO_CHACHA20_POLY1305,
        .cipher_key_len = suite->key_len,
        .iv_len = gcm && suite->minor == TLS_MINOR_VER_TWO ? TLS_AEAD_GCM_LEN : (int)sizeof key->iv,
        .tls_vmajor = TLS_MAJOR_VER_ONE,
        .tls_vminor = suite->minor,
    };
    int option = dir == PROBE_TX ? TCP_TXTLS_ENABLE : TCP_RXTLS_ENABLE;
    int mode = 0;
    socklen_t size = sizeof mode;
    if (setsockopt(fd, IPPROTO_TCP, option, &enable, sizeof enable) < 0) {
        return errno;
    }
    /* Success does not tell who took it. */
    option = dir == PROBE_TX ? TCP_TXTLS_MODE : TCP_RXTLS_MODE;
    if (getsockopt(fd, IPPROTO_TCP, option, &mode, &size) < 0) {
        return errno;
    }
    *where = mode == TCP_TLS_MODE_IFNET  ? "nic"
             : mode == TCP_TLS_MODE_SW   ? "software"
             : mode == TCP_TLS_MODE_NONE ? "none"
                                         : "set";
    return 0;
}

int kernel_tls_option(int fd, const char *name)
{
    (void)fd, (void)name;
    return ENOPROTOOPT;
}

int kernel_tls_type(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == IPPROTO_TCP && c->cmsg_type == TLS_GET_RECORD) {
            return *(const unsigned char *)CMSG_DATA(c); /* tls_type is the first member */
        }
    }
    return -1;
}

/* ---- settings ---- */

/* The CTLTYPE_… of a sysctl; 0 when it is not told. */
static unsigned type_of(const int *mib, size_t len)
{
    int ask[CTL_MAXNAME + 2] = {CTL_SYSCTL, CTL_SYSCTL_OIDFMT};
    unsigned char answer[256];
    size_t size = sizeof answer;
    unsigned kind = 0;
    memcpy(ask + 2, mib, len * sizeof *mib);
    if (sysctl(ask, (u_int)(len + 2), answer, &size, NULL, 0) < 0 || size < sizeof kind) {
        return 0;
    }
    memcpy(&kind, answer, sizeof kind);
    return kind & CTLTYPE;
}

static int setting(const char *name, FILE *out)
{
    int mib[CTL_MAXNAME];
    size_t len = CTL_MAXNAME;
    if (sysctlnametomib(name, mib, &len) < 0) {
        return errno;
    }
    unsigned type = type_of(mib, len);
    if (type == CTLTYPE_NODE) {
        (void)fprintf(out, "node");
        return 0;
    }
    union {
        uint8_t one;
        uint32_t four;
        uint64_t eight;
        char text[512];
    } value = {.text = {0}};
    size_t size = sizeof value - 1;
    if (sysctl(mib, (u_int)len, &value, &size, NULL, 0) < 0) {
        return errno;
    }
    if (type == CTLTYPE_STRING) {
        (void)fprintf(out, "%s", value.text);
    } else if (size == 1 || size == 4 || size == 8) {
        unsigned long long number = size == 1   ? value.one
                                    : size == 4 ? value.four
                                                : (unsigned long long)value.eight;
        (void)fprintf(out, "%llu", number);
    } else {
        return EINVAL;
    }
    return 0;
}

/* Open only to those who may see other people's sockets; it may grow while it is read. */
static int sessions(FILE *out)
{
    size_t len = 0;
    int error = ENOMEM;
    for (int i = 0; i < 8 && error == ENOMEM; i++) {
        if (sysctlbyname("net.inet.tcp.ktlslist", NULL, &len, NULL, 0) < 0) {
            return errno;
        }
        len += len / 4 + 4096;
        uint8_t *bytes = malloc(len);
        if (bytes == NULL) {
            return ENOMEM;
        }
        bool read = sysctlbyname("net.inet.tcp.ktlslist", bytes, &len, NULL, 0) == 0;
        error = read ? ktlslist_print(bytes, len, out) : errno;
        free(bytes);
    }
    return error;
}

static int module(const char *name, FILE *out)
{
    char path[256];
    if (kldfind(name) >= 0 || modfind(name) >= 0) {
        (void)fprintf(out, "loaded");
        return 0;
    }
    (void)snprintf(path, sizeof path, "/boot/kernel/%s.ko", name);
    if (access(path, F_OK) < 0) {
        return errno;
    }
    (void)fprintf(out, "available");
    return 0;
}

/* ---- interfaces ---- */

static void print_feature(FILE *out, const char *name, bool on)
{
    (void)fprintf(out, "%s %s\n", name, on ? "on" : "off");
}

#ifdef SIOCGIFCAPNV
/* All capabilities, as a list of names; those of the second word are told in no other way. */
static int features_by_name(int fd, struct ifreq *request, FILE *out)
{
    void *buffer = malloc(IFR_CAP_NV_MAXBUFSIZE);
    if (buffer == NULL) {
        return ENOMEM;
    }
    request->ifr_cap_nv.buffer = buffer;
    request->ifr_cap_nv.buf_length = IFR_CAP_NV_MAXBUFSIZE;
    int error = ioctl(fd, SIOCGIFCAPNV, request) < 0 ? errno : 0;
    nvlist_t *list = error == 0 ? nvlist_unpack(buffer, request->ifr_cap_nv.length, 0) : NULL;
    void *cookie = NULL;
    int type = 0;
    const char *name;
    while (list != NULL && (name = nvlist_next(list, &type, &cookie)) != NULL) {
        if (type == NV_TYPE_BOOL && (strstr(name, "TLS") || strcmp(name, "MEXTPG") == 0)) {
            print_feature(out, name, nvlist_get_bool(list, name));
        }
    }
    error = error == 0 && list == NULL ? EIO : error;
    nvlist_destroy(list);
    free(buffer);
    return error;
}
#endif

static int features(const char *interface, FILE *out)
{
    static const struct bit {
        const char *name;
        unsigned mask;
    } bits[] = {{"MEXTPG", 1u << 26}, {"TXTLS4", 1u << 27}, {"TXTLS6", 1u << 28}};
    struct ifreq request = {0};
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) {
        return errno;
    }
    int error = ioctl(fd, SIOCGIFCAP, &request) < 0 ? errno : 0;
    unsigned can = (unsigned)request.ifr_reqcap, on = (unsigned)request.ifr_curcap;
#ifdef SIOCGIFCAPNV
    if (error == 0 && (can & IFCAP_NV) != 0) {
        error = features_by_name(fd, &request, out);
        (void)close(fd);
        return error;
    }
#endif
    for (size_t i = 0; error == 0 && i < sizeof bits / sizeof bits[0]; i++) {
        if ((can & bits[i].mask) != 0) {
            print_feature(out, bits[i].name, (on & bits[i].mask) != 0);
        }
    }
    (void)close(fd);
    return error;
}

int host_system_ask(enum host_kind kind, const char *key, FILE *out)
{
    switch (kind) {
    case HOST_SYSCTL:
        return setting(key, out);
    case HOST_MODULE:
        return module(key, out);
    case HOST_FEATURES:
        return features(key, out);
    case HOST_SESSIONS:
        return sessions(out);
    case HOST_PROBE:
        return probe(key, out);
    case HOST_CONFIG:
    case HOST_COUNTERS: /* Linux's; here counters are sysctls */
    case HOST_UNAME:
    case HOST_USER:
    case HOST_INTERFACES:
    case HOST_FILE:
    case HOST_KINDS:
        break;
    }
    return host_posix_ask(kind, key, out);
}
