// SPDX-License-Identifier: Apache-2.0
#include "base/build_name.h"

#include "version.h"

namespace vireo {

void print_build_name(Writer& out) {
    constexpr std::string_view commit = VIREO_COMMIT;
    print(out, "Vireo {}{}{} ({})", VIREO_VERSION, commit.empty() ? "" : "-", commit, VIREO_DATE);
}

} // namespace vireo
