/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The data sheet of a crypto engine that is not there: AES-GCM by DMA, as many microcontrollers
 * have it, and engine.c, which behaves as one. On hardware engine_read and engine_write are loads
 * and stores of volatile words at a fixed address, and the second half of this file is not needed.
 *
 * A message is one ENGINE_BEGIN, the additional data by ENGINE_AAD, the text by ENGINE_DATA, one
 * ENGINE_FINISH. A command is given when the engine is not busy, and done when it no longer is.
 */
#ifndef DMA_AEAD_ENGINE_H
#define DMA_AEAD_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENGINE_ALIGN    16u   /**< of ENGINE_SRC and ENGINE_DST */
#define ENGINE_MAX_LEN  4096u /**< bytes of one ENGINE_AAD or ENGINE_DATA */
#define ENGINE_MAX_AAD  256u  /**< bytes of a message's additional data */
#define ENGINE_MAX_TEXT 16640u
#define ENGINE_SLOTS    4u

/** Registers. Those of several words hold bytes in big-endian order. */
enum engine_register {
    ENGINE_CTRL,   /**< write: a command */
    ENGINE_STATUS, /**< read: ENGINE_BUSY, ENGINE_ERROR (of the last command) */
    ENGINE_SLOT,   /**< the key slot of the next ENGINE_LOAD, ENGINE_ERASE or ENGINE_BEGIN */
    ENGINE_LOADED, /**< read: a bit for every slot that holds a key */
    ENGINE_SRC,    /**< address to read from, of ENGINE_ALIGN */
    ENGINE_DST,    /**< address to write to, of ENGINE_ALIGN; may be ENGINE_SRC */
    ENGINE_LEN,    /**< bytes: of a key 16 or 32; of data a multiple of 16 in all but the last */
    ENGINE_KEY,    /**< eight words, write only; cleared by ENGINE_LOAD */
    ENGINE_IV = ENGINE_KEY + 8, /**< three words */
    ENGINE_TAG = ENGINE_IV + 3, /**< four words, read after ENGINE_FINISH */
    ENGINE_REGISTERS = ENGINE_TAG + 4,
};

enum { ENGINE_BUSY = 1, ENGINE_ERROR = 2 };

enum engine_command {
    ENGINE_LOAD = 1,   /**< ENGINE_KEY to the slot */
    ENGINE_ERASE,      /**< the slot forgets its key */
    ENGINE_BEGIN,      /**< of a message to encrypt */
    ENGINE_BEGIN_OPEN, /**< of a message to decrypt */
    ENGINE_AAD,
    ENGINE_DATA,   /**< the text goes out as it comes in: decrypted, before the tag is known */
    ENGINE_FINISH, /**< computes the tag; comparing it is left to the program */
    ENGINE_RESET,  /**< at any time: ends what runs, forgets the message, keeps the keys */
};

uintptr_t engine_read(unsigned reg);
void engine_write(unsigned reg, uintptr_t value);

/** What may go wrong. */
enum engine_fault {
    ENGINE_NO_FAULT,
    ENGINE_FAILS, /**< ENGINE_ERROR; half of the text is written, a key is loaded */
    ENGINE_HANGS, /**< busy until ENGINE_RESET */
    ENGINE_DIES,  /**< busy for ever */
};

/** How the engine is to behave. */
struct engine_manner {
    uint32_t polls; /**< reads of ENGINE_STATUS that a command takes */
    uint32_t at;    /**< the command that goes wrong, from 1 on; 0: none */
    enum engine_fault fault;
};

/** Takes the engine from the power and gives it back: no keys, no message, counts at 0. */
void engine_power_up(struct engine_manner manner);

/** As it goes on; counting begins anew. */
void engine_behave(struct engine_manner manner);

/** Commands since then (ENGINE_RESET and ENGINE_ERASE apart), and those that moved text. */
uint32_t engine_commands(void);
uint32_t engine_transfers(void);

#endif
