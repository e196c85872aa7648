/* SPDX-License-Identifier: BSD-2-Clause */
/* setsockopt and getsockopt. */
#include "linux_internal.h"

#include <string.h>

/* Attaching only asks whether TCP is ESTABLISHED: a FIN that has arrived ends that. */
static bool established(const struct sim_linux_socket *s)
{
    return s->state == LINUX_CONNECTED && !s->shut_wr && !sim_pipe_fin_arrived(s->in) &&
           !sim_pipe_is_reset(s->in) && !sim_pipe_is_reset(s->out);
}

static int attach(struct sim_linux_socket *s, const void *value, uint32_t len)
{
    struct sim_linux *kernel = s->kernel;
    char name[16] = "";

    if (len < 1 || value == NULL)
        return EINVAL;
    memcpy(name, value, len < sizeof name ? len : sizeof name - 1);
    if (strcmp(name, "tls") != 0)
        return ENOENT;
    if (!kernel->tls_registered) {
        if (!kernel->tls_loadable || !kernel->privileged)
            return ENOENT;
        kernel->tls_registered = true;
    }
    if (s->ulp)
        return EEXIST;
    if (!established(s))
        return kernel->old_errno ? LINUX_ENOTSUPP : ENOTCONN;
    s->ulp = true;
    s->max_payload = LINUX_MAX_PLAINTEXT;
    s->tx.conf = SIM_LINUX_BASE;
    s->rx.conf = SIM_LINUX_BASE;
    return 0;
}

/* A first key: version, cipher, and that the other direction has the same. */
static int check_suite(const struct sim_linux_socket *s, const struct linux_keys *other,
                       uint16_t version, uint16_t id)
{
    const struct sim_linux *kernel = s->kernel;
    const struct linux_cipher *cipher = linux_cipher(id);

    if (version != LINUX_TLS_1_2 && !(version == LINUX_TLS_1_3 && kernel->tls13))
        return kernel->old_errno ? LINUX_ENOTSUPP : EINVAL;
    if (cipher == NULL || !(kernel->ciphers & LINUX_CIPHER_BIT(id)))
        return EINVAL;
    if (version == LINUX_TLS_1_3 && !cipher->tls13)
        return EINVAL;
    if (other->cipher != NULL && (other->version != version || other->cipher != cipher))
        return EINVAL;
    return 0;
}

static int check_keys(const struct sim_linux_socket *s, const struct linux_keys *own,
                      const struct linux_keys *other, const uint8_t *value, uint32_t len)
{
    uint16_t version, id;
    int error = 0;

    memcpy(&version, value, 2);
    memcpy(&id, value + 2, 2);
    if (own->cipher != NULL) {
        if (own->version != version || own->cipher->id != id)
            return EINVAL;
    } else {
        error = check_suite(s, other, version, id);
    }
    if (error != 0)
        return error;
    if (len != linux_info_len(linux_cipher(id)))
        return EINVAL;
    if (!(s->kernel->crypto & LINUX_CIPHER_BIT(id)) || !linux_cipher(id)->modelled)
        return ENOENT;
    return 0;
}

static void count_new(struct sim_linux_stat *stat, bool tx, bool device)
{
    *(tx ? (device ? &stat->tx_device : &stat->tx_sw)
         : (device ? &stat->rx_device : &stat->rx_sw)) += 1;
    *(tx ? (device ? &stat->curr_tx_device : &stat->curr_tx_sw)
         : (device ? &stat->curr_rx_device : &stat->curr_rx_sw)) += 1;
}

int linux_set_keys(struct sim_linux_socket *s, bool tx, const uint8_t *value, uint32_t len)
{
    struct sim_linux *kernel = s->kernel;
    struct linux_keys *own = tx ? &s->tx : &s->rx;
    bool again = own->cipher != NULL;
    uint64_t *failed = tx ? &kernel->stat.tx_rekey_error : &kernel->stat.rx_rekey_error;
    uint16_t id;

    if (!tx && !kernel->rx)
        return ENOPROTOOPT;
    if (value == NULL || len < LINUX_SHORT_INFO)
        return EINVAL;
    if (again && !(kernel->rekey && own->version == LINUX_TLS_1_3)) {
        *failed += kernel->rekey;
        return EBUSY;
    }
    int error = check_keys(s, own, tx ? &s->rx : &s->tx, value, len);
    if (error != 0) {
        *failed += again;
        return error;
    }
    memcpy(&id, value + 2, 2);
    enum sim_linux_conf conf = own->conf;
    linux_keys_read(own, linux_cipher(id), value);
    if (again) {
        own->conf = conf;
        *(tx ? &kernel->stat.tx_rekey_ok : &kernel->stat.rx_rekey_ok) += 1;
        if (!tx)
            s->rekey_due = false;
        return 0;
    }
    /* A device is tried first; whatever it says against it, software does it then. */
    bool device = (tx ? kernel->device_tx : kernel->device_rx) && own->cipher->device &&
                  own->version == LINUX_TLS_1_2;
    own->conf = device ? SIM_LINUX_HW : SIM_LINUX_SW;
    count_new(&kernel->stat, tx, device);
    s->version = own->version;
    s->cipher = own->cipher->id;
    return 0; /* records that waited for the key are parsed as the next call enters */
}

static int set_zerocopy(struct sim_linux_socket *s, const uint8_t *value, uint32_t len)
{
    uint32_t on;

    if (value == NULL || len != sizeof on)
        return EINVAL;
    memcpy(&on, value, sizeof on);
    if (on > 1)
        return EINVAL;
    s->zerocopy = on != 0;
    return 0;
}

