// SPDX-License-Identifier: Apache-2.0
#include "event/event_loop.h"

#include "hosted/clock.h"

#include <gtest/gtest.h>

namespace vireo::event {
namespace {

// Frames arrive at times that the test sets; it notices when it is polled.
class Listener final : public Poller {
  public:
    explicit Listener(EventLoop& loop) { loop.add(*this); }
    ~Listener() { EventLoop::remove(*this); }
    void frame_after(Duration delay) {
        hosted::schedule(delay.microseconds * hosted::microsecond,
                         [this] { arrived_ = hosted::clock_now(); });
    }
    bool poll() override {
        ++looks;
        if (arrived_ == 0)
            return false;
        late = Duration::micro((hosted::clock_now() - std::exchange(arrived_, 0)) / hosted::microsecond);
        return true;
    }
    bool needs_polling() const override { return false; }
    bool is_listening() const override { return listening; }
    bool has_news() const override { return always_has_news || arrived_ != 0; }

    bool listening = true;
    bool always_has_news = false;
    u64 looks = 0;
    std::optional<Duration> late; // with which the last frame was noticed

  private:
    u64 arrived_ = 0;
};

class Counter final : public hosted::WaitObserver {
  public:
    void program_waits() override { ++waits; }
    u64 waits = 0;
};

// Is polled once in each turn; types Ctrl-C if that is wished.
class Console final : public Poller {
  public:
    explicit Console(EventLoop& loop) : loop_(loop) { loop.add(*this); }
    ~Console() { EventLoop::remove(*this); }
    bool poll() override {
        if (++turns == interrupts_in_turn)
            loop_.request_interrupt();
        return false;
    }
    bool needs_polling() const override { return false; }
    u64 turns = 0;
    u64 interrupts_in_turn = 0;

  private:
    EventLoop& loop_;
};

class EventLoopTest : public testing::Test {
  protected:
    EventLoopTest() { hosted::use_virtual_clock(); }
    EventLoop loop;
};

TEST_F(EventLoopTest, who_listens_costs_little_while_nothing_comes) {
    Listener listener(loop);
    Counter counter;
    ASSERT_TRUE(loop.sleep(Duration::seconds(10)));
    // A nap of 10 ms at most each, after 8 ms without any and naps that grow.
    EXPECT_GE(counter.waits, 1000u);
    EXPECT_LE(counter.waits, 1600u);
}

TEST_F(EventLoopTest, a_nap_is_followed_by_one_turn_and_no_looks) {
    Listener listener(loop);
    ASSERT_TRUE(loop.sleep(Duration::seconds(1))); // the naps are as long as they get
    hosted::set_looks_per_turn(4096);
    Counter counter;
    listener.looks = 0;
    // As a transfer waits: again and again, for a short time.
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(loop.sleep(Duration::milli(100)));
    EXPECT_LE(counter.waits, 1400u);
    EXPECT_LE(listener.looks, 1400u);
}

TEST_F(EventLoopTest, news_do_not_wait_for_a_turn) {
    hosted::set_looks_per_turn(4096);
    Listener listener(loop);
    Console console(loop);
    (void)loop.poll_once();
    for (u64 round = 0; round < 30; ++round) {
        listener.late.reset();
        listener.frame_after(Duration::micro(20));
        ASSERT_TRUE(loop.wait_until(Deadline::after(Duration::seconds(1)),
                                    [&] { return listener.late.has_value(); }));
        EXPECT_LE(listener.late->microseconds, 2u);
    }
    EXPECT_LE(console.turns, 2u);
}

TEST_F(EventLoopTest, news_without_end_leave_the_console_its_turns) {
    hosted::set_looks_per_turn(4096);
    Listener listener(loop);
    listener.always_has_news = true;
    Console console(loop);
    console.interrupts_in_turn = 3;
    auto ended = loop.wait_until(Deadline::after(Duration::seconds(60)), [] { return false; });
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::Interrupted);
    EXPECT_LE(listener.looks, 4 * 64u + 4);
}

TEST_F(EventLoopTest, waits_that_news_end_at_once_leave_the_console_its_turns) {
    hosted::set_looks_per_turn(4096);
    Listener listener(loop);
    listener.always_has_news = true;
    Console console(loop);
    for (u64 round = 0; round < 640; ++round) { // as a loop of small reads
        u64 before = listener.looks;
        ASSERT_TRUE(
            loop.wait_until(Deadline::after(Duration::seconds(1)), [&] { return listener.looks > before; }));
    }
    EXPECT_GE(console.turns, 9u);
    EXPECT_LE(console.turns, 12u);
}

TEST_F(EventLoopTest, a_wait_takes_a_turn_before_it_ends_in_vain) {
    Listener listener(loop);
    Console console(loop);
    auto ended = loop.wait_until(Deadline::after(Duration{}), [] { return false; });
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::Timeout);
    EXPECT_GE(console.turns, 1u);
    console.interrupts_in_turn = console.turns + 1;
    ended = loop.wait_until(Deadline::after(Duration::seconds(1)), [] { return false; });
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::Interrupted);
}

