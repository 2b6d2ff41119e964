// SPDX-License-Identifier: Apache-2.0
#include "base/crc32.h"
#include "fs/ext4/checksum.h"
#include "unit/fs/ext_image.h"

// Inodes, and the data that lies in them: each size at its limit is read, one beyond is refused.
namespace vireo::fs::ext4 {
namespace {

using test::ExtImage;

TEST(Ext4Inode, extra_fields_end_with_the_record) {
    ExtImage image;
    image.make(ExtImage::file, wire::mode_regular, 0);
    image.inode(ExtImage::file).extra_isize = 128;
    EXPECT_EQ(image.stat_error("/file"), "");
    image.inode(ExtImage::file).extra_isize = 129;
    EXPECT_EQ(image.stat_error("/file"), "ext4: inode: size of the extra fields");
    ExtImage small({.inode_bytes = 128}); // none: what lies there is the next record
    small.make(ExtImage::file, wire::mode_regular, 0);
    small.make(ExtImage::dir, 0xffff, 0);
    EXPECT_EQ(small.stat_error("/file"), "");
}

TEST(Ext4Inode, without_a_mode_or_without_links_is_not_in_use) {
    ExtImage image;
    image.make(ExtImage::file, wire::mode_regular, 0);
    EXPECT_EQ(image.stat_error("/file"), "");
    image.inode(ExtImage::file).links_count = 0;
    EXPECT_EQ(image.stat_error("/file"), "ext4: inode is not in use");
    image.inode(ExtImage::file).links_count = 1;
    image.inode(ExtImage::file).mode = 0;
    EXPECT_EQ(image.stat_error("/file"), "ext4: inode is not in use");
}

TEST(Ext4Inode, is_at_most_an_exbibyte_large) {
    ExtImage image;
    image.make(ExtImage::file, wire::mode_regular, u64{1} << 60);
    EXPECT_EQ(image.stat_error("/file"), "");
    image.make(ExtImage::file, wire::mode_regular, (u64{1} << 60) + 1);
    EXPECT_EQ(image.stat_error("/file"), "ext4: inode: file size");
}

TEST(Ext4Inode, time_goes_on_after_2038_if_the_extra_fields_reach_that_far) {
    ExtImage image;
    image.make(ExtImage::file, wire::mode_regular, 0);
    image.inode(ExtImage::file).mtime = 5;
    image.inode(ExtImage::file).mtime_extra = 1;
    auto modified = [&](u16 extra) {
        image.inode(ExtImage::file).extra_isize = extra;
        return test::mount(image.disk)->stat("/file")->modified;
    };
    EXPECT_EQ(modified(11), 5u);
    EXPECT_EQ(modified(12), 5 + (u64{1} << 32));
    image.inode(ExtImage::file).mtime = ~u32{0}; // a second before 1970, or before the next era
    EXPECT_EQ(modified(11), 0u);
    EXPECT_EQ(modified(12), (u64{1} << 32) - 1);
}

TEST(Ext4Inode, of_every_size_is_read_whole) {
    for (u32 bytes : {128u, 256u, 512u, 1024u}) {
        ExtImage image({.inode_bytes = bytes});
        image.make(ExtImage::file, wire::mode_regular, 7);
        Storage storage = image.storage();
        EXPECT_EQ(read_inode(storage, ExtImage::file)->bytes, 7u) << bytes;
    }
}

// --- inline data ---

class Ext4InlineData : public testing::Test {
  protected:
    Ext4InlineData() : image_({.incompat = wire::incompat_filetype | wire::incompat_inline_data}) {}
    void SetUp() override { make(image_); }
    static void make(ExtImage& image) {
        image.make(ExtImage::file, wire::mode_regular, 200);
        wire::Inode& record = image.inode(ExtImage::file);
        record.flags = wire::inode_flag_inline_data;
        std::memset(record.block, 'a', sizeof(record.block));
    }
    // The attributes: 92 bytes from here on, behind a record of 160 bytes and a magic number.
    u64 entries() { return image_.inode_place(ExtImage::file) + 164; }
    // Writes an attribute's entry at `at` of the entries.
    void put_attribute(usize at, std::string_view name, u16 offset, u32 bytes, u8 index = 7) {
        image_.at<Le<u32>>(entries() - 4) = wire::attribute_magic;
        image_.at<wire::AttributeEntry>(entries() +
                                        at) = {static_cast<u8>(name.size()), index, offset, 0, bytes, 0};
        image_.disk.put(entries() + at + 16, std::as_bytes(std::span(name)));
    }
    void fill_values(usize from, char with) {
        std::memset(image_.disk.bytes().data() + entries() + from, with, 92 - from);
    }
    std::string read() { return image_.read("/file", 0, 1000); }
    static std::string content(usize values, char with = 'v') {
        return std::string(60, 'a') + std::string(values, with) + std::string(140 - values, '\0');
    }

