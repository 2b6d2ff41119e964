// SPDX-License-Identifier: Apache-2.0
#include "machine/pc/chipset.h"

#include "arch/x86/ports.h"
#include "arch/x86/processor.h"
#include "bus/pci/config_access.h"
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

// QEMU acts on a reset or power-off request after the instruction that made it.
void wait_for_the_machine() {
    (void)event::poll_until(event::Deadline::after(event::Duration::milli(500)), [] { return false; });
}

} // namespace

Chipset Chipset::detect() {
    Chipset chipset;
    bus::pci::HostDescription by_ports;
    by_ports.access = bus::pci::HostDescription::ConfigAccess::Ports;
    auto config = VIREO_MUST(ConfigAccess::create(by_ports));
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
