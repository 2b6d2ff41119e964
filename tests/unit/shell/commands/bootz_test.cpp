// SPDX-License-Identifier: Apache-2.0
// bootz, word for word. What it shares with booti is in booti_test.cpp.
#include "unit/shell/commands/boot_fixture.h"
#include "unit/support/arm64_image.h"
#include "unit/support/zimage.h"

namespace vireo::test {
namespace {

// It unpacks itself to the first 0x368000 bytes of RAM, and takes 0x50000 where it lies.
constexpr ZImage kernel{};
constexpr u64 unpacked_end = 0x40368000;
constexpr u64 kernel_bytes = 0x50000;

class Bootz : public BootTest {
  protected:
    Bootz() {
        machine.kernels = system::Isa::Arm;
        load(0x40400000, kernel.bytes());
        load(0x40800000, std::vector<std::byte>(0x4321, std::byte{0x77}));
    }
};

TEST_F(Bootz, boots_what_lies_at_legal_places_where_it_is) {
    ASSERT_TRUE(context->environment.set("bootargs", "console=ttyAMA0 quiet"));
    EXPECT_EQ(run("bootz 40400000 40800000"),
              "   kernel       0x40400000..0x4044ffff, a 32-bit Arm Linux zImage\n"
              "   initrd       0x40800000..0x40804320\n"
              "   device tree  0x40e00000..0x40e0014e\n"
              "   command line console=ttyAMA0 quiet\n"
              "\nStarting kernel ...\n\n"
              "Cannot boot: a scripted machine comes back\n");
    ASSERT_TRUE(machine.entered);
    EXPECT_EQ(machine.entered->entry, 0x40400000u);
    EXPECT_EQ(number("linux,initrd-start"), 0x40800000u);
    ASSERT_EQ(machine.entered->read_uncached.size(), 3u);
    EXPECT_EQ(machine.entered->read_uncached[1], (Range{0x40400000, 0x10000}));
}

TEST_F(Bootz, a_kernel_where_it_unpacks_itself_is_moved) {
    load(unpacked_end, kernel.bytes());
    EXPECT_TRUE(run("bootz 40368000").starts_with("   kernel       0x40368000..0x403b7fff, a 32-bit"));
    load(unpacked_end - 0x1000, kernel.bytes());
    std::string output = run("bootz 40367000");
    EXPECT_TRUE(output.starts_with("   kernel       0x40368000..0x403b7fff, moved from 0x40367000, a 32-bit"))
        << output;
    EXPECT_EQ(machine.entered->entry, unpacked_end);
    EXPECT_EQ(std::memcmp(machine.memory(unpacked_end), kernel.bytes().data(), kernel.file_bytes), 0);
}

TEST_F(Bootz, an_initrd_where_the_kernel_unpacks_itself_is_moved) {
    run("bootz 40400000 40368000:1000");
    EXPECT_EQ(number("linux,initrd-start"), unpacked_end);
    *machine.memory(unpacked_end - 1) = std::byte{0x42};
    std::string output = run("bootz 40400000 40367fff:1000");
    EXPECT_TRUE(output.contains("   initrd       0x40eff000..0x40efffff, moved from 0x40367fff\n")) << output;
    EXPECT_EQ(*machine.memory(0x40eff000), std::byte{0x42});
    // What inflates it takes what lies behind it.
    output = run("bootz 40400000 4044ffff:1000");
    EXPECT_TRUE(output.contains(", moved from 0x4044ffff\n")) << output;
    run("bootz 40400000 40450000:1000");
    EXPECT_EQ(number("linux,initrd-start"), 0x40400000 + kernel_bytes);
}

TEST_F(Bootz, a_kernel_that_does_not_say_how_much_it_unpacks_needs_more_ram) {
    load(0x40400000, ZImage{.table_magic = 0}.bytes());
    refused("bootz 40400000", "Cannot boot: no free RAM that fits the kernel: it takes 0x2208000 bytes\n");
}

TEST_F(Bootz, a_kernel_that_is_not_whole) {
    context->loaded.remember({0x40400000, 0xffff}, false);
    refused("bootz 40400000",
            "Cannot boot: the kernel at 0x40400000 is cut off: 65535 of its 65536 bytes are there\n");
    context->loaded.remember({0x40400000, 0x3b}, false);
    refused("bootz 40400000", "Cannot boot: the kernel at 0x40400000: corrupt (the header is cut off)\n");
    load(0x40400000, ZImage{.file_bytes = 0}.bytes());
    refused("bootz 40400000", "Cannot boot: the kernel at 0x40400000: corrupt "
                              "(the header says that it ends before it begins)\n");
}

// Both commands boot what this machine's kernels are, by the bytes.
TEST_F(Bootz, kernels_of_other_machines_are_named) {
    const std::string at = "Cannot boot: what lies at 0x40400000 is ";
    load(0x40400000, Arm64Image{}.bytes());
    refused("bootz 40400000", at + "an arm64 Linux Image, for another machine\n");
    refused("booti 40400000", at + "an arm64 Linux Image, for another machine\n");
    std::memcpy(machine.memory(0x40400038), "RSC\x05", 4);
    refused("bootz 40400000", at + "a RISC-V Linux Image, for another machine\n");
    machine.kernels = system::Isa::Arm64;
    load(0x40400000, kernel.bytes());
    refused("bootz 40400000", at + "a 32-bit Arm Linux zImage, for another machine\n");
}

} // namespace
} // namespace vireo::test
