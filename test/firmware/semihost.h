/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * How an image under QEMU runs and says what it has to say: by semihosting ("Semihosting for
 * AArch32 and AArch64", Arm; "RISC-V Semihosting"), which is one instruction of the core and the
 * same operations everywhere.
 */
#ifndef WEIR_TEST_SEMIHOST_H
#define WEIR_TEST_SEMIHOST_H

#include <stdint.h>

/** Supplied by the core: one operation with its argument. */
uint32_t semihost(uint32_t operation, uint32_t argument);

/** Runs main and ends the image with its status; where the core's start goes. */
_Noreturn void image_run(void);

/** Ends the image with an error; where the core's exceptions go. */
_Noreturn void image_fault(void);

#endif
