// SPDX-License-Identifier: Apache-2.0
#include "arch/common/handover.h"
#include "arch/arm64/registers.h"

extern "C" {
#pragma GCC visibility push(hidden)
void vireo_clean_lines(vireo::u64 address, vireo::u64 count, vireo::u64 line);
[[noreturn]] void vireo_enter(vireo::u64 entry, vireo::u64 device_tree);
extern const char vireo_enter_end[];
#pragma GCC visibility pop
}

namespace vireo::arch {

namespace {

// By address and to the point of coherency, as the protocol wants it: what works on sets and ways passes by
// caches that the system has besides the processor's.
void clean(const Range& range) {
    u64 line = u64{4} << (VIREO_READ_REGISTER(ctr_el0) >> 16 & 0xf);
    u64 first = align_down(range.base, line);
    vireo_clean_lines(first, (range.end() - first + line - 1) / line, line);
}

} // namespace

void enter_operating_system(uptr entry, uptr description, std::span<const Range> read_uncached) {
    asm volatile("msr daifset, #15" : : : "memory");
    VIREO_WRITE_REGISTER(cntv_ctl_el0, 0);
    for (const Range& range : read_uncached)
        clean(range);
    uptr own = reinterpret_cast<uptr>(&vireo_enter);
    clean({own, reinterpret_cast<uptr>(vireo_enter_end) - own});
    vireo_enter(entry, description);
}

} // namespace vireo::arch
