/* SPDX-License-Identifier: BSD-2-Clause */
#include "linux_exec.h"

struct weir_done sim_linux_exec(struct sim_linux_socket *s, const struct weir_cmd *cmd)
{
    struct weir_done done = {.len = cmd->len};
    int result;

    if (cmd->kind == WEIR_CMD_GETSOCKOPT)
        result = sim_linux_getsockopt(s, cmd->level, cmd->name, cmd->value, &done.len);
    else
        result = sim_linux_setsockopt(s, cmd->level, cmd->name, cmd->value, cmd->len);
    if (result != 0) {
        done.os_error = sim_linux_errno(s);
        done.len = 0;
    }
    return done;
}

struct weir_stream_done sim_linux_exec_send(struct sim_linux_socket *s,
                                            const struct weir_stream_op *op, const uint8_t *data)
{
    const struct sim_iov iov = {data, op->len};
    struct sim_linux_ancillary control = {.level = op->level, .type = op->type};
    const struct sim_linux_out msg = {
        .iov = &iov,
        .iov_count = 1,
        .control = &control,
        .control_len = op->control_len > 0 ? 1 : 0,
    };
    struct weir_stream_done done = {0};

    if (op->control_len > sizeof control.bytes) {
        done.os_error = EINVAL;
        return done;
    }
    control.len = op->control_len;
    sim_copy(control.bytes, op->control, op->control_len);
    int64_t result = sim_linux_sendmsg(s, &msg, LINUX_MSG_DONTWAIT | LINUX_MSG_NOSIGNAL);
    if (result < 0)
        done.os_error = sim_linux_errno(s);
    else
        done.len = (size_t)result;
    return done;
}

struct weir_stream_done sim_linux_exec_receive(struct sim_linux_socket *s,
                                               const struct weir_stream_op *op, uint8_t *buf,
                                               size_t room)
{
    /* As CMSG_SPACE(op->control_len) does, this has room for one message. */
    struct sim_linux_ancillary control = {.level = 0};
    struct sim_linux_in msg = {
        .buffer = buf,
        .len = room,
        .control = &control,
        .control_len = op->control_len > 0 ? 1 : 0,
    };
    struct weir_stream_done done = {0};
    int64_t result = sim_linux_recvmsg(s, &msg, LINUX_MSG_DONTWAIT);

    if (result < 0) {
        /* Control buffer and flags are what they were: nothing of them is looked at. */
        done.os_error = sim_linux_errno(s);
        return done;
    }
    done.len = (size_t)result;
    done.truncated = (msg.flags & LINUX_MSG_CTRUNC) != 0;
    done.end_of_record = (msg.flags & LINUX_MSG_EOR) != 0;
    done.has_control =
        msg.control_len > 0 && control.level == op->level && control.type == op->type;
    if (done.has_control) {
        done.control_len = (uint32_t)control.len;
        sim_copy(done.control, control.bytes, control.len);
    }
    return done;
}
