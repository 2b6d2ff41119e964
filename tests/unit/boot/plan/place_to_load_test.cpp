// SPDX-License-Identifier: Apache-2.0
// Where to load what lies nowhere yet: at each bound, and at random against place(), which
// must leave it there.
#include "boot/plan/placement.h"

#include <gtest/gtest.h>
#include <random>

namespace vireo::test {
namespace {

using boot::LoadPlaces;
using boot::Needs;
using boot::Refusal;
using boot::ToLoad;
using Part = Refusal::Part;
using Why = Refusal::Why;

constexpr u64 MiB = 1 << 20;
constexpr u64 GiB = 1 << 30;
constexpr u64 ram = 0x40000000;

// As if it had been loaded there.
void check(const Needs& needs, const ToLoad& wanted, const LoadPlaces& places, const system::MemoryMap& map) {
    boot::ToPlace loaded{.kernel = {places.kernel, wanted.kernel_bytes},
                         .description_bytes = wanted.description_bytes};
    EXPECT_EQ(places.initrd.has_value(), wanted.initrd_bytes != 0);
    if (places.initrd)
        loaded.initrd = Range{*places.initrd, wanted.initrd_bytes};
    auto plan = place(needs, loaded, map);
    ASSERT_TRUE(plan);
    EXPECT_FALSE(plan->kernel.moves() || (plan->initrd && plan->initrd->moves()));
    EXPECT_TRUE(verify(*plan, needs, map));
}

// A machine of 128 MiB: its tree lies at the beginning, Vireo has the last 8.
class PlaceToLoad : public testing::Test {
  protected:
    PlaceToLoad() {
        VIREO_MUST(map.add_ram(ram, 128 * MiB));
        VIREO_MUST(map.reserve(ram, MiB, "device tree"));
        VIREO_MUST(map.reserve(ram + 120 * MiB, 8 * MiB, "Vireo image"));
    }

    LoadPlaces good() {
        auto places = place_to_load(needs, wanted, map);
        EXPECT_TRUE(places);
        if (!places)
            return {};
        check(needs, wanted, *places, map);
        return *places;
    }
    Refusal bad() {
        auto places = place_to_load(needs, wanted, map);
        EXPECT_FALSE(places);
        return places ? Refusal{} : places.error();
    }

