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

    bool listening = true;
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
    EXPECT_LE(counter.waits, 1400u);
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

} // namespace
} // namespace vireo::event
