/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of FreeBSD's sys/linker.h that weir uses, by its documented names and numbers. */
int kldfind(const char *file);
