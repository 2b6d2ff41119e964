// SPDX-License-Identifier: Apache-2.0
#include "device/block_device.h"
#include "unit/support/complaints.h"

#include <deque>
#include <vector>

namespace vireo::test {
namespace {

using device::BlockExtent;
using device::BlockRequest;

// A disk in memory that keeps requests until it is polled, and notes them. Each block holds its number.
class Disk final : public device::BlockDevice, public event::Poller {
  public:
    struct Noted {
        BlockRequest::Operation operation;
        u64 first_block;
        u64 bytes;
        usize segments;
    };

    explicit Disk(event::EventLoop& loop, u64 blocks = 4096) : BlockDevice(loop), content(blocks * 512) {
        facts_.block_count = blocks;
        facts_.max_segments = 16;
        facts_.max_segment_bytes = 1u << 30;
        facts_.queue_depth = 8;
        for (u64 i = 0; i < blocks; ++i)
            std::memcpy(content.data() + i * 512, &i, sizeof i);
        loop.add(*this);
    }
    ~Disk() { event::EventLoop::remove(*this); }
    device::BlockFacts& set() { return facts_; }

    bool poll() override {
        if (silent || held.empty())
            return false;
        // From the back, to see that order does not matter.
        BlockRequest* request = in_order ? held.front() : held.back();
        in_order ? held.pop_front() : held.pop_back();
        finish(*request);
        if (after_each)
            after_each();
        return true;
    }
    bool needs_polling() const override { return !held.empty(); }

    // Completes everything without moving data.
    void finish_all() {
        for (; !held.empty(); held.pop_front())
            held.front()->complete({});
    }

    std::vector<Noted> noted;
    std::deque<BlockRequest*> held;
    std::vector<std::byte> content;
    usize room = 64;
    usize most_in_flight = 0;
    unsigned commits = 0;
    unsigned aborts = 0;
    bool silent = false;
    bool in_order = false;
    std::optional<u64> bad_block;
    std::function<void()> after_each;
    std::optional<Error> broken;

  private:
    bool start(BlockRequest& request) override {
        if (held.size() >= room)
            return false;
        noted.push_back({request.operation, request.first_block, request.bytes(), request.segments.size()});
        held.push_back(&request);
        most_in_flight = std::max(most_in_flight, held.size());
        return true;
    }
    void commit() override { ++commits; }
    void abort(Error why) override {
        ++aborts;
        while (!held.empty()) {
            held.front()->complete(why);
            held.pop_front();
        }
    }
    Result<> usable() const override { return broken ? Result<>(*broken) : Result<>(); }

    void finish(BlockRequest& request) {
        u64 blocks = request.bytes() / facts_.block_bytes;
        if (bad_block && *bad_block >= request.first_block && *bad_block < request.first_block + blocks)
            return request.complete(error(ErrorCode::Io, "bad block"));
        std::byte* at = content.data() + request.first_block * facts_.block_bytes;
        for (auto& segment : request.segments) {
            if (request.operation == BlockRequest::Operation::Read)
                std::memcpy(segment.memory, at, segment.bytes);
            else
                std::memcpy(at, segment.memory, segment.bytes);
            at += segment.bytes;
        }
        request.complete({});
    }
};

class BlockDeviceTest : public testing::Test {
  protected:
    static bool holds(Bytes bytes, u64 first_block) {
        for (usize i = 0; i < bytes.size() / 512; ++i) {
            u64 number;
            std::memcpy(&number, bytes.data() + i * 512, sizeof number);
            if (number != first_block + i)
                return false;
        }
        return true;
    }
    Complaints complaints;
    event::EventLoop loop;
    Disk disk{loop};
    std::vector<std::byte> memory = std::vector<std::byte>(4096 * 512);
};

TEST_F(BlockDeviceTest, a_contiguous_read_is_one_request) {
    ASSERT_TRUE(disk.read(3, MutableBytes(memory).first(1000 * 512)));
    EXPECT_TRUE(holds(Bytes(memory).first(1000 * 512), 3));
    ASSERT_EQ(disk.noted.size(), 1u);
    EXPECT_EQ(disk.noted[0].segments, 1u);
    EXPECT_EQ(disk.requests_issued(), 1u);
    EXPECT_EQ(disk.commits, 1u);
}

// covers: blk.13
TEST_F(BlockDeviceTest, nothing_beyond_the_end_reaches_the_device) {
    for (u64 first : {u64{4096}, u64{4095}, u64{1} << 32, ~u64{0}, ~u64{0} - 1}) {
        auto result = disk.read(first, MutableBytes(memory).first(1024));
        ASSERT_FALSE(result) << first;
        EXPECT_EQ(result.error().code, ErrorCode::OutOfRange);
        EXPECT_FALSE(disk.write(first, Bytes(memory).first(1024)));
    }
    EXPECT_TRUE(disk.noted.empty());
    EXPECT_TRUE(disk.read(4094, MutableBytes(memory).first(1024)));
}

// covers: blk.17
TEST_F(BlockDeviceTest, part_of_a_block_is_an_invalid_argument) {
    for (usize bytes : {1u, 511u, 513u}) {
        auto result = disk.read(0, MutableBytes(memory).first(bytes));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::InvalidArgument);
    }
    disk.set().block_bytes = 4096;
    disk.set().block_count = 512;
    EXPECT_FALSE(disk.read(0, MutableBytes(memory).first(512)));
    EXPECT_TRUE(disk.read(0, MutableBytes(memory).first(8192)));
}

TEST_F(BlockDeviceTest, nothing_is_read_without_a_request) {
    EXPECT_TRUE(disk.read(0, {}));
    EXPECT_TRUE(disk.read(std::span<const BlockExtent>{}));
    EXPECT_TRUE(disk.noted.empty());
}

TEST_F(BlockDeviceTest, a_disk_without_blocks_has_nothing_to_read) {
    disk.set().block_count = 0;
    auto result = disk.read(0, MutableBytes(memory).first(512));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::OutOfRange);
}

