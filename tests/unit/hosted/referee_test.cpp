// SPDX-License-Identifier: Apache-2.0
// The referee bites: a bad driver, played here register by register, is told which requirement it broke.
#include "arch/arch.h"
#include "event/clock.h"
#include "hosted/fakes/rng.h"
#include "unit/hosted/register_driver.h"

namespace vireo::test {
namespace {

class RefereeBites : public RegisterDriver {};

TEST_F(RefereeBites, a_good_driver_is_not_bitten) { go_live(); }

TEST_F(RefereeBites, registers_before_identification) {
    complaints.expect("mmio.24");
    get(status);
    identify();
}
TEST_F(RefereeBites, no_reset_first) {
    complaints.expect("gen.init.01");
    identify();
    put(status, 1);
}
TEST_F(RefereeBites, reset_not_read_back) {
    complaints.expect("gen.reset.01");
    identify();
    put(status, 0);
    put(status, 1);
}
TEST_F(RefereeBites, driver_without_acknowledge) {
    complaints.expect("gen.init.02");
    reset();
    put(status, 2);
}
TEST_F(RefereeBites, a_status_bit_dropped) {
    complaints.expect("gen.status.02");
    reset();
    put(status, 1);
    put(status, 2);
}
TEST_F(RefereeBites, two_steps_at_once) {
    complaints.expect("gen.status.01");
    reset();
    put(status, 3);
}
TEST_F(RefereeBites, features_ok_without_features) {
    complaints.expect("gen.init.04");
    complaints.expect("gen.feat.03");
    complaints.expect("gen.resbits.01");
    reset();
    put(status, 1);
    put(status, 3);
    put(status, 11);
}
TEST_F(RefereeBites, a_feature_that_was_not_offered) {
    complaints.expect("gen.feat.01");
    negotiate(1 << fake::Blk::size_max);
    EXPECT_FALSE(get(status) & 8);
}
TEST_F(RefereeBites, a_reserved_feature) {
    complaints.expect("gen.feat.05");
    disk.offered.add(26);
    negotiate(1 << 26);
}
TEST_F(RefereeBites, a_feature_of_another_device_type) {
    complaints.expect("gen.feat.07");
    disk.offered.add(20);
    negotiate(1 << 20);
}
TEST_F(RefereeBites, the_bit_of_the_bad_driver_probe) {
    complaints.expect("gen.legacy.07");
    disk.offered.add(30);
    negotiate(1 << 30);
}
TEST_F(RefereeBites, features_after_features_ok) {
    complaints.expect("gen.init.08");
    negotiate();
    put(accepted, 1);
}
TEST_F(RefereeBites, queues_before_features_ok) {
    complaints.expect("gen.init.10");
    reset();
    put(status, 1);
    put(status, 3);
    put(queue_select, 0);
}
TEST_F(RefereeBites, features_ok_not_read_back) {
    complaints.expect("gen.init.09");
    reset();
    put(status, 1);
    put(status, 3);
    put(features_select, 1);
    get(features);
    put(accepted_select, 1);
    put(accepted, 1);
    put(status, 11);
    put(queue_select, 0);
}
TEST_F(RefereeBites, configuration_written_too_early) {
    complaints.expect("gen.init.06");
    complaints.expect("blk.04");
    reset();
    put(status, 1);
    put(status, 3);
    io::raw::write8(base + 0x100 + 32, 0); // writeback
}
TEST_F(RefereeBites, writeback_read_too_early) {
    complaints.expect("blk.04");
    reset();
    io::raw::read8(base + 0x100 + 32);
}
TEST_F(RefereeBites, a_field_without_its_feature) {
    complaints.expect("gen.cfg.04");
    reset();
    get(0x100 + 8); // size_max
}
TEST_F(RefereeBites, a_field_in_the_wrong_width) {
    complaints.expect("mmio.05");
    reset();
    io::raw::read16(base + 0x100);
}
TEST_F(RefereeBites, a_register_in_the_wrong_width) {
    complaints.expect("mmio.04");
    reset();
    io::raw::read8(base + status);
}
TEST_F(RefereeBites, notification_before_driver_ok) {
    complaints.expect("gen.init.14");
    negotiate();
    set_up_queue();
    put(queue_notify, 0);
}
TEST_F(RefereeBites, failed_and_going_on) {
    complaints.expect("gen.init.13");
    complaints.expect("gen.status.03");
    negotiate();
    put(status, 0x8b);
    put(queue_select, 0);
    put(status, 0x8f);
}
TEST_F(RefereeBites, misaligned_rings) {
    complaints.expect("ring.split.01");
    complaints.expect("ring.split.02");
    complaints.expect("ring.split.03");
    negotiate();
    put(queue_select, 0);
    get(queue_ready);
    put(queue_size, 4);
    write_addresses(1);
    put(queue_ready, 1);
}
TEST_F(RefereeBites, memory_that_was_not_zeroed) {
    complaints.expect("mmio.36");
    ring.data()[5] = std::byte{1};
    negotiate();
    set_up_queue();
}
TEST_F(RefereeBites, queue_size_above_the_maximum) {
    complaints.expect("mmio.14");
    complaints.expect("pci.modern.23");
    disk.queue(0).size_max = 2;
    negotiate();
    set_up_queue();
}
TEST_F(RefereeBites, ready_not_read_back) {
    complaints.expect("mmio.17");
    go_live();
    put(queue_ready, 0);
    put(queue_select, 0);
}
TEST_F(RefereeBites, undefined_bits_acknowledged) {
    complaints.expect("mmio.20");
    complaints.expect("mmio.19");
    go_live();
    put(interrupt_ack, 4);
}
TEST_F(RefereeBites, ring_memory_freed_while_live) {
    complaints.expect("gen.cleanup.02");
    go_live();
    ring.give_back(confirmed_reset());
}
TEST_F(RefereeBites, a_chain_that_loops) {
    complaints.expect("ring.split.07");
    go_live(1 << 28);
    u64 table = ring.bus().value + 3072;
    descriptor(192, table + 512, 16, 1, 1); // the table, at 3072: two entries that follow each other
    descriptor(193, table + 512, 16, 1, 0);
    descriptor(0, table, 32, 4, 0);
    offer(0, 0);
    put(queue_notify, 0);
}
TEST_F(RefereeBites, readable_behind_writable) {
    complaints.expect("ring.split.04");
    complaints.expect("blk.40");
    go_live();
    u64 data = ring.bus().value + 3072;
    descriptor(0, data, 16, 3, 1);
    descriptor(1, data + 16, 4, 0, 0);
    offer(0, 0);
    put(queue_notify, 0);
}
TEST_F(RefereeBites, an_indirect_descriptor_that_was_not_negotiated) {
    complaints.expect("ring.split.10");
    go_live();
    descriptor(0, ring.bus().value + 3072, 16, 4, 0);
    offer(0, 0);
    put(queue_notify, 0);
}
TEST_F(RefereeBites, indirect_inside_indirect_and_with_next) {
    complaints.expect("ring.split.11");
    complaints.expect("ring.split.13");
    go_live(1 << 28);
    descriptor(192, ring.bus().value, 16, 4, 0); // the table, at 3072
    descriptor(0, ring.bus().value + 3072, 16, 5, 1);
    offer(0, 0);
    put(queue_notify, 0);
}
TEST_F(RefereeBites, an_available_index_that_leaps) {
    complaints.expect("ring.split.15");
    go_live();
    offer(9, 0);
    put(queue_notify, 0);
}
TEST_F(RefereeBites, available_flags_with_other_values) {
    complaints.expect("ring.split.16");
    go_live();
    u16 flags = 2;
    std::memcpy(ring.data() + 1024, &flags, 2);
    put(queue_notify, 0);
}
TEST_F(RefereeBites, available_flags_with_event_idx) {
    complaints.expect("ring.split.18");
    complaints.expect("ring.split.31"); // nothing new, and it asked for nothing
    go_live(1 << 29);
    u16 flags = 1;
    std::memcpy(ring.data() + 1024, &flags, 2);
    put(queue_notify, 0);
}
TEST_F(RefereeBites, a_buffer_that_nobody_shared) {
    complaints.expect("dma.not-shared");
    go_live();
    descriptor(0, 0x1234'0000, 16, 0, 0);
    offer(0, 0);
    put(queue_notify, 0);
}
TEST_F(RefereeBites, a_lost_notification) {
    complaints.expect("ring.split.28");
    go_live();
    descriptor(0, ring.bus().value + 3072, 16, 0, 0);
    offer(0, 0);
    arch::relax(); // waits without having notified
}
TEST_F(RefereeBites, a_request_beyond_the_capacity) {
    complaints.expect("blk.13");
    complaints.expect("blk.17");
    go_live();
    u64 data = ring.bus().value + 3072;
    ring.data()[3072 + 8] = std::byte{101}; // sector 101 of 100
    descriptor(0, data, 16, 1, 1);
    descriptor(1, data + 32, 511, 3, 2);
    descriptor(2, data + 600, 1, 2, 0);
    offer(0, 0);
    put(queue_notify, 0);
}

// --- memory ------------------------------------------------------------------------------------------------------

TEST(DmaArenaTest, a_device_sees_a_copy_and_the_program_gets_it_back) {
    Complaints complaints;
    auto& arena = hosted::DmaArena::instance();
    std::vector<std::byte> memory(100, std::byte{7});
    {
        auto span = VIREO_MUST(dma::share_from_device(memory));
        EXPECT_NE(span.bus().value, reinterpret_cast<u64>(memory.data()));
        auto* seen = arena.reach(span.bus().value, 100, hosted::DmaArena::Use::Write, "device");
        ASSERT_TRUE(seen);
        EXPECT_NE(seen[0], std::byte{7}); // poisoned
        seen[0] = std::byte{9};
        EXPECT_EQ(memory[0], std::byte{7});
    }
    EXPECT_EQ(memory[0], std::byte{9});
    EXPECT_NE(memory[1], std::byte{7}); // what the device did not write is undefined
}
TEST(DmaArenaTest, misuse_is_reported) {
    Complaints complaints;
    for (const char* rule :
         {"dma.not-shared", "dma.taken-back", "dma.direction", "dma.unshare", "dma.free", "dma.leak"})
        complaints.expect(rule);
    auto& arena = hosted::DmaArena::instance();
    using Use = hosted::DmaArena::Use;
    std::byte memory[16] = {};
    EXPECT_FALSE(arena.reach(0x1000, 1, Use::Read, "device"));
    auto bus = VIREO_MUST(arena.share(memory, 16, dma::Direction::ToDevice));
    EXPECT_TRUE(arena.reach(bus.value + 15, 1, Use::Read, "device"));
    EXPECT_FALSE(arena.reach(bus.value + 15, 2, Use::Read, "device"));
    EXPECT_FALSE(arena.reach(bus.value, 1, Use::Write, "device"));
    dma::Mapping mapping{memory, 16, dma::Direction::ToDevice, false, bus};
    arena.unshare(mapping);
    arena.unshare(mapping);
    arena.free(mapping);
    EXPECT_FALSE(arena.reach(bus.value, 1, Use::Read, "device"));
    (void)VIREO_MUST(arena.share(memory, 16, dma::Direction::ToDevice)); // leaks
}

// --- time --------------------------------------------------------------------------------------------------------

TEST(VirtualClock, events_run_in_order_while_the_program_waits) {
    Complaints complaints;
    std::vector<int> order;
    hosted::schedule(3 * hosted::second, [&] { order.push_back(3); });
    hosted::schedule(hosted::second, [&] { order.push_back(1); });
    u64 dropped = hosted::schedule(2 * hosted::second, [&] { order.push_back(2); });
    hosted::cancel(dropped);
    u64 begin = arch::ticks();
    unsigned waits = 0;
    while (order.size() < 2) {
        arch::relax();
        ++waits;
    }
    EXPECT_EQ(order, (std::vector<int>{1, 3}));
    EXPECT_GE(arch::ticks() - begin, 2 * hosted::second);
    EXPECT_LT(waits, 5000u);
    arch::idle_until(arch::ticks() + 1000 * hosted::second);
    EXPECT_GE(arch::ticks() - begin, 1000 * hosted::second);
}
TEST(VirtualClock, a_loop_without_end_is_reported_and_its_deadline_passes) {
    Complaints complaints;
    complaints.expect("clock.runaway");
    hosted::set_runaway_limit(1000);
    auto deadline = event::Deadline::after(event::Duration::seconds(100));
    while (!deadline.has_passed())
        ;
}
TEST(VirtualClock, access_to_nothing_is_reported) {
    Complaints complaints;
    complaints.expect("io.unmapped");
    EXPECT_EQ(io::raw::read32(0x10), 0xffff'ffffu);
    EXPECT_EQ(io::raw::port_read8(0x60), 0xffu);
}

} // namespace
} // namespace vireo::test
