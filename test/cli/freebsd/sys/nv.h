/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of FreeBSD's sys/nv.h that weir uses, by its documented names and numbers. */
#include <stdbool.h>
#include <stddef.h>

#define NV_TYPE_BOOL 2

typedef struct nvlist nvlist_t;
nvlist_t *nvlist_unpack(const void *bytes, size_t size, int flags);
void nvlist_destroy(nvlist_t *list);
const char *nvlist_next(const nvlist_t *list, int *type, void **cookie);
bool nvlist_get_bool(const nvlist_t *list, const char *name);
