// SPDX-License-Identifier: Apache-2.0
// go: calls a program in memory.
#include "shell/arguments.h"
#include "shell/program_words.h"

namespace vireo::shell {
namespace {

// No device may write to memory that the program takes for its own.
Result<u64> start(Context& context, u64 address, std::span<const char* const> words) {
    VIREO_TRY(context.virtio.quiesce_all());
    print(context.console, "## Starting application at 0x{:08X} ...\n", address);
    return context.machine.call(address, words, context.memory, {});
}

int go(Context& context, Arguments arguments) {
    auto address = number_argument(context, arguments[1]);
    if (!address)
        return status_failed;
    auto words = ProgramWords::create(arguments.subspan(1)); // the address first
    if (!words)
        return fail(context, "go", words.error());

    auto result = start(context, *address, words->pointers());
    (void)context.virtio.rescan();
    if (!result)
        return fail(context, "go", result.error());
    print(context.console, "## Application terminated, rc = 0x{:X}\n", *result);
    return *result == 0 ? status_ok : status_failed;
}

VIREO_COMMAND(go_command) = {
    .name = "go",
    .summary = "call a program in memory",
    .usage = "go address [word ...] - call the program at 'address' with the words, the address first",
    .run = go,
    .min_words = 2,
};

} // namespace
} // namespace vireo::shell
