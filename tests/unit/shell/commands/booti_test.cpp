// SPDX-License-Identifier: Apache-2.0
// booti, word for word, and what it does to memory.
#include "bus/fdt/tree.h"
#include "unit/shell/commands/boot_fixture.h"
#include "unit/support/arm64_image.h"

namespace vireo::test {
namespace {

constexpr u64 kernel_address = 0x40200000;
constexpr u64 initrd_address = 0x40800000;

class ScriptedEntropy final : public device::EntropySource {
  public:
    explicit ScriptedEntropy(Result<> answer) : answer_(answer) {}
    Result<> read(MutableBytes bytes) override {
        std::ranges::fill(bytes, std::byte{++readings});
        return answer_;
    }
    std::string_view name() const override { return "scripted"; }
    u8 readings = 0;

  private:
    Result<> answer_;
};

// A kernel of 1 MiB in a file of 64 KiB, an initrd of 0x4321 bytes, and the machine's own tree.
class Booti : public BootTest {
  protected:
    Booti() {
        load(kernel_address, Arm64Image{.image_bytes = 1 << 20, .file_bytes = 0x10000}.bytes(0x10000));
        load(initrd_address, std::vector<std::byte>(0x4321, std::byte{0x77}));
    }
};

TEST_F(Booti, boots_what_lies_at_legal_places_where_it_is) {
    ASSERT_TRUE(context->environment.set("bootargs", "console=ttyAMA0 quiet"));
    EXPECT_EQ(run("booti 40200000 40800000"), "   kernel       0x40200000..0x402fffff, an arm64 Linux Image\n"
                                              "   initrd       0x40800000..0x40804320\n"
                                              "   device tree  0x40e00000..0x40e0014e\n"
                                              "   command line console=ttyAMA0 quiet\n"
                                              "\nStarting kernel ...\n\n"
                                              "Cannot boot: a scripted machine comes back\n");
    EXPECT_EQ(status, 1);
    ASSERT_TRUE(machine.entered);
    EXPECT_EQ(machine.entered->entry, kernel_address);
    EXPECT_EQ(machine.entered->description, 0x40e00000u);
    EXPECT_EQ(text("bootargs"), std::string("console=ttyAMA0 quiet\0", 22));
    EXPECT_EQ(number("linux,initrd-start"), initrd_address);
    EXPECT_EQ(number("linux,initrd-end"), initrd_address + 0x4321);
    EXPECT_EQ(inspector.quiesced, 1);
    EXPECT_EQ(inspector.rescans, 1);
}

TEST_F(Booti, caches_are_cleaned_for_the_bytes_that_are_there) {
    run("booti 40200000 40800000");
    ASSERT_EQ(machine.entered->read_uncached.size(), 3u);
    EXPECT_EQ(machine.entered->read_uncached[0], (Range{initrd_address, 0x4321}));
    EXPECT_EQ(machine.entered->read_uncached[1], (Range{kernel_address, 0x10000}));
    EXPECT_EQ(machine.entered->read_uncached[2].base, 0x40e00000u);
}

TEST_F(Booti, what_stays_vireo_s_is_reserved_in_the_tree) {
    auto reserved = [&] {
        machine.entered.reset();
        run("booti 40200000");
        EXPECT_TRUE(machine.entered);
        auto blob = Bytes(machine.memory(machine.entered->description), 0x200000);
        auto tree = VIREO_MUST(bus::fdt::Tree::open(blob));
        return tree.find("/reserved-memory/vireo@40f00000").has_value();
    };
    EXPECT_FALSE(reserved());
    machine.stays = Range{0x40f00000, 0x20000};
    EXPECT_TRUE(reserved());
}

TEST_F(Booti, without_an_initrd_or_arguments) {
    ASSERT_TRUE(context->environment.set("loadaddr", "40200000"));
    for (std::string_view line :
         {"booti", "booti 40200000", "booti 40200000 -", "booti 40200000 - 40f00000"}) {
        run(line);
        ASSERT_TRUE(machine.entered) << line;
        EXPECT_EQ(chosen("linux,initrd-start"), std::nullopt);
        EXPECT_EQ(text("bootargs"), std::string("from=tree\0", 10)); // kept
    }
}

TEST_F(Booti, an_empty_file_is_no_kernel_whatever_lay_there_before) {
    context->loaded.remember({kernel_address, 0}, false);
    refused("booti 40200000", "Cannot boot: what lies at 0x40200000 is no kernel of a known kind\n");
}

TEST_F(Booti, what_is_not_where_it_may_be_is_moved) {
    put(0x40900100, Arm64Image{.image_bytes = 1 << 20, .file_bytes = 0x10000}.bytes(0x10000));
    context->loaded.remember({0x40900100, 0x10000}, false);
    context->loaded.remember({0x40980000, 0x100000}, false);
    *machine.memory(0x40980000) = std::byte{0x42};
    std::string output = run("booti 40900100 40980000");
    EXPECT_TRUE(output.starts_with(
        "   kernel       0x40000000..0x400fffff, moved from 0x40900100, an arm64 Linux Image\n"
        "   initrd       0x40980000..0x40a7ffff\n"))
        << output;
    EXPECT_EQ(machine.entered->entry, 0x40000000u);
    EXPECT_EQ(std::memcmp(machine.memory(0x40000000), machine.memory(0x40900100), 0x10000), 0);
    // Zeroed data over the initrd.
    context->loaded.remember({0x402ff000, 0x2000}, false);
    *machine.memory(0x402ff000) = std::byte{0x43};
    output = run("booti 40200000 402ff000");
    EXPECT_TRUE(output.contains("   initrd       0x40efe000..0x40efffff, moved from 0x402ff000\n")) << output;
    EXPECT_EQ(*machine.memory(0x40efe000), std::byte{0x43});
    EXPECT_EQ(number("linux,initrd-start"), 0x40efe000u);
}

TEST_F(Booti, a_size_that_was_typed_counts) {
    run("booti 40200000 40800000:1000");
    EXPECT_EQ(number("linux,initrd-end"), initrd_address + 0x1000);
}

TEST_F(Booti, an_initrd_of_no_bytes_is_refused_whoever_says_so) {
    context->loaded.remember({0x40400000, 0}, false);
    refused("booti 40200000 40400000", "Cannot boot: the initrd at 0x40400000 has no bytes\n");
    refused("booti 40200000 40500000:0", "Cannot boot: the initrd at 0x40500000 has no bytes\n");
    run("booti 40200000 40400000:1");
    EXPECT_EQ(number("linux,initrd-end"), 0x40400001u);
}

TEST_F(Booti, an_initrd_of_unknown_size) {
    refused("booti 40200000 40400000",
            "Nothing was loaded to 0x40400000: say how long the initrd is, ADDRESS:SIZE\n");
    refused("booti 40200000 40800000:", "'': not a number (hexadecimal)\n");
    refused("booti 40200000 x", "'x': not a number (hexadecimal)\n");
    refused("booti x", "'x': not a number (hexadecimal)\n");
    refused("booti 40200000 - x", "'x': not a number (hexadecimal)\n");
}

TEST_F(Booti, what_is_no_kernel_is_named) {
    const std::string at = "Cannot boot: what lies at 0x40400000 is ";
    refused("booti 40400000", at + "no kernel of a known kind\n");
    put(0x40400000, std::as_bytes(std::span("070701")));
    refused("booti 40400000", at + "a cpio archive (an initrd), not an arm64 Linux Image\n");
    put(0x40400038, std::as_bytes(std::span("RSC\x05")));
    refused("booti 40400000", at + "a RISC-V Linux Image, for another machine\n");
    refused("booti 40effffe", "Cannot boot: what lies at 0x40effffe is no kernel of a known kind\n");
}

TEST_F(Booti, a_kernel_that_is_not_whole) {
    context->loaded.remember({kernel_address, 0xffff}, false);
    refused("booti 40200000",
            "Cannot boot: the kernel at 0x40200000 is cut off: 65535 of its 65536 bytes are there\n");
    context->loaded.remember({kernel_address, 63}, false);
    refused("booti 40200000", "Cannot boot: the kernel at 0x40200000: corrupt (the header is cut off)\n");
}

TEST_F(Booti, memory_of_others_is_named_with_its_owner) {
    refused("booti 40f80000", "Cannot boot: the kernel at 0x40f80000..0x40f80000 is not free: "
                              "0x40f00000..0x40ffffff belongs to Vireo image\n");
    refused("booti 41000000", "Cannot boot: the kernel at 0x41000000..0x41000000 is not in RAM\n");
    refused("booti 40200000 40e00000:100001",
            "Cannot boot: the initrd at 0x40e00000..0x40f00000 is not free: "
            "0x40f00000..0x40ffffff belongs to Vireo image\n");
    refused("booti 40200000 4020ffff:2", "Cannot boot: the initrd at 0x4020ffff..0x40210000 is not free: "
                                         "0x40200000..0x4020ffff belongs to the kernel\n");
    refused("booti 40200000 ffffffffffffffff:2",
            "Cannot boot: the initrd at 0xffffffffffffffff..0xffffffffffffffff is not in RAM\n");
}

TEST_F(Booti, an_image_that_no_ram_is_large_enough_for) {
    put(kernel_address, Arm64Image{.image_bytes = u64{1} << 40}.bytes());
    refused("booti 40200000", "Cannot boot: the kernel at 0x40200000..0x100401fffff is not in RAM\n");
    put(0x40400100, Arm64Image{.image_bytes = 13 << 20, .file_bytes = 0x10000}.bytes());
    EXPECT_TRUE(run("booti 40400100").contains("moved"));
    machine.entered.reset();
    inspector.quiesced = 0;
    put(0x40400100, Arm64Image{.image_bytes = (15 << 20) + 1, .file_bytes = 0x10000}.bytes());
    refused("booti 40400100", "Cannot boot: no free RAM that fits the kernel: it takes 0xf00001 bytes\n");
}

TEST_F(Booti, trees_that_are_none) {
    const std::string at = "Cannot boot: the device tree at ";
    refused("booti 40200000 - 40400000", at + "0x40400000: libfdt fdt_check_header(): FDT_ERR_BADMAGIC\n");
    refused("booti 40200000 - 41000000", at + "0x41000000..0x41000027 is not in RAM\n");
    run("fdt move 40f00000 40400000 1000");
    fdt_set_size_dt_struct(machine.memory(0x40400000), 4);
    refused("booti 40200000", at + "0x40400000: libfdt fdt_check_full(): FDT_ERR_BADSTRUCTURE\n");
    fdt_set_totalsize(machine.memory(0x40400000), 3 << 20);
    refused("booti 40200000", at + "0x40400000: fdt: corrupt (device tree of 3145728 bytes)\n");
}

TEST_F(Booti, a_machine_without_a_tree) {
    machine.tree.reset();
    refused("booti 40200000", "No device tree: this machine has none; load one, then 'fdt addr ADDRESS'\n");
}

TEST_F(Booti, seeds_are_fresh_from_a_device) {
    ScriptedEntropy broken(error(ErrorCode::Io, "scripted"));
    ScriptedEntropy source({});
    VIREO_MUST(registry.entropy.add(broken));
    VIREO_MUST(registry.entropy.add(source));
    run("booti 40200000");
    EXPECT_EQ(text("rng-seed"), std::string(32, '\1'));
    EXPECT_EQ(number("kaslr-seed"), 0x0101010101010101u);
    run("booti 40200000");
    EXPECT_EQ(text("rng-seed"), std::string(32, '\2'));
    registry.entropy.remove(source);
    registry.entropy.remove(broken);
}

TEST_F(Booti, the_tree_s_own_seeds_are_never_given_twice) {
    run("booti 40200000");
    std::string seed = text("rng-seed");
    u64 layout = number("kaslr-seed");
    EXPECT_EQ(seed.size(), 32u);
    EXPECT_NE(layout, 0u);
    event::poll_until(event::Deadline::after(event::Duration::milli(1)), [] { return false; });
    run("booti 40200000");
    EXPECT_NE(text("rng-seed"), seed);
    EXPECT_NE(number("kaslr-seed") >> 32, layout >> 32);
}

TEST_F(Booti, firmware_that_stays_below_is_in_the_tree) {
    machine.has_psci = true;
    run("booti 40200000");
    EXPECT_EQ(property("/psci", "method"), std::string("smc\0", 4));
    machine.has_psci = false;
    run("booti 40200000");
    EXPECT_EQ(property("/psci", "method"), "");
}

TEST_F(Booti, a_machine_that_cannot) {
    machine.enterable = error(ErrorCode::NotSupported, "not from here");
    refused("booti 40200000", "Cannot boot: not from here\n");
}

TEST_F(Booti, a_device_that_does_not_become_quiet_is_reason_to_stay) {
    inspector.quiet = error(ErrorCode::DeviceBroken, "a device may still write to memory");
    std::vector<std::byte> before = machine.ram;
    EXPECT_TRUE(run("booti 40200000")
                    .ends_with("\nStarting kernel ...\n\nCannot boot: device broken (a device may still "
                               "write to memory)\n"));
    EXPECT_FALSE(machine.entered);
    EXPECT_EQ(inspector.rescans, 1);
    EXPECT_TRUE(before == machine.ram);
}

} // namespace
} // namespace vireo::test
