// SPDX-License-Identifier: Apache-2.0
#include "arch/common/exception_report.h"

#include "arch/arch.h"
#include "arch/common/image.h"
#include "arch/common/program.h"
#include "base/build_name.h"
#include "base/crc32.h"
#include "base/log.h"

namespace vireo::arch {

namespace {

constinit uptr stack_low = 0;
constinit uptr stack_high = 0;
constinit void (*final_action)() = nullptr;
constinit unsigned reports = 0; // begun so far; whoever begins one never comes back

constexpr usize max_frames = 24;

void print_word(Writer& out, uptr value) {
    if constexpr (sizeof(uptr) == 8)
        print(out, "{:016x}", value);
    else
        print(out, "{:08x}", value);
}

bool is_return_address(uptr address) {
    return is_text(address) && address - image_base() >= 8 && follows_call(address);
}

void print_frame(Writer& out, usize number, uptr address) {
    print(out, "  #{:<2} 0x{:08x}\n", number, address - image_base());
}

constexpr std::string_view defect = "This is a defect of Vireo. Please report all from *** on, and what you "
                                    "did before, as docs/crashes.md says.\n";

// Which build this is, and what to do with the report. The checksum is that of the code in memory,
// which tools/symbolize compares with the one in vireo.elf; what the image writes to before it
// moves is left out of it.
void print_build(Writer& out, bool is_external) {
    uptr start = image_address(vireo_entry_end);
    u32 sum = crc32({reinterpret_cast<const std::byte*>(start), image_address(vireo_text_end) - start});
    print_build_name(out);
    print(out, " for {}, code {:08x}\n", name(), sum);
    out.write(is_external
                  ? "This came from outside, at whatever ran just then: it need not be a defect of Vireo.\n"
              : program_runs() ? "The program that `go` started failed, not Vireo.\n"
                               : defect);
}

// `out`: where that is told, if anywhere.
[[noreturn]] void start_anew(Writer* out) {
    if (final_action) {
        if (out)
            out->write("resetting ...\n");
        final_action();
    }
    if (out)
        out->write("Halted.\n");
    halt();
}

// Where a report goes that can begin now. An exception in a report is one line more, and the
// machine starts anew as it would have after it; an exception in that is none, and after one more
// there is nothing left to try.
Writer& begin_report(std::string_view cause) {
    Writer* out = log_writer();
    unsigned earlier = reports++;
    if (earlier == 0 && out)
        return *out;
    if (earlier == 1 && out)
        print(*out, "\n*** {}, in this report\n", cause);
    if (earlier > 2)
        halt();
    start_anew(earlier < 2 ? out : nullptr);
}

// Ends every report.
[[noreturn]] void finish_report(Writer& out, uptr program_counter, uptr link_register, uptr stack_pointer,
                                bool is_external = false) {
    out.write("Image at ");
    print_word(out, image_base());
    out.write("\n");
    print_trace(out, program_counter, link_register, stack_pointer);
    print_build(out, is_external);
    start_anew(&out);
}

} // namespace

void set_stack_bounds(uptr low, uptr high) {
    stack_low = low;
    stack_high = high;
}

void set_final_action(void (*action)()) { final_action = action; }

void print_trace(Writer& out, uptr program_counter, uptr link_register, uptr stack_pointer) {
    out.write("Trace (addresses in vireo.map):\n");
    usize frames = 0;
    if (is_text(program_counter))
        print_frame(out, frames++, program_counter);
    if (link_register != 0 && is_return_address(link_register))
        print_frame(out, frames++, link_register);
    if (stack_pointer < stack_low || stack_pointer > stack_high) {
        // An overflow leaves it just below the stack: what lies on the stack still tells the story.
        print(out, "  (stack pointer outside the stack)\n");
        stack_pointer = stack_low;
    }
    for (uptr at = (stack_pointer + sizeof(uptr) - 1) & ~(sizeof(uptr) - 1);
         at < stack_high && frames < max_frames; at += sizeof(uptr)) {
        uptr word = *reinterpret_cast<const uptr*>(at);
        if (is_return_address(word))
            print_frame(out, frames++, word);
    }
}

void report_exception(const ExceptionReport& report) {
    Writer& out = begin_report(report.cause);
    print(out, "\n*** {}", report.cause);
    if (report.address) {
        out.write(" at ");
        print_word(out, *report.address);
    }
    out.write("\n");
    constexpr usize per_line = sizeof(uptr) == 8 ? 3 : 4;
    for (usize i = 0; i < report.registers.size(); ++i) {
        print(out, "{:>8} ", report.registers[i].name);
        print_word(out, report.registers[i].value);
        if (i % per_line == per_line - 1 || i + 1 == report.registers.size())
            out.write("\n");
    }
    finish_report(out, report.program_counter, report.link_register, report.stack_pointer,
                  report.is_external);
}

[[gnu::noinline]] void stop_after_defect() {
    Writer& out = begin_report("panic");
    finish_report(out, reinterpret_cast<uptr>(__builtin_return_address(0)), 0,
                  reinterpret_cast<uptr>(__builtin_frame_address(0)));
}

} // namespace vireo::arch
