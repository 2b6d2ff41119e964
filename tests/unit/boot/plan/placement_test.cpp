// SPDX-License-Identifier: Apache-2.0
#include "boot/plan/placement.h"

#include "boot/image/linux_arm64.h"

#include <gtest/gtest.h>

namespace vireo::test {
namespace {

using boot::place;
using boot::Plan;
using boot::Refusal;
using boot::ToPlace;
using Part = Refusal::Part;
using Why = Refusal::Why;

constexpr u64 MiB = 1 << 20;
constexpr u64 GiB = 1 << 30;
constexpr u64 ram = 0x40000000;
constexpr u64 default_address = ram + 2 * MiB;

// A machine of 128 MiB: Vireo has the last 8.
class Placement : public testing::Test {
  protected:
    Placement() {
        VIREO_MUST(map.add_ram(ram, 128 * MiB));
        VIREO_MUST(map.reserve(ram + 120 * MiB, 8 * MiB, "Vireo image"));
    }

    Plan good(const ToPlace& parts) {
        auto plan = place(header.needs(), parts, map);
        EXPECT_TRUE(plan);
        if (!plan)
            return {};
        EXPECT_TRUE(boot::verify(*plan, header.needs(), map));
        EXPECT_EQ(plan->entry, plan->kernel.place.base);
        return *plan;
    }
    Refusal bad(const ToPlace& parts) {
        auto plan = place(header.needs(), parts, map);
        EXPECT_FALSE(plan);
        return plan ? Refusal{} : plan.error();
    }

