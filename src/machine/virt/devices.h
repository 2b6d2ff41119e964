// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "bus/fdt/tree.h"
#include "bus/pci/host_description.h"
#include "machine/firmware/firmware.h"

namespace vireo::machine::virt {

using bus::fdt::Region;

// What the device tree says about the machine, in Vireo's terms. Everything that is not there, or makes no
// sense, is empty. Text and bytes lie in the tree.
struct Devices {
    static constexpr usize max_virtio_slots = 64;

    struct Uart {
        enum class Kind : u8 { Pl011, Ns16550 };
        Kind kind;
        Region registers;
        Bytes interrupts;
        u32 interrupt_parent; // phandle; 0: none is named
        int node;             // its offset in the tree
    };
    struct Gic {
        unsigned version;
        Region distributor;
        Region processor_side; // version 2: the CPU interface; version 3: the redistributors
    };
    // An interrupt controller or timer of RISC-V, connected to harts in the order of `connections` (pairs of
    // cells: the phandle of a hart's own controller, a cause).
    struct HartDevice {
        Region registers;
        Region compare; // timers: where mtimecmp of the first hart lies
        Bytes connections;
        u32 phandle;
    };
    // Advanced Interrupt Architecture: the controller of one mode's interrupts. It has connections, or sends
    // messages to the harts' own controllers.
    struct Aplic {
        HartDevice device;
        u32 message_parent; // phandle of those
        u32 child;          // phandle of the next lower mode's
        u32 sources;        // numbered from 1
    };
    // The harts' own controllers, for one mode and one group of harts: pages in the order of the connections,
    // which go on in the next group's.
    struct Imsic {
        HartDevice device;
        u32 guest_index_bits; // pages of one hart: 1 << this
        u32 hart_index_bits;  // where in a hart's number its group starts
        u32 group_index_bits;
        u32 group_index_shift; // of an address: pages of groups lie so far apart
    };
    struct Register {
        Region registers;
        u32 phandle;
    };
    struct SysconAction {
        u32 phandle;
        u32 offset;
        u32 value;
    };
    struct GpioAction {
        u32 phandle;
        u32 pin;
        bool active_low;
    };
    struct HartController {
        u32 phandle;
        u32 hart;
    };
    // Stands between devices and memory.
    struct Iommu {
        Region registers;               // empty: it is a PCI function
        std::optional<u32> pci_address; // the first cell of that function's address
        u32 phandle;
    };

    std::string_view model;
    std::string_view isa; // riscv: of the first hart
    Bytes random_seed;    // QEMU's, another one at each start; or none
    FixedVector<virtio::MmioSlot, max_virtio_slots> virtio_mmio;
    usize virtio_mmio_left_out = 0;
    usize virtio_mmio_absent = 0; // listed where no registers can be
    std::optional<bus::pci::HostDescription> pci;
    bool pci_out_of_reach = false; // there is a host bridge, above address_limit

    std::optional<Uart> console;
    std::optional<Region> fw_cfg; // QEMU's firmware configuration device

    std::optional<Gic> gic;
    Bytes timer_interrupts; // arm
    std::string_view psci;  // "hvc" or "smc"
    bool is_secure = false; // arm: some devices are ours alone, since we run in the secure world
    std::optional<GpioAction> gpio_power_off;
    std::optional<GpioAction> gpio_restart;
    FixedVector<Register, 4> gpio_controllers;

    FixedVector<Iommu, 4> iommus; // riscv's
    usize iommus_absent = 0;      // listed where no registers can be, or beyond those 4
    Bytes pci_iommu_map;          // `iommu-map` of the host bridge: which of them its devices lie behind

    std::optional<u32> timebase_frequency; // riscv
    FixedVector<HartDevice, 8> plics;      // one for each socket
    FixedVector<Aplic, 16> aplics;         // two for each
    FixedVector<Imsic, 16> imsics;
    FixedVector<HartDevice, 8> timers;
    FixedVector<HartDevice, 8> software_interrupts; // of machine mode: 32 bits for each hart
    FixedVector<HartController, 64> hart_controllers;
    std::optional<SysconAction> syscon_power_off;
    std::optional<SysconAction> syscon_reboot;
    FixedVector<Register, 4> syscons;

    // Knows more about an address than the tree does.
    class Witness {
      public:
        // `registers` may be a device's, and the processor gets an answer at that offset.
        virtual bool answers(const Region& registers, u64 offset, u8 width) = 0;

      protected:
        ~Witness() = default;
    };

    // One walk over the tree. Without a witness everything is believed that can be reached.
    void find(const bus::fdt::Tree& tree, Witness* witness = nullptr);

    // Where `device` is connected to hart `hart` with interrupt `cause`: the index among the connections of
    // that cause, and the index among all.
    struct Connection {
        usize of_cause;
        usize of_all;
    };
    std::optional<Connection> connection(const HartDevice& device, u32 hart, u32 cause) const;

  private:
    // The one that `path` (/chosen/stdout-path) names, else the first.
    void choose_console(const bus::fdt::Tree& tree, std::string_view path, std::span<const Uart> uarts);
};

} // namespace vireo::machine::virt
