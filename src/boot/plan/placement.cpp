// SPDX-License-Identifier: Apache-2.0
#include "boot/plan/placement.h"

#include "boot/plan/free_ram.h"

namespace vireo::boot {

namespace {

using Part = Refusal::Part;
using Why = Refusal::Why;

constexpr u64 GiB = u64{1} << 30;

bool is_in_reach(const Needs& needs, const Range& kernel, const Range& initrd) {
    u64 first = std::min(kernel.base, initrd.base) / GiB;
    u64 last = (std::max(kernel.end(), initrd.end()) - 1) / GiB;
    return needs.reach == 0 || last - first < needs.reach / GiB;
}

bool is_within(const Range& range, const Needs::Where& where) {
    return range.base >= where.lowest && range.end() <= where.end;
}

bool is_aligned_as(u64 address, const Needs::Where& where) {
    return is_aligned(address - where.skew, where.alignment);
}

// Why `range` is not RAM that nobody owns; nothing if it is.
std::optional<Refusal> refuse(Part part, const Range& range, const system::MemoryMap& map) {
    if (part == Part::Initrd && range.bytes == 0)
        return Refusal{.part = part, .why = Why::Empty, .range = range};
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

Refusal has_no_room(Part part, const Range& range) {
    return {.part = part, .why = Why::NoRoom, .range = range};
}

// Why the file is not whole; nothing if it is.
std::optional<Refusal> refuse_cut(const Needs& needs, const Range& file) {
    u64 least =
        std::max(needs.file_bytes - std::min(needs.rounded_by, needs.file_bytes), needs.skipped_bytes + 1);
    if (file.bytes >= least)
        return std::nullopt;
    return Refusal{.part = Part::Kernel, .why = Why::Cut, .range = {file.base, least}, .there = file.bytes};
}

bool is_off_boundary(const Needs& needs, const Range& initrd) {
    return needs.is_initrd_aligned && !is_aligned_as(initrd.base, needs.initrd);
}

bool is_legal(const Needs& needs, const Range& kernel) {
    return is_aligned_as(kernel.base, needs.kernel) && is_within(kernel, needs.kernel) &&
           !kernel.overlaps(needs.unpacks);
}

std::optional<Refusal> refuse_segments(const Segments& segments, const system::MemoryMap& map) {
    for (const Segment& segment : segments)
        if (auto refusal = refuse(Part::Kernel, segment.memory(), map))
            return refusal;
    return std::nullopt;
}

// Where the kernel runs: where it lies, if it may; else as low as possible, since old kernels lose the RAM
// below them. There it stays off the initrd, which is moved before it, if at all.
std::expected<Range, Refusal> place_kernel(const Needs& needs, const Range& now,
                                           const std::optional<Range>& initrd, const system::MemoryMap& map) {
    Range range{now.base, std::max(needs.image_bytes, now.bytes)};
    auto refusal = refuse(Part::Kernel, range, map);
    if (!refusal && is_legal(needs, range))
        return range;
    FreeRam free(map);
    free.take(needs.unpacks);
    if (initrd)
        free.take(*initrd);
    if (auto base = free.lowest({.bytes = range.bytes,
                                 .alignment = needs.kernel.alignment,
                                 .skew = needs.kernel.skew,
                                 .from = needs.kernel.lowest,
                                 .end = needs.kernel.end}))
        return Range{*base, range.bytes};
    if (is_aligned_as(now.base, needs.kernel) && refusal)
        return std::unexpected(*refusal);
    return std::unexpected(has_no_room(Part::Kernel, range));
}

// Each segment goes where it belongs, or nowhere.
std::expected<Range, Refusal> place_segments(const Needs& needs, const system::MemoryMap& map) {
    if (auto refusal = refuse_segments(needs.segments, map))
        return std::unexpected(*refusal);
    Range span = needs.segments.span();
    if (!is_legal(needs, span))
        return std::unexpected(has_no_room(Part::Kernel, span));
    return span;
}

// As high as the kernel reaches.
std::optional<u64> highest_for_initrd(const Needs& needs, u64 bytes, const Range& kernel,
                                      const FreeRam& free) {
    u64 from = needs.initrd.lowest;
    u64 end = needs.initrd.end;
    if (needs.reach != 0) {
        u64 last = align_down(kernel.end() - 1, GiB);
        u64 first = align_down(kernel.base, GiB);
        from = std::max(from, last - std::min(last, needs.reach - GiB));
        end = std::min(end, checked_add(first, needs.reach).value_or(~u64{0}));
    }
    return free.highest({.bytes = bytes, .alignment = needs.initrd.alignment, .from = from, .end = end});
}

// Where the initrd goes: it stays, if the kernel reaches it and does not run or unpack itself there; else as
// high as possible.
std::expected<Range, Refusal> place_initrd(const Needs& needs, const Range& initrd, const Placed& kernel,
                                           const system::MemoryMap& map) {
    bool is_overrun = initrd.overlaps(kernel.place) || initrd.overlaps(needs.unpacks);
    if (!is_overrun && is_within(initrd, needs.initrd) && is_in_reach(needs, kernel.place, initrd) &&
        !is_off_boundary(needs, initrd))
        return initrd;
    FreeRam free(map);
    free.take(needs.unpacks);
    free.take(kernel.now);
    free.take(kernel.place);
    if (auto base = highest_for_initrd(needs, initrd.bytes, kernel.place, free))
        return Range{*base, initrd.bytes};
    if (is_overrun)
        return std::unexpected(is_kernels(Part::Initrd, initrd, kernel.place));
    return std::unexpected(has_no_room(Part::Initrd, initrd));
}

// What a plan has taken so far, where it is and where it goes.
void take(FreeRam& free, const Needs& needs, const Plan& plan) {
    free.take(needs.unpacks);
    free.take(plan.kernel.place);
    if (plan.initrd) {
        free.take(plan.initrd->now);
        free.take(plan.initrd->place);
    }
}

std::expected<Range, Refusal> place_description(const Needs& needs, u64 bytes, const Plan& plan,
                                                const system::MemoryMap& map) {
    if (bytes > needs.description.alignment)
        return std::unexpected(Refusal{.part = Part::Description, .why = Why::TooLarge, .range = {0, bytes}});
    FreeRam free(map);
    take(free, needs, plan);
    free.take(plan.kernel.now);
    FreeRam::Wish wish{.bytes = bytes,
                       .alignment = needs.description.alignment,
                       .from = needs.description.lowest,
                       .end = needs.description.end};
    if (auto base = needs.is_description_low ? free.lowest(wish) : free.highest(wish))
        return Range{*base, bytes};
    return std::unexpected(has_no_room(Part::Description, {0, bytes}));
}

// Where a file goes whose segments would be written over it: it may lie over itself, for it is moved as a
// whole, and after the initrd.
std::expected<u64, Refusal> place_staging(const Needs& needs, const Plan& plan,
                                          const system::MemoryMap& map) {
    FreeRam free(map);
    take(free, needs, plan);
    free.take(plan.description);
    if (auto base = free.lowest({.bytes = plan.kernel.now.bytes, .alignment = 4096}))
        return *base;
    return std::unexpected(is_kernels(Part::Kernel, plan.kernel.now, plan.kernel.place));
}

// Why a file in pieces cannot be copied to where those belong; nothing if it can, or is one piece.
std::optional<Refusal> refuse_copies(const Plan& plan, const Needs& needs, const system::MemoryMap& map) {
    if (plan.segments != needs.segments)
        return has_no_room(Part::Kernel, plan.kernel.place);
    if (plan.segments.is_empty())
        return std::nullopt;
    if (plan.segments.span() != plan.kernel.place)
        return has_no_room(Part::Kernel, plan.kernel.place);
    if (!plan.staging)
        return plan.segments.can_be_copied_from(plan.kernel.now.base)
                   ? std::nullopt
                   : std::optional(is_kernels(Part::Kernel, plan.kernel.now, plan.kernel.place));
    Range staging{*plan.staging, plan.kernel.now.bytes};
    if (auto refusal = refuse(Part::Kernel, staging, map))
        return refusal;
    bool is_over_initrd = plan.initrd && staging.overlaps(plan.initrd->place);
    if (staging.overlaps(plan.kernel.place) || is_over_initrd)
        return is_kernels(Part::Kernel, staging, plan.kernel.place);
    return std::nullopt;
}

} // namespace

std::expected<Plan, Refusal> place(const Needs& needs, const ToPlace& wanted, const system::MemoryMap& map) {
    Range file = wanted.kernel;
    if (file.bytes == 0)
        file.bytes = needs.file_bytes != 0 ? needs.file_bytes : needs.skipped_bytes + needs.image_bytes;
    if (auto refusal = refuse_cut(needs, file))
        return std::unexpected(*refusal);
    if (auto refusal = refuse(Part::Kernel, file, map))
        return std::unexpected(*refusal);
    if (wanted.initrd) {
        if (auto refusal = refuse(Part::Initrd, *wanted.initrd, map))
            return std::unexpected(*refusal);
        if (wanted.initrd->overlaps(file))
            return std::unexpected(is_kernels(Part::Initrd, *wanted.initrd, file));
    }
    if (needs.unpacks.bytes != 0 && !map.check_readable(needs.unpacks.base, needs.unpacks.bytes))
        return std::unexpected(has_no_room(Part::Kernel, needs.unpacks));

    Range kernel{file.base + needs.skipped_bytes, file.bytes - needs.skipped_bytes};
    bool is_in_pieces = !needs.segments.is_empty();
    auto kernel_place =
        is_in_pieces ? place_segments(needs, map) : place_kernel(needs, kernel, wanted.initrd, map);
    if (!kernel_place)
        return std::unexpected(kernel_place.error());
    Plan plan{.kind = needs.kind,
              .kernel = {kernel, *kernel_place},
              .segments = needs.segments,
              .entry = kernel_place->base + needs.entry_offset,
              .in_32_bit_mode = needs.in_32_bit_mode};
    if (wanted.initrd) {
        auto initrd_place = place_initrd(needs, *wanted.initrd, plan.kernel, map);
        if (!initrd_place)
            return std::unexpected(initrd_place.error());
        plan.initrd = Placed{*wanted.initrd, *initrd_place};
    }
    if (needs.is_told) {
        auto description = place_description(needs, wanted.description_bytes, plan, map);
        if (!description)
            return std::unexpected(description.error());
        plan.description = *description;
    }
    if (is_in_pieces && !needs.segments.can_be_copied_from(kernel.base)) {
        auto staging = place_staging(needs, plan, map);
        if (!staging)
            return std::unexpected(staging.error());
        plan.staging = *staging;
    }
    return plan;
}

std::expected<LoadPlaces, Refusal> place_to_load(const Needs& needs, const ToLoad& wanted,
                                                 const system::MemoryMap& map) {
    if (auto refusal = refuse_cut(needs, {0, wanted.kernel_bytes}))
        return std::unexpected(*refusal);
    Range kernel{0, std::max(needs.image_bytes, wanted.kernel_bytes - needs.skipped_bytes)};
    FreeRam free(map);
    free.take(needs.unpacks);
    // What stays behind lies right before the kernel, so what is looked for begins with it.
    auto bytes = checked_add(needs.skipped_bytes, kernel.bytes);
    FreeRam::Wish wish{.bytes = bytes.value_or(~u64{0}),
                       .alignment = needs.kernel.alignment,
                       .skew = needs.kernel.skew - needs.skipped_bytes,
                       .from = needs.kernel.lowest - std::min(needs.kernel.lowest, needs.skipped_bytes),
                       .end = needs.kernel.end};
    // One in pieces is copied in any case: it lies apart from where they go.
    bool is_in_pieces = !needs.segments.is_empty();
    if (is_in_pieces) {
        free.take(needs.segments.span());
        wish = {.bytes = wanted.kernel_bytes, .alignment = 4096};
        bytes = wanted.kernel_bytes;
    }
    auto base = free.lowest(wish);
    if (!base)
        return std::unexpected(has_no_room(Part::Kernel, kernel));
    kernel.base = *base + needs.skipped_bytes;
    if (is_in_pieces)
        kernel = needs.segments.span();
    LoadPlaces places{.kernel = *base};
    ToPlace loaded{.kernel = {*base, wanted.kernel_bytes}, .description_bytes = wanted.description_bytes};
    if (wanted.initrd_bytes != 0) {
        free.take({*base, *bytes});
        places.initrd = highest_for_initrd(needs, wanted.initrd_bytes, kernel, free);
        if (!places.initrd)
            return std::unexpected(has_no_room(Part::Initrd, {0, wanted.initrd_bytes}));
        loaded.initrd = Range{*places.initrd, wanted.initrd_bytes};
    }
    // Whether there is room for the rest, before anything is loaded.
    auto plan = place(needs, loaded, map);
    if (!plan)
        return std::unexpected(plan.error());
    VIREO_ASSERT((is_in_pieces ? !plan->staging : !plan->kernel.moves()) &&
                 (!plan->initrd || !plan->initrd->moves()));
    return places;
}

std::expected<void, Refusal> verify(const Plan& plan, const Needs& needs, const system::MemoryMap& map) {
    struct Piece {
        Part part;
        Range range;
        const Needs::Where& where;
    };
    FixedVector<Piece, 3> pieces;
    VIREO_ASSERT(pieces.try_push_back({Part::Kernel, plan.kernel.place, needs.kernel}));
    if (plan.initrd)
        VIREO_ASSERT(pieces.try_push_back({Part::Initrd, plan.initrd->place, needs.initrd}));
    if (needs.is_told)
        VIREO_ASSERT(pieces.try_push_back({Part::Description, plan.description, needs.description}));
    for (const Piece& piece : pieces) {
        // Between segments there may be whatever is not the kernel's.
        bool is_in_pieces = piece.part == Part::Kernel && !plan.segments.is_empty();
        auto refusal =
            is_in_pieces ? refuse_segments(plan.segments, map) : refuse(piece.part, piece.range, map);
        if (refusal)
            return std::unexpected(*refusal);
        if (piece.part != Part::Kernel && piece.range.overlaps(plan.kernel.place))
            return std::unexpected(is_kernels(piece.part, piece.range, plan.kernel.place));
        if (piece.range.overlaps(needs.unpacks))
            return std::unexpected(is_kernels(piece.part, piece.range, needs.unpacks));
        if (!is_within(piece.range, piece.where))
            return std::unexpected(has_no_room(piece.part, piece.range));
    }
    if (!is_aligned_as(plan.kernel.place.base, needs.kernel))
        return std::unexpected(has_no_room(Part::Kernel, plan.kernel.place));
    if (plan.initrd) {
        // The initrd is moved first.
        if (plan.initrd->moves() && plan.initrd->place.overlaps(plan.kernel.now))
            return std::unexpected(is_kernels(Part::Initrd, plan.initrd->place, plan.kernel.now));
        if (!is_in_reach(needs, plan.kernel.place, plan.initrd->place) ||
            is_off_boundary(needs, plan.initrd->place))
            return std::unexpected(has_no_room(Part::Initrd, plan.initrd->place));
        if (plan.description.overlaps(plan.initrd->place))
            return std::unexpected(
                Refusal{.part = Part::Description,
                        .why = Why::NotFree,
                        .range = plan.description,
                        .owner = {plan.initrd->place.base, plan.initrd->place.bytes, "the initrd"}});
    }
    if (auto refusal = refuse_copies(plan, needs, map))
        return std::unexpected(*refusal);
    u64 slot = needs.description.alignment;
    if (!range_fits(plan.description.base % slot, plan.description.bytes, slot) ||
        !is_aligned(plan.description.base, 8))
        return std::unexpected(
            Refusal{.part = Part::Description, .why = Why::TooLarge, .range = plan.description});
    return {};
}

} // namespace vireo::boot
