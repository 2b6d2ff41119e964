// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/machine.h"

#include "arch/arch.h"
#include "arch/common/attempt.h"
#include "arch/common/handover.h"
#include "arch/common/image.h"
#include "arch/common/start.h"
#include "autoconf.h"
#include "base/log.h"
#include "machine/interrupts/interrupts.h"
#include "machine/serial/ns16550.h"
#include "machine/serial/pl011.h"
#include "machine/virt/memory.h"
#include "machine/virt/power.h"

#if defined(CONFIG_ARCH_ARM) || defined(CONFIG_ARCH_ARM64)
#include "arch/common/arm_processor.h"
#endif

#ifdef CONFIG_ARM_PSCI
#include "arch/psci/install.h"
#include "machine/virt/secure_world.h"
#endif

#ifdef CONFIG_ARCH_RISCV
#include "arch/riscv/handover.h"
#include "arch/riscv/processor.h"
#include "arch/riscv/sbi/layout.h"
#include "machine/interrupts/aplic_domains.h"
#include "machine/interrupts/hart_timer.h"
#include "machine/serial/sbi_console.h"
#include "machine/virt/given_kernel.h"
#include "machine/virt/riscv_iommu.h"
#endif

#ifdef CONFIG_RISCV_SBI
#include "arch/riscv/sbi/install.h"
#include "machine/virt/riscv_handover.h"
#endif

namespace vireo::machine::virt {

namespace {

using Uart = Devices::Uart;

struct Board {
    std::string_view name;
    u64 load_address;
    system::Machine::KernelPlace kernel;
    system::Machine::ScriptNames names;
    u16 dhcp_architecture;
    Uart default_console;
};

#if defined(CONFIG_ARCH_ARM)
// A zImage unpacks itself at the start of RAM and must not lie there, or it copies itself away first.
constexpr Board this_board{"qemu_arm",
                           0x40200000,
                           {32 << 20, 2 << 20},
                           {"arm", "qemu-arm", "armv7", "emulation", ""},
                           21,
                           {Uart::Kind::Pl011, {0x9000000, 0x1000}, {}, 0, -1}};
#elif defined(CONFIG_ARCH_ARM64)
constexpr Board this_board{"qemu_arm64",
                           0x40200000,
                           {2 << 20, 2 << 20},
                           {"arm", "qemu-arm", "armv8", "emulation", ""},
                           22,
                           {Uart::Kind::Pl011, {0x9000000, 0x1000}, {}, 0, -1}};
#elif defined(CONFIG_ARCH_RISCV32)
constexpr Board this_board{"qemu-riscv32",
                           0x80200000,
                           {4 << 20, 4 << 20},
                           {"riscv", "qemu-riscv", "generic", "emulation", ""},
                           25,
                           {Uart::Kind::Ns16550, {0x10000000, 0x100}, {}, 0, -1}};
#else
constexpr Board this_board{"qemu-riscv64",
                           0x80200000,
                           {2 << 20, 2 << 20},
                           {"riscv", "qemu-riscv", "generic", "emulation", ""},
                           27,
                           {Uart::Kind::Ns16550, {0x10000000, 0x100}, {}, 0, -1}};
#endif

// One of them is the console. Static: the firmware writes to it for ever.
constinit Pl011 pl011;
constinit Ns16550 ns16550;
constinit std::string_view cpu_isa;

system::ConsolePort& start_uart(const Uart& uart) {
    io::Window registers(io::Space::Memory, uart.registers.base, uart.registers.bytes);
    if (uart.kind == Uart::Kind::Pl011) {
        pl011.start(registers);
        return pl011;
    }
    ns16550.start(registers);
    return ns16550;
}

// For a tree that names no port that Vireo knows, and before it has been read.
system::ConsolePort& start_default_console() {
#ifdef CONFIG_ARCH_RISCV
    static constinit SbiConsole firmware_console;
    if (arch::riscv::is_supervisor()) {
        firmware_console.start();
        return firmware_console;
    }
#endif
    return start_uart(this_board.default_console);
}

// What is there may be something else: it knows the PL011's number, or keeps what is written to the
// 16550's scratch register.
bool is_one(const Uart& uart) {
    io::Window registers(io::Space::Memory, uart.registers.base, uart.registers.bytes);
    if (uart.kind == Uart::Kind::Pl011) {
        constexpr u64 part_number = 0xfe0;
        return registers.size() >= Pl011::register_bytes && (registers.read32(part_number) & 0xff) == 0x11;
    }
    constexpr u64 scratch = 7;
    constexpr u8 pattern = 0xa5;
    if (registers.size() < Ns16550::register_bytes)
        return false;
    registers.write8(scratch, pattern);
    return registers.read8(scratch) == pattern;
}

// Device registers lie where no RAM is, and where the processor may read.
class Processor final : public Devices::Witness {
  public:
    explicit Processor(const system::MemoryMap& map) : map_(map) {}

