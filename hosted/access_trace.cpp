// SPDX-License-Identifier: Apache-2.0
#include "hosted/access_trace.h"

namespace vireo::hosted {
namespace {

constexpr usize most_accesses = 1'000'000;
bool recording = false;

std::vector<Access>& accesses() {
    static std::vector<Access> list;
    return list;
}

void record(const Access& access) {
    if (recording && accesses().size() < most_accesses)
        accesses().push_back(access);
}

} // namespace

void start_trace() {
    accesses().clear();
    recording = true;
}

std::vector<Access> stop_trace() {
    recording = false;
    return std::move(accesses());
}

void trace_register(Access::Kind kind, io::Space space, u8 width, u64 address, u32 value) {
    record({kind, space, width, address, value, Barrier::Full, clock_now()});
}

void trace_barrier(Barrier kind) {
    record({Access::Kind::Barrier, io::Space::Memory, 0, 0, 0, kind, clock_now()});
}

} // namespace vireo::hosted
