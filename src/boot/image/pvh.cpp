// SPDX-License-Identifier: Apache-2.0
#include "boot/image/pvh.h"

#include "boot/image/elf.h"
#include "boot/image/x86_entry.h"

namespace vireo::boot {

namespace {

constexpr u32 entry_note = 18; // XEN_ELFNOTE_PHYS32_ENTRY

Result<std::optional<u64>> entry_of(const Elf& elf) { return elf.note("Xen", entry_note); }

} // namespace

bool is_pvh(Bytes file) {
    if (recognise(file) != ImageKind::Elf)
        return false;
    auto elf = Elf::read(file);
    if (!elf || !elf->is_x86())
        return false;
    auto entry = entry_of(*elf);
    return !entry || *entry;
}

Result<Needs> read_pvh(Bytes file, u64) {
    Elf elf = VIREO_TRY(Elf::read(file));
    auto entry = VIREO_TRY(entry_of(elf));
    if (!entry)
        return error(ErrorCode::NotSupported, "it has no PVH entry");
    Needs needs = VIREO_TRY(Elf::needs_of(ImageKind::Pvh, VIREO_TRY(elf.segments()), *entry));
    enter_in_32_bit_mode(needs, elf.is_64_bit());
    return needs;
}

} // namespace vireo::boot
