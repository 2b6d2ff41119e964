// SPDX-License-Identifier: Apache-2.0
#include "unit/fs/ext_image.h"

// Where the blocks of a file are: each number at its limit is right, one beyond is refused.
namespace vireo::fs::ext4 {
namespace {

using test::ExtImage;

constexpr const char* out_of_order = "ext4: extent tree: entries out of order";
constexpr const char* wrong_length = "ext4: extent tree: length of an extent";
constexpr const char* wrong_count = "ext4: extent tree: number of entries";
constexpr const char* wrong_depth = "ext4: extent tree: depth";
constexpr const char* extent_outside = "ext4: extent outside the file system";
constexpr const char* tree_outside = "ext4: extent tree leads outside the file system";

class Ext4Extents : public testing::Test {
  protected:
    void SetUp() override { image_.make(ExtImage::file, wire::mode_regular, u64{1} << 42); }
    std::string find(u64 logical) { return image_.find(ExtImage::file, logical); }
    // A root of depth 1 whose first child covers the blocks 10 to 19 and is returned, empty.
    u64 make_child() {
        u32 child = image_.take_block();
        image_.put_node(root_, 2, 4, 1);
        image_.put_index(root_, 0, 10, child);
        u32 second = image_.take_block();
        image_.put_index(root_, 1, 20, second);
        image_.put_node(ExtImage::block(second), 0, 84, 0);
        image_.put_node(ExtImage::block(child), 0, 84, 0);
        return ExtImage::block(child);
    }

