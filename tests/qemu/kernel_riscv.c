// SPDX-License-Identifier: Apache-2.0
// A kernel for test_riscv_handover.py: a RISC-V "Image" of either width that says what it finds at its first
// instruction, as lines "name=number" on QEMU's 16550, and "ready". Then it does what lines tell it, numbers
// in hexadecimal, and answers each with a line:
//   c EXTENSION FUNCTION A0 A1 A2 A3   an SBI call: error, value
//   l ADDRESS    w ADDRESS BYTE    x ADDRESS    loads, stores a byte, runs what is there: 0 and the byte, or the
//                                                cause of the exception and 0
//   t TICKS        the timer by SBI: how many ticks have passed when it is pending
//   a              where a hart is to start, for HSM
//   h HART WHAT    what a started hart does next: 0 waits, 1 stops, 2 suspends, 3 calls at random without end
//   i HART         how often it was interrupted by software, and how often it started
//   f HART         what it found when it started: argument; sstatus or satp
//   u HART MESSAGES  the serial port's interrupt by the APLIC: whether it is pending for this hart, the HART-th of
//                  the tree's; what the APLIC was set to before
//   F ADDRESS      fills RAM from there on, all but the kernel and the tree; C tells what of it has changed since
// Nothing here is more than `virt` has: the numbers are QEMU's.
typedef unsigned long word;
typedef unsigned char byte;
typedef unsigned int u32;

#define UART ((volatile byte *)0x10000000)
#define MOST_HARTS 8
#define CSR(name)                                                                                                      \
    ({                                                                                                                 \
        word value_;                                                                                                   \
        asm volatile("csrr %0, " #name : "=r"(value_)::"memory");                                                      \
        value_;                                                                                                        \
    })
#if __riscv_xlen == 64
#define TEXT_OFFSET "0x200000"
#else
#define TEXT_OFFSET "0x400000"
#endif

asm(".section .head, \"ax\"\n"
    ".option norvc\n"
    ".option norelax\n"
    ".global head\n"
    "head: j start\n"
    ".word 0\n"
    ".quad " TEXT_OFFSET "\n"
    ".quad end - head\n"
    ".quad 0\n"
    ".word 2, 0\n"
    ".quad 0\n"
    ".ascii \"RISCV\\0\\0\\0\"\n"
    ".ascii \"RSC\\x05\"\n"
    ".word 0\n"
    ".space 128\n" // for an EFI program's headers
    "start:\n"
    "csrr a2, sstatus\n"
    "csrr a3, sie\n"
    "csrr a4, satp\n"
    "csrr a5, sip\n"
    "lla sp, first_stack_end\n"
    "lla t0, unexpected\n"
    "csrw stvec, t0\n"
    "j kernel\n"
    // A hart that SBI has started: a0 its number, a1 what was handed in.
    ".global other\n"
    "other:\n"
    "csrr a2, sstatus\n"
    "csrr a3, satp\n"
    "lla t0, unexpected\n"
    "csrw stvec, t0\n"
    "lla sp, stacks_end\n"
    "slli t0, a0, 11\n"
    "sub sp, sp, t0\n"
    "j another\n"
    // word try(kind, address, value): the cause, plus 1, of the exception; 0 if there was none. No interrupt
    // is ever taken: they stay off.
    ".balign 4\n"
    ".global try\n"
    "try:\n"
    "mv t2, ra\n"
    "lla t0, 3f\n"
    "csrrw t0, stvec, t0\n"
    "li t1, 1\n"
    "beq a0, t1, 1f\n"
    "bgtu a0, t1, 2f\n"
    "lbu a1, (a1)\n"
    "lla t1, loaded\n"
    "sb a1, (t1)\n"
    "j 4f\n"
    "1: sb a2, (a1)\n"
    "j 4f\n"
    "2: jalr a1\n"
    "4: csrw stvec, t0\n"
    "li a0, 0\n"
    "jr t2\n"
    ".balign 4\n"
    "3: csrw stvec, t0\n"
    "csrr a0, scause\n"
    "addi a0, a0, 1\n"
    "jr t2\n"
    ".balign 4\n"
    "unexpected:\n"
    "lla sp, first_stack_end\n"
    "j fault\n"
    ".previous\n"
    ".section .stacks, \"aw\", @nobits\n"
    ".balign 4096\n"
    ".space 8 * 2048\n"
    ".global stacks_end\n"
    "stacks_end:\n"
    ".space 4096\n"
    "first_stack_end:\n"
    ".previous\n");

#pragma GCC visibility push(hidden)
extern const byte head[], end[];
void other(void);
word try(word kind, word address, word value);
#pragma GCC visibility pop

// Everything that is written lies in the file: nobody clears .bss.
#define DATA __attribute__((section(".data")))
DATA volatile byte loaded = 1;
struct hart {
    word starts, argument, sstatus, satp, signals, what;
};
DATA volatile struct hart harts[MOST_HARTS] = {{0, 0, 0, 0, 0, 0}};

struct reply {
    long error;
    word value;
};
static struct reply sbi(word extension, word function, word first, word second, word third, word fourth) {
    register word a0 asm("a0") = first;
    register word a1 asm("a1") = second;
    register word a2 asm("a2") = third;
    register word a3 asm("a3") = fourth;
    register word a6 asm("a6") = function;
    register word a7 asm("a7") = extension;
    asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a6), "r"(a7) : "memory");
    return (struct reply){(long)a0, a1};
}

