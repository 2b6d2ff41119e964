// SPDX-License-Identifier: Apache-2.0
// What a session does when a device needs a reset, hangs, or goes away: sections 2.1.1, 2.6, 3.3.
#include "unit/virtio/session/repeater.h"

namespace vireo::test {
namespace {

using State = virtio::Session::State;
using virtio::InFlight;
namespace feature = fake::feature;

class RecoveryOnBus : public testing::TestWithParam<Bus> {};
INSTANTIATE_TEST_SUITE_P(All, RecoveryOnBus, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, RecoveryOnBus, on(packed_buses), bus_name);
class RecoveryOnModern : public testing::TestWithParam<Bus> {};
INSTANTIATE_TEST_SUITE_P(All, RecoveryOnModern, on(modern_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, RecoveryOnModern, on(packed_buses), bus_name);

// Longer than a device goes without being looked at.
void pause(RepeaterMachine& m) { ASSERT_TRUE(m.machine.loop.sleep(event::Duration::seconds(2))); }

// --- DEVICE_NEEDS_RESET --------------------------------------------------------------------------------------

// covers: gen.status.04, gen.status.05, gen.confnotif.01
TEST_P(RecoveryOnBus, what_may_be_repeated_survives_needs_reset) {
    RepeaterMachine m(GetParam(), 2);
    m.device.latency = [](u64) { return hosted::second; };
    auto& first = m.driver().post(0);
    auto& second = m.driver().post(1);
    hosted::schedule(10 * hosted::millisecond, [&] {
        m.device.latency = nullptr;
        m.device.need_reset();
    });
    u64 resets = m.device.resets();
    ASSERT_TRUE(m.driver().finish());
    EXPECT_TRUE(Repeater::is_done(first));
    EXPECT_TRUE(Repeater::is_done(second));
    EXPECT_EQ(first.times_submitted, 2u);
    EXPECT_EQ(m.device.resets(), resets + 1);
    EXPECT_EQ(m.driver().last_fate, InFlight::Keep);
    EXPECT_EQ(m.statistics().recoveries, 1u);
    EXPECT_EQ(m.session().state(), State::Running);
    EXPECT_NE(m.machine.complaints.log().find("device needs a reset"), std::string::npos);
}

TEST_P(RecoveryOnBus, a_device_that_only_ever_needs_resets_is_broken) {
    RepeaterMachine m(GetParam());
    m.device.faults.needs_reset_every = 1;
    auto& job = m.driver().post(0);
    u64 begin = hosted::clock_now();
    ASSERT_TRUE(m.driver().finish());
    EXPECT_LT(hosted::clock_now() - begin, 30 * hosted::second);
    EXPECT_EQ(job.outcome.error().code, ErrorCode::DeviceBroken);
    EXPECT_EQ(job.times_ended, 1u);
    EXPECT_EQ(job.times_submitted, 4u);
    EXPECT_EQ(m.driver().last_fate, InFlight::End);
    EXPECT_EQ(m.statistics().recoveries, 3u);
    EXPECT_EQ(m.session().state(), State::Broken);
    EXPECT_NE(m.machine.listing().find("broken: device needs a reset"), std::string::npos);
    // It gets another chance at each scan.
    m.device.faults.needs_reset_every = 0;
    ASSERT_TRUE(m.machine.manager.rescan());
    EXPECT_EQ(m.session().state(), State::Running);
}

TEST_P(RecoveryOnBus, a_request_that_comes_back_renews_the_patience) {
    RepeaterMachine m(GetParam());
    m.device.faults.needs_reset_every = 2;
    for (int i = 0; i < 12; ++i)
        m.driver().post(0);
    ASSERT_TRUE(m.driver().finish(event::Duration::seconds(600)));
    for (const auto& job : m.driver().jobs)
        EXPECT_TRUE(Repeater::is_done(job));
    EXPECT_GT(m.statistics().recoveries, 3u);
    EXPECT_EQ(m.session().state(), State::Running);
}

// Kept requests do not wait for a start that never comes.
TEST_P(RecoveryOnBus, kept_requests_end_when_the_device_does_not_come_up_again) {
    for (bool resets : {true, false}) {
        RepeaterMachine m(GetParam());
        m.device.faults.never_completes = true;
        auto& job = m.driver().post(0);
        hosted::schedule(10 * hosted::millisecond, [&] {
            m.device.queue(0).size_max = 0; // fails at step 7
            m.device.faults.reset_never_ends = !resets;
            m.device.need_reset();
        });
        ASSERT_TRUE(m.driver().finish());
        EXPECT_FALSE(job.outcome);
        EXPECT_EQ(job.times_ended, 1u);
        EXPECT_EQ(m.driver().last_fate, InFlight::End);
        EXPECT_EQ(m.session().state(), State::Broken);
        m.machine.complaints.check_leaks = resets;
    }
}

// covers: gen.status.04
TEST_P(RecoveryOnBus, needs_reset_of_an_idle_device_is_noticed) {
    RepeaterMachine m(GetParam());
    m.device.need_reset();
    m.machine.manager.refresh(); // as `virtio list` does
    EXPECT_EQ(m.statistics().recoveries, 1u);
    EXPECT_EQ(m.session().state(), State::Running);
    // And by the next operation, if that comes after a pause.
    pause(m);
    m.device.need_reset();
    EXPECT_TRUE(m.session().usable());
    EXPECT_EQ(m.statistics().recoveries, 2u);
    auto& job = m.driver().post(0);
    ASSERT_TRUE(m.driver().finish());
    EXPECT_TRUE(Repeater::is_done(job));
}

// covers: gen.init.08
TEST_P(RecoveryOnBus, a_configuration_change_of_an_idle_device_is_noticed) {
    RepeaterMachine m(GetParam());
    m.device.raise(fake::event::config);
    m.machine.manager.refresh();
    EXPECT_EQ(m.driver().config_changes, 1u);
    m.machine.manager.refresh();
    EXPECT_EQ(m.driver().config_changes, 1u);
    pause(m);
    m.device.raise(fake::event::config);
    EXPECT_TRUE(m.session().usable());
    EXPECT_EQ(m.driver().config_changes, 2u);
}

// A look leaves the guest twice; requests in a row must not pay for it.
TEST_P(RecoveryOnBus, a_busy_device_is_not_looked_at_for_every_operation) {
    RepeaterMachine m(GetParam());
    pause(m);
    u64 before = io::accesses();
    EXPECT_TRUE(m.session().usable());
    u64 look = io::accesses() - before;
    EXPECT_GE(look, 2u);
    EXPECT_LE(look, 3u);
    for (int i = 0; i < 50; ++i)
        EXPECT_TRUE(m.session().usable());
    EXPECT_EQ(io::accesses() - before, look);
}

// --- one queue -----------------------------------------------------------------------------------------------

const Error given_up = error(ErrorCode::Interrupted, "test");

// covers: gen.vqreset.01, gen.vqreset.02, gen.vqreset.03, pci.modern.28, mmio.22
TEST_P(RecoveryOnModern, only_the_queue_that_hangs_is_reset) {
    RepeaterMachine m(GetParam(), 3, {feature::ring_reset});
    m.want("ring_reset");
    ASSERT_TRUE(m.device.accepted().has(feature::ring_reset));
    auto& before = m.driver().post(0);
    ASSERT_TRUE(m.driver().finish());
    EXPECT_TRUE(Repeater::is_done(before));
    u64 resets = m.device.resets();
    m.device.faults.queue_disable_polls = 7;
    m.device.faults.never_completes = true;
    auto& stuck = m.driver().post(1);
    m.session().restart(given_up);
    EXPECT_EQ(stuck.times_ended, 1u);
    EXPECT_EQ(stuck.outcome.error().code, ErrorCode::Interrupted);
    EXPECT_EQ(m.driver().queues_stopped, std::vector<usize>{1});
    EXPECT_EQ(m.driver().starts, 0u);
    EXPECT_EQ(m.driver().stops, 0u);
    EXPECT_EQ(m.device.resets(), resets);
    EXPECT_EQ(m.statistics().queue_resets, 1u);
    EXPECT_EQ(m.session().state(), State::Running);
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    // All of them work.
    m.device.faults.never_completes = false;
    for (usize queue : {0, 1, 2})
        m.driver().post(queue);
    ASSERT_TRUE(m.driver().finish());
    for (usize i = 2; i < 5; ++i)
        EXPECT_TRUE(Repeater::is_done(m.driver().jobs[i])) << i;
}

TEST_P(RecoveryOnModern, every_queue_with_requests_is_reset) {
    RepeaterMachine m(GetParam(), 4, {feature::ring_reset});
    m.want("ring_reset");
    m.device.faults.never_completes = true;
    for (usize queue : {3, 0, 3})
        m.driver().post(queue);
    m.session().restart(given_up);
    EXPECT_EQ(m.driver().queues_stopped, (std::vector<usize>{0, 3}));
    EXPECT_EQ(m.statistics().queue_resets, 2u);
    EXPECT_EQ(m.statistics().resets, 0u);
}

// covers: gen.vqreset.01, gen.vqreset.02
TEST_P(RecoveryOnModern, a_queue_reset_without_confirmation_ends_in_one_of_the_device) {
    for (int how : {0, 1, 2}) {
        if (how == 1 && GetParam() != Bus::Mmio)
            continue;
        RepeaterMachine m(GetParam(), 2, {feature::ring_reset});
        m.want("ring_reset");
        m.device.faults.never_completes = true;
        auto& stuck = m.driver().post(0);
        if (how == 0)
            m.device.faults.queue_reset_never_ends = true;
        else if (how == 1)
            m.machine.slot().has_queue_reset = false; // QEMU 7.2
        else
            m.device.queue(0).size_max = 4; // it comes back smaller: what the driver knows of it is wrong
        u64 resets = m.device.resets();
        m.session().restart(given_up);
        EXPECT_EQ(stuck.times_ended, 1u);
        EXPECT_EQ(stuck.outcome.error().code, ErrorCode::Interrupted);
        EXPECT_EQ(m.device.resets(), resets + 1) << how;
        EXPECT_EQ(m.driver().stops, 1u);
        EXPECT_EQ(m.session().state(), State::Running);
        m.device.faults.never_completes = false;
        auto& after = m.driver().post(0);
        ASSERT_TRUE(m.driver().finish());
        EXPECT_TRUE(Repeater::is_done(after));
    }
}

// covers: gen.vqreset.02, gen.cleanup.02
TEST_P(RecoveryOnModern, nothing_is_freed_if_neither_reset_is_confirmed) {
    RepeaterMachine m(GetParam(), 1, {feature::ring_reset});
    m.want("ring_reset");
    m.machine.complaints.check_leaks = false; // given up on purpose
    m.device.faults.never_completes = true;
    m.device.faults.queue_reset_never_ends = true;
    m.device.faults.reset_never_ends = true;
    auto& stuck = m.driver().post(0);
    m.session().restart(given_up);
    EXPECT_EQ(stuck.times_ended, 1u);
    EXPECT_EQ(m.session().state(), State::Broken);
    EXPECT_GT(hosted::DmaArena::instance().live_buffers(), 0u);
    EXPECT_GT(hosted::DmaArena::instance().live_shares(), 0u);
}

// docs/decisions/0017: it is not even accepted unless the user asks for it.
TEST_P(RecoveryOnBus, without_the_feature_the_device_is_reset) {
    RepeaterMachine m(GetParam(), 1, {}, false);
    m.device.offered.set(feature::ring_reset, !is_legacy(GetParam()));
    m.start();
    m.device.faults.never_completes = true;
    auto& stuck = m.driver().post(0);
    u64 resets = m.device.resets();
    m.session().restart(given_up);
    EXPECT_EQ(stuck.outcome.error().code, ErrorCode::Interrupted);
    EXPECT_EQ(m.device.resets(), resets + 1);
    EXPECT_EQ(m.statistics().queue_resets, 0u);
    EXPECT_TRUE(m.driver().queues_stopped.empty());
    EXPECT_EQ(m.session().state(), State::Running);
}

// --- gone ----------------------------------------------------------------------------------------------------

TEST_P(RecoveryOnBus, a_device_that_is_gone_says_so) {
    for (bool idle : {true, false}) {
        RepeaterMachine m(GetParam(), 2, {});
        m.machine.complaints.check_leaks = false; // it never confirmed a reset
        m.device.faults.never_completes = true;
        if (!idle)
            m.driver().post(1);
        m.device.faults.gone = true;
        u64 begin = hosted::clock_now();
        if (idle)
            m.machine.manager.refresh();
        else
            ASSERT_TRUE(m.driver().finish());
        EXPECT_LT(hosted::clock_now() - begin, 5 * hosted::second);
        EXPECT_EQ(m.session().state(), State::Broken);
        EXPECT_NE(m.machine.listing().find("broken: device is gone"), std::string::npos);
        // All status bits read as set then, DEVICE_NEEDS_RESET among them: that is no call for a recovery.
        EXPECT_EQ(m.session().statistics().recoveries, 0u);
        auto usable = m.session().usable();
        ASSERT_FALSE(usable);
        EXPECT_STREQ(usable.error().what, "device is gone");
        // It stays so; nothing waits for it.
        ASSERT_TRUE(m.machine.manager.rescan());
        EXPECT_EQ(m.session().state(), State::Broken);
        EXPECT_NE(m.machine.listing().find("device is gone"), std::string::npos);
    }
}

// A queue is not reset on a device that has other troubles.
TEST_P(RecoveryOnModern, a_device_that_needs_a_reset_is_reset_whole) {
    RepeaterMachine m(GetParam(), 2, {feature::ring_reset});
    m.want("ring_reset");
    m.device.faults.never_completes = true;
    m.driver().post(0);
    m.device.need_reset();
    m.session().restart(given_up);
    EXPECT_EQ(m.statistics().queue_resets, 0u);
    EXPECT_EQ(m.session().state(), State::Running);
    EXPECT_EQ(m.driver().jobs[0].times_ended, 1u);
}

} // namespace
} // namespace vireo::test
