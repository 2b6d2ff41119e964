// SPDX-License-Identifier: Apache-2.0
#include "unit/shell/commands/disk_fixture.h"

#include <sstream>

namespace vireo::test {
namespace {

// What is wrong with the data of a disk: a line for each kind, with a count, once until the disk changes.
class DiskWarnings : public FileCommands {
  protected:
    // An MBR whose partitions 1 and 2 hold file systems with a journal to replay; entry 2 reaches beyond the
    // disk, 3 and 4 lie behind it.
    TestDisk& plug_damaged() {
        make_tree();
        std::string image = make_ext(folder, "part.img", "-t ext4 -b 1024 -g 1024", "4M", folder / "tree");
        change_ext(folder, image,
                   "feature needs_recovery\nset_bg 0 checksum 0xffff\nset_bg 1 checksum 0xffff\n");
        std::string content = read_file(image);
        std::string path = folder / ("damaged" + std::to_string(disks.size()));
        write_sparse_file(path, 16 * mib, {{mib, content}, {8 * mib, content}});
        TestDisk& disk = plug_image(path);
        put_entry(disk, 0, 2048, 8192);
        put_entry(disk, 1, 16384, 20000);
        put_entry(disk, 2, 40000, 10);
        put_entry(disk, 3, 50000, 10);
        disk.bytes()[510] = std::byte{0x55};
        disk.bytes()[511] = std::byte{0xaa};
        return disk;
    }
    static void put_entry(TestDisk& disk, u32 index, u32 first, u32 count) {
        std::byte* entry = disk.bytes().data() + 446 + index * 16;
        entry[4] = std::byte{0x83};
        std::memcpy(entry + 8, &first, 4);
        std::memcpy(entry + 12, &count, 4);
    }
    // The warnings of a command, without the rest of what it prints.
    std::string warnings(std::string_view line) {
        std::string all = run(line);
        std::string text;
        std::stringstream lines(all);
        for (std::string one; std::getline(lines, one);)
            if (one.starts_with("warning: "))
                text += one.substr(9) + "\n";
        return text;
    }
    const std::string of_table =
        "virtio 0: MBR: partition 2: reaches beyond the end of the disk; cut there\n"
        "virtio 0: MBR: partition 3 and 1 more: behind the end of the disk; left out\n";
    static std::string of_files(const std::string& where) {
        return "virtio " + where + ": ext4: not cleanly unmounted; the journal was not replayed\n";
    }
};

TEST_F(DiskWarnings, are_told_once_for_each_part_of_a_disk) {
    plug_damaged();
    std::string first = warnings("ls virtio 0:1 /");
    EXPECT_TRUE(first.starts_with(of_table + of_files("0:1") + "virtio 0:1: ext4: group 0")) << first;
    EXPECT_TRUE(first.ends_with("its descriptor has a wrong checksum; used all the same\n")) << first;
    EXPECT_EQ(std::ranges::count(first, '\n'), 4);
    EXPECT_EQ(status, 0);
    for (std::string_view line : {"ls virtio 0:1 /", "load virtio 0:1 40100000 data.bin", "fstype virtio 0:1",
                                  "size virtio 0:1 data.bin", "test -e virtio 0:1 data.bin",
                                  "part start virtio 0 1", "part list virtio 0 v", "ls virtio 0 /"}) {
        EXPECT_EQ(warnings(line), "") << line;
        EXPECT_EQ(status, 0) << line;
    }
    std::string second = warnings("fstype virtio 0:2"); // another file system, the same table
    EXPECT_EQ(second, of_files("0:2"));
    EXPECT_EQ(run("load virtio 0:2 40100000 data.bin").substr(0, 18), "100000 bytes read ");
    EXPECT_TRUE(ram_equals(0x40100000, data_bytes()));
}

TEST_F(DiskWarnings, the_table_is_shown_with_what_is_wrong_with_it) {
    plug_damaged();
    for (std::string_view line : {"part list virtio 0", "part list virtio 0", "virtio part 0", "virtio part"})
        EXPECT_EQ(warnings(line), of_table) << line;
    EXPECT_NE(run("part list virtio 0").find("  2\t16384     \t16384     \t"), std::string::npos);
    EXPECT_EQ(warnings("part size virtio 0 2"), ""); // has been said
    EXPECT_EQ(warnings("virtio scan; part size virtio 0 2"), of_table);
}

TEST_F(DiskWarnings, are_news_when_the_disk_may_have_changed) {
    TestDisk& disk = plug_damaged();
    auto is_news = [&](std::string_view change) {
        EXPECT_EQ(warnings("part size virtio 0 1"), "") << change;
        run(change);
        return warnings("part size virtio 0 1") == of_table;
    };
    EXPECT_EQ(warnings("part size virtio 0 1"), of_table);
    EXPECT_FALSE(is_news("virtio info"));
    EXPECT_FALSE(is_news("virtio read 40000000 0 1"));
    EXPECT_TRUE(is_news("virtio read 40000000 0 1; virtio write 40000000 0 1"));
    EXPECT_TRUE(is_news("virtio erase 100 1"));
    EXPECT_TRUE(is_news("virtio scan"));
    EXPECT_FALSE(is_news("echo nothing"));
    disk.change_facts().block_count -= 8; // a smaller one
    EXPECT_EQ(warnings("part size virtio 0 1"), of_table);
    plug(mib);
    EXPECT_FALSE(is_news("virtio device 1; virtio erase 0 1")); // another disk
}

TEST_F(DiskWarnings, nothing_is_told_or_counts_as_told_while_the_user_presses_tab) {
    plug_damaged();
    EXPECT_EQ(type("ls virtio 0:1 /da\t\x03").find("warning"), std::string::npos);
    std::string first = warnings("ls virtio 0:1 /");
    EXPECT_TRUE(first.starts_with(of_table + of_files("0:1"))) << first;
}

TEST_F(DiskWarnings, of_many_parts_are_all_told) {
    shell::ToldFindings told;
    TestDisk& disk = plug(mib);
    constexpr block::FindingKind kind{"a", block::FindingKind::Number::None, "b"};
    for (u64 part = 0; part < 64; ++part)
        EXPECT_TRUE(told.is_news(disk, part, kind));
    for (u64 part = 0; part < 64; ++part)
        EXPECT_FALSE(told.is_news(disk, part, kind));
    EXPECT_TRUE(told.is_news(disk, 64, kind)); // the oldest makes room
    EXPECT_FALSE(told.is_news(disk, 64, kind));
    EXPECT_FALSE(told.is_news(disk, 1, kind));
    EXPECT_TRUE(told.is_news(disk, 0, kind));
}

// `ls virtio c` is hexadecimal, `virtio part 12` decimal, and each message speaks as the user did.
TEST_F(DiskWarnings, numbers_come_back_in_the_base_they_were_typed_in) {
    for (int i = 0; i < 12; ++i)
        plug(512);
    TestDisk& disk = plug(mib);
    disk.bytes()[450] = std::byte{0xee};
    disk.bytes()[458] = std::byte{1}; // a block count
    disk.bytes()[510] = std::byte{0x55};
    disk.bytes()[511] = std::byte{0xaa};
    EXPECT_EQ(run("ls virtio c"), "** Partition table of virtio c: corrupt (GPT: no header signature) **\n"
                                  "Couldn't find partition virtio c\n");
    EXPECT_EQ(run("part list virtio c"),
              "** Partition table of virtio c: corrupt (GPT: no header signature) **\n");
    EXPECT_EQ(run("virtio part 12"),
              "** Partition table of virtio 12: corrupt (GPT: no header signature) **\n");
    EXPECT_EQ(run("ls virtio c:x"),
              "** Bad partition specification virtio c:x **\nCouldn't find partition virtio c:x\n");
    disk.bytes()[450] = std::byte{0x83};
    put_entry(disk, 0, 1, 5000);
    EXPECT_EQ(run("part list virtio c").substr(0, 118),
              "warning: virtio c: MBR: partition 1: reaches beyond the end of the disk; cut there\n"
              "\nPartition Map for virtio device c ");
    EXPECT_EQ(run("virtio part 12").substr(0, 120),
              "warning: virtio 12: MBR: partition 1: reaches beyond the end of the disk; cut there\n"
              "\nPartition Map for virtio device 12 ");
    disk.bytes()[510] = std::byte{0};
    EXPECT_EQ(run("part start virtio c 1"), "** No partition table - virtio c **\n");
    EXPECT_EQ(run("ls virtio c:1"),
              "** No partition table - virtio c **\nCouldn't find partition virtio c:1\n");
    plug(mib);
    EXPECT_TRUE(run("virtio bench 13 1").starts_with("\nvirtio bench: device 13, 1 reads"));
}

// The same for partitions: `part` and `virtio part` count them in decimal, as the list does.
TEST_F(DiskWarnings, partition_numbers_as_well) {
    TestDisk& disk = plug(16 * mib);
    put_entry(disk, 0, 100, 30000);
    disk.bytes()[446 + 4] = std::byte{0x05};
    disk.bytes()[510] = std::byte{0x55};
    disk.bytes()[511] = std::byte{0xaa};
    for (u32 i = 0; i < 13; ++i) { // logical partitions 5 to 17; the last one is too long
        TestDisk::Access record{(100 + i * 10) * 512u, 512};
        std::byte* bytes = disk.bytes().data() + record.offset;
        u32 first = 1, count = i == 12 ? 60000 : 5, next = (i + 1) * 10;
        bytes[446 + 4] = std::byte{0x83};
        std::memcpy(bytes + 446 + 8, &first, 4);
        std::memcpy(bytes + 446 + 12, &count, 4);
        if (i < 12) {
            bytes[462 + 4] = std::byte{0x05};
            std::memcpy(bytes + 462 + 8, &next, 4);
            std::memcpy(bytes + 462 + 12, &count, 4);
        }
        bytes[510] = std::byte{0x55};
        bytes[511] = std::byte{0xaa};
    }
    const std::string text = ": reaches beyond the end of the disk; cut there\n";
    EXPECT_EQ(warnings("part list virtio 0"), "virtio 0: MBR: partition 17" + text);
    EXPECT_EQ(warnings("virtio part"), "virtio 0: MBR: partition 17" + text);
    EXPECT_EQ(warnings("virtio scan; fstype virtio 0:11"), "virtio 0: MBR: partition 11" + text);
    EXPECT_EQ(run("part size virtio 0 17"), run("setexpr x 8000 - dd; echo $x"));
}

TEST_F(DiskWarnings, a_disk_full_of_nonsense_is_heard_out_in_a_few_lines_and_ctrl_c_at_once) {
    TestDisk& disk = plug_table("label: gpt\n" + many_partitions());
    port.type_after_looks(4, "\x03");
    std::string text = run("part list virtio 0");
    EXPECT_LT(std::ranges::count(text, '\n'), 40) << text;
    EXPECT_NE(status, 0);
    most_lines = 700;
    EXPECT_GT(std::ranges::count(run("part list virtio 0"), '\n'), 500);
    (void)disk;
}

} // namespace
} // namespace vireo::test