static void put(char c) {
    while (!(UART[5] & 0x20))
        ;
    UART[0] = (byte)c;
}
static void print(const char *text) {
    while (*text)
        put(*text++);
}
static void number(word value) {
    for (int shift = sizeof(word) * 8 - 4; shift >= 0; shift -= 4) {
        byte digit = value >> shift & 15;
        put((char)(digit < 10 ? '0' + digit : 'a' + digit - 10));
    }
}
static void tell(const char *name, word value) {
    print(name);
    put('=');
    number(value);
    print("\r\n");
}
static char receive(void) {
    while (!(UART[5] & 1))
        ;
    return (char)UART[0];
}

__attribute__((used)) void fault(void) {
    print("\r\n");
    tell("scause", CSR(scause));
    tell("sepc", CSR(sepc));
    tell("stval", CSR(stval));
    print("fault\r\n");
    for (;;)
        ;
}

// All words of some registers, one ORed to the other.
static u32 any(word address, word count, word stride) {
    u32 found = 0;
    for (word i = 0; i < count; ++i)
        found |= *(volatile u32 *)(address + i * stride);
    return found;
}

static void devices(void) {
    tell("plic_priorities", any(0xc000004, 1023, 4));
    tell("plic_enabled", any(0xc002000, 32 * 2 * MOST_HARTS, 4));
    tell("uart_interrupts", UART[1]);
    tell("mmio_status", any(0x10001070, 8, 0x1000));
    u32 command = 0;
    for (word i = 0; i < 32; ++i) {
        volatile u32 *function = (volatile u32 *)(0x30000000 + (i << 15));
        if (function[0] != ~0u)
            command |= function[1] & 0xffff;
    }
    tell("pci_command", command);
}

static word read_number(void) {
    word value = 0;
    char c = ' ';
    while (c == ' ')
        c = receive();
    for (; c > ' '; c = receive())
        value = value << 4 | (word)(c <= '9' ? c - '0' : c - 'a' + 10);
    return value;
}
static void answer(word first, word second) {
    print("= ");
    number(first);
    put(' ');
    number(second);
    print("\r\n");
}

static word wait_for_timer(word ticks) {
    word start = CSR(time);
    word when = start + ticks;
#if __riscv_xlen == 64
    sbi(0x54494d45, 0, when, 0, 0, 0);
#else
    word high = CSR(timeh);
    sbi(0x54494d45, 0, when, when < start ? high + 1 : high, 0, 0);
#endif
    while (!(CSR(sip) & 0x20) && CSR(time) - start < 50000000)
        ;
    word passed = CSR(time) - start;
    sbi(0x54494d45, 0, ~0ul, ~0ul, 0, 0);
    return passed;
}

// Supervisor mode's APLIC, directly or by messages to this hart's IMSIC.
static void connect_serial_port(word hart, word messages) {
    volatile u32 *aplic = (volatile u32 *)0xd000000;
    const word serial = 10, identity = 3;
    word before = (aplic[0] & 0x100) | aplic[serial]; // it is on; it gets this interrupt
    if (messages) {
        asm volatile("csrw 0x150, %0\n csrw 0x151, %1" ::"r"(0x70), "r"(1)); // delivery
        asm volatile("csrw 0x150, %0\n csrw 0x151, %1" ::"r"(0x72), "r"(0)); // threshold
        asm volatile("csrw 0x150, %0\n csrw 0x151, %1" ::"r"(0xc0), "r"(1 << identity));
    } else {
        aplic[(0x4000 + 32 * hart) / 4] = 1;
        aplic[(0x4008 + 32 * hart) / 4] = 0;
    }
    aplic[serial] = 6;
    aplic[0x3000 / 4 + serial] = (u32)(hart << 18 | (messages ? identity : 1));
    aplic[0x1edc / 4] = serial;
    aplic[0] = 0x100 | (messages ? 4 : 0);
    UART[1] = 2; // it can send
    for (word start = CSR(time); !(CSR(sip) & 0x200) && CSR(time) - start < 10000000;)
        ;
    answer(CSR(sip) & 0x200, before);
    UART[1] = 0;
}

DATA const byte *tree_at = 0;
DATA word filled_from = 0;
static word big_endian(const byte *at) {
    return (word)at[0] << 24 | (word)at[1] << 16 | (word)at[2] << 8 | at[3];
}
// Each word of RAM that is nobody's gets its own address; or, the number of those that are something else.
static word each_word(word fill, word *last) {
    word tree = (word)tree_at, tree_end = tree + big_endian(tree_at + 4);
    word ends[][2] = {{filled_from, (word)head}, {(word)end, tree}, {(tree_end + 15) & ~15ul, 0x88000000ul}};
    word changed = 0;
    for (int i = 0; i < 3; ++i)
        for (volatile word *at = (volatile word *)ends[i][0]; (word)at < ends[i][1]; ++at) {
            if (fill) {
                *at = (word)at;
            } else if (*at != (word)at) {
                *last = (word)at;
                ++changed;
            }
        }
    return changed;
}

