// SPDX-License-Identifier: Apache-2.0
// The smallest commands: echo, true, false, exit.
#include "shell/arguments.h"

namespace vireo::shell {
namespace {

int echo(Context& context, Arguments arguments) {
    bool ends_line = arguments.size() < 2 || arguments[1] != "-n";
    bool is_first = true;
    for (auto word : arguments.subspan(ends_line ? 1 : 2)) {
        if (!std::exchange(is_first, false))
            context.console.write(" ");
        context.console.write(word);
    }
    if (ends_line)
        context.console.write("\n");
    return status_ok;
}

int succeed(Context&, Arguments) { return status_ok; }
int fail_quietly(Context&, Arguments) { return status_failed; }

int exit_shell(Context& context, Arguments arguments) {
    auto status = arguments.size() > 1 ? number_argument(context, arguments[1], 10) : std::optional<u64>(0);
    if (!status)
        return status_failed;
    if (context.nesting > 1 || context.may_exit)
        context.exiting = true;
    else
        context.console.write("exit not allowed from main input shell.\n");
    return static_cast<int>(*status & 0xff);
}

VIREO_COMMAND(echo_command) = {
    .name = "echo",
    .summary = "print words",
    .usage = "echo [-n] [word ...] - print the words with one blank between them\n"
             "     -n: without a line end",
    .run = echo,
};
VIREO_COMMAND(true_command) = {
    .name = "true", .summary = "succeed", .usage = "true - do nothing, status 0", .run = succeed};
VIREO_COMMAND(false_command) = {
    .name = "false", .summary = "fail", .usage = "false - do nothing, status 1", .run = fail_quietly};
VIREO_COMMAND(exit_command) = {
    .name = "exit",
    .summary = "leave a script",
    .usage = "exit [status] - end the text that `run` runs, with that status (decimal, default 0)",
    .run = exit_shell,
    .max_words = 2,
};

} // namespace
} // namespace vireo::shell
