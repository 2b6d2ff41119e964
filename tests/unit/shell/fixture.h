// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/clock.h"
#include "machine/firmware/stack.h"
#include "shell/shell.h"
#include "unit/support/test_disk.h"

#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace vireo::test {

// A serial port at which somebody types, at once or later, and that keeps what is sent.
class ScriptedPort final : public system::ConsolePort {
  public:
    void type(std::string_view bytes) { input_.insert(input_.end(), bytes.begin(), bytes.end()); }
    // After `delay` of virtual time from now. Until then nothing comes.
    void type_later(event::Duration delay, std::string bytes) {
        hosted::schedule(delay.microseconds * hosted::microsecond,
                         [this, bytes = std::move(bytes)] { type(bytes); });
    }
    // When the port has been looked at so many times from now: for loops that let no time pass.
    void type_after_looks(unsigned looks, std::string bytes) {
        looks_left_ = looks;
        then_ = std::move(bytes);
    }
    std::string take_output() { return std::exchange(output_, {}); }
    std::function<void(std::string_view)> on_send; // a terminal that watches

    void send(std::string_view bytes, Waiter*) override {
        output_ += bytes;
        if (on_send)
            on_send(bytes);
    }
    std::optional<u8> receive() override {
        if (looks_left_ > 0 && --looks_left_ == 0)
            type(then_);
        if (input_.empty())
            return std::nullopt;
        char byte = input_.front();
        input_.pop_front();
        return static_cast<u8>(byte);
    }

  private:
    std::deque<char> input_;
    std::string output_;
    unsigned looks_left_ = 0;
    std::string then_;
};

// 16 MiB of RAM at 0x40000000, the last MiB Vireo's.
class ScriptedMachine final : public system::Machine {
  public:
    static constexpr u64 base = 0x40000000;
    static constexpr u64 bytes = 16 << 20;

    std::string_view board() const override { return "test_board"; }
    std::string_view model() const override { return "a test"; }
    u64 default_load_address() const override { return base + 0x200000; }
    ScriptNames script_names() const override { return names; }
    std::optional<u16> dhcp_architecture() const override { return architecture; }
    std::optional<u64> device_tree() const override { return tree; }
    std::optional<system::Isa> isa() const override { return kernels; }
    Result<> reset() override {
        ++resets;
        return error(ErrorCode::NotSupported, "no reset line");
    }
    Result<> power_off() override {
        ++power_offs;
        return error(ErrorCode::NotSupported, "no switch");
    }
    void print_facts(Writer& out) const override { out.write("fact        = 42\n"); }
    std::byte* memory(u64 address) override { return ram.data() + (address - base); }
    Result<u64> load(u64 address, u8 width) override {
        if (!has_addresses)
            return system::Machine::load(address, width);
        accesses += std::to_string(width) + (address >= base && address < base + bytes ? "? " : "r ");
        if (address - base < bytes && address != closed)
            return std::to_integer<u64>(*memory(address));
        if (address - registers_base >= sizeof(registers))
            return error(ErrorCode::Io, "no answer");
        u64 value = 0;
        std::memcpy(&value, registers + (address - registers_base), width);
        return value;
    }
    Result<> store(u64 address, u8 width, u64 value) override {
        if (!has_addresses)
            return system::Machine::store(address, width, value);
        if (address - registers_base >= sizeof(registers))
            return error(ErrorCode::Io, "no answer");
        accesses += std::to_string(width) + "w ";
        std::memcpy(registers + (address - registers_base), &value, width);
        return {};
    }
    Result<u64> call(u64 address, std::span<const char* const> arguments, const system::MemoryMap&,
                     std::span<const Range> written) override {
        called_written.assign(written.begin(), written.end());
        for (const char* argument : arguments)
            called += std::string(argument) + "|";
        EXPECT_EQ(arguments.data()[arguments.size()], nullptr);
        if (address != base)
            return error(ErrorCode::OutOfRange, "no such address");
        return call_result;
    }

    Result<> can_enter() const override { return enterable; }
    std::optional<Range> resident() const override { return stays; }
    Result<> enter(const Handover& handover) override {
        entered.emplace(
            Entered{handover.entry, handover.description, {}, handover.in_32_bit_mode, handover.protocol});
        for (const Range& range : handover.read_uncached)
            entered->read_uncached.push_back(range);
        return error(ErrorCode::Io, "a scripted machine comes back");
    }

    // What was entered, if anything was.
    struct Entered {
        u64 entry;
        u64 description;
        std::vector<Range> read_uncached;
        bool in_32_bit_mode;
        Handover::Protocol protocol;
    };
    std::optional<Entered> entered;
    Result<> enterable{};
    std::optional<Range> stays;
    bool leaves_psci() const override { return has_psci; }
    bool has_psci = false;
    bool keeps_interrupt_controllers() const override { return keeps_controllers; }
    bool keeps_controllers = false;
    system::Isa kernels = system::Isa::Arm64;

    Result<GivenKernel> given_kernel() const override { return given; }
    Result<GivenKernel> given = error(ErrorCode::NotFound, "the host gives no kernel");

    Result<FirmwareTables> firmware_tables() override { return tables; }
    void complete_command_line(std::string_view, Writer& words) const override { words.write(needed_words); }
    Result<FirmwareTables> tables = FirmwareTables{};
    std::string needed_words;

