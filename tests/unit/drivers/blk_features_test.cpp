// SPDX-License-Identifier: Apache-2.0
// What a block device may offer beyond reading, writing and flushing: several queues, DISCARD, WRITE_ZEROES,
// a cache that can be switched, and being the same disk after a reset.
#include "unit/support/machine.h"

namespace vireo::test {
namespace {

using fake::Blk;
using State = virtio::Session::State;

class BlkFeatures : public OnBus {};
INSTANTIATE_TEST_SUITE_P(All, BlkFeatures, on(all_buses), bus_name);
class BlkFeaturesEach : public testing::TestWithParam<Bus> {}; // makes its machines itself
INSTANTIATE_TEST_SUITE_P(All, BlkFeaturesEach, on(all_buses), bus_name);
class BlkFeaturesModern : public BlkFeaturesEach {};
INSTANTIATE_TEST_SUITE_P(All, BlkFeaturesModern, on(modern_buses), bus_name);

bool is_filled(Bytes bytes, int value) {
    return std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b == std::byte(value); });
}

// --- queues ------------------------------------------------------------------------------------------------

TEST_P(BlkFeatures, requests_are_spread_over_the_queues) {
    Blk& disk = machine.plug_disk(65536, 4);
    disk.set_num_queues(4);
    disk.set_size_max(4096);
    disk.set_seg_max(1);
    disk.latency = [](u64 n) { return (1 + n % 5) * hosted::millisecond; };
    machine.start();
    ASSERT_TRUE(machine.disk());
    EXPECT_EQ(machine.disk()->facts().queue_depth, 64);
    disk.forget_requests();
    u64 notifications = 0;
    auto count = [&] {
        u64 sum = 0;
        for (u16 queue = 0; queue < 4; ++queue)
            sum += disk.queue(queue).notifications;
        return sum;
    };
    notifications = count();
    auto bytes = bytes_of(4 << 20);
    ASSERT_TRUE(machine.disk()->read(9, bytes));
    EXPECT_TRUE(has_pattern(bytes, 9));
    EXPECT_EQ(disk.requests().size(), 1024u);
    for (u16 queue = 0; queue < 4; ++queue)
        EXPECT_GT(disk.count_on(queue), 1024u / 8) << queue;
    EXPECT_LT(count() - notifications, 1024u);
}

// covers: blk.43
TEST_P(BlkFeaturesEach, senseless_numbers_of_queues_are_replaced) {
    for (u16 claimed : {u16{0}, u16{1}, u16{3}, u16{6}, u16{0xffff}}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk(8192, claimed == 0xffff ? 8 : std::max<u16>(claimed, 1));
        disk.set_num_queues(claimed);
        if (claimed == 0)
            each.complaints.expect("blk.42"); // the referee counts no queue at all
        each.start();
        ASSERT_EQ(each.state(), State::Running) << claimed;
        auto bytes = bytes_of(100 * 512);
        ASSERT_TRUE(each.disk()->read(5, bytes));
        EXPECT_TRUE(has_pattern(bytes, 5));
        EXPECT_LE(each.disk()->facts().queue_depth, 64);
    }
}

// Found by fuzzing: more queues at a second reading than were set up after the first.
TEST_P(BlkFeatures, a_number_of_queues_that_changes_is_read_once) {
    Blk& disk = machine.plug_disk(8192, 4);
    disk.set_num_queues(1);
    unsigned readings = 0;
    disk.faults.before_config_read = [&](u32 offset) {
        constexpr u32 num_queues = 34;
        if (offset == num_queues && ++readings == 2)
            disk.config()[num_queues] = 4;
    };
    machine.start();
    ASSERT_EQ(machine.state(), State::Running);
    EXPECT_EQ(readings, 1u);
    auto bytes = bytes_of(100 * 512);
    ASSERT_TRUE(machine.disk()->read(5, bytes));
    EXPECT_TRUE(has_pattern(bytes, 5));
}