    bool answers(const Region& registers, u64 offset, u8 width) override {
        u64 value = 0;
        return !map_.touches_ram(registers.base, registers.bytes) &&
               arch::try_load(static_cast<uptr>(registers.base + offset), width, value);
    }

  private:
    const system::MemoryMap& map_;
};

std::optional<bus::FwCfg> open_fw_cfg(const std::optional<Region>& registers) {
    if (!registers)
        return std::nullopt;
    auto device = bus::FwCfg::create(io::Window(io::Space::Memory, registers->base, registers->bytes),
                                     bus::FwCfg::memory);
    return device ? std::optional(*device) : std::nullopt;
}

// Windows that would lay devices over RAM are none.
void keep_off_ram(bus::pci::HostDescription& pci, const system::MemoryMap& map) {
    for (auto* window : {&pci.io, &pci.memory, &pci.memory64})
        if (map.touches_ram(window->cpu, window->bytes))
            *window = {};
}

// Sets the port up with the first thing that it writes: as a rule nothing goes wrong early.
class EarlyConsole final : public Writer {
  public:
    void write(std::string_view text) override {
        if (!port_)
            port_ = &start_default_console();
        while (!text.empty()) {
            usize line = std::min(text.find('\n'), text.size());
            port_->send(text.substr(0, line), nullptr);
            if (line < text.size())
                port_->send("\r\n", nullptr);
            text.remove_prefix(std::min(line + 1, text.size()));
        }
    }

