// SPDX-License-Identifier: Apache-2.0
// bootelf, and zboot with kernels in ELF files: what is said, what is written, and that a
// refusal changes nothing.
#include "unit/shell/fixture.h"
#include "unit/support/elf_image.h"
#include "unit/support/multiboot_image.h"

namespace vireo::test {
namespace {

constexpr u64 file_address = 0x40800000;

class BootElf : public ShellTest {
  protected:
    BootElf() {
        image.parts[0].virtual_address = image.parts[0].address = ScriptedMachine::base;
        image.parts[1].virtual_address = image.parts[1].address = ScriptedMachine::base + 0x10000;
        image.entry = ScriptedMachine::base;
        image.is_wide = true;
        image.machine = 183;
        for (u64 i = 0; i < 0x100000; ++i)
            *machine.memory(ScriptedMachine::base + i) = std::byte{0xee};
    }
    void put(const std::vector<std::byte>& bytes, u64 address = file_address) {
        file = bytes;
        std::memcpy(machine.memory(address), file.data(), file.size());
        context->loaded.remember({address, file.size()}, false);
    }
    std::vector<std::byte> patterned() {
        auto bytes = image.bytes();
        for (usize i = 0x1200; i < bytes.size(); ++i)
            bytes[i] = static_cast<std::byte>(i * 7 + (i >> 8));
        return bytes;
    }
    void pieces_are_there() {
        EXPECT_EQ(std::memcmp(machine.memory(ScriptedMachine::base), &file[0x1000], 0x800), 0);
        EXPECT_EQ(*machine.memory(ScriptedMachine::base + 0x800), std::byte{0xee});
        std::byte* second = machine.memory(ScriptedMachine::base + 0x10000);
        EXPECT_EQ(std::memcmp(second, &file[0x1800], 0x400), 0);
        EXPECT_TRUE(
            std::all_of(second + 0x400, second + 0x2000, [](std::byte b) { return b == std::byte{0}; }));
        EXPECT_EQ(second[0x2000], std::byte{0xee});
    }
    void refused(const std::string& line, const std::string& why) {
        std::vector<std::byte> before = machine.ram;
        EXPECT_EQ(run(line), why) << line;
        EXPECT_EQ(status, 1);
        EXPECT_EQ(machine.called, "");
        EXPECT_FALSE(machine.entered);
        EXPECT_EQ(inspector.quiesced, 0);
        EXPECT_TRUE(before == machine.ram) << line;
    }

