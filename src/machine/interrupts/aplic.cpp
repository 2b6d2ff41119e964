// SPDX-License-Identifier: Apache-2.0
#include "machine/interrupts/aplic.h"

#include "arch/riscv/imsic.h"
#include "arch/riscv/processor.h"
#include "io/window.h"

// The Advanced Platform-Level Interrupt Controller (RISC-V Advanced Interrupt Architecture 1.0, chapter 4),
// set up so that the console's interrupt is pending for this hart. Either the controller signals the hart
// itself, or it sends a message to the hart's own controller (the IMSIC, chapter 3): which of the two, the
// device tree says. As with the PLIC no interrupt is taken: it only ends a sleep, and is claimed after that.
//
// The machine has one such controller, a domain, for each mode. The tree connects devices to that of
// supervisor mode; machine mode has its parent, in which a source is active as long as nobody delegates it.
namespace vireo::machine::virt {

namespace {

constexpr u32 max_interrupt = 1023;

constexpr u64 domain_control = 0x0000;
constexpr u32 domain_enable = 1 << 8;
constexpr u64 source(u32 interrupt) { return u64{4} * interrupt; }
constexpr u32 active_while_high = 6;
constexpr u64 message_address = 0x1bc0; // machine mode's domain only
constexpr u64 message_address_high = 0x1bc4;
constexpr u64 enable_number = 0x1edc;
constexpr u64 disable_number = 0x1fdc;
constexpr u64 target(u32 interrupt) { return 0x3000 + u64{4} * interrupt; }
constexpr unsigned target_hart_shift = 18;
constexpr u32 highest_priority = 1;
// Of one hart, where no messages are sent.
constexpr u64 delivery(usize hart_index) { return 0x4000 + u64{32} * hart_index; }
constexpr u64 threshold(usize hart_index) { return delivery(hart_index) + 8; }
constexpr u64 claim(usize hart_index) { return delivery(hart_index) + 0x1c; }
constexpr usize max_hart_index = 0x3fff;

constexpr u64 message_page = 4096;

using Aplic = Devices::Aplic;
using Imsic = Devices::Imsic;

constinit io::Window controller;
constinit u64 claim_register = 0;
constinit u64 delivery_register = 0; // 0: messages are sent
constinit u32 used_interrupt = 0;    // 0: none

// Without this QEMU would keep the interrupt pending after the console has been read, and no
// sleep would last.
void acknowledge_directly() { (void)controller.read32(claim_register); }

// How a hart is addressed by messages.
struct Recipient {
    u64 page;  // where it takes them, as machine mode's
    u32 index; // as supervisor mode's: the firmware below has told the controller where all harts take theirs
};

// The pages of all harts come in the order of the connections, through all regions (a region for
// each group of harts).
std::optional<Recipient> find_recipient(const Devices& devices, u32 imsic, u32 hart) {
    u32 group = 0;
    usize ahead = 0;
    for (const Imsic& part : devices.imsics) {
        if (part.device.phandle != imsic)
            continue;
        auto connection = devices.connection(part.device, hart, arch::riscv::external_interrupt_cause());
        if (!connection)
            return std::nullopt;
        u64 stride = message_page << std::min(part.guest_index_bits, 7u);
        u64 harts = part.device.registers.bytes / stride;
        usize in_group = connection->of_all - ahead;
        if (in_group < harts)
            return Recipient{part.device.registers.base + in_group * stride,
                             group << std::min(part.hart_index_bits, 14u) | static_cast<u32>(in_group)};
        ahead += static_cast<usize>(harts);
        ++group;
    }
    return std::nullopt;
}

std::optional<Acknowledge> start(const Devices& devices, const Aplic& aplic, u32 hart, u32 interrupt) {
    const Region& registers = aplic.device.registers;
    if (registers.base % 4 != 0 || registers.base + registers.bytes > io::reach_of(io::Space::Memory))
        return std::nullopt;
    io::Window window(io::Space::Memory, registers.base, registers.bytes);
    bool machine_mode = !arch::riscv::is_supervisor();
    u32 goes_to = 0;
    Acknowledge acknowledge = nullptr;
    if (aplic.device.connections.empty()) {
        auto recipient = find_recipient(devices, aplic.message_parent, hart);
        if (!recipient || recipient->index > max_hart_index || !window.contains(target(interrupt), 4) ||
            !arch::riscv::start_message_interrupts())
            return std::nullopt;
        if (machine_mode) { // nobody else uses it: the one address that we need
            window.write32(message_address, static_cast<u32>(recipient->page / message_page));
            window.write32(message_address_high, static_cast<u32>(recipient->page / message_page >> 32));
        }
        goes_to = (machine_mode ? 0 : recipient->index << target_hart_shift) | arch::riscv::message_identity;
        acknowledge = arch::riscv::claim_message;
    } else {
        auto connection = devices.connection(aplic.device, hart, arch::riscv::external_interrupt_cause());
        if (!connection || connection->of_all > max_hart_index ||
            !window.contains(claim(connection->of_all), 4))
            return std::nullopt;
        window.write32(delivery(connection->of_all), 1);
        window.write32(threshold(connection->of_all), 0); // every priority
        claim_register = claim(connection->of_all);
        delivery_register = delivery(connection->of_all);
        acknowledge = acknowledge_directly;
        goes_to = static_cast<u32>(connection->of_all) << target_hart_shift | highest_priority;
    }
    window.write32(source(interrupt), active_while_high);
    window.write32(target(interrupt), goes_to);
    window.write32(enable_number, interrupt);
    window.write32(domain_control, domain_enable);
    controller = window.uncounted();
    used_interrupt = interrupt;
    return acknowledge;
}

} // namespace

std::optional<Acknowledge> start_aplic(const Devices& devices, u32 hart) {
    auto interrupt = bus::fdt::read_cells(devices.console->interrupts, 0, 1);
    if (!interrupt || *interrupt == 0 || *interrupt > max_interrupt || devices.console->interrupt_parent == 0)
        return std::nullopt;
    for (const Aplic& aplic : devices.aplics) {
        u32 serves = arch::riscv::is_supervisor() ? aplic.device.phandle : aplic.child;
        if (serves == devices.console->interrupt_parent)
            return start(devices, aplic, hart, static_cast<u32>(*interrupt));
    }
    return std::nullopt;
}

void stop_aplic() {
    if (used_interrupt == 0)
        return;
    controller.write32(domain_control, 0);
    controller.write32(disable_number, used_interrupt);
    controller.write32(source(used_interrupt), 0);
    if (delivery_register != 0)
        controller.write32(delivery_register, 0);
}

} // namespace vireo::machine::virt
