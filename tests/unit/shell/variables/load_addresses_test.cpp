// SPDX-License-Identifier: Apache-2.0
// Where $kernel_addr_r and its like lie: in RAM that is free, apart from each other, as large
// as the machine allows.
#include "shell/variables/load_addresses.h"

#include <gtest/gtest.h>

#include <random>

namespace vireo::shell {
namespace {

constexpr u64 MiB = 1 << 20;
constexpr u64 GiB = 1 << 30;
using KernelPlace = system::Machine::KernelPlace;

// A machine as the boards are: RAM from `base` on, with Vireo's image, tree and heap at its top below 4 GiB.
void add_board(system::MemoryMap& map, u64 base, u64 bytes) {
    VIREO_MUST(map.add_ram(base, bytes));
    u64 heap = std::clamp<u64>(bytes / 8, 4 * MiB, 32 * MiB);
    VIREO_MUST(map.allocate(heap + MiB, 4096, "Vireo", 4 * GiB));
}

void expect_sound(const system::MemoryMap& map, const LoadAddresses& places, const KernelPlace& wanted) {
    const u64 ranges[][2] = {{places.kernel, places.kernel_bytes},
                             {places.device_tree, device_tree_bytes},
                             {places.script, script_bytes},
                             {places.pxe_file, pxe_file_bytes},
                             {places.ramdisk, places.ramdisk_bytes}};
    u64 end = 0;
    for (auto [base, bytes] : ranges) {
        EXPECT_GE(base, end);
        end = base + bytes;
        EXPECT_GT(bytes, 0u);
        EXPECT_TRUE(map.check_writable(base, bytes)) << std::hex << base << " " << bytes;
        EXPECT_LE(end, 4 * GiB);
    }
    EXPECT_EQ(places.kernel % wanted.alignment, 0u);
    EXPECT_EQ(places.device_tree % (2 * MiB), 0u) << "a tree may not straddle a 2 MiB boundary on arm64";
}

TEST(LoadAddresses, what_the_documents_say_of_the_boards) {
    struct Case {
        const char* board;
        u64 base, bytes;
        KernelPlace wanted;
        u64 kernel, kernel_mib, device_tree, script, pxe_file, ramdisk, least_ramdisk_mib;
    };
    constexpr Case cases[] = {
        {"arm",
         0x4000'0000,
         128 * MiB,
         {32 * MiB, 2 * MiB},
         0x4200'0000,
         64,
         0x4600'0000,
         0x4620'0000,
         0x4630'0000,
         0x4640'0000,
         10},
        {"arm64",
         0x4000'0000,
         128 * MiB,
         {2 * MiB, 2 * MiB},
         0x4020'0000,
         64,
         0x4420'0000,
         0x4440'0000,
         0x4450'0000,
         0x4460'0000,
         40},
        {"rv32",
         0x8000'0000,
         128 * MiB,
         {4 * MiB, 4 * MiB},
         0x8040'0000,
         64,
         0x8440'0000,
         0x8460'0000,
         0x8470'0000,
         0x8480'0000,
         38},
        {"rv64",
         0x8000'0000,
         128 * MiB,
         {2 * MiB, 2 * MiB},
         0x8020'0000,
         64,
         0x8420'0000,
         0x8440'0000,
         0x8450'0000,
         0x8460'0000,
         40},
        {"x86",
         0,
         128 * MiB,
         {16 * MiB, 2 * MiB},
         0x100'0000,
         64,
         0x500'0000,
         0x520'0000,
         0x530'0000,
         0x540'0000,
         26},
        {"arm64, 1 GiB",
         0x4000'0000,
         GiB,
         {2 * MiB, 2 * MiB},
         0x4020'0000,
         64,
         0x4420'0000,
         0x4440'0000,
         0x4450'0000,
         0x4460'0000,
         512},
        {"arm, 1 GiB",
         0x4000'0000,
         GiB,
         {32 * MiB, 2 * MiB},
         0x4200'0000,
         64,
         0x4600'0000,
         0x4620'0000,
         0x4630'0000,
         0x4640'0000,
         512},
        {"arm, 660 MiB",
         0x4000'0000,
         660 * MiB,
         {32 * MiB, 2 * MiB},
         0x4200'0000,
         64,
         0x4600'0000,
         0x4620'0000,
         0x4630'0000,
         0x4640'0000,
         512},
        {"rv32, 630 MiB",
         0x8000'0000,
         630 * MiB,
         {4 * MiB, 4 * MiB},
         0x8040'0000,
         64,
         0x8440'0000,
         0x8460'0000,
         0x8470'0000,
         0x8480'0000,
         512},
        {"x86, 640 MiB",
         0,
         640 * MiB,
         {16 * MiB, 2 * MiB},
         0x100'0000,
         64,
         0x500'0000,
         0x520'0000,
         0x530'0000,
         0x540'0000,
         512},
        {"arm64, 64 MiB",
         0x4000'0000,
         64 * MiB,
         {2 * MiB, 2 * MiB},
         0x4020'0000,
         32,
         0x4220'0000,
         0x4240'0000,
         0x4250'0000,
         0x4260'0000,
         16},
        {"arm, 64 MiB",
         0x4000'0000,
         64 * MiB,
         {32 * MiB, 2 * MiB},
         0x4200'0000,
         16,
         0x4300'0000,
         0x4320'0000,
         0x4330'0000,
         0x4340'0000,
         2},
        {"x86, 64 MiB",
         0,
         64 * MiB,
         {16 * MiB, 2 * MiB},
         0x100'0000,
         24,
         0x280'0000,
         0x2a0'0000,
         0x2b0'0000,
         0x2c0'0000,
         10},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.board);
        system::MemoryMap map;
        add_board(map, c.base, c.bytes);
        auto places = place_loads(map, c.wanted);
        ASSERT_TRUE(places.has_value());
        expect_sound(map, *places, c.wanted);
        EXPECT_EQ(places->kernel, c.kernel);
        EXPECT_EQ(places->kernel_bytes, c.kernel_mib * MiB);
        EXPECT_EQ(places->device_tree, c.device_tree);
        EXPECT_EQ(places->script, c.script);
        EXPECT_EQ(places->pxe_file, c.pxe_file);
        EXPECT_EQ(places->ramdisk, c.ramdisk);
        EXPECT_GE(places->ramdisk_bytes, c.least_ramdisk_mib * MiB);
    }
}

TEST(LoadAddresses, holes_and_banks_are_walked_around) {
    KernelPlace wanted{2 * MiB, 2 * MiB};
    {
        system::MemoryMap map; // somebody has taken the place where kernels go
        add_board(map, 0x4000'0000, GiB);
        VIREO_MUST(map.reserve(0x4100'0123, 3 * MiB, "firmware"));
        auto places = place_loads(map, wanted);
        ASSERT_TRUE(places.has_value());
        expect_sound(map, *places, wanted);
        EXPECT_EQ(places->kernel, 0x4140'0000u) << "the next boundary behind the hole";
        EXPECT_GE(places->ramdisk_bytes, 512 * MiB);
    }
    {
        system::MemoryMap map; // a ramdisk fits only into the second bank
        add_board(map, 0x4000'0000, 256 * MiB);
        VIREO_MUST(map.add_ram(0x8000'0000, GiB));
        auto places = place_loads(map, wanted);
        ASSERT_TRUE(places.has_value());
        expect_sound(map, *places, wanted);
        EXPECT_EQ(places->kernel, 0x4020'0000u);
        EXPECT_EQ(places->ramdisk, 0x8000'0000u);
        EXPECT_EQ(places->ramdisk_bytes, GiB);
    }
    {
        system::MemoryMap map; // RAM above 4 GiB is beyond a 32-bit board
        VIREO_MUST(map.add_ram(0x4000'0000, 32 * GiB));
        auto places = place_loads(map, wanted);
        ASSERT_TRUE(places.has_value());
        EXPECT_EQ(places->ramdisk + places->ramdisk_bytes, 4 * GiB);
    }
    {
        system::MemoryMap map;
        VIREO_MUST(map.add_ram(4 * GiB, GiB));
        EXPECT_FALSE(place_loads(map, wanted).has_value());
    }
}

TEST(LoadAddresses, a_machine_that_ends_below_the_wanted_distance_has_places_too) {
    system::MemoryMap map;
    add_board(map, 0x4000'0000, 32 * MiB);
    KernelPlace wanted{32 * MiB, 2 * MiB};
    auto places = place_loads(map, wanted);
    ASSERT_TRUE(places.has_value());
    expect_sound(map, *places, wanted);
    EXPECT_EQ(places->kernel, 0x4000'0000u);
}

TEST(LoadAddresses, too_little_ram_is_no_place) {
    KernelPlace wanted{0, 2 * MiB};
    system::MemoryMap none;
    EXPECT_FALSE(place_loads(none, wanted).has_value());
    for (u64 bytes = 0; bytes <= 12 * MiB; bytes += MiB / 4) {
        system::MemoryMap map;
        VIREO_MUST(map.add_ram(0x4000'0000, bytes));
        auto places = place_loads(map, wanted);
        EXPECT_EQ(places.has_value(), bytes >= (2 + 4) * MiB + MiB / 4) << bytes;
        if (places)
            expect_sound(map, *places, wanted);
    }
    system::MemoryMap wraps; // at the end of the address space, where aligning would wrap
    VIREO_MUST(wraps.add_ram(~u64{0} - 64 * MiB, 64 * MiB));
    EXPECT_FALSE(place_loads(wraps, wanted).has_value());
}

TEST(LoadAddresses, any_map_gives_sound_places_or_none) {
    std::mt19937_64 random(20261130);
    auto below = [&](u64 limit) { return random() % limit; };
    int placed = 0;
    for (int round = 0; round < 2000; ++round) {
        system::MemoryMap map;
        for (u64 banks = 1 + below(4); banks > 0; --banks)
            (void)map.add_ram(below(6 * GiB), below(below(2) ? 256 * MiB : 2 * GiB));
        for (u64 taken = below(24); taken > 0; --taken)
            (void)map.reserve(below(6 * GiB), below(64 * MiB), "somebody");
        KernelPlace wanted{below(20) * 2 * MiB, u64{2 * MiB} << below(2)};
        if (auto places = place_loads(map, wanted)) {
            expect_sound(map, *places, wanted);
            ++placed;
        }
    }
    EXPECT_GT(placed, 1000);
}

} // namespace
} // namespace vireo::shell
