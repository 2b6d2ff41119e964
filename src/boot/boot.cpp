// SPDX-License-Identifier: Apache-2.0
#include "boot/boot.h"

#include "boot/header.h"
#include "boot/kernel_formats.h"
#include "load/memory.h"

namespace vireo::boot {

namespace {

std::unexpected<Failure> failed(Failure failure) { return std::unexpected(failure); }

std::unexpected<Failure> failed(Refusal refusal) {
    return failed({.kind = Failure::Kind::Place, .refusal = refusal});
}

// All that is free from `address` on; of firmware's own memory some cannot even be read.
std::expected<Bytes, Failure> free_bytes(const Services& services, u64 address) {
    auto found = load::free_memory_from(services.memory, services.machine, address);
    if (found)
        return *found;
    Refusal refusal{.part = Refusal::Part::Kernel, .why = Refusal::Why::NotRam, .range = {address, 1}};
    if (found.error().owner) {
        refusal.why = Refusal::Why::NotFree;
        refusal.owner = *found.error().owner;
    }
    return failed(refusal);
}

// The file from its first byte on, as far as it is known.
std::expected<Bytes, Failure> kernel_file(const Services& services, const Request& request) {
    auto bytes = free_bytes(services, request.setup.value_or(request.kernel.base));
    if (!bytes || request.setup || request.kernel.bytes == 0)
        return bytes;
    return bytes->first(static_cast<usize>(std::min<u64>(request.kernel.bytes, bytes->size())));
}

std::expected<Needs, Failure> needs_of(const Services& services, const Request& request, Bytes file) {
    auto needs = read_header(services, file, request.setup.value_or(request.kernel.base));
    if (needs && request.setup) {
        needs->file_bytes -= std::min(needs->file_bytes, needs->skipped_bytes);
        needs->skipped_bytes = 0;
    }
    return needs;
}

void move(system::Machine& machine, const Placed& part) {
    if (part.moves())
        std::memmove(machine.memory(part.place.base), machine.memory(part.now.base),
                     static_cast<usize>(part.now.bytes));
}

// What of a part has bytes that were loaded.
Range loaded(const Placed& part) { return {part.place.base, part.now.bytes}; }

} // namespace

std::expected<Boot, Failure> prepare(const Services& services, const Request& request) {
    if (auto can = services.machine.can_enter(); !can)
        return failed({.kind = Failure::Kind::Machine, .why = can.error()});
    auto file = kernel_file(services, request);
    if (!file)
        return std::unexpected(file.error());
    auto needs = needs_of(services, request, *file);
    if (!needs)
        return std::unexpected(needs.error());
    auto description = format_of(services.machine).describe(services, request);
    if (!description)
        return std::unexpected(description.error());
    ToPlace wanted{
        .kernel = request.kernel, .initrd = request.initrd, .description_bytes = description->most_bytes};
    auto plan = place(*needs, wanted, services.memory);
    if (!plan)
        return failed(plan.error());
    plan->command_line = request.command_line;
    auto made = description->make(services, request, *file, *plan);
    if (!made)
        return std::unexpected(made.error());
    if (auto verified = verify(*plan, *needs, services.memory); !verified)
        return failed(verified.error());
    return Boot{.plan = *plan, .description = std::move(*made)};
}

Failure start(const Services& services, const Boot& boot) {
    const Plan& plan = boot.plan;
    system::Machine& machine = services.machine;
    auto quiet = services.virtio.quiesce_all();
    if (!quiet) {
        (void)services.virtio.rescan();
        return {.kind = Failure::Kind::Devices, .why = quiet.error()};
    }
    // In this order, which placement counts on.
    FixedVector<Range, 3> written;
    if (plan.initrd) {
        move(machine, *plan.initrd);
        VIREO_ASSERT(written.try_push_back(loaded(*plan.initrd)));
    }
    move(machine, plan.kernel);
    VIREO_ASSERT(written.try_push_back(loaded(plan.kernel)));
    std::memcpy(machine.memory(plan.description.base), boot.description.data(),
                static_cast<usize>(plan.description.bytes));
    VIREO_ASSERT(written.try_push_back(plan.description));
    auto entered = machine.enter({.entry = plan.entry,
                                  .description = plan.description.base,
                                  .in_32_bit_mode = plan.in_32_bit_mode,
                                  .read_uncached = {written.data(), written.size()}});
    (void)services.virtio.rescan();
    return {.kind = Failure::Kind::Machine,
            .why = entered ? error(ErrorCode::Io, "it came back") : entered.error()};
}

} // namespace vireo::boot
