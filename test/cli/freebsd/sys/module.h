/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of FreeBSD's sys/module.h that weir uses, by its documented names and numbers. */
int modfind(const char *name);
