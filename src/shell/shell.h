// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/context.h"

namespace vireo::shell {

// What the host gives for the start (host_settings.h), autoboot if `bootcmd` is set, then the prompt, for
// ever. What firmware calls last.
[[noreturn]] void run(Context& context);

// The same for a program: returns the last status once the user leaves (only if context.may_exit).
int interact(Context& context);

// Runs one line (or several, separated by '\n') as if it were typed; its status. Ctrl-C ends it. Nests (the
// `run` command) up to max_nesting; what is deeper is an error.
inline constexpr u16 max_nesting = 16;
int run_line(Context& context, std::string_view text);

// Runs text that is not typed: the same, but `exit` ends it and not the shell. Its status.
int run_script(Context& context, std::string_view text);

// The default variables, in place of all others (`env default -a`): those of the build, of the machine and of
// the RAM that is free now.
void set_default_variables(Context& context);

} // namespace vireo::shell
