// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "base/parse.h"
#include "boot/acpi/address_map.h"
#include "boot/description.h"

namespace vireo::boot {

// What every x86 kernel is told, by whatever protocol.
struct X86Facts {
    // Of a command line, with what the machine adds. No kernel takes so much.
    static constexpr usize most_line_bytes = 4096;
    using Line = StringBuffer<most_line_bytes>;

    std::unique_ptr<Line> line;
    std::unique_ptr<AddressMap> map;
    u64 acpi_root = 0; // 0: there is none

    std::string_view command_line() const { return line->view(); }
    std::span<const AddressRange> address_map() const { return {map->data(), map->size()}; }

    // `is_linux`: the command line gets the words that Linux must have on this machine, which the plan shows.
    static std::expected<X86Facts, Failure> gather(const Services& services, const Plan& plan, bool is_linux);
};

std::unexpected<Failure> cannot_tell(Error why, Failure::Kind kind = Failure::Kind::Params);

} // namespace vireo::boot
