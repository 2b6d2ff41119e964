// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::arch::riscv {

// From where the image was loaded, this much stays in use: harts that lost the race for the machine sleep there.
constexpr usize parking_bytes = 4096;

// The machine timer of this hart: where its counter and its compare register lie, and its rate. Until it is set, the
// addresses and the rate are those of QEMU's virt machine and its first hart.
struct Timer {
    uptr counter = 0x200bff8;
    uptr compare = 0x2004000;
    u64 ticks_per_second = 10'000'000;
};
void set_timer(const Timer& timer);

} // namespace vireo::arch::riscv
