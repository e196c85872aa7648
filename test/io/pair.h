/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two connections in one process, with a handshake of four bytes each way in the place of a TLS
 * library.
 */
#ifndef TEST_IO_PAIR_H
#define TEST_IO_PAIR_H

#include <criterion/criterion.h>
#include <string.h>
#include <weir/posix.h>

/* The handshake: "helo" both ways, the server's as an answer, then keys that both ends know. What
 * the session hands to the TLS library is kept; what the library wants is what the test has put in
 * `wishes`. */
struct fake {
    struct weir_handshake handshake; /* first, so that a pointer to it is a pointer to this */
    uint16_t version;
    size_t said, heard;
    bool suspended; /* by a callback of the application */
    bool failed;
    uint8_t delivered[70000];
    size_t delivered_len;
    weir_status deliver_answer;
    struct weir_control wishes[4];
    size_t wish_count, wish_next;
    uint16_t epochs[2], epochs_then[2]; /* as told; as told before the first deliver */
    size_t limit;                       /* negotiated; 0: none */
    unsigned released;
};

/* One end. */
struct end {
    struct fake fake;
    struct weir_conn *conn;
    int fd;
};

struct pair {
    struct end client, server;
};

/* Keys of the direction that `server` sends in, for a raw peer. */
void fake_keys(struct weir_keys *keys, uint16_t version, bool server);

/* What ends are made with besides, by `server`; all zeros: the null backend alone. */
struct end_options {
    const struct weir_backend *const *backends;
    size_t backend_count;
    weir_policy policy;
    bool reversible;
    size_t pad_multiple;
};
extern struct end_options end_options[2];

/* A weir_conn on `fd`; the backend is soft with the null provider. */
void end_open(struct end *end, int fd, bool server, uint16_t version);

/* Connected ends over a socket pair, handshakes not begun. `buffer`: SO_SNDBUF and SO_RCVBUF of
 * both, 0: as the system has them. */
struct pair *pair_new(uint16_t version, int buffer);
/* As pair_new, handshakes complete. */
struct pair *pair_open(uint16_t version, int buffer);
void pair_free(struct pair *pair);

/* The backend of all ends. */
const struct weir_backend *null_backend(void);

/* One end, its handshake complete, and the raw socket of its peer. */
struct raw {
    struct end end;
    int fd;
    struct weir_soft soft;
    struct weir_tx tx; /* of the peer */
    struct weir_rx rx;
    void *memory[2];
};
struct raw *raw_open(uint16_t version, bool server);
void raw_free(struct raw *raw);
/* The peer's socket is closed; the end lives on. */
void raw_hang_up(struct raw *raw);
/* Sends bytes as they are. */
void raw_send(struct raw *raw, const void *data, size_t len);
/* Seals and sends one record. */
void raw_say(struct raw *raw, uint8_t type, const void *data, size_t len);
/* What the end has sent next, opened: the type of the record, its content in `out`; 0 at FIN. */
uint8_t raw_hear(struct raw *raw, uint8_t *out, size_t cap, size_t *len);
/* Expects a fatal alert of this number, and FIN after it. */
void raw_expect_alert(struct raw *raw, uint8_t alert);

/* Numbers of the same row for the same seed, 0 to 32767. */
void draw_from(unsigned seed);
int draw(void);

/* A byte of the test stream. */
uint8_t pattern(size_t at);
void pattern_fill(uint8_t *buf, size_t at, size_t len);
bool pattern_is(const uint8_t *buf, size_t at, size_t len);

/* Reads all that is there, checks it against the pattern from *at on. The status that ended it. */
weir_status read_pattern(struct weir_conn *conn, size_t *at);

/* ---- syscalls.c: system calls that fail when they are told to ---- */

struct syscall_plan {
    size_t most;      /* bytes a call moves at most; 0: as many as it likes */
    unsigned eintr;   /* every so manieth call answers EINTR; 0: none */
    unsigned eagain;  /* every so manieth call answers EAGAIN; 0: none */
    int fail_with;    /* errno of the call below; 0: none fails */
    unsigned fail_at; /* counted down with each call; the one that makes it 0 fails */
    bool swallow;     /* send: what it is given goes nowhere */
    unsigned calls;   /* so far */
};
extern struct syscall_plan plan_send, plan_recv;

/* What takes the place of these calls on all descriptors; NULL: they are only passed on, see
 * really_…. */
struct msghdr;
struct syscall_hooks {
    ssize_t (*sendmsg)(int fd, const struct msghdr *message, int flags);
    ssize_t (*recvmsg)(int fd, struct msghdr *message, int flags);
    int (*setsockopt)(int fd, int level, int name, const void *value, unsigned len);
    int (*getsockopt)(int fd, int level, int name, void *value, unsigned *len);
    /* Whether the descriptor's bytes go another way than send and recv; then these are asked. */
    bool (*carries)(int fd, bool sending);
    ssize_t (*recv)(int fd, void *data, size_t len, int flags);
    ssize_t (*sendfile)(int fd, int file, int64_t *offset, size_t len);
    ssize_t (*splice)(int from, int to, size_t len, unsigned flags);
    int (*shutdown)(int fd, int how);
    void (*always)(void); /* before each of them, and before send and recv */
};
extern struct syscall_hooks hooks;

ssize_t really_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t really_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t really_send(int fd, const void *data, size_t len, int flags);
ssize_t really_recv(int fd, void *data, size_t len, int flags);
ssize_t really_splice(int from, int to, size_t len, unsigned flags);
int really_shutdown(int fd, int how);
int really_setsockopt(int fd, int level, int name, const void *value, unsigned len);
int really_getsockopt(int fd, int level, int name, void *value, unsigned *len);

#endif