    // Addresses outside RAM exist, at all and with 64 bytes of registers.
    bool has_addresses = false;
    static constexpr u64 registers_base = 0x9000000;
    u8 registers[64] = {};
    std::string accesses; // "4r 4w ": widths and directions; "1? " of RAM
    u64 closed = 0;       // an address in RAM that cannot be read
    std::string called;
    std::vector<Range> called_written;
    u64 call_result = 0;

    ScriptNames names;
    std::optional<u16> architecture;
    std::optional<u64> tree;
    std::vector<std::byte> ram = std::vector<std::byte>(bytes);
    int resets = 0;
    int power_offs = 0;
};

class ScriptedInspector final : public system::VirtioInspector {
  public:
    usize device_count() const override { return names.size(); }
    void print_device(usize index, Writer& out) const override {
        print(out, "{}: {}\n", index, names[index]);
    }
    Result<usize> rescan() override {
        ++rescans;
        if (!has_transport)
            return error(ErrorCode::NotSupported, "no VirtIO transport");
        return 0;
    }
    Result<> reset(usize index) override {
        if (index >= names.size())
            return error(ErrorCode::NotFound, "no such VirtIO device");
        resets += std::to_string(index) + "\n";
        return {};
    }
    Result<> quiesce_all() override {
        ++quiesced;
        return quiet;
    }
    void refresh() override { ++refreshes; }
    Result<> print_features(usize index, Writer& out) const override {
        if (index >= names.size())
            return error(ErrorCode::NotFound, "no such VirtIO device");
        print(out, "{}: features\n", index);
        return {};
    }
    Result<> wish(usize index, std::string_view feature, system::FeatureWish wish) override {
        if (index >= names.size() || feature == "unknown")
            return error(ErrorCode::NotFound, "scripted");
        const char* words[] = {"default", "on", "off"};
        wishes +=
            std::to_string(index) + " " + std::string(feature) + " " + words[static_cast<int>(wish)] + "\n";
        return {};
    }
    Result<> print_statistics(usize index, Writer& out) override {
        if (index >= names.size())
            return error(ErrorCode::NotFound, "no such VirtIO device");
        print(out, "{}: {} clearings\n", index, cleared);
        return {};
    }
    Result<> clear_statistics(usize index) override {
        if (index >= names.size())
            return error(ErrorCode::NotFound, "no such VirtIO device");
        ++cleared;
        return {};
    }
    u64 register_accesses() const override { return 4711; }

    std::vector<std::string> names;
    bool has_transport = true;
    int rescans = 0;
    std::string resets;
    int quiesced = 0;
    Result<> quiet{}; // what quiesce_all() says
    int refreshes = 0;
    int cleared = 0;
    std::string wishes;
};

// A shell on scripted surroundings and virtual time.
class ShellTest : public testing::Test {
  protected:
    ShellTest() {
        hosted::use_virtual_clock();
        VIREO_MUST(memory.add_ram(ScriptedMachine::base, ScriptedMachine::bytes));
        VIREO_MUST(memory.reserve(0x40f00000, 0x100000, "Vireo image"));
        context = std::make_unique<shell::Context>(services(), true);
    }
    shell::Services services() {
        return stack.services(
            {.console = *console, .memory = memory, .machine = machine, .virtio = &inspector});
    }

    // What a command line prints, lines ending in "\n"; its status is in `status`.
    std::string run(std::string_view line) {
        port.take_output();
        status = shell::run_line(*context, line);
        context->exiting = false;
        std::string text = lines(port.take_output());
        // Data that floods the terminal is a defect, whatever it says. A test whose command prints
        // much raises the bound.
        EXPECT_LE(static_cast<usize>(std::ranges::count(text, '\n')), most_lines) << line;
        return text;
    }
    // What the terminal gets when somebody types this at the prompt and leaves, raw.
    std::string type(std::string_view keys, std::string_view leave = "\x04") {
        port.take_output();
        port.type(keys);
        port.type(leave);
        status = shell::interact(*context);
        context->exiting = false;
        return port.take_output();
    }
    static std::string lines(std::string text) {
        for (usize at = 0; (at = text.find("\r\n", at)) != text.npos;)
            text.erase(at, 1);
        return text;
    }

    TestDisk& plug(u64 bytes, TestDisk::Geometry geometry = {}) {
        disks.push_back(std::make_unique<TestDisk>(bytes, geometry));
        TestDisk& disk = *disks.back();
        std::strcpy(disk.change_facts().product, "QEMU VirtIO Block Device");
        VIREO_MUST(registry.block.add(disk));
        return disk;
    }

    usize most_lines = 150; // of one command line
    ScriptedPort port;
    std::unique_ptr<system::Console> console = std::make_unique<system::Console>(port);
    machine::Stack stack;
    event::EventLoop& loop = stack.loop;
    device::Registry& registry = stack.registry;
    net::Network& network = stack.network;
    system::MemoryMap memory;
    ScriptedMachine machine;
    ScriptedInspector inspector;
    std::vector<std::unique_ptr<TestDisk>> disks;
    std::unique_ptr<shell::Context> context;
    int status = 0;
};

} // namespace vireo::test
