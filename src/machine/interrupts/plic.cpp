// SPDX-License-Identifier: Apache-2.0
#include "arch/common/wake.h"
#include "arch/riscv/processor.h"
#include "io/window.h"
#include "machine/interrupts/aplic.h"
#include "machine/interrupts/hart_timer.h"
#include "machine/interrupts/interrupts.h"

// The Platform-Level Interrupt Controller (RISC-V PLIC specification 1.0), set up so that the console's
// interrupt is pending for this hart, in the mode that we are in. It is never taken, only ends `wfi`, and is
// claimed and completed after that.
namespace vireo::machine::virt {

namespace {

constexpr u32 max_interrupt = 1023;

constexpr u64 priority(u32 interrupt) { return u64{4} * interrupt; }
constexpr u64 enable(usize context, u32 interrupt) {
    return 0x2000 + u64{0x80} * context + interrupt / 32 * 4;
}
constexpr u64 threshold(usize context) { return 0x200000 + u64{0x1000} * context; }
constexpr u64 claim(usize context) { return threshold(context) + 4; }

constinit io::Window plic;
constinit u64 claim_register = 0;
constinit usize used_context = 0;
constinit u32 used_interrupt = 0; // 0: none

// Without this the controller would keep the interrupt pending, and no sleep would last. If the console still
// has something it asks again.
void acknowledge() {
    if (u32 interrupt = plic.read32(claim_register); interrupt != 0)
        plic.write32(claim_register, interrupt);
}

// The one that the console is connected to. It need not be connected to this hart.
const Devices::HartDevice* find_plic(const Devices& devices) {
    for (const auto& candidate : devices.plics)
        if (candidate.phandle != 0 && candidate.phandle == devices.console->interrupt_parent)
            return &candidate;
    return nullptr;
}

std::optional<Acknowledge> start_plic(const Devices& devices, u32 hart) {
    const Devices::HartDevice* found = find_plic(devices);
    if (!found)
        return std::nullopt;
    auto interrupt = bus::fdt::read_cells(devices.console->interrupts, 0, 1);
    auto connection = devices.connection(*found, hart, arch::riscv::external_interrupt_cause());
    if (!interrupt || *interrupt == 0 || *interrupt > max_interrupt || !connection)
        return std::nullopt;
    usize context = connection->of_all;
    u32 number = static_cast<u32>(*interrupt);
    plic = io::Window(io::Space::Memory, found->registers.base, found->registers.bytes).uncounted();
    if (!plic.contains(claim(context), 4))
        return std::nullopt;
    plic.write32(priority(number), 1);
    plic.write32(enable(context, number), 1u << number % 32);
    plic.write32(threshold(context), 0);
    claim_register = claim(context);
    used_context = context;
    used_interrupt = number;
    return acknowledge;
}

void stop_plic() {
    if (used_interrupt == 0)
        return;
    plic.write32(enable(used_context, used_interrupt), 0);
    plic.write32(priority(used_interrupt), 0);
}

} // namespace

bool route_wake_sources(const Devices& devices, u32 processor) {
    bool timer = has_hart_timer(devices, processor);
    std::optional<Acknowledge> console;
    if (timer && devices.console)
        console = start_plic(devices, processor);
    if (timer && devices.console && !console)
        console = start_aplic(devices, processor);
    arch::set_wake({.timer = timer,
                    .longest_sleep = longest_sleep(console.has_value()),
                    .acknowledge = console.value_or(nullptr)});
    return console.has_value();
}

void release_wake_sources(const Devices&) {
    stop_plic();
    stop_aplic();
}

} // namespace vireo::machine::virt
