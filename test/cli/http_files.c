/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening files below a directory: both ways, and nothing outside of it.
 */
#include "http_check.h"
#include "http_file.h"
#include "http_listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file_case {
    const char *name;
    bool beneath; /* found where the kernel keeps the lookup below the directory */
    bool walk;    /* found where no link is followed */
};

static const struct file_case cases[] = {
    {"a.txt", true, true},
    {"", true, true},
    {"sub", true, true},
    {"sub/c.css", true, true},
    {"sub/deep/d.js", true, true},
    {"inside", true, false},
    {"inside-dir/c.css", true, false},
    {"inside-dir", true, false},
    {"sub/up", true, false},
    {"outside", false, false},
    {"outside-dir", false, false},
    {"outside-dir/secret.txt", false, false},
    {"absolute", false, false},
    {"round", false, false},
    {"missing", false, false},
    {"sub/missing", false, false},
    {"a.txt/x", false, false},
    {"missing/x", false, false},
};

/* Whether this system keeps a lookup below a directory by itself. */
static bool kernel_helps(int root)
{
    struct http_file file;
    if (http_file_open(root, "inside", &file) != 0) {
        return false;
    }
    (void)close(file.fd);
    return true;
}

static void check_open(int root, const struct file_case *c, bool beneath)
{
    struct http_file file = {.fd = -1};
    bool wanted = beneath ? c->beneath : c->walk;
    int error = http_file_open(root, c->name, &file);
    check_that((error == 0) == wanted, wanted ? "not found by open" : "found by open");
    check_that((error == 0) == (file.fd >= 0), "a descriptor in spite of an error");
    if (file.fd >= 0) {
        (void)close(file.fd);
    }
    int fd = -1;
    error = http_file_walk(root, c->name, &fd);
    check_that((error == 0) == c->walk, c->walk ? "not found by walking" : "found by walking");
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* What no target can say, for the day when a change lets it through. */
static void check_upwards(int root)
{
    static const char *const names[] = {"..", "../out/secret.txt", "sub/../../out/secret.txt",
                                        "/etc/passwd", "//etc/passwd"};
    check_begin("files above the directory");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct http_file file = {.fd = -1};
        int fd = -1;
        check_that(http_file_open(root, names[i], &file) != 0, names[i]);
        check_that(http_file_walk(root, names[i], &fd) != 0, names[i]);
        if (file.fd >= 0) {
            (void)close(file.fd);
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
}

static void check_descriptors(int root)
{
    check_begin("no descriptor is lost");
    int before = dup(root);
    (void)close(before);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_file file;
        int fd = -1;
        if (http_file_open(root, cases[i].name, &file) == 0) {
            (void)close(file.fd);
        }
        if (http_file_walk(root, cases[i].name, &fd) == 0) {
            (void)close(fd);
        }
    }
    int after = dup(root);
    (void)close(after);
    check_that(before == after, "the next free descriptor is another one");
}

/* A name of 255 bytes; `odd`: of such as take most in a page. */
static void long_name(char name[256], int number, bool odd)
{
    memset(name, odd ? '"' : 'n', 255);
    (void)snprintf(name + 250, 6, "%05d", number);
}

/* The page about a directory with so many long names. */
static void check_long_list(int count, bool odd, bool whole)
{
    char folder[] = "/tmp/weir-list-XXXXXX", name[256];
    struct text page = {0};
    bool made = mkdtemp(folder) != NULL;
    int dir = made ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
    for (int i = 0; i < count; i++) {
        long_name(name, i, odd);
        int fd = openat(dir, name, O_CREAT | O_WRONLY, 0600);
        made = made && fd >= 0;
        (void)close(fd);
    }
    check_that(made, "cannot make the directory");
    check_that(http_listing_add(&page, dup(dir), "odd") == 0, "no page");
    text_add_bytes(&page, "", 1);
    check_that(page.len <= HTTP_LISTING_MAX + 4096, "too long");
    check_that(page.cap <= 2 * HTTP_LISTING_MAX, "takes too much memory");
    check_that(strstr(page.data, "00000") != NULL, "the first name is missing");
    (void)snprintf(name, sizeof name, "%05d", count - 1);
    check_that((strstr(page.data, name) != NULL) == whole, "the last name");
    check_that((strstr(page.data, "</table>\n<p>and more\n") != NULL) == !whole, "how it ends");
    text_free(&page);
    for (int i = 0; i < count; i++) {
        long_name(name, i, odd);
        (void)unlinkat(dir, name, 0);
    }
    (void)close(dir);
    (void)rmdir(folder);
}

static void check_lists(void)
{
    check_begin("a list of long names");
    check_long_list(400, false, true);
    check_begin("a list of long and odd names");
    check_long_list(400, true, true);
    check_begin("a list that grows too long");
    check_long_list(800, true, false);
}

void check_files(int root)
{
    static char names[sizeof cases / sizeof cases[0]][64];
    bool beneath = kernel_helps(root);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(names[i], sizeof names[i], "file '%s'", cases[i].name);
        check_begin(names[i]);
        check_open(root, &cases[i], beneath);
    }
    if (!beneath) {
        (void)printf("SKIP links that stay inside: this system cannot follow them safely\n");
    }
    check_upwards(root);
    check_begin("a FIFO is not found and stops nothing");
    struct http_file file;
    check_that(http_file_open(root, "fifo", &file) == ENOENT, "found");
    check_descriptors(root);
    check_lists();
}
