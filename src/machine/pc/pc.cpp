// SPDX-License-Identifier: Apache-2.0

// QEMU's PC machines, `pc`, `q35` and `microvm`, for both widths.

#include "arch/arch.h"
#include "arch/common/exception_report.h"
#include "arch/common/image.h"
#include "arch/x86/clock.h"
#include "arch/x86/handover.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"
#include "arch/x86/processor.h"
#include "arch/x86/start.h"
#include "base/log.h"
#include "base/math.h"
#include "event/bootstage.h"
#include "machine/firmware/firmware.h"
#include "machine/firmware/physical_machine.h"
#include "machine/pc/chipset.h"
#include "machine/pc/host_tables.h"
#include "machine/pc/microvm.h"
#include "machine/pc/ram.h"
#include "machine/serial/ns16550.h"

namespace vireo::machine::pc {
namespace {

using bus::pci::HostDescription;

constexpr u16 com1_port = 0x3f8;
constexpr u8 com1_line = 4;

constinit Ns16550 com1;

// What a kernel finds in eax, by which it knows its loader. PVH's may be anything but 0, Linux'.
u32 magic_of(system::Machine::Handover::Protocol protocol) {
    using Protocol = system::Machine::Handover::Protocol;
    switch (protocol) {
    case Protocol::Linux:
        return 0;
    case Protocol::Pvh:
        return 1;
    case Protocol::Multiboot:
        return 0x2bad'b002;
    case Protocol::Multiboot2:
        return 0x36d7'6289;
    }
    return 0;
}

class Pc final : public PhysicalMachine {
  public:
    Pc(const Chipset& chipset, system::MemoryMap& map) : chipset_(chipset), map_(map) {}

