// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Code that is not Vireo's.
namespace vireo::arch {

// What is mapped in [base, end) becomes executable, or ceases to be: in units of what the page tables map as
// one, and only such as lie in it whole. Nothing happens where nothing says what is executable.
void set_executable(u64 base, u64 end, bool on);

// Calls a program's entry with the C convention of the instruction set and returns what it returns. While it
// runs, a report of an exception says whose fault that is.
uptr call_program(uptr entry, usize count, const char* const* arguments);
bool program_runs();

} // namespace vireo::arch
