// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/processor.h"

#include "arch/arch.h"
#include "base/parse.h"

namespace vireo::arch {

// QEMU's and real devices are coherent and x86 keeps stores in order and loads in order; only a
// store followed by a load needs an instruction. `lock` works without SSE2, and mfence does not
// order more for cached memory.
void barrier_full() {
#ifdef __x86_64__
    asm volatile("mfence" ::: "memory");
#else
    asm volatile("lock; addl $0, (%%esp)" ::: "memory", "cc");
#endif
}
void barrier_release() { asm volatile("" ::: "memory"); }
void barrier_acquire() { asm volatile("" ::: "memory"); }

// x86 keeps instruction fetch coherent; a jump to the new instructions is enough.
void sync_instruction_cache(const void*, usize) { asm volatile("" ::: "memory"); }

void halt() {
    for (;;)
        asm volatile("cli; hlt" ::: "memory");
}

std::string_view name() {
#ifdef __x86_64__
    return "x86_64";
#else
    return "x86";
#endif
}

namespace x86 {
namespace {

Cpuid read_cpuid(u32 leaf) {
    Cpuid result;
    asm volatile("cpuid"
                 : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
                 : "a"(leaf), "c"(0));
    return result;
}

} // namespace

Cpuid cpuid(u32 leaf) {
    // A leaf beyond the last of its range answers with the contents of another one.
    u32 last = read_cpuid(leaf & 0xf000'0000).eax;
    if (leaf > last || (last ^ leaf) >> 28 != 0)
        return {};
    return read_cpuid(leaf);
}

Bytes random_seed() {
    constexpr u32 has_rdrand = u32{1} << 30; // leaf 1
    constexpr int most_tries = 10; // more in a row do not fail as long as it works (Intel's manual, 7.3.17.1)
    static constinit std::array<u32, 4> seed{};
    if ((cpuid(1).ecx & has_rdrand) == 0)
        return {};
    for (u32& word : seed) {
        bool is_there = false;
        for (int i = 0; i < most_tries && !is_there; ++i)
            asm volatile("rdrand %0" : "=r"(word), "=@ccc"(is_there));
        if (!is_there)
            return {};
    }
    return std::as_bytes(std::span(seed));
}

unsigned physical_address_bits() {
    // Leaf 0x80000008; processors without it have 36 bits, as physical address extension brought them.
    unsigned bits = cpuid(0x8000'0008).eax & 0xff;
    return bits >= 32 && bits <= 52 ? bits : 36;
}

bool tells_clock_rate() {
    constexpr u32 is_hypervisor_there = u32{1} << 31; // leaf 1
    constexpr u32 hypervisor = 0x4000'0000;
    constexpr u32 hypervisor_clock = hypervisor + 0x10;
    if (Cpuid clock = cpuid(0x15); clock.eax != 0 && clock.ebx != 0 && clock.ecx != 0)
        return true;
    if ((cpuid(1).ecx & is_hypervisor_there) == 0)
        return false;
    // "KVMKVMKVM": by its own clock.
    Cpuid name = cpuid(hypervisor);
    bool is_kvm = name.ebx == 0x4b4d'564b && name.ecx == 0x564b'4d56 && name.edx == 0x4d;
    return is_kvm || cpuid(hypervisor_clock).eax != 0;
}

void print_cpu(Writer& out) {
    constexpr u32 first_brand_leaf = 0x8000'0002;
    char brand[3 * sizeof(Cpuid)];
    for (u32 i = 0; i < 3; ++i) {
        Cpuid part = cpuid(first_brand_leaf + i);
        std::memcpy(brand + i * sizeof(Cpuid), &part, sizeof(Cpuid));
    }
    // Padded with zero bytes, and by some makers with blanks in front.
    std::string_view text(brand, sizeof(brand));
    text = trim(text.substr(0, text.find('\0')));
    for (char& c : brand)
        if (c < ' ' || c > '~')
            c = '?';
    print(out, "CPU:   {}\n", text.empty() ? "unknown" : text);
}

void triple_fault() {
    struct [[gnu::packed]] {
        u16 limit = 0;
        uptr base = 0;
    } no_handlers;
    asm volatile("lidt %0; int3" : : "m"(no_handlers));
    halt();
}

} // namespace x86
} // namespace vireo::arch
