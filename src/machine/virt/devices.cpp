// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/devices.h"

#include "base/parse.h"
#include "bus/fw_cfg/fw_cfg.h"
#include "bus/pci/host_from_tree.h"
#include "machine/virt/memory.h"

namespace vireo::machine::virt {

using bus::fdt::Node;
using bus::fdt::read_cells;
using bus::fdt::Tree;
using bus::fdt::Walk;

namespace {

enum class Kind : u8 {
    VirtioMmio,
    PciHost,
    FwCfg,
    Pl011,
    Ns16550,
    GicV2,
    GicV3,
    ArmTimer,
    Psci,
    Pl061,
    GpioPowerOff,
    GpioRestart,
    HartController,
    Plic,
    Aplic,
    Imsic,
    Clint,
    AclintTimer,
    AclintSoftware,
    Syscon,
    SysconPowerOff,
    SysconReboot,
    Iommu,
    PciIommu
};

struct Known {
    std::string_view compatible;
    Kind kind;
};

// The most frequent first.
constexpr Known known[] = {
    {"virtio,mmio", Kind::VirtioMmio},
    {"pci-host-ecam-generic", Kind::PciHost},
    {"qemu,fw-cfg-mmio", Kind::FwCfg},
    {"arm,pl011", Kind::Pl011},
    {"ns16550a", Kind::Ns16550},
    {"ns16550", Kind::Ns16550},
    {"arm,cortex-a15-gic", Kind::GicV2},
    {"arm,gic-400", Kind::GicV2},
    {"arm,gic-v3", Kind::GicV3},
    {"arm,armv8-timer", Kind::ArmTimer},
    {"arm,armv7-timer", Kind::ArmTimer},
    {"arm,psci-1.0", Kind::Psci},
    {"arm,psci-0.2", Kind::Psci},
    {"arm,pl061", Kind::Pl061},
    {"gpio-poweroff", Kind::GpioPowerOff},
    {"gpio-restart", Kind::GpioRestart},
    {"riscv,cpu-intc", Kind::HartController},
    {"sifive,plic-1.0.0", Kind::Plic},
    {"riscv,plic0", Kind::Plic},
    {"riscv,aplic", Kind::Aplic},
    {"riscv,imsics", Kind::Imsic},
    {"riscv,clint0", Kind::Clint},
    {"sifive,clint0", Kind::Clint},
    {"riscv,aclint-mtimer", Kind::AclintTimer},
    {"riscv,aclint-mswi", Kind::AclintSoftware},
    {"syscon", Kind::Syscon},
    {"syscon-poweroff", Kind::SysconPowerOff},
    {"syscon-reboot", Kind::SysconReboot},
    {"riscv,iommu", Kind::Iommu},
    {"riscv,pci-iommu", Kind::PciIommu},
};

// The first of the node's compatible strings that Vireo knows: they go from special to general.
std::optional<Kind> kind_of(const Node& node) {
    auto property = node.property("compatible");
    if (!property)
        return std::nullopt;
    std::string_view rest = as_text(*property);
    while (!rest.empty()) {
        std::string_view name = rest.substr(0, rest.find('\0'));
        for (const Known& entry : known)
            if (entry.compatible == name)
                return entry.kind;
        rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    }
    return std::nullopt;
}

// QEMU's secure machine marks what only the secure side has as disabled for the other side. Vireo started on
// the secure side there, and stayed (arch/arm64/entry.S).
bool is_enabled_for_secure_side(const Node& node) { return node.text("secure-status") == "okay"; }

// The controller that a node's `interrupts` belong to: its own word, its bus's or the root's (2.4.1).
u32 interrupt_parent(const Walk& walk, const Node& root) {
    for (const Node& node : {walk.node(), walk.parent(), root})
        if (auto phandle = node.cell("interrupt-parent"))
            return *phandle;
    return 0;
}

std::optional<Devices::GpioAction> gpio_action(const Node& node) {
    auto phandle = node.cell("gpios", 0);
    auto pin = node.cell("gpios", 1);
    if (!phandle || !pin || *pin > 7)
        return std::nullopt;
    return Devices::GpioAction{*phandle, *pin, (node.cell("gpios", 2).value_or(0) & 1) != 0};
}

std::optional<Devices::SysconAction> syscon_action(const Node& node) {
    auto phandle = node.cell("regmap");
    auto value = node.cell("value");
    if (!phandle || !value)
        return std::nullopt;
    return Devices::SysconAction{*phandle, node.cell("offset").value_or(0), *value};
}

} // namespace

void Devices::find(const Tree& tree, Witness* witness) {
    Node root;
    Node chosen;
    FixedVector<Uart, 8> uarts;
    for (Walk walk(tree); walk.next();) {
        const Node& node = walk.node();
        if (walk.depth() == 0) {
            root = node;
            model = node.text("model");
            continue;
        }
        if (walk.depth() == 1 && node.name() == "cpus") {
            timebase_frequency = node.cell("timebase-frequency");
            continue;
        }
        if (walk.depth() == 1 && node.name() == "chosen")
            chosen = node;
        auto kind = kind_of(node);
        bool is_only_secure = kind && !node.is_enabled() && is_enabled_for_secure_side(node);
        is_secure |= is_only_secure;
        if (!kind || (!node.is_enabled() && !is_only_secure)) {
            if (isa.empty() && walk.depth() == 2)
                isa = node.text("riscv,isa");
            continue;
        }

        // Where the tree says that registers are, if that can be. A tree that lies shall cost
        // a device, not a fault.
        auto registers = [&](usize index, u64 offset = 0, u8 width = 4) {
            constexpr u64 alignment = 8; // as much as any of their registers has
            auto found = walk.reg(index);
            if (found && (!is_aligned(found->base, alignment) ||
                          !range_fits(found->base, found->bytes, address_limit) ||
                          !range_fits(offset, width, found->bytes) ||
                          (witness && !witness->answers(*found, offset, width))))
                found.reset();
            return found;
        };
        // Asked for where they are needed: each costs a look at all properties of the node.
        auto interrupts = [&] { return node.property("interrupts").value_or(Bytes()); };
        auto connections = [&] { return node.property("interrupts-extended").value_or(Bytes()); };
        auto phandle = [&] { return node.cell("phandle").value_or(0); };
        switch (*kind) {
        case Kind::VirtioMmio:
            if (auto reg = registers(0)) {
                if (!virtio_mmio.try_push_back({reg->base, reg->bytes}))
                    ++virtio_mmio_left_out;
            } else if (walk.reg(0)) {
                ++virtio_mmio_absent;
            }
            break;
        case Kind::PciHost:
            if (!pci && registers(0)) {
                pci = bus::pci::read_host(walk, address_limit);
                pci_iommu_map = node.property("iommu-map").value_or(Bytes());
            }
            if (auto reg = walk.reg(0))
                pci_out_of_reach = !pci && reg->base + reg->bytes > address_limit;
            break;
        case Kind::FwCfg: // where it has no DMA, no register answers behind the selector
            if (auto reg = registers(0, 0, 1); reg && reg->bytes >= bus::FwCfg::memory.bytes)
                fw_cfg = reg;
            break;
        case Kind::Pl011:
        case Kind::Ns16550:
            // Registers that are further apart than a byte are another machine's. Flags are read,
            // not what was received.
            if (node.is_enabled() && node.cell("reg-shift").value_or(0) == 0)
                if (auto reg = *kind == Kind::Pl011 ? registers(0, 0x18) : registers(0, 5, 1))
                    (void)uarts.try_push_back({*kind == Kind::Pl011 ? Uart::Kind::Pl011 : Uart::Kind::Ns16550,
                                               *reg, interrupts(), interrupt_parent(walk, root),
                                               node.offset()});
            break;
        case Kind::GicV2:
        case Kind::GicV3:
            if (auto reg = registers(0), processor_side = registers(1); reg && processor_side)
                gic = Gic{*kind == Kind::GicV2 ? 2u : 3u, *reg, *processor_side};
            break;
        case Kind::ArmTimer:
            timer_interrupts = interrupts();
            break;
        case Kind::Psci:
            psci = node.text("method");
            break;
        case Kind::Pl061:
        case Kind::Syscon: {
            auto& list = *kind == Kind::Pl061 ? gpio_controllers : syscons;
            if (auto reg = registers(0); reg && phandle() != 0)
                (void)list.try_push_back({*reg, phandle()}); // more than there can be is none of ours
            break;
        }
        case Kind::GpioPowerOff:
            gpio_power_off = gpio_action(node);
            break;
        case Kind::GpioRestart:
            gpio_restart = gpio_action(node);
            break;
        case Kind::SysconPowerOff:
            syscon_power_off = syscon_action(node);
            break;
        case Kind::SysconReboot:
            syscon_reboot = syscon_action(node);
            break;
        case Kind::HartController:
            if (auto hart = walk.parent().cell("reg"); phandle() != 0 && hart)
                (void)hart_controllers.try_push_back(
                    {phandle(), *hart}); // a hart that is left out is not woken early
            break;
        case Kind::Plic:
            if (auto reg = registers(0))
                (void)plics.try_push_back({*reg, {}, connections(), phandle()});
            break;
        case Kind::Aplic:
            if (auto reg = registers(0))
                (void)aplics.try_push_back({{*reg, {}, connections(), phandle()},
                                            node.cell("msi-parent").value_or(0),
                                            node.cell("riscv,children").value_or(0),
                                            node.cell("riscv,num-sources").value_or(0)});
            break;
        case Kind::Imsic:
            for (usize i = 0; auto part = registers(i); ++i)
                (void)imsics.try_push_back({{*part, {}, connections(), phandle()},
                                            node.cell("riscv,guest-index-bits").value_or(0),
                                            node.cell("riscv,hart-index-bits").value_or(0),
                                            node.cell("riscv,group-index-bits").value_or(0),
                                            node.cell("riscv,group-index-shift").value_or(24)});
            break;
        case Kind::Clint: // msip at 0, mtimecmp at 0x4000, mtime at 0xbff8
            if (auto reg = registers(0, 0xbff8); reg && reg->bytes >= 0xc000) {
                (void)timers.try_push_back(
                    {{reg->base + 0xbff8, 8}, {reg->base + 0x4000, 0x7ff8}, connections(), phandle()});
                (void)software_interrupts.try_push_back({{reg->base, 0x4000}, {}, connections(), phandle()});
            }
            break;
        case Kind::AclintTimer:
            if (auto reg = registers(0), compare = registers(1); reg && compare && reg->bytes >= 8)
                (void)timers.try_push_back({*reg, *compare, connections(), phandle()});
            break;
        case Kind::AclintSoftware:
            if (auto reg = registers(0))
                (void)software_interrupts.try_push_back({*reg, {}, connections(), phandle()});
            break;
        case Kind::Iommu:
            if (auto reg = registers(0); !reg || !iommus.try_push_back({*reg, {}, phandle()}))
                ++iommus_absent;
            break;
        case Kind::PciIommu:
            if (auto address = node.cell("reg"); !address || !iommus.try_push_back({{}, *address, phandle()}))
                ++iommus_absent;
            break;
        }
    }
    random_seed = chosen.property("rng-seed").value_or(Bytes());
    choose_console(tree, chosen.text("stdout-path"), {uarts.data(), uarts.size()});
}

void Devices::choose_console(const Tree& tree, std::string_view path, std::span<const Uart> uarts) {
    if (uarts.empty())
        return;
    console = uarts[0];
    if (uarts.size() == 1)
        return;
    if (auto node = tree.find(path))
        for (const Uart& uart : uarts)
            if (uart.node == node->offset())
                console = uart;
}

std::optional<Devices::Connection> Devices::connection(const HartDevice& device, u32 hart, u32 cause) const {
    Connection at{0, 0};
    for (;; ++at.of_all) {
        auto phandle = read_cells(device.connections, at.of_all * 2, 1);
        auto its_cause = read_cells(device.connections, at.of_all * 2 + 1, 1);
        if (!phandle || !its_cause)
            return std::nullopt;
        if (*its_cause != cause)
            continue;
        for (const HartController& controller : hart_controllers)
            if (controller.phandle == *phandle && controller.hart == hart)
                return at;
        ++at.of_cause;
    }
}

} // namespace vireo::machine::virt
