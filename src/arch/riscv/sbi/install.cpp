// SPDX-License-Identifier: Apache-2.0
#include "arch/riscv/sbi/install.h"

extern "C" {
#pragma GCC visibility push(hidden)
extern const char vireo_sbi_image[];
extern const char vireo_sbi_image_end[];
#pragma GCC visibility pop
}

namespace vireo::arch::riscv::sbi {

namespace {

// Its first instruction is for the harts that are parked, its second for us.
constexpr uptr first_hart = 4;

std::byte* in_block(uptr offset) { return reinterpret_cast<std::byte*>(uptr{VIREO_SBI_BLOCK} + offset); }

} // namespace

uptr install(const Description& machine) {
    std::memcpy(in_block(VIREO_SBI_IMAGE), vireo_sbi_image,
                static_cast<usize>(vireo_sbi_image_end - vireo_sbi_image));
    std::memset(in_block(VIREO_SBI_DATA), 0, VIREO_SBI_STACKS - VIREO_SBI_DATA);
    std::memcpy(in_block(VIREO_SBI_DATA), &machine, sizeof(machine));
    return uptr{VIREO_SBI_BLOCK} + VIREO_SBI_IMAGE + first_hart;
}

} // namespace vireo::arch::riscv::sbi
