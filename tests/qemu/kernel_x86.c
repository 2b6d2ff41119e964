// SPDX-License-Identifier: Apache-2.0
// What kernel_x86.S, or with INFO kernel_x86_info.S, has found, and what the chips are like, as lines
// "name=number" on COM1; then "ready". A key decides: q powers the machine off, r resets it; of
// kernel_x86.S, f fills RAM, all but the kernel and what it was told, and c tells what of it has changed
// since. 32-bit code without paging.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned u32;
typedef unsigned long long u64;

struct __attribute__((packed)) Found {
    u32 mode;
    u64 si;
    u32 bx, bp, di, flags, cs, ds, es, ss, cr0, cr4;
    u16 idt_limit;
    u8 idt_base[14];
    u64 first, last;
    u32 ax, tr; // kernel_x86_info.S alone
};

#ifdef INFO
extern u8 begin[], data_end[], bss_end[]; // the linker's
static u8 zeroes[4096];

// What is not zero of what the file has no bytes of, behind the stack.
static u32 not_zero(void) {
    u32 count = 0;
    for (u32 i = 0; i < sizeof(zeroes); ++i)
        count += ((volatile u8*)zeroes)[i] != 0;
    return count;
}
#endif

#define COM1 0x3f8
#define APIC 0xfee00000u
#define IO_APIC 0xfec00000u
#define SLOTS 0xfeb00000u // virtio-mmio, microvm
#define TRAMPOLINE 0x8000

