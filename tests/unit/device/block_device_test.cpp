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

    explicit Disk(event::EventLoop& loop, u64 blocks = 4096)
        : BlockDevice(loop, "virtio"), content(blocks * 512) {
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
    u64 most_bytes_in_flight = 0;
    unsigned commits = 0;
    unsigned aborts = 0;
    bool silent = false;
    bool in_order = false;
    bool moves_data = true;
    std::optional<u64> bad_block;
    std::function<void()> after_each;
    std::optional<Error> broken;

  private:
    bool start(BlockRequest& request) override {
        if (held.size() >= room)
            return false;
        noted.push_back({request.operation, request.first_block, request.block_count * facts_.block_bytes,
                         request.segments.size()});
        held.push_back(&request);
        most_in_flight = std::max(most_in_flight, held.size());
        u64 bytes_in_flight = 0;
        for (BlockRequest* each : held)
            bytes_in_flight += each->block_count * facts_.block_bytes;
        most_bytes_in_flight = std::max(most_bytes_in_flight, bytes_in_flight);
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
        u64 blocks = request.block_count;
        if (bad_block && *bad_block >= request.first_block && *bad_block < request.first_block + blocks)
            return request.complete(error(ErrorCode::Io, "bad block"));
        if (!moves_data)
            return request.complete({});
        std::byte* at = content.data() + request.first_block * facts_.block_bytes;
        if (request.operation == BlockRequest::Operation::WriteZeroes)
            std::memset(at, 0, blocks * facts_.block_bytes);
        if (request.operation == BlockRequest::Operation::Discard)
            std::memset(at, 0xd5, blocks * facts_.block_bytes); // what is left is undefined
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
    constexpr usize bytes = 64 * 1024; // a little more than the least that a disk must move
    disk.set().max_segment_bytes = bytes;
    disk.set().max_segments = 1;
    disk.set().queue_depth = 1;
    disk.silent = true;
    std::function<void()> tick = [&] {
        disk.silent = false;
        disk.poll();
        disk.silent = true;
        hosted::schedule(9 * hosted::second, tick);
    };
    hosted::schedule(9 * hosted::second, tick);
    EXPECT_TRUE(disk.read(0, MutableBytes(memory).first(5 * bytes)));
}

// Requests are small enough for a slow disk to show progress before the deadline: 512 MiB from
// a disk of 2 MB/s.
TEST_F(BlockDeviceTest, a_slow_disk_gets_its_time) {
    disk.set().block_bytes = 65536;
    disk.set().block_count = 8192;
    disk.silent = true;
    std::function<void()> finish_one = [&] {
        if (!disk.held.empty()) {
            disk.held.front()->complete({});
            disk.held.pop_front();
        }
        hosted::schedule(8 * hosted::second, finish_one);
    };
    hosted::schedule(8 * hosted::second, finish_one);
    BlockExtent extent{0, memory.data(), u64{512} << 20};
    EXPECT_TRUE(disk.read(std::span<const BlockExtent>(&extent, 1)));
    EXPECT_EQ(disk.noted.size(), 32u);
    EXPECT_EQ(disk.most_bytes_in_flight, u64{64} << 20);
}

// However much was asked for, and whatever for: nobody waits minutes for a disk that is dead.
TEST_F(BlockDeviceTest, a_dead_disk_is_given_up_in_half_a_minute) {
    disk.set().block_bytes = 65536;
    disk.set().block_count = 1 << 20;
    disk.set().max_discard_blocks = disk.set().max_write_zeroes_blocks = ~u32{0} / 128;
    disk.silent = true;
    BlockExtent extent{0, memory.data(), u64{2} << 30};
    std::span<const BlockExtent> extents(&extent, 1);
    for (auto attempt : std::initializer_list<std::function<Result<>()>>{
             [&] { return disk.read(extents); }, [&] { return disk.write(extents); },
             [&] { return disk.discard(0, 1 << 20); }, [&] { return disk.write_zeroes(0, 1 << 20); }}) {
        u64 before = hosted::clock_now();
        auto result = attempt();
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::Timeout);
        EXPECT_GT(hosted::clock_now() - before, 15 * hosted::second);
        EXPECT_LT(hosted::clock_now() - before, 30 * hosted::second);
        EXPECT_TRUE(disk.held.empty());
    }
}

// A FLUSH shows no progress: it may take longer after much was written, within bounds.
TEST_F(BlockDeviceTest, a_flush_is_not_waited_for_without_end) {
    disk.set().block_bytes = 65536;
    disk.set().block_count = 1 << 20;
    disk.set().has_write_cache = true;
    disk.set().max_write_zeroes_blocks = ~u32{0} / 128;
    disk.moves_data = false;
    u64 waited[2];
    for (u64& time : waited) {
        disk.silent = true;
        u64 before = hosted::clock_now();
        EXPECT_FALSE(disk.flush());
        time = hosted::clock_now() - before;
        disk.silent = false;
        ASSERT_TRUE(disk.write_zeroes(0, 1 << 18)); // 16 GiB
    }
    EXPECT_LT(waited[0], 25 * hosted::second);
    EXPECT_GT(waited[1], 40 * hosted::second);
    EXPECT_LT(waited[1], 70 * hosted::second);
}

