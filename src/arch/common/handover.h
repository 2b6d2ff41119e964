// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/range.h"

namespace vireo::arch {

// Leaves Vireo for an operating system's first instruction, by the boot protocol of the instruction set: its
// interrupts and timers off, no translation, data not cached. `read_uncached`: what it reads like that, so
// that memory must have what the caches have. `description`: where the device tree lies. Only arm and arm64
// have it so far.
[[noreturn]] void enter_operating_system(uptr entry, uptr description, std::span<const Range> read_uncached);

} // namespace vireo::arch
