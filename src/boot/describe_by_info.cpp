// SPDX-License-Identifier: Apache-2.0
#include "boot/describe_by_info.h"

#include "boot/acpi/table_header.h"
#include "boot/describe_x86.h"

namespace vireo::boot {

namespace {

// The machine has made it: it is whole.
Bytes root_bytes(const Services& services, u64 root) {
    if (root == 0)
        return {};
    Bytes whole(services.machine.memory(root), sizeof(AcpiRootPointer));
    return read_struct<AcpiRootPointer>(whole)->revision == 0 ? whole.first(acpi_first_root_bytes) : whole;
}

} // namespace

std::expected<u64, Failure> most_info_bytes(const Services& services) {
    if (auto tables = services.machine.firmware_tables(); !tables)
        return cannot_tell(tables.error());
    return BootFacts::most_bytes + X86Facts::most_line_bytes;
}

std::expected<OwnedArray<u64>, Failure> make_info(const Services& services, Plan& plan, WriteInfo& write) {
    auto facts = X86Facts::gather(services, plan, plan.kind == ImageKind::Pvh);
    if (!facts)
        return std::unexpected(facts.error());
    std::string_view line = facts->command_line();
    if (line.contains('\0'))
        return cannot_tell(error(ErrorCode::InvalidArgument, "the command line has a 0 in it"));
    auto room = OwnedArray<u64>::create((BootFacts::most_bytes + X86Facts::most_line_bytes) / sizeof(u64));
    if (!room)
        return cannot_tell(room.error(), Failure::Kind::Memory);
    auto bytes = std::as_writable_bytes(std::span(room->data(), room->size()));
    auto used = write({.kernel = plan.kernel.place.base,
                       .initrd = plan.initrd ? std::optional(plan.initrd->place) : std::nullopt,
                       .command_line = line,
                       .address_map = facts->address_map(),
                       .acpi_root = facts->acpi_root,
                       .root_bytes = root_bytes(services, facts->acpi_root)},
                      plan.description.base, bytes);
    if (!used)
        return cannot_tell(used.error());
    plan.description.bytes = *used;
    // What the machine added is not in what the caller gave, and must outlive this function.
    usize given = plan.command_line.value_or("").size();
    std::string_view text = as_text(bytes.first(*used));
    plan.command_line = text.substr(text.find(line), line.size());
    plan.added_words = plan.command_line->substr(given);
    return std::move(*room);
}

} // namespace vireo::boot