// --- a disk that is another one when it is started anew ----------------------------------------------------

TEST_P(BlkFeatures, a_shorter_serial_number_keeps_nothing_of_the_old_one) {
    Blk& disk = machine.plug_disk();
    disk.serial = "0123456789abcdef";
    machine.start();
    ASSERT_EQ(machine.state(), State::Running);
    disk.serial = "xy";
    disk.faults.lie = [](fake::Completion& c) { c.id = 0xffff; }; // breaks the device: a scan starts it anew
    auto bytes = bytes_of(512);
    ASSERT_FALSE(machine.disk()->read(0, bytes));
    disk.faults.lie = nullptr;
    ASSERT_TRUE(machine.manager.rescan());
    ASSERT_EQ(machine.state(), State::Running);
    EXPECT_STREQ(machine.disk()->facts().serial, "xy");
}

// One error among four queues ends the transfer, and nothing stays behind on the others.
TEST_P(BlkFeatures, an_error_on_one_of_several_queues) {
    Blk& disk = machine.plug_disk(65536, 3);
    disk.set_num_queues(3);
    disk.set_size_max(4096);
    disk.set_seg_max(1);
    disk.answer = [](const Blk::Request& request) -> std::optional<u8> {
        return request.sector == 4000 ? std::optional(Blk::status_ioerr) : std::nullopt;
    };
    machine.start();
    ASSERT_TRUE(machine.disk());
    auto bytes = bytes_of(4 << 20);
    EXPECT_EQ(machine.disk()->read(0, bytes).error().code, ErrorCode::Io);
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    EXPECT_TRUE(machine.disk()->read(8000, MutableBytes(bytes).first(4096)));
}

// --- ranges ------------------------------------------------------------------------------------------------

// covers: blk.18, blk.22
TEST_P(BlkFeatures, zeroes_are_written_by_the_device_within_its_limits) {
    Blk& disk = machine.plug_disk(65536);
    disk.set_write_zeroes(1000, 1);
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.forget_requests();
    ASSERT_TRUE(machine.disk()->write_zeroes(7, 2500));
    ASSERT_EQ(disk.requests().size(), 3u);
    u64 next = 7;
    for (const Blk::Request& request : disk.requests()) {
        EXPECT_EQ(request.type, 13u);
        EXPECT_EQ(request.data_bytes, 16u);
        EXPECT_EQ(request.descriptors, 3);
        ASSERT_EQ(request.ranges.size(), 1u);
        EXPECT_EQ(request.ranges[0].sector, next);
        EXPECT_EQ(request.ranges[0].flags, 1u); // it may unmap
        next += request.ranges[0].sectors;
    }
    EXPECT_EQ(next, 2507u);
    auto bytes = bytes_of(2500 * 512);
    ASSERT_TRUE(machine.disk()->read(7, bytes));
    EXPECT_TRUE(is_filled(bytes, 0));
    auto edge = bytes_of(512);
    ASSERT_TRUE(machine.disk()->read(6, edge));
    EXPECT_TRUE(has_pattern(edge, 6));
    ASSERT_TRUE(machine.disk()->read(2507, edge));
    EXPECT_TRUE(has_pattern(edge, 2507));
}

TEST_P(BlkFeatures, unmapping_is_asked_for_only_where_the_device_may) {
    Blk& disk = machine.plug_disk();
    disk.set_write_zeroes(1000, 1, false);
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.forget_requests();
    ASSERT_TRUE(machine.disk()->write_zeroes(0, 1));
    EXPECT_EQ(disk.requests()[0].ranges[0].flags, 0u);
}

TEST_P(BlkFeatures, zeroes_are_data_for_a_device_that_cannot_make_them) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.forget_requests();
    ASSERT_TRUE(machine.disk()->write_zeroes(100, 4000));
    EXPECT_EQ(disk.count(13), 0u);
    EXPECT_LE(disk.count(Blk::type_out), 2u);
    auto bytes = bytes_of(4000 * 512);
    ASSERT_TRUE(machine.disk()->read(100, bytes));
    EXPECT_TRUE(is_filled(bytes, 0));
}

