// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/format.h"
#include "bus/fdt/tree.h"
#include "bus/fw_cfg/fw_cfg.h"
#include "bus/pci/host_description.h"
#include "system/memory_map.h"
#include "virtio/transport/mmio/mmio_source.h"

namespace vireo::machine::pc {

// QEMU's microvm has no chip set to ask. What it has, the host describes in two files: a device tree, and,
// unless `acpi=off`, ACPI tables. Neither is trusted; what is missing or makes no sense is not there.
struct Microvm {
    static constexpr usize max_slots = 32;

    // A byte that makes something happen.
    struct Action {
        io::Space space;
        u64 address;
        u8 value;
        // Returns when nothing has happened for half a second.
        void take() const;
    };

    bool found = false; // this is a microvm
    FixedVector<virtio::MmioSlot, max_slots>
        slots;                                    // those with a device, the first of the command line first
    FixedVector<u32, max_slots> interrupts;       // of the slots: inputs of the interrupt controller
    bool has_acpi = false;                        // an operating system finds its devices without us
    std::optional<bus::pci::HostDescription> pci; // with `pcie=on`
    std::optional<Action> reset;                  // with ACPI
    std::optional<Action> power_off;

    // Fills this in from the host's files. The RAM that it reads them into is free again afterwards.
    void find(const bus::FwCfg& fw_cfg, system::MemoryMap& memory);

    void read_tree(const bus::fdt::Tree& tree);
    // The words, each behind a blank, that a Linux kernel here needs and that `command_line` lacks: the
    // slots, which without ACPI nothing else tells, and the rate of the time-stamp counter, which it
    // cannot find out by itself and without which it hangs. `kilohertz`: none if the processor or its
    // host tells it the rate.
    void complete_command_line(std::string_view command_line, std::optional<u64> kilohertz,
                               Writer& words) const;

    // The tables stand behind each other; of them only the fixed description table is of
    // interest (ACPI 6.4, 5.2.9).
    void read_acpi(Bytes tables);
};

} // namespace vireo::machine::pc
