// SPDX-License-Identifier: Apache-2.0
#include "boot/describe_x86.h"

namespace vireo::boot {

std::unexpected<Failure> cannot_tell(Error why, Failure::Kind kind) {
    return std::unexpected(Failure{.kind = kind, .why = why});
}

std::expected<X86Facts, Failure> X86Facts::gather(const Services& services, const Plan& plan, bool is_linux) {
    X86Facts facts;
    auto line = make_owned<Line>();
    auto map = make_owned<AddressMap>();
    if (!line || !map)
        return cannot_tell(error(ErrorCode::NoMemory, "boot parameters"), Failure::Kind::Memory);
    std::string_view given = plan.command_line.value_or("");
    (*line)->write(given);
    if (is_linux)
        services.machine.complete_command_line(given, **line);
    if ((*line)->truncated())
        return cannot_tell(
            error(ErrorCode::TooLarge, "the command line, with {} characters", most_line_bytes));
    auto tables = services.machine.firmware_tables();
    if (!tables)
        return cannot_tell(tables.error());
    if (auto made = make_address_map(services.memory, tables->reserved, **map, tables->out_of_reach); !made)
        return cannot_tell(made.error());
    return X86Facts{.line = std::move(*line), .map = std::move(*map), .acpi_root = tables->acpi_root};
}

} // namespace vireo::boot
