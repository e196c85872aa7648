/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files below the served directory, and no others.
 */
#ifndef WEIR_TOOLS_HTTP_FILE_H
#define WEIR_TOOLS_HTTP_FILE_H

#include <sys/stat.h>

/* A regular file or a directory, open for reading. */
struct http_file {
    int fd; /* the caller closes it */
    struct stat st;
};

/* A descriptor of the directory to serve, or -1 with errno set. */
int http_root_open(const char *directory);

/*
 * Opens `name` (relative, without "..", "" for the root itself) below the directory `root`. The
 * kernel keeps the whole lookup below it where it can (openat2, O_RESOLVE_BENEATH): symbolic links
 * are then followed as long as they stay inside. Elsewhere no symbolic link is followed at all.
 *
 * Answers 0 or an errno value; ENOENT for all that is neither file nor directory.
 */
int http_file_open(int root, const char *name, struct http_file *file);

/* The second way alone. */
int http_file_walk(int root, const char *name, int *fd);

#endif
