// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"

// What every instruction set prints when the processor takes an exception: that is always a defect of Vireo's
// own, because whatever comes from outside is checked before use.
namespace vireo::arch {

struct RegisterValue {
    const char* name;
    uptr value;
};

struct ExceptionReport {
    std::string_view cause;      // in words, e.g. "data abort on write: translation fault"
    std::optional<uptr> address; // that the access wanted, if the processor says
    uptr program_counter;
    // a return address in a register, which comes before those on the stack; 0: there is none
    uptr link_register = 0;
    uptr stack_pointer; // of the code that failed
    std::span<const RegisterValue> registers;
    // nothing that the code did: the machine reports a failure of its own, or somebody asks for a report
    bool is_external = false;
};

// Prints cause, registers and trace to log_writer(), then does the final action. An exception inside the
// report is one more line, and then the final action. Runs on a stack of its own where the processor makes
// that possible, so that a stack overflow is reported too.
[[noreturn]] void report_exception(const ExceptionReport& report);

// The stack that traces look through. Set once, before exceptions are expected.
void set_stack_bounds(uptr low, uptr high);

// What follows a report: the machine's reset, which may print nothing. If it returns, or none was
// set, the processor halts.
void set_final_action(void (*action)());

// Prints the return addresses found on the stack from `stack_pointer` up, as offsets into the image,
// which are the addresses in vireo.map. Found by looking, not by unwinding: any word that points behind a
// call instruction counts. That costs nothing at run time; the price is that a stale word of a frame that
// has ended may appear.
void print_trace(Writer& out, uptr program_counter, uptr link_register, uptr stack_pointer);

// Implemented by arch/<isa>: the instruction before `address` is a call. At least 8 bytes
// before `address` are text.
bool follows_call(uptr address);

} // namespace vireo::arch
