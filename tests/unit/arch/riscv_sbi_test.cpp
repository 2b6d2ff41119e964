// SPDX-License-Identifier: Apache-2.0
// The resident SBI as supervisor mode sees it, on harts that are numbers in memory: each call with the last
// value that is allowed, and the first that is not.
#include "arch/riscv/sbi/service.h"

#include <deque>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace vireo::test {
namespace {

namespace sbi = arch::riscv::sbi;
using sbi::Call;
using sbi::Code;
using sbi::Description;
using sbi::Hart;
using sbi::HartState;
using sbi::Reply;

constexpr uptr block = VIREO_SBI_BLOCK;
constexpr uptr block_end = block + VIREO_SBI_BLOCK_BYTES;
constexpr uptr all = ~uptr{0};

struct FakeHardware {
    unsigned fences = 0;
    unsigned waits = 0;
    std::vector<u32> interrupted;
    std::function<void(u32 id)> on_interrupt = [](u32) {};
    std::function<void()> on_wait = [] {};
    std::function<void()> on_fence = [] {};
    std::vector<std::pair<bool, u64>> timers;
    std::map<uptr, u8> memory; // what is not there does not answer
    std::string sent;
    uptr room = 1000;
    std::deque<u8> received;
    std::vector<Description::Register> written;

    void fence() {
        ++fences;
        on_fence();
    }
    void interrupt(const Description::Hart& hart) {
        interrupted.push_back(hart.id);
        on_interrupt(hart.id);
    }
    void set_timer(const Description::Hart&, bool by_register, u64 when) {
        timers.emplace_back(by_register, when);
    }
    void wait() {
        ++waits;
        on_wait();
    }
    bool read(uptr address, u8& byte) {
        EXPECT_TRUE(address < block || address >= block_end);
        auto found = memory.find(address);
        if (found == memory.end())
            return false;
        byte = found->second;
        return true;
    }
    bool write(uptr address, u8 byte) {
        EXPECT_TRUE(address < block || address >= block_end);
        auto found = memory.find(address);
        if (found == memory.end())
            return false;
        found->second = byte;
        return true;
    }
    bool can_send(uptr) { return room > 0; }
    void send(uptr, u8 byte) {
        --room;
        sent += static_cast<char>(byte);
    }
    bool receive(uptr, u8& byte) {
        if (received.empty())
            return false;
        byte = received.front();
        received.pop_front();
        return true;
    }
    void set(const Description::Register& how) { written.push_back(how); }
    uptr vendor() { return 0x11; }
    uptr architecture() { return 0x22; }
    uptr implementation() { return 0x33; }
};

// Harts 0 and 1 run, 5 is stopped, 70 has never come. Hart 0 calls.
class Sbi : public testing::Test {
  protected:
    Sbi() {
        for (u32 id : {0u, 1u, 5u, 70u})
            machine.harts[machine.hart_count++] = {id, 0, 0x2000000 + 4 * uptr{id}, 0x2004000 + 8 * uptr{id}};
        machine.console = 0x10000000;
        machine.power_off = {0x100000, 0x5555};
        machine.restart = {0x100000, 0x7777};
        harts[2].state = HartState::Stopped;
        harts[3].state = HartState::Absent;
    }
    Reply call(uptr extension, uptr function, uptr a0 = 0, uptr a1 = 0, uptr a2 = 0) {
        return sbi::Service<FakeHardware>(machine, harts, hardware, 0)
            .answer({extension, function, a0, a1, a2, 0, 0});
    }
    sbi::Harts<FakeHardware> all_harts() { return {machine, harts, hardware}; }
    // Harts that run serve what they are asked for as soon as they are interrupted.
    void let_harts_serve() {
        hardware.on_interrupt = [this](u32 id) {
            for (u32 i = 1; i < machine.hart_count; ++i)
                if (machine.harts[i].id == id && harts[i].state == HartState::Started)
                    (void)all_harts().take_requests(i);
        };
    }

