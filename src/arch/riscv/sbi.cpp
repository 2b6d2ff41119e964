// SPDX-License-Identifier: Apache-2.0
#include "arch/riscv/sbi.h"

namespace vireo::arch::riscv::sbi {

namespace {
constexpr uptr probe_extension = 3;
} // namespace

Answer call(uptr extension, uptr function, uptr first, uptr second, uptr third) {
    register uptr a0 asm("a0") = first;
    register uptr a1 asm("a1") = second;
    register uptr a2 asm("a2") = third;
    register uptr a6 asm("a6") = function;
    register uptr a7 asm("a7") = extension;
    // All registers but a0 and a1 are kept (3.1).
    asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return {static_cast<std::intptr_t>(a0), a1};
}

bool has(uptr extension) {
    Answer answer = call(base, probe_extension, extension);
    return answer.error == 0 && answer.value != 0;
}

} // namespace vireo::arch::riscv::sbi
