// SPDX-License-Identifier: Apache-2.0
#include "shell/banner.h"

#include "autoconf.h"
#include "base/build_name.h"

namespace vireo::shell {

void print_banner(Writer& out) {
    constexpr std::string_view prefix = CONFIG_BANNER_PREFIX;
    print(out, "{}{}", prefix, prefix.empty() ? "" : " ");
    print_build_name(out);
}

} // namespace vireo::shell
