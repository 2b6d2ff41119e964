// SPDX-License-Identifier: Apache-2.0
#include "unit/block/noted.h"
#include "unit/fs/ext_image.h"

#include <set>

// What a superblock and group descriptors may say: each number at its limit is believed, one
// beyond is refused.
namespace vireo::fs::ext4 {
namespace {

using test::ExtImage;

// What mounting says of a superblock that a test has changed.
std::string with(auto&& change, const ExtImage::Shape& shape = {}) {
    ExtImage image(shape);
    change(image.superblock());
    return image.mount_error();
}

TEST(Ext4Layout, blocks_end_with_the_volume) {
    const char* too_large = "ext4: superblock: file system larger than its partition";
    ExtImage::Shape shape{.spare_blocks = 0, .incompat = wire::incompat_64bit};
    EXPECT_EQ(with([](auto&) {}, shape), "");
    EXPECT_EQ(with([](auto& s) { s.blocks_count_lo = 257; }, shape), too_large);
    EXPECT_EQ(with([](auto& s) { s.blocks_count_hi = u32{1} << 21; }, shape), too_large);
    // 2^64 bytes and a few: the product has more than 64 bits.
    EXPECT_EQ(with([](auto& s) { s.blocks_count_hi = u32{1} << 22; }, shape), too_large);
}

TEST(Ext4Layout, the_first_block_is_0_or_1_and_on_the_file_system) {
    const char* refused = "ext4: superblock: first block";
    EXPECT_EQ(with([](auto& s) { s.first_data_block = 0; }), "");
    EXPECT_EQ(with([](auto& s) { s.first_data_block = 2; }), refused);
    EXPECT_EQ(with([](auto& s) { s.blocks_count_lo = 1; }), refused);
    EXPECT_EQ(with([](auto& s) { s.blocks_count_lo = 2; }), "");
}

TEST(Ext4Layout, groups_have_as_many_blocks_and_inodes_as_their_bitmaps) {
    const char* blocks = "ext4: superblock: blocks in a group";
    const char* inodes = "ext4: superblock: inodes in a group";
    EXPECT_EQ(with([](auto& s) { s.blocks_per_group = 0; }), blocks);
    EXPECT_EQ(with([](auto& s) { s.blocks_per_group = 1; }), "");
    EXPECT_EQ(with([](auto& s) { s.blocks_per_group = 8192u << 16; }), "");
    EXPECT_EQ(with([](auto& s) { s.blocks_per_group = (8192u << 16) + 1; }), blocks);
    EXPECT_EQ(with([](auto& s) { s.inodes_per_group = 0; }), inodes);
    EXPECT_EQ(with([](auto& s) { s.inodes_per_group = 8192; }), "");
    EXPECT_EQ(with([](auto& s) { s.inodes_per_group = 8193; }), inodes);
}

TEST(Ext4Layout, inodes_are_as_many_as_the_groups_hold) {
    const char* refused = "ext4: superblock: number of inodes";
    auto with_inodes = [](u64 blocks, u32 count) {
        return with([&](auto& s) { s.inodes_count = count; }, {.blocks = blocks, .blocks_per_group = 64});
    };
    EXPECT_EQ(with_inodes(256, 1), refused); // no root
    EXPECT_EQ(with_inodes(256, 2), "");
    EXPECT_EQ(with_inodes(256, 4 * 32), ""); // the last group has 63 blocks
    EXPECT_EQ(with_inodes(256, 4 * 32 + 1), refused);
    EXPECT_EQ(with_inodes(257, 4 * 32), "");
    EXPECT_EQ(with_inodes(257, 4 * 32 + 1), refused);
    EXPECT_EQ(with_inodes(258, 5 * 32), "");
}

TEST(Ext4Layout, groups_are_counted_in_32_bits) {
    constexpr u64 most = u64{1} << 32; // with the first block, which is in no group
    auto with_groups = [](u64 blocks) {
        return with([](auto&) {},
                    {.blocks = blocks, .blocks_per_group = 1, .incompat = wire::incompat_64bit});
    };
    EXPECT_EQ(with_groups(most), "");
    EXPECT_EQ(with_groups(most + 1), "ext4: superblock: number of inodes");
}

TEST(Ext4Layout, sizes_are_powers_of_two_within_limits) {
    auto with_inode = [](u16 bytes) { return with([&](auto& s) { s.inode_size = bytes; }); };
    for (u16 bytes : {u16{64}, u16{192}, u16{2048}})
        EXPECT_EQ(with_inode(bytes), "ext4: superblock: inode size") << bytes;
    EXPECT_EQ(with_inode(128), "");
    EXPECT_EQ(with_inode(1024), ""); // a block
    auto with_descriptor = [](u16 bytes) {
        return with([&](auto& s) { s.desc_size = bytes; }, {.incompat = wire::incompat_64bit});
    };
    for (u16 bytes : {u16{0}, u16{32}, u16{96}, u16{2048}})
        EXPECT_EQ(with_descriptor(bytes), "ext4: superblock: size of the group descriptors") << bytes;
    EXPECT_EQ(with_descriptor(64), "");
    EXPECT_EQ(with_descriptor(1024), "");
    auto with_cluster = [](u32 log) {
        return with([&](auto& s) { s.log_cluster_size = log; }, {.ro_compat = wire::ro_compat_bigalloc});
    };
    EXPECT_EQ(with_cluster(20), "");
    EXPECT_EQ(with_cluster(21), "ext4: superblock: cluster size");
}

TEST(Ext4Layout, checksums_are_of_the_one_known_type) {
    for (u8 type : {u8{0}, u8{2}})
        EXPECT_EQ(
            with([&](auto& s) { s.checksum_type = type; }, {.ro_compat = wire::ro_compat_metadata_csum}),
            "ext4: superblock: type of the checksums");
    EXPECT_EQ(with([&](auto& s) { s.checksum_type = 1; }, {.ro_compat = wire::ro_compat_metadata_csum}),
              "ext4: superblock checksum");
}

TEST(Ext4Layout, a_volume_that_ends_in_the_superblock_has_none) {
    ExtImage image;
    image.superblock().blocks_count_lo = 2;
    auto mounted = [&](u64 blocks) {
        return mount(std::move(*block::Volume::create(image.disk, 0, blocks)));
    };
    EXPECT_TRUE(mounted(4));
    ASSERT_FALSE(mounted(3));
    EXPECT_EQ(mounted(3).error().code, ErrorCode::NotSupported);
}

// --- groups ---

std::string offset_of(Storage& storage, u32 inode) {
    auto offset = storage.inode_offset(inode);
    return offset ? std::to_string(*offset) : offset.error().what;
}

TEST(Ext4Groups, have_inodes_from_1_to_the_count) {
    ExtImage image({.inode_bytes = 128});
    Storage storage = image.storage();
    EXPECT_EQ(offset_of(storage, 0), "ext4: inode number");
    EXPECT_EQ(offset_of(storage, 1), std::to_string(20 * 1024));
    EXPECT_EQ(offset_of(storage, 32), std::to_string(20 * 1024 + 31 * 128));
    EXPECT_EQ(offset_of(storage, 33), "ext4: inode number");
}

TEST(Ext4Groups, inode_table_ends_with_the_file_system) {
    const char* refused = "ext4: group descriptor: place of the inode table";
    for (u32 inodes : {8u, 9u, 16u}) { // 1,024 bytes, 1,152 and 2,048
        ExtImage image({.inode_bytes = 128, .inodes = inodes});
        auto with_table = [&](u64 block) {
            image.at<wire::GroupDescriptor>(2048).inode_table_lo = static_cast<u32>(block);
            Storage storage = image.storage();
            return offset_of(storage, 2);
        };
        u64 blocks = inodes == 8 ? 1 : 2;
        EXPECT_EQ(with_table(256 - blocks), std::to_string((256 - blocks) * 1024 + 128)) << inodes;
        EXPECT_EQ(with_table(256 - blocks + 1), refused) << inodes;
        EXPECT_EQ(with_table(2), std::to_string(2 * 1024 + 128));
        EXPECT_EQ(with_table(1), refused); // the first block: the superblock's
    }
}

TEST(Ext4Groups, blocks_are_read_inside_the_file_system) {
    ExtImage image;
    Storage storage = image.storage();
    std::vector<std::byte> memory(1024);
    for (u64 block : {2u, 255u})
        EXPECT_TRUE(storage.read_block(block, memory)) << block;
    for (u64 block : {0u, 1u, 256u})
        EXPECT_EQ(ExtImage::why(storage.read_block(block, memory)),
                  "ext4: block number outside the file system");
}

// Each has a bit that says so, up to group 4,095.
TEST(Ext4Groups, with_wrong_checksums_are_noted_once_as_far_as_there_are_bits) {
    ExtImage image({.blocks = 1 + 8 * 4100,
                    .inode_bytes = 128,
                    .inodes = 8,
                    .blocks_per_group = 8,
                    .incompat = wire::incompat_filetype,
                    .ro_compat = wire::ro_compat_gdt_csum});
    image.superblock().inodes_count = 8 * 4100;
    for (u64 group = 0; group < 4100; ++group)
        image.at<Le<u32>>(2048 + group * 32 + 8) = 500;
    Storage storage = image.storage();
    auto count_of = [&](u32 group) {
        EXPECT_TRUE(storage.inode_offset(1)); // another group
        EXPECT_TRUE(storage.inode_offset(group * 8 + 1));
        return storage.volume().findings().all()[0].count;
    };
    EXPECT_EQ(count_of(63), 2u); // and group 0
    EXPECT_EQ(count_of(63), 2u);
    EXPECT_EQ(count_of(64), 3u);
    EXPECT_EQ(count_of(64), 3u);
    EXPECT_EQ(count_of(4095), 4u);
    EXPECT_EQ(count_of(4095), 4u);
    EXPECT_EQ(count_of(4096), 5u); // without a bit: counted at each reading
    EXPECT_EQ(count_of(4096), 6u);
}

// Descriptors of 1,024 bytes: one block for each group.
class Ext4MetaGroups : public testing::Test {
  protected:
    Ext4MetaGroups()
        : image_({.blocks = 1 + 8 * 60,
                  .inode_bytes = 128,
                  .inodes = 8,
                  .blocks_per_group = 8,
                  .incompat = wire::incompat_64bit | wire::incompat_meta_bg}) {
        image_.superblock().inodes_count = 8 * 60;
        image_.superblock().desc_size = 1024;
    }
    // Where the descriptor of `group` is looked for: the only one that names block 400, of all blocks.
    std::string place_of(u32 group) {
        for (u64 block : {u64{2} + group, u64{1} + group * 8, u64{2} + group * 8}) {
            for (u64 other = 2; other < 1 + 8 * 60; ++other)
                image_.at<Le<u32>>(other * 1024 + 8) = other == block ? 400u : 100u;
            Storage storage = image_.storage();
            if (*storage.inode_offset(group * 8 + 1) == 400 * 1024)
                return block == 2 + group ? "together" : block == 1 + group * 8 ? "first" : "second";
        }
        return "nowhere";
    }
    ExtImage image_;
};

TEST_F(Ext4MetaGroups, start_with_the_one_that_the_superblock_says) {
    image_.superblock().first_meta_bg = 3;
    EXPECT_EQ(place_of(1), "together");
    EXPECT_EQ(place_of(2), "together");
    EXPECT_EQ(place_of(3), "second");
    EXPECT_EQ(place_of(4), "second");
}

TEST_F(Ext4MetaGroups, have_their_descriptors_behind_a_copy_of_the_superblock_if_there_is_one) {
    image_.superblock().feature_ro_compat = wire::ro_compat_sparse_super;
    const std::set<u32> with_copy = {1, 3, 5, 7, 9, 25, 27, 49};
    for (u32 group = 1; group < 60; ++group)
        EXPECT_EQ(place_of(group), with_copy.contains(group) ? "second" : "first") << group;
    image_.superblock().feature_compat = wire::compat_sparse_super2;
    image_.superblock().backup_bgs[0] = 1;
    image_.superblock().backup_bgs[1] = 59;
    for (u32 group : {1u, 2u, 3u, 58u, 59u})
        EXPECT_EQ(place_of(group), group == 1 || group == 59 ? "second" : "first") << group;
}

} // namespace
} // namespace vireo::fs::ext4
