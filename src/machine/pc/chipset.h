// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

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
