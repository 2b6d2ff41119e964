// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/range.h"
#include "base/result.h"

namespace vireo::bus::pci {
class Host;
}

namespace vireo::machine::pc {

// The two chip sets that QEMU's PC machines have, told apart by their host bridge, and the few of their
// functions that firmware needs. `Other`: microvm (microvm.h), a machine without a PCI bus (isapc), or
// one that we do not know.
class Chipset {
  public:
    enum class Kind : u8 { I440fx, Q35, Other };

    // Looks at the host bridge and switches the power-management ports on, at `power_ports`.
    static Chipset detect();

    Kind kind() const { return kind_; }
    std::string_view model() const;

    // The port of the ACPI power-management timer, if there is one.
    std::optional<u16> pm_timer() const;

    // What the last 64 KiB below 1 MiB are. Only if has_segment().
    enum class Segment : u8 { Rom = 0, Ram = 0x10, WritableRam = 0x30 };
    bool has_segment() const { return kind_ != Kind::Other; }
    void show_segment(Segment what) const;
    static constexpr Range segment{0xf'0000, 0x1'0000};

    // Maps the configuration space of PCI into memory at configuration_window, where there must be no RAM:
    // operating systems learn from the ACPI tables where that is, if it is so when the host makes them. Only
    // if has_configuration_window().
    bool has_configuration_window() const { return kind_ == Kind::Q35; }
    void open_configuration_window() const;
    // In the upper half of the addresses below 4 GiB, and where PCI's window has least use for
    // it: at its end.
    static constexpr Range configuration_window{0xe000'0000, 256 << 20};

    // Leads the interrupt pins of PCI devices to lines 10 and 11 of the older interrupt controller, and tells
    // each device which is its: what an operating system goes by that reads no ACPI tables.
    void route_interrupts(bus::pci::Host& host) const;

    // See system::Machine. They return only when nothing happened.
    Result<> reset() const;
    Result<> power_off() const;

    // Below the ports that are given to PCI devices, and where PC firmware usually puts them.
    static constexpr u16 power_ports = 0x600;

  private:
    Kind kind_ = Kind::Other;
    bool has_power_ports_ = false;
};

} // namespace vireo::machine::pc
