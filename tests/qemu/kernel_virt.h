// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the kernels of test_handover.py know of QEMU's Arm machine `virt`.
#define UART 0x09000000
#define GICD 0x08000000
#define GICC 0x08010000
#define GICR_SGI 0x080b0000 /* of the first processor */
#define MOST_PROCESSORS 8
// All RAM of a machine that is told nothing: what `f` fills.
#define RAM 0x40000000
#define RAM_END 0x48000000
