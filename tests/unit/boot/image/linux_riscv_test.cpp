// SPDX-License-Identifier: Apache-2.0
#include "boot/image/linux_riscv.h"

#include "boot/image/image.h"
#include "boot/plan/placement.h"
#include "unit/support/error_text.h"
#include "unit/support/riscv_image.h"

#include <gtest/gtest.h>
#include <vector>

namespace vireo::test {
namespace {

constexpr u64 KiB = 1 << 10;
constexpr u64 MiB = 1 << 20;
constexpr u64 GiB = 1 << 30;
constexpr u64 ram = 0x80000000;

void expect_refused(const RiscvImage& image, ErrorCode code, const char* why, usize count = 1024) {
    for (auto read : {boot::read_linux_riscv32, boot::read_linux_riscv64}) {
        auto needs = read(image.bytes(count), ram);
        ASSERT_FALSE(needs);
        EXPECT_EQ(needs.error().code, code);
        EXPECT_EQ(text_of(needs.error()), why);
    }
}

TEST(LinuxRiscv, debian_s_is_read_with_the_length_of_its_file) {
    auto head = RiscvImage{.file_bytes = 31'000'576}.bytes();
    EXPECT_EQ(boot::recognise(head), boot::ImageKind::LinuxRiscv);
    auto needs = VIREO_MUST(boot::read_linux_riscv64(head, ram));
    EXPECT_EQ(needs.kind, boot::ImageKind::LinuxRiscv);
    EXPECT_EQ(needs.image_bytes, 0x1e6c000u);
    EXPECT_EQ(needs.file_bytes, 31'000'576u);
    EXPECT_EQ(needs.entry_offset, 0u);
    EXPECT_EQ(needs.kernel.lowest, ram + 2 * MiB);
    EXPECT_EQ(needs.kernel.alignment, 2 * MiB);
    EXPECT_EQ(needs.kernel.skew, 0u);
    EXPECT_EQ(needs.description.end, 4 * GiB);
    EXPECT_EQ(needs.unpacks.bytes, 0u);
}

TEST(LinuxRiscv, on_32_bits_all_of_it_lies_in_the_first_gib) {
    auto needs = VIREO_MUST(boot::read_linux_riscv32(RiscvImage{.text_offset = 4 * MiB}.bytes(64), ram));
    EXPECT_EQ(needs.kernel.lowest, ram + 4 * MiB);
    EXPECT_EQ(needs.kernel.alignment, 4 * MiB);
    for (const auto& where : {needs.kernel, needs.initrd, needs.description})
        EXPECT_EQ(where.end, ram + GiB - 4 * KiB);
}

TEST(LinuxRiscv, what_counts_is_the_distance_from_a_boundary) {
    auto skew = [](u64 text_offset) {
        return VIREO_MUST(boot::read_linux_riscv64(RiscvImage{.text_offset = text_offset}.bytes(), ram))
            .kernel.skew;
    };
    EXPECT_EQ(skew(0), 0u);
    EXPECT_EQ(skew(0x80000), 0x80000u);
    EXPECT_EQ(skew(0xffffffffffe80000), 0x80000u);
}

TEST(LinuxRiscv, headers_that_are_refused) {
    expect_refused({}, ErrorCode::Corrupt, "the header is cut off", 63);
    expect_refused({}, ErrorCode::Corrupt, "the header is cut off", 0);
    EXPECT_TRUE(boot::read_linux_riscv64(RiscvImage{}.bytes(64), ram));
    expect_refused({.image_bytes = 0}, ErrorCode::Corrupt,
                   "the header does not say how much memory the kernel takes");
    expect_refused({.flags = 1}, ErrorCode::NotSupported, "it is big-endian");
    EXPECT_TRUE(boot::read_linux_riscv64(RiscvImage{.flags = 2}.bytes(), ram));
    expect_refused({.version = 0x10000}, ErrorCode::NotSupported, "its header is of version 1");
    EXPECT_TRUE(boot::read_linux_riscv64(RiscvImage{.version = 0xffff}.bytes(), ram));
}

// --- where its parts may lie ---

class RiscvPlacement : public testing::Test {
  protected:
    void add(u64 bytes) { VIREO_MUST(map.add_ram(ram, bytes)); }
    boot::Plan good(const boot::Needs& needs) {
        auto plan = boot::place(needs, wanted, map);
        EXPECT_TRUE(plan);
        if (!plan)
            return {};
        EXPECT_TRUE(boot::verify(*plan, needs, map));
        return *plan;
    }
    boot::Needs needs32 =
        boot::read_linux_riscv32(RiscvImage{.text_offset = 4 * MiB, .image_bytes = 5 * MiB}.bytes(), ram)
            .value();
    boot::Needs needs64 = boot::read_linux_riscv64(RiscvImage{.image_bytes = 32 * MiB}.bytes(), ram).value();
    system::MemoryMap map;
    boot::ToPlace wanted{.kernel = {ram + 4 * MiB, 5 * MiB},
                         .initrd = Range{ram + 64 * MiB, 4 * MiB},
                         .description_bytes = 0x4000};
};

TEST_F(RiscvPlacement, the_start_of_ram_is_not_for_kernels) {
    add(128 * MiB);
    EXPECT_FALSE(good(needs64).kernel.moves());
    wanted.kernel.base = ram;
    EXPECT_EQ(good(needs64).kernel.place.base, ram + 2 * MiB);
    EXPECT_EQ(good(needs32).kernel.place.base, ram + 4 * MiB);
    wanted.kernel.base = ram + 2 * MiB;
    EXPECT_FALSE(good(needs64).kernel.moves());
    EXPECT_EQ(good(needs32).kernel.place.base, ram + 4 * MiB);
    wanted.kernel.base = ram + 6 * MiB;
    EXPECT_FALSE(good(needs64).kernel.moves());
    EXPECT_TRUE(good(needs32).kernel.moves());
}

TEST_F(RiscvPlacement, on_32_bits_an_initrd_that_ends_with_the_first_gib_stays_and_a_page_later_moves) {
    add(2 * GiB);
    wanted.initrd = Range{ram + GiB - 4 * KiB - 4 * MiB, 4 * MiB};
    boot::Plan plan = good(needs32);
    EXPECT_FALSE(plan.initrd->moves());
    EXPECT_LT(plan.description.end(), ram + GiB);
    wanted.initrd->base += 4 * KiB;
    plan = good(needs32);
    EXPECT_EQ(plan.initrd->place.end(), ram + GiB - 4 * KiB);
    EXPECT_FALSE(good(needs64).initrd->moves());
    plan.initrd->place.base += 4 * KiB;
    EXPECT_FALSE(boot::verify(plan, needs32, map));
}

TEST_F(RiscvPlacement, a_kernel_beyond_the_first_gib_moves_on_32_bits) {
    add(2 * GiB);
    wanted.kernel.base = ram + GiB;
    EXPECT_EQ(good(needs32).kernel.place.base, ram + 4 * MiB);
    EXPECT_FALSE(good(needs64).kernel.moves());
}

TEST_F(RiscvPlacement, the_tree_lies_below_4_gib) {
    add(8 * GiB);
    boot::Plan plan = good(needs64);
    EXPECT_EQ(plan.description.base, 4 * GiB - 2 * MiB);
    plan.description.base = 4 * GiB;
    EXPECT_FALSE(boot::verify(plan, needs64, map));
    plan.description.base = 4 * GiB - plan.description.bytes;
    EXPECT_TRUE(boot::verify(plan, needs64, map));
    plan.description.base += 8;
    EXPECT_FALSE(boot::verify(plan, needs64, map));
}

} // namespace
} // namespace vireo::test
