// SPDX-License-Identifier: Apache-2.0
#include "arch/riscv/sbi/hardware.h"

#include "arch/riscv/sbi/registers.h"

// entry.S. In machine mode whatever is not there is a trap, which these catch.
extern "C" {
#pragma GCC visibility push(hidden)
bool vireo_sbi_load(vireo::uptr address, vireo::u8* byte);
bool vireo_sbi_store(vireo::uptr address, vireo::uptr byte);
extern const char vireo_sbi_trap_entry[];
#pragma GCC visibility pop
}

namespace vireo::arch::riscv::sbi {

namespace {

// Bits of mip and mie (Privileged Architecture 3.1.9).
constexpr uptr supervisor_software = 1 << 1;
constexpr uptr machine_software = 1 << 3;
constexpr uptr supervisor_timer = 1 << 5;
constexpr uptr machine_timer = 1 << 7;

// All exceptions go to supervisor mode but calls from it and from machine mode; reserved bits do not stay.
constexpr uptr delegated_exceptions = 0xf0b5ff;
constexpr uptr delegated_interrupts = 0x222;
constexpr uptr counters = 7; // cycle, time, instret

// menvcfg (3.1.18): supervisor mode's timer, page-based memory types; cache block operations
// for it and below.
constexpr u64 timer_enable = u64{1} << 63;
constexpr u64 environment = timer_enable | u64{1} << 62 | 0xf0;

// Those of `bits` that the hart has.
u64 set_environment(u64 bits) {
    u64 low = VIREO_TRY_CSR_WRITE(0x30a, static_cast<uptr>(bits));
#if __riscv_xlen == 64
    return low;
#else
    return u64{VIREO_TRY_CSR_WRITE(0x31a, static_cast<uptr>(bits >> 32))} << 32 | low;
#endif
}

// Supervisor mode's own timer, which then interrupts at no time. The bit that opens it proves nothing: QEMU
// 7.2 keeps it on harts without that timer.
bool open_timer_register() {
    if ((set_environment(environment) & timer_enable) == 0)
        return false;
    if (VIREO_TRY_CSR_WRITE(0x14d, ~uptr{0}) != 0) // stimecmp
        return true;
    (void)set_environment(environment & ~timer_enable);
    return false;
}

void set_state_enable() {
    (void)VIREO_TRY_CSR_WRITE(0x30c, ~uptr{0}); // mstateen0: what there is, supervisor mode may use
#if __riscv_xlen == 32
    (void)VIREO_TRY_CSR_WRITE(0x31c, ~uptr{0});
#endif
}

// The block, aligned to its size (3.7.1, NAPOT), and all addresses. The first entry that matches decides.
void protect() {
    constexpr uptr block = (uptr{VIREO_SBI_BLOCK} | (VIREO_SBI_BLOCK_BYTES / 2 - 1)) >> 2;
    constexpr uptr nobody = 0x18;
    constexpr uptr everybody = 0x1f;
    // A hart without memory protection has none of these registers.
    (void)VIREO_TRY_CSR_WRITE(pmpaddr0, block);
    (void)VIREO_TRY_CSR_WRITE(pmpaddr1, ~uptr{0});
    (void)VIREO_TRY_CSR_WRITE(pmpcfg0, everybody << 8 | nobody);
}

void write32(uptr address, u32 value) {
    asm volatile("sw %0, 0(%1)" : : "r"(value), "r"(address) : "memory");
}
u32 read32(uptr address) {
    u32 value;
    asm volatile("lw %0, 0(%1)" : "=r"(value) : "r"(address) : "memory");
    return value;
}

// Of the 16550.
constexpr uptr line_status = 5;
constexpr uptr data_ready = 1;
constexpr uptr transmitter_empty = 0x20;
uptr read8(uptr address) {
    uptr value;
    asm volatile("lbu %0, 0(%1)" : "=r"(value) : "r"(address) : "memory");
    return value;
}

} // namespace

void MachineMode::fence() { asm volatile("fence rw, rw\n fence.i\n sfence.vma" : : : "memory"); }

void MachineMode::interrupt(const Description::Hart& hart) {
    asm volatile("fence rw, ow" : : : "memory"); // what it is to find is there before it comes
    write32(hart.software_interrupt, 1);
}

void MachineMode::clear_interrupt(const Description::Hart& hart) {
    write32(hart.software_interrupt, 0);
    asm volatile("fence iorw, iorw" : : : "memory"); // what comes after this comes again
}

void MachineMode::set_timer(const Description::Hart& hart, bool by_register, u64 when) {
    if (by_register) {
#if __riscv_xlen == 64
        VIREO_SBI_WRITE(0x14d, when); // stimecmp
#else
        VIREO_SBI_WRITE(0x14d, ~uptr{0});
        VIREO_SBI_WRITE(0x15d, static_cast<uptr>(when >> 32));
        VIREO_SBI_WRITE(0x14d, static_cast<uptr>(when));
#endif
        return;
    }
    if (hart.compare == 0)
        return;
    // Never a moment that is earlier than both the old and the new one (3.2.1).
    write32(hart.compare, ~u32{0});
    write32(hart.compare + 4, static_cast<u32>(when >> 32));
    write32(hart.compare, static_cast<u32>(when));
    asm volatile("csrc mip, %0\n csrs mie, %1" : : "r"(supervisor_timer), "r"(machine_timer) : "memory");
}

void MachineMode::pass_timer_on() {
    asm volatile("csrc mie, %0\n csrs mip, %1" : : "r"(machine_timer), "r"(supervisor_timer) : "memory");
}

void MachineMode::signal_supervisor() {
    asm volatile("csrs mip, %0" : : "r"(supervisor_software) : "memory");
}

void MachineMode::wait() { asm volatile("wfi" : : : "memory"); }

bool MachineMode::is_interrupted() { return (VIREO_SBI_READ(mip) & machine_software) != 0; }

bool MachineMode::read(uptr address, u8& byte) { return vireo_sbi_load(address, &byte); }
bool MachineMode::write(uptr address, u8 byte) { return vireo_sbi_store(address, byte); }

bool MachineMode::can_send(uptr console) { return (read8(console + line_status) & transmitter_empty) != 0; }
void MachineMode::send(uptr console, u8 byte) {
    asm volatile("sb %0, 0(%1)" : : "r"(uptr{byte}), "r"(console) : "memory");
}
bool MachineMode::receive(uptr console, u8& byte) {
    if ((read8(console + line_status) & data_ready) == 0)
        return false;
    byte = static_cast<u8>(read8(console));
    return true;
}

void MachineMode::set(const Description::Register& how) {
    write32(how.address, how.value);
    // An emulator acts on it a moment later.
    for (u32 i = 0; i < 1'000'000; ++i)
        asm volatile("" : : : "memory");
}

uptr MachineMode::vendor() { return VIREO_SBI_READ(mvendorid); }
uptr MachineMode::architecture() { return VIREO_SBI_READ(marchid); }
uptr MachineMode::implementation() { return VIREO_SBI_READ(mimpid); }

u32 MachineMode::ticks(uptr counter) { return counter != 0 ? read32(counter) : 0; }

bool MachineMode::set_up(const Description::Hart& hart) {
    VIREO_SBI_WRITE(mie, machine_software);
    VIREO_SBI_WRITE(mtvec, reinterpret_cast<uptr>(vireo_sbi_trap_entry));
    VIREO_SBI_WRITE(satp, 0);
    VIREO_SBI_WRITE(medeleg, delegated_exceptions);
    VIREO_SBI_WRITE(mideleg, delegated_interrupts);
    (void)VIREO_TRY_CSR_WRITE(mcounteren, counters);
    // Linux sets this one only if there is a performance monitor.
    (void)VIREO_TRY_CSR_WRITE(scounteren, counters);
    bool has_timer_register = open_timer_register();
    set_state_enable();
    protect();
    set_timer(hart, has_timer_register, ~u64{0});
    asm volatile("csrc mie, %0" : : "r"(machine_timer) : "memory");
    VIREO_SBI_WRITE(mip, 0);
    return has_timer_register;
}

} // namespace vireo::arch::riscv::sbi
