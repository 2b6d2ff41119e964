// SPDX-License-Identifier: Apache-2.0
// bool vireo_attempt(address, value, kind): see common/attempt.cpp.
    .text
    .balign 4
    .global vireo_attempt
    .hidden vireo_attempt
vireo_attempt:
    ldr x4, [x1]
    adr x3, 1f
    add x3, x3, w2, uxtw #3
    br x3
1:  ldrb w4, [x0]
    b 2f
    ldrh w4, [x0]
    b 2f
    ldr w4, [x0]
    b 2f
    ldr x4, [x0]
    b 2f
    strb w4, [x0]
    b 2f
    strh w4, [x0]
    b 2f
    str w4, [x0]
    b 2f
    str x4, [x0]
2:  dsb sy                          // a bus that refuses a store says so before we go on
    str x4, [x1]
    mov w0, #1
    ret
    .global vireo_attempt_failed
    .hidden vireo_attempt_failed
vireo_attempt_failed:
    mov w0, #0
    ret