// covers: blk.18, blk.20, blk.25, blk.26
// What is read afterwards is undefined (the fake leaves 0xdd); nothing else is touched.
TEST_P(BlkFeatures, discards_keep_to_the_limits_of_the_device) {
    Blk& disk = machine.plug_disk(65536);
    disk.set_discard(1024, 1, 256);
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.forget_requests();
    ASSERT_TRUE(machine.disk()->discard(100, 3000));
    u64 next = 100;
    for (const Blk::Request& request : disk.requests()) {
        EXPECT_EQ(request.type, 11u);
        EXPECT_EQ(request.data_bytes, 16u);
        ASSERT_EQ(request.ranges.size(), 1u);
        EXPECT_EQ(request.ranges[0].sector, next);
        EXPECT_EQ(request.ranges[0].flags, 0u);
        next += request.ranges[0].sectors;
        EXPECT_TRUE(next == 3100 || next % 256 == 0) << next;
    }
    EXPECT_EQ(next, 3100u);
    auto edge = bytes_of(512);
    ASSERT_TRUE(machine.disk()->read(99, edge));
    EXPECT_TRUE(has_pattern(edge, 99));
    ASSERT_TRUE(machine.disk()->read(3100, edge));
    EXPECT_TRUE(has_pattern(edge, 3100));
}

// covers: blk.43, blk.42
// Limits that allow no request at all switch the feature off; the disk works on.
TEST_P(BlkFeaturesEach, limits_of_nothing_switch_erasing_off) {
    struct {
        u32 sectors, segments, block_bytes;
    } const cases[] = {{0, 1, 512}, {1000, 0, 512}, {0, 0, 512}, {7, 1, 4096}};
    for (auto [sectors, segments, block_bytes] : cases) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk(8192);
        disk.set_block_size(block_bytes);
        disk.set_discard(sectors, segments);
        disk.set_write_zeroes(sectors, segments);
        each.start();
        ASSERT_EQ(each.state(), State::Running);
        EXPECT_EQ(each.disk()->discard(0, 1).error().code, ErrorCode::NotSupported);
        EXPECT_TRUE(each.disk()->write_zeroes(0, 1)); // as data
        EXPECT_EQ(disk.count(11) + disk.count(13), 0u);
    }
}

