// SPDX-License-Identifier: Apache-2.0
#include "boot/program.h"

#include "boot/image/elf.h"
#include "boot/kernel_formats.h"
#include "boot/lay_out.h"
#include "boot/plan/placement.h"
#include "boot/ram_bytes.h"

namespace vireo::boot {

namespace {

// What a program is compiled for that this firmware can call.
struct Target {
    u16 machine;
    bool is_64_bit;
};

Target target_of(system::Isa isa) {
    switch (isa) {
    case system::Isa::Arm:
        return {Elf::arm, false};
    case system::Isa::Arm64:
        return {Elf::arm64, true};
    case system::Isa::Riscv32:
        return {Elf::riscv, false};
    case system::Isa::Riscv64:
        return {Elf::riscv, true};
    case system::Isa::X86:
        return {Elf::i386, false};
    case system::Isa::X86_64:
        return {Elf::x86_64, true};
    }
    return {};
}

Result<Needs> needs_of(const Elf& elf, bool by_sections) {
    auto needs =
        Elf::needs_of(ImageKind::Elf, VIREO_TRY(by_sections ? elf.sections() : elf.segments()), elf.entry());
    if (needs)
        needs->is_told = false;
    return needs;
}

} // namespace

bool is_kernel(const Services& services, const Request& request) {
    auto file = free_bytes(services, request.kernel);
    return file && recognise(*file) == ImageKind::Elf && services.machine.can_enter() &&
           format_of(services.machine, ImageKind::Elf, *file) != nullptr;
}

std::expected<Plan, Failure> prepare_program(const Services& services, const Request& request,
                                             bool by_sections) {
    auto failed = [](Failure failure) { return std::unexpected(failure); };
    auto file = free_bytes(services, request.kernel);
    if (!file)
        return failed(file.error());
    u64 address = request.kernel.base;
    auto kind = recognise(*file);
    if (!kind)
        return failed({.kind = Failure::Kind::Unknown, .address = address});
    if (*kind != ImageKind::Elf)
        return failed(
            {.kind = Failure::Kind::CannotYet, .address = address, .image = *kind, .wanted = ImageKind::Elf});
    auto elf = Elf::read(*file);
    if (!elf)
        return failed({.kind = Failure::Kind::Header, .address = address, .why = elf.error()});
    auto isa = services.machine.isa();
    if (!isa || target_of(*isa).machine != elf->machine() || target_of(*isa).is_64_bit != elf->is_64_bit())
        return failed({.kind = Failure::Kind::Foreign,
                       .address = address,
                       .image = *kind,
                       .machine = elf->machine_name()});
    auto needs = needs_of(*elf, by_sections);
    if (!needs)
        return failed({.kind = Failure::Kind::Header, .address = address, .why = needs.error()});
    auto plan = place(*needs, {.kernel = request.kernel}, services.memory);
    if (!plan)
        return failed({.kind = Failure::Kind::Place, .refusal = plan.error()});
    if (auto verified = verify(*plan, *needs, services.memory); !verified)
        return failed({.kind = Failure::Kind::Place, .refusal = verified.error()});
    return *plan;
}

std::expected<u64, Failure> run_program(const Services& services, const Plan& plan,
                                        std::span<const char* const> words) {
    auto quiet = services.virtio.quiesce_all();
    if (!quiet) {
        (void)services.virtio.rescan();
        return std::unexpected(Failure{.kind = Failure::Kind::Devices, .why = quiet.error()});
    }
    lay_out_kernel(services.machine, plan);
    FixedVector<Range, Segments::most> written;
    for (const Segment& segment : plan.segments)
        VIREO_ASSERT(written.try_push_back(segment.memory()));
    auto result = services.machine.call(plan.entry, words, services.memory, {written.data(), written.size()});
    (void)services.virtio.rescan();
    if (!result)
        return std::unexpected(Failure{.kind = Failure::Kind::Machine, .why = result.error()});
    return *result;
}

} // namespace vireo::boot
