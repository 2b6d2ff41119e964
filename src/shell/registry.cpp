// SPDX-License-Identifier: Apache-2.0
#include "shell/context.h"

// The linker collects the entries that VIREO_COMMAND makes and names both ends.
extern "C" {
extern const vireo::shell::Command __start_vireo_commands[];
extern const vireo::shell::Command __stop_vireo_commands[];
}

namespace vireo::shell {

std::span<const Command> all_commands() { return {__start_vireo_commands, __stop_vireo_commands}; }

const Command* next_command(const Command* previous) {
    const Command* next = nullptr;
    for (const Command& command : all_commands()) {
        bool is_later = !previous || std::string_view(command.name) > previous->name;
        if (is_later && (!next || std::string_view(command.name) < next->name))
            next = &command;
    }
    return next;
}

static std::string_view without_width(std::string_view name) {
    if (name.ends_with(".b") || name.ends_with(".w") || name.ends_with(".l") || name.ends_with(".q"))
        name.remove_suffix(2);
    return name;
}

const Command* find_command(std::string_view name) {
    const Command* only = nullptr;
    bool is_ambiguous = name.empty();
    for (const Command& command : all_commands()) {
        std::string_view wanted = command.has_widths ? without_width(name) : name;
        if (command.name == wanted)
            return &command;
        if (!std::string_view(command.name).starts_with(wanted) || wanted.empty())
            continue;
        is_ambiguous |= only != nullptr;
        only = &command;
    }
    return is_ambiguous ? nullptr : only;
}

void print_usage(Context& context, const Command& command) {
    print(context.console, "{} - {}\n\nUsage:\n{}\n", command.name, command.summary, command.usage);
}

int run_command(Context& context, Arguments arguments) {
    const Command* command = find_command(arguments[0]);
    if (!command) {
        print(context.console, "Unknown command '{}' - try 'help'\n", arguments[0]);
        return status_failed;
    }
    bool is_fitting = arguments.size() >= command->min_words && arguments.size() <= command->max_words;
    int status = is_fitting ? command->run(context, arguments) : status_usage;
    if (status == status_usage) {
        print_usage(context, *command);
        status = status_failed;
    }
    context.repeatable = command->repeat ? command : nullptr;
    if (context.poller.was_interrupted()) {
        status = status_failed;
        if (context.poller.take_report() && !command->ends_silently)
            context.console.write("<INTERRUPT>\n");
    }
    return status;
}

} // namespace vireo::shell