TEST_F(BlockDeviceTest, zeroes_are_written_by_the_disk_if_it_can) {
    disk.set().max_write_zeroes_blocks = 100;
    ASSERT_TRUE(disk.write_zeroes(10, 250));
    ASSERT_EQ(disk.noted.size(), 3u);
    for (auto& noted : disk.noted) {
        EXPECT_EQ(noted.operation, BlockRequest::Operation::WriteZeroes);
        EXPECT_LE(noted.bytes, 100u * 512);
        EXPECT_EQ(noted.segments, 0u);
    }
    auto zero = [](std::byte b) { return b == std::byte{0}; };
    auto range = std::span(disk.content).subspan(10 * 512, 250 * 512);
    EXPECT_TRUE(std::all_of(range.begin(), range.end(), zero));
    EXPECT_TRUE(holds(Bytes(disk.content).subspan(9 * 512, 512), 9));
    EXPECT_TRUE(holds(Bytes(disk.content).subspan(260 * 512, 512), 260));
}

TEST_F(BlockDeviceTest, zeroes_are_written_as_data_to_disks_that_cannot) {
    ASSERT_TRUE(disk.write_zeroes(10, 4000));
    EXPECT_LE(disk.noted.size(), 2u); // large requests, from a small buffer
    for (auto& noted : disk.noted)
        EXPECT_EQ(noted.operation, BlockRequest::Operation::Write);
    auto range = std::span(disk.content).subspan(10 * 512, 4000 * 512);
    EXPECT_TRUE(std::all_of(range.begin(), range.end(), [](std::byte b) { return b == std::byte{0}; }));
    EXPECT_TRUE(holds(Bytes(disk.content).first(10 * 512), 0));
    EXPECT_TRUE(holds(Bytes(disk.content).subspan(4010 * 512, 86 * 512), 4010));
}

TEST_F(BlockDeviceTest, a_discard_is_cut_between_the_units_of_the_disk) {
    disk.set().max_discard_blocks = 100;
    disk.set().discard_alignment_blocks = 64;
    ASSERT_TRUE(disk.discard(10, 300));
    ASSERT_GE(disk.noted.size(), 2u);
    u64 next = 10;
    for (auto& noted : disk.noted) {
        EXPECT_EQ(noted.operation, BlockRequest::Operation::Discard);
        EXPECT_EQ(noted.first_block, next);
        EXPECT_LE(noted.bytes, 100u * 512);
        next += noted.bytes / 512;
        if (next != 310)
            EXPECT_EQ(next % 64, 0u);
    }
    EXPECT_EQ(next, 310u);
    // A unit larger than a request: no place to cut, but an end.
    disk.set().discard_alignment_blocks = 1000;
    disk.noted.clear();
    ASSERT_TRUE(disk.discard(1, 999));
    EXPECT_EQ(disk.noted.size(), 10u);
}

TEST_F(BlockDeviceTest, what_cannot_be_erased_is_refused_before_any_request) {
    EXPECT_EQ(disk.discard(0, 1).error().code, ErrorCode::NotSupported);
    disk.set().max_discard_blocks = disk.set().max_write_zeroes_blocks = 100;
    for (u64 first : {u64{4096}, u64{4095}, ~u64{0}}) {
        EXPECT_EQ(disk.discard(first, 2).error().code, ErrorCode::OutOfRange) << first;
        EXPECT_EQ(disk.write_zeroes(first, 2).error().code, ErrorCode::OutOfRange) << first;
    }
    EXPECT_EQ(disk.write_zeroes(1, ~u64{0}).error().code, ErrorCode::OutOfRange);
    EXPECT_TRUE(disk.discard(4096, 0));
    disk.set().read_only = true;
    EXPECT_EQ(disk.discard(0, 1).error().code, ErrorCode::ReadOnly);
    EXPECT_EQ(disk.write_zeroes(0, 1).error().code, ErrorCode::ReadOnly);
    EXPECT_TRUE(disk.noted.empty());
}

// The device came back from a reset as another one, in the middle of a transfer.
TEST_F(BlockDeviceTest, a_disk_that_changes_its_block_size_ends_the_transfer) {
    disk.set().max_segment_bytes = 512;
    disk.set().max_segments = 1;
    disk.in_order = true;
    disk.after_each = [&] {
        disk.set().block_bytes = 4096;
        disk.set().max_segment_bytes = 4096;
        disk.set().block_count = 512;
    };
    auto result = disk.read(0, MutableBytes(memory).first(500 * 512));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::DeviceBroken);
    EXPECT_EQ(disk.noted.size(), 8u);
}

// Where data passes through a pool of shared pages, a request is no larger than what fits there.
TEST_F(BlockDeviceTest, a_request_is_no_larger_than_the_way_to_the_disk) {
    disk.set().max_request_bytes = 64 * 1024;
    ASSERT_TRUE(disk.read(3, MutableBytes(memory).first(1000 * 512)));
    EXPECT_TRUE(holds(Bytes(memory).first(1000 * 512), 3));
    EXPECT_EQ(disk.noted.size(), 8u);
    for (auto& noted : disk.noted)
        EXPECT_LE(noted.bytes, 64u * 1024);
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
