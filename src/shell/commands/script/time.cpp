// SPDX-License-Identifier: Apache-2.0
// Time: sleep, time.
#include "base/parse.h"
#include "shell/arguments.h"

namespace vireo::shell {
namespace {

// "1", "0.25", ".5": seconds with a decimal fraction; digits beyond microseconds are dropped.
std::optional<event::Duration> parse_seconds(std::string_view text) {
    constexpr u64 longest_seconds = 1'000'000'000;
    std::string_view fraction = text;
    std::string_view whole = split_first(fraction, '.');
    if (whole.empty() && fraction.empty())
        return std::nullopt;
    auto seconds = whole.empty() ? Result<u64>(0) : parse_number(whole, 10);
    if (!seconds || *seconds > longest_seconds)
        return std::nullopt;
    u64 microseconds = 0;
    u64 weight = 100'000;
    for (char c : fraction) {
        if (c < '0' || c > '9')
            return std::nullopt;
        microseconds += static_cast<u64>(c - '0') * weight;
        weight /= 10;
    }
    return event::Duration::micro(*seconds * 1'000'000 + microseconds);
}

int sleep(Context& context, Arguments arguments) {
    auto duration = parse_seconds(arguments[1]);
    if (!duration) {
        print(context.console, "'{}': not a number of seconds\n", arguments[1]);
        return status_failed;
    }
    return context.loop.sleep(*duration) ? status_ok : status_failed;
}

int time(Context& context, Arguments arguments) {
    auto start = event::now();
    int status = run_command(context, arguments.subspan(1));
    u64 milliseconds = (event::now() - start).microseconds / 1000;
    u64 minutes = milliseconds / 60'000;
    context.console.write("\ntime: ");
    if (minutes > 0)
        print(context.console, "{} minutes, ", minutes);
    print(context.console, "{}.{:03} seconds\n", milliseconds % 60'000 / 1000, milliseconds % 1000);
    return status;
}

VIREO_COMMAND(sleep_command) = {
    .name = "sleep",
    .summary = "wait for some time",
    .usage = "sleep seconds - wait; decimal, with a fraction if wanted",
    .run = sleep,
    .min_words = 2,
    .max_words = 2,
    .ends_silently = true,
};
VIREO_COMMAND(time_command) = {
    .name = "time",
    .summary = "measure how long a command takes",
    .usage = "time command [argument ...] - run it and print the time that it took",
    .run = time,
    .min_words = 2,
};

} // namespace
} // namespace vireo::shell
