// SPDX-License-Identifier: Apache-2.0
#include "arch/common/arm_processor.h"
#include "arch/common/handover.h"

extern "C" {
#pragma GCC visibility push(hidden)
void vireo_clean_lines(vireo::uptr address, vireo::uptr count, vireo::uptr line);
[[noreturn]] void vireo_enter(vireo::uptr entry, vireo::uptr device_tree);
extern const char vireo_enter_end[];
#pragma GCC visibility pop
}

namespace vireo::arch {

namespace {

// By address and to the point of coherency, as the protocol wants it: what works on sets and ways passes by
// caches that the system has besides the processor's.
void clean(const Range& range) {
    uptr line = data_line_bytes();
    uptr first = align_down(static_cast<uptr>(range.base), line);
    vireo_clean_lines(first, static_cast<uptr>((range.end() - first + line - 1) / line), line);
}

} // namespace

void enter_operating_system(uptr entry, uptr description, std::span<const Range> read_uncached) {
    stop_interrupts();
    for (const Range& range : read_uncached)
        clean(range);
    uptr own = reinterpret_cast<uptr>(&vireo_enter);
    clean({own, reinterpret_cast<uptr>(vireo_enter_end) - own});
    vireo_enter(entry, description);
}

} // namespace vireo::arch
