// SPDX-License-Identifier: Apache-2.0
// zboot, word for word, and what it does to memory. Where things may lie is proven in tests/unit/boot.
#include "boot/x86/boot_params.h"
#include "unit/shell/fixture.h"
#include "unit/support/x86_image.h"

namespace vireo::test {
namespace {

constexpr u64 kernel_address = 0x40200000;
constexpr u64 initrd_address = 0x40800000;
constexpr usize setup_bytes = 0x1000;
constexpr usize file_bytes = 0x10000;

// A kernel of 1 MiB in a file of 64 KiB, whose first 4 KiB stay behind, and an initrd of 0x4321 bytes.
class Zboot : public ShellTest {
  protected:
    Zboot() {
        machine.kernels = system::Isa::X86_64;
        image.setup_sectors = setup_bytes / 512 - 1;
        image.paragraphs = (file_bytes - setup_bytes) / 16;
        image.alignment = 4096;
        image.preferred_address = 0x40100000;
        image.memory_bytes = 1 << 20;
        put_kernel(kernel_address);
        context->loaded.remember({initrd_address, 0x4321}, false);
        std::memset(machine.memory(initrd_address), 0x77, 0x4321);
    }
    void put_kernel(u64 address) {
        auto bytes = image.bytes(file_bytes);
        std::memset(&bytes[setup_bytes], 0x90, file_bytes - setup_bytes);
        std::memcpy(machine.memory(address), bytes.data(), bytes.size());
        context->loaded.remember({address, bytes.size()}, false);
        ASSERT_TRUE(context->environment.set_hex("fileaddr", address));
    }
    boot::BootParamsPage params() {
        return *read_struct<boot::BootParamsPage>(Bytes(machine.memory(machine.entered->description), 4096));
    }
    std::string command_line() {
        return reinterpret_cast<const char*>(machine.memory(params().header.command_line_address));
    }

    // One line, the prompt comes back, and memory is as it was.
    void refused(const std::string& line, const std::string& why) {
        std::vector<std::byte> before = machine.ram;
        EXPECT_EQ(run(line), why) << line;
        EXPECT_EQ(status, 1);
        EXPECT_FALSE(machine.entered);
        EXPECT_EQ(inspector.quiesced, 0);
        EXPECT_TRUE(before == machine.ram) << line;
    }

