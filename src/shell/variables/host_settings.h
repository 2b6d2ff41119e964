// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/context.h"

namespace vireo::shell {

// What the host gives for the start, without another build of Vireo (docs/using.md, "Settings
// from the host").
inline constexpr std::string_view host_environment = "opt/vireo/env";
inline constexpr std::string_view host_script = "opt/vireo/script";

// Sets the variables of the file opt/vireo/env, lines of `name=value`, on top of those that are there. A
// line that is wrong is not used; one line names the file and the line and says why. Nothing happens if
// there is no such file.
void set_host_variables(Context& context);

// Runs the file opt/vireo/script, if there is one. A failure costs a line and nothing else, so
// that an unattended machine reaches its boot command. False if Ctrl-C ended it: somebody is there
// and wants the prompt.
bool run_host_script(Context& context);

} // namespace vireo::shell
