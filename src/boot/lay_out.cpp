// SPDX-License-Identifier: Apache-2.0
#include "boot/lay_out.h"

namespace vireo::boot {

namespace {

// Each segment to its place, zeroes behind what the file has of it.
void scatter(system::Machine& machine, const Plan& plan) {
    u64 file = plan.kernel.now.base;
    if (plan.staging) {
        std::memmove(machine.memory(*plan.staging), machine.memory(file),
                     static_cast<usize>(plan.kernel.now.bytes));
        file = *plan.staging;
    }
    for (const Segment& segment : plan.segments) {
        std::byte* place = machine.memory(segment.address);
        auto bytes = static_cast<usize>(segment.file_bytes);
        if (bytes != 0)
            std::memmove(place, machine.memory(file + segment.offset), bytes);
        std::memset(place + bytes, 0, static_cast<usize>(segment.memory_bytes) - bytes);
    }
}

} // namespace

void lay_out(system::Machine& machine, const Placed& part) {
    if (part.moves())
        std::memmove(machine.memory(part.place.base), machine.memory(part.now.base),
                     static_cast<usize>(part.now.bytes));
}

void lay_out_kernel(system::Machine& machine, const Plan& plan) {
    if (plan.segments.is_empty())
        lay_out(machine, plan.kernel);
    else
        scatter(machine, plan);
}

} // namespace vireo::boot
