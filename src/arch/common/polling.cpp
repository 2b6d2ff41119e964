// SPDX-License-Identifier: Apache-2.0
#include "arch/arch.h"

namespace vireo::arch {

// Neither `yield` nor `pause`: under emulation they leave the processor's loop for QEMU's, which takes the
// lock that the device needs to finish what is being waited for; under virtualisation there is no other
// thread that would gain.
void relax() { asm volatile("" : : : "memory"); }

// Less than a millisecond, under emulation as well.
unsigned looks_per_turn() { return 4096; }

} // namespace vireo::arch
