// SPDX-License-Identifier: Apache-2.0
#include "shell/arguments.h"

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
        if (command.is_absent)
            continue;
        bool is_later = !previous || std::string_view(command.name) > previous->name;
        if (is_later && (!next || std::string_view(command.name) < next->name))
            next = &command;
    }
    return next;
}

static std::string_view without_suffix(std::string_view name, const Command& command) {
    bool is_text = command.has_texts && name.ends_with(".s");
    if (is_text || !command.has_widths)
        return name.substr(0, name.size() - (is_text ? 2 : 0));
    if (name.ends_with(".b") || name.ends_with(".w") || name.ends_with(".l") || name.ends_with(".q"))
        name.remove_suffix(2);
    return name;
}

const Command* find_command(std::string_view name) {
    const Command* only = nullptr;
    bool is_ambiguous = name.empty();
    for (const Command& command : all_commands()) {
        std::string_view wanted = without_suffix(name, command);
        if (command.name == wanted)
            return &command;
        if (!std::string_view(command.name).starts_with(wanted) || wanted.empty() || command.is_absent)
            continue;
        is_ambiguous |= only != nullptr;
        only = &command;
    }
    return is_ambiguous ? nullptr : only;
}

void print_usage(Context& context, const Command& command) {
    print(context.console, "{} - {}\n\nUsage:\n{}\n", command.name, command.summary, command.usage);
}

// Who types a wrong call is shown how it is done. In a script, where the usage would push away what led to
// it, one line shows the call as it was made: mostly a variable in it has no value.
static void refuse_call(Context& context, const Command& command, Arguments arguments) {
    if (context.nesting <= 1)
        return print_usage(context, command);
    context.console.write("wrong call:");
    for (auto word : arguments) {
        context.console.write(" ");
        print_untrusted(context.console, word);
    }
    print(context.console, " (see 'help {}')\n", command.name);
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
        refuse_call(context, *command, arguments);
        status = status_failed;
    }
    context.repeatable = command->repeat ? command : nullptr;
    context.poller.glance();
    if (context.poller.was_interrupted()) {
        status = status_failed;
        if (context.poller.take_report() && !command->ends_silently)
            context.console.write("<INTERRUPT>\n");
    }
    return status;
}

} // namespace vireo::shell