static void out8(u16 port, u8 value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static void out16(u16 port, u16 value) { asm volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }
static void out32(u16 port, u32 value) { asm volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
static u8 in8(u16 port) {
    u8 value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static u32 in32(u16 port) {
    u32 value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static volatile u32* word(u32 address) { return (volatile u32*)address; }

static void say(const char* text) {
    for (; *text; ++text) {
        while ((in8(COM1 + 5) & 0x20) == 0)
            ;
        out8(COM1, (u8)*text);
    }
}
static void tell(const char* name, u64 value) {
    say(name);
    char line[] = "=0000000000000000\r\n";
    for (int i = 16; i >= 1; --i, value >>= 4)
        line[i] = (char)((value & 15) < 10 ? '0' + (value & 15) : 'a' + (value & 15) - 10);
    say(line);
}

static u32 pci(u32 device, u32 function, u32 offset) {
    out32(0xcf8, 0x80000000u | device << 11 | function << 8 | offset);
    return in32(0xcfc);
}
// The commands of all functions on the first bus, one ORed to the other; the host bridge keeps its own.
static u32 pci_commands(void) {
    u32 all = 0;
    for (u32 device = 1; device < 32; ++device)
        for (u32 function = 0; function < 8; ++function)
            if (pci(device, function, 0) != ~0u)
                all |= pci(device, function, 4) & 0xffff;
    return all;
}

static u32 slot_status(void) {
    u32 all = 0;
    for (u32 i = 0; i < 24; ++i)
        if (*word(SLOTS + 0x200 * i) == 0x74726976)
            all |= *word(SLOTS + 0x200 * i + 0x70);
    return all;
}

static u32 unmasked_inputs(void) {
    u32 count = 0;
    *word(IO_APIC) = 1;
    u32 last = *word(IO_APIC + 0x10) >> 16 & 0xff;
    for (u32 i = 0; i <= last && last < 0xf0; ++i) {
        *word(IO_APIC) = 0x10 + 2 * i;
        count += (*word(IO_APIC + 0x10) & 1 << 16) == 0;
    }
    return count;
}

static u32 any(u32 first) {
    u32 all = 0;
    for (u32 i = 0; i < 8; ++i)
        all |= *word(APIC + first + 0x10 * i);
    return all;
}

static void pause(u32 milliseconds) {
    // A processor that is emulated counts nanoseconds, or faster.
    u64 now, start;
    asm volatile("rdtsc" : "=A"(start));
    do
        asm volatile("rdtsc" : "=A"(now));
    while (now - start < (u64)milliseconds * 3000000);
}

#ifndef INFO
struct __attribute__((packed)) MapEntry {
    u64 base, bytes;
    u32 type;
};

// All RAM that it was told of below 4 GiB, word by word; with `changed` not to write but to look. How many
// words are not what was written, and the last of them.
static u32 for_all_ram(u32 params, int looks, u32* last) {
    u32 kernel = *word(params + 0x214), kernel_end = kernel + *word(kernel + 12);
    const struct MapEntry* map = (const struct MapEntry*)(params + 0x2d0);
    u32 changed = 0;
    for (u32 i = 0; i < *(volatile u8*)(params + 0x1e8); ++i) {
        if (map[i].type != 1 || map[i].base >> 32 != 0)
            continue;
        u32 end = (u32)(map[i].base + map[i].bytes) & ~0xfffu;
        // What lies lowest is the processors' that this kernel has started.
        for (u32 page = map[i].base < 0x10000 ? 0x10000 : (u32)map[i].base; page < end; page += 0x1000) {
            int is_own = page + 0x1000 > kernel && page < kernel_end;
            if (is_own || (page & ~0xffffu) == (params & ~0xffffu))
                continue;
            for (volatile u32* at = word(page); at < word(page + 0x1000); ++at) {
                u32 value = (u32)at ^ 0x5a5a5a5a;
                if (!looks)
                    *at = value;
                else if (*at != value) {
                    ++changed;
                    *last = (u32)at;
                }
            }
        }
    }
    return changed;
}
#endif

// Starts the others, as a kernel does, and counts them.
static u32 processors(const u8* trampoline) {
    for (u32 i = 0; i < 64; ++i)
        ((volatile u8*)TRAMPOLINE)[i] = trampoline[i];
    *word(TRAMPOLINE + 0x100) = 1;
    *word(APIC + 0xf0) |= 0x100;
    *word(APIC + 0x310) = 0;
    *word(APIC + 0x300) = 0xc4500; // INIT, to all but this one
    pause(10);
    // On a busy host one may be late: until none comes any more. Who runs already does not listen to that.
    u32 before;
    do {
        before = *word(TRAMPOLINE + 0x100);
        *word(APIC + 0x300) = 0xc4600 | TRAMPOLINE >> 12;
        pause(300);
    } while (*word(TRAMPOLINE + 0x100) != before);
    return before;
}

void body(const struct Found* found, const u8* trampoline) __attribute__((regparm(2)));
void body(const struct Found* found, const u8* trampoline) {
    u32 here;
    asm volatile("call 1f; 1: popl %0" : "=r"(here));
    u32 params = (u32)found->si;
    say("\r\n");
    tell("mode", found->mode);
#ifdef INFO
    (void)params;
    tell("head", (u32)begin);
    tell("data_end", (u32)data_end);
    tell("bss_end", (u32)bss_end);
    tell("ax", found->ax);
    tell("tr", found->tr & 0xffff);
    tell("not_zero", not_zero());
    tell("low_ram", *(volatile u16*)0x413);
#else
    tell("head", *word(params + 0x214));
    tell("bios_data", *word(0x40e) | *word(0x413) | *word(0x472));
#endif
    tell("here", here);
    tell("params", found->si);
    tell("bx", found->bx);
    tell("bp", found->bp);
    tell("di", found->di);
    tell("flags", found->flags);
    tell("cs", found->cs & 0xffff);
    tell("ds", found->ds & 0xffff);
    tell("es", found->es & 0xffff);
    tell("ss", found->ss & 0xffff);
    tell("cr0", found->cr0);
    tell("cr4", found->cr4);
    tell("idt_limit", found->idt_limit);
    tell("first", found->first);
    tell("last", found->last);
    tell("pic", (u32)in8(0xa1) << 8 | in8(0x21));
    tell("uart_interrupts", in8(COM1 + 1));
    tell("apic_spurious", *word(APIC + 0xf0));
    tell("apic_timer", *word(APIC + 0x320));
    tell("apic_pin0", *word(APIC + 0x350));
    tell("apic_pin1", *word(APIC + 0x360));
    tell("apic_count", *word(APIC + 0x380));
    tell("apic_in_service", any(0x100));
    tell("apic_requested", any(0x200));
    tell("inputs", unmasked_inputs());
    tell("pci_command", pci_commands());
    tell("mmio_status", slot_status());
    tell("processors", processors(trampoline));
    say("ready\r\n");
    for (;;) {
        while ((in8(COM1 + 5) & 1) == 0)
            ;
        u8 key = in8(COM1);
#ifndef INFO
        if (key == 'f') {
            u32 nothing;
            for_all_ram(params, 0, &nothing);
            say("filled\r\n");
        } else if (key == 'c') {
            u32 last = 0;
            u32 changed = for_all_ram(params, 1, &last);
            tell("last", last);
            tell("changed", changed);
        }
#endif
        if (key == 'q') {
            say("off\r\n");
            out16(0x604, 0x2000);
            *(volatile u8*)0xfea00200u = 1 << 5 | 5 << 2; // microvm
        } else if (key == 'r') {
            say("reset\r\n");
            out8(0xcf9, 2);
            out8(0xcf9, 6);
            *(volatile u8*)0xfea00202u = 0x42;
        }
    }
}
