// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "unit/shell/fixture.h"
#include "unit/support/machine.h"

namespace vireo::test {

// The shell on top of everything: drivers, sessions, transports, fake devices. Plug them in, then start.
class MachineShell : public OnBus {
  protected:
    void start() {
        machine.start();
        VIREO_MUST(memory.add_ram(ScriptedMachine::base, ScriptedMachine::bytes));
        context = std::make_unique<shell::Context>(machine::assemble(
            machine.stack, network, {.console = console, .memory = memory, .machine = board}));
    }
    ~MachineShell() override { context.reset(); }
    // What a command line prints.
    std::string run(std::string_view line) {
        port.take_output();
        shell::run_line(*context, line);
        return without_cr(port.take_output());
    }
    static std::string without_cr(std::string text) {
        std::erase(text, '\r');
        return text;
    }

    ScriptedPort port;
    system::Console console{port};
    system::MemoryMap memory;
    ScriptedMachine board;
    net::Network network{machine.loop, machine.registry};
    std::unique_ptr<shell::Context> context;
};

} // namespace vireo::test
