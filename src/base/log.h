// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"

namespace vireo {

// Where warnings that no command asked for go (a device that was found broken, memory that could not be
// used). Set once by the composition root; until then, and in tests that do not set it, they are dropped.
void set_log_writer(Writer* writer);
Writer* log_writer();

// One line about something that went wrong on its own. The newline is added here.
template <typename... A> void warn(FormatString<std::type_identity_t<A>...> format, const A&... arguments) {
    Writer* out = log_writer();
    if (!out)
        return;
    out->write("warning: ");
    print(*out, format, arguments...);
    out->write("\n");
}

} // namespace vireo