    system::MemoryMap map;
    boot::LinuxArm64 header{.text_offset = 0, .image_bytes = 32 * MiB, .file_bytes = 30 * MiB};
    ToPlace wanted{.kernel = {default_address, 30 * MiB},
                   .initrd = Range{ram + 80 * MiB, 4 * MiB},
                   .description_bytes = 0x4000};
};

TEST_F(Placement, what_lies_at_legal_places_stays) {
    Plan plan = good(wanted);
    EXPECT_FALSE(plan.kernel.moves());
    EXPECT_EQ(plan.kernel.now, (Range{default_address, 30 * MiB}));
    EXPECT_EQ(plan.kernel.place, (Range{default_address, 32 * MiB}));
    EXPECT_FALSE(plan.initrd->moves());
    EXPECT_EQ(plan.initrd->place, wanted.initrd);
    EXPECT_EQ(plan.description, (Range{ram + 118 * MiB, 0x4000}));
}

TEST_F(Placement, a_kernel_off_the_boundary_moves_to_the_lowest_one) {
    wanted.kernel.base += 4096;
    Plan plan = good(wanted);
    EXPECT_EQ(plan.kernel.place.base, ram);
    header.text_offset = 0x80000;
    EXPECT_EQ(good(wanted).kernel.place.base, ram + 0x80000);
    wanted.kernel.base = ram + 4 * MiB + 0x80000;
    EXPECT_FALSE(good(wanted).kernel.moves());
    // What matters is the distance from a boundary, whatever else the header says.
    header.text_offset = 0xffffffffffe80000;
    EXPECT_FALSE(good(wanted).kernel.moves());
}

TEST_F(Placement, zeroed_data_that_ends_where_vireo_begins_and_a_byte_later) {
    wanted.kernel.base = ram + 88 * MiB;
    wanted.initrd.reset();
    EXPECT_FALSE(good(wanted).kernel.moves());
    ++header.image_bytes;
    EXPECT_EQ(good(wanted).kernel.place.base, ram); // there is room lower down
}

TEST_F(Placement, a_kernel_over_vireo_without_other_room_names_range_and_owner) {
    header.image_bytes = 118 * MiB;
    EXPECT_FALSE(good({.kernel = wanted.kernel}).kernel.moves());
    header.image_bytes = 120 * MiB;
    EXPECT_EQ(good({.kernel = wanted.kernel}).kernel.place, (Range{ram, 120 * MiB}));
    ++header.image_bytes;
    Refusal refusal = bad({.kernel = wanted.kernel});
    EXPECT_EQ(refusal.part, Part::Kernel);
    EXPECT_EQ(refusal.why, Why::NotFree);
    EXPECT_EQ(refusal.range, (Range{default_address, 120 * MiB + 1}));
    EXPECT_STREQ(refusal.owner.owner, "Vireo image");
    EXPECT_EQ(refusal.owner.base, ram + 120 * MiB);
}

TEST_F(Placement, an_image_larger_than_all_ram) {
    wanted.initrd.reset();
    for (u64 bytes : {128 * MiB, u64{1} << 40, ~u64{0}}) {
        header.image_bytes = bytes;
        Refusal refusal = bad(wanted);
        EXPECT_EQ(refusal.part, Part::Kernel);
        EXPECT_EQ(refusal.why, Why::NotRam);
        EXPECT_EQ(refusal.range.base, default_address);
    }
    wanted.kernel.base += 4096; // and where it may not stay anyway
    EXPECT_EQ(bad(wanted).why, Why::NoRoom);
}

TEST_F(Placement, bytes_that_are_not_free_ram_are_no_kernel) {
    wanted.kernel = {ram + 100 * MiB, 20 * MiB};
    header.file_bytes = 0;
    (void)good(wanted);
    ++wanted.kernel.bytes;
    EXPECT_EQ(bad(wanted).why, Why::NotFree);
    wanted.kernel = {ram - 1, 30 * MiB};
    EXPECT_EQ(bad(wanted).why, Why::NotRam);
    wanted.kernel = {ram + 98 * MiB, ~u64{0}};
    EXPECT_EQ(bad(wanted).why, Why::NotRam);
}

TEST_F(Placement, a_file_of_unknown_length_is_as_long_as_its_headers_say) {
    wanted.kernel.bytes = 0;
    EXPECT_EQ(good(wanted).kernel.now.bytes, 30 * MiB);
    header.file_bytes = 0;
    EXPECT_EQ(good(wanted).kernel.now.bytes, 32 * MiB);
}

TEST_F(Placement, a_file_that_is_a_byte_too_short_is_cut_off) {
    --wanted.kernel.bytes;
    Refusal refusal = bad(wanted);
    EXPECT_EQ(refusal.part, Part::Kernel);
    EXPECT_EQ(refusal.why, Why::Cut);
    EXPECT_EQ(refusal.range.bytes, 30 * MiB);
    EXPECT_EQ(refusal.there, 30 * MiB - 1);
}

TEST_F(Placement, a_file_longer_than_its_image_keeps_all_of_it) {
    wanted.kernel.bytes = 33 * MiB; // something is appended
    EXPECT_EQ(good(wanted).kernel.place.bytes, 33 * MiB);
}

TEST_F(Placement, an_initrd_over_the_kernel_s_bytes_is_refused_and_beside_them_not) {
    wanted.initrd = Range{default_address + 30 * MiB - 1, 4 * MiB};
    Refusal refusal = bad(wanted);
    EXPECT_EQ(refusal.part, Part::Initrd);
    EXPECT_EQ(refusal.why, Why::NotFree);
    EXPECT_EQ(refusal.range, wanted.initrd);
    EXPECT_STREQ(refusal.owner.owner, "the kernel");
    EXPECT_EQ(refusal.owner.base, default_address);
    ++wanted.initrd->base;
    (void)good(wanted);
}

TEST_F(Placement, an_initrd_of_no_bytes_is_refused_and_of_one_not) {
    wanted.initrd = Range{ram + 64 * MiB, 1};
    EXPECT_FALSE(good(wanted).initrd->moves());
    wanted.initrd->bytes = 0;
    Refusal refusal = bad(wanted);
    EXPECT_EQ(refusal.part, Part::Initrd);
    EXPECT_EQ(refusal.why, Why::Empty);
    EXPECT_EQ(refusal.range.base, ram + 64 * MiB);
}

TEST_F(Placement, an_initrd_where_the_kernel_zeroes_its_data_moves_up) {
    wanted.initrd = Range{default_address + 32 * MiB, 4 * MiB};
    EXPECT_FALSE(good(wanted).initrd->moves());
    --wanted.initrd->base;
    Plan plan = good(wanted);
    EXPECT_FALSE(plan.kernel.moves());
    EXPECT_EQ(plan.initrd->place, (Range{ram + 116 * MiB, 4 * MiB}));
    EXPECT_EQ(plan.description.base, ram + 114 * MiB);
}

TEST_F(Placement, an_initrd_that_is_in_the_way_and_a_byte_too_large_to_move) {
    // It is free between 2 + 32 and 120 MiB, less what it has itself.
    wanted.initrd = Range{default_address + 31 * MiB, 86 * MiB};
    wanted.description_bytes = 0;
    EXPECT_EQ(good(wanted).initrd->place, (Range{ram + 34 * MiB, 86 * MiB}));
    ++wanted.initrd->bytes;
    Refusal refusal = bad(wanted);
    EXPECT_EQ(refusal.part, Part::Initrd);
    EXPECT_EQ(refusal.why, Why::NotFree);
    EXPECT_EQ(refusal.range, wanted.initrd);
    EXPECT_EQ(refusal.owner.bytes, 32 * MiB);
}

TEST_F(Placement, an_initrd_that_ends_where_vireo_begins_and_a_byte_later) {
    wanted.initrd = Range{ram + 80 * MiB, 40 * MiB};
    EXPECT_FALSE(good(wanted).initrd->moves());
    ++wanted.initrd->bytes;
    Refusal refusal = bad(wanted);
    EXPECT_EQ(refusal.part, Part::Initrd);
    EXPECT_EQ(refusal.why, Why::NotFree);
    EXPECT_STREQ(refusal.owner.owner, "Vireo image");
    wanted.initrd = Range{ram + 200 * MiB, 1};
    EXPECT_EQ(bad(wanted).why, Why::NotRam);
    wanted.initrd = Range{ram + 80 * MiB, ~u64{0}};
    EXPECT_EQ(bad(wanted).why, Why::NotRam);
}

TEST_F(Placement, a_kernel_that_moves_stays_off_its_initrd) {
    wanted.kernel.base = ram + 60 * MiB + 4096;
    wanted.initrd = Range{ram + 30 * MiB, MiB};
    Plan plan = good(wanted);
    EXPECT_EQ(plan.kernel.place.base, ram + 32 * MiB);
    EXPECT_FALSE(plan.initrd->moves());
}

TEST_F(Placement, an_initrd_is_within_32_gib_of_the_kernel) {
    VIREO_MUST(map.add_ram(GiB + 128 * MiB, 64 * GiB));
    // The window begins at 1 GiB with the kernel's.
    wanted.initrd = Range{33 * GiB - MiB, MiB};
    EXPECT_FALSE(good(wanted).initrd->moves());
    ++wanted.initrd->bytes;
    EXPECT_EQ(good(wanted).initrd->place.base, 33 * GiB - MiB - 4096);
    // A kernel higher up has two windows to choose from.
    wanted.kernel.base = 40 * GiB;
    wanted.initrd = Range{9 * GiB, MiB};
    EXPECT_FALSE(good(wanted).initrd->moves());
    --wanted.initrd->base;
    EXPECT_EQ(good(wanted).initrd->place.base, 65 * GiB + 128 * MiB - MiB);
    wanted.kernel.base = 30 * GiB;
    EXPECT_FALSE(good(wanted).initrd->moves());
}

TEST_F(Placement, an_initrd_out_of_reach_without_room_in_reach) {
    VIREO_MUST(map.add_ram(40 * GiB, GiB));
    wanted.initrd = Range{40 * GiB, 86 * MiB};
    EXPECT_EQ(good(wanted).initrd->place.base, ram + 34 * MiB);
    ++wanted.initrd->bytes;
    Refusal refusal = bad(wanted);
    EXPECT_EQ(refusal.part, Part::Initrd);
    EXPECT_EQ(refusal.why, Why::NoRoom);
    EXPECT_EQ(refusal.range, wanted.initrd);
}

TEST_F(Placement, a_tree_of_2_mib_and_a_byte_more) {
    wanted.description_bytes = 2 * MiB;
    EXPECT_EQ(good(wanted).description, (Range{ram + 118 * MiB, 2 * MiB}));
    ++wanted.description_bytes;
    Refusal refusal = bad(wanted);
    EXPECT_EQ(refusal.part, Part::Description);
    EXPECT_EQ(refusal.why, Why::TooLarge);
    EXPECT_EQ(refusal.range.bytes, 2 * MiB + 1);
}

TEST_F(Placement, a_tree_lies_in_a_slot_of_its_own_or_nowhere) {
    wanted.initrd = Range{ram + 34 * MiB, 84 * MiB};
    wanted.kernel.base = default_address;
    EXPECT_EQ(good(wanted).description.base, ram + 118 * MiB);
    wanted.initrd->bytes = 84 * MiB + 1; // the slot is its now; below the kernel there is one more
    EXPECT_EQ(good(wanted).description.base, ram);
    VIREO_MUST(map.reserve(ram + 0x3fff, 1, "somebody"));
    EXPECT_EQ(bad(wanted).part, Part::Description);
    EXPECT_EQ(bad(wanted).why, Why::NoRoom);
    wanted.description_bytes = 0x3fff;
    EXPECT_EQ(good(wanted).description.base, ram);
}

TEST_F(Placement, verify_refuses_a_plan_that_breaks_a_rule) {
    const Plan plan = good(wanted);
    auto refusal = [&](auto&& change) {
        Plan broken = plan;
        change(broken);
        auto verified = boot::verify(broken, header.needs(), map);
        EXPECT_FALSE(verified);
        return verified ? Refusal{} : verified.error();
    };
    auto overlap = refusal([](Plan& p) { p.initrd->place.base = p.kernel.place.end() - 1; });
    EXPECT_EQ(overlap.part, Part::Initrd);
    EXPECT_STREQ(overlap.owner.owner, "the kernel");
    overlap = refusal([](Plan& p) { p.description.base = p.kernel.place.base; });
    EXPECT_EQ(overlap.part, Part::Description);
    EXPECT_STREQ(overlap.owner.owner, "the kernel");
    overlap = refusal([](Plan& p) { p.description.base = p.initrd->place.base; });
    EXPECT_EQ(overlap.part, Part::Description);
    EXPECT_STREQ(overlap.owner.owner, "the initrd");
    overlap = refusal([](Plan& p) { p.description.base = ram + 120 * MiB; });
    EXPECT_STREQ(overlap.owner.owner, "Vireo image");
    EXPECT_EQ(refusal([](Plan& p) { p.kernel.place.bytes = 200 * MiB; }).why, Why::NotRam);
    EXPECT_EQ(refusal([](Plan& p) { p.description.base += 4; }).why, Why::TooLarge);
    EXPECT_EQ(refusal([](Plan& p) { p.description.base += 2 * MiB - 0x3ff8; }).why, Why::NotFree);
    EXPECT_EQ(refusal([](Plan& p) { p.description.base -= 8; }).why, Why::TooLarge);
    // What would be overwritten before it is moved itself.
    overlap = refusal([](Plan& p) {
        p.kernel.now.base = p.initrd->place.base;
        p.initrd->now.base += 8 * MiB;
    });
    EXPECT_EQ(overlap.part, Part::Initrd);
    EXPECT_EQ(overlap.owner.base, plan.initrd->place.base);
}

TEST_F(Placement, verify_knows_how_far_a_kernel_reaches) {
    VIREO_MUST(map.add_ram(GiB + 128 * MiB, 64 * GiB));
    Plan plan = good(wanted);
    plan.initrd->place.base = 33 * GiB - 4 * MiB;
    EXPECT_TRUE(boot::verify(plan, header.needs(), map));
    plan.initrd->place.base += 1;
    auto verified = boot::verify(plan, header.needs(), map);
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().why, Why::NoRoom);
}

// A kernel that unpacks itself to the first 16 MiB, and may lie in the 64 above; all else below 100.
class UnpackingPlacement : public Placement {
  protected:
    UnpackingPlacement() {
        wanted.kernel = {ram + 16 * MiB, 4 * MiB};
        wanted.initrd = Range{ram + 90 * MiB, 4 * MiB};
    }
    Plan good(const ToPlace& parts) {
        auto plan = place(needs, parts, map);
        EXPECT_TRUE(plan);
        EXPECT_TRUE(plan && boot::verify(*plan, needs, map));
        return plan.value_or(Plan{});
    }
    Refusal bad(const ToPlace& parts) {
        auto plan = place(needs, parts, map);
        EXPECT_FALSE(plan);
        return plan ? Refusal{} : plan.error();
    }

