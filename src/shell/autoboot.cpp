// SPDX-License-Identifier: Apache-2.0
#include "shell/autoboot.h"

#include "autoconf.h"
#include "base/parse.h"
#include "boot/host_kernel.h"
#include "shell/arguments.h"
#include "shell/line/escape_sequence.h"
#include "shell/shell.h"

namespace vireo::shell {

static constexpr i64 max_delay_seconds = 3600;

// What $bootdelay says; what it cannot mean costs a line, and something near it is taken.
static i64 boot_delay(Context& context) {
    auto variable = context.environment.get("bootdelay");
    if (!variable || variable->empty())
        return CONFIG_BOOTDELAY;
    std::string_view text = trim(*variable);
    bool is_negative = text.starts_with('-');
    std::string_view digits = text.substr(is_negative ? 1 : 0);
    auto number = parse_number(digits, 10);
    // over 64 bits
    bool is_number = number || (!digits.empty() && digits.find_first_not_of("0123456789") == digits.npos);
    u64 most = static_cast<u64>(max_delay_seconds);
    i64 seconds = is_number ? static_cast<i64>(std::min(number.value_or(most), most)) : CONFIG_BOOTDELAY;
    if (is_number && is_negative)
        return -seconds;
    if (number && *number <= most)
        return seconds;
    context.console.write("bootdelay \"");
    print_untrusted(context.console, text);
    print(context.console, "\" is {}: {} seconds\n", is_number ? "too long" : "not a number of seconds",
          seconds);
    return seconds;
}

// Waits at most `duration` for a byte, and reads it.
static std::optional<u8> next_byte(Context& context, event::Duration duration) {
    std::optional<u8> byte;
    (void)context.loop.wait_until(event::Deadline::after(duration), [&] {
        byte = context.console.read();
        return byte.has_value();
    });
    return byte;
}

// Reads what belongs to the key that began with `first`: nothing of an arrow key shall be left for the
// prompt. Those bytes follow at once.
static void swallow_rest_of_key(Context& context, u8 first) {
    constexpr auto patience = event::Duration::milli(50);
    if (first != EscapeSequence::escape_byte) {
        int following = first >= 0xc0 ? std::countl_one(first) - 1 : 0; // of a UTF-8 character
        for (; following > 0; --following)
            (void)next_byte(context, patience);
        return;
    }
    EscapeSequence sequence;
    sequence.begin(first);
    while (sequence.is_open()) {
        auto byte = next_byte(context, patience);
        if (!byte || sequence.take(*byte) == EscapeSequence::Outcome::NotMine)
            return; // Alt and a letter come as Escape and that letter
    }
}

// True once a key has been typed; it is read.
static bool key_arrives(Context& context, event::Duration duration) {
    auto first = next_byte(context, duration);
    if (first)
        swallow_rest_of_key(context, *first);
    return first.has_value();
}

// True if nobody stopped it. The text is U-Boot's, byte by byte: programs wait for it.
static bool count_down(Context& context, i64 seconds) {
    print(context.console, "Hit any key to stop autoboot: {:2} ", seconds);
    bool is_stopped = seconds == 0 && key_arrives(context, {});
    for (; seconds > 0 && !is_stopped; --seconds) {
        is_stopped = key_arrives(context, event::Duration::seconds(1));
        if (!is_stopped)
            print(context.console, "\b\b\b{:2} ", seconds - 1);
    }
    context.console.write("\n");
    return !is_stopped;
}

// The host (QEMU: -kernel) gives one, and this build boots it. One look at a number.
static bool host_gives_kernel(Context& context) {
    return find_command("qfw") && boot::host_gives_kernel(context.machine, context.host_files);
}

// At once: whoever names a kernel has said what he wants, and waits for it.
static void boot_host_kernel(Context& context, bool looks_for_key) {
    if (looks_for_key && key_arrives(context, {})) {
        context.console.write("Stopped by a key: 'qfw boot' boots the host's kernel\n");
        return;
    }
    run_line(context, "qfw boot");
}

void autoboot(Context& context) {
    auto command = context.environment.get("bootcmd");
    bool has_command = command && !command->empty();
    if (!has_command && !host_gives_kernel(context))
        return;
    i64 seconds = boot_delay(context);
    if (seconds == -1)
        return;
    if (!has_command)
        return boot_host_kernel(context, seconds >= 0);
    if (seconds < 0 || count_down(context, seconds)) {
        constexpr std::string_view run_bootcmd = "run bootcmd";
        run_line(context, run_bootcmd);
    }
}

} // namespace vireo::shell
