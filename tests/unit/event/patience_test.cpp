// SPDX-License-Identifier: Apache-2.0
#include "event/patience.h"

#include "hosted/clock.h"

#include <gtest/gtest.h>

namespace vireo::event {
namespace {

constexpr Budget budget{
    .silence = Duration::seconds(10), .head_start = Duration::seconds(30), .least_rate = 100};

// A peer that sends `bytes` each `interval`, until it has sent all or nobody has patience any more.
class PatienceTest : public testing::Test {
  protected:
    PatienceTest() { hosted::use_virtual_clock(); }

    void trickle(u64 bytes, Duration interval, u64 most) {
        hosted::schedule(interval.microseconds * hosted::microsecond, [=, this] {
            sent += bytes;
            if (sent < most)
                trickle(bytes, interval, most);
        });
    }
    Patience::Verdict receive(Patience& patience, u64 all) {
        while (sent < all) {
            auto waited = loop.wait_until(patience.deadline(), [&] { return sent > patience.units(); });
            patience.reached(sent);
            if (!waited)
                return patience.verdict();
        }
        return patience.verdict();
    }

    EventLoop loop;
    u64 sent = 0;
};

TEST_F(PatienceTest, one_that_says_nothing_is_given_up_after_its_silence) {
    Patience patience(loop, budget);
    EXPECT_EQ(receive(patience, 1), Patience::Verdict::Silent);
    EXPECT_GE(patience.elapsed(), Duration::seconds(10));
    EXPECT_LE(patience.elapsed(), Duration::milli(10'100));
}

TEST_F(PatienceTest, one_that_trickles_is_given_up_after_the_head_start) {
    Patience patience(loop, budget);
    trickle(1, Duration::seconds(9), ~u64{0});
    EXPECT_EQ(receive(patience, 1000), Patience::Verdict::TooSlow);
    EXPECT_EQ(patience.units(), 3u);
    EXPECT_GE(patience.elapsed(), Duration::seconds(30));
    EXPECT_LE(patience.elapsed(), Duration::milli(30'200));
}

TEST_F(PatienceTest, the_least_rate_is_enough_for_any_length) {
    Patience patience(loop, budget);
    trickle(500, Duration::seconds(5), 100'000);
    EXPECT_EQ(receive(patience, 100'000), Patience::Verdict::Left);
    EXPECT_GE(patience.elapsed(), Duration::seconds(999));
}

TEST_F(PatienceTest, a_tenth_less_than_the_least_rate_is_too_slow_in_the_end) {
    Patience patience(loop, budget);
    trickle(450, Duration::seconds(5), ~u64{0});
    EXPECT_EQ(receive(patience, 100'000), Patience::Verdict::TooSlow);
    // 30 s + x * 0.9 = x, if it came evenly; just before a piece 4.5 s are missing, a tenth of 45 s.
    EXPECT_GE(patience.elapsed(), Duration::seconds(250));
    EXPECT_LE(patience.elapsed(), Duration::seconds(300));
}

// Else a peer could send much at once and trickle for as long as it likes.
TEST_F(PatienceTest, what_came_at_once_is_no_credit_beyond_the_head_start) {
    Patience patience(loop, budget);
    trickle(1'000'000, Duration::seconds(1), 1);
    hosted::schedule(1'000'000 * hosted::microsecond, [this] { trickle(1, Duration::seconds(9), ~u64{0}); });
    EXPECT_EQ(receive(patience, ~u64{0}), Patience::Verdict::TooSlow);
    EXPECT_GE(patience.elapsed(), Duration::seconds(31));
    EXPECT_LE(patience.elapsed(), Duration::milli(31'200));
    EXPECT_EQ(patience.rate(), 0u); // of what came since
}

TEST_F(PatienceTest, the_rate_is_that_of_the_time_in_which_it_was_too_slow) {
    Patience patience(loop, budget);
    trickle(50, Duration::seconds(1), ~u64{0});
    EXPECT_EQ(receive(patience, ~u64{0}), Patience::Verdict::TooSlow);
    EXPECT_GE(patience.rate(), 48u);
    EXPECT_LE(patience.rate(), 50u);
}

TEST_F(PatienceTest, without_a_rate_the_head_start_is_all) {
    Patience patience(loop, {.silence = Duration::seconds(10), .head_start = Duration::seconds(30)});
    trickle(1'000'000, Duration::seconds(1), ~u64{0});
    EXPECT_EQ(receive(patience, ~u64{0}), Patience::Verdict::TooSlow);
    EXPECT_LE(patience.elapsed(), Duration::milli(30'200));
}

TEST_F(PatienceTest, the_same_number_again_is_no_progress) {
    Patience patience(loop, budget);
    patience.reached(5);
    ASSERT_TRUE(loop.sleep(Duration::seconds(6)));
    patience.reached(5);
    patience.reached(4);
    ASSERT_TRUE(loop.sleep(Duration::milli(4'100)));
    EXPECT_EQ(patience.verdict(), Patience::Verdict::Silent);
    EXPECT_EQ(patience.units(), 5u);
}

TEST_F(PatienceTest, a_host_that_stood_still_is_not_the_peers_silence) {
    Patience patience(loop, budget);
    hosted::schedule(9 * hosted::second, [&] { sent = 10'000; });
    hosted::schedule(1 * hosted::second, [] { hosted::stand_still(100 * hosted::second); });
    EXPECT_EQ(receive(patience, 10'000), Patience::Verdict::Left);
    EXPECT_LE(patience.elapsed(), Duration::milli(9'200));
    // Nor is it held against the peer later.
    ASSERT_TRUE(loop.sleep(Duration::seconds(9)));
    EXPECT_EQ(patience.verdict(), Patience::Verdict::Left);
}

TEST_F(PatienceTest, the_largest_count_does_not_overflow) {
    Patience patience(
        loop,
        {.silence = Duration::seconds(10), .head_start = Duration::seconds(1), .least_rate = 1'000'000'000});
    patience.reached(~u64{0});
    EXPECT_EQ(patience.verdict(), Patience::Verdict::Left);
}

} // namespace
} // namespace vireo::event