    boot::Needs needs{.skipped_bytes = 0,
                      .file_bytes = 4 * MiB,
                      .image_bytes = 5 * MiB,
                      .entry_offset = 0x200,
                      .kernel = {.alignment = 4096, .lowest = ram + 16 * MiB, .end = ram + 80 * MiB},
                      .initrd = {.alignment = 4096, .lowest = ram, .end = ram + 100 * MiB},
                      .description = {.alignment = 2 * MiB, .lowest = ram, .end = ram + 100 * MiB},
                      .unpacks = {ram, 16 * MiB}};
};

TEST_F(UnpackingPlacement, what_lies_at_legal_places_stays) {
    Plan plan = good(wanted);
    EXPECT_FALSE(plan.kernel.moves());
    EXPECT_FALSE(plan.initrd->moves());
    EXPECT_EQ(plan.entry, ram + 16 * MiB + 0x200);
    EXPECT_EQ(plan.description.base, ram + 98 * MiB);
    wanted.kernel.base = ram + 75 * MiB; // its last byte is the last that it may have
    EXPECT_FALSE(good(wanted).kernel.moves());
    wanted.initrd->base = ram + 96 * MiB;
    EXPECT_FALSE(good(wanted).initrd->moves());
}

TEST_F(UnpackingPlacement, a_kernel_outside_of_its_window_moves_to_the_lowest_place) {
    for (u64 base : {ram + 12 * MiB, ram + 16 * MiB - 4096, ram + 75 * MiB + 4096, ram + 100 * MiB}) {
        wanted.kernel.base = base;
        EXPECT_EQ(good(wanted).kernel.place.base, ram + 16 * MiB) << base;
    }
    // Without a lower limit, what it unpacks to is kept off all the same.
    needs.kernel.lowest = 0;
    wanted.kernel.base = ram + 16 * MiB - 4096;
    EXPECT_EQ(good(wanted).kernel.place.base, ram + 16 * MiB);
    needs.kernel.end = ram + 20 * MiB;
    EXPECT_EQ(bad(wanted).why, Why::NoRoom);
}

TEST_F(UnpackingPlacement, an_initrd_where_the_kernel_unpacks_itself_or_out_of_its_reach_moves) {
    for (u64 base : {ram + 1 * MiB, ram + 16 * MiB - 4096, ram + 96 * MiB + 4096, ram + 110 * MiB}) {
        wanted.kernel.base = ram + 32 * MiB;
        wanted.initrd->base = base;
        EXPECT_EQ(good(wanted).initrd->place.base, ram + 96 * MiB) << base;
    }
    needs.initrd.end = ram + 16 * MiB + 4095;
    EXPECT_EQ(bad(wanted).why, Why::NoRoom);
}

TEST_F(UnpackingPlacement, what_it_unpacks_to_is_ram) {
    needs.unpacks.bytes = 128 * MiB;
    needs.kernel = {};
    EXPECT_EQ(bad(wanted).why, Why::NoRoom); // nothing is left for the kernel
    needs.unpacks.bytes = 128 * MiB + 1;
    Refusal refusal = bad(wanted);
    EXPECT_EQ(refusal.why, Why::NoRoom);
    EXPECT_EQ(refusal.range, needs.unpacks);
}

TEST_F(UnpackingPlacement, of_a_file_only_what_is_not_skipped_is_the_kernel) {
    needs.skipped_bytes = MiB;
    Plan plan = good(wanted);
    EXPECT_EQ(plan.kernel.now, (Range{ram + 17 * MiB, 3 * MiB}));
    EXPECT_FALSE(plan.kernel.moves());
    EXPECT_EQ(plan.entry, ram + 17 * MiB + 0x200);
    // A file that ends with what is skipped has no kernel.
    needs.file_bytes = 0;
    wanted.kernel.bytes = MiB;
    EXPECT_EQ(bad(wanted).why, Why::Cut);
    wanted.kernel.bytes = MiB + 1;
    EXPECT_EQ(good(wanted).kernel.now.bytes, 1u);
}

TEST_F(UnpackingPlacement, a_size_that_was_rounded_up_cuts_no_file) {
    needs.rounded_by = 15;
    wanted.kernel.bytes = 4 * MiB - 15;
    EXPECT_EQ(good(wanted).kernel.now.bytes, 4 * MiB - 15);
    --wanted.kernel.bytes;
    EXPECT_EQ(bad(wanted).why, Why::Cut);
    needs.file_bytes = 8; // less than what it may be rounded by
    EXPECT_EQ(good(wanted).kernel.now.bytes, 4 * MiB - 16);
}

TEST_F(UnpackingPlacement, a_kernel_for_one_address_goes_there_or_nowhere) {
    needs.unpacks = {};
    needs.kernel = {.alignment = u64{1} << 63, .skew = ram + 20 * MiB};
    EXPECT_EQ(good(wanted).kernel.place, (Range{ram + 20 * MiB, 5 * MiB}));
    wanted.kernel.base = ram + 20 * MiB;
    EXPECT_FALSE(good(wanted).kernel.moves());
    wanted.kernel.base = ram + 60 * MiB;
    wanted.initrd->base = ram + 25 * MiB;
    EXPECT_EQ(good(wanted).kernel.place.base, ram + 20 * MiB);
    wanted.initrd->base = ram + 25 * MiB - 1;
    EXPECT_EQ(bad(wanted).part, Part::Kernel);
    needs.kernel.skew = ram + 115 * MiB; // its last byte is the last before Vireo
    EXPECT_EQ(good(wanted).kernel.place.base, ram + 115 * MiB);
    ++needs.kernel.skew;
    EXPECT_EQ(bad(wanted).why, Why::NoRoom);
}

TEST_F(UnpackingPlacement, verify_refuses_a_plan_that_breaks_a_rule) {
    const Plan plan = good(wanted);
    auto refusal = [&](auto&& change) {
        Plan broken = plan;
        change(broken);
        auto verified = boot::verify(broken, needs, map);
        EXPECT_FALSE(verified);
        return verified ? Refusal{} : verified.error();
    };
    EXPECT_EQ(refusal([](Plan& p) { p.initrd->place.base = ram + 16 * MiB - 4096; }).why, Why::NotFree);
    EXPECT_EQ(refusal([](Plan& p) { p.description.base = ram + 14 * MiB; }).why, Why::NotFree);
    EXPECT_EQ(refusal([](Plan& p) { p.initrd->place.base += 6 * MiB + 1; }).why, Why::NoRoom);
    EXPECT_EQ(refusal([](Plan& p) { p.description.base = ram + 100 * MiB; }).why, Why::NoRoom);
    EXPECT_EQ(refusal([](Plan& p) { p.kernel.place.base -= 4096; }).why, Why::NotFree);
    EXPECT_EQ(refusal([](Plan& p) { p.kernel.place.base = ram + 75 * MiB + 1; }).part, Part::Kernel);
    EXPECT_EQ(refusal([](Plan& p) { p.kernel.place.base += 8; }).why, Why::NoRoom);
}

} // namespace
} // namespace vireo::test
