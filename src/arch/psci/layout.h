/* SPDX-License-Identifier: Apache-2.0 */
/* Where the resident PSCI lies. Plain macros: assembly and a linker script read them too. */
#pragma once

/* At the start of the secure RAM of QEMU's virt machine, which the non-secure world cannot reach. Processors that
   wait since reset (entry.S of arm, arm64) go there when they are woken. */
#define VIREO_PSCI_BLOCK 0x0e000000
#define VIREO_PSCI_BLOCK_BYTES 0xa0000
/* From there: the program, what it writes (psci::Description first), a stack for each processor. */
#define VIREO_PSCI_DATA 0x4000
#define VIREO_PSCI_STACKS 0x10000
#define VIREO_PSCI_STACK_BYTES 0x400
#define VIREO_PSCI_MOST_PROCESSORS 512

/* The software interrupt that wakes a processor: one of the eight that Arm leaves to the secure world. */
#define VIREO_PSCI_WAKE_INTERRUPT 15

/* Of psci::Description, for the entry code. */
#define VIREO_PSCI_AFFINITIES_OFFSET 8
