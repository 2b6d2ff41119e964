// SPDX-License-Identifier: Apache-2.0
// Variables: setenv, printenv, run, boot, env, showvar.
#include "shell/arguments.h"
#include "shell/shell.h"
#include "shell/variables/variable_types.h"

namespace vireo::shell {
namespace {

int not_defined(Context& context, std::string_view name) {
    print(context.console, "## Error: \"{}\" not defined\n", name);
    return status_failed;
}

// The words with one blank between them, in memory of their own.
Result<OwnedArray<char>> join(Arguments words) {
    usize bytes = words.empty() ? 0 : words.size() - 1;
    for (auto word : words)
        bytes += word.size();
    auto text = VIREO_TRY(OwnedArray<char>::create(bytes));
    usize used = 0;
    for (auto word : words) {
        if (used > 0)
            text[used++] = ' ';
        std::memcpy(text.data() + used, word.data(), word.size());
        used += word.size();
    }
    return text;
}

// Whether the user may give the variable this value; one or two lines in U-Boot's words if not.
bool may_set(Context& context, std::string_view name, std::string_view value, bool is_forced) {
    VariableFault fault = check_variable(context.environment, context.console, name, value);
    if (fault == VariableFault::None || (fault == VariableFault::SetOnce && is_forced))
        return true;
    print_fault(context.console, fault, name, value);
    return false;
}

// Splits -f off.
bool take_force(Arguments& words) {
    bool is_forced = !words.empty() && words[0] == "-f";
    words = words.subspan(is_forced ? 1 : 0);
    return is_forced;
}

int set_variable(Context& context, Arguments words) {
    bool is_forced = take_force(words);
    if (words.empty())
        return status_usage;
    std::string_view name = words[0];
    if (char bad = bad_name_character(name)) {
        print(context.console, "## Error: illegal character '");
        print_untrusted(context.console, {&bad, 1});
        print(context.console, "' in variable name \"{}\"\n", name);
        return status_failed;
    }
    auto value = join(words.subspan(1));
    if (!value)
        return fail(context, "setenv", value.error());
    if (!may_set(context, name, {value->data(), value->size()}, is_forced))
        return status_failed;
    if (words.size() == 1) { // no value at all; `setenv name ""` is an empty one
        context.environment.remove(name);
        return status_ok;
    }
    if (auto set = context.environment.store(name, {value->data(), value->size()}); !set)
        return fail(context, "setenv", set.error());
    apply_console_variables(context.environment, context.console);
    return status_ok;
}

int print_variables(Context& context, Arguments names) {
    if (!names.empty() && names[0] == "-a") // all; U-Boot hides those whose name starts with '.' otherwise
        names = names.subspan(1);
    Writer& out = context.console;
    int status = status_ok;
    for (auto name : names) {
        if (auto value = context.environment.get(name))
            print(out, "{}={}\n", name, *value);
        else
            status = not_defined(context, name);
    }
    if (!names.empty())
        return status;
    usize cursor = 0;
    while (auto variable = context.environment.next(cursor))
        print(out, "{}={}\n", variable->name, variable->value);
    print(out, "\nEnvironment size: {}/{} bytes\n", context.environment.bytes(), Environment::max_bytes);
    return status_ok;
}

int setenv(Context& context, Arguments arguments) { return set_variable(context, arguments.subspan(1)); }
int printenv(Context& context, Arguments arguments) { return print_variables(context, arguments.subspan(1)); }

int run_variables(Context& context, Arguments arguments) {
    for (auto name : arguments.subspan(1)) {
        auto value = context.environment.get(name);
        if (!value)
            return not_defined(context, name);
        // A copy: the text may change its own variable while it runs.
        std::string_view words[] = {*value};
        auto text = join(words);
        if (!text)
            return fail(context, "run", text.error());
        if (int status = run_line(context, {text->data(), text->size()}); status != status_ok)
            return status;
    }
    return status_ok;
}

int boot(Context& context, Arguments) {
    constexpr std::string_view words[] = {"run", "bootcmd"};
    return run_variables(context, words);
}

int delete_variables(Context& context, Arguments names) {
    bool is_forced = take_force(names);
    int status = names.empty() ? status_usage : status_ok;
    for (auto name : names) {
        if (!may_set(context, name, {}, is_forced))
            status = status_failed;
        else
            context.environment.remove(name); // gone is what was wanted, also if it never was
    }
    return status;
}

// The default of `name` from `defaults`; a variable that has none is deleted, with a line.
int reset_variable(Context& context, const Environment& defaults, std::string_view name, bool is_forced) {
    auto value = defaults.get(name);
    if (value == context.environment.get(name))
        return status_ok; // neither is there, or both are the same
    if (!may_set(context, name, value.value_or(""), is_forced))
        return status_failed;
    if (!value) {
        print(context.console, "'{}' has no default: deleted\n", name);
        context.environment.remove(name);
        return status_ok;
    }
    auto set = context.environment.store(name, *value);
    return set ? status_ok : fail(context, "env default", set.error());
}

int reset_to_defaults(Context& context, Arguments words) {
    bool all = false;
    bool is_forced = false;
    bool keeps = false;
    for (; !words.empty() && words[0].starts_with('-'); words = words.subspan(1)) {
        if (words[0].find_first_not_of("afk", 1) != std::string_view::npos)
            return status_usage;
        all = all || words[0].contains('a');
        is_forced = is_forced || words[0].contains('f');
        keeps = keeps || words[0].contains('k');
    }
    if (all != words.empty() || (keeps && !all))
        return status_usage;
    if (all)
        context.console.write("## Resetting to default environment\n");
    Environment before = std::exchange(context.environment, Environment());
    set_default_variables(context);
    if (all && !keeps)
        return status_ok;
    Environment defaults = std::exchange(context.environment, std::move(before));
    int status = status_ok;
    auto reset = [&](std::string_view name, bool force) {
        if (reset_variable(context, defaults, name, force) != status_ok)
            status = status_failed;
    };
    usize cursor = 0;
    for (auto variable = defaults.next(cursor); all && variable; variable = defaults.next(cursor))
        reset(variable->name, true);
    for (auto name : words)
        reset(name, is_forced);
    return status;
}

// env default [-f] [-k] -a, or [-f] NAME ...
int reset_variables(Context& context, Arguments words) {
    int status = reset_to_defaults(context, words);
    apply_console_variables(context.environment, context.console);
    return status;
}

int env(Context& context, Arguments arguments) {
    std::string_view what = arguments[1];
    Arguments rest = arguments.subspan(2);
    if (what == "print")
        return print_variables(context, rest);
    if (what == "default")
        return reset_variables(context, rest);
    if (rest.empty())
        return status_usage;
    if (what == "set")
        return set_variable(context, rest);
    if (what == "delete")
        return delete_variables(context, rest);
    if (what == "run")
        return run_variables(context, arguments.subspan(1));
    if (what == "exists" && rest.size() == 1)
        return context.environment.get(rest[0]) ? status_ok : status_failed;
    return status_usage;
}

int showvar(Context& context, Arguments arguments) {
    usize cursor = 0;
    while (auto variable = context.locals.next(cursor))
        if (arguments.size() == 1 ||
            std::ranges::find(arguments.subspan(1), variable->name) != arguments.end())
            print(context.console, "{}={}\n", variable->name, variable->value);
    return status_ok;
}

VIREO_COMMAND(setenv_command) = {
    .name = "setenv",
    .summary = "set a variable",
    .usage = "setenv [-f] name value ... - set 'name' to the words, with one blank between them\n"
             "setenv [-f] name - delete 'name' (setenv name \"\": set it to nothing)\n"
             "     -f: even if it can be set only once (ethaddr)",
    .run = setenv,
    .min_words = 2,
};
VIREO_COMMAND(printenv_command) = {
    .name = "printenv",
    .summary = "print variables",
    .usage =
        "printenv [-a] - print all variables and the room that they take\nprintenv name ... - print these",
    .run = printenv,
};
VIREO_COMMAND(run_command_entry) = {
    .name = "run",
    .summary = "run the commands in a variable",
    .usage = "run name ... - run the text of each variable in turn; the first failure ends it",
    .run = run_variables,
    .min_words = 2,
};
VIREO_COMMAND(boot_command) = {
    .name = "boot",
    .summary = "run 'bootcmd'",
    .usage = "boot - run the commands in the variable 'bootcmd'",
    .run = boot,
    .max_words = 1,
};
VIREO_COMMAND(env_command) = {
    .name = "env",
    .summary = "work on variables",
    .usage = "env print [-a | name ...] - the same as printenv\n"
             "env set [-f] name [value ...] - the same as setenv\n"
             "env run name ... - the same as run\n"
             "env delete [-f] name ... - delete variables, if they are there\n"
             "env exists name - status 0 if there is such a variable\n"
             "env default [-f] [-k] -a - set the defaults and delete all others (-k: keep them)\n"
             "env default [-f] name ... - give these their defaults; one that has none is deleted",
    .run = env,
    .min_words = 2,
    .subcommands = "default delete exists print run set",
};
VIREO_COMMAND(showvar_command) = {
    .name = "showvar",
    .summary = "print shell variables",
    .usage = "showvar [name ...] - print the variables that were set by 'name=value' and 'for'",
    .run = showvar,
};

} // namespace
} // namespace vireo::shell
