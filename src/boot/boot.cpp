// SPDX-License-Identifier: Apache-2.0
#include "boot/boot.h"

#include "boot/header.h"
#include "boot/kernel_formats.h"
#include "boot/lay_out.h"
#include "boot/ram_bytes.h"
#include "boot/unwrap.h"

namespace vireo::boot {

namespace {

std::unexpected<Failure> failed(Failure failure) { return std::unexpected(failure); }

std::unexpected<Failure> failed(Refusal refusal) {
    return failed({.kind = Failure::Kind::Place, .refusal = refusal});
}

// The file from its first byte on, as far as it is known.
std::expected<Bytes, Failure> kernel_file(const Services& services, const Request& request) {
    return free_bytes(services, request.setup ? Range{*request.setup, 0} : request.kernel);
}

std::expected<Header, Failure> header_of(const Services& services, const Request& request, Bytes file) {
    auto header = read_header(services, file, request.setup.value_or(request.kernel.base));
    if (header && request.setup) {
        Needs& needs = header->needs;
        needs.file_bytes -= std::min(needs.file_bytes, needs.skipped_bytes);
        needs.skipped_bytes = 0;
    }
    return header;
}

// The tree that a kernel came with.
std::expected<DeviceTree, Failure> copy_tree(const Services& services, const Range& range,
                                             OwnedArray<u64>& room) {
    auto bytes = free_bytes(services, range);
    if (!bytes)
        return std::unexpected(bytes.error());
    // It may lie on any multiple of 4, and is read on those of 8.
    alignas(u64) std::byte head[DeviceTree::header_bytes]{};
    usize head_bytes = std::min(bytes->size(), sizeof(head));
    std::memcpy(head, bytes->data(), head_bytes);
    auto used = DeviceTree::claimed_bytes(Bytes(head, head_bytes));
    if (used && *used > std::min<u64>(bytes->size(), range.bytes))
        used = error(ErrorCode::Corrupt, "it is cut off");
    if (!used)
        return failed({.kind = Failure::Kind::Tree, .why = used.error()});
    auto aligned = OwnedArray<u64>::create(*used / sizeof(u64) + 1);
    auto made = OwnedArray<u64>::create(*used / sizeof(u64) + 16);
    if (!aligned || !made)
        return failed({.kind = Failure::Kind::Memory, .why = error(ErrorCode::NoMemory, "heap exhausted")});
    std::memcpy(aligned->data(), bytes->data(), *used);
    room = std::move(*made);
    Bytes source = std::as_bytes(std::span(aligned->data(), aligned->size())).first(*used);
    auto tree = DeviceTree::open(source, std::as_writable_bytes(std::span(room.data(), room.size())));
    if (!tree)
        return failed({.kind = Failure::Kind::Tree, .why = tree.error()});
    return *tree;
}

system::Machine::Handover::Protocol protocol_of(ImageKind kind) {
    using Protocol = system::Machine::Handover::Protocol;
    switch (kind) {
    case ImageKind::Pvh:
        return Protocol::Pvh;
    case ImageKind::Multiboot:
        return Protocol::Multiboot;
    case ImageKind::Multiboot2:
        return Protocol::Multiboot2;
    default:
        return Protocol::Linux;
    }
}

// What of a part has bytes that were loaded.
Range loaded(const Placed& part) { return {part.place.base, part.now.bytes}; }

} // namespace

std::expected<Boot, Failure> prepare(const Services& services, const Request& asked) {
    if (auto can = services.machine.can_enter(); !can)
        return failed({.kind = Failure::Kind::Machine, .why = can.error()});
    // What the user asked for, without what is wrapped around it.
    Request request = asked;
    OwnedArray<u64> tree_room;
    std::optional<DeviceTree> tree;
    std::optional<ImageKind> wrapper;
    if (!asked.setup) {
        auto unwrapped = unwrap(services, asked);
        if (!unwrapped)
            return std::unexpected(unwrapped.error());
        request.kernel = unwrapped->kernel;
        if (!asked.initrd)
            request.initrd = unwrapped->initrd;
        wrapper = unwrapped->wrapper;
        if (unwrapped->tree && asked.tree && !asked.has_own_tree) {
            auto own = copy_tree(services, *unwrapped->tree, tree_room);
            if (!own)
                return std::unexpected(own.error());
            tree = *own;
            request.tree = &*tree;
        }
    }
    auto file = kernel_file(services, request);
    if (!file)
        return std::unexpected(file.error());
    auto header = header_of(services, request, *file);
    if (!header)
        return std::unexpected(header.error());
    const Needs& needs = header->needs;
    auto description = header->format.describe(services, request);
    if (!description)
        return std::unexpected(description.error());
    ToPlace wanted{
        .kernel = request.kernel, .initrd = request.initrd, .description_bytes = description->most_bytes};
    if (request.initrd && request.initrd->bytes != 0) {
        auto inner = unwrap_initrd(services, request, *request.initrd);
        if (!inner)
            return std::unexpected(inner.error());
        wanted.initrd = *inner;
    }
    auto plan = place(needs, wanted, services.memory);
    if (!plan)
        return failed(plan.error());
    plan->command_line = request.command_line;
    plan->wrapper = wrapper;
    auto made = description->make(services, request, *file, *plan);
    if (!made)
        return std::unexpected(made.error());
    if (auto verified = verify(*plan, needs, services.memory); !verified)
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
        lay_out(machine, *plan.initrd);
        VIREO_ASSERT(written.try_push_back(loaded(*plan.initrd)));
    }
    lay_out_kernel(machine, plan);
    VIREO_ASSERT(written.try_push_back(plan.segments.is_empty() ? loaded(plan.kernel) : plan.kernel.place));
    std::memcpy(machine.memory(plan.description.base), boot.description.data(),
                static_cast<usize>(plan.description.bytes));
    VIREO_ASSERT(written.try_push_back(plan.description));
    auto entered = machine.enter({.entry = plan.entry,
                                  .description = plan.description.base,
                                  .protocol = protocol_of(plan.kind),
                                  .in_32_bit_mode = plan.in_32_bit_mode,
                                  .read_uncached = {written.data(), written.size()}});
    (void)services.virtio.rescan();
    return {.kind = Failure::Kind::Machine,
            .why = entered ? error(ErrorCode::Io, "it came back") : entered.error()};
}

} // namespace vireo::boot