    system::MemoryMap map;
    Needs needs{.kind = boot::ImageKind::LinuxArm64,
                .file_bytes = 30 * MiB,
                .image_bytes = 32 * MiB,
                .kernel = {.alignment = 2 * MiB},
                .description = {.alignment = 2 * MiB},
                .reach = 32 * GiB};
    ToLoad wanted{.kernel_bytes = 30 * MiB, .initrd_bytes = 4 * MiB, .description_bytes = 0x4000};
};

TEST_F(PlaceToLoad, the_kernel_low_and_the_initrd_high) {
    LoadPlaces places = good();
    EXPECT_EQ(places.kernel, ram + 2 * MiB);
    EXPECT_EQ(places.initrd, ram + 116 * MiB);
    wanted.initrd_bytes = 1;
    EXPECT_EQ(good().initrd, ram + 120 * MiB - 4096);
    wanted.initrd_bytes = 0;
    EXPECT_EQ(good().initrd, std::nullopt);
}

TEST_F(PlaceToLoad, a_kernel_at_its_distance_from_a_boundary) {
    needs.kernel.skew = 0x80000;
    EXPECT_EQ(good().kernel, ram + 2 * MiB + 0x80000);
    needs.kernel.skew = 0x100000;
    EXPECT_EQ(good().kernel, ram + MiB);
}

TEST_F(PlaceToLoad, what_stays_behind_lies_right_before_the_kernel) {
    needs.skipped_bytes = 0x5000;
    needs.file_bytes = 0;
    EXPECT_EQ(good().kernel, ram + 2 * MiB - 0x5000);
    needs.skipped_bytes = MiB; // up to what is somebody's
    EXPECT_EQ(good().kernel, ram + MiB);
    ++needs.skipped_bytes;
    EXPECT_EQ(good().kernel, ram + 3 * MiB - 1);
    // It may lie below where the kernel may.
    needs.kernel.lowest = ram + 16 * MiB;
    EXPECT_EQ(good().kernel, ram + 15 * MiB - 1);
    ++needs.kernel.lowest;
    EXPECT_EQ(good().kernel, ram + 17 * MiB - 1);
    needs.skipped_bytes = 30 * MiB;
    Refusal refusal = bad(); // nothing is left of the file
    EXPECT_EQ(refusal.why, Why::Cut);
    EXPECT_EQ(refusal.range.bytes, 30 * MiB + 1);
}

TEST_F(PlaceToLoad, a_kernel_of_all_free_ram_and_a_byte_more) {
    wanted = {.kernel_bytes = 30 * MiB};
    needs.image_bytes = 118 * MiB;
    EXPECT_EQ(good().kernel, ram + 2 * MiB);
    ++needs.image_bytes;
    Refusal refusal = bad();
    EXPECT_EQ(refusal.part, Part::Kernel);
    EXPECT_EQ(refusal.why, Why::NoRoom);
    EXPECT_EQ(refusal.range.bytes, 118 * MiB + 1);
    needs.image_bytes = ~u64{0};
    EXPECT_EQ(bad().why, Why::NoRoom);
    needs.skipped_bytes = 1; // together more than there are numbers
    EXPECT_EQ(bad().why, Why::NoRoom);
}

TEST_F(PlaceToLoad, a_window_that_the_kernel_fills_and_a_byte_less) {
    needs.kernel.lowest = ram + 40 * MiB;
    needs.kernel.end = ram + 72 * MiB;
    EXPECT_EQ(good().kernel, ram + 40 * MiB);
    --needs.kernel.end;
    EXPECT_EQ(bad().part, Part::Kernel);
}

TEST_F(PlaceToLoad, nothing_lies_where_the_kernel_unpacks_itself) {
    needs.unpacks = {ram, 80 * MiB};
    needs.kernel.alignment = 4096;
    needs.kernel.lowest = ram + 80 * MiB;
    EXPECT_EQ(good().kernel, ram + 80 * MiB);
    wanted.initrd_bytes = 8 * MiB - 4096; // what is left, less the tree
    wanted.description_bytes = 4096;
    needs.description.alignment = 4096;
    EXPECT_EQ(good().initrd, ram + 112 * MiB + 4096);
    wanted.initrd_bytes += 4096;
    EXPECT_EQ(bad().part, Part::Description);
    ++wanted.initrd_bytes;
    EXPECT_EQ(bad().part, Part::Initrd);
}

TEST_F(PlaceToLoad, an_initrd_of_all_that_is_left_and_a_byte_more) {
    wanted.description_bytes = 0;
    wanted.initrd_bytes = 86 * MiB;
    EXPECT_EQ(good().initrd, ram + 34 * MiB);
    ++wanted.initrd_bytes;
    Refusal refusal = bad();
    EXPECT_EQ(refusal.part, Part::Initrd);
    EXPECT_EQ(refusal.why, Why::NoRoom);
    EXPECT_EQ(refusal.range.bytes, 86 * MiB + 1);
    wanted.initrd_bytes = ~u64{0};
    EXPECT_EQ(bad().part, Part::Initrd);
}

TEST_F(PlaceToLoad, no_room_for_a_tree_is_known_before_anything_is_loaded) {
    wanted.initrd_bytes = 84 * MiB;
    wanted.description_bytes = 2 * MiB;
    EXPECT_EQ(good().initrd, ram + 36 * MiB);
    ++wanted.initrd_bytes;
    EXPECT_EQ(bad().part, Part::Description);
    wanted.description_bytes = 2 * MiB + 1;
    EXPECT_EQ(bad().why, Why::TooLarge);
}

TEST_F(PlaceToLoad, an_initrd_within_reach) {
    VIREO_MUST(map.add_ram(32 * GiB, 64 * GiB));
    EXPECT_EQ(good().initrd, 33 * GiB - 4 * MiB);
    needs.initrd.end = ram + 64 * MiB;
    EXPECT_EQ(good().initrd, ram + 60 * MiB);
    needs.initrd.end = ~u64{0};
    needs.reach = 0;
    EXPECT_EQ(good().initrd, 96 * GiB - 4 * MiB);
}

TEST_F(PlaceToLoad, a_file_that_is_cut_off_and_one_that_goes_on) {
    --wanted.kernel_bytes;
    EXPECT_EQ(bad().why, Why::Cut);
    wanted.kernel_bytes = 118 * MiB; // something is appended
    wanted.initrd_bytes = wanted.description_bytes = 0;
    EXPECT_EQ(good().kernel, ram + 2 * MiB);
    ++wanted.kernel_bytes;
    EXPECT_EQ(bad().why, Why::NoRoom);
}

TEST(PlaceToLoadAtRandom, nothing_moves) {
    std::mt19937_64 random(1);
    auto below = [&](u64 n) { return random() % n; };
    int fit = 0;
    for (int round = 0; round < 2000; ++round) {
        system::MemoryMap map;
        VIREO_MUST(map.add_ram(below(4) * GiB, (1 + below(200)) * MiB));
        VIREO_MUST(map.add_ram(8 * GiB, below(200) * MiB));
        for (u64 i = below(4); i > 0; --i)
            VIREO_MUST(map.reserve(below(300) * MiB, 1 + below(40 * MiB), "somebody"));
        u64 alignment = u64{1} << (12 + below(12));
        Needs needs{.skipped_bytes = below(2) * below(0x10000),
                    .image_bytes = 1 + below(64 * MiB),
                    .kernel = {.alignment = alignment, .skew = below(alignment), .lowest = below(100 * MiB)},
                    .initrd = {.alignment = 4096, .lowest = below(50 * MiB), .end = below(12) * GiB},
                    .description = {.alignment = 2 * MiB},
                    .reach = below(3) * GiB};
        ToLoad wanted{.kernel_bytes = needs.skipped_bytes + 1 + below(40 * MiB),
                      .initrd_bytes = below(2) * below(40 * MiB),
                      .description_bytes = below(0x10000)};
        auto places = place_to_load(needs, wanted, map);
        if (!places)
            continue;
        ++fit;
        check(needs, wanted, *places, map);
    }
    EXPECT_GT(fit, 300);
}

} // namespace
} // namespace vireo::test
