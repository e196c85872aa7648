/* SPDX-License-Identifier: BSD-2-Clause */
#include "freebsd_exec.h"

#include <string.h>

#define CONTROL_ROOM 512u

/* Where the data of a control message begins, and what one of `len` bytes takes up. */
static size_t data_at(const struct sim_freebsd_socket *s)
{
    return s->host->ilp32 ? 12 : 16;
}

static size_t space_of(const struct sim_freebsd_socket *s, size_t len)
{
    size_t align = s->host->ilp32 ? 4 : 8;

    return data_at(s) + (len + align - 1) / align * align;
}

struct weir_done sim_freebsd_command(struct sim_freebsd_socket *s, const struct weir_cmd *cmd)
{
    struct weir_done done = {.os_error = 0};
    size_t len = cmd->len;
    int answer;

    if (cmd->kind == WEIR_CMD_GETSOCKOPT) {
        answer = sim_freebsd_getsockopt(s, cmd->level, cmd->name, cmd->value, &len);
        done.len = answer == 0 ? (uint32_t)len : 0;
    } else {
        answer = sim_freebsd_setsockopt(s, cmd->level, cmd->name, cmd->value, len);
    }
    if (answer != 0)
        done.os_error = s->err;
    return done;
}

struct weir_stream_done sim_freebsd_send(struct sim_freebsd_socket *s,
                                         const struct weir_stream_op *op, const void *data,
                                         size_t len)
{
    struct weir_stream_done done = {.os_error = 0};
    uint8_t control[CONTROL_ROOM] = {0};
    uint32_t control_len = (uint32_t)(data_at(s) + op->control_len);
    int32_t level = op->level, type = op->type;
    long sent;

    memcpy(control, &control_len, 4);
    memcpy(control + 4, &level, 4);
    memcpy(control + 8, &type, 4);
    memcpy(control + data_at(s), op->control, op->control_len);
    sent = sim_freebsd_sendmsg(s, data, len < op->len ? len : op->len,
                               op->control_len > 0 ? control : NULL, control_len, 0);
    if (sent < 0)
        done.os_error = s->err;
    else
        done.len = (size_t)sent;
    return done;
}

struct weir_stream_done sim_freebsd_receive(struct sim_freebsd_socket *s,
                                            const struct weir_stream_op *op, void *buf, size_t cap)
{
    struct weir_stream_done done = {.os_error = 0};
    uint8_t control[CONTROL_ROOM];
    struct sim_freebsd_msg msg = {
        .data = buf, .len = cap, .control = control, .control_len = sizeof control};
    long got = sim_freebsd_recvmsg(s, &msg, 0);
    size_t at = 0;

    if (got < 0) {
        done.os_error = s->err;
        return done;
    }
    done.len = (size_t)got;
    if (op->ask_error) {
        int32_t error = 0;
        size_t error_len = sizeof error;

        (void)sim_freebsd_getsockopt(s, FREEBSD_SOL_SOCKET, FREEBSD_SO_ERROR, &error, &error_len);
        done.pending_error = error;
    }
    done.truncated = (msg.flags & FREEBSD_MSG_CTRUNC) != 0;
    done.end_of_record = (msg.flags & FREEBSD_MSG_EOR) != 0;
    while (at + data_at(s) <= msg.control_len) {
        uint32_t len;
        int32_t words[2];

        memcpy(&len, control + at, 4);
        memcpy(words, control + at + 4, 8);
        if (len < data_at(s) || len > msg.control_len - at)
            break;
        len -= (uint32_t)data_at(s);
        if (words[0] == op->level && words[1] == op->type && len <= sizeof done.control) {
            done.has_control = true;
            done.control_len = len;
            memcpy(done.control, control + at + data_at(s), len);
        }
        at += space_of(s, len);
    }
    return done;
}