    ExtImage image_; // 256 blocks, the first is 1
    u64 root_ = image_.root_of(ExtImage::file);
};

TEST_F(Ext4Extents, runs_and_holes_end_where_the_next_entry_starts) {
    EXPECT_EQ(find(0), "hole+4294967296");
    image_.put_node(root_, 3, 4, 0);
    image_.put_extent(root_, 0, 5, 3, 100);
    image_.put_extent(root_, 1, 8, 1, 200);
    image_.put_extent(root_, 2, 20, 2, 150);
    EXPECT_EQ(find(0), "hole+5");
    EXPECT_EQ(find(4), "hole+1");
    EXPECT_EQ(find(5), "100+3");
    EXPECT_EQ(find(7), "102+1");
    EXPECT_EQ(find(8), "200+1");
    EXPECT_EQ(find(9), "hole+11");
    EXPECT_EQ(find(21), "151+1");
    EXPECT_EQ(find(22), "hole+4294967274");
    u64 child = make_child();
    EXPECT_EQ(find(9), "hole+1");
    EXPECT_EQ(find(10), "hole+10");
    image_.put_node(child, 1, 84, 0);
    image_.put_extent(child, 0, 12, 2, 100);
    EXPECT_EQ(find(10), "hole+2");
    EXPECT_EQ(find(14), "hole+6"); // the next child starts there
    EXPECT_EQ(find(20), "hole+4294967276");
}

TEST_F(Ext4Extents, as_many_entries_as_there_is_room_for) {
    for (u32 i = 0; i < 4; ++i)
        image_.put_extent(root_, i, i * 2, 1, 100 + i);
    image_.put_node(root_, 4, 4, 0);
    EXPECT_EQ(find(6), "103+1");
    image_.put_node(root_, 4, 5, 0);
    EXPECT_EQ(find(6), wrong_count);
    image_.put_node(root_, 4, 3, 0);
    EXPECT_EQ(find(6), wrong_count);
    u64 child = make_child();
    image_.put_index(root_, 1, 1000, 200); // room for many
    for (u32 i = 0; i < 84; ++i)
        image_.put_extent(child, i, 10 + i * 2, 1, 100 + i);
    image_.put_node(child, 84, 84, 0);
    EXPECT_EQ(find(10 + 83 * 2), "183+1");
    image_.put_node(child, 84, 85, 0); // the node has 1,024 bytes
    EXPECT_EQ(find(10 + 83 * 2), wrong_count);
    image_.put_node(child, 84, 83, 0);
    EXPECT_EQ(find(10 + 83 * 2), wrong_count);
}

TEST_F(Ext4Extents, of_a_tree_of_depth_5_are_found_and_deeper_ones_refused) {
    u64 node = root_;
    u16 max = 4;
    for (u16 depth = 5; depth > 0; --depth) {
        u32 child = image_.take_block();
        image_.put_node(node, 1, max, depth);
        image_.put_index(node, 0, 0, child);
        node = ExtImage::block(child);
        max = 84;
    }
    image_.put_node(node, 1, 84, 0);
    image_.put_extent(node, 0, 0, 7, 100);
    EXPECT_EQ(find(3), "103+4");
    image_.put_node(root_, 1, 4, 6);
    EXPECT_EQ(find(3), wrong_depth);
    image_.put_node(root_, 1, 4, 4); // its child says 4 as well
    EXPECT_EQ(find(3), wrong_depth);
    image_.put_node(root_, 0, 4, 1); // leads nowhere
    EXPECT_EQ(find(3), wrong_depth);
}

TEST_F(Ext4Extents, a_leaf_where_a_node_should_be_is_refused) {
    u64 child = make_child();
    image_.put_node(root_, 2, 4, 2);
    image_.put_node(child, 0, 84, 0);
    EXPECT_EQ(find(10), wrong_depth);
}

TEST_F(Ext4Extents, reach_to_the_end_of_their_parents_range_and_not_past_it) {
    u64 child = make_child();
    image_.put_node(child, 1, 84, 0);
    auto with = [&](u32 logical, u16 length) {
        image_.put_extent(child, 0, logical, length, 100);
        return find(15);
    };
    EXPECT_EQ(with(10, 10), "105+5");
    EXPECT_EQ(with(10, 11), wrong_length);
    EXPECT_EQ(with(9, 11), out_of_order);
    EXPECT_EQ(with(9, 1), out_of_order);
    EXPECT_EQ(with(19, 1), "hole+4");
    EXPECT_EQ(with(19, 2), wrong_length);
    EXPECT_EQ(with(20, 1), out_of_order);
    EXPECT_EQ(with(11, 0), wrong_length);
    // The last child ends where a file must.
    image_.put_index(root_, 1, 0xfffffff0, image_.take_block());
    u64 last = ExtImage::block(image_.take_block() - 1);
    image_.put_node(last, 1, 84, 0);
    image_.put_extent(last, 0, 0xfffffff8, 8, 100);
    EXPECT_EQ(find(0xffffffff), "107+1");
    image_.put_extent(last, 0, 0xfffffff8, 9, 100);
    EXPECT_EQ(find(0xffffffff), wrong_length);
    EXPECT_EQ(find(u64{1} << 32), "ext4: file is larger than an extent tree can be");
}

TEST_F(Ext4Extents, of_one_node_do_not_overlap) {
    image_.put_node(root_, 2, 4, 0);
    image_.put_extent(root_, 0, 10, 2, 100);
    image_.put_extent(root_, 1, 12, 1, 110);
    EXPECT_EQ(find(12), "110+1");
    image_.put_extent(root_, 0, 10, 3, 100);
    EXPECT_EQ(find(12), out_of_order);
    make_child();
    image_.put_index(root_, 1, 11, 200);
    image_.put_node(ExtImage::block(200), 0, 84, 0);
    EXPECT_EQ(find(10), "hole+1");
    image_.put_index(root_, 1, 10, 200);
    EXPECT_EQ(find(10), out_of_order);
}

TEST_F(Ext4Extents, lie_behind_the_first_block_and_before_the_end_of_the_file_system) {
    auto with = [&](u64 start, u16 length) {
        image_.put_node(root_, 1, 4, 0);
        image_.put_extent(root_, 0, 0, length, start);
        return find(0);
    };
    EXPECT_EQ(with(255, 1), "255+1");
    EXPECT_EQ(with(255, 2), extent_outside);
    EXPECT_EQ(with(256, 1), extent_outside); // the disk goes on there
    EXPECT_EQ(with(250, 6), "250+6");
    EXPECT_EQ(with(250, 7), extent_outside);
    EXPECT_EQ(with(2, 1), "2+1");
    EXPECT_EQ(with(1, 1), extent_outside);
    EXPECT_EQ(with((u64{1} << 32) + 100, 1), extent_outside);
    make_child();
    for (u64 child : {u64{1}, u64{256}, (u64{1} << 32) + 100}) {
        image_.put_index(root_, 0, 10, child);
        EXPECT_EQ(find(10), tree_outside) << child;
    }
    for (u32 child : {2u, 255u}) {
        // Block 2 holds the group's descriptor: the last field is the place of its inodes.
        image_.at<wire::ExtentHeader>(ExtImage::block(child)) = {wire::extent_magic, 0, 84, 0,
                                                                 ExtImage::first_table_block};
        image_.put_index(root_, 0, 10, child);
        EXPECT_EQ(find(10), "hole+10") << child;
    }
}

TEST_F(Ext4Extents, of_a_node_that_was_refused_are_refused_again) {
    u64 child = make_child();
    image_.put_node(child, 1, 84, 0);
    image_.put_extent(child, 0, 9, 1, 100); // before its parent's range
    Storage storage = image_.storage();
    Inode inode = *read_inode(storage, ExtImage::file);
    BlockMap map(storage, inode);
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(ExtImage::why(map.find(15)), out_of_order);
}

TEST(Ext4ExtentLength, of_32768_is_data_and_one_more_is_a_block_never_written) {
    ExtImage image({.blocks = 33'000, .blocks_per_group = 40'000});
    image.make(ExtImage::file, wire::mode_regular, 40'000 * 1024);
    u64 root = image.root_of(ExtImage::file);
    image.put_node(root, 1, 4, 0);
    image.put_extent(root, 0, 0, 32768, 200);
    EXPECT_EQ(image.find(ExtImage::file, 0), "200+32768");
    EXPECT_EQ(image.find(ExtImage::file, 32767), "32967+1");
    image.put_extent(root, 0, 0, 32769, 200);
    EXPECT_EQ(image.find(ExtImage::file, 0), "hole+1");
    EXPECT_EQ(image.find(ExtImage::file, 1), "hole+4294967295");
    image.put_extent(root, 0, 0, 65535, 200);
    EXPECT_EQ(image.find(ExtImage::file, 0), "hole+32767");
}

// What is read ahead are the nodes behind the one that is wanted: no more than there are, nor
// than there is room for.
TEST_F(Ext4Extents, nodes_are_read_ahead_up_to_the_last_one) {
    u32 middle = image_.take_block();
    image_.put_node(root_, 1, 4, 2);
    image_.put_index(root_, 0, 0, middle);
    u64 node = ExtImage::block(middle);
    for (u32 i = 0; i < 40; ++i) {
        u32 leaf = image_.take_block();
        image_.put_index(node, i, i * 4, leaf);
        image_.put_node(ExtImage::block(leaf), 1, 84, 0);
        image_.put_extent(ExtImage::block(leaf), 0, i * 4, 2, 200);
    }
    image_.put_node(node, 40, 84, 1);
    for (u32 i = 0; i < 40; ++i)
        EXPECT_EQ(find(i * 4 + 1), "201+1");
    image_.put_node(node, 3, 84, 1);
    image_.put_index(node, 3, 0, u64{1} << 40); // what is left of an older tree
    EXPECT_EQ(find(1), "201+1");
    EXPECT_EQ(find(9), "201+1");
}

// --- the block map of ext2 and ext3 ---

class Ext4Pointers : public testing::Test {
  protected:
    void SetUp() override {
        image_.make(ExtImage::file, wire::mode_regular, u64{1} << 40);
        image_.inode(ExtImage::file).flags = 0;
        std::memset(image_.inode(ExtImage::file).block, 0, 60);
    }
    std::string find(u64 logical) { return image_.find(ExtImage::file, logical); }
    // A new block of pointers at `index` of the block or inode at `place`.
    u64 add(u64 place, u64 index) {
        u32 taken = image_.take_block();
        image_.put_pointer(place, index, taken);
        return ExtImage::block(taken);
    }

    static constexpr u64 second = 12 + 256;          // the first block below the double indirect pointer
    static constexpr u64 third = second + 256 * 256; // below the triple one
    static constexpr u64 end = third + 256 * 256 * 256;
    ExtImage image_;
    u64 root_ = image_.root_of(ExtImage::file);
};

TEST_F(Ext4Pointers, of_each_level_are_found_from_the_first_to_the_last) {
    u64 single = add(root_, 12);
    u64 twice = add(root_, 13);
    u64 thrice = add(root_, 14);
    image_.put_pointer(root_, 11, 100);
    image_.put_pointer(single, 0, 102); // no part of the run before
    image_.put_pointer(single, 255, 104);
    image_.put_pointer(add(twice, 0), 0, 106);
    image_.put_pointer(add(twice, 255), 255, 108);
    image_.put_pointer(add(add(thrice, 0), 0), 0, 110);
    image_.put_pointer(add(add(thrice, 255), 255), 255, 112);
    EXPECT_EQ(find(10), "hole+1");
    EXPECT_EQ(find(11), "100+1");
    EXPECT_EQ(find(12), "102+1");
    EXPECT_EQ(find(13), "hole+254");
    EXPECT_EQ(find(second - 1), "104+1");
    EXPECT_EQ(find(second), "106+1");
    EXPECT_EQ(find(second + 1), "hole+255");
    EXPECT_EQ(find(second + 256), "hole+256"); // no block of pointers
    EXPECT_EQ(find(third - 1), "108+1");
    EXPECT_EQ(find(third), "110+1");
    EXPECT_EQ(find(third + 65536), "hole+65536");
    EXPECT_EQ(find(end - 1), "112+1");
    EXPECT_EQ(find(end), "ext4: file is larger than a block map can be");
}

TEST_F(Ext4Pointers, that_are_missing_are_holes_of_all_they_would_lead_to) {
    EXPECT_EQ(find(0), "hole+12");
    EXPECT_EQ(find(17), "hole+251");
    EXPECT_EQ(find(second), "hole+65536");
    EXPECT_EQ(find(third + 1), "hole+16777215");
}

TEST_F(Ext4Pointers, of_a_run_end_with_the_pointers_that_lie_together) {
    for (u32 i = 5; i < 12; ++i)
        image_.put_pointer(root_, i, 195 + i);
    image_.put_pointer(root_, 12, 207); // goes on counting, but is the indirect pointer
    EXPECT_EQ(find(5), "200+7");
    u64 single = add(root_, 12);
    for (u32 i = 0; i < 256; ++i)
        image_.put_pointer(single, i, i < 200 ? 0 : i - 100);
    EXPECT_EQ(find(12), "hole+200");
    EXPECT_EQ(find(12 + 200), "100+56");
}

TEST_F(Ext4Pointers, lead_behind_the_first_block_and_before_the_end_of_the_file_system) {
    const char* outside = "ext4: block map leads outside the file system";
    auto with = [&](u32 first, u32 second_one) {
        image_.put_pointer(root_, 0, first);
        image_.put_pointer(root_, 1, second_one);
        return find(0);
    };
    EXPECT_EQ(with(255, 0), "255+1");
    EXPECT_EQ(with(256, 0), outside);
    EXPECT_EQ(with(254, 255), "254+2");
    EXPECT_EQ(with(255, 256), outside);
    EXPECT_EQ(with(2, 0), "2+1");
    EXPECT_EQ(with(1, 0), outside);
    EXPECT_EQ(with(0, 256), "hole+1");
    for (u32 block : {1u, 256u}) {
        image_.put_pointer(root_, 12, block);
        EXPECT_EQ(find(12), "ext4: block number outside the file system");
    }
    for (u32 block : {2u, 255u}) {
        image_.put_pointer(root_, 12, block);
        EXPECT_NE(find(12), "ext4: block number outside the file system");
    }
}

TEST_F(Ext4Pointers, are_read_ahead_up_to_the_last_one_of_a_block) {
    u64 twice = add(root_, 13);
    for (u64 i = 0; i < 256; ++i)
        image_.put_pointer(twice, i, i % 2 == 0 ? 0xfffffff0 : 250); // every second one is damaged
    for (u64 i : {u64{1}, u64{101}, u64{239}, u64{255}}) {
        u64 pointers = add(twice, i);
        image_.put_pointer(pointers, 9, 100);
        EXPECT_EQ(find(second + i * 256 + 9), "100+1");
    }
}

// One transfer takes 4,096 pieces: a file of more is read in several.
TEST(Ext4Pieces, of_a_file_are_as_many_as_it_needs) {
    for (u32 count : {4095u, 4096u, 4097u, 8193u}) {
        ExtImage image({.blocks = 9000, .blocks_per_group = 8192});
        image.make(ExtImage::file, wire::mode_regular, count * u64{1024});
        image.inode(ExtImage::file).flags = 0;
        u64 root = image.root_of(ExtImage::file);
        std::memset(image.inode(ExtImage::file).block, 0, 60);
        u32 single = image.take_block(), twice = image.take_block();
        image.put_pointer(root, 12, single);
        image.put_pointer(root, 13, twice);
        std::string want;
        for (u32 i = 0; i < count; ++i) { // backwards: no two are neighbours
            u32 block = 8999 - i;
            image.at<Le<u32>>(ExtImage::block(block)) = i;
            want += std::string_view(reinterpret_cast<const char*>(&image.at<char>(ExtImage::block(block))),
                                     1024);
            if (i < 12) {
                image.put_pointer(root, i, block);
            } else if (i < 268) {
                image.put_pointer(ExtImage::block(single), i - 12, block);
            } else {
                u64 index = i - 268;
                if (index % 256 == 0)
                    image.put_pointer(ExtImage::block(twice), index / 256, image.take_block());
                image.put_pointer(
                    ExtImage::block(image.at<Le<u32>>(ExtImage::block(twice) + index / 256 * 4)), index % 256,
                    block);
            }
        }
        test::expect_same(image.read("/file", 0, count * 1024), want, std::to_string(count));
    }
}

} // namespace
} // namespace vireo::fs::ext4
