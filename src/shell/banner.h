// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"

namespace vireo::shell {

// Which build this is, behind CONFIG_BANNER_PREFIX if there is one; no line end. The first line at
// start, and of `version`.
void print_banner(Writer& out);

} // namespace vireo::shell