TEST_F(EventLoopTest, nobody_who_listens_means_sleep) {
    Listener listener(loop);
    listener.listening = false;
    ASSERT_TRUE(loop.sleep(Duration::seconds(10)));
    EXPECT_LE(listener.looks, 12u);
}

TEST_F(EventLoopTest, a_frame_soon_after_the_last_one_is_seen_at_once) {
    Listener listener(loop);
    for (u64 round = 0; round < 20; ++round) {
        listener.late.reset();
        listener.frame_after(Duration::micro(500));
        ASSERT_TRUE(loop.wait_until(Deadline::after(Duration::seconds(1)),
                                    [&] { return listener.late.has_value(); }));
        if (round > 0) {
            EXPECT_LE(listener.late->microseconds, 60u);
        }
    }
}

// `dhcp` typed after a while at the prompt: the answer came within 100 us and was looked at
// after a nap of 10 ms.
TEST_F(EventLoopTest, the_first_frame_for_who_joins_is_seen_at_once) {
    {
        Listener earlier(loop);
        ASSERT_TRUE(loop.sleep(Duration::milli(20)));
    }
    ASSERT_TRUE(loop.sleep(Duration::seconds(3))); // nobody listens
    Listener listener(loop);
    listener.frame_after(Duration::micro(500));
    Counter counter;
    ASSERT_TRUE(
        loop.wait_until(Deadline::after(Duration::seconds(1)), [&] { return listener.late.has_value(); }));
    EXPECT_LE(listener.late->microseconds, 60u);
    EXPECT_GE(counter.waits, 3u); // a nap, which the event ends on the hosted clock, would be the only one
}

