/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSED = 0, FAILED = 1, SKIPPED = 2 };

static struct {
    const char *only;
    const char *name; /* of the case, in its own process */
    unsigned run, failed;
    /* The other process: its end of the pipe (in it), ours, and its number. */
    int report, told;
    pid_t other;
    char context[200], late[500];
    size_t late_len;
} state = {.report = -1, .told = -1};

void check_only(const char *part)
{
    state.only = part;
}

static void say(const char *word, const char *format, va_list list)
{
    char text[900];
    vsnprintf(text, sizeof text, format, list);
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '\n' ? ' ' : *at;
    }
    if (state.report >= 0 && strcmp(word, "NOTE") != 0) {
        (void)!write(state.report, text, strlen(text));
        return;
    }
    if (state.name != NULL && strcmp(word, "NOTE") != 0) {
        printf("%s %s: %s\n", word, state.name, text);
    } else {
        printf("%s %s\n", word, text);
    }
    fflush(stdout);
}

static void tell(const char *word, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(const char *word, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(word, format, list);
    va_end(list);
}

void check_start(void (*body)(void *arg), void *arg, int ours)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    state.other = fork();
    CHECK(state.other >= 0);
    if (state.other == 0) {
        close(ends[0]);
        close(ours);
        state.report = ends[1];
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body(arg);
        _exit(PASSED);
    }
    close(ends[1]);
    state.told = ends[0];
}

/* What the other process has to say against it; "" when it is content. Waits for its end. */
static void hear(char *text, size_t room)
{
    int status = 0;
    size_t len = 0;
    text[0] = '\0';
    for (ssize_t n = 1; n > 0 && len<room - 1; len += n> 0 ? (size_t)n : 0) {
        n = read(state.told, text + len, room - 1 - len);
    }
    text[len] = '\0';
    close(state.told);
    state.told = -1;
    if (waitpid(state.other, &status, 0) == state.other && len == 0 && status != 0) {
        snprintf(text, room, "ended with wait status %#x", (unsigned)status);
    }
}

void check_join(void)
{
    char text[600];
    hear(text, sizeof text);
    if (text[0] != '\0') {
        FAIL("the other end: %s", text);
    }
}

void check_fail(const char *file, int line, const char *format, ...)
{
    char why[400], other[300] = "";
    const char *slash = strrchr(file, '/');
    va_list list;
    va_start(list, format);
    vsnprintf(why, sizeof why, format, list);
    va_end(list);
    struct pollfd said = {.fd = state.told, .events = POLLIN};
    if (state.told >= 0 && poll(&said, 1, 500) == 1) {
        ssize_t n = read(state.told, other, sizeof other - 1);
        other[n > 0 ? n : 0] = '\0';
    }
    tell("FAIL", "%s%s (%s line %d)%s%s", state.context, why, slash != NULL ? slash + 1 : file,
         line, other[0] != '\0' ? "; the other end: " : "", other);
    _exit(FAILED);
}

/* What late() says, made before. */
static void prepare_late(void)
{
    int n = snprintf(state.late, sizeof state.late, "FAIL %s: %snot done in time\n", state.name,
                     state.context);
    state.late_len = n < (int)sizeof state.late ? (size_t)n : sizeof state.late - 1;
}

void check_context(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(state.context, sizeof state.context - 2, format, list);
    va_end(list);
    n = n < (int)sizeof state.context - 3 ? n : (int)sizeof state.context - 3;
    memcpy(state.context + n, "; ", 3);
    prepare_late();
}

void check_skip(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say("SKIP", format, list);
    va_end(list);
    _exit(SKIPPED);
}

void check_note(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say("NOTE", format, list);
    va_end(list);
}

void check_equal(const char *file, int line, const char *what, long long got, long long wanted)
{
    if (got != wanted) {
        check_fail(file, line, "%s is %lld, not %lld%s%s", what, got, wanted, got < 0 ? ": " : "",
                   got < 0 ? strerror((int)-got) : "");
    }
}

void check_bytes(const char *what, const void *got, const void *wanted, size_t len)
{
    const uint8_t *a = got, *b = wanted;
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            FAIL("%s differ at %zu of %zu: %02x, not %02x", what, i, len, a[i], b[i]);
        }
    }
}

static uint64_t word_at(uint64_t index, uint32_t stream)
{
    uint64_t x = index + 0x9e3779b97f4a7c15u * (stream + 1u);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void check_fill(uint8_t *buf, size_t len, uint64_t at, uint32_t stream)
{
    for (size_t done = 0; done < len;) {
        uint64_t word = word_at((at + done) / 8, stream);
        size_t from = (size_t)((at + done) % 8);
        size_t n = len - done < 8 - from ? len - done : 8 - from;
        memcpy(buf + done, (const uint8_t *)&word + from, n);
        done += n;
    }
}

size_t check_differs(const uint8_t *buf, size_t len, uint64_t at, uint32_t stream)
{
    uint8_t wanted[4096];
    for (size_t done = 0; done < len;) {
        size_t n = len - done < sizeof wanted ? len - done : sizeof wanted;
        check_fill(wanted, n, at + done, stream);
        if (memcmp(buf + done, wanted, n) != 0) {
            size_t i = 0;
            while (buf[done + i] == wanted[i]) {
                i++;
            }
            return done + i;
        }
        done += n;
    }
    return len;
}

static void late(int number)
{
    (void)number;
    (void)!write(STDOUT_FILENO, state.late, state.late_len);
    _exit(FAILED);
}

static void child(void (*body)(const void *arg), const void *arg, unsigned seconds)
{
    /* Its own group, so that what it has started ends with it. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    prepare_late();
    signal(SIGALRM, late);
    alarm(seconds);
    body(arg);
    _exit(PASSED);
}

void check_case(const char *name, void (*body)(const void *arg), const void *arg, unsigned seconds)
{
    if (state.only != NULL && strstr(name, state.only) == NULL) {
        return;
    }
    state.run++;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        state.name = name;
        child(body, arg, seconds);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        printf("FAIL %s: no process: %s\n", name, strerror(errno));
        state.failed++;
        return;
    }
    kill(-pid, SIGKILL);
    if (WIFSIGNALED(status)) {
        printf("FAIL %s: ended by signal %d\n", name, WTERMSIG(status));
        state.failed++;
    } else if (WEXITSTATUS(status) == PASSED) {
        printf("PASS %s\n", name);
    } else if (WEXITSTATUS(status) == FAILED) {
        state.failed++; /* the line is printed */
    } else if (WEXITSTATUS(status) != SKIPPED) {
        printf("FAIL %s: exit status %d\n", name, WEXITSTATUS(status));
        state.failed++;
    }
    fflush(stdout);
}

int check_result(void)
{
    if (state.run == 0) {
        printf("FAIL no case was run\n");
    }
    return state.run > 0 && state.failed == 0 ? 0 : 1;
}
