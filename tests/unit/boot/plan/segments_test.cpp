// SPDX-License-Identifier: Apache-2.0
// Kernels in pieces: where each may go, and in which order they can be copied.
#include "boot/image/elf.h"
#include "boot/image/x86_entry.h"
#include "boot/plan/placement.h"

#include <gtest/gtest.h>

namespace vireo::test {
namespace {

using boot::Needs;
using boot::Plan;
using boot::Refusal;
using boot::Segments;
using boot::ToPlace;
using Part = Refusal::Part;
using Why = Refusal::Why;

constexpr u64 MiB = 1 << 20;

// A machine of 64 MiB, of which Vireo has the last 8 and somebody the third. A kernel of two pieces: at 1
// MiB, of 64 KiB, and at 4 MiB, of 1 MiB, of which the file has the half.
class InPieces : public testing::Test {
  protected:
    InPieces() {
        VIREO_MUST(map.add_ram(0, 64 * MiB));
        VIREO_MUST(map.reserve(0, MiB, "PC legacy area"));
        VIREO_MUST(map.reserve(2 * MiB, MiB, "somebody"));
        VIREO_MUST(map.reserve(56 * MiB, 8 * MiB, "Vireo image"));
        remake();
    }
    void remake() {
        Segments segments;
        VIREO_MUST(segments.add({0x1000, 0x10000, first, 0x10000}));
        VIREO_MUST(segments.add({0x11000, MiB / 2, second, MiB}));
        needs = VIREO_MUST(boot::Elf::needs_of(boot::ImageKind::Multiboot, segments, first));
        boot::enter_in_32_bit_mode(needs, false);
    }
    Plan good() {
        auto plan = boot::place(needs, wanted, map);
        EXPECT_TRUE(plan);
        if (!plan)
            return {};
        EXPECT_TRUE(boot::verify(*plan, needs, map));
        EXPECT_EQ(plan->segments, needs.segments);
        return *plan;
    }
    Refusal bad() {
        auto plan = boot::place(needs, wanted, map);
        EXPECT_FALSE(plan);
        return plan ? Refusal{} : plan.error();
    }

    system::MemoryMap map;
    u64 first = MiB;
    u64 second = 4 * MiB;
    Needs needs;
    ToPlace wanted{.kernel = {16 * MiB, MiB}, .description_bytes = 0x2000};
};

TEST_F(InPieces, each_goes_where_it_belongs_and_what_is_between_them_may_be_anybody_s) {
    Plan plan = good();
    EXPECT_EQ(plan.kernel.place, (Range{MiB, 4 * MiB}));
    EXPECT_EQ(plan.entry, MiB);
    EXPECT_FALSE(plan.staging);
    EXPECT_EQ(plan.description, (Range{5 * MiB, 0x2000})); // low, but not among them
}

TEST_F(InPieces, each_piece_is_checked_for_itself) {
    second = 3 * MiB;
    remake();
    (void)good();
    --second;
    remake();
    Refusal refusal = bad();
    EXPECT_EQ(refusal.part, Part::Kernel);
    EXPECT_EQ(refusal.why, Why::NotFree);
    EXPECT_EQ(refusal.range, (Range{3 * MiB - 1, MiB}));
    EXPECT_STREQ(refusal.owner.owner, "somebody");
    second = 55 * MiB;
    remake();
    needs.is_told = false; // there would be no room for it
    (void)good();
    ++second;
    remake();
    EXPECT_STREQ(bad().owner.owner, "Vireo image");
    second = 64 * MiB;
    remake();
    EXPECT_EQ(bad().why, Why::NotRam);
    second = 4 * MiB;
    first = MiB - 1;
    remake();
    EXPECT_STREQ(bad().owner.owner, "PC legacy area");
}

TEST_F(InPieces, a_file_that_is_a_byte_short) {
    wanted.kernel.bytes = 0x11000 + MiB / 2;
    (void)good();
    --wanted.kernel.bytes;
    EXPECT_EQ(bad().why, Why::Cut);
    wanted.kernel.bytes = 0; // nobody knows
    EXPECT_EQ(good().kernel.now.bytes, 0x11000 + MiB / 2);
}

TEST_F(InPieces, a_file_over_its_own_places_is_copied_away_only_if_it_must) {
    wanted.kernel = {4 * MiB - 0x11000, MiB}; // the second one lies where it belongs
    EXPECT_FALSE(good().staging);
    wanted.kernel.base = MiB; // the first one is moved down, and the second one's bytes are behind it
    EXPECT_FALSE(good().staging);
    wanted.kernel.base = MiB - 0x1000 - 0x10;
    // It begins where it may not.
    EXPECT_EQ(bad().why, Why::NotFree);
    first = MiB + 0x2000;
    remake();
    wanted.kernel.base = MiB; // the first one would be written over the beginning of the second one's bytes
    Plan plan = good();
    ASSERT_TRUE(plan.staging);
    EXPECT_EQ(*plan.staging, 5 * MiB + 0x2000);
    plan.staging = 5 * MiB - 1;
    EXPECT_FALSE(boot::verify(plan, needs, map));
    plan.staging = 56 * MiB - MiB;
    EXPECT_TRUE(boot::verify(plan, needs, map));
    ++*plan.staging;
    EXPECT_FALSE(boot::verify(plan, needs, map));
    plan.staging.reset();
    EXPECT_FALSE(boot::verify(plan, needs, map));
}

TEST_F(InPieces, no_room_to_copy_it_away) {
    first = MiB + 0x2000;
    remake();
    wanted.kernel.base = MiB;
    VIREO_MUST(map.reserve(5 * MiB + 0x10000, 50 * MiB, "a file"));
    Refusal refusal = bad();
    EXPECT_EQ(refusal.why, Why::NotFree);
    EXPECT_EQ(refusal.range, (Range{MiB, MiB}));
    EXPECT_STREQ(refusal.owner.owner, "the kernel");
}

TEST_F(InPieces, an_initrd_among_them_is_moved_and_one_off_a_page_if_it_must_not_be) {
    wanted.initrd = Range{3 * MiB, 0x1234};
    EXPECT_TRUE(good().initrd->moves());
    wanted.initrd = Range{20 * MiB + 4, 0x1234};
    EXPECT_FALSE(good().initrd->moves());
    needs.is_initrd_aligned = true;
    Plan plan = good();
    EXPECT_EQ(plan.initrd->place.base % 4096, 0u);
    plan.initrd->place.base += 4;
    EXPECT_FALSE(boot::verify(plan, needs, map));
    wanted.initrd = Range{20 * MiB, 0x1234};
    EXPECT_FALSE(good().initrd->moves());
}

TEST_F(InPieces, a_program_is_told_nothing) {
    needs.is_told = false;
    needs.description = {};
    EXPECT_EQ(good().description, Range{});
}

TEST_F(InPieces, a_plan_whose_pieces_are_others_is_refused) {
    Plan plan = good();
    plan.segments = {};
    EXPECT_FALSE(boot::verify(plan, needs, map));
    plan = good();
    plan.kernel.place.bytes -= 1;
    EXPECT_FALSE(boot::verify(plan, needs, map));
}

TEST_F(InPieces, where_it_is_loaded_to_it_is_in_nobody_s_way) {
    auto places = boot::place_to_load(
        needs, {.kernel_bytes = MiB, .initrd_bytes = MiB, .description_bytes = 0x2000}, map);
    ASSERT_TRUE(places);
    EXPECT_EQ(places->kernel, 5 * MiB);
    EXPECT_EQ(places->initrd, 55 * MiB);
}

} // namespace
} // namespace vireo::test
