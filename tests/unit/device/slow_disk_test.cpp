// SPDX-License-Identifier: Apache-2.0
// Disks that are slow, disks that trickle, and a host that stands still: which of them is
// waited for, and how long.
#include "device/block_device.h"
#include "unit/support/complaints.h"

#include <deque>
#include <vector>

namespace vireo::test {
namespace {

using device::BlockRequest;
using device::Pace;
using event::Duration;

constexpr u64 kib = 1024;

// A disk without content that ends each request when `due` says.
class SlowDisk final : public device::BlockDevice, public event::Poller {
  public:
    explicit SlowDisk(event::EventLoop& loop) : BlockDevice(loop, "virtio") {
        facts_.block_count = 1 << 20;
        facts_.max_segments = 16;
        facts_.max_segment_bytes = 1u << 30;
        facts_.queue_depth = 8;
        facts_.has_write_cache = true;
        loop.add(*this);
    }
    ~SlowDisk() { event::EventLoop::remove(*this); }
    device::BlockFacts& set() { return facts_; }

    // As the hosts of virtual machines throttle: each request waits until those before it are paid for, and a
    // tenth of a second's worth goes at once.
    void throttle_like_a_host(u64 bytes_per_second) {
        due = [this, bytes_per_second](const BlockRequest& request) {
            u64 now = hosted::clock_now();
            u64 at = std::max(now, paid_until_ - std::min(paid_until_, hosted::second / 10));
            paid_until_ = std::max(now, paid_until_) + bytes_of(request) * hosted::second / bytes_per_second;
            return at;
        };
    }
    // Each one takes its own time, one after the other.
    void serve_at(u64 bytes_per_second) {
        due = [this, bytes_per_second](const BlockRequest& request) {
            paid_until_ = std::max(hosted::clock_now(), paid_until_) +
                          bytes_of(request) * hosted::second / bytes_per_second;
            return paid_until_;
        };
    }
    // Each one takes so long, however large it is.
    void take_each(u64 time) {
        due = [time](const BlockRequest&) { return hosted::clock_now() + time; };
    }

    std::function<u64(const BlockRequest&)> due;
    std::vector<u64> sizes; // of all requests
    unsigned aborts = 0;

    bool poll() override {
        bool any = false;
        while (!held_.empty() && held_.front().at <= hosted::clock_now()) {
            held_.front().request->complete({});
            held_.pop_front();
            any = true;
        }
        return any;
    }
    bool needs_polling() const override { return !held_.empty(); }
    // The host stops the machine, and the disk with it.
    void stand_still(u64 time) {
        hosted::stand_still(time);
        for (Held& held : held_)
            held.at += time;
    }

  private:
    static u64 bytes_of(const BlockRequest& request) { return request.block_count * 512; }
    struct Held {
        u64 at;
        BlockRequest* request;
    };
    bool start(BlockRequest& request) override {
        if (held_.size() >= facts_.queue_depth)
            return false;
        held_.push_back({due(request), &request});
        sizes.push_back(bytes_of(request));
        return true;
    }
    void commit() override {}
    void abort(Error why) override {
        ++aborts;
        for (; !held_.empty(); held_.pop_front())
            held_.front().request->complete(why);
    }
    std::deque<Held> held_;
    u64 paid_until_ = 0;
};

class SlowDisks : public testing::Test {
  protected:
    Result<> read(u64 bytes) { return disk.read(0, MutableBytes(memory).first(bytes)); }
    // What a file system reads before it comes to a file.
    void read_metadata() {
        for (int i = 0; i < 4; ++i)
            ASSERT_TRUE(read(16 * kib));
        disk.sizes.clear();
    }
    u64 largest() const { return *std::ranges::max_element(disk.sizes); }
    static u64 seconds_since(u64 begin) { return (hosted::clock_now() - begin) / hosted::second; }

