// SPDX-License-Identifier: Apache-2.0
#include "shell/autoboot.h"

#include "autoconf.h"
#include "base/parse.h"
#include "shell/shell.h"

namespace vireo::shell {

static constexpr i64 max_delay_seconds = 3600;

static i64 boot_delay(const Context& context) {
    std::string_view text = context.environment.get("bootdelay").value_or("");
    bool is_negative = text.starts_with('-');
    auto number = parse_number(text.substr(is_negative ? 1 : 0), 10);
    if (!number)
        return CONFIG_BOOTDELAY;
    i64 seconds = static_cast<i64>(std::min<u64>(*number, max_delay_seconds));
    return is_negative ? -seconds : seconds;
}

// True once a key has been typed; it is read. Waits at most `duration`.
static bool key_arrives(Context& context, event::Duration duration) {
    std::optional<u8> key;
    auto waited = context.loop.wait_until(event::Deadline::after(duration), [&] {
        key = context.console.read();
        return key.has_value();
    });
    return waited.has_value();
}

// True if nobody stopped it.
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

void autoboot(Context& context) {
    auto command = context.environment.get("bootcmd");
    i64 seconds = boot_delay(context);
    if (!command || seconds == -1)
        return;
    if (seconds < 0 || count_down(context, seconds)) {
        constexpr std::string_view run_bootcmd = "run bootcmd";
        run_line(context, run_bootcmd);
    }
}

} // namespace vireo::shell
