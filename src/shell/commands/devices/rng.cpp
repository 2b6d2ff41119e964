// SPDX-License-Identifier: Apache-2.0
#include "shell/arguments.h"

namespace vireo::shell {
namespace {

int list(Context& context) {
    const auto& sources = context.devices.entropy;
    bool is_empty = true;
    for (usize i = 0; i < sources.count(); ++i) {
        if (const device::EntropySource* source = sources.find(i)) {
            print(context.console, "RNG #{} - {}\n", i, source->name());
            is_empty = false;
        }
    }
    if (is_empty)
        context.console.write("No RNG device\n");
    return is_empty ? status_failed : status_ok;
}

int rng(Context& context, Arguments arguments) {
    if (arguments.size() > 1 && arguments[1] == "list")
        return arguments.size() == 2 ? list(context) : status_usage;
    auto number = arguments.size() > 1 ? number_argument(context, arguments[1]) : std::optional<u64>(0);
    auto count = arguments.size() > 2 ? number_argument(context, arguments[2]) : std::optional<u64>(0x40);
    if (!number || !count)
        return status_failed;
    device::EntropySource* source = context.devices.entropy.find(*number);
    if (!source) {
        context.console.write("No RNG device\n");
        return status_failed;
    }
    std::byte bytes[64];
    for (u64 shown = 0; shown < *count;) {
        usize step = static_cast<usize>(std::min<u64>(sizeof(bytes), *count - shown));
        if (auto read = source->read({bytes, step}); !read)
            return fail(context, "Reading RNG failed", read.error());
        for (usize i = 0; i < step; i += 16)
            print_dump_line(context.console, shown + i,
                            Bytes(bytes, step).subspan(i, std::min<usize>(16, step - i)), 1);
        shown += step;
        if (context.interrupted())
            return status_failed;
    }
    return status_ok;
}

VIREO_COMMAND(rng_command) = {
    .name = "rng",
    .summary = "print random bytes from a device",
    .usage = "rng [device [count]] - print 'count' random bytes (hexadecimal, default 40) from a device "
             "(default 0)\n"
             "rng list - list the devices",
    .run = rng,
    .max_words = 3,
    .subcommands = "list",
};

} // namespace
} // namespace vireo::shell