TEST_F(BlockDeviceTest, neighbours_on_disk_become_one_request_of_several_segments) {
    // Two runs: blocks 10..13 to two places in memory, and blocks 100..101.
    BlockExtent extents[] = {
        {10, memory.data(), 1024}, {12, memory.data() + 8192, 1024}, {100, memory.data() + 4096, 1024}};
    ASSERT_TRUE(disk.read(extents));
    ASSERT_EQ(disk.noted.size(), 2u);
    EXPECT_EQ(disk.noted[0].segments, 2u);
    EXPECT_EQ(disk.noted[0].bytes, 2048u);
    EXPECT_EQ(disk.commits, 1u);
    EXPECT_TRUE(holds(Bytes(memory).first(1024), 10));
    EXPECT_TRUE(holds(Bytes(memory).subspan(8192, 1024), 12));
    EXPECT_TRUE(holds(Bytes(memory).subspan(4096, 1024), 100));
}

TEST_F(BlockDeviceTest, memory_that_goes_on_stays_one_segment) {
    BlockExtent extents[] = {{10, memory.data(), 1024}, {12, memory.data() + 1024, 1024}};
    ASSERT_TRUE(disk.read(extents));
    ASSERT_EQ(disk.noted.size(), 1u);
    EXPECT_EQ(disk.noted[0].segments, 1u);
}

// covers: blk.44
TEST_F(BlockDeviceTest, limits_split_a_request) {
    disk.set().max_segment_bytes = 4096;
    disk.set().max_segments = 2;
    ASSERT_TRUE(disk.read(0, MutableBytes(memory).first(100 * 512)));
    EXPECT_TRUE(holds(Bytes(memory).first(100 * 512), 0));
    EXPECT_EQ(disk.noted.size(), 7u); // 8192 bytes each, the last one less
    for (auto& noted : disk.noted)
        EXPECT_LE(noted.bytes, 8192u);
}

TEST_F(BlockDeviceTest, the_queue_is_kept_full_and_refilled_at_once) {
    disk.set().max_segment_bytes = 512;
    disk.set().max_segments = 1;
    for (bool in_order : {true, false}) {
        disk.in_order = in_order;
        disk.noted.clear();
        ASSERT_TRUE(disk.read(0, MutableBytes(memory).first(500 * 512)));
        EXPECT_TRUE(holds(Bytes(memory).first(500 * 512), 0));
        EXPECT_EQ(disk.noted.size(), 500u);
        EXPECT_EQ(disk.most_in_flight, 8u);
    }
}

TEST_F(BlockDeviceTest, a_device_with_less_room_than_it_says_is_served) {
    disk.set().max_segment_bytes = 512;
    disk.set().max_segments = 1;
    disk.room = 3;
    ASSERT_TRUE(disk.read(7, MutableBytes(memory).first(100 * 512)));
    EXPECT_TRUE(holds(Bytes(memory).first(100 * 512), 7));
    disk.room = 0;
    EXPECT_FALSE(disk.read(7, MutableBytes(memory).first(512)));
    EXPECT_FALSE(disk.flush() && disk.facts().has_write_cache);
}

