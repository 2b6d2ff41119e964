// SPDX-License-Identifier: Apache-2.0
#include "boot/boot.h"

#include "boot/header.h"
#include "boot/seeds.h"
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

// The kernel's file from its first byte on, as far as it is known.
std::expected<Bytes, Failure> kernel_file(const Services& services, const Range& kernel) {
    auto bytes = free_bytes(services, kernel.base);
    if (!bytes || kernel.bytes == 0)
        return bytes;
    return bytes->first(static_cast<usize>(std::min<u64>(kernel.bytes, bytes->size())));
}

// What /chosen may grow by, besides the command line.
constexpr usize spare_bytes = 4096;

// The edited tree, in memory of its own. Its size is final.
std::expected<OwnedArray<u64>, Failure> edit_tree(const Services& services, const DeviceTree& source,
                                                  Plan& plan) {
    auto room = OwnedArray<u64>::create(static_cast<usize>(plan.description.bytes / sizeof(u64)));
    if (!room)
        return failed({.kind = Failure::Kind::Memory, .why = room.error()});
    auto tree =
        DeviceTree::open(source.bytes(), std::as_writable_bytes(std::span(room->data(), room->size())));
    if (!tree)
        return failed({.kind = Failure::Kind::Tree, .why = tree.error()});
    auto seeds = Seeds::gather(services.devices, *tree);
    if (!seeds)
        return failed({.kind = Failure::Kind::Entropy, .why = seeds.error()});
    auto set = tree->set_chosen({.command_line = plan.command_line,
                                 .initrd = plan.initrd ? std::optional(plan.initrd->place) : std::nullopt,
                                 .rng_seed = Bytes(seeds->general).first(seeds->general_bytes),
                                 .kaslr_seed = seeds->layout});
    if (!set)
        return failed({.kind = Failure::Kind::Tree, .why = set.error()});
    if (auto resident = services.machine.resident()) {
        StringBuffer<32> name;
        print(name, "vireo@{:x}", resident->base);
        if (auto reserved = tree->reserve_memory(name.view(), *resident); !reserved)
            return failed({.kind = Failure::Kind::Tree, .why = reserved.error()});
    }
    plan.description.bytes = tree->packed().size();
    return std::move(*room);
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
    auto file = kernel_file(services, request.kernel);
    if (!file)
        return std::unexpected(file.error());
    auto needs = read_header(services, *file, request.kernel.base);
    if (!needs)
        return std::unexpected(needs.error());
    usize tree_bytes = request.tree.used_bytes() + spare_bytes + request.command_line.value_or("").size();
    ToPlace wanted{.kernel = request.kernel,
                   .description_bytes = std::min(align_up(tree_bytes, 8), DeviceTree::max_bytes)};
    if (request.initrd && request.initrd->bytes != 0)
        wanted.initrd = request.initrd;
    auto plan = place(*needs, wanted, services.memory);
    if (!plan)
        return failed(plan.error());
    plan->command_line = request.command_line;
    auto tree = edit_tree(services, request.tree, *plan);
    if (!tree)
        return std::unexpected(tree.error());
    if (auto verified = verify(*plan, *needs, services.memory); !verified)
        return failed(verified.error());
    return Boot{.plan = *plan, .description = std::move(*tree)};
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
                                  .read_uncached = {written.data(), written.size()}});
    (void)services.virtio.rescan();
    return {.kind = Failure::Kind::Machine,
            .why = entered ? error(ErrorCode::Io, "it came back") : entered.error()};
}

} // namespace vireo::boot