    ExtImage image_;
};

TEST_F(Ext4InlineData, ends_with_the_record) {
    fill_values(24, 'v');
    put_attribute(0, "data", 24, 68);
    EXPECT_EQ(read(), content(68));
    put_attribute(0, "data", 24, 69);
    EXPECT_EQ(read(), "ext4: inline data");
    put_attribute(0, "data", 24, ~u32{0});
    EXPECT_EQ(read(), "ext4: inline data");
    put_attribute(0, "data", 91, 1);
    EXPECT_EQ(read(), content(1));
    put_attribute(0, "data", 92, 0);
    EXPECT_EQ(read(), content(0));
    put_attribute(0, "data", 92, 1);
    EXPECT_EQ(read(), "ext4: inline data");
    put_attribute(0, "data", 93, 0);
    EXPECT_EQ(read(), "ext4: inline data");
    put_attribute(0, "data", 24, 68);
    image_.at<wire::AttributeEntry>(entries()).value_inode = 15; // elsewhere
    EXPECT_EQ(read(), "ext4: inline data");
}

TEST_F(Ext4InlineData, is_read_from_every_place_in_every_length) {
    for (usize i = 24; i < 92; ++i)
        image_.at<char>(entries() + i) = static_cast<char>(i);
    put_attribute(0, "data", 24, 68);
    const std::string all = read();
    ASSERT_EQ(all.size(), 200u);
    EXPECT_EQ(all[60], 24);
    EXPECT_EQ(all[127], 91);
    EXPECT_EQ(all[128], 0);
    for (u64 offset : {0u, 1u, 59u, 60u, 61u, 127u, 128u, 129u, 199u, 200u})
        for (usize bytes : {0u, 1u, 2u, 59u, 60u, 61u, 68u, 69u, 128u, 200u})
            EXPECT_EQ(image_.read("/file", offset, bytes), all.substr(offset, bytes))
                << offset << " " << bytes;
}

TEST_F(Ext4InlineData, is_the_attribute_of_its_name_alone) {
    put_attribute(0, "data", 40, 10, 6); // of users
    fill_values(20, 'v');
    put_attribute(20, "datum", 40, 10);
    put_attribute(44, "dat", 40, 10);
    put_attribute(64, "data", 84, 8);
    EXPECT_EQ(read(), content(8));
    image_.at<Le<u32>>(entries() - 4) = wire::attribute_magic ^ 1;
    EXPECT_EQ(read(), content(0));
}

TEST_F(Ext4InlineData, attributes_end_with_the_record) {
    put_attribute(0, std::string(76, 'n'), 0, 0); // to its very end, where no zeros end them
    EXPECT_EQ(read(), content(0));
    put_attribute(0, std::string(72, 'n'), 0, 0);
    fill_values(88, 'x'); // another one that would start in the last four bytes
    EXPECT_EQ(read(), "ext4: extended attribute of an inode");
    image_.at<Le<u32>>(entries() + 88) = 0;
    EXPECT_EQ(read(), content(0));
    put_attribute(0, std::string(56, 'n'), 0, 0);
    put_attribute(72, "data", 0, 4); // header and name end with the record
    EXPECT_EQ(read().substr(0, 61), std::string(60, 'a') + static_cast<char>(56));
    put_attribute(0, std::string(60, 'n'), 0, 0);
    image_.at<u8>(entries() + 76) = 1; // its header ends with the record, its name behind
    EXPECT_EQ(read(), "ext4: extended attribute of an inode");
    image_.at<u8>(entries()) = 77;
    EXPECT_EQ(read(), "ext4: extended attribute of an inode");
}

TEST_F(Ext4InlineData, of_records_without_room_for_attributes_is_60_bytes) {
    image_.inode(ExtImage::file).extra_isize = 128;
    EXPECT_EQ(read(), content(0));
    image_.inode(ExtImage::file).extra_isize = 125; // three bytes are left
    EXPECT_EQ(read(), content(0));
    ExtImage small({.inode_bytes = 128, .incompat = wire::incompat_filetype | wire::incompat_inline_data});
    make(small);
    EXPECT_EQ(small.read("/file", 0, 1000), content(0));
}

// --- symbolic links ---

TEST(Ext4LongLink, is_at_most_4096_bytes_long_and_has_no_zeros) {
    ExtImage image;
    image.make(ExtImage::file, wire::mode_regular, 0);
    auto stat_error = [&](usize length, usize zero_at = ~usize{0}) {
        image.make(ExtImage::link, wire::mode_symbolic_link, length);
        std::string target(length - 4, '/');
        target += "file";
        if (zero_at < length)
            target[zero_at] = '\0';
        for (usize at = 0; at < length; at += 1024) {
            u64 place = at < 4096 ? image.add_block(ExtImage::link) : 0;
            if (place != 0)
                image.disk.put(
                    place, std::as_bytes(std::span(target).subspan(at, std::min<usize>(1024, length - at))));
        }
        return image.stat_error("/link");
    };
    EXPECT_EQ(stat_error(1000), "");
    EXPECT_EQ(stat_error(4096), "");
    EXPECT_EQ(stat_error(4097), "ext4: symbolic link: length");
    EXPECT_EQ(stat_error(1000, 0), "ext4: symbolic link: target");
    EXPECT_EQ(stat_error(1000, 999), "ext4: symbolic link: target");
}

// --- checksums ---

constexpr u32 seed = 7;
const Layout& checked_layout() {
    static Layout layout{};
    layout.ro_compat = wire::ro_compat_metadata_csum;
    layout.checksum_seed = seed;
    return layout;
}

// 16 bits, and 16 more where the extra fields have room for them.
TEST(Ext4Checksum, of_an_inode_has_32_bits_if_the_extra_fields_reach_that_far) {
    for (usize size : {128u, 256u}) {
        for (u16 extra : {u16{0}, u16{3}, u16{4}, u16{32}}) {
            std::vector<std::byte> bytes(size, std::byte{0x5a});
            auto& record = *reinterpret_cast<wire::Inode*>(bytes.data());
            bool is_wide = size > 128 && extra >= 4;
            record.checksum_lo = 0;
            if (size > 128) {
                record.extra_isize = extra;
                if (is_wide)
                    record.checksum_hi = 0;
            }
            u32 crc = crc32c(bytes, inode_checksum_seed(checked_layout(), 12, record.generation));
            record.checksum_lo = static_cast<u16>(crc);
            if (is_wide)
                record.checksum_hi = static_cast<u16>(crc >> 16);
            EXPECT_TRUE(inode_checksum_matches(checked_layout(), 12, bytes)) << size << " " << extra;
            for (usize at : {usize{0}, usize{0x7c}, size - 1}) {
                bytes[at] ^= std::byte{1};
                EXPECT_FALSE(inode_checksum_matches(checked_layout(), 12, bytes))
                    << size << " " << extra << " " << at;
                bytes[at] ^= std::byte{1};
            }
            if (is_wide) {
                bytes[0x83] ^= std::byte{1};
                EXPECT_FALSE(inode_checksum_matches(checked_layout(), 12, bytes)) << extra;
            }
        }
    }
}

// A root node of a hash tree with `count` of `limit` entries, checksummed as far as it has a place for that.
bool index_node_matches(u32 count, u32 limit) {
    auto block = std::make_unique<std::byte[]>(1024); // of its own, so that a read behind it is noticed
    for (usize i = 0; i < 1024; ++i)
        block[i] = static_cast<std::byte>(i * 7);
    wire::IndexCount counts{static_cast<u16>(limit), static_cast<u16>(count), 1};
    std::memcpy(block.get() + 32, &counts, sizeof(counts));
    usize tail = 32 + limit * 8;
    usize end = 32 + count * 8;
    if (tail + 8 <= 1024 && end <= 1024) {
        u32 crc = crc32c(Bytes(block.get(), end), seed);
        crc = crc32c(Bytes(block.get() + tail, 4), crc);
        std::byte zeros[4] = {};
        Le<u32> stored(crc32c(zeros, crc));
        std::memcpy(block.get() + tail + 4, &stored, 4);
    }
    return directory_block_checksum_matches(checked_layout(), seed, {block.get(), 1024}, true, true);
}

TEST(Ext4Checksum, of_an_index_node_covers_no_more_entries_than_there_is_room_for) {
    EXPECT_TRUE(index_node_matches(5, 123)); // 32 bytes, 123 entries, the tail: the whole block
    EXPECT_TRUE(index_node_matches(123, 123));
    EXPECT_FALSE(index_node_matches(5, 124));
    EXPECT_FALSE(index_node_matches(124, 124));
    EXPECT_TRUE(index_node_matches(99, 100));
    EXPECT_TRUE(index_node_matches(100, 100));
    EXPECT_FALSE(index_node_matches(200, 100));
    EXPECT_FALSE(index_node_matches(65535, 100));
    EXPECT_FALSE(index_node_matches(65535, 65535));
}

TEST(Ext4Checksum, of_a_directory_block_is_in_a_tail_of_the_right_shape) {
    std::vector<std::byte> block(1024, std::byte{0x33});
    auto& tail = *reinterpret_cast<wire::DirectoryTail*>(block.data() + 1012);
    const wire::DirectoryTail right{0, 12, 0, 0xde, crc32c(Bytes(block).first(1012), seed)};
    auto matches = [&](auto&& change) {
        tail = right;
        change();
        return directory_block_checksum_matches(checked_layout(), seed, block, true, false);
    };
    EXPECT_TRUE(matches([] {}));
    EXPECT_FALSE(matches([&] { tail.zero = 1; }));
    EXPECT_FALSE(matches([&] { tail.rec_len = 16; }));
    EXPECT_FALSE(matches([&] { tail.zero_length = 1; }));
    EXPECT_FALSE(matches([&] { tail.type = 0xdf; }));
    EXPECT_FALSE(matches([&] { tail.checksum = right.checksum ^ 1; }));
}

TEST(Ext4Checksum, of_an_extent_block_lies_inside_it) {
    std::vector<std::byte> block(1024, std::byte{0x33});
    auto& header = *reinterpret_cast<wire::ExtentHeader*>(block.data());
    for (u16 max : {u16{1}, u16{84}}) {
        header.max = max;
        usize tail = 12 + max * usize{12};
        Le<u32> stored(crc32c(Bytes(block).first(tail), seed));
        std::memcpy(block.data() + tail, &stored, 4);
        EXPECT_TRUE(extent_block_checksum_matches(checked_layout(), seed, block));
        block[tail] ^= std::byte{1};
        EXPECT_FALSE(extent_block_checksum_matches(checked_layout(), seed, block));
    }
    header.max = 85;
    EXPECT_FALSE(extent_block_checksum_matches(checked_layout(), seed, block));
}

} // namespace
} // namespace vireo::fs::ext4
