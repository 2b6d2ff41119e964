// SPDX-License-Identifier: Apache-2.0
#include "arch/riscv/imsic.h"

#include "arch/riscv/processor.h"

// attempt.S: where the registers do not exist, it returns false.
extern "C" [[gnu::visibility("hidden")]] bool vireo_start_messages(vireo::u32 identity, bool supervisor);

namespace vireo::arch::riscv {

bool start_message_interrupts() { return vireo_start_messages(message_identity, is_supervisor()); }

// A write to mtopei or stopei claims the highest interrupt (3.10).
void claim_message() {
    if (is_supervisor())
        asm volatile("csrw 0x15c, zero" : : : "memory");
    else
        asm volatile("csrw 0x35c, zero" : : : "memory");
}

} // namespace vireo::arch::riscv
