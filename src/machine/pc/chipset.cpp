// SPDX-License-Identifier: Apache-2.0
#include "machine/pc/chipset.h"

#include "arch/x86/ports.h"
#include "arch/x86/processor.h"
#include "bus/pci/config_access.h"
#include "bus/pci/host.h"
#include "bus/pci/registers.h"
#include "event/clock.h"

namespace vireo::machine::pc {
namespace {

using arch::x86::out16;
using arch::x86::out8;
using bus::pci::ConfigAccess;
using bus::pci::Location;

// Vendor in the lower half, device in the upper.
constexpr u32 i440fx_host_bridge = 0x1237'8086;
constexpr u32 q35_host_bridge = 0x29c0'8086;
constexpr u32 piix4_power_management = 0x7113'8086;
constexpr u32 ich9_lpc_bridge = 0x2918'8086;

constexpr Location host_bridge{0, 0, 0};
constexpr Location piix4_function{0, 1, 3};
constexpr Location ich9_function{0, 0x1f, 0};

// Both chips keep the base of these ports in the same register, and the switch elsewhere.
constexpr u8 power_base_register = 0x40;
constexpr u8 piix4_enable_register = 0x80;
constexpr u8 piix4_enable = 0x01;
constexpr u8 ich9_enable_register = 0x44;
constexpr u8 ich9_enable = 0x80;

// Offsets from the base (ACPI 4.8.3): PM1 control, and the timer.
constexpr u16 pm1_control = 4;
constexpr u16 pm_timer_offset = 8;
// Sleep enable with sleep type 0, which is S5, "soft off", on both chips as QEMU has them.
constexpr u16 sleep_into_soft_off = 1 << 13;

// The upper half of this byte of the host bridge says whether the segment at 0xf0000 is RAM for
// reads, and for writes.
constexpr u8 i440fx_segment_register = 0x59;
constexpr u8 q35_segment_register = 0x90;

// PCIEXBAR, of 64 bits: an address, how many buses (0: 256), a switch.
constexpr u8 q35_window_register = 0x60;
constexpr u32 q35_window_enable = 1;

// The four links between interrupt pins and lines, and the line that each leads to: two are shared by two.
constexpr Location piix3_function{0, 1, 0};
constexpr u8 piix3_link_registers[] = {0x60, 0x61, 0x62, 0x63};
constexpr u8 ich9_link_registers[] = {0x60, 0x61, 0x62, 0x63, 0x68, 0x69, 0x6a, 0x6b};
constexpr u8 line_of_link[] = {10, 10, 11, 11};
// Lines 8 to 15, a bit each: shared lines are told apart by their level.
constexpr u16 level_control = 0x4d1;
constexpr u8 level_of_links = 1 << (10 - 8) | 1 << (11 - 8);
// The power management's own interrupt is wired to it, whatever its pin says.
constexpr u8 piix4_power_line = 9;

// Which line the pin (0 to 3) of a device on a root bus leads to.
u8 i440fx_line(u8 device, u8 pin) { return line_of_link[(device + 3u + pin) & 3]; }
u8 q35_line(u8 device, u8 pin) {
    // From there on the chips are the ICH9's own, which does not turn their pins.
    constexpr u8 first_of_ich9 = 25;
    return line_of_link[(device < first_of_ich9 ? device + pin : pin) & 3];
}

constexpr u16 reset_control = 0xcf9;
constexpr u8 hard_reset = 0x02;
constexpr u8 hard_reset_now = 0x06;
constexpr u16 keyboard_command = 0x64;
constexpr u8 pulse_reset_line = 0xfe;

bool enable_power_ports(const ConfigAccess& config, Location function, u32 identity, u8 enable_register,
                        u8 enable_bit) {
    if (config.read32(function, 0) != identity)
        return false;
    config.write32(function, power_base_register, Chipset::power_ports | 1);
    config.write8(function, enable_register, config.read8(function, enable_register) | enable_bit);
    return true;
}

ConfigAccess configuration() {
    bus::pci::HostDescription by_ports;
    by_ports.access = bus::pci::HostDescription::ConfigAccess::Ports;
    return VIREO_MUST(ConfigAccess::create(by_ports));
}

// QEMU acts on a reset or power-off request after the instruction that made it.
void wait_for_the_machine() {
    (void)event::poll_until(event::Deadline::after(event::Duration::milli(500)), [] { return false; });
}

} // namespace

Chipset Chipset::detect() {
    Chipset chipset;
    auto config = configuration();
    u32 identity = config.read32(host_bridge, 0);
    if (identity == i440fx_host_bridge) {
        chipset.kind_ = Kind::I440fx;
        chipset.has_power_ports_ = enable_power_ports(config, piix4_function, piix4_power_management,
                                                      piix4_enable_register, piix4_enable);
    } else if (identity == q35_host_bridge) {
        chipset.kind_ = Kind::Q35;
        chipset.has_power_ports_ =
            enable_power_ports(config, ich9_function, ich9_lpc_bridge, ich9_enable_register, ich9_enable);
    }
    return chipset;
}

std::string_view Chipset::model() const {
    switch (kind_) {
    case Kind::I440fx:
        return "QEMU x86 (I440FX)";
    case Kind::Q35:
        return "QEMU x86 (Q35)";
    case Kind::Other:
        break;
    }
    return "QEMU x86 (no PCI)";
}

std::optional<u16> Chipset::pm_timer() const {
    if (!has_power_ports_)
        return std::nullopt;
    return power_ports + pm_timer_offset;
}

void Chipset::show_segment(Segment what) const {
    u8 place = kind_ == Kind::Q35 ? q35_segment_register : i440fx_segment_register;
    configuration().write8(host_bridge, place, static_cast<u8>(what));
}

void Chipset::open_configuration_window() const {
    auto config = configuration();
    config.write32(host_bridge, q35_window_register + 4, 0);
    config.write32(host_bridge, q35_window_register,
                   static_cast<u32>(configuration_window.base) | q35_window_enable);
}

void Chipset::route_interrupts(bus::pci::Host& host) const {
    auto config = configuration();
    bool is_q35 = kind_ == Kind::Q35;
    Location router = is_q35 ? ich9_function : piix3_function;
    auto links =
        is_q35 ? std::span<const u8>(ich9_link_registers) : std::span<const u8>(piix3_link_registers);
    for (usize i = 0; i < links.size(); ++i)
        config.write8(router, links[i], line_of_link[i & 3]);
    out8(level_control, arch::x86::in8(level_control) | level_of_links);
    host.set_interrupt_lines(is_q35 ? q35_line : i440fx_line);
    if (!is_q35 && has_power_ports_)
        config.write8(piix4_function, bus::pci::reg::interrupt_line, piix4_power_line);
}

Result<> Chipset::reset() const {
    if (kind_ != Kind::Other) {
        out8(reset_control, hard_reset);
        out8(reset_control, hard_reset_now);
        wait_for_the_machine();
    }
    if (arch::x86::in8(keyboard_command) != 0xff) { // there is such a controller
        out8(keyboard_command, pulse_reset_line);
        wait_for_the_machine();
    }
    arch::x86::triple_fault();
}

Result<> Chipset::power_off() const {
    if (!has_power_ports_)
        return error(ErrorCode::NotSupported, "this machine has no ACPI power management");
    out16(power_ports + pm1_control, sleep_into_soft_off);
    wait_for_the_machine();
    return error(ErrorCode::Timeout, "the machine did not switch off");
}

} // namespace vireo::machine::pc
