/* SPDX-License-Identifier: Apache-2.0 */
/* Bits of vireo_start_mode, in which entry.S leaves how the image was started. Plain macros: assembly reads
   them too. */
#pragma once

/* Supervisor mode, under an SBI implementation. */
#define START_SUPERVISOR 1
/* The `time` register can be read. */
#define START_HAS_TIME 2
/* From flash: the other harts sleep there, and not in RAM. */
#define START_FROM_FLASH 4
