// SPDX-License-Identifier: Apache-2.0
// How many queues a session sets up, how large, and how it announces work on them: sections
// 2.6 to 2.9, 4.1.5.2.
#include "unit/virtio/session/repeater.h"

namespace vireo::test {
namespace {

using State = virtio::Session::State;
namespace feature = fake::feature;

class QueuesOnBus : public testing::TestWithParam<Bus> {};
INSTANTIATE_TEST_SUITE_P(All, QueuesOnBus, on(all_buses), bus_name);
class QueuesOnModern : public testing::TestWithParam<Bus> {};
INSTANTIATE_TEST_SUITE_P(All, QueuesOnModern, on(modern_buses), bus_name);

// Requests on every queue come back from it, whichever answers first.
void expect_all_serve(RepeaterMachine& m, usize queues) {
    usize before = m.driver().jobs.size();
    for (usize queue = 0; queue < queues; ++queue)
        m.driver().post(queue);
    ASSERT_TRUE(m.driver().finish());
    for (usize i = before; i < m.driver().jobs.size(); ++i)
        EXPECT_TRUE(Repeater::is_done(m.driver().jobs[i])) << i;
}

// defects-seen.txt has the case of one queue that hides the others: all_ready_queues_are_served
// covers: mmio.31
TEST_P(QueuesOnBus, as_many_queues_as_the_driver_wants) {
    for (u16 queues : {1, 2, 5, 33}) {
        RepeaterMachine m(GetParam(), queues);
        m.device.latency = [](u64 n) { return (1 + n * 7 % 5) * hosted::millisecond; };
        ASSERT_EQ(m.session().state(), State::Running);
        expect_all_serve(m, queues);
        // Those beyond the manifest are like its last.
        EXPECT_EQ(m.session().queue(0).size(), is_legacy(GetParam()) ? 256 : 64);
        EXPECT_EQ(m.session().queue(queues - 1).size(), is_legacy(GetParam()) ? 256 : queues == 1 ? 64 : 8);
    }
}

TEST_P(QueuesOnBus, fewer_queues_than_the_driver_wants_is_an_error) {
    RepeaterMachine m(GetParam(), 3, {}, false);
    Repeater::wanted_queues = 4;
    m.start();
    EXPECT_EQ(m.session().state(), State::Broken);
    EXPECT_FALSE(m.machine.complaints.log().empty());
    Repeater::wanted_queues = 0;
    ASSERT_TRUE(m.machine.manager.rescan());
    EXPECT_EQ(m.session().state(), State::Broken);
    Repeater::wanted_queues = 3;
    ASSERT_TRUE(m.machine.manager.rescan());
    EXPECT_EQ(m.session().state(), State::Running);
}

// covers: pci.modern.22, pci.modern.23, pci.modern.24, mmio.14
// The size is the smaller one of what the device has and the driver wants; a split ring rounds down.
TEST_P(QueuesOnModern, any_size_of_the_device_is_taken) {
    for (bool packed : {false, true})
        for (u16 size : {1, 2, 3, 5, 16, 63, 64, 100, 32768}) {
            RepeaterMachine m(GetParam(), 1, {}, false);
            m.device.offered.set(feature::ring_packed, packed);
            m.device.queue(0).size_max = size;
            m.start();
            ASSERT_EQ(m.session().state(), State::Running) << size;
            EXPECT_EQ(m.device.accepted().has(feature::ring_packed), packed);
            u16 most = std::min<u16>(size, 64);
            EXPECT_EQ(m.device.queue(0).size, packed ? most : std::bit_floor(most)) << size;
            for (int i = 0; i < 5; ++i)
                expect_all_serve(m, 1);
        }
}

// The largest queue, full to the last entry, in both formats.
TEST(Queues, a_queue_of_32768_entries_takes_as_many_requests) {
    for (bool packed : {false, true}) {
        RepeaterMachine m(Bus::Pci, 1, {}, false, largest_drivers);
        m.device.offered.set(feature::ring_packed, packed);
        m.device.queue(0).size_max = 32768;
        m.device.faults.deaf = true;
        m.start();
        EXPECT_EQ(m.device.queue(0).size, 32768);
        for (unsigned i = 0; i < 32768; ++i)
            m.driver().post(0);
        EXPECT_FALSE(m.session().queue(0).begin(1));
        m.device.faults.deaf = false;
        m.device.run_queue(0);
        ASSERT_TRUE(m.driver().finish());
        EXPECT_TRUE(std::ranges::all_of(m.driver().jobs, Repeater::is_done));
    }
}

// covers: gen.resbits.06
// Both formats and everything that goes with them, on every bus that knows them.
TEST_P(QueuesOnModern, every_combination_of_ring_features_works) {
    for (unsigned bits = 0; bits < 16; ++bits) {
        RepeaterMachine m(GetParam(), 2, {}, false);
        m.device.offered.set(feature::ring_packed, bits & 1);
        m.device.offered.set(feature::event_idx, bits & 2);
        m.device.offered.set(feature::in_order, bits & 4);
        m.device.offered.set(feature::notification_data, bits & 8);
        m.start();
        m.want("in_order");
        m.want("notification_data");
        EXPECT_EQ(m.device.accepted().has(feature::ring_packed), (bits & 1) != 0);
        EXPECT_EQ(m.device.accepted().has(feature::event_idx), (bits & 2) != 0);
        EXPECT_EQ(m.device.accepted().has(feature::in_order), (bits & 4) != 0);
        EXPECT_EQ(m.device.accepted().has(feature::notification_data), (bits & 8) != 0);
        for (int i = 0; i < 150; ++i) // more than either queue has entries
            expect_all_serve(m, 2);
    }
}

// covers: gen.resbits.13, pci.modern.48, pci.modern.49, gen.notif.01, gen.notif.02
// The fake judges width, number and data of every notification, those of the second try included.
TEST_P(QueuesOnModern, notifications_carry_what_was_negotiated) {
    for (bool with_data : {false, true})
        for (bool own_numbers : {false, true}) {
            RepeaterMachine m(GetParam(), 2, {}, false);
            m.device.offered.set(feature::notification_data, with_data);
            m.device.offered.set(feature::notif_config_data, own_numbers);
            if (GetParam() != Bus::Mmio)
                m.machine.function().notify_data = [](u16 queue) { return static_cast<u16>(0xff00 + queue); };
            m.start();
            m.want("38");
            EXPECT_EQ(m.device.accepted().has(feature::notification_data), with_data);
            EXPECT_EQ(m.device.accepted().has(feature::notif_config_data),
                      own_numbers && GetParam() != Bus::Mmio);
            for (int i = 0; i < 5; ++i)
                expect_all_serve(m, 2);
            m.device.latency = [](u64) { return 3 * hosted::second; };
            u64 before = m.device.queue(1).notifications;
            expect_all_serve(m, 2);
            EXPECT_EQ(m.device.queue(1).notifications, before + 2); // the extra kick after a second
        }
}

// --- what is counted -----------------------------------------------------------------------------------------

TEST_P(QueuesOnBus, what_happens_is_counted) {
    RepeaterMachine m(GetParam(), 2);
    EXPECT_EQ(m.statistics().resets, 1u);
    m.session().clear_statistics();
    for (int i = 0; i < 3; ++i)
        expect_all_serve(m, 2);
    const virtio::Statistics& counts = m.statistics();
    EXPECT_EQ(counts.requests, 6u);
    EXPECT_EQ(counts.completions, 6u);
    EXPECT_EQ(counts.bytes_to_device, 0u);
    EXPECT_EQ(counts.bytes_from_device, 6u * 64);
    EXPECT_EQ(counts.doorbells, m.device.queue(0).notifications + m.device.queue(1).notifications);
    EXPECT_EQ(counts.doorbells, 6u);
    EXPECT_EQ(counts.suppressed, 0u);
    EXPECT_EQ(counts.resets, 0u);

    // One that is given up is a request and no completion; the counts survive the reset.
    m.device.faults.never_completes = true;
    m.driver().post(0);
    m.session().restart(error(ErrorCode::Timeout, "test"));
    EXPECT_EQ(m.statistics().requests, 7u);
    EXPECT_EQ(m.statistics().completions, 6u);
    EXPECT_EQ(m.statistics().resets, 1u);
    StringBuffer<1024> text;
    ASSERT_TRUE(m.machine.manager.print_statistics(0, text));
    EXPECT_NE(text.view().find("requests      7 made, 6 completed\n"), std::string_view::npos) << text.view();
    EXPECT_NE(text.view().find("bytes         0 to the device, 384 from it\n"), std::string_view::npos);
    ASSERT_TRUE(m.machine.manager.clear_statistics(0));
    EXPECT_EQ(m.statistics().requests, 0u);
    EXPECT_EQ(m.machine.manager.print_statistics(1, text).error().code, ErrorCode::NotFound);
    EXPECT_EQ(m.machine.manager.clear_statistics(1).error().code, ErrorCode::NotFound);
}

TEST_P(QueuesOnBus, notifications_that_nobody_wants_are_counted_as_such) {
    RepeaterMachine m(GetParam(), 1, {}, false);
    m.device.faults.suppresses_notifications = true;
    m.start();
    m.session().clear_statistics();
    for (int i = 0; i < 4; ++i)
        expect_all_serve(m, 1);
    m.session().commit(0); // nothing new, so nothing is suppressed
    EXPECT_EQ(m.statistics().doorbells, 0u);
    EXPECT_EQ(m.statistics().suppressed, 4u);
}

// Only a doorbell for each batch: polling reads memory. (Budgets of tests elsewhere build on this count.)
TEST_P(QueuesOnBus, register_accesses_are_counted) {
    RepeaterMachine m(GetParam());
    u64 before = m.machine.manager.register_accesses();
    for (int i = 0; i < 10; ++i)
        expect_all_serve(m, 1);
    EXPECT_EQ(m.machine.manager.register_accesses() - before, 10u);
    auto window = io::Window(io::Space::Memory, Machine::mmio_base, 4);
    EXPECT_EQ(m.machine.manager.register_accesses() - before, 10u);
    if (GetParam() == Bus::Mmio) {
        (void)window.read32(0);
        (void)window.uncounted().read32(0);
        EXPECT_EQ(m.machine.manager.register_accesses() - before, 11u);
    }
}

} // namespace
} // namespace vireo::test