    Description machine{};
    Hart harts[Description::max_harts]{};
    FakeHardware hardware;
};

void expect(const Reply& reply, Code code, uptr value = 0) {
    EXPECT_EQ(reply.code, code);
    EXPECT_EQ(reply.value, value);
    EXPECT_FALSE(reply.stops);
}

TEST_F(Sbi, says_what_it_is) {
    expect(call(0x10, 0), Code::Success, 0x2000000);
    EXPECT_NE(call(0x10, 1).value, 1u) << "that is OpenSBI";
    expect(call(0x10, 2), Code::Success, 1);
    expect(call(0x10, 4), Code::Success, 0x11);
    expect(call(0x10, 5), Code::Success, 0x22);
    expect(call(0x10, 6), Code::Success, 0x33);
    for (uptr extension : {0x10u, 0x54494d45u, 0x735049u, 0x52464e43u, 0x48534du, 0x53525354u, 0x4442434eu})
        expect(call(0x10, 3, extension), Code::Success, 1);
    // Of SBI 0.1; PMU, SUSP, CPPC; none at all.
    for (uptr extension :
         {uptr{0}, uptr{1}, uptr{8}, uptr{0x504d55}, uptr{0x53555350}, uptr{0x43505043}, all})
        expect(call(0x10, 3, extension), Code::Success, 0);
}

TEST_F(Sbi, what_it_does_not_know_is_not_supported) {
    std::map<uptr, uptr> functions = {{0x10, 7},     {0x54494d45, 1}, {0x735049, 1},  {0x52464e43, 3},
                                      {0x48534d, 4}, {0x53525354, 1}, {0x4442434e, 3}};
    for (auto [extension, first_unknown] : functions)
        for (uptr function : {first_unknown, first_unknown + 1, all})
            expect(call(extension, function), Code::NotSupported);
    for (uptr extension : {uptr{0}, uptr{1}, uptr{8}, uptr{0xf}, uptr{0x11}, uptr{0x504d55}, all})
        for (uptr function : {uptr{0}, uptr{1}, all})
            expect(call(extension, function), Code::NotSupported);
    EXPECT_TRUE(hardware.interrupted.empty());
    EXPECT_TRUE(hardware.written.empty());
}

TEST_F(Sbi, sets_the_timer_of_the_hart_that_calls) {
    expect(call(0x54494d45, 0, 0x123456789a), Code::Success);
    harts[0].has_timer_register = true;
    expect(call(0x54494d45, 0, all), Code::Success);
    EXPECT_EQ(hardware.timers, (std::vector<std::pair<bool, u64>>{{false, 0x123456789a}, {true, ~u64{0}}}));
}

TEST_F(Sbi, signals_harts_that_run) {
    expect(call(0x735049, 0, 0b100011, 0), Code::Success);
    EXPECT_EQ(hardware.interrupted, (std::vector<u32>{0, 1}));
    EXPECT_TRUE(all_harts().take_requests(1));
    EXPECT_FALSE(all_harts().take_requests(1)) << "once";
    expect(call(0x735049, 0, 0, all), Code::Success);
    EXPECT_EQ(hardware.interrupted, (std::vector<u32>{0, 1, 0, 1}));
    expect(call(0x735049, 0, 0b10001, 1), Code::Success); // 1 and 5
    EXPECT_EQ(hardware.interrupted.size(), 5u);
}

TEST_F(Sbi, a_mask_that_names_an_absent_hart_is_refused_before_anything_is_done) {
    for (uptr extension : {0x735049u, 0x52464e43u}) {
        expect(call(extension, 0, 0b101, 0), Code::InvalidParam); // 2 is none
        expect(call(extension, 0, 1, 70), Code::InvalidParam);    // is listed, and never came
        expect(call(extension, 0, 1, 71), Code::InvalidParam);
        expect(call(extension, 0, uptr{1} << 63, 0), Code::InvalidParam); // the last bit
        expect(call(extension, 0, 1, all - 1), Code::InvalidParam);
        expect(call(extension, 0, 0b11, all - 1), Code::InvalidParam); // past the last number
        expect(call(extension, 0, 0, 71), Code::Success);              // nobody is named
    }
    EXPECT_TRUE(hardware.interrupted.empty());
    EXPECT_EQ(hardware.fences, 0u);
}

TEST_F(Sbi, fences_wait_for_harts_that_run_and_for_no_other) {
    let_harts_serve();
    for (uptr function : {0u, 1u, 2u}) {
        unsigned before = hardware.fences;
        expect(call(0x52464e43, function, 0b100011, 0), Code::Success);
        EXPECT_EQ(hardware.fences, before + 2) << "hart 1 and our own";
    }
    hardware.on_interrupt = [](u32) {};
    expect(call(0x52464e43, 1, 0b100000, 0), Code::Success); // stopped: it would never answer
    EXPECT_EQ(hardware.interrupted, (std::vector<u32>{1, 1, 1}));
}

TEST_F(Sbi, a_hart_that_stops_while_others_wait_for_it_is_not_waited_for) {
    hardware.on_interrupt = [this](u32) { harts[1].state = HartState::StopPending; };
    expect(call(0x52464e43, 1, 0b10, 0), Code::Success);
    EXPECT_EQ(hardware.fences, 0u);
}

TEST_F(Sbi, who_waits_for_a_fence_does_what_others_wait_for) {
    // Hart 1 has asked us, and answers only when we have.
    harts[0].fences_wanted = 1;
    hardware.on_fence = [this] {
        if (harts[1].fences_wanted == 1)
            harts[1].fences_done = 1;
    };
    expect(call(0x52464e43, 0, 0b10, 0), Code::Success);
    EXPECT_EQ(harts[0].fences_done, 1u);
    EXPECT_EQ(hardware.fences, 1u);
}

TEST_F(Sbi, counts_of_fences_wrap) {
    let_harts_serve();
    harts[1].fences_wanted = harts[1].fences_done = ~u32{0};
    expect(call(0x52464e43, 0, 0b10, 0), Code::Success);
    EXPECT_EQ(harts[1].fences_wanted, 0u);
    EXPECT_EQ(harts[1].fences_done, 0u);
}

TEST_F(Sbi, starts_a_stopped_hart_once) {
    expect(call(0x48534d, 2, 5), Code::Success, 1);
    expect(call(0x48534d, 0, 5, 0x80200000, 0x1234), Code::Success);
    EXPECT_EQ(hardware.interrupted, (std::vector<u32>{5}));
    expect(call(0x48534d, 2, 5), Code::Success, 2);
    expect(call(0x48534d, 0, 5, 0x80200000), Code::AlreadyAvailable);
    // What was asked of it meanwhile is done before it runs.
    expect(call(0x52464e43, 0, 0b100000, 0), Code::Success);
    harts[2].is_signalled = 1;
    unsigned before = hardware.fences;
    EXPECT_TRUE(all_harts().take_start(2));
    EXPECT_EQ(hardware.fences, before + 1);
    EXPECT_FALSE(all_harts().take_requests(2));
    EXPECT_EQ(harts[2].start, 0x80200000u);
    EXPECT_EQ(harts[2].argument, 0x1234u);
    EXPECT_FALSE(all_harts().take_start(2));
    expect(call(0x48534d, 2, 5), Code::Success, 0);
    expect(call(0x48534d, 0, 5, 0x80200000), Code::AlreadyAvailable);
}

TEST_F(Sbi, harts_that_are_not_there_are_neither_started_nor_asked_for) {
    for (uptr id : {uptr{2}, uptr{70}, uptr{71}, uptr{u64{1} << 32 | 5}, all}) {
        expect(call(0x48534d, 0, id, 0x80200000), Code::InvalidParam);
        expect(call(0x48534d, 2, id), Code::InvalidParam);
    }
    for (uptr id : {0u, 1u})
        expect(call(0x48534d, 0, id, 0x80200000), Code::AlreadyAvailable);
}

TEST_F(Sbi, no_hart_starts_in_the_sbi_s_own_block) {
    for (uptr start : {block, block + 2, block_end - 2, uptr{0x80200001}})
        expect(call(0x48534d, 0, 5, start), Code::InvalidAddress);
    EXPECT_EQ(harts[2].state, HartState::Stopped);
    expect(call(0x48534d, 0, 5, block_end), Code::Success);
    harts[2].state = HartState::Stopped;
    expect(call(0x48534d, 0, 5, block - 2), Code::Success);
}

TEST_F(Sbi, stopping_does_not_return) {
    Reply reply = call(0x48534d, 1);
    EXPECT_TRUE(reply.stops);
}

TEST_F(Sbi, suspends_until_an_interrupt_and_keeps_everything) {
    hardware.on_wait = [this] { EXPECT_EQ(harts[0].state, HartState::Suspended); };
    expect(call(0x48534d, 3, 0), Code::Success);
    EXPECT_EQ(hardware.waits, 1u);
    EXPECT_EQ(harts[0].state, HartState::Started);
    expect(call(0x48534d, 3, 1), Code::InvalidParam);
    expect(call(0x48534d, 3, 0x7fffffff), Code::InvalidParam);
    expect(call(0x48534d, 3, 0x80000000), Code::NotSupported);
    expect(call(0x48534d, 3, 0x80000001), Code::InvalidParam);
    EXPECT_EQ(hardware.waits, 1u);
}

TEST_F(Sbi, switches_off_and_starts_anew) {
    for (uptr type : {0u, 1u, 2u})
        for (uptr reason : {0u, 1u})
            expect(call(0x53525354, 0, type, reason), Code::Failed); // it has come back
    ASSERT_EQ(hardware.written.size(), 6u);
    EXPECT_EQ(hardware.written[0].value, 0x5555u);
    EXPECT_EQ(hardware.written[2].value, 0x7777u);
    expect(call(0x53525354, 0, 3, 0), Code::InvalidParam);
    expect(call(0x53525354, 0, 0, 2), Code::InvalidParam);
    expect(call(0x53525354, 0, 0xf0000000, 0), Code::InvalidParam);
    machine.power_off.address = 0;
    expect(call(0x53525354, 0, 0, 0), Code::NotSupported);
    EXPECT_EQ(hardware.written.size(), 6u);
}

TEST_F(Sbi, prints_what_lies_in_memory) {
    uptr at = 0x80200000;
    for (uptr i = 0; i < 300; ++i)
        hardware.memory[at + i] = static_cast<u8>('a' + i % 26);
    expect(call(0x4442434e, 0, 3, at), Code::Success, 3);
    EXPECT_EQ(hardware.sent, "abc");
    expect(call(0x4442434e, 0, 300, at), Code::Success, 256); // the rest is another call
    hardware.room = 2;
    expect(call(0x4442434e, 0, 3, at), Code::Success, 2);
    expect(call(0x4442434e, 0, 3, at), Code::Success, 0);
    expect(call(0x4442434e, 2, 'x'), Code::Failed);
    hardware.room = 1000;
    expect(call(0x4442434e, 0, 0, 0), Code::Success, 0);
    expect(call(0x4442434e, 2, 0x100 | 'x'), Code::Success);
    EXPECT_EQ(hardware.sent.back(), 'x');
    // Where memory ends.
    expect(call(0x4442434e, 0, 10, at + 298), Code::Success, 2);
    expect(call(0x4442434e, 0, 10, at + 300), Code::InvalidParam);
}

TEST_F(Sbi, reads_what_has_come) {
    uptr at = 0x80200000;
    for (uptr i = 0; i < 4; ++i)
        hardware.memory[at + i] = 0;
    expect(call(0x4442434e, 1, 4, at), Code::Success, 0);
    hardware.received = {'h', 'i'};
    expect(call(0x4442434e, 1, 4, at), Code::Success, 2);
    EXPECT_EQ(hardware.memory[at], 'h');
    EXPECT_EQ(hardware.memory[at + 1], 'i');
    hardware.received = {'h', 'i'};
    expect(call(0x4442434e, 1, 1, at), Code::Success, 1);
    expect(call(0x4442434e, 1, 1, at + 4), Code::InvalidParam);
}

TEST_F(Sbi, the_console_s_memory_is_never_its_own) {
    for (uptr function : {0u, 1u}) {
        hardware.received.assign(300, 'x');
        expect(call(0x4442434e, function, 1, block), Code::InvalidParam);
        expect(call(0x4442434e, function, 1, block_end - 1), Code::InvalidParam);
        expect(call(0x4442434e, function, 2, block - 1), Code::InvalidParam);
        expect(call(0x4442434e, function, all - block, 1), Code::InvalidParam);
        expect(call(0x4442434e, function, 1, all), Code::InvalidParam); // its end wraps
        expect(call(0x4442434e, function, all, 2), Code::InvalidParam);
        expect(call(0x4442434e, function, 1, 0x80200000, 1), Code::InvalidParam); // above all addresses
        hardware.memory[block - 1] = 'y';
        expect(call(0x4442434e, function, 1, block - 1), Code::Success, 1);
        hardware.memory[block_end] = 'y';
        expect(call(0x4442434e, function, 1, block_end), Code::Success, 1);
    }
}

TEST_F(Sbi, without_a_port_there_is_no_console) {
    machine.console = 0;
    expect(call(0x10, 3, 0x4442434e), Code::Success, 0);
    expect(call(0x4442434e, 0, 1, 0x80200000), Code::NotSupported);
    expect(call(0x4442434e, 2, 'x'), Code::NotSupported);
}

} // namespace
} // namespace vireo::test
