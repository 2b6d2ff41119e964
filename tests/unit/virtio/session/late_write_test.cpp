// SPDX-License-Identifier: Apache-2.0
// However a device is given up: unless it has confirmed a reset, nobody is given what it may still
// write to (docs/decisions/0040). Here devices work on the program's own bytes, as in the firmware,
// and write when it hurts.
#include "machine/firmware/memory_custodian.h"
#include "unit/shell/machine_shell.h"
#include "unit/support/net_bench.h"

namespace vireo::test {
namespace {

using State = virtio::Session::State;
namespace feature = fake::feature;

// Ways in which an operation of a device ends that does not confirm its reset.
enum class Path : u8 {
    Lie,
    Recovery,
    Gone,
    ForgetsItself,
    ResetOnRequest,
    HandOver,
    QueueReset,
    FailedStart
};
constexpr Path all_paths[] = {Path::Lie,           Path::Recovery,       Path::Gone,
                              Path::ForgetsItself, Path::ResetOnRequest, Path::HandOver,
                              Path::QueueReset,    Path::FailedStart};
constexpr const char* names[] = {"Lie",      "Recovery",   "Gone",       "ForgetsItself", "ResetOnRequest",
                                 "HandOver", "QueueReset", "FailedStart"};

using Way = std::tuple<Bus, Path>;
std::string way_name(const testing::TestParamInfo<Way>& info) {
    return name_of(std::get<Bus>(info.param)) + names[static_cast<usize>(std::get<Path>(info.param))];
}

class LateWrites : public testing::TestWithParam<Way> {
  protected:
    LateWrites() {
        heap.initialise(pool.data(), pool.size());
        hosted::DmaArena::instance().work_in_place();
        dma::set_custodian(&custodian);
        machine.complaints.check_leaks = false;
    }
    ~LateWrites() override {
        (void)machine.manager.quiesce_all();
        dma::set_custodian(nullptr);
    }
    static Bus bus() { return std::get<Bus>(GetParam()); }
    static Path path() { return std::get<Path>(GetParam()); }
    bool applies() const { return path() != Path::QueueReset || !is_legacy(bus()); }

    // Before anything is asked of it.
    void arrange(fake::Device& device) {
        if (path() == Path::QueueReset) {
            ASSERT_TRUE(machine.manager.wish(0, "ring_reset", system::FeatureWish::On));
            ASSERT_TRUE(machine.manager.rescan());
        }
        device.faults.never_completes = true;
        device.faults.reset_never_ends = path() != Path::FailedStart;
        device.faults.queue_reset_never_ends = true;
    }
    // While it works on something.
    void strike(fake::Device& device) {
        switch (path()) {
        case Path::Lie:
            device.faults.lie = [](fake::Completion& done) { done.id = 0x7000; };
            return finish_one(device);
        case Path::Recovery:
            return device.need_reset();
        case Path::Gone:
            device.faults.gone = true;
            return;
        case Path::ForgetsItself:
            device.forget_itself();
            return;
        case Path::FailedStart: // it confirms the reset, and goes when the driver has given it requests again
            device.faults.goes_before_driver_ok = true;
            return device.need_reset();
        case Path::ResetOnRequest:
        case Path::HandOver:
        case Path::QueueReset:
            return machine.loop.request_interrupt();
        }
    }
    // What a user does with one that was set aside.
    void insist() {
        if (path() == Path::ResetOnRequest)
            EXPECT_FALSE(machine.manager.reset(0));
        if (path() == Path::HandOver)
            EXPECT_EQ(machine.manager.quiesce_all().error().code, ErrorCode::DeviceBroken);
    }
    bool is_kept(const std::vector<std::byte>& bytes) const {
        return !memory.check_writable(reinterpret_cast<uptr>(bytes.data()), bytes.size());
    }
    static bool holds_only(Bytes bytes, int value) {
        return std::ranges::all_of(bytes, [&](std::byte b) { return b == static_cast<std::byte>(value); });
    }
    static usize open_shares() { return hosted::DmaArena::instance().open_shares(); }

    std::vector<std::byte> pool = bytes_of(1 << 20);
    std::vector<std::byte> user = bytes_of(1 << 18, 0x11);
    Heap heap;
    system::MemoryMap memory;
    machine::MemoryCustodian custodian{heap, memory};
    Machine machine{bus()};

