// SPDX-License-Identifier: Apache-2.0
#include "unit/fs/ext_image.h"

// Entries of directories: each length at its limit is shown, one beyond takes the rest of its block with it.
namespace vireo::fs::ext4 {
namespace {

using test::ExtImage;
using test::Listing;

class Ext4Entries : public testing::Test {
  protected:
    void SetUp() override {
        image_.make(ExtImage::dir, wire::mode_directory, 1024);
        image_.make(ExtImage::file, wire::mode_regular, 0);
        block_ = image_.add_block(ExtImage::dir);
        image_.put_entry(block_, ExtImage::dir, 12, ".", 2);
        image_.put_entry(block_ + 12, 2, 12, "..", 2);
    }
    // Puts entries of file "a", "b"... with these lengths behind the dots.
    std::string with(std::initializer_list<u64> lengths) {
        u64 at = block_ + 24;
        char name = 'a';
        for (u64 length : lengths) {
            image_.put_entry(at, ExtImage::file, length, std::string_view(&name, 1), 1);
            at += length;
            ++name;
        }
        return list();
    }
    std::string list() { return image_.list("/dir"); }

    static constexpr const char* wrong_length = " | ext4: directory entry: length";
    static constexpr const char* wrong_name = " | ext4: directory entry: name";
    ExtImage image_;
    u64 block_ = 0;
};

TEST_F(Ext4Entries, end_with_their_block) {
    EXPECT_EQ(with({1000}), " . .. a");
    EXPECT_EQ(with({996}), std::string(" . .. a") + wrong_length); // four bytes are left: no entry
    EXPECT_EQ(with({988, 12}), " . .. a b");
    EXPECT_EQ(with({988, 16}), std::string(" . .. a") + wrong_length);
    EXPECT_EQ(with({992, 8}), std::string(" . .. a") + wrong_length);
    EXPECT_EQ(with({12, 13}), std::string(" . .. a") + wrong_length);
    EXPECT_EQ(with({12, 14}), std::string(" . .. a") + wrong_length);
    EXPECT_EQ(with({12, 65532}), std::string(" . .. a") + wrong_length);
    EXPECT_EQ(with({12, 0}), std::string(" . .. a") + wrong_length);
}

TEST_F(Ext4Entries, names_end_with_their_entry) {
    image_.put_entry(block_ + 24, ExtImage::file, 16, "12345678", 1);
    image_.put_entry(block_ + 40, ExtImage::file, 984, "last", 1);
    EXPECT_EQ(list(), " . .. 12345678 last");
    image_.put_entry(block_ + 24, ExtImage::file, 16, "123456789", 1);
    image_.put_entry(block_ + 40, ExtImage::file, 984, "last", 1);
    EXPECT_EQ(list(), std::string(" . ..") + wrong_name);
    image_.put_entry(block_ + 24, ExtImage::file, 1000, std::string(255, 'n'), 1);
    EXPECT_EQ(list(), " . .. " + std::string(255, 'n'));
    image_.put_entry(block_ + 24, ExtImage::file, 760, "a", 1);
    image_.put_entry(block_ + 24 + 760, ExtImage::file, 240, std::string(232, 'n'),
                     1); // to the end of the block
    EXPECT_EQ(list(), " . .. a " + std::string(232, 'n'));
    image_.at<wire::DirectoryEntry>(block_ + 24 + 760).name_len = 233;
    EXPECT_EQ(list(), std::string(" . .. a") + wrong_name);
}

TEST_F(Ext4Entries, names_are_legal) {
    for (std::string_view name : {std::string_view(""), std::string_view("a/b"), std::string_view("/"),
                                  std::string_view("a\0b", 3), std::string_view("\0", 1)}) {
        image_.put_entry(block_ + 24, ExtImage::file, 1000, name, 1);
        EXPECT_EQ(list(), std::string(" . ..") + wrong_name) << name;
    }
}

TEST_F(Ext4Entries, without_types_have_longer_lengths_but_no_longer_names) {
    image_.superblock().feature_incompat = wire::incompat_extents;
    for (u64 at : {u64{0}, u64{12}}) // what was their type is a part of the length now
        image_.at<wire::DirectoryEntry>(block_ + at).file_type = 0;
    u64 root = image_.root_of(wire::root_inode);
    u64 names = ExtImage::block(image_.at<wire::Extent>(root + 12).start_lo);
    for (u64 at = 0; at < 60; at += 12)
        image_.at<wire::DirectoryEntry>(names + at).file_type = 0;
    image_.put_entry(block_ + 24, ExtImage::file, 1000, std::string(255, 'n'), 0);
    EXPECT_EQ(list(), " . .. " + std::string(255, 'n'));
    image_.put_entry(block_ + 24, ExtImage::file, 1000, std::string(256, 'n'), 1); // 0 and 1: 256
    EXPECT_EQ(list(), std::string(" . ..") + wrong_name);
}

TEST_F(Ext4Entries, name_inodes_up_to_the_last_one) {
    image_.put_entry(block_ + 24, 32, 1000, "a", 1);
    image_.make(32, wire::mode_regular, 0);
    EXPECT_EQ(list(), " . .. a");
    image_.put_entry(block_ + 24, 33, 1000, "a", 1);
    EXPECT_EQ(list(), " . .. | ext4: directory entry: inode number");
    image_.put_entry(block_ + 24, 0, 1000, "a", 1);
    EXPECT_EQ(list(), " . ..");
}

TEST_F(Ext4Entries, of_a_directory_as_large_as_the_disk_are_shown) {
    with({1000});
    image_.inode(ExtImage::dir).size_lo = 272 * 1024;         // the disk's blocks
    EXPECT_EQ(list(), std::string(" . .. a") + wrong_length); // zeros
    image_.inode(ExtImage::dir).size_lo = 272 * 1024 + 1;
    EXPECT_EQ(list(), " | ext4: directory: size");
    image_.inode(ExtImage::dir).size_lo = 1024 + 1; // half a block more
    EXPECT_EQ(list(), " . .. a | ext4: directory: size");
    image_.inode(ExtImage::dir).size_lo = 0;
    EXPECT_EQ(list(), "");
}

TEST_F(Ext4Entries, that_cannot_be_found_or_read_are_an_error) {
    with({1000});
    u64 root = image_.root_of(ExtImage::dir);
    image_.put_node(root, 1, 5, 0); // has room for four
    EXPECT_EQ(list(), " | ext4: extent tree: number of entries");
    image_.put_node(root, 1, 4, 0);
    image_.disk.bad.push_back({block_, block_ + 1024});
    Listing listing;
    EXPECT_EQ(test::mount(image_.disk)->list("/dir", listing).error().code, ErrorCode::Io);
}

TEST(Ext4EntriesBehindAHole, are_shown) {
    ExtImage image({.blocks = 512});
    image.make(ExtImage::file, wire::mode_regular, 0);
    image.make(ExtImage::dir, wire::mode_directory, 132 * 1024);
    u64 root = image.root_of(ExtImage::dir);
    image.put_extent(root, 0, 0, 128, 200); // as much as is read at a time
    image.put_extent(root, 1, 131, 1, 400);
    std::string want;
    for (u32 i = 0; i < 128; ++i) {
        image.put_entry(ExtImage::block(200 + i), ExtImage::file, 1024, "a", 1);
        want += " a";
    }
    image.put_entry(ExtImage::block(400), ExtImage::file, 1024, "far", 1);
    image.put_node(root, 2, 4, 0);
    EXPECT_EQ(image.list("/dir"), want + " far | ext4: directory has a hole");
    image.put_node(root, 1, 4, 0); // and now there is nothing behind it
    EXPECT_EQ(image.list("/dir"), want + " | ext4: directory has a hole");
    image.inode(ExtImage::dir).size_lo = 128 * 1024;
    EXPECT_EQ(image.list("/dir"), want);
}

// One stretch has 128 KiB: more than that is read in several, the last of which is shorter.
TEST(Ext4EntriesOfManyBlocks, are_each_shown_once) {
    ExtImage image({.blocks = 512});
    image.make(ExtImage::file, wire::mode_regular, 0);
    for (u32 blocks : {127u, 128u, 129u, 257u}) {
        image.make(ExtImage::dir, wire::mode_directory, blocks * 1024);
        u64 root = image.root_of(ExtImage::dir);
        image.put_node(root, 1, 4, 0);
        image.put_extent(root, 0, 0, static_cast<u16>(blocks), 200);
        std::string want;
        for (u32 i = 0; i < blocks; ++i) {
            std::string name = "entry-" + std::to_string(i);
            image.put_entry(ExtImage::block(200 + i), ExtImage::file, 1024, name, 1);
            want += " " + name;
        }
        EXPECT_EQ(image.list("/dir"), want);
    }
}

// As many entries as their batches hold (4,096), and one more and one less, each of 12 bytes.
TEST(Ext4Listing, shows_each_entry_once_whatever_their_number) {
    for (u32 count : {1u, 255u, 256u, 257u, 4095u, 4096u, 4097u, 8193u}) {
        ExtImage image({.blocks = 512});
        image.make(ExtImage::file, wire::mode_regular, 0);
        u32 blocks = (count + 84) / 85; // 85 entries in a block, the last one with four bytes more
        image.make(ExtImage::dir, wire::mode_directory, blocks * 1024);
        image.put_node(image.root_of(ExtImage::dir), 1, 4, 0);
        image.put_extent(image.root_of(ExtImage::dir), 0, 0, static_cast<u16>(blocks), 200);
        std::string want;
        for (u32 i = 0; i < count; ++i) {
            const char name[4] = {static_cast<char>('a' + i % 26), static_cast<char>('a' + i / 26 % 26),
                                  static_cast<char>('a' + i / 676 % 26), 'x'};
            u64 at = ExtImage::block(200 + i / 85) + i % 85 * 12;
            bool is_last = i % 85 == 84 || i + 1 == count;
            image.put_entry(at, ExtImage::file, is_last ? 1024 - i % 85 * 12 : 12, {name, 4}, 1);
            want += " " + std::string(name, 4);
        }
        test::expect_same(image.list("/dir"), want, std::to_string(count));
    }
}

// --- in the inode ---

class Ext4InlineEntries : public testing::Test {
  protected:
    Ext4InlineEntries() : image_({.incompat = wire::incompat_filetype | wire::incompat_inline_data}) {}
    void SetUp() override {
        image_.make(ExtImage::file, wire::mode_regular, 0);
        image_.make(ExtImage::dir, wire::mode_directory, 60);
        image_.inode(ExtImage::dir).flags = wire::inode_flag_inline_data;
        first_ = image_.root_of(ExtImage::dir);
        image_.at<Le<u32>>(first_) = 2; // the parent
    }
    std::string list() { return image_.list("/dir"); }