    std::string_view board() const override { return sizeof(uptr) == 8 ? "qemu-x86_64" : "qemu-x86"; }
    std::string_view model() const override {
        return microvm.found ? "QEMU x86 (microvm)" : chipset_.model();
    }
    u64 default_load_address() const override { return 0x200'0000; }
    // A bzImage unpacks itself to 16 MiB, or lies there already.
    KernelPlace kernel_place() const override { return {16 << 20, 2 << 20}; }
    // U-Boot sets no $cpu here.
    ScriptNames script_names() const override {
        return {"x86", "qemu-x86", sizeof(uptr) == 8 ? "x86_64" : "i386", "emulation", "qemu"};
    }
    std::optional<u16> dhcp_architecture() const override { return 0; }
    Result<> reset() override {
        if (microvm.reset)
            microvm.reset->take();
        return chipset_.reset();
    }
    Result<> power_off() override {
        if (!microvm.power_off)
            return chipset_.power_off();
        microvm.power_off->take();
        return error(ErrorCode::Timeout, "the machine did not switch off");
    }
    void complete_command_line(std::string_view command_line, Writer& words) const override {
        if (microvm.found)
            microvm.complete_command_line(
                command_line,
                arch::x86::tells_clock_rate() ? std::nullopt : std::optional(arch::ticks_per_second() / 1000),
                words);
    }
    Result<> can_enter() const override { return {}; }
    Result<> enter(const Handover& handover) override {
        com1.announce_input(false);
        arch::x86::enter_operating_system(static_cast<uptr>(handover.entry),
                                          static_cast<uptr>(handover.description),
                                          magic_of(handover.protocol), handover.in_32_bit_mode);
    }
    Result<FirmwareTables> firmware_tables() override;
    void print_facts(Writer& out) const override {
        print(out, "relocaddr   = 0x{:016x}\n", arch::image_base());
        print(out, "clock_rate  = {} Hz\n", arch::ticks_per_second());
    }

    Microvm microvm; // empty on the machines with a chip set
    const bus::FwCfg* fw_cfg = nullptr;
    bus::pci::Host* pci_host = nullptr;
    // Neither RAM nor PCI's windows lie where the chip set has configuration space in memory.
    bool has_room_for_configuration = false;

  private:
    Result<> make_tables();

    Chipset chipset_;
    system::MemoryMap& map_;
    bool has_tables_ = false;
    HostTables tables_;
    HostRanges host_ranges_;
    FixedVector<Range, HostRanges::most + decltype(HostTables::ranges)::capacity() + 3> reserved_;
};

// Where a PC has the BIOS' own data, adapters' memory and ROM. Without them Linux would take some of it for
// RAM, which it is behind the chip set.
constexpr Range legacy_area{0x9'fc00, 0x10'0000 - 0x9'fc00};
// Firmware's ROM, at the end of the addresses of 32 bits.
constexpr Range rom{0xfffc'0000, 0x4'0000};

Result<system::Machine::FirmwareTables> Pc::firmware_tables() {
    // At each call: there may be new devices.
    if (pci_host && chipset_.kind() != Chipset::Kind::Other)
        chipset_.route_interrupts(*pci_host);
    if (!has_tables_)
        VIREO_TRY(make_tables());
    return FirmwareTables{.acpi_root = tables_.acpi_root, .reserved = {reserved_.data(), reserved_.size()}};
}

// QEMU makes the tables when they are read first, and says in them what is switched on by then: power
// management (at start), this window, the addresses of devices.
Result<> Pc::make_tables() {
    if (has_room_for_configuration)
        chipset_.open_configuration_window();
    if (fw_cfg) {
        bool has_segment = chipset_.has_segment();
        if (has_segment)
            chipset_.show_segment(Chipset::Segment::WritableRam);
        auto made = make_host_tables(*fw_cfg, map_, has_segment ? Chipset::segment : Range{}, tables_);
        if (has_segment)
            chipset_.show_segment(made ? Chipset::Segment::Ram : Chipset::Segment::Rom);
        VIREO_TRY(std::move(made));
    }
    auto reserve = [this](const Range& range) { VIREO_ASSERT(reserved_.try_push_back(range)); };
    reserve(legacy_area);
    reserve(rom);
    if (has_room_for_configuration)
        reserve(Chipset::configuration_window);
    for (const Range& range : tables_.ranges)
        reserve(range);
    if (fw_cfg)
        find_host_ranges(*fw_cfg, host_ranges_);
    for (const Range& range : host_ranges_.reserved)
        reserve(range);
    has_tables_ = true;
    return {};
}

// A user may have asked for more RAM below 4 GiB (QEMU: max-ram-below-4g).
bool leaves_room_for_configuration(const Chipset& chipset, const RamLayout& ram) {
    return chipset.has_configuration_window() && ram.low_end <= Chipset::configuration_window.base;
}

// Ports, and memory between RAM and the I/O interrupt controller. The 64-bit window lies above all RAM there
// is or can be plugged in.
HostDescription describe_pci(const Chipset& chipset, const RamLayout& ram) {
    // The PIIX has fixed ports of its own from 0xae00 (hot-plug) on; those of the ICH9 are below 0x1000.
    constexpr u64 io_start = 0x1000;
    constexpr u64 i440fx_io_end = 0xa000;
    constexpr u64 q35_io_end = 0x1'0000;
    u64 io_end = chipset.kind() == Chipset::Kind::Q35 ? q35_io_end : i440fx_io_end;
    // Not right behind a small RAM: operating systems expect device memory in the upper half.
    constexpr u64 lowest_memory = 0x8000'0000;
    constexpr u64 io_interrupt_controller = 0xfec0'0000;
    u64 memory = std::max(align_up<u64>(ram.low_end, 1 << 20), lowest_memory);

    HostDescription pci;
    pci.access = HostDescription::ConfigAccess::Ports;
    pci.last_bus = 255;
    pci.io_space = io::Space::Port;
    pci.io = {io_start, io_start, io_end - io_start};
    u64 memory_end = leaves_room_for_configuration(chipset, ram) ? Chipset::configuration_window.base
                                                                 : io_interrupt_controller;
    if (memory < memory_end)
        pci.memory = {memory, memory, memory_end - memory};
    if constexpr (sizeof(uptr) == 8) {
        constexpr u64 wanted = u64{8} << 30;
        u64 limit = std::min(u64{1} << arch::x86::physical_address_bits(), arch::x86::highest_mappable);
        u64 base = align_up<u64>(ram.high_end, u64{1} << 30);
        if (base < limit)
            pci.memory64 = {base, base, std::min(wanted, limit - base)};
    }
    return pci;
}

#ifdef __x86_64__
void map_high_memory(system::MemoryMap& memory, const RamLayout& ram, const bus::pci::AddressRange& pci) {
    u64 end = std::min(std::max(ram.high_end, pci.cpu + pci.bytes), arch::x86::highest_mappable);
    usize bytes = arch::x86::table_bytes(end);
    if (bytes == 0)
        return;
    auto tables = memory.allocate(bytes, 4096, "page tables", arch::x86::four_gib);
    if (!tables)
        cannot_start("page tables", tables.error().what);
    arch::x86::map_above_4_gib(end, static_cast<uptr>(*tables));
}
#endif

// What the device tree says, within what the page tables reach.
std::optional<HostDescription> pci_of_microvm(const Microvm& microvm) {
    auto pci = microvm.pci;
    if (pci && pci->memory64.cpu + pci->memory64.bytes > arch::x86::highest_mappable)
        pci->memory64 = {};
    return pci;
}

void start_clock(const Chipset& chipset) {
    if (auto port = chipset.pm_timer())
        arch::x86::start_clock_with_pm_timer(*port);
    else if (!arch::x86::start_clock_with_local_apic())
        warn("nothing here counts at a known rate (no ACPI timer, no local APIC): times are a guess");
}

constinit Pc* running_machine = nullptr;

bool remember_pci(bus::pci::Host& host) {
    running_machine->pci_host = &host;
    return true;
}

void restart_after_exception() {
    (void)running_machine->reset(); // if it fails, the processor halts
}

} // namespace

extern "C" [[noreturn]] void vireo_machine_start() {
    event::first_stage("start", arch::ticks());
    // All of this lives for ever: `run` does not return.
    com1.start(io::Window(io::Space::Port, com1_port, Ns16550::register_bytes));
    system::TerminalWriter early_console(com1);
    set_log_writer(&early_console);
    Chipset chipset = Chipset::detect();
    arch::x86::start_interrupts({.line = com1_line, .announce = [](bool on) { com1.announce_input(on); }});
    // Early, because everything from here to the first question for the rate is measuring time
    // that costs nothing.
    start_clock(chipset);
    system::MemoryMap memory;
    Pc pc(chipset, memory);
    running_machine = &pc;
    arch::set_final_action(restart_after_exception);

    auto fw_cfg = bus::FwCfg::create(
        io::Window(io::Space::Port, bus::FwCfg::first_port, bus::FwCfg::ports.bytes), bus::FwCfg::ports);
    pc.fw_cfg = fw_cfg ? &*fw_cfg : nullptr;
    RamLayout ram = find_ram(fw_cfg ? &*fw_cfg : nullptr, memory);
    check_ram(memory);
    std::optional<HostDescription> pci;
    if (chipset.kind() != Chipset::Kind::Other) {
        pci = describe_pci(chipset, ram);
        pc.has_room_for_configuration = leaves_room_for_configuration(chipset, ram);
    } else if (fw_cfg) {
        pc.microvm.find(*fw_cfg, memory);
        pci = pci_of_microvm(pc.microvm);
    }
#ifdef __x86_64__
    map_high_memory(memory, ram, pci ? pci->memory64 : bus::pci::AddressRange{});
#endif
    machine::run({.machine = pc,
                  .serial = com1,
                  .memory = memory,
                  .virtio_mmio = {pc.microvm.slots.data(), pc.microvm.slots.size()},
                  .pci = pci ? &*pci : nullptr,
                  .prepare_pci = remember_pci,
                  .print_cpu = arch::x86::print_cpu,
                  .random_seed = arch::x86::random_seed(),
                  .fw_cfg = fw_cfg ? &*fw_cfg : nullptr});
}

} // namespace vireo::machine::pc
