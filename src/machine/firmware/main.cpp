// SPDX-License-Identifier: Apache-2.0
#include "arch/arch.h"
#include "arch/common/least_ram.h"
#include "autoconf.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/math.h"
#include "event/bootstage.h"
#include "machine/firmware/firmware.h"
#include "machine/firmware/fw_cfg_files.h"
#include "machine/firmware/memory_custodian.h"
#include "machine/firmware/stack.h"
#include "shell/banner.h"
#include "shell/shell.h"

#ifdef CONFIG_VIRTIO_MMIO
#include "virtio/transport/mmio/mmio_source.h"
#endif
#ifdef CONFIG_VIRTIO_PCI
#include "bus/pci/host.h"
#include "virtio/transport/pci/pci_source.h"
#endif
#ifdef CONFIG_CMD_PCI
#include "bus/pci/inspector.h"
#endif

namespace vireo::machine {
namespace {

constexpr u64 MiB = 1 << 20;

constexpr u64 least_ram = VIREO_LEAST_RAM_MIB * MiB;
constexpr u64 least_heap = 4 * MiB;
constexpr u64 four_gib = u64{1} << 32;

u64 ram_below_4_gib(const system::MemoryMap& memory) {
    u64 bytes = 0;
    for (const auto& bank : memory.ram())
        bytes += std::min(bank.end(), four_gib) - std::min(bank.base, four_gib);
    return bytes;
}

// Small machines keep most RAM for what the user loads; the upper bound is far above what many disks need.
u64 heap_bytes(u64 ram) { return std::clamp<u64>(align_down<u64>(ram / 8, MiB), least_heap, 32 * MiB); }

void start_heap(system::MemoryMap& memory) {
    constexpr const char* owner = "Vireo heap";
    u64 bytes = heap_bytes(ram_below_4_gib(memory));
    // Below 4 GiB: rings and other pool memory must be reachable for every legacy device.
    auto base = memory.allocate(bytes, 4096, owner, four_gib);
    if (!base)
        base = memory.allocate(bytes = least_heap, 4096, owner, four_gib);
    if (!base)
        cannot_start(owner, base.error().what);
    firmware_heap().initialise(reinterpret_cast<std::byte*>(static_cast<uptr>(*base)),
                               static_cast<usize>(bytes));
}

// "128 MiB", "3 GiB", "1.5 GiB": the largest unit that shows the size exactly to a tenth.
void print_size(Writer& out, u64 bytes) {
    u64 tenths_of_gib = bytes * 10 / (1024 * MiB);
    if (bytes < 1024 * MiB || tenths_of_gib * 1024 * MiB != bytes * 10)
        print(out, "{} MiB", bytes / MiB);
    else if (tenths_of_gib % 10 == 0)
        print(out, "{} GiB", tenths_of_gib / 10);
    else
        print(out, "{}.{} GiB", tenths_of_gib / 10, tenths_of_gib % 10);
}

void print_start(Writer& out, const Platform& platform) {
    out.write("\n\n");
    shell::print_banner(out);
    out.write("\n\n");
    if (platform.print_cpu)
        platform.print_cpu(out);
    print(out, "Model: {}\n", platform.machine.model());
    out.write("DRAM:  ");
    print_size(out, platform.memory.total_ram());
    out.write("\n");
}

// Objects that live as long as the machine runs: made once, never destroyed, on the heap because they are
// large and there are no static constructors.
template <typename T, typename... A> T& make_for_ever(A&&... arguments) {
    return *VIREO_MUST(make_owned<T>(std::forward<A>(arguments)...)).release();
}

// Gives the PCI bus as `pci` sees it, if there is one.
system::PciInspector* add_sources([[maybe_unused]] virtio::DeviceManager& devices,
                                  [[maybe_unused]] const Platform& platform) {
    // MMIO first, then PCI: device numbers follow this order (docs/using.md).
#ifdef CONFIG_VIRTIO_MMIO
    if (!platform.virtio_mmio.empty())
        devices.add_source(make_for_ever<virtio::MmioSource>(platform.virtio_mmio));
#endif
#ifdef CONFIG_VIRTIO_PCI
    if (platform.pci) {
        auto& host = make_for_ever<bus::pci::Host>(*platform.pci);
        if (!platform.prepare_pci || platform.prepare_pci(host))
            devices.add_source(make_for_ever<virtio::PciSource>(host));
#ifdef CONFIG_CMD_PCI
        return &make_for_ever<bus::pci::Inspector>(host);
#endif
    }
#endif
    return nullptr;
}

} // namespace

void cannot_start(std::string_view doing, std::string_view why) {
    if (Writer* out = log_writer())
        print(*out, "\nVireo cannot start: {}: {}\n", doing, why);
    arch::halt();
}

void check_ram(const system::MemoryMap& memory) {
    u64 ram = ram_below_4_gib(memory);
    if (ram >= least_ram)
        return;
    if (Writer* out = log_writer())
        print(*out, "\nVireo cannot start: {} MiB of RAM{} are too few, it needs {} MiB\n", ram / MiB,
              memory.total_ram() > ram ? " below 4 GiB" : "", least_ram / MiB);
    arch::halt();
}

void run(const Platform& platform) {
    event::mark_stage("machine");
    start_heap(platform.memory);
    auto& console = make_for_ever<system::Console>(platform.serial);
    set_log_writer(&console.errors());
    print_start(console, platform);
    event::mark_stage("banner");

    dma::set_custodian(&make_for_ever<MemoryCustodian>(firmware_heap(), platform.memory));
    auto& stack = make_for_ever<Stack>(platform.random_seed);
    system::PciInspector* pci = add_sources(stack.manager, platform);
    stack.manager.start();
    event::mark_stage("virtio_start");

    console.write("\n");
    for (const Range& range : platform.kept)
        VIREO_MUST(platform.memory.release(range.base));
    auto* host_files = platform.fw_cfg ? &make_for_ever<FwCfgFiles>(*platform.fw_cfg) : nullptr;
    shell::run(make_for_ever<shell::Context>(stack.services({.console = console,
                                                             .memory = platform.memory,
                                                             .machine = platform.machine,
                                                             .pci = pci,
                                                             .host_files = host_files})));
}

} // namespace vireo::machine
