// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/acpi/address_map.h"
#include "boot/image/linux_x86.h"

namespace vireo::boot {

// What an x86 kernel is told about the machine and itself: boot_params, the "zero page" (Linux,
// Documentation/arch/x86/zero-page.rst), then the command line and the list that setup_data begins. What is
// not here is 0 there: no screen, no disk geometry, no EFI.
struct BootParams {
    Bytes file;     // the kernel's first bytes, as LinuxX86Header::read() takes them
    u64 kernel = 0; // where its protected-mode code will lie
    std::optional<Range> initrd{};
    std::string_view command_line{};
    std::span<const AddressRange> address_map{};
    u64 acpi_root = 0; // 0: there is none
    Bytes seed{};      // random bytes; none: the kernel gets none from here

    // How many bytes write() takes.
    usize bytes() const;
    // Writes it all for a place at `address`, a multiple of 8. TooLarge: the command line is longer than the
    // kernel takes. InvalidArgument: it has a 0 in it. `into` has bytes().
    Result<> write(u64 address, MutableBytes into) const;
};

// boot_params as it lies in memory. Only what Vireo sets has a name.
struct BootParamsPage {
    u8 screen[0x70];
    Le<u64> acpi_root;
    u8 unused1[0xc0 - 0x78];
    Le<u32> ramdisk_address_high;
    Le<u32> ramdisk_bytes_high;
    Le<u32> command_line_address_high;
    u8 unused2[0x1e8 - 0xcc];
    u8 address_ranges;         // of address_map
    u8 unused3[0x1f1 - 0x1e9]; // at 0x1ef must be a 0: the page was cleared
    LinuxX86Header header;
    u8 more_header[0x290 - 0x26c]; // of later protocols
    u8 unused4[0x2d0 - 0x290];
    AddressRange address_map[128];
    u8 unused5[0x1000 - 0xcd0];
};
static_assert(sizeof(BootParamsPage) == 0x1000);
static_assert(offsetof(BootParamsPage, header) == LinuxX86Header::offset);
static_assert(offsetof(BootParamsPage, address_map) == 0x2d0);

} // namespace vireo::boot
