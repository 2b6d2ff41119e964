// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/report.h"
#include "system/memory_map.h"

#include <sys/mman.h>

namespace vireo::fake {

// RAM for what the firmware finds by physical addresses below 4 GiB: it lies there in this process, too. An
// access behind its end crashes.
class LowRam {
  public:
    static constexpr u64 base = 0x2000'0000;
    static constexpr usize bytes = usize{4} << 20;

    LowRam() {
        void* wanted = reinterpret_cast<void*>(uptr{base});
        if (mmap(wanted, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
                 0) != wanted)
            hosted::report("fake.low_ram", "this process has no room for it");
        VIREO_MUST(map.add_ram(base, bytes));
    }
    LowRam(const LowRam&) = delete;
    LowRam& operator=(const LowRam&) = delete;
    ~LowRam() { munmap(reinterpret_cast<void*>(uptr{base}), bytes); }

    system::MemoryMap map;
};

} // namespace vireo::fake
