// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fuzz/support.h"
#include "machine/firmware/stack.h"
#include "shell/shell.h"

namespace vireo::fuzz {

// What is typed, and then Ctrl-C and Ctrl-D by turns for ever: whatever runs ends, and so does the shell.
class FuzzedPort final : public system::ConsolePort {
  public:
    void type(Bytes keys) { keys_ = keys; }
    // Nothing comes before somebody has looked so many times.
    void hold_back(unsigned looks) { looks_left_ = looks; }

    void send(std::string_view bytes, Waiter*) override {
        sent_ += bytes.size();
        require(sent_ < most_output, "output ends");
    }
    std::optional<u8> receive() override {
        if (looks_left_ > 0) {
            --looks_left_;
            return std::nullopt;
        }
        if (!keys_.empty()) {
            u8 key = static_cast<u8>(keys_.front());
            keys_ = keys_.subspan(1);
            return key;
        }
        looks_left_ = looks_between_;
        return (is_interrupt_ = !is_interrupt_) ? 0x03 : 0x04;
    }

  private:
    static constexpr u64 most_output = 64 << 20;
    static constexpr unsigned looks_between_ = 500;
    Bytes keys_;
    unsigned looks_left_ = 0;
    bool is_interrupt_ = false;
    u64 sent_ = 0;
};

// A little RAM at 0x40000000; the upper half is Vireo's.
class FuzzedMachine final : public system::Machine {
  public:
    static constexpr u64 base = 0x4000'0000;
    static constexpr u64 bytes = 0x4000;
    static constexpr u64 free_bytes = bytes / 2;

    FuzzedMachine() { std::memset(ram_.bytes().data() + free_bytes, untouched, bytes - free_bytes); }
    ~FuzzedMachine() {
        for (usize i = free_bytes; i < bytes; ++i)
            require(ram_.bytes()[i] == std::byte{untouched}, "no command writes where Vireo lies");
    }
    std::string_view board() const override { return "fuzz"; }
    std::string_view model() const override { return "a fuzzer's machine"; }
    u64 default_load_address() const override { return base; }
    Result<> reset() override { return error(ErrorCode::NotSupported, "no reset line"); }
    Result<> power_off() override { return error(ErrorCode::NotSupported, "no switch"); }
    void print_facts(Writer& out) const override { out.write("fact        = 42\n"); }
    std::byte* memory(u64 address) override {
        require(address - base < bytes, "only memory that was checked is asked for");
        return ram_.bytes().data() + (address - base);
    }

  private:
    static constexpr u8 untouched = 0x5a;
    Memory ram_{bytes};
};

// A shell with a disk of 32 KiB, on virtual time.
struct ShellWorld {
    ShellWorld() {
        VIREO_MUST(memory.add_ram(FuzzedMachine::base, FuzzedMachine::bytes));
        VIREO_MUST(memory.reserve(FuzzedMachine::base + FuzzedMachine::free_bytes,
                                  FuzzedMachine::bytes - FuzzedMachine::free_bytes, "Vireo"));
        VIREO_MUST(stack.registry.block.add(disk));
        context = std::make_unique<shell::Context>(
            stack.services({.console = *console, .memory = memory, .machine = machine}), true);
    }

    Surroundings surroundings;
    FuzzedPort port;
    std::unique_ptr<system::Console> console = std::make_unique<system::Console>(port);
    machine::Stack stack; // has no bus to look at
    system::MemoryMap memory;
    FuzzedMachine machine;
    MemoryDisk disk{stack.loop, 32768};
    std::unique_ptr<shell::Context> context;
};

} // namespace vireo::fuzz
