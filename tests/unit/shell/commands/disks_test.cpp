// SPDX-License-Identifier: Apache-2.0
// Commands about disks, partitions and files: virtio, part, ls, load, size, fstype, rng. Formats as
// documented.
#include "unit/shell/commands/disk_fixture.h"

#include "shell/arguments.h"

namespace vireo::test {
namespace {

TEST_F(Disks, virtio_without_disks) {
    EXPECT_EQ(run("virtio info"), "");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("virtio device"), "\nno virtio devices available\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("virtio device 0"), "\nDevice 0: unknown device\n");
    EXPECT_EQ(run("virtio part"), "\nno virtio partition table available\n");
    EXPECT_EQ(run("virtio part 99"), "\nvirtio device 99 not available\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("virtio read 40000000 0 1"),
              "\nvirtio read: device 0 block # 0, count 1 ... 0 blocks read: ERROR: no virtio device 0\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("virtio list"), "no virtio devices found\n");
}

TEST_F(Disks, virtio_scan_is_silent) {
    EXPECT_EQ(run("virtio scan"), "");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(inspector.rescans, 1);
    inspector.has_transport = false;
    EXPECT_EQ(run("virtio scan"), "virtio scan: not supported (no VirtIO transport)\n");
    EXPECT_EQ(status, 1);
}

TEST_F(Disks, virtio_list) {
    inspector.names = {"first", "second"};
    EXPECT_EQ(run("virtio list"), "0: first\n1: second\n");
}

TEST_F(Disks, virtio_info_is_the_documented_text) {
    plug(512).change_facts().block_count = 8388608;
    EXPECT_EQ(run("virtio info"), "Device 0: QEMU VirtIO Block Device\n"
                                  "            Type: Hard Disk\n"
                                  "            Capacity: 4096.0 MB = 4.0 GB (8388608 x 512)\n");
    EXPECT_EQ(run("virtio inf"), run("virtio info"));
}

TEST_F(Disks, capacities_of_all_sizes) {
    auto& facts = plug(512).change_facts();
    auto capacity = [&](u64 count, u32 bytes) {
        facts.block_count = count;
        facts.block_bytes = bytes;
        std::string text = run("virtio info");
        return text.substr(text.find("Capacity"));
    };
    EXPECT_EQ(capacity(131072, 512), "Capacity: 64.0 MB = 0.0 GB (131072 x 512)\n");
    EXPECT_EQ(capacity(0, 512), "Capacity: 0.0 MB = 0.0 GB (0 x 512)\n");
    EXPECT_EQ(capacity(1, 512), "Capacity: 0.0 MB = 0.0 GB (1 x 512)\n");
    EXPECT_EQ(capacity(6442450944, 512), "Capacity: 3145728.0 MB = 3072.0 GB (6442450944 x 512)\n");
    EXPECT_EQ(capacity(262144, 4096), "Capacity: 1024.0 MB = 1.0 GB (262144 x 4096)\n");
    EXPECT_EQ(capacity(3000, 512), "Capacity: 1.4 MB = 0.0 GB (3000 x 512)\n");
    EXPECT_EQ(capacity((u64{1} << 55) - 1, 512), // 2^64 - 512 bytes
              "Capacity: 17592186044415.9 MB = 17179869183.9 GB (36028797018963967 x 512)\n");
}

TEST_F(Disks, virtio_device) {
    plug(64 * mib);
    plug(1 * mib);
    std::string first =
        "QEMU VirtIO Block Device\n            Type: Hard Disk\n            Capacity: 64.0 MB = 0.0 GB "
        "(131072 x 512)\n";
    std::string second =
        "QEMU VirtIO Block Device\n            Type: Hard Disk\n            Capacity: 1.0 MB = 0.0 GB "
        "(2048 x 512)\n";
    EXPECT_EQ(run("virtio device"), "\nVirtIO device 0: " + first);
    EXPECT_EQ(run("virtio dev 1"), "\nDevice 1: " + second + "... is now current device\n");
    EXPECT_EQ(run("virtio device"), "\nVirtIO device 1: " + second);
    EXPECT_EQ(run("virtio device 7"), "\nDevice 7: unknown device\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("virtio device"), "\nVirtIO device 1: " + second); // unchanged
    EXPECT_EQ(run("virtio device x"), "'x': not a number (decimal)\n");
    EXPECT_EQ(status, 1);
}

TEST_F(Disks, virtio_read_and_write) {
    TestDisk& disk = patterned(mib);
    EXPECT_EQ(run("virtio read 40000000 0 1"),
              "\nvirtio read: device 0 block # 0, count 1 ... 1 blocks read: OK\n");
    EXPECT_TRUE(ram_equals(0x40000000, disk.bytes().first(512)));
    EXPECT_EQ(run("virtio read 0x40001000 10 20"),
              "\nvirtio read: device 0 block # 16, count 32 ... 32 blocks read: OK\n");
    EXPECT_TRUE(ram_equals(0x40001000, disk.bytes().subspan(0x2000, 0x4000)));
    run("mw.b 40000000 5a 400");
    EXPECT_EQ(run("virtio write 40000000 7fe 2"),
              "\nvirtio write: device 0 block # 2046, count 2 ... 2 blocks written: OK\n");
    EXPECT_TRUE(ram_equals(0x40000000, disk.bytes().last(1024)));
    EXPECT_EQ(run("virtio read 40000000 0 0"),
              "\nvirtio read: device 0 block # 0, count 0 ... 0 blocks read: OK\n");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("virtio read 0 ffffffffffffffff 0"),
              "\nvirtio read: device 0 block # 18446744073709551615, count 0 ... 0 blocks read: OK\n");
}

TEST_F(Disks, blocks_are_the_disks_own) {
    TestDisk& disk = patterned(mib, {.block_bytes = 4096});
    EXPECT_EQ(run("virtio read 40000000 2 3"),
              "\nvirtio read: device 0 block # 2, count 3 ... 3 blocks read: OK\n");
    EXPECT_TRUE(ram_equals(0x40000000, disk.bytes().subspan(0x2000, 0x3000)));
}

TEST_F(Disks, what_cannot_be_read_is_refused_before_any_request) {
    TestDisk& disk = patterned(mib);
    auto refused = [&](const std::string& words, const std::string& why) {
        for (std::string direction : {"read", "write"}) {
            std::string done = direction == "read" ? "read" : "written";
            std::string text = run("virtio " + direction + " " + words);
            EXPECT_TRUE(text.ends_with(" ... 0 blocks " + done + ": ERROR: " + why + "\n"))
                << words << ": " << text;
            EXPECT_EQ(status, 1);
        }
    };
    std::string beyond = "beyond the end, the disk has 2048 blocks";
    refused("40000000 800 1", beyond);
    refused("40000000 7ff 2", beyond);
    refused("40000000 0 801", beyond);
    refused("40000000 ffffffffffffffff 1", beyond);
    refused("40000000 fffffffffffffffe 4", beyond);
    refused("40000000 0 ffffffffffffffff", beyond);
    refused("40000000 100000000 1", beyond);
    refused("3ffffe00 0 2", "0x3ffffe00..0x400001ff is not in RAM");
    refused("0 0 1", "0x00000000..0x000001ff is not in RAM");
    refused("fffffffffffffff0 0 1", "0xfffffffffffffff0..0xffffffffffffffff is not in RAM");
    EXPECT_EQ(run("virtio read 40effe00 0 2"), "\nvirtio read: device 0 block # 0, count 2 ... 0 blocks "
                                               "read: ERROR: 0x40effe00..0x40f001ff is not free: "
                                               "0x40f00000..0x40ffffff belongs to Vireo image\n");
    for (std::string_view bad :
         {"xyz 0 1", "40000000 zz 1", "40000000 0 --1", "40000000 0 10000000000000000"}) {
        std::string text = run("virtio read " + std::string(bad));
        EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
        EXPECT_EQ(text[0], '\'');
        EXPECT_EQ(status, 1);
    }
    EXPECT_TRUE(disk.accesses.empty());
}

TEST_F(Disks, errors_name_the_cause) {
    TestDisk& disk = patterned(mib);
    disk.bad.push_back({512, 1024});
    EXPECT_EQ(run("virtio read 40000000 0 4"),
              "\nvirtio read: device 0 block # 0, count 4 ... 0 blocks read: ERROR: I/O error (bad block)\n");
    EXPECT_EQ(status, 1);
    disk.change_facts().read_only = true;
    std::string text = run("virtio write 40000000 8 1");
    EXPECT_TRUE(text.starts_with(
        "\nvirtio write: device 0 block # 8, count 1 ... 0 blocks written: ERROR: read-only"))
        << text;
    EXPECT_EQ(status, 1);
}

TEST_F(Disks, control_characters_from_a_device_do_not_reach_the_terminal) {
    std::strcpy(plug(mib).change_facts().product, "bad\x1b[2J\x07name");
    EXPECT_EQ(run("virtio info").substr(0, 29), "Device 0: bad?[2J?name\n      ");
}

TEST_F(PartitionCommands, part_list_gpt) {
    plug_table(gpt);
    std::string text = run("part list virtio 0");
    EXPECT_EQ(text.substr(0, text.find("\ttype:")),
              "\nPartition Map for virtio device 0  --   Partition Type: EFI\n"
              "\n"
              "Part\tStart LBA\tEnd LBA\t\tName\n"
              "\tAttributes\n"
              "\tType GUID\n"
              "\tPartition GUID\n"
              "  1\t0x00000800\t0x000107ff\t\"first\"\n"
              "\tattrs:\t0x0000000000000000\n");
    EXPECT_NE(text.find("\ttype:\t0fc63daf-8483-4772-8e79-3d69d8477de4\n"
                        "\tguid:\t01234567-89ab-cdef-0123-456789abcdef\n"
                        "  2\t0x00010800\t0x00010fff\t\"second one\"\n"
                        "\tattrs:\t0x0000000000000004\n"),
              text.npos)
        << text;
    EXPECT_EQ(run("virtio part 0"), text);
    EXPECT_EQ(run("virtio part"), text);
}

TEST_F(PartitionCommands, part_list_mbr) {
    plug_table(mbr);
    EXPECT_EQ(run("part list virtio 0"), "\nPartition Map for virtio device 0  --   Partition Type: DOS\n"
                                         "\n"
                                         "Part\tStart Sector\tNum Sectors\tUUID\t\tType\n"
                                         "  1\t2048      \t2048      \tcafe1234-01\t0c\n"
                                         "  2\t4096      \t60000     \tcafe1234-02\t05 Extd\n"
                                         "  3\t67584     \t4096      \tcafe1234-03\t83 Boot\n"
                                         "  5\t6144      \t2048      \tcafe1234-05\t83\n");
}

TEST_F(PartitionCommands, virtio_part_shows_all_tables_and_skips_other_disks) {
    plug(mib);
    plug_table(mbr);
    plug_table(gpt);
    std::string text = run("virtio part");
    EXPECT_EQ(text, run("part list virtio 1") + "\n" + run("part list virtio 2"));
    EXPECT_EQ(run("virtio part 0"), "## Unknown partition table type 0\n");
    EXPECT_EQ(status, 1);
}

TEST_F(PartitionCommands, part_start_size_number_uuid_types) {
    plug_table(gpt);
    plug_table(mbr);
    EXPECT_EQ(run("part start virtio 0 2"), "10800\n");
    EXPECT_EQ(run("part size virtio 0 2"), "800\n");
    EXPECT_EQ(run("part start virtio 0 'second one'; part number virtio 0 'second one'"), "10800\n0x2\n");
    EXPECT_EQ(run("part size virtio 0 1 s; part start virtio 0 first t; echo $s $t"), "10000 800\n");
    EXPECT_EQ(run("part uuid virtio 0:1"), "01234567-89ab-cdef-0123-456789abcdef\n");
    EXPECT_EQ(run("part uuid virtio 1:5 u; echo $u"), "cafe1234-05\n");
    EXPECT_EQ(run("part list virtio 1 p; echo $p; part list virtio 1 -bootable p; echo $p"), "1 2 3 5\n3\n");
    EXPECT_EQ(run("part types"), "Supported partition tables: EFI, DOS\n");
    EXPECT_EQ(run("part start virtio 0 9"), "** Invalid partition 9 **\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("part list virtio 9"), "** Bad device specification virtio 9 **\n");
    EXPECT_EQ(status, 1);
    plug(mib);
    EXPECT_EQ(run("part start virtio 2 1"), "** No partition table - virtio 2 **\n");
    EXPECT_EQ(status, 1);
}

TEST_F(PartitionCommands, an_efi_system_partition_is_bootable) {
    plug_table("label: gpt\nstart=2048, size=2048\nstart=4096, size=2048, "
               "type=21686148-6449-6E6F-744E-656564454649\n"
               "start=6144, size=2048, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n");
    plug_table("label: dos\nstart=2048, size=2048, type=83\nstart=4096, size=2048, type=ef\n");
    EXPECT_EQ(run("part list virtio 0 -bootable"), "3\n");
    EXPECT_EQ(run("part list virtio 1 -bootable"), "2\n");
    EXPECT_NE(run("part list virtio 1").find("-02\tef Boot\n"), std::string::npos);
    // And what no partition, or :auto, means: the error shows which.
    std::string image = make_ext(folder, "esp.img", "-t ext2 -L found", "1M", "");
    std::string content = read_file(image);
    disks[0]->put(6144 * 512, std::as_bytes(std::span(content)));
    disks[1]->put(4096 * 512, std::as_bytes(std::span(content)));
    for (std::string_view spec : {"0", "0:", "0:auto", "1", "1:auto"})
        EXPECT_EQ(run("fstype virtio " + std::string(spec)), "ext4\n") << spec;
    EXPECT_EQ(run("fstype virtio 0:1"), "** Unrecognized filesystem type (virtio 0:1) **\n");
}

TEST_F(FileCommands, errors_do_not_say_the_same_twice) {
    plug_image(make_image());
    EXPECT_EQ(run("ls virtio 0 data.bin"),
              "Failed to list 'data.bin': not a directory (a directory is wanted)\n");
    EXPECT_EQ(run("ls virtio 0 data.bin/x"),
              "Failed to list 'data.bin/x': not a directory ('/' follows its name)\n");
    EXPECT_EQ(run("size virtio 0 data.bin/"),
              "Failed to size 'data.bin/': not a directory ('/' follows its name)\n");
    EXPECT_EQ(run("load virtio 0 40100000 root"),
              "Failed to load 'root': is a directory (a file is wanted)\n");
}

TEST_F(FileCommands, ls_prints_the_documented_lines) {
    plug_image(make_image());
    std::string text = run("ls virtio 0 /");
    for (std::string_view line :
         {"<DIR>       4096 .\n", "<DIR>       4096 ..\n", "<DIR>      16384 lost+found\n",
          "<DIR>       4096 dev\n", "<SYM>          7 bin\n", "<DIR>       4096 root\n",
          "               0 .autorelabel\n", "          100000 data.bin\n"})
        EXPECT_NE(("\n" + text).find("\n" + std::string(line)), text.npos) << line;
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("ls virtio 0"), text);
    EXPECT_EQ(run("ls virtio 0:0 /"), text);
    EXPECT_EQ(run("ls virtio :0 /"), text);
    EXPECT_EQ(run("ls virtio 0: /"), text);
    EXPECT_EQ(run("ext4ls virtio 0 /"), text);
}

TEST_F(FileCommands, load) {
    plug_image(make_image());
    std::string text = run("load virtio 0 40100000 /data.bin");
    EXPECT_TRUE(text.starts_with("100000 bytes read in ")) << text;
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(ram_equals(0x40100000, data_bytes()));
    EXPECT_EQ(run("echo $filesize $fileaddr"), "186a0 40100000\n");
    EXPECT_TRUE(run("load virtio 0 40100000 data.bin 1000 12345").starts_with("4096 bytes read in "));
    EXPECT_TRUE(ram_equals(0x40100000, data_bytes().subspan(0x12345, 0x1000)));
    EXPECT_TRUE(run("load virtio 0 40100000 data.bin 0 18690").starts_with("16 bytes read in "));
    EXPECT_TRUE(run("setenv bootfile data.bin; load virtio 0").starts_with("100000 bytes read in "));
    EXPECT_EQ(run("echo $filesize $fileaddr"), "186a0 40200000\n");
    EXPECT_TRUE(run("load virtio 0 $loadaddr 'with space'").starts_with("1 bytes read in "));
    EXPECT_TRUE(run("load virtio 0 $loadaddr .autorelabel").starts_with("0 bytes read in "));
    EXPECT_TRUE(run("ext4load virtio 0 $loadaddr data.bin").starts_with("100000 bytes read in "));
}

TEST_F(FileCommands, load_refuses) {
    TestDisk& disk = plug_image(make_image());
    EXPECT_EQ(run("load virtio 0 $loadaddr /nope"),
              "Failed to load '/nope': not found (no such file or directory)\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("load virtio 0 $loadaddr /dev"),
              "Failed to load '/dev': is a directory (a file is wanted)\n");
    EXPECT_EQ(run("load virtio 0 $loadaddr data.bin 10 20000"),
              "Failed to load 'data.bin': out of range (position beyond the end of file)\n");
    EXPECT_EQ(run("load virtio 0 xyz data.bin"), "'xyz': not a number (hexadecimal)\n");
    EXPECT_EQ(run("load virtio 0 40000000"), "** No boot file defined **\n");
    EXPECT_EQ(run("load virtio 0 40ef0000 data.bin"), "Failed to load: 0x40ef0000..0x40f0869f is not free: "
                                                      "0x40f00000..0x40ffffff belongs to Vireo image\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("load virtio 0 0 data.bin"), "Failed to load: 0x00000000..0x0001869f is not in RAM\n");
    EXPECT_EQ(run("printenv filesize"), "## Error: \"filesize\" not defined\n");
    for (const auto& access : disk.accesses)
        EXPECT_LT(access.bytes, 100'000u); // nothing of the file was read
    EXPECT_EQ(run("load virtio 5 40000000 x"), "** Bad device specification virtio 5 **\n"
                                               "Couldn't find partition virtio 5\n"
                                               "Can't set block device\n");
}

TEST_F(FileCommands, size_fstype_fstypes) {
    plug_image(make_image());
    EXPECT_EQ(run("size virtio 0 data.bin; echo $filesize"), "186a0\n");
    EXPECT_EQ(run("size virtio 0 nope"), "Failed to size 'nope': not found (no such file or directory)\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("fstype virtio 0; fstype virtio 0 t; echo $t"), "ext4\next4\n");
    EXPECT_TRUE(run("fstypes").starts_with("Supported filesystems: "));
    EXPECT_EQ(run("test -e virtio 0 data.bin && echo yes; test -e virtio 0 nope || echo no"), "yes\nno\n");
}

TEST_F(FileCommands, device_specifications) {
    write_sparse_file(folder / "disk", 64 * mib, {});
    write_file(folder / "script", mbr);
    vireo::test::run("sfdisk -q " + (folder / "disk") + " < " + (folder / "script"));
    make_tree();
    vireo::test::run("mke2fs -q -F -d " + (folder / "tree") + " -E offset=" + std::to_string(67584 * 512) +
                     " " + (folder / "disk") + " 2M");
    plug_image(folder / "disk");
    EXPECT_NE(run("ls virtio 0:3 /").find("data.bin\n"), std::string::npos);
    EXPECT_NE(run("ls virtio 0 /").find("data.bin\n"), std::string::npos); // the bootable one
    EXPECT_EQ(run("ls virtio 0:1 /"), "** Unrecognized filesystem type (virtio 0:1) **\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("ls virtio 0:9 /"), "** Invalid partition 9 **\nCouldn't find partition virtio 0:9\n");
    EXPECT_EQ(run("ls virtio 0:x /"),
              "** Bad partition specification virtio 0:x **\nCouldn't find partition virtio 0:x\n");
    EXPECT_EQ(run("ls virtio 0#name /"),
              "** Invalid partition name **\nCouldn't find partition virtio 0#name\n");
    EXPECT_EQ(run("ls virtio 5 /"),
              "** Bad device specification virtio 5 **\nCouldn't find partition virtio 5\n");
    EXPECT_EQ(run("ls mmc 0 /"),
              "no mmc disks on this machine: Vireo drives VirtIO disks (see 'virtio info')\n");
    EXPECT_EQ(run("ls tape 0 /"), "** Bad device specification tape 0 **\nCouldn't find partition tape 0\n");
    EXPECT_EQ(run("ls virtio - /"), "** No device specified **\nCouldn't find partition virtio -\n");
    EXPECT_EQ(run("ls virtio 0 /nope"), "Failed to list '/nope': not found (no such file or directory)\n");
    EXPECT_EQ(status, 1);
    plug(mib);
    EXPECT_EQ(run("ls virtio 1:3 /"),
              "** No partition table - virtio 1 **\nCouldn't find partition virtio 1:3\n");
    EXPECT_EQ(run("ls virtio 1 /"), "** Unrecognized filesystem type (virtio 1) **\n");
}

TEST_F(FileCommands, partitions_by_name) {
    write_sparse_file(folder / "disk", 64 * mib, {});
    write_file(folder / "script", gpt);
    vireo::test::run("sfdisk -q " + (folder / "disk") + " < " + (folder / "script"));
    make_tree();
    vireo::test::run("mke2fs -q -F -d " + (folder / "tree") + " -E offset=" + std::to_string(67584 * 512) +
                     " " + (folder / "disk") + " 1M");
    plug_image(folder / "disk");
    EXPECT_NE(run("ls virtio '0#second one' /").find("data.bin\n"), std::string::npos);
    EXPECT_NE(run("ls virtio 0:2 /").find("data.bin\n"), std::string::npos);
}

TEST_F(FileCommands, a_damaged_file_system_says_so) {
    TestDisk& disk = plug_image(make_image());
    disk.bytes()[1024 + 0x18] = std::byte{99}; // the block size
    std::string text = run("ls virtio 0 /");
    EXPECT_TRUE(text.starts_with("** Cannot mount virtio 0: ")) << text;
    EXPECT_EQ(std::ranges::count(text, '\n'), 1);
    EXPECT_EQ(status, 1);
}

TEST_F(Disks, sizes_with_one_decimal) {
    auto text = [](u64 bytes) {
        StringBuffer<32> out;
        shell::print_size(out, bytes);
        return std::string(out.view());
    };
    EXPECT_EQ(text(0), "0 Bytes");
    EXPECT_EQ(text(1023), "1023 Bytes");
    EXPECT_EQ(text(1024), "1 KiB");
    EXPECT_EQ(text(50'000'000), "47.7 MiB");
    EXPECT_EQ(text((1 << 20) - 1), "1024 KiB");
    EXPECT_EQ(text(~u64{0}), "16 EiB");
}

class Rng final : public device::EntropySource {
  public:
    Result<> read(MutableBytes bytes) override {
        if (fails)
            return error(ErrorCode::Timeout, "no entropy");
        for (std::byte& byte : bytes)
            byte = static_cast<std::byte>(next++);
        return {};
    }
    std::string_view name() const override { return "virtio-rng#30"; }
    u8 next = 0;
    bool fails = false;
};

TEST_F(Disks, rng) {
    EXPECT_EQ(run("rng"), "No RNG device\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("rng list"), "No RNG device\n");
    Rng source;
    VIREO_MUST(registry.entropy.add(source));
    EXPECT_EQ(run("rng list"), "RNG #0 - virtio-rng#30\n");
    EXPECT_EQ(run("rng 0 12"), "00000000: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  ................\n"
                               "00000010: 10 11                                            ..\n");
    EXPECT_EQ(std::ranges::count(run("rng"), '\n'), 4);
    EXPECT_EQ(run("rng 1"), "No RNG device\n");
    EXPECT_EQ(run("rng x"), "'x': not a number (hexadecimal)\n");
    source.fails = true;
    EXPECT_EQ(run("rng 0"), "Reading RNG failed: timed out (no entropy)\n");
    EXPECT_EQ(status, 1);
}

} // namespace
} // namespace vireo::test
