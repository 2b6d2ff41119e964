// SPDX-License-Identifier: Apache-2.0
// How a range of memory is checked, and who hears Ctrl-C meanwhile.
#include "unit/shell/fixture.h"

namespace vireo::test {
namespace {

class MemoryRanges : public ShellTest {};

// Each page of a range was looked at first, 15 seconds for 16 GiB, and nobody heard Ctrl-C.
TEST_F(MemoryRanges, of_a_range_only_what_is_somebodys_is_looked_at) {
    machine.has_addresses = true;
    run("md.b 40000000 10; cmp.b 40000000 40000100 0; crc32 40000000 f00000");
    EXPECT_EQ(machine.accesses, "");
    run("crc32 40effff0 1020"); // 16 bytes before the reservation to 16 bytes into its second page
    EXPECT_EQ(machine.accesses, "1? 1? ");
    VIREO_MUST(memory.reserve(0x40f00800, 0x1000, "another's in the same place"));
    machine.accesses.clear();
    run("crc32 40000000 f02000");
    EXPECT_EQ(machine.accesses, "1? 1? ");
    machine.accesses.clear();
    run("crc32 40f00fff 2");
    EXPECT_EQ(machine.accesses, "1? 1? ");
}

TEST_F(MemoryRanges, control_c_ends_the_look_at_what_is_somebodys) {
    machine.has_addresses = true;
    VIREO_MUST(memory.release(0x40f00000));
    VIREO_MUST(memory.reserve(0x40000000, ScriptedMachine::bytes, "somebody"));
    for (std::string_view line :
         {"md.b 40000000 1000000", "cmp.b 40000000 40000010 fffff0", "crc32 40000000 1000000",
          "cp.b 40000000 9000000 1000000", "virtio write 40000000 0 8000"}) {
        if (line.starts_with("virtio"))
            plug(16 << 20);
        machine.accesses.clear();
        port.type_after_looks(6, "\x03");
        std::string text = run(line);
        EXPECT_TRUE(text.ends_with("<INTERRUPT>\n")) << text;
        EXPECT_EQ(text.find("cannot be read"), text.npos) << text;
        EXPECT_EQ(status, 1);
        EXPECT_LT(machine.accesses.size() / 3, 2000u) << line; // of 4,096 pages
    }
}

} // namespace
} // namespace vireo::test
