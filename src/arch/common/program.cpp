// SPDX-License-Identifier: Apache-2.0
#include "arch/common/program.h"

namespace vireo::arch {

namespace {

constinit bool running = false;

// 32-bit x86 code of ours takes arguments in registers; other people's takes them from the stack.
#ifdef __i386__
using Entry = uptr(__attribute__((regparm(0))) *)(int, const char* const*);
#else
using Entry = uptr (*)(int, const char* const*);
#endif

} // namespace

bool program_runs() { return running; }

uptr call_program(uptr entry, usize count, const char* const* arguments) {
    running = true;
    uptr result = reinterpret_cast<Entry>(entry)(static_cast<int>(count), arguments);
    running = false;
    return result;
}

} // namespace vireo::arch