TEST_F(EventLoopTest, a_late_frame_is_seen_an_eighth_later_at_most) {
    Listener listener(loop);
    for (u64 milliseconds : {2, 8, 30, 79, 500, 3000}) {
        listener.late.reset();
        listener.frame_after(Duration::milli(milliseconds));
        ASSERT_TRUE(loop.wait_until(Deadline::after(Duration::seconds(9)),
                                    [&] { return listener.late.has_value(); }));
        EXPECT_LE(listener.late->microseconds, std::min<u64>(milliseconds * 1000 / 8 + 60, 10'060));
    }
}

// Stops the machine in a turn, as SIGSTOP to QEMU does.
class Stopper final : public Poller {
  public:
    Stopper(EventLoop& loop, Duration length, u64 turn, u64 every = ~u64{0})
        : length_(length), turn_(turn), every_(every) {
        loop.add(*this);
    }
    ~Stopper() { EventLoop::remove(*this); }
    bool poll() override {
        if (++turns_ == turn_) {
            hosted::stand_still(length_.microseconds * hosted::microsecond);
            turn_ += every_;
        }
        return false;
    }
    bool needs_polling() const override { return true; }

  private:
    Duration length_;
    u64 turn_;
    u64 every_;
    u64 turns_ = 0;
};

TEST_F(EventLoopTest, a_machine_that_stood_still_still_hears_the_answer) {
    Listener peer(loop);
    peer.frame_after(Duration::seconds(19));
    Stopper stopper(loop, Duration::seconds(25), 10);
    Instant begin = now();
    ASSERT_TRUE(
        loop.wait_until(Deadline::after(Duration::seconds(20)), [&] { return peer.late.has_value(); }));
    EXPECT_GE(now() - begin, Duration::seconds(44));
    EXPECT_GE(loop.stood_still(), Duration::seconds(25));
    EXPECT_LE(loop.stood_still(), Duration::milli(25'100));
}

TEST_F(EventLoopTest, silence_after_a_jump_ends_when_the_rest_of_the_time_has_passed) {
    Stopper stopper(loop, Duration::seconds(25), 10);
    Instant begin = now();
    auto ended = loop.wait_until(Deadline::after(Duration::seconds(20)), [] { return false; });
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::Timeout);
    EXPECT_GE(now() - begin, Duration::seconds(44));
    EXPECT_LE(now() - begin, Duration::milli(45'200));
}

TEST_F(EventLoopTest, jumps_without_end_do_not_keep_a_wait_from_its_end) {
    Stopper stopper(loop, Duration::seconds(2), 2, 1);
    Instant begin = now();
    auto ended = loop.wait_until(Deadline::after(Duration::seconds(20)), [] { return false; });
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::Timeout);
    EXPECT_LE(now() - begin, Duration::seconds(46));
}

TEST_F(EventLoopTest, what_takes_less_than_a_second_is_no_jump) {
    Stopper stopper(loop, Duration::milli(900), 10, 10);
    EXPECT_FALSE(loop.wait_until(Deadline::after(Duration::seconds(20)), [] { return false; }));
    EXPECT_EQ(loop.stood_still(), Duration{});
}

// As a command does that computes, and looks for Ctrl-C meanwhile.
TEST_F(EventLoopTest, a_turn_without_a_wait_notices_a_jump) {
    loop.poll_once();
    hosted::stand_still(25 * hosted::second);
    loop.poll_once();
    EXPECT_GE(loop.stood_still(), Duration::seconds(25));
    EXPECT_LE(loop.stood_still(), Duration::milli(25'100));
}

TEST_F(EventLoopTest, naps_and_sleep_are_no_jumps) {
    Listener listener(loop);
    ASSERT_TRUE(loop.sleep(Duration::seconds(10)));
    listener.listening = false;
    ASSERT_TRUE(loop.sleep(Duration::seconds(100)));
    EXPECT_EQ(loop.stood_still(), Duration{});
}

TEST_F(EventLoopTest, yielding_takes_one_turn_and_notices_ctrl_c) {
    Console console(loop);
    console.interrupts_in_turn = 2;
    EXPECT_TRUE(loop.yield());
    EXPECT_EQ(console.turns, 1u);
    auto interrupted = loop.yield();
    ASSERT_FALSE(interrupted);
    EXPECT_EQ(interrupted.error().code, ErrorCode::Interrupted);
    EXPECT_TRUE(loop.yield()) << "an interrupt ends one thing";
}

TEST_F(EventLoopTest, sleep_is_over_when_its_time_has_passed_on_the_wall) {
    Stopper stopper(loop, Duration::seconds(25), 10);
    Instant begin = now();
    ASSERT_TRUE(loop.sleep(Duration::seconds(20)));
    EXPECT_LE(now() - begin, Duration::milli(25'200));
}

TEST_F(EventLoopTest, a_jump_does_not_make_an_endless_wait_end) {
    Stopper stopper(loop, Duration::seconds(25), 10);
    Listener peer(loop);
    peer.frame_after(Duration::seconds(100));
    EXPECT_TRUE(loop.wait_until(Deadline::never(), [&] { return peer.late.has_value(); }));
}

TEST(Clock, what_is_beyond_all_times_is_never) {
    constexpr u64 most = ~u64{0};
    EXPECT_EQ((Instant{most - 5} + Duration{4}).microseconds, most - 1);
    EXPECT_EQ(Deadline::at(Instant{most - 5} + Duration{5}).when(), Deadline::never().when());
    EXPECT_EQ(Deadline::at(Instant{most - 5} + Duration{6}).when(), Deadline::never().when());
    EXPECT_EQ(Deadline::after(Duration{most}).when(), Deadline::never().when());
    EXPECT_FALSE(Deadline::after(Duration{most}).has_passed());
}

} // namespace
} // namespace vireo::event