static int set_no_pad(struct sim_linux_socket *s, const uint8_t *value, uint32_t len)
{
    uint32_t on;

    if (s->version != LINUX_TLS_1_3 || value == NULL || len < sizeof on)
        return EINVAL;
    memcpy(&on, value, sizeof on);
    if (on > 1)
        return EINVAL;
    for (uint32_t i = sizeof on; i < len; i++) {
        if (value[i] != 0)
            return EINVAL;
    }
    if (s->rx.cipher == NULL)
        return EINVAL;
    s->no_pad = on != 0;
    return 0;
}

static int set_max_payload(struct sim_linux_socket *s, const uint8_t *value, uint32_t len)
{
    uint16_t max;

    if (s->open_len > 0)
        return EBUSY;
    if (value == NULL || len != sizeof max)
        return EINVAL;
    memcpy(&max, value, sizeof max);
    if (max < (s->version == LINUX_TLS_1_3 ? 63 : 64) || max > LINUX_MAX_PLAINTEXT)
        return EINVAL;
    s->max_payload = max;
    return 0;
}

static int set_tls(struct sim_linux_socket *s, int name, const uint8_t *value, uint32_t len)
{
    const struct sim_linux *kernel = s->kernel;

    if (!s->ulp)
        return ENOPROTOOPT;
    if (name == LINUX_TLS_TX || name == LINUX_TLS_RX)
        return linux_set_keys(s, name == LINUX_TLS_TX, value, len);
    if (name == LINUX_TLS_TX_ZEROCOPY_RO && kernel->zerocopy_ro)
        return set_zerocopy(s, value, len);
    if (name == LINUX_TLS_RX_EXPECT_NO_PAD && kernel->expect_no_pad)
        return set_no_pad(s, value, len);
    if (name == LINUX_TLS_TX_MAX_PAYLOAD && kernel->max_payload)
        return set_max_payload(s, value, len);
    return ENOPROTOOPT;
}

int sim_linux_setsockopt(struct sim_linux_socket *s, int level, int name, const void *value,
                         uint32_t len)
{
    struct sim_fault fault = linux_enter(s, SIM_LINUX_SETSOCKOPT);
    int error = ENOPROTOOPT;

    if (fault.kind == SIM_FAULT_ERRNO)
        return linux_error(s, fault.error);
    if (s->tcp && level == LINUX_SOL_TCP && name == LINUX_TCP_ULP)
        error = attach(s, value, len);
    else if (s->tcp && level == LINUX_SOL_TLS)
        error = set_tls(s, name, value, len);
    return error == 0 ? 0 : linux_error(s, error);
}

static int get_keys(const struct linux_keys *keys, uint8_t *value, const uint32_t *len)
{
    uint8_t info[LINUX_MAX_INFO];

    if (value == NULL || *len < LINUX_SHORT_INFO)
        return EINVAL;
    if (keys->cipher == NULL)
        return EBUSY;
    if (*len != LINUX_SHORT_INFO && *len != linux_info_len(keys->cipher))
        return EINVAL;
    linux_keys_write(keys, info);
    memcpy(value, info, *len);
    return 0;
}

/* Options that are a number: the length must be right, or at least enough. */
static int get_number(uint32_t number, uint32_t size, bool exact, uint8_t *value, uint32_t *len)
{
    uint16_t half = (uint16_t)number;

    if (value == NULL || *len < size || (exact && *len != size))
        return EINVAL;
    if (size == sizeof half)
        memcpy(value, &half, sizeof half);
    else
        memcpy(value, &number, sizeof number);
    *len = size;
    return 0;
}

static int get_tls(const struct sim_linux_socket *s, int name, uint8_t *value, uint32_t *len)
{
    const struct sim_linux *kernel = s->kernel;

    if (!s->ulp)
        return EOPNOTSUPP; /* not what setting answers */
    if (name == LINUX_TLS_TX || (name == LINUX_TLS_RX && kernel->rx))
        return get_keys(name == LINUX_TLS_TX ? &s->tx : &s->rx, value, len);
    if (name == LINUX_TLS_TX_ZEROCOPY_RO && kernel->zerocopy_ro)
        return get_number(s->zerocopy, 4, true, value, len);
    if (name == LINUX_TLS_RX_EXPECT_NO_PAD && kernel->expect_no_pad) {
        if (s->version != LINUX_TLS_1_3 || s->rx.cipher == NULL)
            return EINVAL;
        return get_number(s->no_pad, 4, false, value, len);
    }
    if (name == LINUX_TLS_TX_MAX_PAYLOAD && kernel->max_payload)
        return get_number(s->max_payload, 2, false, value, len);
    return ENOPROTOOPT;
}

static int get_ulp(const struct sim_linux_socket *s, uint8_t *value, uint32_t *len)
{
    static const char name[16] = "tls";

    if (value == NULL)
        return EINVAL;
    if (!s->ulp) {
        *len = 0;
        return 0;
    }
    if (*len > sizeof name)
        *len = sizeof name;
    memcpy(value, name, *len);
    return 0;
}

int sim_linux_getsockopt(struct sim_linux_socket *s, int level, int name, void *value,
                         uint32_t *len)
{
    struct sim_fault fault = linux_enter(s, SIM_LINUX_GETSOCKOPT);
    int error = ENOPROTOOPT;

    if (fault.kind == SIM_FAULT_ERRNO)
        return linux_error(s, fault.error);
    if (level == LINUX_SOL_SOCKET && name == LINUX_SO_ERROR)
        error = get_number((uint32_t)linux_take_error(s), 4, false, value, len);
    else if (s->tcp && level == LINUX_SOL_TCP && name == LINUX_TCP_ULP)
        error = get_ulp(s, value, len);
    else if (s->tcp && level == LINUX_SOL_TLS)
        error = get_tls(s, name, value, len);
    return error == 0 ? 0 : linux_error(s, error);
}