TEST_F(BlockDeviceTest, the_first_error_ends_the_transfer_when_all_are_back) {
    disk.set().max_segment_bytes = 512;
    disk.set().max_segments = 1;
    disk.in_order = true;
    disk.bad_block = 20;
    auto result = disk.read(0, MutableBytes(memory).first(500 * 512));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Io);
    EXPECT_LT(disk.noted.size(), 40u);
    EXPECT_TRUE(disk.held.empty());
    EXPECT_EQ(disk.aborts, 0u);
    disk.bad_block.reset();
    EXPECT_TRUE(disk.read(0, MutableBytes(memory).first(512)));
}

TEST_F(BlockDeviceTest, device_that_never_answers_times_out) {
    disk.silent = true;
    u64 before = hosted::clock_now();
    auto result = disk.read(0, MutableBytes(memory).first(512));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Timeout);
    EXPECT_EQ(disk.aborts, 1u);
    EXPECT_LT(hosted::clock_now() - before, 30 * hosted::second);
    disk.silent = false;
    EXPECT_TRUE(disk.read(0, MutableBytes(memory).first(512)));
}

TEST_F(BlockDeviceTest, ctrl_c_gives_up) {
    disk.silent = true;
    hosted::schedule(hosted::millisecond, [&] { loop.request_interrupt(); });
    auto result = disk.read(0, MutableBytes(memory).first(512));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Interrupted);
    EXPECT_TRUE(disk.held.empty());
}

// A slow disk is not a dead one: each request that comes back renews the deadline.
TEST_F(BlockDeviceTest, progress_renews_the_deadline) {
    disk.set().max_segment_bytes = 512;
    disk.set().max_segments = 1;
    disk.set().queue_depth = 1;
    disk.silent = true;
    std::function<void()> tick = [&] {
        disk.silent = false;
        disk.poll();
        disk.silent = true;
        hosted::schedule(15 * hosted::second, tick);
    };
    hosted::schedule(15 * hosted::second, tick);
    EXPECT_TRUE(disk.read(0, MutableBytes(memory).first(5 * 512)));
}

// 512 MiB in one request, from a disk that needs a minute for them.
TEST_F(BlockDeviceTest, a_slow_disk_gets_time_in_proportion) {
    disk.set().block_bytes = 65536;
    disk.set().block_count = 8192;
    disk.silent = true;
    hosted::schedule(60 * hosted::second, [&] { disk.finish_all(); });
    BlockExtent extent{0, memory.data(), u64{512} << 20};
    EXPECT_TRUE(disk.read(std::span<const BlockExtent>(&extent, 1)));
    EXPECT_EQ(disk.noted.size(), 1u);
}

// The disk shrinks while it is read: what lies beyond its new end is not asked for.
TEST_F(BlockDeviceTest, a_disk_that_becomes_smaller_is_an_error) {
    disk.set().max_segment_bytes = 512;
    disk.set().max_segments = 1;
    disk.in_order = true;
    disk.after_each = [&] { disk.set().block_count = 100; };
    auto result = disk.read(0, MutableBytes(memory).first(500 * 512));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::OutOfRange);
    for (auto& noted : disk.noted)
        EXPECT_LT(noted.first_block, 100u);
}

// covers: blk.14
TEST_F(BlockDeviceTest, a_read_only_disk_is_not_written) {
    disk.set().read_only = true;
    auto result = disk.write(0, Bytes(memory).first(512));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::ReadOnly);
    EXPECT_TRUE(disk.noted.empty());
}

// covers: blk.02, blk.03
TEST_F(BlockDeviceTest, flush_is_a_request_only_where_there_is_a_cache) {
    EXPECT_TRUE(disk.flush());
    EXPECT_TRUE(disk.noted.empty());
    disk.set().has_write_cache = true;
    EXPECT_TRUE(disk.flush());
    ASSERT_EQ(disk.noted.size(), 1u);
    EXPECT_EQ(disk.noted[0].operation, BlockRequest::Operation::Flush);
    EXPECT_EQ(disk.noted[0].bytes, 0u);
}

TEST_F(BlockDeviceTest, a_broken_disk_fails_at_once) {
    disk.broken = error(ErrorCode::DeviceBroken, "gone");
    for (auto result :
         {disk.read(0, MutableBytes(memory).first(512)), disk.write(0, Bytes(memory).first(512))}) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::DeviceBroken);
    }
    EXPECT_TRUE(disk.noted.empty());
}

TEST_F(BlockDeviceTest, writes_carry_the_data) {
    for (usize i = 0; i < 1024; ++i)
        memory[i] = std::byte{0x77};
    ASSERT_TRUE(disk.write(9, Bytes(memory).first(1024)));
    EXPECT_EQ(disk.content[9 * 512], std::byte{0x77});
    EXPECT_EQ(disk.content[11 * 512 - 1], std::byte{0x77});
    EXPECT_NE(disk.content[11 * 512], std::byte{0x77});
}

} // namespace
} // namespace vireo::test