// Alignments that are none, and limits as large as a field can say, on blocks of 4096 bytes.
TEST_P(BlkFeaturesEach, senseless_alignments_are_ignored) {
    for (u32 alignment : {0u, 3u, 4097u, 0xffff'ffffu}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk(80'000);
        disk.set_block_size(4096);
        disk.set_discard(0xffff'ffff, 0xffff'ffff, alignment);
        disk.set_write_zeroes(0xffff'ffff, 0xffff'ffff);
        each.start();
        ASSERT_EQ(each.state(), State::Running);
        ASSERT_TRUE(each.disk()->discard(1, 9000));
        ASSERT_TRUE(each.disk()->write_zeroes(0, 10'000));
        auto bytes = bytes_of(10'000 * 4096);
        ASSERT_TRUE(each.disk()->read(0, bytes));
        EXPECT_TRUE(is_filled(bytes, 0));
    }
}

// covers: blk.27
// One request has one segment, so there is nothing to be assumed about the others; the whole
// operation failed.
TEST_P(BlkFeatures, an_error_while_erasing_is_the_error_of_all) {
    Blk& disk = machine.plug_disk(65536);
    disk.set_write_zeroes(1000, 4);
    disk.set_discard(1000, 4);
    disk.answer = [](const Blk::Request& request) -> std::optional<u8> {
        return !request.ranges.empty() && request.ranges[0].sector >= 5000 ? std::optional(Blk::status_ioerr)
                                                                           : std::nullopt;
    };
    machine.start();
    ASSERT_TRUE(machine.disk());
    EXPECT_EQ(machine.disk()->write_zeroes(0, 20'000).error().code, ErrorCode::Io);
    EXPECT_EQ(machine.disk()->discard(0, 20'000).error().code, ErrorCode::Io);
    for (const Blk::Request& request : disk.requests())
        EXPECT_LE(request.ranges.size(), 1u);
    EXPECT_TRUE(machine.disk()->write_zeroes(0, 1000));
}

// covers: blk.14
TEST_P(BlkFeatures, a_read_only_disk_is_not_erased) {
    Blk& disk = machine.plug_disk();
    disk.offered.add(Blk::read_only);
    disk.set_discard(1000, 1);
    disk.set_write_zeroes(1000, 1);
    machine.start();
    ASSERT_TRUE(machine.disk());
    EXPECT_EQ(machine.disk()->discard(0, 1).error().code, ErrorCode::ReadOnly);
    EXPECT_EQ(machine.disk()->write_zeroes(0, 1).error().code, ErrorCode::ReadOnly);
    EXPECT_EQ(disk.count(11) + disk.count(13), 0u);
}

// covers: blk.05, blk.06, blk.07, blk.21
TEST_P(BlkFeaturesModern, discard_is_not_accepted_where_zones_are_offered) {
    for (u8 model : {Blk::zoned_none, Blk::zoned_host_managed, Blk::zoned_host_aware}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.set_discard(1000, 1);
        disk.set_secure_erase(1000, 1);
        disk.set_zoned(model);
        each.start();
        EXPECT_FALSE(disk.accepted().has(Blk::discard)) << int(model);
        EXPECT_FALSE(disk.accepted().has(Blk::zoned));
        EXPECT_FALSE(disk.accepted().has(Blk::secure_erase));
        EXPECT_EQ(each.state() == State::Running, model != Blk::zoned_host_managed);
    }
}

// --- cache -------------------------------------------------------------------------------------------------

// covers: blk.23, blk.24, blk.legacy.03
// Write-back, and a flush at the end: never switched to write-through, so nothing written
// before can be lost by it.
TEST_P(BlkFeaturesEach, the_cache_is_switched_to_write_back) {
    for (u8 initial : {0, 1}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.initial_writeback = initial;
        each.start();
        ASSERT_EQ(each.state(), State::Running);
        EXPECT_FALSE(disk.is_write_through());
        EXPECT_TRUE(each.disk()->facts().has_write_cache);
        auto bytes = bytes_of(8192);
        ASSERT_TRUE(each.disk()->write(0, bytes));
        EXPECT_EQ(disk.count(Blk::type_flush), 0u);
        ASSERT_TRUE(each.disk()->flush());
        EXPECT_EQ(disk.count(Blk::type_flush), 1u);
    }
}

// A device that can flush and says nothing about its cache has one (section 5.2.5.1).
TEST_P(BlkFeaturesEach, a_cache_that_cannot_be_asked_about_is_flushed) {
    Machine each(GetParam());
    Blk& disk = each.plug_disk();
    disk.offered.remove(Blk::config_wce);
    each.start();
    ASSERT_EQ(each.state(), State::Running);
    EXPECT_TRUE(each.disk()->facts().has_write_cache);
    auto bytes = bytes_of(8192);
    ASSERT_TRUE(each.disk()->write(0, bytes));
    ASSERT_TRUE(each.disk()->flush());
    EXPECT_EQ(disk.count(Blk::type_flush), 1u);
}

// covers: blk.02
// A device whose writeback cannot be switched on, because there is no FLUSH: durable at once,
// nothing to flush.
TEST_P(BlkFeaturesModern, without_flush_the_cache_writes_through) {
    Machine each(GetParam());
    Blk& disk = each.plug_disk();
    disk.offered.remove(Blk::flush);
    each.start();
    ASSERT_EQ(each.state(), State::Running);
    EXPECT_TRUE(disk.is_write_through());
    EXPECT_FALSE(each.disk()->facts().has_write_cache);
    EXPECT_TRUE(each.disk()->flush());
    EXPECT_EQ(disk.count(Blk::type_flush), 0u);
}

// covers: blk.03
// What was reported as written and flushed is there after a power cut; and one FLUSH is enough
// for many writes.
TEST_P(BlkFeatures, flushed_writes_survive_a_power_cut) {
    auto cached = std::make_unique<fake::CachedDisk>(std::make_unique<fake::MemoryDisk>(65536, true));
    fake::CachedDisk& cache = *cached;
    Blk& disk = machine.plug_disk(std::move(cached));
    disk.set_size_max(65536);
    disk.set_seg_max(1);
    machine.start();
    ASSERT_TRUE(machine.disk());
    auto bytes = bytes_of(8 << 20, 0x5a);
    ASSERT_TRUE(machine.disk()->write(100, bytes));
    EXPECT_GT(cache.unflushed_sectors(), 0u) << "written through: nothing to prove here";
    ASSERT_TRUE(machine.disk()->flush());
    EXPECT_EQ(disk.count(Blk::type_flush), 1u);
    cache.lose_power();
    auto back = bytes_of(8 << 20);
    ASSERT_TRUE(machine.disk()->read(100, back));
    EXPECT_TRUE(is_filled(back, 0x5a));
}

// --- sizes -------------------------------------------------------------------------------------------------

// covers: ring.split.12
TEST_P(BlkFeaturesEach, queues_of_any_size_work_or_are_refused_by_name) {
    for (u16 size : {u16{1}, u16{2}, u16{4}, u16{8}, u16{16}, u16{1024}, u16{32768}}) {
        for (bool indirect : {true, false}) {
            Machine each(GetParam());
            Blk& disk = each.plug_disk(65536);
            disk.queue(0).size_max = size;
            disk.offered.set(fake::feature::indirect_desc, indirect);
            if (size < 3) {
                each.start();
                EXPECT_NE(each.state(), State::Running) << size;
                EXPECT_NE(each.listing().find("queue"), std::string::npos) << each.listing();
                continue;
            }
            each.start();
            ASSERT_EQ(each.state(), State::Running) << size;
            auto bytes = bytes_of(1 << 20);
            ASSERT_TRUE(each.disk()->read(3, bytes)) << size;
            EXPECT_TRUE(has_pattern(bytes, 3));
            ASSERT_TRUE(each.disk()->write(3, bytes));
            ASSERT_TRUE(each.disk()->flush());
        }
    }
}

TEST_P(BlkFeatures, blocks_of_4096_bytes_everywhere) {
    Blk& disk = machine.plug_disk(65536);
    disk.set_block_size(4096);
    disk.set_topology(0, 0, 1, 0);
    disk.set_discard(8000, 1, 8);
    disk.set_write_zeroes(8000, 1);
    machine.start();
    ASSERT_TRUE(machine.disk());
    auto bytes = bytes_of(3 * 4096, 0x33);
    ASSERT_TRUE(machine.disk()->write(8189, bytes));
    ASSERT_TRUE(machine.disk()->write_zeroes(8190, 1));
    auto back = bytes_of(3 * 4096);
    ASSERT_TRUE(machine.disk()->read(8189, back));
    EXPECT_TRUE(is_filled(Bytes(back).first(4096), 0x33));
    EXPECT_TRUE(is_filled(Bytes(back).subspan(4096, 4096), 0));
    EXPECT_TRUE(is_filled(Bytes(back).subspan(8192), 0x33));
    EXPECT_EQ(machine.disk()->write_zeroes(8191, 2).error().code, ErrorCode::OutOfRange);
    EXPECT_TRUE(machine.disk()->discard(8191, 1));
}

} // namespace
} // namespace vireo::test
