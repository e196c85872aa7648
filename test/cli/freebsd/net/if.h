/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of FreeBSD's net/if.h that weir uses, by its documented names and numbers. */
#include <sys/socket.h>

#define IFNAMSIZ              16
#define IFCAP_NV              (1u << 17)
#define IFR_CAP_NV_MAXBUFSIZE 2097152

struct ifreq_nv_req {
    unsigned buf_length, length;
    void *buffer;
};
struct ifreq {
    char ifr_name[IFNAMSIZ];
    union {
        struct sockaddr ifru_addr;
        int ifru_cap[2];
        struct ifreq_nv_req ifru_nv;
    } ifr_ifru;
};
#define ifr_reqcap ifr_ifru.ifru_cap[0]
#define ifr_curcap ifr_ifru.ifru_cap[1]
#define ifr_cap_nv ifr_ifru.ifru_nv

struct if_nameindex {
    unsigned if_index;
    char *if_name;
};
struct if_nameindex *if_nameindex(void);
void if_freenameindex(struct if_nameindex *list);
