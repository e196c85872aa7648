/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine of engine.h in software. There is one, as there would be on the chip, so it is the one
 * thing here that is global. Its AES-GCM is weir's own; it keeps the text of a message, of which an
 * engine in silicon keeps a sum.
 */
#include "engine.h"

#include <string.h>
#include <weir/keys.h>
#include <weir/portable.h>

struct slot {
    union {
        uint64_t align;
        uint8_t bytes[1024];
    } ctx;
    bool loaded;
};

static struct {
    uintptr_t reg[ENGINE_REGISTERS];
    struct slot slot[ENGINE_SLOTS];
    struct engine_manner manner;
    uint32_t commands, transfers, polls_left;
    uint32_t running; /* the command to be done when polls_left is 0 */
    enum engine_fault fault;
    bool error, begun, opening, whole;
    uint8_t key[WEIR_MAX_KEY], nonce[16], aad[ENGINE_MAX_AAD], text[ENGINE_MAX_TEXT];
    size_t aad_len, text_len;
    unsigned with; /* the slot of this message */
} engine;

static void put_bytes(uint8_t *to, unsigned first, unsigned words)
{
    for (unsigned i = 0; i < 4 * words; i++)
        to[i] = (uint8_t)(engine.reg[first + i / 4] >> (24 - 8 * (i % 4)));
}

static bool load(struct slot *slot)
{
    size_t len = engine.reg[ENGINE_LEN];
    bool good = len == 16 || len == 32;

    put_bytes(engine.key, ENGINE_KEY, 8);
    for (unsigned i = 0; i < 8; i++)
        engine.reg[ENGINE_KEY + i] = 0;
    if (good && weir_aead_portable.ctx_size <= sizeof slot->ctx)
        slot->loaded =
            weir_aead_portable.init(&slot->ctx, len == 16 ? WEIR_AES_128_GCM : WEIR_AES_256_GCM,
                                    engine.key) == WEIR_OK;
    weir_wipe(engine.key, sizeof engine.key);
    return good && slot->loaded;
}

static void forget_message(void)
{
    weir_wipe(engine.text, engine.text_len);
    engine.text_len = engine.aad_len = 0;
    engine.begun = engine.whole = false;
}

static bool begin(bool opening)
{
    forget_message();
    if (engine.reg[ENGINE_SLOT] >= ENGINE_SLOTS || !engine.slot[engine.reg[ENGINE_SLOT]].loaded)
        return false;
    engine.with = (unsigned)engine.reg[ENGINE_SLOT];
    put_bytes(engine.nonce, ENGINE_IV, 3);
    engine.opening = opening;
    engine.begun = true;
    return true;
}

/* Whether a transfer keeps to the limits of the engine. */
static bool transfer_good(size_t held, size_t room, bool writes)
{
    size_t len = engine.reg[ENGINE_LEN];

    return engine.begun && !engine.whole && len > 0 && len <= ENGINE_MAX_LEN &&
           len <= room - held && engine.reg[ENGINE_SRC] % ENGINE_ALIGN == 0 &&
           (!writes || engine.reg[ENGINE_DST] % ENGINE_ALIGN == 0);
}

static bool take_aad(void)
{
    if (!transfer_good(engine.aad_len, ENGINE_MAX_AAD, false) || engine.text_len > 0)
        return false;
    memcpy(engine.aad + engine.aad_len, (const void *)engine.reg[ENGINE_SRC],
           engine.reg[ENGINE_LEN]);
    engine.aad_len += engine.reg[ENGINE_LEN];
    return true;
}

/* `part`: how much of it is still written when the engine fails. */
static bool take_data(size_t part)
{
    size_t len = engine.reg[ENGINE_LEN];
    uint8_t *text = engine.text + engine.text_len;
    uint8_t made[ENGINE_MAX_LEN];

    if (!transfer_good(engine.text_len, ENGINE_MAX_TEXT, true))
        return false;
    memcpy(text, (const void *)engine.reg[ENGINE_SRC], len);
    if (weir_aead_portable.keystream(&engine.slot[engine.with].ctx, engine.nonce, engine.text_len,
                                     text, made, len) != WEIR_OK)
        return false;
    memcpy((void *)engine.reg[ENGINE_DST], made, len / part);
    if (engine.opening) /* what is kept is what the tag can be made of */
        memcpy(text, made, len);
    weir_wipe(made, sizeof made);
    engine.text_len += len;
    engine.whole = len % 16 != 0;
    engine.transfers++;
    return true;
}