static void serve(char what) {
    switch (what) {
    case 'u': {
        word hart = read_number();
        return connect_serial_port(hart, read_number());
    }
    case 'F':
        filled_from = read_number();
        each_word(1, 0);
        return print("filled\r\n");
    case 'C': {
        word last = 0;
        word changed = each_word(0, &last);
        tell("last", last);
        return tell("changed", changed);
    }
    case 'c': {
        word a[6];
        for (int i = 0; i < 6; ++i)
            a[i] = read_number();
        struct reply reply = sbi(a[0], a[1], a[2], a[3], a[4], a[5]);
        return answer((word)reply.error, reply.value);
    }
    case 'l': {
        word cause = try(0, read_number(), 0);
        return answer(cause, cause ? 0 : loaded);
    }
    case 'w': {
        word address = read_number();
        return answer(try(1, address, read_number()), 0);
    }
    case 'x':
        return answer(try(2, read_number(), 0), 0);
    case 't':
        return answer(wait_for_timer(read_number()), 0);
    case 'a':
        return answer((word)&other, (word)&harts);
    case 'h': {
        word hart = read_number();
        harts[hart].what = read_number();
        sbi(0x735049, 0, 1, hart, 0, 0);
        return answer(0, 0);
    }
    case 'i': {
        word hart = read_number();
        return answer(harts[hart].signals, harts[hart].starts);
    }
    case 'f': {
        word hart = read_number();
        return answer(harts[hart].argument, harts[hart].sstatus | harts[hart].satp);
    }
    default:
        return;
    }
}

__attribute__((used, noreturn)) void kernel(word a0, word a1, word sstatus, word sie, word satp, word sip) {
    print("\r\n");
    tell("head", (word)head);
    tell("a0", a0);
    tell("a1", a1);
    tell("sstatus", sstatus);
    tell("sie", sie);
    tell("satp", satp);
    tell("sip", sip);
    tell("time", CSR(time) != 0);
    tell("other", (word)&other);
    tree_at = (const byte *)a1;
    tell("tree", big_endian(tree_at));
    tell("tree_bytes", big_endian(tree_at + 4));
    devices();
    print("ready\r\n");
    for (;;) {
        char c = receive();
        if (c == 'q' || c == 'r') {
            print(c == 'q' ? "off\r\n" : "reset\r\n");
            sbi(0x53525354, 0, c == 'r', 0, 0, 0);
        }
        serve(c);
    }
}

// Numbers that a hostile kernel might hand in, in no order that means anything.
static word arbitrary(word *seed) {
    *seed = *seed * 1103515245 + 12345;
    word value = *seed >> 8 & 0xffff;
    switch (*seed >> 24 & 7) {
    case 0:
        return value;
    case 1:
        return 0x80000000 + value * 4;
    case 2:
        return ~0ul - value;
    case 3:
        return value & 7;
    case 4:
        return 0x10000000 + value;
    case 5:
        return value << 16;
    default:
        return value & 0xff;
    }
}

// Without end; never a call that ends the machine, or this.
static void call_at_random(word hart) {
    static const word extensions[] = {0x10, 0x54494d45, 0x735049, 0x52464e43, 0x48534d, 0x53525354, 0x4442434e, 0x504d55, 0, 8};
    word seed = hart + 1;
    while (harts[hart].what == 3) {
        word extension = extensions[arbitrary(&seed) % 10];
        word function = arbitrary(&seed) % 8;
        if ((extension == 0x48534d && (function == 1 || function == 3 || function == 0)) || extension == 0x53525354)
            function = 9;
        if (extension == 0x4442434e && function < 3)
            function += 3; // the console is the test's
        sbi(extension, function, arbitrary(&seed), arbitrary(&seed), arbitrary(&seed), arbitrary(&seed));
    }
}

__attribute__((used, noreturn)) void another(word hart, word argument, word sstatus, word satp) {
    volatile struct hart *own = &harts[hart];
    own->argument = argument;
    own->sstatus = sstatus;
    own->satp = satp;
    own->what = 0;
    asm volatile("fence" ::: "memory");
    own->starts = own->starts + 1;
    asm volatile("csrw sie, %0" ::"r"(2)); // ends wfi; not taken
    for (;;) {
        if (own->what == 1) {
            sbi(0x48534d, 1, 0, 0, 0, 0);
            print("a hart that stopped goes on\r\n");
        } else if (own->what == 2) {
            own->what = 0;
            sbi(0x48534d, 3, 0, 0, 0, 0);
        } else if (own->what == 3) {
            call_at_random(hart);
        } else if (!(CSR(sip) & 2)) {
            asm volatile("wfi" ::: "memory");
        }
        if (CSR(sip) & 2) {
            asm volatile("csrc sip, %0" ::"r"(2));
            own->signals = own->signals + 1;
        }
    }
}
