/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target over files: every argument is a file or a directory of files. For compilers
 * without libFuzzer, and to look at one finding. A line `PASS name` for each; a finding ends the
 * process with the name of its file as the last line on stderr before it.
 */
#define _POSIX_C_SOURCE 200809L

#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_INPUT (1u << 20)

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int failed(const char *path, const char *what)
{
    printf("FAIL %s: %s\n", name_of(path), what);
    return 1;
}

static int run_file(const char *path)
{
    static uint8_t data[MAX_INPUT];
    FILE *file = fopen(path, "rb");
    size_t size;
    uint8_t *exact;
    int broken;

    if (!file)
        return failed(path, strerror(errno));
    size = fread(data, 1, sizeof(data), file);
    broken = ferror(file) || fgetc(file) != EOF;
    fclose(file);
    if (broken)
        return failed(path, "cannot be read, or is too long");
    fprintf(stderr, "%s\n", path);
    exact = fuzz_exact_copy(data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    printf("PASS %s\n", name_of(path));
    return 0;
}

static int run_path(const char *path);

static int run_directory(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    int status = 0, ran = 0;
    char name[4096];

    if (count < 0)
        return failed(path, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            int len = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);

            ran++;
            if (len < 0 || (size_t)len >= sizeof(name))
                status |= failed(path, "the path is too long");
            else
                status |= run_path(name);
        }
        free(entries[i]);
    }
    free(entries);
    return ran > 0 ? status : failed(path, "holds no input");
}

static int run_path(const char *path)
{
    struct stat about;

    if (stat(path, &about) != 0)
        return failed(path, strerror(errno));
    return S_ISDIR(about.st_mode) ? run_directory(path) : run_file(path);
}

int main(int argc, char **argv)
{
    int status = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE-OR-DIRECTORY...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++)
        status |= run_path(argv[i]);
    return status;
}
