// SPDX-License-Identifier: Apache-2.0
#include "arch/psci/install.h"

extern "C" {
#pragma GCC visibility push(hidden)
extern const vireo::u64 vireo_psci_image[];
extern const vireo::u64 vireo_psci_image_end[];
#pragma GCC visibility pop
}

namespace vireo::arch::psci {

namespace {

// Its first instruction is for the processors that wait, its second for us.
constexpr uptr first_processor = 4;

// The block is mapped as a device's registers: whole words, which no cache keeps.
using Word = uptr;

void fill(uptr offset, uptr end) {
    for (; offset < end; offset += sizeof(Word))
        *reinterpret_cast<volatile Word*>(VIREO_PSCI_BLOCK + offset) = 0;
}

void copy(uptr offset, const void* from, usize bytes) {
    auto words = static_cast<const Word*>(from);
    for (usize i = 0; i < bytes / sizeof(Word); ++i)
        reinterpret_cast<volatile Word*>(VIREO_PSCI_BLOCK + offset)[i] = words[i];
}

} // namespace

uptr install(const Description& machine) {
    static_assert(sizeof(machine) % sizeof(Word) == 0);
    auto bytes = static_cast<usize>(reinterpret_cast<uptr>(vireo_psci_image_end) -
                                    reinterpret_cast<uptr>(vireo_psci_image));
    copy(0, vireo_psci_image, bytes);
    fill(VIREO_PSCI_DATA, VIREO_PSCI_STACKS);
    copy(VIREO_PSCI_DATA, &machine, sizeof(machine));
    return VIREO_PSCI_BLOCK + first_processor;
}

} // namespace vireo::arch::psci
