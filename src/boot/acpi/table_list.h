// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "system/machine.h"

namespace vireo::boot {

struct AcpiTable {
    std::string_view signature; // the name that a user knows it by: "RSDP", "FACP"
    u64 address = 0;
    Bytes bytes; // all of it, in place
    // They begin with an AcpiTableHeader, as all do but the root pointer and FACS.
    bool has_header = false;
    bool is_whole = true; // its checksum is right, or it has none
};

struct AcpiTables {
    FixedVector<AcpiTable, 32> tables;
    u32 left_out = 0; // that do not lie in RAM, have no sensible length, or are too many
};

// The tables that are found from the root pointer at `root` on, in the order in which they are named, all
// checked to lie in RAM. What names them is trusted no more than a disk. Corrupt: there is no root pointer.
Result<> list_tables(system::Machine& machine, const system::MemoryMap& map, u64 root, AcpiTables& into);

} // namespace vireo::boot