    Complaints complaints;
    event::EventLoop loop;
    SlowDisk disk{loop};
    std::vector<std::byte> memory = std::vector<std::byte>(64 << 20);
};

// --- slow ----------------------------------------------------------------------------------------------------

// 777,777 bytes in one piece at 16 KiB a second: 47 s, in which the disk must not be silent for 20.
TEST_F(SlowDisks, one_that_a_host_throttles_is_asked_for_less_at_a_time) {
    for (u64 rate : {16 * kib, 20 * kib, 64 * kib, 300 * kib}) {
        disk.throttle_like_a_host(rate);
        read_metadata();
        u64 begin = hosted::clock_now();
        ASSERT_TRUE(read(1520 * 512)) << rate;
        EXPECT_LE(largest(), 12 * rate) << "what the next one is held back for";
        EXPECT_LE(seconds_since(begin), 1520 * 512 / rate + 5);
        ASSERT_TRUE(read(16 * kib)); // nor is what comes after it
        EXPECT_EQ(disk.aborts, 0u);
    }
}

TEST_F(SlowDisks, one_that_is_slow_by_itself_is_asked_for_less_at_a_time) {
    for (u64 rate : {16 * kib, 100 * kib, 1000 * kib}) {
        disk.serve_at(rate);
        read_metadata();
        for (u64 bytes : {1520 * 512, 64 * 512, 3000 * 512}) {
            ASSERT_TRUE(read(bytes)) << rate;
            EXPECT_LE(largest(), 8 * rate);
        }
    }
}

// A fast disk pays nothing for this: one request for each 16 MiB, as if there were slow ones nowhere.
TEST_F(SlowDisks, a_fast_one_is_asked_for_all_at_once) {
    for (u64 time : {u64{0}, 50 * hosted::microsecond, 5 * hosted::millisecond, 40 * hosted::millisecond}) {
        disk.take_each(time);
        read_metadata();
        ASSERT_TRUE(read(64 << 20));
        EXPECT_EQ(disk.sizes, std::vector<u64>(4, 16 << 20));
        disk.sizes.clear();
    }
}

TEST_F(SlowDisks, one_that_stumbles_is_still_fast) {
    disk.take_each(0);
    read_metadata();
    disk.take_each(3 * hosted::second);
    ASSERT_TRUE(read(16 * kib));
    disk.take_each(0);
    disk.sizes.clear();
    ASSERT_TRUE(read(16 << 20));
    EXPECT_EQ(disk.sizes.size(), 1u);
}

// Slow because each request takes long, not because of its size: few, large ones are right.
TEST_F(SlowDisks, one_with_a_long_way_to_it_gets_large_requests_again) {
    disk.take_each(300 * hosted::millisecond);
    read_metadata();
    ASSERT_TRUE(read(64 << 20));
    EXPECT_EQ(largest(), 16u << 20);
    EXPECT_LE(disk.sizes.size(), 24u);
}

TEST_F(SlowDisks, one_that_has_become_fast_gets_large_requests_again) {
    disk.serve_at(32 * kib);
    read_metadata();
    ASSERT_TRUE(read(512 * kib));
    disk.take_each(0);
    disk.sizes.clear();
    ASSERT_TRUE(read(64 << 20));
    EXPECT_EQ(largest(), 16u << 20);
    EXPECT_LE(disk.sizes.size(), 20u);
    disk.sizes.clear();
    ASSERT_TRUE(read(64 << 20));
    EXPECT_EQ(disk.sizes.size(), 4u);
}

// It looked dead; when it has answered it is asked for little, and does what it can.
TEST_F(SlowDisks, one_that_was_given_up_is_asked_for_little_at_first) {
    disk.serve_at(16 * kib);
    auto ended = read(1 << 20);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::Timeout);
    EXPECT_STREQ(ended.error().what, "disk gives nothing");
    disk.sizes.clear();
    disk.serve_at(16 * kib);
    ASSERT_TRUE(loop.sleep(Duration::seconds(100)));
    ASSERT_TRUE(read(1 << 20));
    EXPECT_LE(largest(), 128 * kib);
}

TEST_F(SlowDisks, zeroes_are_asked_for_in_small_pieces_too) {
    disk.set().max_write_zeroes_blocks = 1 << 20;
    disk.serve_at(100 * kib);
    read_metadata();
    ASSERT_TRUE(disk.write_zeroes(0, 4096));
    EXPECT_EQ(disk.aborts, 0u);
}

// --- dead, and trickling -------------------------------------------------------------------------------------

TEST_F(SlowDisks, one_that_gives_nothing_is_given_up_after_20_s) {
    disk.take_each(3600 * hosted::second);
    u64 begin = hosted::clock_now();
    EXPECT_STREQ(read(512).error().what, "disk gives nothing");
    EXPECT_GE(seconds_since(begin), 20u);
    EXPECT_LE(seconds_since(begin), 21u);
}

// Each request just in time: 128 KiB would take 22 minutes.
TEST_F(SlowDisks, one_that_trickles_is_given_up) {
    disk.set().max_segment_bytes = 512;
    disk.set().max_segments = 1;
    for (u16 depth : {1, 8})
        for (u64 time : {19 * hosted::second, 5 * hosted::second, 2 * hosted::second}) {
            disk.set().queue_depth = depth;
            disk.take_each(time);
            u64 begin = hosted::clock_now();
            auto ended = read(512 * kib);
            ASSERT_FALSE(ended) << depth << " " << time;
            EXPECT_EQ(ended.error().code, ErrorCode::Timeout);
            EXPECT_STREQ(ended.error().what, "disk moves less than 4 KiB in a second");
            EXPECT_LE(seconds_since(begin), 130u);
        }
}

TEST_F(SlowDisks, so_is_one_that_keeps_each_operation_waiting) {
    disk.take_each(19 * hosted::second);
    u64 begin = hosted::clock_now();
    Result<> ended{};
    for (int i = 0; ended && i < 100; ++i)
        ended = read(512);
    ASSERT_FALSE(ended);
    EXPECT_STREQ(ended.error().what, "disk moves less than 4 KiB in a second");
    EXPECT_LE(seconds_since(begin), 90u);
    // It gets another chance, and one that works pays its debts off.
    disk.take_each(19 * hosted::second);
    for (int i = 0; i < 2; ++i)
        ASSERT_TRUE(read(512));
    disk.take_each(hosted::millisecond);
    ASSERT_TRUE(read(1 << 20));
    disk.take_each(19 * hosted::second);
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(read(512)) << i;
}

// Nor does one get slower for being asked for less, where each request takes long whatever its size.
TEST_F(SlowDisks, one_whose_requests_take_8_s_each_is_not_starved) {
    disk.set().queue_depth = 1;
    disk.take_each(8 * hosted::second);
    ASSERT_TRUE(read(64 << 20));
    ASSERT_TRUE(read(64 << 20));
    EXPECT_EQ(disk.sizes, std::vector<u64>(8, 16 << 20));
}

// A long life of small reads is no debt.
TEST_F(SlowDisks, thousands_of_small_reads_cost_no_patience) {
    disk.take_each(20 * hosted::millisecond);
    for (int i = 0; i < 5000; ++i)
        ASSERT_TRUE(read(512)) << i;
}

TEST_F(SlowDisks, a_flush_has_a_total) {
    disk.take_each(3600 * hosted::second);
    u64 begin = hosted::clock_now();
    EXPECT_STREQ(disk.flush().error().what, "disk gives nothing");
    EXPECT_LE(seconds_since(begin), 21u);
}

// --- a host that stands still --------------------------------------------------------------------------------

TEST_F(SlowDisks, a_clock_that_jumps_is_no_silence) {
    for (u64 pause : {2, 25, 3600}) {
        disk.take_each(500 * hosted::millisecond);
        hosted::schedule(100 * hosted::millisecond, [&] { disk.stand_still(pause * hosted::second); });
        ASSERT_TRUE(read(512)) << pause;
        EXPECT_EQ(disk.aborts, 0u);
        ASSERT_TRUE(loop.sleep(Duration::seconds(2))); // one that only stumbles is no longer forgiven
    }
    // Again and again, in one transfer.
    disk.set().max_segment_bytes = 64 * kib;
    disk.set().max_segments = 1;
    disk.set().queue_depth = 1;
    for (int i = 1; i <= 5; ++i)
        hosted::schedule(static_cast<u64>(i) * 3 * hosted::second,
                         [&] { disk.stand_still(25 * hosted::second); });
    disk.take_each(hosted::second);
    ASSERT_TRUE(read(32 * 64 * kib));
}

// What was silent before the pause is as silent after it.
TEST_F(SlowDisks, a_jump_revives_nobody) {
    disk.take_each(3600 * hosted::second);
    hosted::schedule(10 * hosted::second, [&] { disk.stand_still(25 * hosted::second); });
    u64 begin = hosted::clock_now();
    EXPECT_FALSE(read(512));
    EXPECT_GE(seconds_since(begin), 45u);
    EXPECT_LE(seconds_since(begin), 47u);
}

// --- Pace ----------------------------------------------------------------------------------------------------

TEST(Pace, one_slow_wait_says_nothing_and_two_do) {
    Pace pace(64 << 20);
    EXPECT_EQ(pace.most_in_flight(), 64u << 20);
    pace.note(16 * kib, Duration::seconds(1));
    EXPECT_EQ(pace.most_in_flight(), 64u << 20);
    pace.note(16 * kib, Duration::seconds(1));
    EXPECT_EQ(pace.most_in_flight(), 64 * kib) << "four seconds' worth";
    pace.note(32 * kib, Duration::micro(1)); // one fast wait doubles it
    EXPECT_EQ(pace.most_in_flight(), 128 * kib);
    for (int i = 0; i < 10; ++i)
        pace.note(64 * kib, Duration::micro(1));
    EXPECT_EQ(pace.most_in_flight(), 64u << 20);
}

TEST(Pace, is_never_below_4_kib_nor_above_what_was_allowed) {
    Pace pace(1 << 20);
    for (int i = 0; i < 20; ++i)
        pace.note(512, Duration::seconds(19));
    EXPECT_EQ(pace.most_in_flight(), 4 * kib);
    for (int i = 0; i < 20; ++i)
        pace.note(64 << 20, Duration::seconds(1));
    EXPECT_EQ(pace.most_in_flight(), 1u << 20);
    pace.note_silence();
    EXPECT_EQ(pace.most_in_flight(), 128 * kib);
}

} // namespace
} // namespace vireo::test
