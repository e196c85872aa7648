/* SPDX-License-Identifier: BSD-2-Clause */
#include "stack.h"

#include <lwip/init.h>
#include <lwip/ip4.h>
#include <lwip/netif.h>
#include <lwip/timeouts.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base.h"

static struct {
    struct netif netif;
    struct stack_below *below;
    uint64_t now;
    uint64_t seed;
    bool started;
} stack;

/* A frame that came, as lwIP sees it: the pbuf must be first. */
struct arrived {
    struct pbuf_custom pbuf;
    uint8_t mark;
    uint8_t bytes[];
};

/*
 * Two functions of lwIP that ours take the place of, also when it is a shared library: its clock in
 * milliseconds, and the sequence number that a connection begins with. (lwIP's own is the same in
 * every process, so a trace would never see one wrap.)
 */
u32_t sys_now(void);
u32_t tcp_next_iss(struct tcp_pcb *pcb);

u32_t sys_now(void)
{
    return (u32_t)(stack.now / 1000);
}

u32_t tcp_next_iss(struct tcp_pcb *pcb)
{
    uint32_t iss = (uint32_t)sim_random(&stack.seed);

    (void)pcb;
    /* Every other connection comes near the end of the numbers. */
    return (iss & 1) != 0 ? iss : 0xffff0000u + iss % 0xffff;
}

static err_t out(struct netif *netif, struct pbuf *p, const ip4_addr_t *to)
{
    (void)netif;
    (void)to; /* there is one link, and one host at its other end */
    if (p->next != NULL)
        return ERR_BUF; /* Debian's lwIP is built with LWIP_NETIF_TX_SINGLE_PBUF */
    stack.below->out(stack.below, p->payload, p->len);
    return ERR_OK;
}

static err_t interface(struct netif *netif)
{
    netif->name[0] = 'n';
    netif->name[1] = 'i';
    netif->output = out;
    return ERR_OK;
}

void stack_start(struct stack_below *below, uint32_t ip, uint16_t mtu, uint64_t seed)
{
    ip4_addr_t address = {.addr = lwip_htonl(ip)};
    ip4_addr_t mask = {.addr = lwip_htonl(0xffffff00u)};
    ip4_addr_t gateway = {.addr = 0};

    if (stack.started)
        abort();
    stack.started = true;
    stack.below = below;
    stack.seed = seed;
    srand((unsigned)sim_random(&stack.seed)); /* LWIP_RAND: where port numbers begin */
    lwip_init();
    netif_add(&stack.netif, &address, &mask, &gateway, NULL, interface, ip_input);
    stack.netif.mtu = mtu;
    netif_set_default(&stack.netif);
    netif_set_link_up(&stack.netif);
    netif_set_up(&stack.netif);
}

void stack_run(uint64_t now)
{
    stack.now = now;
    sys_check_timeouts();
}

uint64_t stack_due(void)
{
    u32_t sleep = sys_timeouts_sleeptime();

    return sleep == SYS_TIMEOUTS_SLEEPTIME_INFINITE ? UINT64_MAX
                                                    : (stack.now / 1000 + sleep) * 1000;
}

static void done(struct pbuf *p)
{
    /* The pbuf is the first thing in what was allocated. */
    void *arrived = p;

    free(arrived);
}

void stack_in(const uint8_t *packet, size_t len, uint8_t mark)
{
    struct arrived *a = sim_alloc(sizeof *a + len);

    a->mark = mark;
    a->pbuf.custom_free_function = done;
    memcpy(a->bytes, packet, len);
    struct pbuf *p =
        pbuf_alloced_custom(PBUF_RAW, (u16_t)len, PBUF_REF, &a->pbuf, a->bytes, (u16_t)len);
    if (stack.netif.input(p, &stack.netif) != ERR_OK)
        pbuf_free(p);
}

uint8_t stack_mark(const struct pbuf *p)
{
    const void *arrived = p;

    return ((const struct arrived *)arrived)->mark;
}
