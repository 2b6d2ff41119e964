// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/clock.h"
#include "io/window.h"

#include <vector>

// What the program did to registers and barriers, in order, for tests about order and width.
namespace vireo::hosted {

struct Access {
    enum class Kind : u8 { Read, Write, Barrier };
    Kind kind = Kind::Read;
    io::Space space = io::Space::Memory;
    u8 width = 0; // bytes
    u64 address = 0;
    u32 value = 0; // what was read or written
    Barrier barrier = Barrier::Full;
    u64 time = 0;
};

// Forgets what was traced and records from now on, up to a million accesses.
void start_trace();
// Stops recording and gives what was recorded.
std::vector<Access> stop_trace();

// Called by the back ends.
void trace_register(Access::Kind kind, io::Space space, u8 width, u64 address, u32 value);
void trace_barrier(Barrier kind);

} // namespace vireo::hosted
