// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/acpi/table_host.h"

namespace vireo::boot {

// Puts the host's SMBIOS structures and their entry point into memory, below 1 MiB as far as there is room
// (SMBIOS 3.6, 5.2): the entry point is told where they are, and who the firmware is stands before them if
// the host did not say it (7.1). `version` is this firmware's. Returns where the entry point lies.
//
// NotFound: the host has none. Corrupt: its entry point makes no sense, or contradicts its structures.
Result<u64> load_smbios(TableHost& host, std::string_view version);

} // namespace vireo::boot
