// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "machine/firmware/physical_machine.h"
#include "machine/virt/devices.h"

namespace vireo::machine::virt {

// Output on the port that the machine has by convention, for what goes wrong before the device
// tree has been read.
Writer& early_console();

// QEMU's `virt` machine, as its device tree describes it.
class VirtMachine final : public PhysicalMachine {
  public:
    VirtMachine(const bus::fdt::Tree& tree, system::MemoryMap& map, u32 processor);

    // Makes the Platform and hands over to the firmware.
    // `kept`: ranges of the map that are kept until a user could say what he wants.
    [[noreturn]] void run(std::span<const Range> kept);

    std::string_view board() const override;
    std::string_view model() const override { return devices_.model; }
    u64 default_load_address() const override;
    KernelPlace kernel_place() const override;
    ScriptNames script_names() const override;
    std::optional<u16> dhcp_architecture() const override;
    std::optional<u64> device_tree() const override;
    Result<> reset() override;
    Result<> power_off() override;
    Result<GivenKernel> given_kernel() const override { return given_kernel_; }
    Result<> can_enter() const override;
    std::optional<Range> resident() const override;
    bool leaves_psci() const override;
    bool keeps_interrupt_controllers() const override;
    Result<> enter(const Handover& handover) override;
    void print_facts(Writer& out) const override;

  private:
    system::ConsolePort& start_console();

    bus::fdt::Tree tree_;
    system::MemoryMap& map_;
    u32 processor_;                    // the hart's id (riscv)
    Result<GivenKernel> given_kernel_; // as it was at the start
    Devices devices_;
};

} // namespace vireo::machine::virt
