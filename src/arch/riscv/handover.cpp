// SPDX-License-Identifier: Apache-2.0
#include "arch/riscv/handover.h"

#include "arch/common/handover.h"
#include "arch/riscv/registers.h"

extern "C" {
#pragma GCC visibility push(hidden)
[[noreturn]] void vireo_enter(vireo::uptr entry, vireo::uptr device_tree, vireo::uptr hart);
[[noreturn]] void vireo_enter_below(vireo::uptr entry, vireo::uptr device_tree, vireo::uptr sbi);
#pragma GCC visibility pop
}

namespace vireo::arch {

namespace {
constinit riscv::Handover how;
}

namespace riscv {

void set_handover(const Handover& handover) { how = handover; }

bool has_supervisor_mode() {
    constexpr uptr supervisor_in_misa = 1 << 18;
    return is_supervisor() || (VIREO_READ_CSR(misa) & supervisor_in_misa) != 0;
}

} // namespace riscv

// The data cache is coherent here.
void enter_operating_system(uptr entry, uptr device_tree, std::span<const Range>) {
    VIREO_WRITE_MODE_CSR(ie, 0);
    if (riscv::is_supervisor())
        vireo_enter(entry, device_tree, how.hart);
    vireo_enter_below(entry, device_tree, how.sbi);
}

} // namespace vireo::arch
