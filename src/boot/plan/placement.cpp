// SPDX-License-Identifier: Apache-2.0
#include "boot/plan/placement.h"

#include "boot/plan/free_ram.h"

namespace vireo::boot {

namespace {

using Part = Refusal::Part;
using Why = Refusal::Why;

constexpr u64 page = 4096;
constexpr u64 GiB = u64{1} << 30;

// Linux maps its tree before it knows RAM: in one block of that size (booting.rst, 2).
constexpr u64 tree_slot = 2 << 20;

// The kernel and its initrd lie in so much memory, which begins at a multiple of 1 GiB (booting.rst, 4).
constexpr u64 reach = 32 * GiB;
bool is_in_reach(const Range& kernel, const Range& initrd) {
    u64 first = std::min(kernel.base, initrd.base) / GiB;
    u64 last = (std::max(kernel.end(), initrd.end()) - 1) / GiB;
    return last - first < reach / GiB;
}

// Why `range` is not RAM that nobody owns; nothing if it is.
std::optional<Refusal> refuse(Part part, const Range& range, const system::MemoryMap& map) {
    if (!checked_add(range.base, range.bytes) || !map.check_readable(range.base, range.bytes))
        return Refusal{.part = part, .why = Why::NotRam, .range = range};
    if (const system::MemoryRegion* owner = map.first_owner(range.base, range.bytes))
        return Refusal{.part = part, .why = Why::NotFree, .range = range, .owner = *owner};
    return std::nullopt;
}

Refusal is_kernels(Part part, const Range& range, const Range& kernel) {
    return {.part = part,
            .why = Why::NotFree,
            .range = range,
            .owner = {kernel.base, kernel.bytes, "the kernel"}};
}

bool is_legal(const LinuxArm64& header, u64 address) {
    return is_aligned(address - header.text_offset, LinuxArm64::boundary);
}

// Where the kernel runs: where it lies, if it may; else as low as possible, since old kernels lose the RAM
// below them. There it stays off the initrd, which is moved before it, if at all.
std::expected<Range, Refusal> place_kernel(const LinuxArm64& header, const Range& now,
                                           const std::optional<Range>& initrd, const system::MemoryMap& map) {
    Range range{now.base, std::max(header.image_bytes, now.bytes)};
    auto refusal = refuse(Part::Kernel, range, map);
    if (is_legal(header, now.base) && !refusal)
        return range;
    FreeRam free(map);
    if (initrd)
        free.take(*initrd);
    if (auto base = free.lowest({.bytes = range.bytes,
                                 .alignment = LinuxArm64::boundary,
                                 .skew = header.text_offset & (LinuxArm64::boundary - 1)}))
        return Range{*base, range.bytes};
    if (is_legal(header, now.base))
        return std::unexpected(*refusal);
    return std::unexpected(Refusal{.part = Part::Kernel, .why = Why::NoRoom, .range = range});
}

// Where the initrd goes: it stays, if the kernel reaches it and does not run there; else as high as possible.
std::expected<Range, Refusal> place_initrd(const Range& initrd, const Placed& kernel,
                                           const system::MemoryMap& map) {
    bool is_overrun = initrd.overlaps(kernel.place);
    if (!is_overrun && is_in_reach(kernel.place, initrd))
        return initrd;
    FreeRam free(map);
    free.take(kernel.now);
    free.take(kernel.place);
    u64 last = align_down(kernel.place.end() - 1, GiB);
    u64 first = align_down(kernel.place.base, GiB);
    if (auto base = free.highest({.bytes = initrd.bytes,
                                  .alignment = page,
                                  .from = last - std::min(last, reach - GiB),
                                  .end = checked_add(first, reach).value_or(~u64{0})}))
        return Range{*base, initrd.bytes};
    if (is_overrun)
        return std::unexpected(is_kernels(Part::Initrd, initrd, kernel.place));
    return std::unexpected(Refusal{.part = Part::Initrd, .why = Why::NoRoom, .range = initrd});
}

std::expected<Range, Refusal> place_tree(u64 bytes, const Plan& plan, const system::MemoryMap& map) {
    if (bytes > tree_slot)
        return std::unexpected(Refusal{.part = Part::Tree, .why = Why::TooLarge, .range = {0, bytes}});
    FreeRam free(map);
    free.take(plan.kernel.now);
    free.take(plan.kernel.place);
    if (plan.initrd) {
        free.take(plan.initrd->now);
        free.take(plan.initrd->place);
    }
    if (auto base = free.highest({.bytes = bytes, .alignment = tree_slot}))
        return Range{*base, bytes};
    return std::unexpected(Refusal{.part = Part::Tree, .why = Why::NoRoom, .range = {0, bytes}});
}

} // namespace

std::expected<Plan, Refusal> place(const LinuxArm64& header, const ToPlace& wanted,
                                   const system::MemoryMap& map) {
    Range kernel = wanted.kernel;
    if (kernel.bytes == 0)
        kernel.bytes = header.file_bytes != 0 ? header.file_bytes : header.image_bytes;
    if (kernel.bytes < header.file_bytes)
        return std::unexpected(Refusal{.part = Part::Kernel,
                                       .why = Why::Cut,
                                       .range = {kernel.base, header.file_bytes},
                                       .there = kernel.bytes});
    if (auto refusal = refuse(Part::Kernel, kernel, map))
        return std::unexpected(*refusal);
    if (wanted.initrd) {
        if (auto refusal = refuse(Part::Initrd, *wanted.initrd, map))
            return std::unexpected(*refusal);
        if (wanted.initrd->overlaps(kernel))
            return std::unexpected(is_kernels(Part::Initrd, *wanted.initrd, kernel));
    }

    auto kernel_place = place_kernel(header, kernel, wanted.initrd, map);
    if (!kernel_place)
        return std::unexpected(kernel_place.error());
    Plan plan{.kind = ImageKind::LinuxArm64, .kernel = {kernel, *kernel_place}, .entry = kernel_place->base};
    if (wanted.initrd) {
        auto initrd_place = place_initrd(*wanted.initrd, plan.kernel, map);
        if (!initrd_place)
            return std::unexpected(initrd_place.error());
        plan.initrd = Placed{*wanted.initrd, *initrd_place};
    }
    auto tree = place_tree(wanted.tree_bytes, plan, map);
    if (!tree)
        return std::unexpected(tree.error());
    plan.tree = *tree;
    return plan;
}

std::expected<void, Refusal> verify(const Plan& plan, const system::MemoryMap& map) {
    struct Piece {
        Part part;
        Range range;
    };
    FixedVector<Piece, 3> pieces;
    VIREO_ASSERT(pieces.try_push_back({Part::Kernel, plan.kernel.place}));
    if (plan.initrd)
        VIREO_ASSERT(pieces.try_push_back({Part::Initrd, plan.initrd->place}));
    VIREO_ASSERT(pieces.try_push_back({Part::Tree, plan.tree}));
    for (const Piece& piece : pieces) {
        if (auto refusal = refuse(piece.part, piece.range, map))
            return std::unexpected(*refusal);
        if (piece.part != Part::Kernel && piece.range.overlaps(plan.kernel.place))
            return std::unexpected(is_kernels(piece.part, piece.range, plan.kernel.place));
    }
    if (plan.initrd) {
        // The initrd is moved first.
        if (plan.initrd->moves() && plan.initrd->place.overlaps(plan.kernel.now))
            return std::unexpected(is_kernels(Part::Initrd, plan.initrd->place, plan.kernel.now));
        if (!is_in_reach(plan.kernel.place, plan.initrd->place))
            return std::unexpected(
                Refusal{.part = Part::Initrd, .why = Why::NoRoom, .range = plan.initrd->place});
        if (plan.tree.overlaps(plan.initrd->place))
            return std::unexpected(
                Refusal{.part = Part::Tree,
                        .why = Why::NotFree,
                        .range = plan.tree,
                        .owner = {plan.initrd->place.base, plan.initrd->place.bytes, "the initrd"}});
    }
    if (!range_fits(plan.tree.base % tree_slot, plan.tree.bytes, tree_slot) || !is_aligned(plan.tree.base, 8))
        return std::unexpected(Refusal{.part = Part::Tree, .why = Why::TooLarge, .range = plan.tree});
    return {};
}

} // namespace vireo::boot
