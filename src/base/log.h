// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"

namespace vireo {

// Where warnings that no command asked for go (a device that was found broken, memory that could not be
// used). Set once by the composition root; until then, and in tests that do not set it, they are dropped.
void set_log_writer(Writer* writer);
Writer* log_writer();

namespace detail {
void warn_values(std::string_view format, FormatKinds kinds, const FormatValue* values);
}

// One line about something that went wrong on its own. The newline is added here.
template <typename... A> void warn(FormatString<std::type_identity_t<A>...> format, const A&... arguments) {
    const std::array<detail::FormatValue, sizeof...(A)> values{detail::make_value(arguments)...};
    detail::warn_values(format.text(), detail::kinds_of<A...>(), values.data());
}

} // namespace vireo
