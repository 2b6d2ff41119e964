// SPDX-License-Identifier: Apache-2.0
// What a device may still touch after its request was given up, as firmware keeps it: heap blocks
// and RAM of the user's.
#include "machine/firmware/memory_custodian.h"

#include "unit/shell/machine_shell.h"

#include <regex>

namespace vireo::test {
namespace {

using State = virtio::Session::State;

// Heap, map and custodian as in the firmware; the fakes' DMA back end tells it what it was told.
class Custody : public OnBus {
  protected:
    Custody() {
        heap.initialise(pool.data(), pool.size());
        dma::set_custodian(&custodian);
    }
    ~Custody() override { dma::set_custodian(nullptr); }

    static u64 address(const void* memory) { return reinterpret_cast<uptr>(memory); }
    bool is_free(const std::vector<std::byte>& bytes) const {
        return memory.check_writable(address(bytes.data()), bytes.size()).has_value();
    }

    std::vector<std::byte> pool = bytes_of(1 << 20);
    std::vector<std::byte> user = bytes_of(1 << 20);
    Heap heap;
    system::MemoryMap memory;
    machine::MemoryCustodian custodian{heap, memory};
};
INSTANTIATE_TEST_SUITE_P(All, Custody, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Rings, Custody, on(ring_variants), bus_name);

TEST_P(Custody, memory_of_a_given_up_transfer_is_nobodys_until_the_disk_answers) {
    ASSERT_TRUE(memory.add_ram(address(user.data()), user.size()));
    fake::Blk& disk = machine.plug_disk();
    machine.start();
    disk.faults.never_completes = true;
    for (bool writes : {false, true}) {
        hosted::schedule(100 * hosted::millisecond, [&] { machine.loop.request_interrupt(); });
        auto ended = writes ? machine.disk()->write(0, user) : machine.disk()->read(0, user);
        EXPECT_EQ(ended.error().code, ErrorCode::Interrupted);
        EXPECT_FALSE(is_free(user));
        ASSERT_EQ(memory.reservations().size(), 1u);
        EXPECT_EQ(memory.reservations()[0].base, address(user.data()));
        EXPECT_STREQ(memory.reservations()[0].owner, "unfinished disk requests");
        disk.finish_held();
        machine.loop.poll_once();
        EXPECT_TRUE(is_free(user));
        EXPECT_TRUE(memory.reservations().empty());
        ASSERT_TRUE(machine.disk()->ready());
    }
}

TEST_P(Custody, a_heap_block_is_not_reused_until_the_disk_answers) {
    fake::Blk& disk = machine.plug_disk();
    machine.start();
    usize before = heap.bytes_free();
    auto* block = static_cast<std::byte*>(heap.allocate(64 * 1024, 16));
    disk.faults.never_completes = true;
    hosted::schedule(100 * hosted::millisecond, [&] { machine.loop.request_interrupt(); });
    EXPECT_FALSE(machine.disk()->read(0, {block, 64 * 1024}));
    heap.free(block);
    EXPECT_LT(heap.bytes_free(), before);
    EXPECT_EQ(heap.allocate(1000 * 1024, 16), nullptr);
    EXPECT_TRUE(memory.reservations().empty());
    disk.faults.never_completes = false;
    disk.finish_held();
    ASSERT_TRUE(machine.disk()->ready());
    EXPECT_EQ(heap.bytes_free(), before);
}

TEST_P(Custody, a_confirmed_reset_gives_everything_back) {
    fake::Blk& disk = machine.plug_disk();
    machine.start();
    usize before = heap.bytes_free();
    auto* block = static_cast<std::byte*>(heap.allocate(4096, 16));
    disk.faults.never_completes = true;
    EXPECT_FALSE(machine.disk()->read(0, {block, 4096}));
    heap.free(block);
    EXPECT_LT(heap.bytes_free(), before);
    ASSERT_TRUE(machine.manager.reset(0));
    EXPECT_EQ(heap.bytes_free(), before);
    EXPECT_FALSE(machine.disk()->write(0, user));
    EXPECT_EQ(memory.reservations().size(), 1u);
    (void)machine.manager.quiesce_all();
    EXPECT_TRUE(memory.reservations().empty());
}

// And without a confirmation nobody is ever given it.
TEST_P(Custody, without_a_confirmed_reset_it_is_kept) {
    machine.complaints.check_leaks = false;
    fake::Blk& disk = machine.plug_disk();
    machine.start();
    disk.faults.never_completes = true;
    EXPECT_FALSE(machine.disk()->read(0, user));
    disk.faults.reset_never_ends = true;
    EXPECT_FALSE(machine.manager.reset(0));
    EXPECT_EQ(machine.state(), State::Broken);
    EXPECT_EQ(memory.reservations().size(), 1u);
}

// A transfer that simply fails, or ends, keeps nothing.
TEST_P(Custody, a_transfer_that_ends_is_not_kept) {
    fake::Blk& disk = machine.plug_disk();
    machine.start();
    disk.answer = [](const fake::Blk::Request& request) {
        return request.sector == 0 ? std::optional(fake::Blk::status_ioerr) : std::nullopt;
    };
    EXPECT_FALSE(machine.disk()->read(0, user));
    EXPECT_TRUE(machine.disk()->read(1, MutableBytes(user).first(512)));
    EXPECT_TRUE(memory.reservations().empty());
}

TEST(MemoryCustodian, ranges_of_the_heap_that_are_no_block_are_left_alone) {
    auto pool = bytes_of(1 << 16);
    Heap heap;
    heap.initialise(pool.data(), pool.size());
    system::MemoryMap memory;
    machine::MemoryCustodian custodian(heap, memory);
    auto* first = static_cast<std::byte*>(heap.allocate(1000, 16));
    heap.allocate(1000, 16);
    EXPECT_FALSE(
        custodian.keep({first, 1500})); // two blocks: named by a user who writes Vireo's own memory to a disk
    EXPECT_TRUE(memory.reservations().empty());
    // Across the heap's end: RAM that is not the heap's is kept.
    EXPECT_TRUE(custodian.keep({pool.data() + pool.size() - 64, 4096}));
    EXPECT_EQ(memory.reservations().size(), 1u);
    custodian.give_back({pool.data() + pool.size() - 64, 4096});
    EXPECT_TRUE(memory.reservations().empty());
}

// --- at the prompt ---------------------------------------------------------------------------------------------

// User memory of the shell's test board is not where its addresses say, so the custodian is
// told of the difference.
class Prompt : public MachineShell, public dma::Custodian {
  protected:
    void start() {
        MachineShell::start();
        dma::set_custodian(this);
    }
    ~Prompt() override {
        context.reset();
        (void)machine.manager.quiesce_all();
        dma::set_custodian(nullptr);
    }
    u64 user_address(Bytes bytes) {
        return ScriptedMachine::base + static_cast<u64>(bytes.data() - board.memory(ScriptedMachine::base));
    }
    bool keep(Bytes bytes) override {
        memory.hold(user_address(bytes), bytes.size());
        return true;
    }
    void give_back(Bytes bytes) override { memory.let_go(user_address(bytes), bytes.size()); }

