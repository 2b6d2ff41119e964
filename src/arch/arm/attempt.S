// SPDX-License-Identifier: Apache-2.0
// bool vireo_attempt(address, value, kind): see common/attempt.cpp. ARM code, so that the program counter
// can be computed with.
    .arch armv7-a
    .arm
    .text
    .balign 4
    .global vireo_attempt
    .hidden vireo_attempt
    .type vireo_attempt, %function
vireo_attempt:
    ldr r3, [r1]
    add pc, pc, r2, lsl #3          // pc reads as the address of the next but one instruction
    nop
    ldrb r3, [r0]
    b 1f
    ldrh r3, [r0]
    b 1f
    ldr r3, [r0]
    b 1f
    b vireo_attempt_failed          // eight bytes: not in one
    nop
    strb r3, [r0]
    b 1f
    strh r3, [r0]
    b 1f
    str r3, [r0]
1:  dsb                             // a bus that refuses a store says so before we go on
    str r3, [r1]
    mov r0, #1
    bx lr
    .global vireo_attempt_failed
    .hidden vireo_attempt_failed
vireo_attempt_failed:
    mov r0, #0
    bx lr
