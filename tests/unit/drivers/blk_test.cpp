// SPDX-License-Identifier: Apache-2.0
// The block driver against the fake device (section 5.2).
#include "unit/support/machine.h"

namespace vireo::test {
namespace {

using fake::Blk;
using State = virtio::Session::State;

class BlkOnBus : public OnBus {
  protected:
    bool reads(u64 block = 5, usize bytes = 512) {
        auto memory = bytes_of(bytes);
        u32 block_bytes = machine.disk()->facts().block_bytes;
        return machine.disk()->read(block, memory) && has_pattern(memory, block * (block_bytes / 512));
    }
};
INSTANTIATE_TEST_SUITE_P(All, BlkOnBus, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, BlkOnBus, on(packed_buses), bus_name);
class BlkOnBusEach : public testing::TestWithParam<Bus> {}; // makes its machines itself
INSTANTIATE_TEST_SUITE_P(All, BlkOnBusEach, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, BlkOnBusEach, on(packed_buses), bus_name);
class BlkOnLegacy : public BlkOnBus {};
INSTANTIATE_TEST_SUITE_P(All, BlkOnLegacy, on(legacy_buses), bus_name);
class BlkOnModern : public BlkOnBus {};
INSTANTIATE_TEST_SUITE_P(All, BlkOnModern, on(modern_buses), bus_name);

// defects-seen.txt: numbers written out from the standard, not taken from anybody's header; in the same byte
// order on the legacy interface, whose order is the guest's own.
// covers: blk.legacy.02, blk.legacy.04, blk.legacy.06
// FLUSH is 4 on every interface; its other number on the legacy one, 5, is never sent.
TEST_P(BlkOnBus, constants_match_the_standard) {
    Blk& disk = machine.plug_disk();
    u32 wire_types[3] = {};
    unsigned count = 0;
    disk.answer = [&](const Blk::Request& request) -> std::optional<u8> {
        if (count < 3 && request.type != Blk::type_get_id)
            wire_types[count++] = request.type;
        return std::nullopt;
    };
    machine.start();
    auto bytes = bytes_of(512);
    ASSERT_TRUE(machine.disk()->read(0, bytes));
    ASSERT_TRUE(machine.disk()->write(0, bytes));
    ASSERT_TRUE(machine.disk()->flush());
    EXPECT_EQ(wire_types[0], 0u);
    EXPECT_EQ(wire_types[1], 1u);
    EXPECT_EQ(wire_types[2], 4u);
}

// covers: blk.42
TEST_P(BlkOnBus, facts_come_from_the_configuration) {
    Blk& disk = machine.plug_disk(80'000);
    disk.set_block_size(4096);
    disk.set_topology(1, 0, 2, 64);
    disk.serial = "S-0123456789abcdefgh"; // 20 characters: no zero behind them
    machine.start();
    ASSERT_TRUE(machine.disk());
    const auto& facts = machine.disk()->facts();
    EXPECT_EQ(facts.block_bytes, 4096u);
    EXPECT_EQ(facts.block_count, 10'000u);
    EXPECT_EQ(facts.physical_block_bytes, 8192u);
    EXPECT_EQ(facts.optimal_blocks, 64u);
    EXPECT_FALSE(facts.read_only);
    EXPECT_TRUE(facts.has_write_cache);
    EXPECT_EQ(std::string_view(facts.serial), "S-0123456789abcdefgh");
    EXPECT_TRUE(reads(7, 4096 * 3));
}

// covers: blk.19
TEST_P(BlkOnBusEach, serials_of_any_kind_are_safe) {
    for (const std::string& serial :
         {std::string(), std::string("a"), std::string("\x01\x1b[2Jx\xff", 7), std::string(20, 'z')}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.serial = serial;
        each.start();
        ASSERT_TRUE(each.disk());
        for (char c : std::string_view(each.disk()->facts().serial))
            EXPECT_TRUE(c >= 0x20 && c < 0x7f);
    }
    // A device that does not know the request, or fails it, is a disk without a serial.
    for (u8 status : {Blk::status_unsupp, Blk::status_ioerr}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.answer = [=](const Blk::Request& request) -> std::optional<u8> {
            return request.type == Blk::type_get_id ? std::optional(status) : std::nullopt;
        };
        each.start();
        ASSERT_TRUE(each.disk());
        EXPECT_EQ(std::string_view(each.disk()->facts().serial), "");
    }
}

// covers: gen.cfg.04, blk.42, blk.04
// The referee reports each access to a field whose feature is not offered.
TEST_P(BlkOnBusEach, fields_without_their_feature_are_not_read) {
    for (unsigned bit :
         {Blk::size_max, Blk::seg_max, Blk::blk_size, Blk::topology, Blk::config_wce, Blk::mq}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.set_size_max(0x1'0000);
        disk.offered.remove(bit);
        each.start();
        EXPECT_EQ(each.state(), State::Running);
    }
}

// covers: blk.13
TEST_P(BlkOnBus, nothing_beyond_the_end_reaches_the_device) {
    Blk& disk = machine.plug_disk(100);
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.forget_requests();
    auto bytes = bytes_of(1024);
    for (u64 block : {u64{99}, u64{100}, u64{101}, ~u64{0}, ~u64{0} - 1, u64{1} << 55, u64{1} << 63})
        for (bool write : {false, true}) {
            auto ended = write ? machine.disk()->write(block, bytes) : machine.disk()->read(block, bytes);
            ASSERT_FALSE(ended) << block;
            EXPECT_EQ(ended.error().code, ErrorCode::OutOfRange) << block;
        }
    EXPECT_TRUE(disk.requests().empty());
    EXPECT_TRUE(reads(98, 1024));
}

// covers: blk.17
TEST_P(BlkOnBus, lengths_that_are_no_whole_blocks_are_refused) {
    Blk& disk = machine.plug_disk();
    disk.set_block_size(4096);
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.forget_requests();
    for (usize length : {1u, 511u, 512u, 4095u, 4097u}) {
        auto bytes = bytes_of(length);
        auto ended = machine.disk()->read(0, bytes);
        ASSERT_FALSE(ended) << length;
        EXPECT_EQ(ended.error().code, ErrorCode::InvalidArgument);
    }
    EXPECT_TRUE(disk.requests().empty());
}

// U-Boot hangs on a count of 0.
TEST_P(BlkOnBus, a_transfer_of_nothing_ends_at_once) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.forget_requests();
    u64 begin = hosted::clock_now();
    (void)machine.disk()->read(0, MutableBytes());
    (void)machine.disk()->write(8192, Bytes());
    (void)machine.disk()->read(std::span<const device::BlockExtent>());
    EXPECT_TRUE(disk.requests().empty());
    EXPECT_LT(hosted::clock_now() - begin, hosted::second);
    EXPECT_TRUE(reads());
}

TEST_P(BlkOnBus, an_empty_disk_is_a_disk_without_blocks) {
    machine.plug_disk(0);
    machine.start();
    if (!machine.disk())
        return; // refused with a warning is as good
    EXPECT_EQ(machine.disk()->facts().block_count, 0u);
    auto bytes = bytes_of(512);
    EXPECT_EQ(machine.disk()->read(0, bytes).error().code, ErrorCode::OutOfRange);
}

// A capacity that is no whole number of blocks: the tail is left out.
TEST_P(BlkOnBus, an_odd_size_is_rounded_down) {
    Blk& disk = machine.plug_disk(8195);
    disk.set_block_size(4096);
    machine.start();
    ASSERT_TRUE(machine.disk());
    EXPECT_EQ(machine.disk()->facts().block_count, 1024u);
    EXPECT_TRUE(reads(1023, 4096));
}

// 3 TiB, and the largest number of bytes that 64 bits can count.
TEST_P(BlkOnBusEach, large_disks) {
    for (u64 sectors : {u64{6} << 30, (u64{1} << 55) - 1}) {
        Machine each(GetParam());
        each.plug_disk(sectors);
        each.start();
        ASSERT_TRUE(each.disk());
        auto bytes = bytes_of(512);
        for (u64 sector : {u64{0}, u64{0x1'0000'0001}, sectors - 1}) {
            ASSERT_TRUE(each.disk()->read(sector, bytes));
            EXPECT_TRUE(has_pattern(bytes, sector));
        }
    }
}

// More sectors than there are bytes in 64 bits: no disk has that.
TEST_P(BlkOnBusEach, a_capacity_that_overflows_is_refused_or_cut) {
    for (u64 sectors : {u64{1} << 55, u64{1} << 63, ~u64{0}}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk(1000);
        disk.set_capacity(sectors);
        each.start();
        if (each.state() != State::Running) {
            EXPECT_FALSE(each.complaints.log().empty());
            continue;
        }
        const auto& facts = each.disk()->facts();
        EXPECT_LE(facts.block_count, ~u64{0} / facts.block_bytes);
    }
}

// covers: blk.43
TEST_P(BlkOnBusEach, senseless_block_sizes_are_replaced) {
    for (u32 size : {0u, 1u, 3u, 511u, 513u, 256u, 0x2'0000u, 0x8000'0000u, 0xffff'ffffu}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.set_block_size(size);
        each.start();
        if (each.state() != State::Running)
            continue;
        u32 used = each.disk()->facts().block_bytes;
        EXPECT_TRUE(std::has_single_bit(used) && used >= 512 && used <= 65536) << size;
        auto bytes = bytes_of(used);
        EXPECT_TRUE(each.disk()->read(0, bytes));
    }
}

// defects-seen.txt; covers: blk.43, blk.44
// A limit of 0 switches the limit off; a limit below a sector leaves no legal request and must
// not loop or divide.
TEST_P(BlkOnBusEach, size_max_zero_and_tiny) {
    for (u32 limit : {0u, 1u, 17u, 511u, 512u, 513u, 4096u, 0xffff'ffffu}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.set_size_max(limit);
        disk.enforce_limits = limit >= 512;
        each.start();
        ASSERT_EQ(each.state(), State::Running) << limit;
        auto bytes = bytes_of(20 * 512);
        auto ended = each.disk()->read(3, bytes);
        if (ended)
            EXPECT_TRUE(has_pattern(bytes, 3)) << limit;
        else
            EXPECT_LT(limit, 512u);
        if (limit == 0 || limit >= 512)
            EXPECT_TRUE(ended) << limit;
    }
}

// covers: blk.43, blk.44
TEST_P(BlkOnBusEach, segment_limits_are_kept) {
    for (u32 segments : {0u, 1u, 2u, 3u, 126u, 0xffff'ffffu})
        for (u32 bytes_each : {512u, 4096u, 0x10'0000u}) {
            Machine each(GetParam());
            Blk& disk = each.plug_disk();
            disk.set_seg_max(segments);
            disk.set_size_max(bytes_each);
            disk.enforce_limits = segments != 0;
            each.start();
            ASSERT_EQ(each.state(), State::Running);
            auto bytes = bytes_of(1024 * 1024);
            ASSERT_TRUE(each.disk()->read(7, bytes)) << segments << " x " << bytes_each;
            EXPECT_TRUE(has_pattern(bytes, 7));
        }
}

// defects-seen.txt; covers: blk.01, blk.03, blk.15, blk.16
TEST_P(BlkOnBus, flush_chain_has_exactly_two_descriptors) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    auto bytes = bytes_of(4096);
    ASSERT_TRUE(machine.disk()->write(0, bytes));
    disk.forget_requests();
    ASSERT_TRUE(machine.disk()->flush());
    ASSERT_EQ(disk.requests().size(), 1u);
    EXPECT_EQ(disk.requests()[0].type, Blk::type_flush);
    EXPECT_EQ(disk.requests()[0].descriptors, 2);
    EXPECT_EQ(disk.requests()[0].sector, 0u);
}

// covers: blk.02
TEST_P(BlkOnBus, without_a_cache_flush_has_nothing_to_do) {
    Blk& disk = machine.plug_disk();
    disk.offered.remove(Blk::flush);
    disk.offered.remove(Blk::config_wce);
    machine.start();
    ASSERT_TRUE(machine.disk());
    EXPECT_FALSE(machine.disk()->facts().has_write_cache);
    EXPECT_TRUE(machine.disk()->flush());
    EXPECT_EQ(disk.count(Blk::type_flush), 0u);
}

// covers: blk.14
TEST_P(BlkOnBus, writes_to_a_read_only_disk_are_refused_here) {
    Blk& disk = machine.plug_disk();
    disk.offered.add(Blk::read_only);
    machine.start();
    ASSERT_TRUE(machine.disk());
    EXPECT_TRUE(machine.disk()->facts().read_only);
    auto bytes = bytes_of(512);
    EXPECT_EQ(machine.disk()->write(0, bytes).error().code, ErrorCode::ReadOnly);
    EXPECT_EQ(disk.count(Blk::type_out), 0u);
    EXPECT_TRUE(reads());
}

// defects-seen.txt; covers: blk.40
TEST_P(BlkOnBus, io_error_is_a_result) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    for (unsigned status : {1u, 2u, 3u, 4u, 127u, 128u, 254u, 255u}) {
        disk.answer = [=](const Blk::Request&) { return std::optional(static_cast<u8>(status)); };
        auto bytes = bytes_of(64 * 512);
        EXPECT_FALSE(machine.disk()->read(0, bytes)) << status;
        EXPECT_FALSE(machine.disk()->write(0, bytes)) << status;
        EXPECT_FALSE(machine.disk()->flush()) << status;
    }
    disk.answer = nullptr;
    EXPECT_TRUE(reads()) << "one failed request does not end the disk's life";
}

// One bad sector among many requests: the call fails, nothing is lost, and the rest of the disk can be read.
TEST_P(BlkOnBus, one_bad_sector_fails_one_transfer) {
    Blk& disk = machine.plug_disk();
    disk.latency = [](u64 n) { return (1 + n % 3) * hosted::millisecond; };
    disk.answer = [](const Blk::Request& r) -> std::optional<u8> {
        bool hit = r.type == Blk::type_in && r.sector <= 4000 && r.sector + r.data_bytes / 512 > 4000;
        return hit ? std::optional(Blk::status_ioerr) : std::nullopt;
    };
    machine.start();
    ASSERT_TRUE(machine.disk());
    auto bytes = bytes_of(8192 * 512);
    auto ended = machine.disk()->read(0, bytes);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::Io);
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    EXPECT_TRUE(reads(4001));
}

// covers: blk.41
TEST_P(BlkOnBus, a_completion_without_a_status_is_a_failure) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    ASSERT_TRUE(reads()); // leaves a good status byte behind, where the next request's lies
    disk.leaves_status_unwritten = true;
    auto bytes = bytes_of(512);
    EXPECT_FALSE(machine.disk()->read(0, bytes));
    EXPECT_FALSE(machine.disk()->write(0, bytes));
    disk.leaves_status_unwritten = false;
    if (machine.state() != State::Running)
        ASSERT_TRUE(machine.manager.rescan());
    EXPECT_TRUE(reads());
}

// covers: blk.41, ring.split.21, ring.split.22
// Status says all is well, but the length does not cover the data: what lies there is not the disk's.
TEST_P(BlkOnModern, a_used_length_that_does_not_cover_the_data_is_a_failure) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    for (u32 written : {0u, 1u, 511u, 512u}) {
        disk.faults.lie = [=](fake::Completion& c) { c.bytes_written = written; };
        auto bytes = bytes_of(512);
        EXPECT_FALSE(machine.disk()->read(0, bytes)) << written;
    }
    disk.faults.lie = nullptr;
    if (machine.state() != State::Running)
        ASSERT_TRUE(machine.manager.rescan());
    EXPECT_TRUE(reads());
}

// covers: blk.legacy.05, ring.legacy.06
TEST_P(BlkOnLegacy, used_lengths_of_legacy_devices_do_not_matter) {
    Blk& disk = machine.plug_disk();
    for (u32 written : {0u, 1u, 513u, 0x10'0000u, 0xffff'ffffu}) {
        disk.faults.lie = [=](fake::Completion& c) { c.bytes_written = written; };
        if (!machine.disk())
            machine.start();
        ASSERT_TRUE(machine.disk());
        EXPECT_TRUE(reads()) << written;
        auto bytes = bytes_of(512);
        EXPECT_TRUE(machine.disk()->write(0, bytes));
    }
}

// covers: blk.legacy.10, ring.legacy.05
// The referee checks the framing of each request.
TEST_P(BlkOnLegacy, framing_without_any_layout) {
    Blk& disk = machine.plug_disk();
    disk.offered.remove(fake::feature::any_layout);
    machine.start();
    ASSERT_TRUE(machine.disk());
    EXPECT_TRUE(reads(0, 100 * 512));
    auto bytes = bytes_of(10 * 512);
    EXPECT_TRUE(machine.disk()->write(0, bytes));
    EXPECT_TRUE(machine.disk()->flush());
}

// covers: gen.cfg.06, gen.cfg.05
TEST_P(BlkOnBusEach, configuration_spaces_of_other_sizes) {
    // Far larger than what the standard describes: no reason to complain.
    {
        Machine each(GetParam());
        auto disk = std::make_unique<Blk>("large", std::make_unique<fake::MemoryDisk>(8192, true));
        disk->config().resize(is_mmio(GetParam()) ? 0x100 : 0x400);
        if (GetParam() == Bus::PciLegacy)
            disk->config().resize(0x80 - 20);
        each.plug(std::move(disk));
        each.start();
        EXPECT_EQ(each.state(), State::Running);
    }
    // Only capacity, and nothing offered beyond it.
    {
        Machine each(GetParam());
        auto disk = std::make_unique<Blk>("small", std::make_unique<fake::MemoryDisk>(8192, true));
        disk->config().resize(8);
        disk->offered = {};
        disk->offered.set(fake::feature::version_1, !is_legacy(GetParam()));
        each.plug(std::move(disk));
        each.start();
        EXPECT_EQ(each.state(), State::Running);
        auto bytes = bytes_of(512);
        EXPECT_TRUE(each.disk() && each.disk()->read(0, bytes));
    }
}

// covers: gen.cfg.06
// Too short for what it offers: on PCI the length is known, and the device is refused or driven without.
TEST(BlkConfig, a_configuration_space_too_short_for_the_capacity_fails_cleanly) {
    for (u32 bytes : {0u, 4u}) {
        Machine machine(Bus::Pci);
        auto disk = std::make_unique<Blk>("short", std::make_unique<fake::MemoryDisk>(8192));
        disk->config().resize(bytes);
        machine.plug(std::move(disk));
        machine.plug_disk();
        machine.start();
        EXPECT_NE(machine.state(0), State::Running);
        EXPECT_FALSE(machine.complaints.log().empty());
        EXPECT_EQ(machine.state(1), State::Running);
    }
}

// The device is kept busy: a large transfer has many requests in flight, and one notification for a batch.
TEST_P(BlkOnBus, large_transfers_keep_the_queue_full) {
    Blk& disk = machine.plug_disk(65536);
    disk.set_size_max(65536);
    disk.set_seg_max(2);
    disk.latency = [](u64) { return hosted::millisecond; };
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.forget_requests();
    u64 kicks = disk.queue(0).notifications;
    u64 begin = hosted::clock_now();
    auto bytes = bytes_of(16 << 20);
    ASSERT_TRUE(machine.disk()->read(0, bytes));
    EXPECT_TRUE(has_pattern(bytes, 0));
    u64 requests = disk.requests().size();
    EXPECT_GE(requests, 128u);
    EXPECT_LT(disk.queue(0).notifications - kicks, requests);
    // One after the other would take a millisecond for each.
    EXPECT_LT(hosted::clock_now() - begin, requests * hosted::millisecond / 8);
}

// Many requests in flight when the device is given up, for each of the reasons that there are:
// all of them end.
TEST_P(BlkOnBus, every_request_in_flight_ends_when_the_disk_is_given_up) {
    Blk& disk = machine.plug_disk();
    disk.set_size_max(4096);
    disk.set_seg_max(1);
    machine.start();
    ASSERT_TRUE(machine.disk());
    std::function<void()> reasons[] = {
        [] {}, // none but the deadline
        [&] { machine.loop.request_interrupt(); },
        [&] { disk.need_reset(); },
        [&] { disk.queue(0).ring->give_back(0xffff'ffff, 0); },
    };
    for (auto& reason : reasons) {
        u64 before = disk.buffers_taken();
        disk.faults.never_completes = true;
        u64 event = hosted::schedule(100 * hosted::millisecond, reason);
        auto bytes = bytes_of(2 << 20);
        EXPECT_FALSE(machine.disk()->read(0, bytes));
        hosted::cancel(event);
        EXPECT_GT(disk.buffers_taken() - before, 8u);
        auto at_end = bytes;
        disk.faults.never_completes = false;
        disk.finish_held(); // late
        if (machine.state() != State::Running)
            ASSERT_TRUE(machine.manager.rescan());
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
        EXPECT_TRUE(bytes == at_end);
        EXPECT_TRUE(reads(0, 2 << 20));
    }
}

// covers: ring.split.05
// Payload goes straight to the caller's memory: the device gets as few, large pieces as the limits allow.
TEST_P(BlkOnBus, neighbouring_extents_become_one_request) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.forget_requests();
    auto a = bytes_of(4096);
    auto b = bytes_of(8192);
    auto c = bytes_of(512);
    device::BlockExtent extents[] = {{100, a.data(), 4096}, {108, b.data(), 8192}, {5000, c.data(), 512}};
    ASSERT_TRUE(machine.disk()->read(extents));
    EXPECT_TRUE(has_pattern(a, 100) && has_pattern(b, 108) && has_pattern(c, 5000));
    EXPECT_LE(disk.requests().size(), 3u);
    EXPECT_GE(disk.requests().size(), 2u);
    for (const Blk::Request& request : disk.requests())
        EXPECT_LE(request.descriptors, 4);
    disk.forget_requests();
    auto large = bytes_of(1 << 20);
    ASSERT_TRUE(machine.disk()->read(0, large));
    u64 descriptors = 0;
    for (const Blk::Request& request : disk.requests())
        descriptors += request.descriptors;
    EXPECT_LE(descriptors, 32u);
}

// covers: blk.12, gen.confnotif.02
TEST_P(BlkOnBus, a_change_of_capacity_is_noticed) {
    Blk& disk = machine.plug_disk(8192);
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.resize(4096); // shrinks under our feet
    ASSERT_TRUE(machine.manager.rescan());
    for (int i = 0; i < 3; ++i)
        machine.loop.poll_once();
    EXPECT_EQ(machine.disk()->facts().block_count, 4096u);
    auto bytes = bytes_of(512);
    EXPECT_EQ(machine.disk()->read(4096, bytes).error().code, ErrorCode::OutOfRange);
    EXPECT_TRUE(reads(4095));
}

} // namespace
} // namespace vireo::test
