// SPDX-License-Identifier: Apache-2.0
#include "boot/description.h"
#include "boot/seeds.h"

namespace vireo::boot {

namespace {

// What /chosen may grow by, besides the command line; and /psci with a word for each of 512 processors.
constexpr usize spare_bytes = 4096;
constexpr usize psci_bytes = 16384;

std::unexpected<Failure> failed(Failure::Kind kind, Error why) {
    return std::unexpected(Failure{.kind = kind, .why = why});
}

// The edited tree, in memory of its own.
std::expected<OwnedArray<u64>, Failure> edit_tree(const Services& services, const Request& request, Bytes,
                                                  Plan& plan) {
    auto room = OwnedArray<u64>::create(static_cast<usize>(plan.description.bytes / sizeof(u64)));
    if (!room)
        return failed(Failure::Kind::Memory, room.error());
    auto tree = request.tree->copy_to(std::as_writable_bytes(std::span(room->data(), room->size())));
    if (!tree)
        return failed(Failure::Kind::Tree, tree.error());
    auto seeds = Seeds::gather(services.devices, &*tree);
    if (!seeds)
        return failed(Failure::Kind::Entropy, seeds.error());
    auto set = tree->set_chosen({.command_line = plan.command_line,
                                 .initrd = plan.initrd ? std::optional(plan.initrd->place) : std::nullopt,
                                 .rng_seed = Bytes(seeds->general).first(seeds->general_bytes),
                                 .kaslr_seed = seeds->layout});
    if (!set)
        return failed(Failure::Kind::Tree, set.error());
    if (services.machine.leaves_psci())
        if (auto told = tree->set_psci(); !told)
            return failed(Failure::Kind::Tree, told.error());
    if (services.machine.keeps_interrupt_controllers())
        if (auto disabled = tree->disable_machine_mode_controllers(); !disabled)
            return failed(Failure::Kind::Tree, disabled.error());
    if (auto resident = services.machine.resident()) {
        StringBuffer<32> name;
        print(name, "vireo@{:x}", resident->base);
        if (auto reserved = tree->reserve_memory(name.view(), *resident); !reserved)
            return failed(Failure::Kind::Tree, reserved.error());
    }
    plan.description.bytes = tree->packed().size();
    return std::move(*room);
}

} // namespace

std::expected<Description, Failure> describe_by_tree(const Services& services, const Request& request) {
    usize bytes = request.tree->used_bytes() + spare_bytes + request.command_line.value_or("").size();
    if (services.machine.leaves_psci())
        bytes += psci_bytes;
    return Description{.most_bytes = std::min(align_up(bytes, 8), DeviceTree::max_bytes), .make = edit_tree};
}

} // namespace vireo::boot
