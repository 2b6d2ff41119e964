// SPDX-License-Identifier: Apache-2.0
// The resident PSCI as an operating system sees it, on processors that are numbers in memory: each call with
// the last value that is allowed, and the first that is not.
#include "arch/psci/service.h"

#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

namespace vireo::test {
namespace {

using arch::psci::Call;
using arch::psci::Description;
using arch::psci::Processor;
using arch::psci::Reply;
using arch::psci::State;

constexpr uptr ram = 0x40000000;
constexpr uptr ram_end = 0x48000000;
constexpr u32 narrow = 0x84000000;
constexpr u32 wide = 0xc4000000;

struct FakeMonitor {
    std::vector<u32> woken;
    unsigned waits = 0;
    std::vector<u32> pulled; // pins
    void wake(u32 index) { woken.push_back(index); }
    void stand_by() { ++waits; }
    void pull(const Description::Line& line) { pulled.push_back(line.pin); }
};

// Four processors in two groups; the first runs.
class Psci : public testing::Test {
  protected:
    Psci() {
        machine->count = 4;
        for (u32 i = 0; i < 4; ++i) {
            machine->affinities[i] = (i / 2) << 8 | i % 2;
            processors[i].state = i == 0 ? State::On : State::Off;
        }
        machine->lowest_entry = ram;
        machine->entries_end = ram_end;
        machine->power_off = {0x90b0000, 0, 0};
        machine->restart = {0x90b0000, 1, 0};
    }
    Reply call(u32 function, uptr first = 0, uptr second = 0, uptr third = 0, u32 own = 0) {
        return arch::psci::Service<FakeMonitor>(*machine, processors, monitor, own)
            .answer({function, {first, second, third}});
    }
    arch::psci::sptr value(u32 function, uptr first = 0, uptr second = 0, uptr third = 0) {
        Reply reply = call(function, first, second, third);
        EXPECT_EQ(reply.then, Reply::Then::Return);
        return reply.value;
    }
    arch::psci::Processors<FakeMonitor> as(u32 own) { return {*machine, processors, monitor, own}; }

