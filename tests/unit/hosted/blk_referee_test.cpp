// SPDX-License-Identifier: Apache-2.0
// The fake disk bites: requests and settings that section 5.2 forbids; and it behaves: what its cache loses,
// what its ranges do. Type codes and layouts are written out.
#include "unit/hosted/register_driver.h"

namespace vireo::test {
namespace {

constexpr u32 flush = 1 << 9, config_wce = 1 << 11, discard = 1 << 13, write_zeroes = 1 << 14,
              read_only = 1 << 5;
constexpr u32 type_out = 1, type_flush = 4, type_discard = 11, type_write_zeroes = 13, type_secure_erase = 14;
constexpr u64 writeback = base + 0x100 + 32; // in the configuration

std::vector<u8> ranges(std::initializer_list<fake::Blk::Range> list) {
    std::vector<u8> bytes;
    for (const auto& range : list) {
        bytes.resize(bytes.size() + 16);
        u8* at = bytes.data() + bytes.size() - 16;
        std::memcpy(at, &range.sector, 8);
        std::memcpy(at + 8, &range.sectors, 4);
        std::memcpy(at + 12, &range.flags, 4);
    }
    return bytes;
}

class BlkReferee : public RegisterDriver {
  protected:
    BlkReferee() {
        disk.set_discard(50, 2);
        disk.set_write_zeroes(50, 2);
    }
    // One request after the other, through the same descriptors.
    u8 ask(u32 type, u64 sector, std::span<const u8> data) {
        request(type, sector, data, sent_++);
        return answer();
    }
    // The first byte of a sector, from behind.
    u8 peek(u64 sector) {
        u8 bytes[512];
        EXPECT_TRUE(disk.disk().read(sector, bytes, 512));
        return bytes[0];
    }
    u16 sent_ = 0;
};

TEST_F(BlkReferee, good_ranges_are_carried_out) {
    go_live(discard | write_zeroes);
    std::vector<u8> ones(512, 0x11);
    for (u64 sector : {10, 11, 12, 20, 21})
        EXPECT_EQ(ask(type_out, sector, ones), 0);
    EXPECT_EQ(ask(type_write_zeroes, 0, ranges({{10, 1, 0}, {12, 1, 1}})), 0);
    EXPECT_EQ(ask(type_discard, 0, ranges({{20, 1, 0}})), 0);
    EXPECT_EQ(peek(10), 0);
    EXPECT_EQ(peek(11), 0x11);
    EXPECT_EQ(peek(12), 0);
    EXPECT_EQ(peek(20), 0xdd); // anything but what was there, or zeros
    EXPECT_EQ(peek(21), 0x11);
    ASSERT_EQ(disk.requests().size(), 7u);
    EXPECT_EQ(disk.requests()[5].ranges.size(), 2u);
    EXPECT_EQ(disk.count_on(0), 7u);
}
TEST_F(BlkReferee, ranges_that_were_not_negotiated) {
    complaints.expect("blk.42");
    go_live();
    EXPECT_EQ(ask(type_discard, 0, ranges({{0, 1, 0}})), 2);
}
TEST_F(BlkReferee, range_data_of_other_lengths) {
    complaints.expect("blk.18");
    go_live(discard);
    auto bytes = ranges({{0, 1, 0}});
    bytes.pop_back();
    EXPECT_EQ(ask(type_discard, 0, bytes), 1);
    EXPECT_EQ(complaints.count("blk.18"), 1u);
    ask(type_discard, 0, {});
    EXPECT_EQ(complaints.count("blk.18"), 2u);
    ask(type_discard, 5, ranges({{0, 1, 0}})); // a sector in the header
    EXPECT_EQ(complaints.count("blk.18"), 3u);
}
TEST_F(BlkReferee, too_many_ranges) {
    complaints.expect("blk.20");
    complaints.expect("blk.22");
    go_live(discard | write_zeroes);
    EXPECT_EQ(ask(type_discard, 0, ranges({{0, 1, 0}, {1, 1, 0}, {2, 1, 0}})), 1);
    EXPECT_EQ(ask(type_write_zeroes, 0, ranges({{0, 1, 0}, {1, 1, 0}, {2, 1, 0}})), 1);
}
TEST_F(BlkReferee, ranges_of_too_many_sectors) {
    complaints.expect("blk.20");
    complaints.expect("blk.22");
    go_live(discard | write_zeroes);
    EXPECT_EQ(ask(type_discard, 0, ranges({{0, 51, 0}})), 1);
    EXPECT_EQ(ask(type_write_zeroes, 0, ranges({{0, 51, 0}})), 1);
}
TEST_F(BlkReferee, ranges_beyond_the_capacity) {
    complaints.expect("blk.13");
    go_live(discard);
    EXPECT_EQ(ask(type_discard, 0, ranges({{99, 2, 0}})), 1);
    EXPECT_EQ(ask(type_discard, 0, ranges({{~u64{0}, 2, 0}})), 1);
    EXPECT_EQ(complaints.count("blk.13"), 2u);
}
TEST_F(BlkReferee, range_flags) {
    complaints.expect("blk.25");
    go_live(discard | write_zeroes);
    EXPECT_EQ(ask(type_discard, 0, ranges({{0, 1, 1}})), 2);
    EXPECT_EQ(ask(type_discard, 0, ranges({{0, 1, 2}})), 2);
    EXPECT_EQ(ask(type_write_zeroes, 0, ranges({{0, 1, 2}})), 2);
    EXPECT_EQ(complaints.count("blk.25"), 3u);
}
TEST_F(BlkReferee, secure_erase_is_not_for_us) {
    complaints.expect("blk.21");
    disk.set_secure_erase(50, 1);
    go_live(0, 1);
    complaints.expect("blk.42");
    EXPECT_EQ(ask(type_secure_erase, 0, ranges({{0, 1, 0}, {1, 1, 0}})), 2);
}
TEST_F(BlkReferee, ranges_on_a_read_only_disk) {
    complaints.expect("blk.14");
    disk.offered.add(fake::Blk::read_only);
    go_live(discard | read_only);
    EXPECT_EQ(ask(type_discard, 0, ranges({{0, 1, 0}})), 1);
}
TEST_F(BlkReferee, discard_on_a_host_managed_disk) {
    complaints.expect("blk.06");
    disk.set_zoned(fake::Blk::zoned_host_managed);
    negotiate(discard);
    EXPECT_FALSE(get(status) & 8); // and without ZONED it works for nobody
}
TEST_F(BlkReferee, discard_on_a_host_aware_disk) {
    disk.set_zoned(fake::Blk::zoned_host_aware);
    negotiate(discard);
    EXPECT_TRUE(get(status) & 8);
}
TEST_F(BlkReferee, requests_on_a_second_queue_without_mq) {
    complaints.expect("blk.42");
    fake::Blk other("other", std::make_unique<fake::MemoryDisk>(8), 2);
    slot.reset();
    slot.emplace(base, 2, &other);
    negotiate();
    put(queue_select, 1);
    get(queue_ready);
    put(queue_size, 4);
    write_addresses();
    put(queue_ready, 1);
    put(status, 15);
    request(type_out, 0, std::vector<u8>(512), 0, 1);
    EXPECT_EQ(other.count_on(1), 1u);
    put(status, 0);
    slot.reset();
    slot.emplace(base, 2, &disk);
    identify();
}
TEST_F(BlkReferee, writeback_without_the_feature_and_with_other_values) {
    complaints.expect("blk.23");
    go_live(flush);
    io::raw::write8(writeback, 0);
    put(status, 0);
    go_live(flush | config_wce);
    io::raw::write8(writeback, 2);
    EXPECT_EQ(complaints.count("blk.23"), 2u);
}

// --- durability --------------------------------------------------------------------------------------------------

class CachedDiskTest : public BlkReferee {
  protected:
    CachedDiskTest() {
        auto made = std::make_unique<fake::CachedDisk>(std::make_unique<fake::MemoryDisk>(100));
        cache = made.get();
        slot.reset();
        cached.emplace("cached", std::move(made));
        slot.emplace(base, 2, &*cached);
    }
    ~CachedDiskTest() override {
        put(status, 0);
        slot.reset();
        slot.emplace(base, 2, &disk);
        identify();
    }
    u8 stored(u64 sector) {
        cache->lose_power();
        u8 bytes[512];
        EXPECT_TRUE(cache->read(sector, bytes, 512));
        return bytes[0];
    }
    fake::CachedDisk* cache;
    std::optional<fake::Blk> cached;
    const std::vector<u8> ones = std::vector<u8>(512, 0x11);
};

TEST_F(CachedDiskTest, unflushed_writes_are_lost) {
    go_live(flush);
    EXPECT_EQ(ask(type_out, 1, ones), 0);
    u8 bytes[512];
    EXPECT_TRUE(cache->read(1, bytes, 512));
    EXPECT_EQ(bytes[0], 0x11); // there as long as the power is
    EXPECT_EQ(cache->unflushed_sectors(), 1u);
    EXPECT_EQ(stored(1), 0);
}
TEST_F(CachedDiskTest, flushed_writes_stay) {
    go_live(flush);
    EXPECT_EQ(ask(type_out, 1, ones), 0);
    EXPECT_EQ(ask(type_flush, 0, {}), 0);
    EXPECT_EQ(ask(type_out, 2, ones), 0);
    EXPECT_EQ(stored(1), 0x11);
    EXPECT_EQ(stored(2), 0);
}
TEST_F(CachedDiskTest, write_through_covers_what_is_written_from_then_on) {
    go_live(flush | config_wce);
    EXPECT_EQ(io::raw::read8(writeback), 1);
    EXPECT_EQ(ask(type_out, 1, ones), 0);
    io::raw::write8(writeback, 0);
    EXPECT_EQ(ask(type_out, 2, ones), 0);
    EXPECT_EQ(stored(1), 0);
    EXPECT_EQ(stored(2), 0x11);
}
TEST_F(CachedDiskTest, without_flush_it_writes_through) {
    go_live(0);
    EXPECT_EQ(ask(type_out, 1, ones), 0);
    EXPECT_EQ(stored(1), 0x11);
}
TEST_F(CachedDiskTest, config_wce_without_flush_begins_with_write_through) {
    go_live(config_wce);
    EXPECT_EQ(io::raw::read8(writeback), 0);
}
TEST_F(CachedDiskTest, part_of_the_cache_may_survive) {
    go_live(flush);
    EXPECT_EQ(ask(type_out, 1, ones), 0);
    EXPECT_EQ(ask(type_out, 2, ones), 0);
    cache->lose_power([](u64 sector) { return sector == 2; });
    EXPECT_EQ(stored(1), 0);
    EXPECT_EQ(stored(2), 0x11);
}

} // namespace
} // namespace vireo::test
