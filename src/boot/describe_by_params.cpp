// SPDX-License-Identifier: Apache-2.0
#include "base/parse.h"
#include "boot/description.h"
#include "boot/seeds.h"
#include "boot/x86/boot_params.h"

namespace vireo::boot {

namespace {

// Of a command line, with what the machine adds. No kernel takes so much.
constexpr usize most_line_bytes = 4096;
using Line = StringBuffer<most_line_bytes>;

std::unexpected<Failure> failed(Failure::Kind kind, Error why) {
    return std::unexpected(Failure{.kind = kind, .why = why});
}
std::unexpected<Failure> cannot_say(Error why) { return failed(Failure::Kind::Params, why); }

std::expected<OwnedArray<u64>, Failure> make_params(const Services& services, const Request&, Bytes file,
                                                    Plan& plan) {
    auto line = make_owned<Line>();
    auto map = make_owned<AddressMap>();
    if (!line || !map)
        return failed(Failure::Kind::Memory, error(ErrorCode::NoMemory, "boot_params"));
    std::string_view given = plan.command_line.value_or("");
    (*line)->write(given);
    services.machine.complete_command_line(given, **line);
    if ((*line)->truncated())
        return cannot_say(
            error(ErrorCode::TooLarge, "the command line, with {} characters", most_line_bytes));
    auto tables = services.machine.firmware_tables();
    if (!tables)
        return cannot_say(tables.error());
    if (auto made = make_address_map(services.memory, tables->reserved, **map, tables->out_of_reach); !made)
        return cannot_say(made.error());
    auto seeds = Seeds::gather(services.devices, nullptr);
    if (!seeds)
        return failed(Failure::Kind::Entropy, seeds.error());

    BootParams params{.file = file,
                      .kernel = plan.kernel.place.base,
                      .initrd = plan.initrd ? std::optional(plan.initrd->place) : std::nullopt,
                      .command_line = (*line)->view(),
                      .address_map = {(*map)->data(), (*map)->size()},
                      .acpi_root = tables->acpi_root,
                      .seed = Bytes(seeds->general).first(seeds->general_bytes)};
    auto room = OwnedArray<u64>::create(params.bytes() / sizeof(u64));
    if (!room)
        return failed(Failure::Kind::Memory, room.error());
    auto bytes = std::as_writable_bytes(std::span(room->data(), room->size()));
    if (auto written = params.write(plan.description.base, bytes); !written)
        return cannot_say(written.error());
    VIREO_ASSERT(bytes.size() <= plan.description.bytes);
    plan.description.bytes = bytes.size();
    plan.command_line = as_text(bytes.subspan(sizeof(BootParamsPage), (*line)->view().size()));
    plan.added_words = plan.command_line->substr(given.size());
    return std::move(*room);
}

} // namespace

std::expected<Description, Failure> describe_by_params(const Services& services, const Request&) {
    if (auto tables = services.machine.firmware_tables(); !tables)
        return cannot_say(tables.error());
    // A whole address map fits the page.
    std::array<std::byte, sizeof(Seeds::general)> seed{};
    usize most = BootParams{.file = {}, .seed = seed}.bytes() + most_line_bytes;
    return Description{.most_bytes = align_up<u64>(most, 8), .make = make_params};
}

} // namespace vireo::boot
