// SPDX-License-Identifier: Apache-2.0
#include "boot/describe_x86.h"
#include "boot/seeds.h"
#include "boot/x86/boot_params.h"

namespace vireo::boot {

namespace {

std::expected<OwnedArray<u64>, Failure> make_params(const Services& services, const Request&, Bytes file,
                                                    Plan& plan) {
    auto facts = X86Facts::gather(services, plan, true);
    if (!facts)
        return std::unexpected(facts.error());
    std::string_view line = facts->command_line();
    auto seeds = Seeds::gather(services.devices, nullptr);
    if (!seeds)
        return cannot_tell(seeds.error(), Failure::Kind::Entropy);

    BootParams params{.file = file,
                      .kernel = plan.kernel.place.base,
                      .initrd = plan.initrd ? std::optional(plan.initrd->place) : std::nullopt,
                      .command_line = line,
                      .address_map = facts->address_map(),
                      .acpi_root = facts->acpi_root,
                      .seed = Bytes(seeds->general).first(seeds->general_bytes)};
    auto room = OwnedArray<u64>::create(params.bytes() / sizeof(u64));
    if (!room)
        return cannot_tell(room.error(), Failure::Kind::Memory);
    auto bytes = std::as_writable_bytes(std::span(room->data(), room->size()));
    if (auto written = params.write(plan.description.base, bytes); !written)
        return cannot_tell(written.error());
    VIREO_ASSERT(bytes.size() <= plan.description.bytes);
    plan.description.bytes = bytes.size();
    usize given = plan.command_line.value_or("").size();
    plan.command_line = as_text(bytes.subspan(sizeof(BootParamsPage), line.size()));
    plan.added_words = plan.command_line->substr(given);
    return std::move(*room);
}

} // namespace

std::expected<Description, Failure> describe_by_params(const Services& services, const Request&) {
    if (auto tables = services.machine.firmware_tables(); !tables)
        return cannot_tell(tables.error());
    // A whole address map fits the page.
    std::array<std::byte, sizeof(Seeds::general)> seed{};
    usize most = BootParams{.file = {}, .seed = seed}.bytes() + X86Facts::most_line_bytes;
    return Description{.most_bytes = align_up<u64>(most, 8), .make = make_params};
}

} // namespace vireo::boot
