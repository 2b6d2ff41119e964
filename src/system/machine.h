// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "base/range.h"
#include "base/result.h"
#include "system/memory_map.h"

namespace vireo::system {

// The instruction set that a board's firmware was built for.
enum class Isa : u8 { Arm, Arm64, Riscv32, Riscv64, X86, X86_64 };

// The machine as commands see it. Implemented by machine/<m>/ and by the hosted program.
class Machine {
  public:
    // The board's name as users know it, e.g. "qemu_arm64", and the machine's model, e.g. "linux,dummy-virt".
    virtual std::string_view board() const = 0;
    virtual std::string_view model() const = 0;

    // Where `load` and the boot commands put things by default. Inside RAM on every supported memory size.
    virtual u64 default_load_address() const = 0;

    // Where a kernel may lie: at least so far above the start of RAM, because kernels unpack themselves
    // below, and on which boundary (a power of two).
    struct KernelPlace {
        u64 offset = 0;
        u64 alignment = 2 << 20;
    };
    virtual KernelPlace kernel_place() const { return {}; }

    // What boot scripts know the machine by ($arch, $board, $cpu, $vendor, $soc): the words of U-Boot's
    // builds for it. An empty one is not set.
    struct ScriptNames {
        std::string_view arch{};
        std::string_view board{};
        std::string_view cpu{};
        std::string_view vendor{};
        std::string_view soc{};
    };
    virtual ScriptNames script_names() const { return {}; }
    // What DHCP servers know it by: IANA's number for its kind with U-Boot (option 93). None: a program.
    virtual std::optional<u16> dhcp_architecture() const { return std::nullopt; }

    // Where the device tree that Vireo was given lies, if it was; in RAM that is Vireo's.
    virtual std::optional<u64> device_tree() const { return std::nullopt; }

    // Starts the machine anew / switches it off. Devices have been quiesced by the caller. Returns only if
    // the machine has no way to do it (NotSupported).
    virtual Result<> reset() = 0;
    virtual Result<> power_off() = 0;

    // Further facts for `bdinfo`, one "name = value" a line (device tree address, relocation,
    // exception level).
    virtual void print_facts(Writer& out) const = 0;

    // Memory behind a physical address, for checked ranges only. The hosted machine has a window of its own.
    virtual std::byte* memory(u64 address) = 0;

    // Addresses that are not RAM (device registers, ROM, nothing at all): one plain access of `width` bytes,
    // 1, 2, 4 or 8. `Io` if the processor refused it, with nothing changed; `NotSupported` if the machine
    // has no such addresses.
    virtual Result<u64> load(u64, u8) { return no_address_space(); }
    virtual Result<> store(u64, u8, u64) { return no_address_space(); }

    // Calls the program at `address` with C strings, as the processor's C convention has it; returns what
    // it returns, if it does. RAM that nobody owns is executable meanwhile. What instruction fetch sees is
    // what follows that address, and those ranges of that RAM, which have been written. The caller has
    // quiesced the devices.
    virtual Result<u64> call(u64, std::span<const char* const>, const MemoryMap&, std::span<const Range>) {
        return no_address_space();
    }

    // Whose kernels it starts. None: a program's.
    virtual std::optional<Isa> isa() const { return std::nullopt; }

    // Adds to `words` those, each behind a blank, that an operating system on this machine must have on its
    // command line and that `command_line` lacks.
    virtual void complete_command_line(std::string_view, Writer&) const {}

    // Whether enter() can be called as the machine is now; NotSupported: why not.
    virtual Result<> can_enter() const { return no_address_space(); }

    // What an operating system on a PC finds in memory about the machine, rather than in a device tree.
    struct FirmwareTables {
        u64 acpi_root = 0; // where the root pointer lies (ACPI 6.4, 5.2.5); 0: there is no ACPI
        // Addresses that the operating system must leave alone: these tables, windows of the chip set, ROM.
        // RAM, in part or not at all. In no order; they may overlap.
        std::span<const Range> reserved{};
        // RAM that is in no MemoryMap, as Vireo cannot reach it, and the operating system can; upwards.
        std::span<const Range> out_of_reach{};
    };
    // Makes them at the first call, and takes RAM for them; later calls return the same. To be called before
    // anything is placed. A failure leaves memory as it was. Machines with a device tree have none.
    virtual Result<FirmwareTables> firmware_tables() { return FirmwareTables{}; }

    // RAM that stays Vireo's while an operating system runs, which must keep off it; nothing: it gets all.
    virtual std::optional<Range> resident() const { return std::nullopt; }

    // Whether enter() leaves firmware below the operating system that has processors started and the machine
    // switched off: PSCI, called by SMC. The machine's own device tree does not tell of it.
    virtual bool leaves_psci() const { return false; }
    // Whether the machine's device tree names interrupt controllers that stay firmware's: RISC-V's
    // machine mode has its own.
    virtual bool keeps_interrupt_controllers() const { return false; }

    // An operating system that the host has put into RAM itself, to where it runs (QEMU on RISC-V: -kernel,
    // -initrd, -append). Nothing of it has been looked at: it may lie anywhere.
    struct GivenKernel {
        Range kernel{};                // with all memory that it takes; bytes 0: that is not known
        std::optional<Range> initrd{}; // bytes 0: it has none
        std::string_view command_line{};
    };
    // NotFound: there is none. Another error: one may be there, but the host's word of it makes no sense.
    virtual Result<GivenKernel> given_kernel() const {
        return error(ErrorCode::NotFound, "the host gives no kernel");
    }

    // What an operating system is started with. Everything is in RAM.
    struct Handover {
        u64 entry = 0;       // of its first instruction
        u64 description = 0; // of the machine, which it is told: where the device tree or boot_params lie
        // How it is told where that lies. The last three are x86's, which is in 32-bit mode then.
        enum class Protocol : u8 { Linux, Pvh, Multiboot, Multiboot2 };
        Protocol protocol = Protocol::Linux;
        bool in_32_bit_mode = false; // x86_64: with translation off, as on x86
        // What it reads before it knows about caches: they are cleaned for these.
        std::span<const Range> read_uncached{};
    };
    // Starts it with interrupts, timers and translation off, in the most privileged state that Vireo has, as
    // its architecture's boot protocol wants it. The caller has asked can_enter() and quiesced the devices;
    // then it does not return.
    virtual Result<> enter(const Handover&) { return can_enter(); }

  protected:
    ~Machine() = default;

  private:
    static Error no_address_space() { return error(ErrorCode::NotSupported, "a program has no machine"); }
};

} // namespace vireo::system
