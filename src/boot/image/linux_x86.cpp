// SPDX-License-Identifier: Apache-2.0
#include "boot/image/linux_x86.h"

#include "boot/image/x86_entry.h"

namespace vireo::boot {

namespace {

constexpr u64 page = 4096;
constexpr u64 paragraph = 16;
constexpr u64 four_gib = u64{1} << 32;

// Boot parameters, command line and what is listed behind them lie in one such block.
constexpr u64 description_block = 64 << 10;

// Since protocol 2.10 (Linux 2.6.31) a kernel says how much memory it takes; since 2.12 how it can be entered
// and what it reaches. A header may end before, as iPXE's does, whose code begins there.
constexpr u16 says_its_memory = 0x20a;
constexpr u16 says_its_entries = 0x20c;
constexpr usize end_of_memory_bytes = 0x264;

Result<Needs> needs_of(const LinuxX86Header& header, bool is_board_64_bit) {
    bool enters_64_bit = is_board_64_bit && (header.more_load_flags & LinuxX86Header::has_64_bit_entry) != 0;
    bool reaches_all = enters_64_bit && (header.more_load_flags & LinuxX86Header::reaches_above_4_gib) != 0;
    bool is_kernel_64_bit = (header.more_load_flags & LinuxX86Header::has_64_bit_entry) != 0;

    Needs needs{.kind = ImageKind::LinuxX86,
                .skipped_bytes = header.setup_bytes(),
                .file_bytes = header.setup_bytes() + u64{header.system_paragraphs} * paragraph,
                .rounded_by = paragraph - 1,
                .image_bytes = header.memory_bytes,
                .entry_offset = enters_64_bit ? 0x200u : 0u,
                .in_32_bit_mode = is_board_64_bit && !enters_64_bit,
                .kernel = {.end = four_gib},
                .initrd = {.alignment = page, .end = u64{header.initrd_most} + 1},
                .description = {.alignment = description_block, .end = four_gib}};
    if (header.is_relocatable != 0) {
        // One that is loaded off its alignment runs from the next multiple of it on, to where it copies
        // itself anyway. One that is loaded lower than it prefers would go to where it prefers to be.
        needs.kernel.alignment = std::min<u64>(page, header.alignment);
        needs.kernel.lowest = header.preferred_address;
        needs.image_bytes += header.alignment - needs.kernel.alignment;
    } else {
        // One address, and no other.
        needs.kernel.alignment = u64{1} << 63;
        needs.kernel.skew = header.preferred_address;
    }
    if (reaches_all)
        needs.initrd.end = ~u64{0};
    else if (!is_kernel_64_bit)
        needs.initrd.end = std::min(needs.initrd.end, low_memory_of_32_bits); // the header says more
    return needs;
}

} // namespace

Result<LinuxX86Header> LinuxX86Header::read(Bytes file) {
    auto header = read_struct<LinuxX86Header>(file, offset);
    if (!header)
        return error(ErrorCode::Corrupt, "the header is cut off");
    if (header->protocol < says_its_memory || header->end() < end_of_memory_bytes)
        return error(ErrorCode::NotSupported, "it is of boot protocol {:x}, which takes a PC's BIOS",
                     header->protocol);
    if ((header->load_flags & loaded_high) == 0)
        return error(ErrorCode::NotSupported, "it is a zImage, which lies where a PC's BIOS is");
    // It says so, where whatever placement makes of it, too, is more than any RAM.
    if (header->memory_bytes == 0 || header->preferred_address >= four_gib)
        return error(ErrorCode::Corrupt, "the header says that it takes no memory, or lies above 4 GiB");
    if (header->is_relocatable != 0 && !std::has_single_bit(u32{header->alignment}))
        return error(ErrorCode::Corrupt, "the header says an alignment that is no power of two");
    if (header->protocol < says_its_entries)
        header->more_load_flags = 0;
    return *header;
}

Result<Needs> read_linux_x86(Bytes file, u64) {
    return needs_of(VIREO_TRY(LinuxX86Header::read(file)), false);
}
Result<Needs> read_linux_x86_64(Bytes file, u64) {
    return needs_of(VIREO_TRY(LinuxX86Header::read(file)), true);
}

} // namespace vireo::boot
