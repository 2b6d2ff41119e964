// SPDX-License-Identifier: Apache-2.0
// A kernel of every format that is the input, placed among an initrd, a tree and what others own.
// Input: MiB of RAM and of a second bank (2 bytes each, from 1 GiB and from 1 GiB + as many as the byte that
// follows says), reservations (a count, then records of a place and a size in KiB, 4 bytes each), where the
// kernel lies in KiB (4 bytes) and how long it is (8 bytes), flags (1: an initrd; 2: its place and size
// follow as 8 bytes each, and not as 4 in KiB), the tree's size (4 bytes), the file.
#include "boot/kernel_formats.h"
#include "boot/plan/placement.h"
#include "boot/x86/boot_params.h"
#include "boot/x86/multiboot_info.h"
#include "boot/x86/start_info.h"
#include "fuzz/support.h"

#include <vector>

namespace vireo::fuzz {
namespace {

using boot::Plan;

constexpr u64 KiB = 1024;
constexpr u64 GiB = u64{1} << 30;

void lay_out(FuzzedData& input, system::MemoryMap& map) {
    (void)map.add_ram(GiB, u64{input.number<u16>()} << 20);
    u64 bytes = u64{input.number<u16>()} << 20;
    (void)map.add_ram(GiB + input.byte() * GiB, bytes);
    for (u8 count = input.byte() % 8; count > 0; --count) {
        u64 base = GiB + input.number<u32>() * KiB;
        (void)map.reserve(base, input.number<u32>() * KiB, "somebody");
    }
}

boot::ToPlace wanted(FuzzedData& input) {
    boot::ToPlace all;
    all.kernel.base = GiB + input.number<u32>() * KiB;
    all.kernel.bytes = input.number<u64>();
    u8 flags = input.byte();
    if ((flags & 3) == 1) {
        u64 base = GiB + input.number<u32>() * KiB;
        all.initrd = Range{base, 1 + input.number<u32>() * KiB};
    } else if ((flags & 3) == 3) {
        u64 base = input.number<u64>();
        all.initrd = Range{base, std::max(input.number<u64>(), u64{1})};
    }
    all.description_bytes = input.number<u32>();
    return all;
}

bool is_free(const Range& range, const system::MemoryMap& map) {
    return checked_add(range.base, range.bytes) && map.check_writable(range.base, range.bytes);
}

bool is_within(const Range& range, const boot::Needs::Where& where) {
    return range.base >= where.lowest && range.end() <= where.end;
}

// Each is somewhere for itself, and is written before its bytes are written over.
void check_pieces(const Plan& plan, const system::MemoryMap& map) {
    u64 file = plan.staging.value_or(plan.kernel.now.base);
    if (plan.staging)
        require(is_free({file, plan.kernel.now.bytes}, map) &&
                    !plan.kernel.place.overlaps({file, plan.kernel.now.bytes}),
                "a file that is copied away is in nobody's way");
    for (const boot::Segment& one : plan.segments) {
        require(is_free(one.memory(), map), "a piece is nobody else's");
        require(range_fits(one.address - plan.kernel.place.base, one.memory_bytes, plan.kernel.place.bytes),
                "a piece is the kernel's");
        require(range_fits(one.offset, one.file_bytes, plan.kernel.now.bytes), "the file has it");
        for (const boot::Segment* other = &one + 1; other != plan.segments.end(); ++other) {
            require(!one.memory().overlaps(other->memory()), "pieces lie apart");
            require(!one.memory().overlaps({file + other->offset, other->file_bytes}),
                    "a piece is not written over before it was read");
        }
    }
}

void check(const boot::Needs& needs, const Plan& plan, const system::MemoryMap& map) {
    const Range& kernel = plan.kernel.place;
    require(plan.entry == kernel.base + needs.entry_offset, "a kernel is entered where its header says");
    require((kernel.base - needs.kernel.skew) % needs.kernel.alignment == 0, "a kernel lies on its boundary");
    require(is_within(kernel, needs.kernel), "a kernel lies where it may");
    require(kernel.bytes >= needs.image_bytes, "a kernel has the memory that it says it takes");
    require(!needs.unpacks.overlaps(kernel) && !needs.unpacks.overlaps(plan.description) &&
                !(plan.initrd && needs.unpacks.overlaps(plan.initrd->place)),
            "nothing lies where a kernel unpacks itself");
    require(!plan.initrd || is_within(plan.initrd->place, needs.initrd), "an initrd lies where it may");
    require(is_within(plan.description, needs.description), "so does a tree");
    require(is_free(plan.kernel.now, map), "a file is nobody else's");
    require(!needs.segments.is_empty() || is_free(plan.kernel.place, map), "a kernel is nobody else's");
    check_pieces(plan, map);
    require(is_free(plan.description, map) && !plan.description.overlaps(plan.kernel.place),
            "a tree lies apart");
    if (plan.initrd) {
        const Range& initrd = plan.initrd->place;
        require(is_free(initrd, map) && is_free(plan.initrd->now, map), "an initrd is nobody else's");
        require(!initrd.overlaps(plan.kernel.place) && !initrd.overlaps(plan.description),
                "an initrd lies apart");
        require(!plan.initrd->moves() || !initrd.overlaps(plan.kernel.now), "a kernel is not written over");
        require(!plan.kernel.moves() || !plan.kernel.place.overlaps(initrd), "nor is an initrd");
    }
    require(boot::verify(plan, needs, map).has_value(), "what was placed is verified");
}

// What an x86 kernel is told: as many bytes as it said before, and what the plan says.
void tell(Bytes file, const Plan& plan) {
    boot::BootParams params{.file = file, .kernel = plan.kernel.place.base, .command_line = "quiet"};
    if (plan.initrd)
        params.initrd = plan.initrd->place;
    std::vector<std::byte> bytes(params.bytes());
    if (!params.write(plan.description.base, bytes))
        return;
    auto page = *read_struct<boot::BootParamsPage>(bytes);
    require(page.header.code32_start == plan.kernel.place.base, "a kernel knows where it lies");
    require(page.header.command_line_address == plan.description.base + 4096, "and its command line");
}

// What the others are told fits the room that was planned for it.
void tell_others(const Plan& plan) {
    boot::BootFacts facts{.kernel = plan.kernel.place.base, .command_line = "quiet"};
    if (plan.initrd)
        facts.initrd = plan.initrd->place;
    std::vector<std::byte> bytes(boot::BootFacts::most_bytes);
    require(boot::write_start_info(facts, plan.description.base, bytes) &&
                boot::write_multiboot_info(facts, plan.description.base, bytes) &&
                boot::write_multiboot2_info(facts, plan.description.base, bytes),
            "there is room for what a kernel is told");
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    using namespace vireo::fuzz;
    Surroundings surroundings;
    FuzzedData input(data, size);
    system::MemoryMap map;
    lay_out(input, map);
    boot::ToPlace all = wanted(input);
    Bytes file = input.rest();
    if (auto kind = boot::recognise(file))
        require(!boot::name_of(*kind).empty(), "every kind has a name");
    for (const boot::KernelFormat& format : boot::kernel_formats()) {
        auto needs = format.read(file, GiB);
        if (!needs)
            continue;
        require(needs->kind == format.kind, "a header is of its format");
        require(needs->image_bytes != 0, "a kernel takes some memory");
        if (auto plan = boot::place(*needs, all, map)) {
            check(*needs, *plan, map);
            if (format.kind == boot::ImageKind::LinuxX86)
                tell(file, *plan);
            if (!needs->segments.is_empty())
                tell_others(*plan);
        }
        // It asserts that nothing has to be moved.
        (void)boot::place_to_load(*needs,
                                  {.kernel_bytes = all.kernel.bytes,
                                   .initrd_bytes = all.initrd.value_or(Range{}).bytes,
                                   .description_bytes = all.description_bytes},
                                  map);
    }
    return 0;
}