    // A read that ends on Ctrl-C.
    std::string interrupted_read() {
        port.type_later(event::Duration::seconds(1), "\x03");
        return run("virtio read 40000000 0 100");
    }
};
INSTANTIATE_TEST_SUITE_P(All, Prompt, on(all_buses), bus_name);

TEST_P(Prompt, the_whole_story_of_a_disk_that_hangs) {
    fake::Blk& disk = machine.plug_disk();
    machine.plug_disk();
    start();
    disk.faults.never_completes = true;
    EXPECT_NE(interrupted_read().find("0 blocks read: ERROR: interrupted (Ctrl-C)"), std::string::npos);

    // Its memory is refused, other memory and the other disk are not.
    EXPECT_EQ(run("virtio device 1; virtio read 40000100 0 1").substr(0, 9), "\nDevice 1");
    EXPECT_EQ(run("virtio read 40000100 0 1"),
              "\nvirtio read: device 1 block # 0, count 1 ... 0 blocks read: ERROR: 0x40000100..0x400002ff "
              "is not free: "
              "0x40000000..0x4001ffff belongs to unfinished disk requests\n");
    EXPECT_NE(run("mw.b 4001ffff 0 1").find("belongs to unfinished disk requests"), std::string::npos);
    EXPECT_NE(run("bdinfo").find("0x0000000040000000..0x000000004001ffff unfinished disk requests"),
              std::string::npos);
    EXPECT_NE(run("virtio read 40020000 9 100").find("256 blocks read: OK"), std::string::npos);
    EXPECT_TRUE(has_pattern({board.memory(0x40020000), 256 * 512}, 9));

    // The disk itself is named, with what it holds.
    u64 begin = hosted::clock_now();
    std::string text = run("virtio device 0; virtio read 40000000 0 100");
    EXPECT_TRUE(
        std::regex_search(text, std::regex("ERROR: timed out \\(device does not answer, it holds [1-9][0-9]* "
                                           "requests?\\)\n$")))
        << text;
    EXPECT_LT(hosted::clock_now() - begin, 4 * hosted::second);
    EXPECT_NE(run("virtio list").find("state set aside: does not answer"), std::string::npos);

    // And works, at the same place, when it answers again.
    disk.faults.never_completes = false;
    hosted::schedule(hosted::second, [&] { disk.finish_held(); });
    EXPECT_EQ(run("virtio read 40000000 0 100"),
              "\nvirtio read: device 0 block # 0, count 256 ... 256 blocks read: OK\n");
    EXPECT_TRUE(has_pattern({board.memory(0x40000000), 256 * 512}, 0));
    EXPECT_EQ(run("bdinfo").find("unfinished"), std::string::npos);
}

TEST_P(Prompt, reset_takes_a_disk_back_that_lost_its_requests) {
    fake::Blk& disk = machine.plug_disk();
    start();
    disk.faults.never_completes = true;
    interrupted_read();
    disk.faults.never_completes = false;
    EXPECT_EQ(run("virtio reset 0; echo $?"), "0\n");
    EXPECT_NE(run("virtio read 40000000 0 100").find("256 blocks read: OK"), std::string::npos);
    EXPECT_EQ(run("virtio reset 7"), "virtio reset: not found (no such VirtIO device)\n");
    EXPECT_NE(run("virtio reset").find("Usage:"), std::string::npos);
}

} // namespace
} // namespace vireo::test