  private:
    system::ConsolePort* port_ = nullptr;
};

constinit EarlyConsole early;

#ifdef CONFIG_ARCH_RISCV
constinit const Devices* devices_of_tree;
#endif

#if defined(CONFIG_ARCH_RISCV) && defined(CONFIG_VIRTIO_PCI)
bool prepare_pci(bus::pci::Host& host) { return open_pci_iommus(*devices_of_tree, host); }
#else
// An SMMU passes on what it has not been told to translate.
constexpr bool (*prepare_pci)(bus::pci::Host&) = nullptr;
#endif

#ifdef CONFIG_ARCH_RISCV
const std::byte* ram_at(u64 address) {
    return reinterpret_cast<const std::byte*>(static_cast<uptr>(address));
}
#endif

void print_isa(Writer& out) { print(out, "CPU:   {}\n", cpu_isa); }

} // namespace

Writer& early_console() { return early; }

#ifdef CONFIG_ARCH_RISCV
Result<system::Machine::GivenKernel> given_kernel(const bus::fdt::Tree& tree, const system::MemoryMap& map) {
    auto* record = reinterpret_cast<const ResetRecord*>(arch::riscv::reset_record());
    if (!record || record->next_address == 0) // as a rule: little of the start is spent on it
        return error(ErrorCode::NotFound, "the host gives no kernel");
    return find_given_kernel(record, tree, map, ram_at);
}
#else
static Result<system::Machine::GivenKernel> given_kernel(const bus::fdt::Tree&, const system::MemoryMap&) {
    return error(ErrorCode::NotFound, "the host gives no kernel"); // in RAM
}
#endif

VirtMachine::VirtMachine(const bus::fdt::Tree& tree, system::MemoryMap& map, u32 processor)
    : tree_(tree), map_(map), processor_(processor), given_kernel_(virt::given_kernel(tree, map)) {
    Processor processor_answers(map);
    devices_.find(tree, &processor_answers);
    if (devices_.pci)
        keep_off_ram(*devices_.pci, map);
#ifdef CONFIG_ARCH_RISCV
    start_hart_timer(devices_, processor);
#endif
    cpu_isa = devices_.isa;
}

system::ConsolePort& VirtMachine::start_console() {
    if (devices_.console && !is_one(*devices_.console))
        devices_.console.reset();
    if (!devices_.console) {
        (void)route_wake_sources(devices_, processor_);
        return start_default_console();
    }
    auto& port = start_uart(*devices_.console);
    if (route_wake_sources(devices_, processor_)) {
        if (devices_.console->kind == Uart::Kind::Pl011)
            pl011.announce_input(true);
        else
            ns16550.announce_input(true);
    }
    return port;
}

void VirtMachine::run(std::span<const Range> kept) {
    auto& port = start_console();
    if (devices_.virtio_mmio_left_out != 0)
        warn("{} virtio-mmio slots are more than Vireo has room for", devices_.virtio_mmio_left_out);
    if (devices_.virtio_mmio_absent != 0)
        warn("{} virtio-mmio slots of the device tree are not there", devices_.virtio_mmio_absent);
    if (devices_.pci_out_of_reach)
        warn("PCI lies above {} GiB, where this board cannot reach it{}", address_limit >> 30,
             sizeof(uptr) == 4 ? " (QEMU: -machine highmem=off)" : "");
#ifdef CONFIG_ARCH_RISCV
    open_iommus(devices_);
    devices_of_tree = &devices_;
#endif
    auto fw_cfg = open_fw_cfg(devices_.fw_cfg);
    machine::run({.machine = *this,
                  .serial = port,
                  .memory = map_,
                  .virtio_mmio = {devices_.virtio_mmio.data(), devices_.virtio_mmio.size()},
                  .pci = devices_.pci ? &*devices_.pci : nullptr,
                  .prepare_pci = prepare_pci,
                  .print_cpu = cpu_isa.empty() ? nullptr : print_isa,
                  .random_seed = devices_.random_seed,
                  .fw_cfg = fw_cfg ? &*fw_cfg : nullptr,
                  .kept = kept});
}

std::string_view VirtMachine::board() const { return this_board.name; }

u64 VirtMachine::default_load_address() const { return this_board.load_address; }

system::Machine::KernelPlace VirtMachine::kernel_place() const { return this_board.kernel; }

system::Machine::ScriptNames VirtMachine::script_names() const { return this_board.names; }
std::optional<u16> VirtMachine::dhcp_architecture() const { return this_board.dhcp_architecture; }

std::optional<u64> VirtMachine::device_tree() const { return reinterpret_cast<uptr>(tree_.blob()); }

Result<> VirtMachine::reset() { return restart(devices_); }

Result<> VirtMachine::power_off() { return virt::power_off(devices_); }

#if defined(CONFIG_ARCH_ARM64) || defined(CONFIG_ARCH_ARM)
namespace {

// Started in the secure world (QEMU: secure=on), Vireo is the firmware there. By `-kernel` it is in the other
// one, where there is firmware already.
bool is_in_secure_world(const Devices& devices) { return devices.is_secure && devices.psci.empty(); }

#ifdef CONFIG_ARM_PSCI
// As MPIDR has them.
u64 own_affinity() {
    u64 packed = arch::processor_affinity();
    return (packed >> 24) << 32 | (packed & 0xffffff);
}

// Where to go, with translation off, to start at `entry` in the non-secure world.
Result<uptr> leave_secure_world(const Devices& devices, const bus::fdt::Tree& tree,
                                const system::MemoryMap& map, const system::Machine::Handover& handover) {
    arch::psci::Description description{};
    VIREO_TRY(describe_for_psci(devices, tree, map, own_affinity(), description));
    description.counter_rate = static_cast<u32>(arch::ticks_per_second());
    description.entry = static_cast<uptr>(handover.entry);
    description.argument = static_cast<uptr>(handover.description);
    release_wake_sources(devices);
    if (!give_interrupts_to_non_secure_world(devices))
        return error(ErrorCode::NotSupported, "the interrupt controller has not all of its registers");
    return arch::psci::install(description);
}
#else
Result<> can_leave_secure_world(const Devices&, const bus::fdt::Tree&) {
    return error(ErrorCode::NotSupported, "this build cannot leave the secure world (QEMU: secure=on)");
}

Result<uptr> leave_secure_world(const Devices& devices, const bus::fdt::Tree& tree, const system::MemoryMap&,
                                const system::Machine::Handover&) {
    VIREO_TRY(can_leave_secure_world(devices, tree));
    return uptr{0};
}
#endif

} // namespace

Result<> VirtMachine::can_enter() const {
    return is_in_secure_world(devices_) ? can_leave_secure_world(devices_, tree_) : Result<>();
}

bool VirtMachine::leaves_psci() const { return is_in_secure_world(devices_); }

Result<> VirtMachine::enter(const Handover& handover) {
    auto entry = static_cast<uptr>(handover.entry);
    if (is_in_secure_world(devices_))
        entry = VIREO_TRY(leave_secure_world(devices_, tree_, map_, handover));
    if (devices_.console && devices_.console->kind == Uart::Kind::Pl011)
        pl011.announce_input(false);
    release_wake_sources(devices_);
    arch::enter_operating_system(entry, static_cast<uptr>(handover.description), handover.read_uncached);
}
#elif defined(CONFIG_ARCH_RISCV)
namespace {

// Machine mode: the resident SBI takes our place below the operating system.
#ifdef CONFIG_RISCV_SBI
Result<> has_sbi() { return {}; }
Result<uptr> install_sbi(const Devices& devices, u32 hart) {
    return arch::riscv::sbi::install(VIREO_TRY(describe_for_sbi(devices, hart)));
}
#else
Result<> has_sbi() { return error(ErrorCode::NotSupported, "this build has no SBI for machine mode"); }
Result<uptr> install_sbi(const Devices&, u32) { return uptr{0}; }
#endif

} // namespace

Result<> VirtMachine::can_enter() const {
    if (arch::riscv::is_supervisor())
        return {};
    if (!arch::riscv::has_supervisor_mode())
        return error(ErrorCode::NotSupported, "the processor has no supervisor mode");
    VIREO_TRY(can_give_aplics(devices_));
    return has_sbi();
}

std::optional<Range> VirtMachine::resident() const {
    if (arch::riscv::is_supervisor())
        return std::nullopt;
    return Range{VIREO_SBI_BLOCK, VIREO_SBI_BLOCK_BYTES};
}

Result<> VirtMachine::enter(const Handover& handover) {
    VIREO_TRY(can_enter());
    uptr sbi = arch::riscv::is_supervisor() ? 0 : VIREO_TRY(install_sbi(devices_, processor_));
    if (devices_.console && devices_.console->kind == Uart::Kind::Ns16550)
        ns16550.announce_input(false);
    release_wake_sources(devices_);
    if (!arch::riscv::is_supervisor())
        give_aplics_to_supervisor_mode(devices_);
    arch::riscv::set_handover({.hart = processor_, .sbi = sbi});
    arch::enter_operating_system(static_cast<uptr>(handover.entry), static_cast<uptr>(handover.description),
                                 handover.read_uncached);
}
#endif

#ifdef CONFIG_ARCH_RISCV
bool VirtMachine::leaves_psci() const { return false; }

bool VirtMachine::keeps_interrupt_controllers() const {
    return !arch::riscv::is_supervisor() && !devices_.aplics.is_empty();
}

#else
bool VirtMachine::keeps_interrupt_controllers() const { return false; }

std::optional<Range> VirtMachine::resident() const { return std::nullopt; }
#endif

void VirtMachine::print_facts(Writer& out) const {
    print(out, "fdt_blob    = 0x{:016x}\n", reinterpret_cast<uptr>(tree_.blob()));
    print(out, "fdt_size    = 0x{:016x}\n", tree_.used_bytes());
    print(out, "relocaddr   = 0x{:016x}\n", arch::image_base());
    print(out, "privilege   = {}\n", arch::privilege());
}

} // namespace vireo::machine::virt