    ExtImage image_;
    u64 first_ = 0;
};

TEST_F(Ext4InlineEntries, end_with_each_of_the_two_parts) {
    u64 second = image_.inode_place(ExtImage::dir) + 164; // the attributes
    image_.at<Le<u32>>(second - 4) = wire::attribute_magic;
    image_.at<wire::AttributeEntry>(second) = {4, 7, 24, 0, 24, 0};
    image_.disk.put(second + 16, std::as_bytes(std::span("data", 4)));
    auto with = [&](u64 first_length, u64 second_length) {
        image_.put_entry(first_ + 4, ExtImage::file, first_length, "a", 1);
        image_.put_entry(first_ + 4 + 28, ExtImage::file, 28, "b", 1);
        image_.put_entry(second + 24, ExtImage::file, second_length, "c", 1);
        image_.put_entry(second + 24 + 12, ExtImage::file, 12, "d", 1);
        return list();
    };
    EXPECT_EQ(with(28, 12), " . .. a b c d");
    EXPECT_EQ(with(56, 24), " . .. a c");
    EXPECT_EQ(with(60, 24), " . .. c | ext4: directory entry: length");
    EXPECT_EQ(with(28, 28), " . .. a b | ext4: directory entry: length");
}

TEST_F(Ext4InlineEntries, are_shown_whatever_the_size_says) {
    image_.put_entry(first_ + 4, ExtImage::file, 56, "a", 1);
    for (u32 bytes : {0u, 1u, 60u, 64u, 1000u}) {
        image_.inode(ExtImage::dir).size_lo = bytes;
        EXPECT_EQ(list(), " . .. a") << bytes;
    }
}

} // namespace
} // namespace vireo::fs::ext4