    std::unique_ptr<Description> machine = std::make_unique<Description>();
    Processor processors[4]{};
    FakeMonitor monitor;
};

TEST_F(Psci, says_its_version_and_that_no_other_system_is_there) {
    EXPECT_EQ(value(narrow + 0), 0x10001);
    EXPECT_EQ(value(narrow + 6), 2);
}

TEST_F(Psci, knows_its_functions_and_no_others) {
    for (u32 number : {0u, 1u, 2u, 3u, 4u, 6u, 8u, 9u, 10u}) {
        EXPECT_EQ(value(narrow + 10, narrow + number), 0) << number;
        bool has_addresses = number == 1 || number == 3 || number == 4;
        EXPECT_EQ(value(narrow + 10, wide + number), has_addresses ? 0 : -1) << number;
    }
    for (u32 id : {narrow + 5, narrow + 7, narrow + 11, narrow + 0x1f, 0x80000000u, 0x83ffffffu, 0u, ~0u,
                   wide + 5, wide + 10}) {
        EXPECT_EQ(value(narrow + 10, id), -1) << id;
        EXPECT_EQ(value(id), -1) << id;
    }
}

TEST_F(Psci, starts_a_processor_once) {
    EXPECT_EQ(value(wide + 3, 0x100, ram, 77), 0);
    EXPECT_EQ(monitor.woken, std::vector<u32>{2});
    EXPECT_EQ(value(wide + 4, 0x100), 2);
    EXPECT_EQ(value(wide + 3, 0x100, ram + 4, 78), -5);
    EXPECT_TRUE(as(2).take_start());
    EXPECT_EQ(processors[2].entry, ram);
    EXPECT_EQ(processors[2].context, 77u);
    EXPECT_FALSE(as(2).take_start());
    EXPECT_EQ(value(wide + 4, 0x100), 0);
    EXPECT_EQ(value(wide + 3, 0x100, ram, 0), -4);
    EXPECT_EQ(monitor.woken.size(), 1u);
}

TEST_F(Psci, starts_again_what_was_stopped) {
    EXPECT_EQ(value(wide + 3, 1, ram, 0), 0);
    EXPECT_TRUE(as(1).take_start());
    EXPECT_EQ(call(narrow + 2, 0, 0, 0, 1).then, Reply::Then::Stop);
    EXPECT_EQ(value(wide + 4, 1), 1);
    EXPECT_FALSE(as(1).take_start());
    EXPECT_EQ(value(wide + 3, 1, ram + 8, 5), 0);
    EXPECT_TRUE(as(1).take_start());
    EXPECT_EQ(processors[1].entry, ram + 8);
}

TEST_F(Psci, who_runs_is_not_started) { EXPECT_EQ(value(wide + 3, 0, ram, 0), -4); }

TEST_F(Psci, processors_that_are_not_there) {
    for (uptr affinity :
         {uptr{2}, uptr{0x102}, uptr{0x200}, uptr{0x10000}, ~uptr{0}, uptr{1} << 32, uptr{1} << 31 | 1}) {
        EXPECT_EQ(value(wide + 3, affinity, ram, 0), -2) << affinity;
        EXPECT_EQ(value(wide + 4, affinity, 0), -2) << affinity;
    }
    EXPECT_TRUE(monitor.woken.empty());
}

TEST_F(Psci, entries_lie_in_ram_and_are_aligned) {
    EXPECT_EQ(value(wide + 3, 1, ram_end - 4, 0), 0);
    processors[1].state = State::Off;
    for (uptr entry : {ram - 4, ram_end, ram + 1, ram + 2, uptr{0}, uptr{VIREO_PSCI_BLOCK}, ~uptr{3}})
        EXPECT_EQ(value(wide + 3, 1, entry, 0), -9) << entry;
    EXPECT_EQ(processors[1].state, State::Off);
}

TEST_F(Psci, calls_of_32_bits_have_arguments_of_32_bits) {
    constexpr uptr high = uptr{0xabcd} << 32;
    EXPECT_EQ(value(narrow + 3, high | 1, high | ram, high | 7), 0);
    EXPECT_EQ(processors[1].entry, ram);
    EXPECT_EQ(processors[1].context, 7u);
    EXPECT_EQ(value(narrow + 4, high | 1, high), 2);
}

TEST_F(Psci, only_processors_have_a_state) {
    EXPECT_EQ(value(wide + 4, 0, 0), 0);
    for (uptr level : {1, 2, 3, 4})
        EXPECT_EQ(value(wide + 4, 0, level), -2);
    EXPECT_EQ(value(wide + 4, 0, uptr{1} << 32), -2);
}

TEST_F(Psci, a_suspended_processor_waits) {
    EXPECT_EQ(value(wide + 1, 0x0301ffff, ram, 0), 0);
    EXPECT_EQ(monitor.waits, 1u);
    for (u32 reserved : {17, 23, 26, 31})
        EXPECT_EQ(value(narrow + 1, uptr{1} << reserved), -2) << reserved;
    EXPECT_EQ(monitor.waits, 1u);
}

TEST_F(Psci, switches_the_machine_off_and_starts_it_anew) {
    EXPECT_EQ(call(narrow + 8).then, Reply::Then::Halt);
    EXPECT_EQ(call(narrow + 9).then, Reply::Then::Halt);
    EXPECT_EQ(monitor.pulled, (std::vector<u32>{0, 1}));
}

TEST_F(Psci, a_machine_without_a_line_for_it_goes_on) {
    machine->power_off = {};
    machine->restart = {};
    for (u32 function : {narrow + 8, narrow + 9}) {
        EXPECT_EQ(value(function), -1);
        EXPECT_EQ(value(narrow + 10, function), -1);
    }
    EXPECT_TRUE(monitor.pulled.empty());
}

// All at once want the same one started, and it stops as often: nobody sees half of another's request.
TEST_F(Psci, of_many_calls_one_succeeds) {
    constexpr unsigned rounds = 50;
    std::atomic<unsigned> started = 0;
    std::atomic<bool> done = false;
    std::vector<std::thread> callers;
    struct Silent {
        void wake(u32) {}
        void stand_by() {}
        void pull(const Description::Line&) {}
    };
    for (u32 own : {0u, 2u, 3u})
        callers.emplace_back([&, own] {
            Silent silent;
            arch::psci::Service<Silent> service(*machine, processors, silent, own);
            while (!done) {
                if (service.answer({wide + 3, {1, ram + 4 * own, own}}).value == 0)
                    ++started;
                std::this_thread::yield();
            }
        });
    Silent silent;
    arch::psci::Processors<Silent> target(*machine, processors, silent, 1);
    for (unsigned round = 0; round < rounds; ++round) {
        while (!target.take_start())
            std::this_thread::yield();
        EXPECT_EQ(processors[1].entry, ram + 4 * processors[1].context);
        target.stop();
    }
    done = true;
    for (std::thread& caller : callers)
        caller.join();
    EXPECT_EQ(started, rounds + (processors[1].state == State::OnPending ? 1 : 0));
}

} // namespace
} // namespace vireo::test