  private:
    static void finish_one(fake::Device& device) {
        device.faults.never_completes = false;
        device.finish_first();
        device.faults.never_completes = true;
    }
};
INSTANTIATE_TEST_SUITE_P(All, LateWrites, testing::Combine(on(all_buses), testing::ValuesIn(all_paths)),
                         way_name);
INSTANTIATE_TEST_SUITE_P(Packed, LateWrites, testing::Combine(on(packed_buses), testing::ValuesIn(all_paths)),
                         way_name);
INSTANTIATE_TEST_SUITE_P(Rings, LateWrites, testing::Combine(on(ring_variants), testing::ValuesIn(all_paths)),
                         way_name);

TEST_P(LateWrites, what_a_disk_may_still_write_to_is_given_to_nobody) {
    if (!applies())
        return;
    ASSERT_TRUE(memory.add_ram(reinterpret_cast<uptr>(user.data()), user.size()));
    fake::Blk& disk = machine.plug_disk();
    disk.set_seg_max(1); // several requests
    disk.set_size_max(65536);
    disk.offered.set(feature::ring_reset, !is_legacy(bus()));
    machine.start();
    arrange(disk);
    usize before = heap.bytes_free();

    // Into a block of the heap, which is free then: so it looks to its owner.
    constexpr usize size = 256 * 1024;
    auto* block = static_cast<std::byte*>(heap.allocate(size, 16));
    hosted::schedule(10 * hosted::millisecond, [&] { strike(disk); });
    EXPECT_FALSE(machine.disk()->read(0, {block, size}));
    EXPECT_EQ(open_shares(), 0u);
    insist();
    EXPECT_EQ(open_shares(), 0u);
    heap.free(block);
    auto* next = static_cast<std::byte*>(heap.allocate(size, 16));
    ASSERT_TRUE(next);
    std::memset(next, 0x55, size);
    disk.write_late();
    EXPECT_TRUE(holds_only({next, size}, 0x55)) << "the next owner's bytes";
    heap.free(next);
    EXPECT_LT(heap.bytes_free(), before);

    // Until a reset is confirmed, whenever that is; but of one that was gone, nobody knows.
    disk.faults = {};
    ASSERT_TRUE(machine.manager.rescan());
    ASSERT_EQ(machine.state(), State::Running);
    bool was_gone = path() == Path::Gone;
    EXPECT_EQ(heap.bytes_free() == before, !was_gone);

    // The same for RAM that a user named: no command is given it.
    arrange(disk);
    hosted::schedule(10 * hosted::millisecond, [&] { strike(disk); });
    EXPECT_FALSE(machine.disk()->write(0, user));
    insist();
    EXPECT_EQ(open_shares(), 0u);
    EXPECT_TRUE(is_kept(user));
    disk.write_late();
    EXPECT_TRUE(holds_only(user, 0x11));
    disk.faults = {};
    ASSERT_TRUE(machine.manager.rescan());
    EXPECT_EQ(is_kept(user), was_gone);
}

// A driver's own buffers: made and owned by itself, not by the session.
TEST_P(LateWrites, receive_buffers_of_a_card_are_kept) {
    if (!applies() || bus().rings.queues > 1)
        return;
    fake::Net& card = plug_card(machine);
    card.offered.set(feature::ring_reset, !is_legacy(bus()));
    machine.start();
    device::NetDevice* net = machine.registry.net.find(0);
    ASSERT_TRUE(net);
    arrange(card);
    Peer peer(*net);
    ASSERT_TRUE(peer.send(frame_of(60)));
    turn(machine);
    usize reservations = memory.reservations().size();
    if (path() == Path::QueueReset) {
        machine.session().restart(error(ErrorCode::Interrupted, "test"));
    } else if (path() != Path::ResetOnRequest && path() != Path::HandOver) {
        strike(card);
        ASSERT_TRUE(machine.loop.sleep(event::Duration::seconds(20)));
    }
    insist();
    ASSERT_EQ(net->usable().error().code, ErrorCode::DeviceBroken);
    EXPECT_EQ(open_shares(), 0u);
    EXPECT_EQ(peer.waiting(), 0u) << "its sender has it back";
    EXPECT_GT(memory.reservations().size(), reservations);
    card.write_late(); // the pool is still there
    card.faults = {};
    ASSERT_TRUE(machine.manager.rescan());
    EXPECT_EQ(machine.state(), State::Running);
    peer.stop();
}

// What the session shares for a driver.
TEST_P(LateWrites, shared_memory_is_kept) {
    if (!applies() || bus().rings.queues > 1)
        return;
    fake::Rng& rng = machine.plug_rng();
    rng.offered.set(feature::ring_reset, !is_legacy(bus()));
    machine.start();
    arrange(rng);
    auto bytes = bytes_of(16, 0);
    hosted::schedule(10 * hosted::millisecond, [&] { strike(rng); });
    EXPECT_FALSE(machine.entropy()->read(bytes));
    insist();
    rng.write_late(); // the arena would complain
    EXPECT_TRUE(holds_only(bytes, 0));
    rng.faults = {};
    ASSERT_TRUE(machine.manager.rescan());
    EXPECT_TRUE(machine.entropy()->read(bytes));
}

// --- the hand-over -------------------------------------------------------------------------------------------

using HandOver = MachineShell;
INSTANTIATE_TEST_SUITE_P(All, HandOver, on(all_buses), bus_name);

TEST_P(HandOver, no_program_is_started_into_memory_that_a_device_may_write_to) {
    machine.complaints.check_leaks = false;
    fake::Blk& disk = machine.plug_disk();
    start();
    disk.faults.reset_never_ends = true;
    std::string text = run("go 40000000; echo $?");
    EXPECT_EQ(text, "go: device broken (a device may still write to memory)\n1\n");
    EXPECT_NE(machine.complaints.log().find("device does not confirm its reset"), std::string::npos);
    EXPECT_EQ(board.called, "");
    EXPECT_NE(run("virtio list").find("until the device confirms a reset"), std::string::npos);
    disk.faults.reset_never_ends = false;
    EXPECT_NE(run("go 40000000").find("## Application terminated"), std::string::npos);
    EXPECT_NE(run("virtio read 40000000 0 100").find("256 blocks read: OK"), std::string::npos);
}

// One that never was given any memory is no danger: it did not come up.
TEST_P(HandOver, a_device_that_was_given_nothing_does_not_hold_a_program_up) {
    fake::Blk& disk = machine.plug_disk();
    disk.faults.reset_never_ends = true;
    start();
    EXPECT_NE(run("go 40000000").find("## Application terminated"), std::string::npos);
    disk.faults.reset_never_ends = false;
}

} // namespace
} // namespace vireo::test
