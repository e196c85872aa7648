/* SPDX-License-Identifier: BSD-2-Clause */
#include "crew.h"

static void on_mail(uv_async_t *mail)
{
    struct crew_member *member = mail->data;
    /* Asked first: what was noted before the wish to quit is then seen by `woken`. */
    bool quit = atomic_load(&member->quit);
    member->woken(member);
    if (quit && !uv_is_closing((uv_handle_t *)mail)) {
        uv_close((uv_handle_t *)mail, NULL);
    }
}

bool crew_open(struct crew_member *member, void (*woken)(struct crew_member *), void *data,
               struct fault *fault)
{
    *member = (struct crew_member){.woken = woken, .data = data};
    if (uv_loop_init(&member->loop) != 0) {
        FAULT(fault, "cannot make an event loop");
        return false;
    }
    if (uv_async_init(&member->loop, &member->mail, on_mail) != 0) {
        (void)uv_loop_close(&member->loop);
        FAULT(fault, "cannot make an event loop");
        return false;
    }
    member->mail.data = member;
    /* The loop of the main thread ends when there is nothing else in it. */
    uv_unref((uv_handle_t *)&member->mail);
    return true;
}

static void work(void *arg)
{
    struct crew_member *member = arg;
    (void)uv_run(&member->loop, UV_RUN_DEFAULT);
}

bool crew_start(struct crew_member *member, struct fault *fault)
{
    uv_ref((uv_handle_t *)&member->mail);
    if (uv_thread_create(&member->thread, work, member) != 0) {
        uv_unref((uv_handle_t *)&member->mail);
        FAULT(fault, "cannot start a thread");
        return false;
    }
    member->started = true;
    return true;
}

void crew_wake(struct crew_member *member)
{
    (void)uv_async_send(&member->mail);
}

void crew_close(struct crew_member *member)
{
    if (member->started) {
        atomic_store(&member->quit, true);
        crew_wake(member);
        (void)uv_thread_join(&member->thread);
    } else {
        uv_close((uv_handle_t *)&member->mail, NULL);
        (void)uv_run(&member->loop, UV_RUN_DEFAULT);
    }
    (void)uv_loop_close(&member->loop);
}
