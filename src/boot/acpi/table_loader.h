// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/acpi/table_host.h"

namespace vireo::boot {

// What the host's script for ACPI tables may ask for at most. QEMU's have up to 64 commands for 5 files.
inline constexpr usize most_table_commands = 1024;
inline constexpr usize most_table_files = 16;

// Puts the host's ACPI tables into memory, as its file "etc/table-loader" says: files are placed, pointers
// and checksums in them are made right, and addresses that the host asks for are given to it, last, when
// nothing else can fail. Returns where the root pointer lies (ACPI 6.4, 5.2.5.3).
//
// Commands of an unknown kind are left out, with one warning. NotFound: the host has no such file, so no
// ACPI. Corrupt: the entry that the error numbers, from 0 on, makes no sense; or no file is a root pointer.
Result<u64> load_tables(TableHost& host);

} // namespace vireo::boot
