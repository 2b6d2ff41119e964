// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"

#include <string>

namespace vireo::test {

// What an Error says, with its number, as the console shows it.
inline std::string text_of(const Error& error) {
    StringBuffer<256> text;
    print(text, "{}", error);
    return std::string(text.view());
}

} // namespace vireo::test
