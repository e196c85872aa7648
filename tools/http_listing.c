/* SPDX-License-Identifier: BSD-2-Clause */
#include "http_listing.h"

#include "http_path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names on a page, so that no directory keeps the server busy for long. */
#define ENTRIES_MAX 5000

struct entry {
    char *name;
    uint64_t size;
    bool directory;
};

struct entries {
    struct entry *list;
    size_t count, cap;
    bool more;
};

static int by_kind_and_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->directory != y->directory) {
        return x->directory ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static bool add_entry(struct entries *all, const char *name, const struct stat *st)
{
    if (all->count == all->cap) {
        size_t cap = all->cap == 0 ? 64 : all->cap * 2;
        struct entry *list = realloc(all->list, cap * sizeof *list);
        if (list == NULL) {
            return false;
        }
        all->list = list;
        all->cap = cap;
    }
    char *copy = strdup(name);
    if (copy == NULL) {
        return false;
    }
    all->list[all->count++] = (struct entry){
        .name = copy, .size = (uint64_t)st->st_size, .directory = S_ISDIR(st->st_mode)};
    return true;
}

static int collect(struct entries *all, DIR *directory)
{
    for (;;) {
        errno = 0;
        const struct dirent *found = readdir(directory);
        if (found == NULL) {
            return errno;
        }
        struct stat st;
        if (http_path_hidden(found->d_name, strlen(found->d_name))) {
            continue;
        }
        if (all->count == ENTRIES_MAX) {
            all->more = true;
            return 0;
        }
        /* Links stay out of sight: whether one leads outside is told only by opening it. */
        if (fstatat(dirfd(directory), found->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
            continue;
        }
        if (!add_entry(all, found->d_name, &st)) {
            return ENOMEM;
        }
    }
}

/* True when all of them are there. */
static bool add_rows(struct text *page, const struct entries *all)
{
    size_t before = page->len;
    for (size_t i = 0; i < all->count; i++) {
        if (page->len - before > HTTP_LISTING_MAX) {
            return false;
        }
        const struct entry *entry = &all->list[i];
        text_add(page, "<tr><td><a href=\"");
        text_add_url(page, entry->name);
        text_add(page, entry->directory ? "/\">" : "\">");
        text_add_html(page, entry->name);
        text_add(page, entry->directory ? "/</a><td>" : "</a><td>");
        if (!entry->directory) {
            text_add_number(page, entry->size);
        }
        text_add(page, "\n");
    }
    return true;
}

static void add_page(struct text *page, const struct entries *all, const char *name)
{
    text_add(page, "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width\">\n<title>/");
    text_add_html(page, name);
    text_add(page, "</title>\n<style>body { font: 16px sans-serif; margin: 2em }"
                   " td { padding: 0 2em 0.3em 0 } td + td { text-align: right }</style>\n<h1>/");
    text_add_html(page, name);
    text_add(page, "</h1>\n<table>\n");
    if (name[0] != '\0') {
        text_add(page, "<tr><td><a href=\"../\">../</a><td>\n");
    }
    bool whole = add_rows(page, all);
    text_add(page, "</table>\n");
    if (all->more || !whole) {
        text_add(page, "<p>and more\n");
    }
}

int http_listing_add(struct text *page, int fd, const char *name)
{
    struct entries all = {0};
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        int error = errno;
        (void)close(fd);
        return error;
    }
    int error = collect(&all, directory);
    (void)closedir(directory);
    if (error == 0) {
        if (all.count > 1) {
            qsort(all.list, all.count, sizeof *all.list, by_kind_and_name);
        }
        add_page(page, &all, name);
    }
    for (size_t i = 0; i < all.count; i++) {
        free(all.list[i].name);
    }
    free(all.list);
    return error != 0 ? error : page->failed ? ENOMEM : 0;
}
