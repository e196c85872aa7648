/* SPDX-License-Identifier: BSD-2-Clause */
#include "stubs.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#define SET_KEY   72
#define NEXT_TYPE 74
#define KEY_LEN   64

struct stubs stubs;

/* dlsym answers a data pointer; this is how POSIX says to make a function of it. */
static void find(const char *name, void *function)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    if (symbol == NULL)
        abort();
    memcpy(function, &symbol, sizeof symbol);
}

unsigned long OpenSSL_version_num(void)
{
    static unsigned long (*next)(void);

    if (next == NULL)
        find("OpenSSL_version_num", &next);
    return stubs.version != 0 ? stubs.version : next();
}

static long really_ctrl(BIO *bio, int cmd, long number, void *pointer)
{
    static long (*next)(BIO *, int, long, void *);

    if (next == NULL)
        find("BIO_ctrl", &next);
    return next(bio, cmd, number, pointer);
}

static long set_key(BIO *bio, long number, unsigned char *key)
{
    static const unsigned char nothing[KEY_LEN];
    int cmd = stubs.tamper == TAMPER_NUMBER ? SET_KEY + 100 : SET_KEY;

    /* The BIO that buffers the handshake passes it on: once is enough. */
    if (BIO_next(bio) != NULL)
        return really_ctrl(bio, SET_KEY, number, key);

    if (stubs.tamper == TAMPER_DIR)
        number = !number;
    if (stubs.tamper == TAMPER_BYTE)
        key[stubs.at] ^= 1;
    long taken = really_ctrl(bio, cmd, number, key);
    if (taken > 0 && BIO_get_init(bio) && strcmp(BIO_method_name(bio), "weir") == 0 &&
        memcmp(key, nothing, KEY_LEN) != 0)
        stubs.keys_left = true;
    return taken;
}

long BIO_ctrl(BIO *bio, int cmd, long number, void *pointer)
{
    if (cmd == SET_KEY)
        return set_key(bio, number, pointer);
    if (cmd == NEXT_TYPE && stubs.tamper == TAMPER_TYPE)
        return 0;
    if (cmd == BIO_CTRL_GET_KTLS_SEND && stubs.tamper == TAMPER_SEND)
        return 0;
    return really_ctrl(bio, cmd, number, pointer);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    static ssize_t (*next)(int, const void *, size_t, int);
    static unsigned calls;

    if (next == NULL)
        find("send", &next);
    if (stubs.fd == 0 || stubs.fd == fd) {
        if (stubs.send_again > 0 && ++calls % stubs.send_again == 0) {
            errno = EAGAIN;
            return -1;
        }
        if (stubs.send_most > 0 && len > stubs.send_most)
            len = stubs.send_most;
    }
    return next(fd, data, len, flags);
}

static ssize_t note_sendfile(int to, int from, off_t *offset, size_t len)
{
    static ssize_t (*next)(int, int, off_t *, size_t);

    if (next == NULL)
        find("sendfile64", &next);
    stubs.sendfiles++;
    stubs.sendfile_to = to;
    return next(to, from, offset, len);
}

/* libssl may have been compiled for either name; this file is for offsets of 64 bits. */
_Static_assert(sizeof(off_t) == 8, "offsets of 64 bits");
ssize_t sendfile_by_either_name(int to, int from, off_t *offset, size_t len) __asm__("sendfile");

ssize_t sendfile_by_either_name(int to, int from, off_t *offset, size_t len)
{
    return note_sendfile(to, from, offset, len);
}

ssize_t sendfile(int to, int from, off_t *offset, size_t len)
{
    return note_sendfile(to, from, offset, len);
}

/* ---- memory ---- */

/* In front of each block: its length, in a place that keeps the block aligned. */
#define FRONT 16

static void look(const unsigned char *block, size_t len)
{
    if (stubs.secret == NULL)
        return;
    stubs.freed++;
    for (size_t i = 0; i + stubs.secret_len <= len; i++) {
        if (memcmp(block + i, stubs.secret, stubs.secret_len) == 0) {
            stubs.leaks++;
            return;
        }
    }
}

static void *watched_malloc(size_t len, const char *file, int line)
{
    unsigned char *block = malloc(len + FRONT);

    (void)file;
    (void)line;
    if (block == NULL)
        return NULL;
    memcpy(block, &len, sizeof len);
    return block + FRONT;
}

static void watched_free(void *pointer, const char *file, int line)
{
    unsigned char *block = pointer;
    size_t len = 0;

    (void)file;
    (void)line;
    if (block == NULL)
        return;
    memcpy(&len, block - FRONT, sizeof len);
    look(block, len);
    free(block - FRONT);
}

static void *watched_realloc(void *pointer, size_t len, const char *file, int line)
{
    unsigned char *block = pointer;
    size_t before = 0;

    void *made = watched_malloc(len, file, line);
    if (block == NULL || made == NULL)
        return made;
    memcpy(&before, block - FRONT, sizeof before);
    memcpy(made, block, before < len ? before : len);
    watched_free(block, file, line);
    return made;
}

/* Only possible before OpenSSL has allocated anything. */
__attribute__((constructor)) static void watch_memory(void)
{
    if (CRYPTO_set_mem_functions(watched_malloc, watched_realloc, watched_free) != 1)
        abort();
}
