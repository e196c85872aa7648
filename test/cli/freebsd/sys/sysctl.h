/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of FreeBSD's sys/sysctl.h that weir uses, by its documented names and numbers. */
#include <stddef.h>

#define CTL_MAXNAME       24
#define CTL_SYSCTL        0
#define CTL_SYSCTL_OIDFMT 4
#define CTLTYPE           0xf
#define CTLTYPE_NODE      1
#define CTLTYPE_STRING    3

int sysctl(const int *name, unsigned count, void *old, size_t *old_len, const void *value,
           size_t value_len);
int sysctlbyname(const char *name, void *old, size_t *old_len, const void *value, size_t value_len);
int sysctlnametomib(const char *name, int *mib, size_t *size);
