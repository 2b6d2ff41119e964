// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

namespace vireo::boot {

// What ACPI's tables begin with (ACPI 6.4, 5.2.6).
struct AcpiTableHeader {
    char signature[4];
    Le<u32> bytes;
    u8 revision;
    u8 checksum;
    char oem[6];
    char oem_table[8];
    Le<u32> oem_revision;
    char creator[4];
    Le<u32> creator_revision;
};
static_assert(sizeof(AcpiTableHeader) == 36);

// The root pointer (5.2.5.3); what follows `rsdt` is there from revision 2 on.
struct AcpiRootPointer {
    char signature[8];
    u8 checksum; // of the first 20 bytes
    char oem[6];
    u8 revision;
    Le<u32> rsdt;
    Le<u32> bytes;
    Le<u64> xsdt;
    u8 whole_checksum;
    u8 reserved[3];
};
static_assert(sizeof(AcpiRootPointer) == 36);
inline constexpr std::string_view acpi_root_signature = "RSD PTR ";
inline constexpr usize acpi_first_root_bytes = 20; // of the first revision

} // namespace vireo::boot