static bool finish(void)
{
    const struct weir_iov in = {engine.text, engine.text_len};
    uint8_t tag[WEIR_TAG_LEN];
    struct weir_aead_op op = {.aad = {engine.aad, engine.aad_len},
                              .in = &in,
                              .in_count = 1,
                              .in_len = engine.text_len,
                              .out = engine.text,
                              .tag = tag};

    if (!engine.begun)
        return false;
    memcpy(op.nonce, engine.nonce, WEIR_IV_LEN);
    bool good = weir_aead_portable.seal(&engine.slot[engine.with].ctx, &op) == WEIR_OK;
    for (size_t i = 0; i < 4; i++)
        engine.reg[ENGINE_TAG + i] = (uintptr_t)tag[4 * i] << 24 | (uintptr_t)tag[4 * i + 1] << 16 |
                                     (uintptr_t)tag[4 * i + 2] << 8 | tag[4 * i + 3];
    forget_message();
    return good;
}

static bool carry_out(uint32_t command)
{
    switch (command) {
    case ENGINE_LOAD:
        return engine.reg[ENGINE_SLOT] < ENGINE_SLOTS &&
               load(&engine.slot[engine.reg[ENGINE_SLOT]]);
    case ENGINE_ERASE:
        if (engine.reg[ENGINE_SLOT] < ENGINE_SLOTS)
            weir_wipe(&engine.slot[engine.reg[ENGINE_SLOT]], sizeof *engine.slot);
        return engine.reg[ENGINE_SLOT] < ENGINE_SLOTS;
    case ENGINE_BEGIN:
        return begin(false);
    case ENGINE_BEGIN_OPEN:
        return begin(true);
    case ENGINE_AAD:
        return take_aad();
    case ENGINE_DATA:
        return take_data(1);
    case ENGINE_FINISH:
        return finish();
    default:
        return false;
    }
}

static void reset(void)
{
    if (engine.running != 0 && engine.fault == ENGINE_DIES)
        return;
    engine.running = 0;
    engine.error = false;
    forget_message();
}

static void start(uint32_t command)
{
    if (command == ENGINE_RESET) {
        reset();
        return;
    }
    if (engine.running != 0) {
        engine.error = true; /* and what runs goes on */
        return;
    }
    if (command != ENGINE_ERASE)
        engine.commands++;
    engine.fault = ENGINE_NO_FAULT;
    if (engine.manner.at != 0 && engine.commands == engine.manner.at) {
        engine.fault = engine.manner.fault;
        engine.manner.at = 0;
    }
    engine.error = false;
    engine.running = command;
    engine.polls_left = engine.manner.polls;
}

static uintptr_t status(void)
{
    bool stuck = engine.fault == ENGINE_HANGS || engine.fault == ENGINE_DIES;

    if (engine.running != 0) {
        if (stuck || engine.polls_left > 0) {
            engine.polls_left -= !stuck;
            return ENGINE_BUSY;
        }
        uint32_t command = engine.running;
        engine.running = 0;
        if (engine.fault != ENGINE_FAILS) {
            engine.error = !carry_out(command);
        } else {
            if (command == ENGINE_DATA)
                (void)take_data(2);
            else if (command == ENGINE_LOAD)
                (void)carry_out(command);
            engine.error = true;
        }
        engine.fault = ENGINE_NO_FAULT;
    }
    return engine.error ? ENGINE_ERROR : 0;
}

uintptr_t engine_read(unsigned reg)
{
    uintptr_t loaded = 0;

    if (reg == ENGINE_STATUS)
        return status();
    if (reg == ENGINE_LOADED) {
        for (unsigned i = 0; i < ENGINE_SLOTS; i++)
            loaded |= (uintptr_t)engine.slot[i].loaded << i;
        return loaded;
    }
    if (reg >= ENGINE_REGISTERS || (reg >= ENGINE_KEY && reg < ENGINE_KEY + 8))
        return 0;
    return engine.reg[reg];
}

void engine_write(unsigned reg, uintptr_t value)
{
    if (reg == ENGINE_CTRL)
        start((uint32_t)value);
    else if (reg < ENGINE_REGISTERS)
        engine.reg[reg] = value;
}

void engine_behave(struct engine_manner manner)
{
    engine.manner = manner;
    engine.commands = engine.transfers = 0;
}

void engine_power_up(struct engine_manner manner)
{
    weir_wipe(&engine, sizeof engine);
    engine_behave(manner);
}

uint32_t engine_commands(void)
{
    return engine.commands;
}

uint32_t engine_transfers(void)
{
    return engine.transfers;
}