    ElfImage image;
    std::vector<std::byte> file;
};

TEST_F(BootElf, its_pieces_are_where_they_belong_and_it_is_called_with_the_words) {
    put(patterned());
    machine.call_result = 0;
    EXPECT_EQ(run("bootelf 40800000 one two"), "## Starting application at 0x40000000 ...\n"
                                               "## Application terminated, rc = 0x0\n");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(machine.called, "one|two|");
    EXPECT_EQ(machine.called_written, (std::vector<Range>{{0x40000000, 0x800}, {0x40010000, 0x2000}}));
    EXPECT_EQ(inspector.quiesced, 1);
    EXPECT_EQ(inspector.rescans, 1);
    pieces_are_there();
}

TEST_F(BootElf, without_words_it_is_at_loadaddr_and_has_none) {
    ASSERT_TRUE(context->environment.set("loadaddr", "40800000"));
    put(patterned());
    machine.call_result = 7;
    EXPECT_TRUE(run("bootelf").ends_with("rc = 0x7\n"));
    EXPECT_EQ(status, 1);
    EXPECT_EQ(machine.called, "");
    EXPECT_EQ(run("bootelf -x 40800000").substr(0, 7), "bootelf");
}

TEST_F(BootElf, a_file_over_where_its_pieces_go) {
    for (u64 place : {u64{0x40000000}, u64{0x4000e800}, u64{0x4000f000}, u64{0x40010010}}) {
        std::memset(machine.memory(ScriptedMachine::base), 0xee, 0x100000);
        put(patterned(), place);
        StringBuffer<40> line;
        print(line, "bootelf {:x}", place);
        EXPECT_TRUE(run(std::string(line.view())).starts_with("## Starting")) << place;
        EXPECT_EQ(std::memcmp(machine.memory(ScriptedMachine::base), &file[0x1000], 0x800), 0) << place;
        EXPECT_EQ(std::memcmp(machine.memory(ScriptedMachine::base + 0x10000), &file[0x1800], 0x400), 0)
            << place;
    }
}

TEST_F(BootElf, by_sections) {
    image.sections = {{1, 0x1000, 2, 0x40000000, 0, 0x400}, {8, 0, 3, 0x40004000, 0, 0x100}};
    put(image.bytes());
    EXPECT_TRUE(run("bootelf -s 40800000").starts_with("## Starting application at 0x40000000"));
    EXPECT_EQ(machine.called_written, (std::vector<Range>{{0x40000000, 0x400}, {0x40004000, 0x100}}));
    EXPECT_EQ(*machine.memory(0x40004000), std::byte{0});
}

TEST_F(BootElf, what_cannot_be_called_is_named) {
    put(image.bytes());
    put_word(file, 0, 0);
    put(file);
    refused("bootelf 40800000", "Cannot boot: what lies at 0x40800000 is no kernel of a known kind\n");
    image.machine = 62;
    put(image.bytes());
    refused("bootelf 40800000",
            "Cannot boot: what lies at 0x40800000 is an ELF file, for another machine (x86_64)\n");
    image.machine = 183;
    image.entry = 0x40000800;
    put(image.bytes());
    refused("bootelf 40800000",
            "Cannot boot: the kernel at 0x40800000: corrupt (its entry point is in none of its segments)\n");
    image.entry = 0x40000000;
    image.parts[1].address = 0x50000000;
    put(image.bytes());
    refused("bootelf 40800000", "Cannot boot: the kernel at 0x50000000..0x50001fff is not in RAM\n");
    image.parts[1].address = 0x40010000;
    image.bytes_there = 0x1bff;
    put(image.bytes());
    refused("bootelf 40800000",
            "Cannot boot: the kernel at 0x40800000 is cut off: 7167 of its 7168 bytes are there\n");
}

TEST_F(BootElf, a_kernel_is_booted_by_its_protocol) {
    machine.kernels = system::Isa::X86_64;
    image.is_wide = false;
    image.machine = 3;
    auto bytes = image.bytes();
    put_multiboot2(bytes, 0x1100, {});
    put(bytes);
    ASSERT_TRUE(context->environment.set("bootargs", "one"));
    for (const char* line : {"bootelf 40800000", "zboot 40800000"}) {
        machine.entered.reset();
        std::string output = run(line);
        EXPECT_TRUE(output.starts_with(
            "   kernel       0x40000000..0x40011fff, out of the file at 0x40800000, a Multiboot2 kernel\n"
            "   information  0x40020000..0x400200"))
            << output;
        EXPECT_TRUE(output.contains("\n   command line one\n")) << output;
        ASSERT_TRUE(machine.entered);
        EXPECT_EQ(machine.entered->entry, 0x40000000u);
        EXPECT_EQ(machine.entered->description, 0x40020000u);
        EXPECT_TRUE(machine.entered->in_32_bit_mode);
        EXPECT_EQ(machine.entered->protocol, system::Machine::Handover::Protocol::Multiboot2);
    }
    bytes = ElfImage::with_note(image, 0x40000000, 4);
    put(bytes);
    machine.needed_words = " tsc_early_khz=1000";
    std::string output = run("zboot 40800000");
    EXPECT_TRUE(output.contains("a PVH kernel\n   start_info   0x40020000")) << output;
    EXPECT_TRUE(
        output.contains("   command line one tsc_early_khz=1000\n   added to it  tsc_early_khz=1000\n"));
    EXPECT_EQ(machine.entered->protocol, system::Machine::Handover::Protocol::Pvh);
    put(image.bytes());
    machine.entered.reset();
    inspector.quiesced = 0;
    refused("zboot 40800000",
            "Cannot boot: what lies at 0x40800000 is an ELF file, not an x86 Linux bzImage\n");
}

} // namespace
} // namespace vireo::test
