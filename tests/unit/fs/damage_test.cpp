// SPDX-License-Identifier: Apache-2.0
#include "base/crc32.h"
#include "base/endian.h"
#include "unit/block/noted.h"
#include "unit/fs/tree.h"

#include <set>

// File systems that are damaged, by accident or on purpose: an error that says what is wrong, never a crash,
// a hang or a read outside the volume.
namespace vireo::fs {
namespace {

using test::Listing;
using test::TestDisk;

void put8(TestDisk& disk, u64 offset, u8 value) { disk.bytes()[offset] = static_cast<std::byte>(value); }
void put16(TestDisk& disk, u64 offset, u16 value) {
    Le<u16> bytes(value);
    disk.put(offset, std::as_bytes(std::span(&bytes, 1)));
}
void put32(TestDisk& disk, u64 offset, u32 value) {
    Le<u32> bytes(value);
    disk.put(offset, std::as_bytes(std::span(&bytes, 1)));
}
u32 get32(TestDisk& disk, u64 offset) { return *read_struct<Le<u32>>(disk.bytes(), offset); }

// A small tree that uses every kind of metadata.
std::string make_image(const test::TemporaryFolder& folder, const std::string& options,
                       const std::string& size = "2M") {
    std::filesystem::remove_all(folder / "tree");
    std::filesystem::create_directories(folder / "tree/dir/sub");
    test::write_file(folder / "tree/file", test::pattern(300'000, 1));
    test::write_sparse_file(
        folder / "tree/holes", 300'000,
        {{0, "a"}, {60'000, "b"}, {120'000, "c"}, {180'000, "d"}, {240'000, "e"}, {299'999, "f"}});
    for (int i = 0; i < 40; ++i)
        test::write_file(folder / ("tree/dir/small-" + std::to_string(i)),
                         std::string(static_cast<usize>(i) * 4, 's'));
    std::filesystem::create_symlink("dir/sub", folder / "tree/link");
    std::filesystem::create_symlink(std::string(100, '/') + "file", folder / "tree/long_link");
    return test::make_ext(folder, "image", options, size, folder / "tree");
}

Error mount_error(TestDisk& disk) {
    auto mounted = mount(std::move(*block::Volume::whole(disk)));
    EXPECT_FALSE(mounted);
    return mounted ? error(ErrorCode::InvalidArgument, "mounted") : mounted.error();
}
#define EXPECT_ERROR(why, wanted_code, wanted_what)                                                          \
    do {                                                                                                     \
        Error found = (why);                                                                                 \
        EXPECT_EQ(found.code, wanted_code);                                                                  \
        EXPECT_STREQ(found.what, wanted_what);                                                               \
    } while (0)

class SuperblockField : public testing::TestWithParam<std::tuple<u32, u32, const char*>> {};
INSTANTIATE_TEST_SUITE_P(
    Ext4, SuperblockField,
    testing::Values(std::tuple(0x18, 7, "ext4: superblock: block size"),
                    std::tuple(0x18, ~0u, "ext4: superblock: block size"),
                    std::tuple(0x04, 2049, "ext4: superblock: file system larger than its partition"),
                    std::tuple(0x04, 0xffff, "ext4: superblock: file system larger than its partition"),
                    std::tuple(0x04, 0, "ext4: superblock: first block"),
                    std::tuple(0x14, 9, "ext4: superblock: first block"),
                    std::tuple(0x20, 0, "ext4: superblock: blocks in a group"),
                    std::tuple(0x28, 0, "ext4: superblock: inodes in a group"),
                    std::tuple(0x28, ~0u, "ext4: superblock: inodes in a group"),
                    std::tuple(0x00, ~0u, "ext4: superblock: number of inodes"),
                    std::tuple(0x00, 0, "ext4: superblock: number of inodes"),
                    std::tuple(0x58, 0, "ext4: superblock: inode size"),
                    std::tuple(0x58, 192, "ext4: superblock: inode size"),
                    std::tuple(0x58, 0x8000, "ext4: superblock: inode size"),
                    std::tuple(0xfc, 0x00230000, "ext4: superblock: size of the group descriptors"),
                    std::tuple(0x150, ~0u, "ext4: superblock: file system larger than its partition")));

TEST_P(SuperblockField, that_makes_no_sense_is_named) {
    auto [offset, value, what] = GetParam();
    test::TemporaryFolder folder;
    TestDisk disk(test::make_ext(folder, "image", "-t ext4 -b 1024 -O ^metadata_csum,64bit", "2M", ""));
    put32(disk, 1024 + offset, value);
    EXPECT_ERROR(mount_error(disk), ErrorCode::Corrupt, what);
}

TEST(Ext4Superblock, with_a_wrong_checksum) {
    test::TemporaryFolder folder;
    TestDisk disk(test::make_ext(folder, "image", "-t ext4", "2M", ""));
    put32(disk, 1024 + 0x78, 1); // the volume's name
    EXPECT_ERROR(mount_error(disk), ErrorCode::Corrupt, "ext4: superblock checksum");
}

// Where things are on an image with blocks of 1 KiB and one group.
struct Map {
    TestDisk& disk;
    u64 descriptor = 2048;
    u64 inode(u32 number) const { return get32(disk, descriptor + 8) * u64{1024} + (number - 1) * 256; }
    u64 block(u32 number) const { return number * u64{1024}; }
    // The first physical block of a file by its extent tree of depth 0.
    u64 first_block(u32 number) const { return block(get32(disk, inode(number) + 0x28 + 12 + 8)); }
    // The first child of a file's extent tree of depth 1.
    u64 first_leaf(u32 number) const { return block(get32(disk, inode(number) + 0x28 + 12 + 4)); }
};

class Ext4Damage : public testing::Test {
  protected:
    void SetUp() override { make("-t ext4 -b 1024 -O ^metadata_csum,^resize_inode,^has_journal"); }
    void make(const std::string& options) {
        std::string image = make_image(folder_, options);
        disk_ = std::make_unique<TestDisk>(image);
        std::string found =
            test::run("debugfs -R 'ls -p /' " + image) + test::run("debugfs -R 'ls -p /dir' " + image);
        std::stringstream lines(found);
        for (std::string line; std::getline(lines, line);) {
            u32 number = 0;
            char name[300] = {};
            if (std::sscanf(line.c_str(), "/%u/%*o/%*u/%*u/%299[^/]/", &number, name) == 2 && name[0] != '.')
                inodes_[name] = number;
        }
    }
    u32 number(const std::string& name) { return inodes_.at(name); }
    Map map() { return {*disk_}; }
    Error stat_error(const std::string& path) {
        auto system = test::mount(*disk_);
        auto info = system->stat(path);
        EXPECT_FALSE(info);
        return info ? error(ErrorCode::InvalidArgument, "no error") : info.error();
    }
    Error read_error(const std::string& path) {
        auto system = test::mount(*disk_);
        std::vector<std::byte> memory(1 << 20);
        auto count = system->read(path, 0, memory);
        EXPECT_FALSE(count);
        return count ? error(ErrorCode::InvalidArgument, "no error") : count.error();
    }
    // The error and what is still shown.
    Error list_error(const std::string& path, usize shown) {
        auto system = test::mount(*disk_);
        Listing listing;
        auto listed = system->list(path, listing);
        EXPECT_FALSE(listed);
        EXPECT_EQ(listing.entries.size(), shown);
        return listed ? error(ErrorCode::InvalidArgument, "no error") : listed.error();
    }

    test::TemporaryFolder folder_;
    std::unique_ptr<TestDisk> disk_;
    std::map<std::string, u32> inodes_;
};

TEST_F(Ext4Damage, group_descriptor_leads_outside) {
    put32(*disk_, map().descriptor + 8, 0x7fffffff);
    EXPECT_ERROR(stat_error("/file"), ErrorCode::Corrupt, "ext4: group descriptor: place of the inode table");
}

TEST_F(Ext4Damage, extent_header) {
    u64 tree = map().inode(number("file")) + 0x28;
    put16(*disk_, tree, 0);
    EXPECT_ERROR(read_error("/file"), ErrorCode::Corrupt, "ext4: extent tree: magic number");
    put16(*disk_, tree, 0xf30a);
    put16(*disk_, tree + 2, 5);
    EXPECT_ERROR(read_error("/file"), ErrorCode::Corrupt, "ext4: extent tree: number of entries");
    put16(*disk_, tree + 4, 5);
    EXPECT_ERROR(read_error("/file"), ErrorCode::Corrupt, "ext4: extent tree: number of entries");
    put16(*disk_, tree + 2, 1);
    put16(*disk_, tree + 4, 4);
    put16(*disk_, tree + 6, 6);
    EXPECT_ERROR(read_error("/file"), ErrorCode::Corrupt, "ext4: extent tree: depth");
}

TEST_F(Ext4Damage, extents) {
    u64 extent = map().inode(number("file")) + 0x28 + 12;
    put32(*disk_, extent + 8, 0xfffffff0);
    EXPECT_ERROR(read_error("/file"), ErrorCode::Corrupt, "ext4: extent outside the file system");
    put16(*disk_, extent + 6, 0xffff); // a block number near 2^48
    EXPECT_ERROR(read_error("/file"), ErrorCode::Corrupt, "ext4: extent outside the file system");
    put16(*disk_, extent + 6, 0);
    put32(*disk_, extent + 8, 0);
    EXPECT_ERROR(read_error("/file"), ErrorCode::Corrupt, "ext4: extent outside the file system");
    put16(*disk_, extent + 4, 0);
    EXPECT_ERROR(read_error("/file"), ErrorCode::Corrupt, "ext4: extent tree: length of an extent");
}

TEST_F(Ext4Damage, extent_tree_that_contains_itself) {
    u32 inode = number("holes"); // six extents: a tree of depth 1
    u64 leaf = map().first_leaf(inode);
    // The leaf becomes an index node that names itself; only the depth says that it cannot.
    put16(*disk_, leaf + 6, 1);
    EXPECT_ERROR(read_error("/holes"), ErrorCode::Corrupt, "ext4: extent tree: depth");
    put16(*disk_, leaf + 6, 0);
    put32(*disk_, leaf + 12 + 12, 0); // the second extent starts where the first does
    EXPECT_ERROR(read_error("/holes"), ErrorCode::Corrupt, "ext4: extent tree: entries out of order");
    put32(*disk_, map().inode(inode) + 0x28 + 12 + 4, 0x7fffffff);
    EXPECT_ERROR(read_error("/holes"), ErrorCode::Corrupt, "ext4: extent tree leads outside the file system");
}

TEST_F(Ext4Damage, directory_entries) {
    u64 block = map().first_block(number("dir"));
    u64 third = block + 24; // behind "." and ".."
    u32 length = get32(*disk_, third + 4) & 0xffff;
    put32(*disk_, third, 0x7fffffff);
    // The rest of the first block is lost, "." and ".." and the other blocks are not.
    auto system = test::mount(*disk_);
    Listing listing;
    EXPECT_ERROR(system->list("/dir", listing).error(), ErrorCode::Corrupt,
                 "ext4: directory entry: inode number");
    EXPECT_LT(listing.entries.size(), 43u);
    usize shown = listing.entries.size();
    EXPECT_GE(shown, 2u);
    EXPECT_ERROR(stat_error("/dir/none"), ErrorCode::Corrupt, "ext4: directory entry: inode number");
    put32(*disk_, third, number("small-0"));
    for (u32 wrong : {0u, 4u, 8u, 13u, 0xfffcu, 1004u}) {
        put16(*disk_, third + 4, static_cast<u16>(wrong));
        EXPECT_ERROR(list_error("/dir", shown), ErrorCode::Corrupt, "ext4: directory entry: length");
    }
    put16(*disk_, third + 4, static_cast<u16>(length));
    put8(*disk_, third + 6, 200); // longer than the entry
    EXPECT_ERROR(list_error("/dir", shown), ErrorCode::Corrupt, "ext4: directory entry: name");
    put8(*disk_, third + 6, 0);
    EXPECT_ERROR(list_error("/dir", shown), ErrorCode::Corrupt, "ext4: directory entry: name");
    put8(*disk_, third + 6, 3);
    put8(*disk_, third + 9, '/');
    EXPECT_ERROR(list_error("/dir", shown), ErrorCode::Corrupt, "ext4: directory entry: name");
}

TEST_F(Ext4Damage, entry_of_a_file_that_is_gone_hides_no_other) {
    put16(*disk_, map().inode(number("small-7")), 0);
    EXPECT_ERROR(list_error("/dir", 43), ErrorCode::Corrupt, "ext4: inode is not in use");
    EXPECT_ERROR(stat_error("/dir/small-7"), ErrorCode::Corrupt, "ext4: inode is not in use");
    put32(*disk_, map().inode(number("small-8")) + 0x80, 0xffff);
    EXPECT_ERROR(stat_error("/dir/small-8"), ErrorCode::Corrupt, "ext4: inode: size of the extra fields");
}

TEST_F(Ext4Damage, a_bad_block_under_an_inode_hides_no_other) {
    u64 inode = map().inode(number("small-7")) / 512 * 512; // two inodes
    disk_->bad.push_back({inode, inode + 512});
    EXPECT_ERROR(list_error("/dir", 43), ErrorCode::Io, "bad block");
    EXPECT_ERROR(stat_error("/dir/small-7"), ErrorCode::Io, "bad block");
}

TEST_F(Ext4Damage, huge_sizes_end_in_time) {
    u64 inode = map().inode(number("dir"));
    put32(*disk_, inode + 4, 0xfffffc00);
    Listing listing;
    auto system = test::mount(*disk_);
    EXPECT_ERROR(system->list("/dir", listing).error(), ErrorCode::Corrupt, "ext4: directory: size");
    put32(*disk_, inode + 4, 0x100000);
    EXPECT_ERROR(list_error("/dir", 43), ErrorCode::Corrupt,
                 "ext4: directory entry: length"); // a hole: zeros
    u64 file = map().inode(number("file"));
    put32(*disk_, file + 0x6c, 0x7fffffff);
    EXPECT_ERROR(stat_error("/file"), ErrorCode::Corrupt, "ext4: inode: file size");
    put32(*disk_, file + 0x6c, 0x0fffffff);
    std::byte bytes[100];
    EXPECT_ERROR(test::mount(*disk_)->read("/file", u64{1} << 59, bytes).error(), ErrorCode::Corrupt,
                 "ext4: file is larger than an extent tree can be");
}

TEST_F(Ext4Damage, symbolic_links) {
    put32(*disk_, map().inode(number("link")) + 4, 0);
    EXPECT_ERROR(stat_error("/link"), ErrorCode::Corrupt, "ext4: symbolic link: length");
    put32(*disk_, map().inode(number("long_link")) + 4, 5000);
    EXPECT_ERROR(stat_error("/long_link"), ErrorCode::Corrupt, "ext4: symbolic link: length");
}

TEST_F(Ext4Damage, block_map_leads_outside) {
    make("-t ext2 -b 1024 -O ^resize_inode");
    u64 pointers = map().inode(number("file")) + 0x28;
    put32(*disk_, pointers + 12, 0x7fffffff);
    EXPECT_ERROR(read_error("/file"), ErrorCode::Corrupt, "ext4: block map leads outside the file system");
    put32(*disk_, pointers + 12, 0);
    put32(*disk_, pointers + 48, 0xffffffff);
    EXPECT_ERROR(read_error("/file"), ErrorCode::Corrupt, "ext4: block number outside the file system");
    put32(*disk_, pointers + 48, 0);
    put32(*disk_, pointers + 52, 1);
    EXPECT_ERROR(read_error("/file"), ErrorCode::Corrupt, "ext4: block number outside the file system");
}

TEST_F(Ext4Damage, checksums) {
    make("-t ext4 -b 1024 -O metadata_csum,^resize_inode,^has_journal");
    u64 leaf = map().first_leaf(number("holes"));
    put32(*disk_, leaf + 12 + 5 * 12 + 8, get32(*disk_, leaf + 12 + 5 * 12 + 8) ^ 1);
    EXPECT_ERROR(read_error("/holes"), ErrorCode::Corrupt, "ext4: extent tree: checksum");
    u64 inode = map().inode(number("file"));
    put32(*disk_, inode + 4, 299'999);
    EXPECT_ERROR(stat_error("/file"), ErrorCode::Corrupt, "ext4: inode checksum");
    u64 block = map().first_block(number("dir"));
    put8(*disk_, block + 33, 'X');
    EXPECT_ERROR(stat_error("/dir/none"), ErrorCode::Corrupt, "ext4: directory block checksum");
}

// As Linux on a read-only mount: the place of the table is checked, and the inodes have
// checksums of their own.
TEST_F(Ext4Damage, a_wrong_descriptor_checksum_is_noted_once_for_each_group) {
    for (const char* kind : {"metadata_csum", "^metadata_csum,uninit_bg"}) {
        make(std::string("-t ext4 -b 1024 -g 256 -N 256 -O ^flex_bg,^resize_inode,^has_journal,") + kind);
        auto damage = [&](u32 group) { put16(*disk_, map().descriptor + group * 64 + 0x1e, 0xffff); };
        damage(0);
        auto system = test::mount(*disk_);
        Listing listing;
        EXPECT_TRUE(system->list("/dir", listing)) << kind;
        EXPECT_EQ(listing.entries.size(), 43u);
        EXPECT_EQ(test::noted(system->findings()),
                  "ext4: group 0 x1: its descriptor has a wrong checksum; used all the same\n");
        for (u32 group = 1; group < 8; ++group)
            damage(group);
        system = test::mount(*disk_);
        for (int i = 0; i < 3; ++i) {
            EXPECT_TRUE(system->list("/dir", listing));
            test::expect_same(test::read_all(*system, "/file"), test::pattern(300'000, 1), kind);
        }
        ASSERT_EQ(system->findings().all().size(), 1u);
        u64 groups = system->findings().all()[0].count;
        EXPECT_TRUE(groups > 1 && groups <= 8) << groups; // those that have inodes of the tree
        put32(*disk_, map().descriptor + 8, 0x7fffffff);
        EXPECT_ERROR(stat_error("/file"), ErrorCode::Corrupt,
                     "ext4: group descriptor: place of the inode table");
        // Into the middle of the file's data: no inode there passes for one.
        put32(*disk_, map().descriptor + 8, 700);
        EXPECT_FALSE(test::mount(*disk_)->stat("/file"));
    }
}

TEST_F(Ext4Damage, place_of_the_inode_table_up_to_the_last_block) {
    make("-t ext4 -b 1024 -N 64 -O ^metadata_csum,^resize_inode,^has_journal");
    const u64 blocks = 64 * 256 / 1024;
    std::vector<std::byte> table(blocks * 1024);
    std::memcpy(table.data(), disk_->bytes().data() + map().block(get32(*disk_, map().descriptor + 8)),
                table.size());
    disk_->put(map().block(2048 - blocks), table);
    put32(*disk_, map().descriptor + 8, 2048 - blocks);
    EXPECT_TRUE(test::mount(*disk_)->stat("/dir"));
    put32(*disk_, map().descriptor + 8, 2048 - blocks + 1);
    EXPECT_ERROR(stat_error("/dir"), ErrorCode::Corrupt, "ext4: group descriptor: place of the inode table");
    put32(*disk_, map().descriptor + 8, 1); // the superblock: not before the first block, nor in it
    EXPECT_ERROR(stat_error("/dir"), ErrorCode::Corrupt, "ext4: group descriptor: place of the inode table");
}

TEST(Ext4IndexedDirectory, checksum_of_an_index_node) {
    test::TemporaryFolder folder;
    std::filesystem::create_directories(folder / "tree");
    for (int i = 0; i < 300; ++i)
        test::write_file(folder / ("tree/entry-" + std::to_string(i)), "");
    std::string image = test::make_ext(folder, "image", "-t ext4 -b 1024", "4M", folder / "tree");
    test::run("e2fsck -fyD " + image, 1);
    TestDisk disk(image);
    auto system = test::mount(disk);
    Listing listing;
    ASSERT_TRUE(system->list("/", listing));
    EXPECT_EQ(listing.entries.size(), 303u);
    std::string where = test::run("debugfs -R 'blocks /' " + image + " 2>/dev/null | tail -1");
    u64 root = std::stoul(where.substr(where.find_first_of("0123456789"))) * 1024;
    put32(disk, root + 40, get32(disk, root + 40) ^ 0x100); // the hash of the second leaf
    system = test::mount(disk);
    Listing damaged;
    EXPECT_ERROR(system->list("/", damaged).error(), ErrorCode::Corrupt, "ext4: directory block checksum");
    EXPECT_EQ(damaged.entries.size(), 301u); // all but "." and ".."
}

// --- random damage ------------------------------------------------------------------------------------------------

// Walks everything that can be reached, within limits that only a loop would exceed.
class Walker {
  public:
    explicit Walker(test::Files& system) : system_(system), memory_(64 * 1024) {}

    void walk(const std::string& path, int depth = 0) {
        Listing listing;
        listing.most = 200;
        (void)system_.list(path, listing);
        for (const auto& [name, info] : listing.entries) {
            if (++seen_ > 400)
                return;
            ASSERT_EQ(name.find('/'), std::string::npos);
            std::string full = path + "/" + name;
            if (info.type == FileType::Directory && depth < 4 && name != "." && name != "..")
                walk(full, depth + 1);
            else if (info.type != FileType::Directory)
                read(full, info.bytes);
        }
    }

  private:
    void read(const std::string& path, u64 bytes) {
        for (u64 offset : {u64{0}, u64{65'000}, bytes > 1000 ? bytes - 1000 : 0})
            if (auto count = system_.read(path, offset, memory_))
                ASSERT_LE(*count, memory_.size());
    }

    test::Files& system_;
    std::vector<std::byte> memory_;
    usize seen_ = 0;
};

class RandomDamage : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(
    Ext4, RandomDamage,
    testing::Values("-t ext4 -b 1024 -O ^metadata_csum,^resize_inode,^has_journal",
                    "-t ext4 -b 1024 -O ^metadata_csum,inline_data,^resize_inode,^has_journal",
                    "-t ext2 -b 1024 -O ^resize_inode",
                    "-t ext4 -b 1024 -O metadata_csum,^resize_inode,^has_journal"));

// Flips bits and sets bytes to extremes in the blocks that an undamaged walk reads as metadata. The seed is
// fixed: a failure repeats.
TEST_P(RandomDamage, never_crashes_hangs_or_reads_outside) {
    constexpr u64 start = 64 * 1024;
    test::TemporaryFolder folder;
    std::string image = make_image(folder, GetParam(), "1M");
    std::string content = test::read_file(image);
    TestDisk disk(start + content.size() + start);
    disk.put(start, std::as_bytes(std::span(content)));
    auto walk_it = [&] {
        disk.accesses.clear();
        auto volume = block::Volume::create(disk, start / 512, content.size() / 512);
        ASSERT_TRUE(volume);
        if (auto mounted = mount(std::move(*volume))) {
            test::Files files(std::move(*mounted));
            Walker(files).walk("");
        }
        ASSERT_LT(disk.accesses.size(), 20'000u);
        for (const auto& access : disk.accesses) {
            ASSERT_GE(access.offset, start);
            ASSERT_LE(access.offset + access.bytes, start + content.size());
        }
    };
    // Metadata: what lies outside the data of the large files.
    walk_it();
    std::set<u64> blocks;
    for (const auto& access : disk.accesses)
        if (access.bytes <= 16 * 1024)
            for (u64 at = access.offset; at < access.offset + access.bytes; at += 1024)
                blocks.insert(at);
    std::vector<u64> targets;
    for (u64 block : blocks) // blocks of zeros hold nothing to damage
        if (std::any_of(disk.bytes().begin() + static_cast<i64>(block),
                        disk.bytes().begin() + static_cast<i64>(block) + 1024,
                        [](std::byte byte) { return byte != std::byte{0}; }))
            targets.push_back(block);
    std::mt19937 random(20261120);
    for (int round = 0; round < 1000; ++round) {
        std::vector<std::pair<u64, std::byte>> undo;
        usize changes = 1 + random() % 3;
        for (usize i = 0; i < changes; ++i) {
            // Mostly where there is something: a byte that is not zero, or one near it.
            u64 at = targets[random() % targets.size()] + random() % 1024;
            for (int tries = 0; tries < 50 && disk.bytes()[at] == std::byte{0}; ++tries)
                at = targets[random() % targets.size()] + random() % 1024;
            undo.emplace_back(at, disk.bytes()[at]);
            constexpr u8 extremes[] = {0x00, 0xff, 0x7f, 0x80, 0x01};
            u8 value = static_cast<u8>(disk.bytes()[at]);
            put8(disk, at,
                 random() % 2 == 0 ? static_cast<u8>(value ^ 1 << random() % 8) : extremes[random() % 5]);
        }
        walk_it();
        if (HasFatalFailure()) {
            ADD_FAILURE() << "round " << round;
            return;
        }
        for (auto it = undo.rbegin(); it != undo.rend(); ++it)
            disk.bytes()[it->first] = it->second;
    }
}

} // namespace
} // namespace vireo::fs
