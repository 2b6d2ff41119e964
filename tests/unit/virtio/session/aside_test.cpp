// SPDX-License-Identifier: Apache-2.0
// Devices that do not answer are set aside (docs/decisions/0018): nothing of them is touched until they have
// given back what they hold, and nobody notices what they do with it.
#include "unit/support/error_text.h"
#include "unit/virtio/session/repeater.h"

namespace vireo::test {
namespace {

using State = virtio::Session::State;
namespace feature = fake::feature;

const Error given_up = error(ErrorCode::Interrupted, "test");

class AsideOnBus : public testing::TestWithParam<Bus> {
  protected:
    // A machine whose device holds so many requests, given up.
    struct Held : RepeaterMachine {
        explicit Held(Bus bus, usize requests = 1, u16 queues = 1) : RepeaterMachine(bus, queues) {
            device.faults.never_completes = true;
            for (usize i = 0; i < requests; ++i)
                driver().post(i % queues);
            resets = device.resets();
            session().set_aside(given_up);
        }
        // As storage that works again.
        void answer() {
            device.faults.never_completes = false;
            device.finish_held();
        }
        // Nothing that a device wrote late has reached a caller.
        bool callers_are_undisturbed() {
            return std::ranges::all_of(driver().jobs, [](const Repeater::Job& job) {
                return Repeater::is_done(job) ||
                       std::ranges::all_of(job.bytes, [](std::byte b) { return b == std::byte{0}; });
            });
        }
        bool works() {
            auto& job = driver().post(0);
            return driver().finish() && Repeater::is_done(job);
        }
        u64 resets = 0;
    };
    static usize shares() { return hosted::DmaArena::instance().live_shares(); }
};
INSTANTIATE_TEST_SUITE_P(All, AsideOnBus, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, AsideOnBus, on(packed_buses), bus_name);
class AsideOnModern : public AsideOnBus {};
INSTANTIATE_TEST_SUITE_P(All, AsideOnModern, on(modern_buses), bus_name);

TEST_P(AsideOnBus, requests_end_at_once_and_no_register_is_touched) {
    RepeaterMachine m(GetParam(), 2);
    m.device.faults.never_completes = true;
    for (usize queue : {0, 1, 0})
        m.driver().post(queue);
    u64 resets = m.device.resets();
    u64 accesses = io::accesses();
    u64 begin = hosted::clock_now();
    m.session().set_aside(given_up);
    EXPECT_EQ(io::accesses(), accesses);
    EXPECT_EQ(hosted::clock_now(), begin);
    for (const auto& job : m.driver().jobs) {
        EXPECT_EQ(job.times_ended, 1u);
        EXPECT_EQ(job.outcome.error().code, ErrorCode::Interrupted);
    }
    EXPECT_EQ(m.driver().last_fate, virtio::InFlight::End);
    EXPECT_EQ(m.session().state(), State::Aside);
    EXPECT_NE(m.machine.listing().find("state set aside: does not answer"), std::string::npos);
    EXPECT_NE(m.machine.listing().find("2 in flight"), std::string::npos);
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 3u);
    EXPECT_TRUE(m.machine.complaints.log().empty());
    // Nor while the machine goes on with other things.
    ASSERT_TRUE(m.machine.loop.sleep(event::Duration::seconds(100)));
    EXPECT_EQ(io::accesses(), accesses);
    EXPECT_EQ(m.device.resets(), resets);
    m.device.finish_held();
}

TEST_P(AsideOnBus, without_requests_there_is_nothing_to_give_up) {
    RepeaterMachine m(GetParam());
    m.session().set_aside(given_up);
    EXPECT_EQ(m.session().state(), State::Running);
    EXPECT_EQ(m.driver().stops, 0u);
}

// The point of it: what comes back late is nobody's, and its memory is free as soon as it has come.
TEST_P(AsideOnBus, late_answers_reach_nobody_and_give_memory_back) {
    Held m(GetParam(), 5);
    EXPECT_EQ(shares(), 5u);
    m.answer();
    m.machine.loop.poll_once(); // as at the prompt: nobody asks for the device
    EXPECT_EQ(shares(), 0u);
    EXPECT_TRUE(m.callers_are_undisturbed());
    EXPECT_EQ(m.session().state(), State::Aside);
    EXPECT_EQ(m.device.resets(), m.resets);
}

TEST_P(AsideOnBus, a_device_that_has_answered_works_with_the_next_operation) {
    for (usize requests : {1, 7}) {
        Held m(GetParam(), requests);
        m.answer();
        u64 begin = hosted::clock_now();
        ASSERT_TRUE(m.session().usable());
        EXPECT_LT(hosted::clock_now() - begin, hosted::second);
        EXPECT_EQ(m.session().state(), State::Running);
        EXPECT_EQ(m.device.resets(), m.resets + 1);
        EXPECT_EQ(m.driver().starts, 2u);
        EXPECT_TRUE(m.works());
        EXPECT_TRUE(m.callers_are_undisturbed());
        EXPECT_TRUE(m.machine.complaints.log().empty()) << m.machine.complaints.log();
    }
}

TEST_P(AsideOnBus, the_next_operation_waits_a_short_while) {
    Held m(GetParam(), 3);
    hosted::schedule(hosted::second, [&] { m.answer(); });
    u64 begin = hosted::clock_now();
    ASSERT_TRUE(m.session().usable());
    EXPECT_GE(hosted::clock_now() - begin, hosted::second);
    EXPECT_LT(hosted::clock_now() - begin, hosted::second + 100 * hosted::millisecond);
    EXPECT_TRUE(m.works());
}

TEST_P(AsideOnBus, a_device_that_still_does_not_answer_is_named_with_what_it_holds) {
    for (usize requests : {1, 4}) {
        Held m(GetParam(), requests);
        for (int attempt = 0; attempt < 3; ++attempt) {
            u64 begin = hosted::clock_now();
            auto usable = m.session().usable();
            ASSERT_FALSE(usable);
            EXPECT_EQ(usable.error().code, ErrorCode::Timeout);
            EXPECT_EQ(text_of(usable.error()), requests == 1 ? "device does not answer, it holds 1 request"
                                                             : "device does not answer, it holds 4 requests");
            EXPECT_GE(hosted::clock_now() - begin, 2 * hosted::second);
            EXPECT_LT(hosted::clock_now() - begin, 4 * hosted::second);
        }
        EXPECT_EQ(m.device.resets(), m.resets);
        EXPECT_EQ(shares(), requests);
        m.answer();
        EXPECT_TRUE(m.session().usable());
    }
}

TEST_P(AsideOnBus, ctrl_c_ends_the_wait_for_it) {
    Held m(GetParam());
    hosted::schedule(500 * hosted::millisecond, [&] { m.machine.loop.request_interrupt(); });
    u64 begin = hosted::clock_now();
    EXPECT_EQ(m.session().usable().error().code, ErrorCode::Interrupted);
    EXPECT_LT(hosted::clock_now() - begin, hosted::second);
    EXPECT_EQ(m.session().state(), State::Aside);
    m.answer();
    EXPECT_TRUE(m.session().usable());
}

// All of them, not the first.
TEST_P(AsideOnBus, it_is_not_reset_before_the_last_request_is_back) {
    Held m(GetParam(), 2, 2);
    m.device.faults.lie = [](fake::Completion& done) { done.times = done.queue == 0 ? 1 : 0; };
    m.answer(); // half
    m.device.faults.lie = nullptr;
    auto usable = m.session().usable();
    ASSERT_FALSE(usable);
    EXPECT_EQ(text_of(usable.error()), "device does not answer, it holds 1 request");
    EXPECT_EQ(m.device.resets(), m.resets);
    EXPECT_EQ(shares(), 1u);
    m.answer();
    EXPECT_TRUE(m.session().usable());
    EXPECT_EQ(shares(), 0u);
}

// What `virtio list` and `info` do must not hang, nor leave a device that has answered as it is.
TEST_P(AsideOnBus, a_look_does_not_wait) {
    Held m(GetParam());
    u64 begin = hosted::clock_now();
    m.machine.manager.refresh();
    EXPECT_LT(hosted::clock_now() - begin, 10 * hosted::millisecond);
    EXPECT_EQ(m.session().state(), State::Aside);
    m.answer();
    m.machine.manager.refresh();
    EXPECT_EQ(m.session().state(), State::Running);
    EXPECT_TRUE(m.works());
}

TEST_P(AsideOnBus, a_scan_names_it_and_leaves_it_alone) {
    Held m(GetParam(), 2);
    u64 begin = hosted::clock_now();
    ASSERT_TRUE(m.machine.manager.rescan());
    EXPECT_LT(hosted::clock_now() - begin, 4 * hosted::second);
    EXPECT_NE(m.machine.complaints.log().find("device does not answer, it holds 2 requests\n"),
              std::string::npos);
    EXPECT_EQ(std::ranges::count(m.machine.complaints.log(), '\n'), 1);
    EXPECT_EQ(m.session().state(), State::Aside);
    EXPECT_EQ(m.device.resets(), m.resets);
    hosted::schedule(hosted::second, [&] { m.machine.loop.request_interrupt(); });
    EXPECT_EQ(m.machine.manager.rescan().error().code, ErrorCode::Interrupted);
    m.answer();
    ASSERT_TRUE(m.machine.manager.rescan());
    EXPECT_EQ(m.session().state(), State::Running);
    EXPECT_EQ(m.device.resets(), m.resets + 1);
}

TEST_P(AsideOnModern, wishes_are_heeded_when_it_comes_back) {
    RepeaterMachine m(GetParam(), 1, {feature::in_order});
    m.device.faults.never_completes = true;
    m.driver().post(0);
    m.session().set_aside(given_up);
    ASSERT_TRUE(m.machine.manager.wish(0, "in_order", system::FeatureWish::On));
    ASSERT_TRUE(m.machine.manager.rescan());
    EXPECT_FALSE(m.device.accepted().has(feature::in_order));
    m.device.faults.never_completes = false;
    m.device.finish_held();
    u64 resets = m.device.resets();
    ASSERT_TRUE(m.machine.manager.rescan());
    EXPECT_TRUE(m.device.accepted().has(feature::in_order));
    EXPECT_EQ(m.device.resets(), resets + 1) << "once";
}

// --- by force ------------------------------------------------------------------------------------------------

TEST_P(AsideOnBus, a_reset_on_request_takes_everything_back) {
    Held m(GetParam(), 3);
    ASSERT_TRUE(m.machine.manager.reset(0)); // the device lost them
    EXPECT_EQ(m.session().state(), State::Running);
    EXPECT_EQ(m.device.resets(), m.resets + 1);
    EXPECT_EQ(shares(), 0u);
    EXPECT_TRUE(m.callers_are_undisturbed());
    // The machine may have stood still in it: that was said before.
    EXPECT_NE(
        m.machine.complaints.log().find("device is reset while it holds 3 requests; that may take until the "
                                        "host's storage answers\n"),
        std::string::npos)
        << m.machine.complaints.log();
    m.device.faults.never_completes = false;
    EXPECT_TRUE(m.works());
    EXPECT_EQ(m.machine.manager.reset(1).error().code, ErrorCode::NotFound);
}

TEST_P(AsideOnBus, a_reset_on_request_starts_what_was_broken_or_works) {
    RepeaterMachine m(GetParam());
    u64 resets = m.device.resets();
    ASSERT_TRUE(m.machine.manager.reset(0));
    EXPECT_EQ(m.device.resets(), resets + 1);
    EXPECT_TRUE(m.machine.complaints.log().empty());
    m.device.queue(0).size_max = 0;
    EXPECT_FALSE(m.machine.manager.reset(0));
    EXPECT_EQ(m.session().state(), State::Broken);
    m.device.queue(0).size_max = 64;
    ASSERT_TRUE(m.machine.manager.reset(0));
    EXPECT_EQ(m.session().state(), State::Running);
}

// Nothing touches memory when an operating system takes over, or the machine is reset.
// covers: gen.cleanup.02
TEST_P(AsideOnBus, quiesce_resets_it_whatever_it_holds_and_says_so_first) {
    Held m(GetParam(), 2);
    (void)m.session().quiesce();
    EXPECT_EQ(m.session().state(), State::Stopped);
    EXPECT_GT(m.device.resets(), m.resets);
    EXPECT_EQ(shares(), 0u);
    EXPECT_EQ(hosted::DmaArena::instance().live_buffers(), 0u);
    EXPECT_EQ(std::ranges::count(m.machine.complaints.log(), '\n'), 1);
    EXPECT_NE(m.machine.complaints.log().find("holds 2 requests"), std::string::npos);
}

TEST_P(AsideOnBus, what_has_come_back_needs_no_word_before_a_reset) {
    Held m(GetParam(), 2);
    m.answer();
    m.machine.loop.poll_once();
    (void)m.session().quiesce();
    EXPECT_TRUE(m.machine.complaints.log().empty()) << m.machine.complaints.log();
}

// --- other troubles ------------------------------------------------------------------------------------------

// covers: gen.cleanup.02
TEST_P(AsideOnBus, memory_stays_away_if_its_reset_is_not_confirmed) {
    Held m(GetParam(), 2);
    m.machine.complaints.check_leaks = false; // given up on purpose
    m.device.faults.reset_never_ends = true;
    EXPECT_FALSE(m.machine.manager.reset(0));
    EXPECT_EQ(m.session().state(), State::Broken);
    EXPECT_EQ(shares(), 2u);
    EXPECT_GT(hosted::DmaArena::instance().live_buffers(), 0u);
}

TEST_P(AsideOnBus, a_device_that_is_gone_is_noticed) {
    Held m(GetParam());
    m.machine.complaints.check_leaks = false; // nobody can confirm that it was reset
    m.device.faults.gone = true;
    auto usable = m.session().usable();
    ASSERT_FALSE(usable);
    EXPECT_STREQ(usable.error().what, "device is gone");
    EXPECT_EQ(m.session().state(), State::Broken);
    EXPECT_EQ(shares(), 1u);
}

TEST_P(AsideOnModern, a_device_that_asks_for_its_reset_gets_it) {
    Held m(GetParam(), 2);
    m.device.need_reset();
    m.device.faults.never_completes = false;
    ASSERT_TRUE(m.session().usable());
    EXPECT_EQ(m.device.resets(), m.resets + 1);
    EXPECT_EQ(shares(), 0u);
    EXPECT_TRUE(m.works());
}

TEST_P(AsideOnBus, lies_are_lies) {
    Held m(GetParam(), 2);
    m.device.queue(0).ring->give_back(0x7000, 0);
    m.machine.loop.poll_once();
    EXPECT_EQ(m.session().state(), State::Broken);
    EXPECT_EQ(shares(), 0u) << "it was reset";
    EXPECT_TRUE(m.callers_are_undisturbed());
}

// Receive buffers of a device are no requests: they stay with it until it is reset.
TEST_P(AsideOnBus, buffers_that_wait_for_news_are_not_waited_for) {
    constexpr static virtio::QueueSpec queues[] = {{.name = "request", .max_size = 64},
                                                   {.name = "receive", .max_size = 8, .waits = true}};
    constexpr static virtio::DriverManifest manifest{.name = "listener",
                                                     .device_type = Filler::type,
                                                     .required = {},
                                                     .optional = {},
                                                     .dependencies = {},
                                                     .queues = queues,
                                                     .create = repeater_manifest.create};
    constexpr static const virtio::DriverManifest* drivers[] = {&manifest};
    RepeaterMachine m(GetParam(), 2, {}, true, drivers);
    m.device.faults.never_completes = true;
    m.driver().post(1);
    m.session().set_aside(given_up);
    EXPECT_EQ(m.session().state(), State::Running) << "nobody waits for that one";
    auto& stuck = m.driver().post(0);
    m.session().set_aside(given_up);
    EXPECT_EQ(stuck.times_ended, 1u);
    EXPECT_EQ(text_of(m.session().usable().error()), "device does not answer, it holds 1 request");
    m.device.faults.lie = [](fake::Completion& done) { done.times = done.queue == 0 ? 1 : 0; };
    m.device.faults.never_completes = false;
    m.device.finish_held();
    m.device.faults.lie = nullptr;
    EXPECT_TRUE(m.session().usable());
    EXPECT_EQ(m.session().state(), State::Running);
}

// With a reset of queues on request nothing has to be set aside.
TEST_P(AsideOnModern, queues_are_reset_where_the_user_asked_for_that) {
    RepeaterMachine m(GetParam(), 2, {feature::ring_reset});
    m.want("ring_reset");
    m.device.faults.never_completes = true;
    m.driver().post(1);
    m.session().set_aside(given_up);
    EXPECT_EQ(m.statistics().queue_resets, 1u);
    EXPECT_EQ(m.session().state(), State::Running);
    EXPECT_EQ(shares(), 0u);
}

// --- disks ---------------------------------------------------------------------------------------------------

class AsideDisks : public OnBus {
  protected:
    // Ctrl-C in a read of the first disk, which does not answer.
    fake::Blk& give_up_the_first() {
        fake::Blk& disk = machine.plug_disk();
        machine.plug_disk();
        machine.start();
        disk.faults.never_completes = true;
        hosted::schedule(100 * hosted::millisecond, [&] { machine.loop.request_interrupt(); });
        EXPECT_EQ(machine.disk(0)->read(0, memory).error().code, ErrorCode::Interrupted);
        EXPECT_EQ(machine.state(), State::Aside);
        return disk;
    }
    std::vector<std::byte> memory = bytes_of(256 * 512);
};
INSTANTIATE_TEST_SUITE_P(All, AsideDisks, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, AsideDisks, on(packed_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Rings, AsideDisks, on(ring_variants), bus_name);

TEST_P(AsideDisks, the_other_disk_works_meanwhile) {
    fake::Blk& disk = give_up_the_first();
    auto bytes = bytes_of(64 * 512);
    for (u64 sector : {0, 100, 200}) {
        ASSERT_TRUE(machine.disk(1)->read(sector, bytes));
        EXPECT_TRUE(has_pattern(bytes, sector));
    }
    EXPECT_EQ(machine.disk(0)->flush().error().code, ErrorCode::Timeout);
    EXPECT_EQ(machine.disk(0)->write(0, bytes).error().code, ErrorCode::Timeout);
    EXPECT_EQ(machine.disk(0)->ready().error().code, ErrorCode::Timeout);
    EXPECT_TRUE(machine.disk(1)->ready());
    EXPECT_EQ(memory, bytes_of(256 * 512));
    disk.finish_held();
}

TEST_P(AsideDisks, again_and_again) {
    fake::Blk& disk = give_up_the_first();
    u64 serials = disk.count(fake::Blk::type_get_id);
    for (int round = 0; round < 4; ++round) {
        disk.faults.never_completes = false;
        disk.finish_held();
        ASSERT_TRUE(machine.disk(0)->read(7, memory));
        EXPECT_TRUE(has_pattern(memory, 7));
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
        disk.faults.never_completes = true;
        hosted::schedule(100 * hosted::millisecond, [&] { machine.loop.request_interrupt(); });
        std::ranges::fill(memory, std::byte{0xee});
        EXPECT_EQ(machine.disk(0)->read(0, memory).error().code, ErrorCode::Interrupted);
        EXPECT_EQ(memory, bytes_of(256 * 512));
    }
    EXPECT_EQ(disk.count(fake::Blk::type_get_id), serials);
    EXPECT_EQ(std::string_view(machine.disk(0)->facts().serial), disk.serial);
    disk.finish_held();
    EXPECT_EQ(memory, bytes_of(256 * 512));
}

// Its data was taken when it was given, not when the device got round to it.
TEST_P(AsideDisks, a_late_write_writes_what_it_was_given) {
    fake::Blk& disk = machine.plug_disk();
    machine.start();
    disk.faults.never_completes = true;
    hosted::schedule(100 * hosted::millisecond, [&] { machine.loop.request_interrupt(); });
    auto given = bytes_of(64 * 512, 0x31);
    EXPECT_EQ(machine.disk(0)->write(50, given).error().code, ErrorCode::Interrupted);
    std::ranges::fill(given, std::byte{0x32}); // the caller's again: here a copy was lent
    disk.faults.never_completes = false;
    disk.finish_held();
    auto back = bytes_of(64 * 512);
    ASSERT_TRUE(machine.disk(0)->read(50, back));
    EXPECT_EQ(back, bytes_of(64 * 512, 0x31));
}

TEST_P(AsideDisks, a_disk_that_has_changed_meanwhile_is_taken_as_it_is) {
    fake::Blk& disk = give_up_the_first();
    disk.faults.never_completes = false;
    disk.finish_held();
    disk.set_capacity(1000);
    EXPECT_EQ(machine.disk(0)->read(900, memory).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(machine.disk(0)->facts().block_count, 1000u);
    ASSERT_TRUE(machine.disk(0)->read(0, memory));
}

} // namespace
} // namespace vireo::test
