// SPDX-License-Identifier: Apache-2.0
// bool vireo_attempt(address, value, kind): see common/attempt.cpp.
#if __riscv_xlen == 64
#define LOAD ld
#define STORE sd
#else
#define LOAD lw
#define STORE sw
#endif

    .option norelax
    .option norvc
    .text
    .balign 4
    .global vireo_attempt
    .hidden vireo_attempt
vireo_attempt:
    LOAD a3, 0(a1)
    lla a4, 1f
    slli a2, a2, 3
    add a4, a4, a2
    jr a4
1:  lbu a3, 0(a0)
    j 2f
    lhu a3, 0(a0)
    j 2f
#if __riscv_xlen == 64
    lwu a3, 0(a0)
    j 2f
    ld a3, 0(a0)
    j 2f
#else
    lw a3, 0(a0)
    j 2f
    j vireo_attempt_failed          // eight bytes: not in one
    nop
#endif
    sb a3, 0(a0)
    j 2f
    sh a3, 0(a0)
    j 2f
    sw a3, 0(a0)
    j 2f
    STORE a3, 0(a0)
2:  STORE a3, 0(a1)
    li a0, 1
    ret

// void vireo_open_memory(): everything is allowed to supervisor mode as far as memory protection goes. A
// processor without that has not got the registers, and allows everything.
    .global vireo_open_memory
    .hidden vireo_open_memory
vireo_open_memory:
    li t0, -1
    csrw pmpaddr0, t0               // all addresses,
    li t0, 0x1f
    csrw pmpcfg0, t0                // as one naturally aligned region: read, write, execute
    ret

// bool vireo_start_messages(identity, supervisor): see imsic.cpp. The registers by their
// numbers: select, value.
    .global vireo_start_messages
    .hidden vireo_start_messages
vireo_start_messages:
    li t0, 1
    sll t1, t0, a0
    li t2, 0x70                     // eidelivery: on
    li t3, 0x72                     // eithreshold: none
    li t4, 0xc0                     // eie0: the first identities
    bnez a1, 1f
    csrw 0x350, t2
    csrw 0x351, t0
    csrw 0x350, t3
    csrw 0x351, zero
    csrw 0x350, t4
    csrw 0x351, t1
    j 2f
1:  csrw 0x150, t2
    csrw 0x151, t0
    csrw 0x150, t3
    csrw 0x151, zero
    csrw 0x150, t4
    csrw 0x151, t1
2:  li a0, 1
    ret

    .global vireo_attempt_failed
    .hidden vireo_attempt_failed
vireo_attempt_failed:
    li a0, 0
    ret