    X86Image image;
};

TEST_F(Zboot, boots_what_lies_at_legal_places_where_it_is) {
    ASSERT_TRUE(context->environment.set("bootargs", "console=ttyS0 quiet"));
    EXPECT_EQ(run("zboot 40200000 0 40800000"),
              "   kernel       0x40201000..0x40300fff, an x86 Linux bzImage\n"
              "   initrd       0x40800000..0x40804320\n"
              "   boot_params  0x40ef0000..0x40ef1017\n"
              "   command line console=ttyS0 quiet\n"
              "\nStarting kernel ...\n\n"
              "Cannot boot: a scripted machine comes back\n");
    EXPECT_EQ(status, 1);
    ASSERT_TRUE(machine.entered);
    EXPECT_EQ(machine.entered->entry, kernel_address + setup_bytes + 0x200);
    EXPECT_FALSE(machine.entered->in_32_bit_mode);
    EXPECT_EQ(params().header.code32_start, kernel_address + setup_bytes);
    EXPECT_EQ(params().header.ramdisk_address, initrd_address);
    EXPECT_EQ(params().header.ramdisk_bytes, 0x4321u);
    EXPECT_EQ(command_line(), "console=ttyS0 quiet");
    EXPECT_EQ(inspector.quiesced, 1);
    EXPECT_EQ(inspector.rescans, 1);
}

TEST_F(Zboot, without_words_it_is_the_file_that_was_loaded_last) {
    run("zboot");
    ASSERT_TRUE(machine.entered);
    EXPECT_EQ(machine.entered->entry, kernel_address + setup_bytes + 0x200);
    EXPECT_EQ(params().header.ramdisk_bytes, 0u);
    EXPECT_EQ(command_line(), "");
}

TEST_F(Zboot, on_32_bits_and_without_a_64_bit_entry_it_is_entered_at_its_beginning) {
    machine.kernels = system::Isa::X86;
    run("zboot");
    EXPECT_EQ(machine.entered->entry, kernel_address + setup_bytes);
    EXPECT_FALSE(machine.entered->in_32_bit_mode);
    machine.kernels = system::Isa::X86_64;
    image.more_load_flags = 4;
    put_kernel(kernel_address);
    run("zboot");
    EXPECT_EQ(machine.entered->entry, kernel_address + setup_bytes);
    EXPECT_TRUE(machine.entered->in_32_bit_mode);
}

TEST_F(Zboot, one_that_lies_too_low_is_moved_without_its_first_sectors) {
    put_kernel(0x40000000);
    std::string output = run("zboot");
    EXPECT_TRUE(output.starts_with(
        "   kernel       0x40100000..0x401fffff, moved from 0x40001000, an x86 Linux bzImage\n"))
        << output;
    EXPECT_EQ(std::memcmp(machine.memory(0x40100000), machine.memory(0x40001000), file_bytes - setup_bytes),
              0);
    EXPECT_EQ(machine.entered->entry, 0x40100200u);
}

TEST_F(Zboot, the_first_sectors_may_lie_elsewhere) {
    std::vector<std::byte> setup(machine.memory(kernel_address),
                                 machine.memory(kernel_address) + setup_bytes);
    std::memcpy(machine.memory(0x40700000), setup.data(), setup.size());
    std::memset(machine.memory(0x40300000), 0x90, 0xf000);
    run("zboot 40300000 f000 - - 40700000");
    ASSERT_TRUE(machine.entered);
    EXPECT_EQ(machine.entered->entry, 0x40300200u);
    machine.entered.reset();
    inspector.quiesced = 0;
    refused("zboot 40300000 eff0 - - 40700000",
            "Cannot boot: the kernel at 0x40300000 is cut off: 61424 of its 61425 bytes are there\n");
    refused("zboot 40300000 f000 - - 40600000",
            "Cannot boot: what lies at 0x40600000 is no kernel of a known kind\n");
}

TEST_F(Zboot, a_variable_that_is_named_has_the_command_line) {
    ASSERT_TRUE(context->environment.set("bootargs", "no"));
    ASSERT_TRUE(context->environment.set("line", "yes"));
    run("zboot 40200000 - - - - line");
    EXPECT_EQ(command_line(), "yes");
    machine.entered.reset();
    inspector.quiesced = 0;
    refused("zboot 40200000 - - - - none", "zboot: there is no variable 'none' with a command line\n");
}

TEST_F(Zboot, what_the_machine_takes_is_added_to_the_command_line_and_said) {
    machine.needed_words = " tsc_early_khz=1000";
    ASSERT_TRUE(context->environment.set("bootargs", "quiet"));
    std::string output = run("zboot");
    EXPECT_TRUE(
        output.contains("   command line quiet tsc_early_khz=1000\n   added to it  tsc_early_khz=1000\n"))
        << output;
    EXPECT_EQ(command_line(), "quiet tsc_early_khz=1000");
}

TEST_F(Zboot, a_command_line_of_the_kernel_s_limit_and_one_character_more) {
    image.command_line_most = 20;
    put_kernel(kernel_address);
    ASSERT_TRUE(context->environment.set("bootargs", std::string(20, 'x')));
    run("zboot");
    EXPECT_EQ(command_line(), std::string(20, 'x'));
    machine.entered.reset();
    inspector.quiesced = 0;
    machine.needed_words = " y";
    refused("zboot", "Cannot boot: too large (the command line: this kernel takes 20 characters)\n");
}

TEST_F(Zboot, the_machine_s_tables_are_told_and_reserved) {
    constexpr Range taken[] = {{0x40010000, 0x1000}};
    machine.tables = system::Machine::FirmwareTables{.acpi_root = 0x40010040, .reserved = taken};
    run("zboot");
    EXPECT_EQ(params().acpi_root, 0x40010040u);
    auto page = params();
    bool is_reserved = std::any_of(page.address_map, page.address_map + page.address_ranges, [](auto& range) {
        return range.base == 0x40010000 && range.bytes == 0x1000 &&
               range.type == boot::AddressRange::reserved;
    });
    EXPECT_TRUE(is_reserved);
    machine.entered.reset();
    inspector.quiesced = 0;
    machine.tables = error(ErrorCode::Corrupt, "the host's tables");
    refused("zboot", "Cannot boot: corrupt (the host's tables)\n");
}

TEST_F(Zboot, step_by_step) {
    ASSERT_TRUE(context->environment.set("bootargs", "early"));
    EXPECT_EQ(run("zboot start 40200000 0 40800000"), "");
    ASSERT_TRUE(context->environment.set("bootargs", "late"));
    const std::string plan = "   kernel       0x40201000..0x40300fff, an x86 Linux bzImage\n"
                             "   initrd       0x40800000..0x40804320\n"
                             "   boot_params  0x40ef0000..0x40ef1007\n"
                             "   command line early\n";
    for (std::string_view step : {"zboot load", "zboot setup", "zboot info"})
        EXPECT_EQ(run(step), plan) << step;
    EXPECT_FALSE(machine.entered);
    std::string dump = run("zboot dump");
    EXPECT_TRUE(dump.starts_with("Setup located at 0000000040ef0000:\n\nACPI RSDP addr      : 0\nE820: "))
        << dump;
    EXPECT_TRUE(dump.contains("\nType of loader      : ff\nLoad flags          : 1\n"
                              "                    : loaded-high\n"))
        << dump;
    EXPECT_TRUE(dump.contains("\nRamdisk image       : 40800000\nRamdisk size        : 4321\n")) << dump;
    EXPECT_EQ(run("zboot go"), "\nStarting kernel ...\n\nCannot boot: a scripted machine comes back\n");
    EXPECT_EQ(params().header.ramdisk_address, initrd_address);
}

TEST_F(Zboot, parameters_that_lie_in_memory_are_shown) {
    std::string dump = run("zboot dump 40200000");
    EXPECT_TRUE(dump.contains("\nVersion             : 20f\n")) << dump;
    EXPECT_EQ(run("zboot dump 40fff001"), "0x40fff001..0x41000000 is not in RAM\n");
    EXPECT_EQ(status, 1);
}

TEST_F(Zboot, what_cannot_be) {
    context->loaded.remember({0x40300000, 0}, false);
    refused("zboot 40300000", "Cannot boot: what lies at 0x40300000 is no kernel of a known kind\n");
    refused("zboot 40200000 0 40400000", "Nothing was loaded to 0x40400000: say how long the initrd is\n");
    refused("zboot 40200000 x", "'x': not a number (hexadecimal)\n");
    refused("zboot 40200000 0 40800000 x", "'x': not a number (hexadecimal)\n");
    refused("zboot 40200000 fff0",
            "Cannot boot: the kernel at 0x40200000 is cut off: 65520 of its 65521 bytes are there\n");
    refused("zboot 40200000 0 40800000 700001",
            "Cannot boot: the initrd at 0x40800000..0x40f00000 is not free: "
            "0x40f00000..0x40ffffff belongs to Vireo image\n");
    refused("zboot 40200000 0 4020ffff 2", "Cannot boot: the initrd at 0x4020ffff..0x40210000 is not free: "
                                           "0x40200000..0x4020ffff belongs to the kernel\n");
    image.protocol = 0x207;
    put_kernel(kernel_address);
    refused("zboot",
            "Cannot boot: the kernel at 0x40200000: not supported (it is of boot protocol 207, which takes "
            "a PC's BIOS)\n");
}

TEST_F(Zboot, too_many_words_are_a_usage_error) {
    for (std::string_view line : {"zboot 1 2 3 4 5 6 7", "zboot load 1", "zboot go 1", "zboot dump 1 2"}) {
        std::string output = run(line);
        EXPECT_TRUE(output.contains("Usage:")) << line;
        EXPECT_EQ(status, 1);
    }
}

} // namespace
} // namespace vireo::test
