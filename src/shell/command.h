// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::shell {

struct Context;

// The words of a command line, its name first. The text lives until the command returns.
using Arguments = std::span<const std::string_view>;

// Exit status of a command: 0 is success, 1 is failure (the command has said why). `status_usage` makes the shell
// print the command's usage and counts as 1.
inline constexpr int status_ok = 0;
inline constexpr int status_failed = 1;
inline constexpr int status_usage = -1;

// One command. Registered with VIREO_COMMAND in its own source file; nothing else knows its name.
struct Command {
    const char* name;
    const char* summary; // one line of `help`
    const char* usage;   // what stands below "Usage:" in `help NAME`: whole lines, without the last line end
    int (*run)(Context& context, Arguments arguments);
    // Words with the name, checked before `run` is called; outside it is a usage error.
    u16 min_words = 1;
    u16 max_words = 64;
    // What an empty line does after this command; nothing if null.
    int (*repeat)(Context& context) = nullptr;
    // Ctrl-C ends it without `<INTERRUPT>`.
    bool ends_silently = false;
    // Words that Tab completes as its first argument, separated by blanks.
    const char* subcommands = "";
};

// All commands of this build, in the order of the linker.
std::span<const Command> all_commands();

// The command with this name, or nullptr.
const Command* find_command(std::string_view name);

// Words and their usage check, then the command. `arguments` is not empty. Prints what went wrong; the status is 0 or
// the command's own. Does not touch `$?`.
int run_command(Context& context, Arguments arguments);

} // namespace vireo::shell

// Puts a Command into the registry, linker section `vireo_commands`. The section is walked as an array, so sanitizers
// must not pad its entries, and nothing may drop an entry that no code names.
#define VIREO_COMMAND(identifier)                                                                              \
    [[gnu::used, gnu::retain, gnu::section("vireo_commands"), clang::no_sanitize("address")]]                  \
    constinit const ::vireo::shell::Command identifier
