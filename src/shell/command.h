// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::shell {

struct Context;

// The words of a command line, its name first. The text lives until the command returns.
using Arguments = std::span<const std::string_view>;

// Exit status of a command: 0 is success, 1 is failure (the command has said why). `status_usage` makes the
// shell print the command's usage and counts as 1.
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
    // Its name may end in .b, .w, .l or .q.
    bool has_widths = false;
    // Its name may end in .s: its values are texts then.
    bool has_texts = false;
    // Ctrl-C ends it without `<INTERRUPT>`.
    bool ends_silently = false;
    // A word of U-Boot's that says in one line what Vireo has not: not listed, not completed, not shortened.
    bool is_absent = false;
    // The word that is a path on the disk that words 1 and 2 name, for Tab; 0 if there is none.
    u8 file_word = 0;
    // Its first argument is the interface of a disk: Tab offers those that there can be.
    bool has_interface = false;
    // Words that Tab completes as its first argument, separated by blanks.
    const char* subcommands = "";
};

// All commands of this build, in the order of the linker.
std::span<const Command> all_commands();

// Walks the commands by name, those that are absent left out: the first one after nullptr,
// nullptr after the last one.
const Command* next_command(const Command* previous);

// The command with this name, or the only one that is not absent and whose name starts so; nullptr if there
// is none. Behind the name of a command that has widths, one of ".b", ".w", ".l", ".q" is left out of
// account; ".s" behind one that has texts.
const Command* find_command(std::string_view name);

// Checks the count of words and runs the command. `arguments` is not empty. Everything that goes wrong has
// been printed when it returns the status, which is never status_usage. Does not set `$?`.
int run_command(Context& context, Arguments arguments);

// "NAME - SUMMARY", an empty line, "Usage:" and the usage.
void print_usage(Context& context, const Command& command);

} // namespace vireo::shell

// Puts a Command into the registry, linker section `vireo_commands`. The section is walked as an array, so
// sanitizers must not pad its entries, and nothing may drop an entry that no code names.
#define VIREO_COMMAND(identifier)                                                                            \
    [[gnu::used, gnu::retain, gnu::section("vireo_commands"), clang::no_sanitize("address")]]                \
    constinit const ::vireo::shell::Command identifier
