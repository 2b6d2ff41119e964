// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Accesses to addresses that nobody has vouched for: what a user asks for outside RAM. An exception on
// such an access is an answer, not a defect. (An error that the machine reports later, by itself, is no
// answer: a machine check of x86 still ends everything; arm's asynchronous aborts are masked, and wait for
// an operating system.)
namespace vireo::arch {

// One plain access of `width` bytes: 1, 2, 4, or 8, which on 32 bits are two accesses, low half first. False
// if the processor refused it.
bool try_load(uptr address, usize width, u64& value);
bool try_store(uptr address, usize width, u64 value);

// For the exception handler: the code at `program_counter` is such an access. It goes on at attempt_failed()
// with the stack pointer and the registers that a callee keeps as they were.
bool is_attempt(uptr program_counter);
uptr attempt_failed();

} // namespace vireo::arch
