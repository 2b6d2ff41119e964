// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"

namespace vireo {

// Which build this is: "Vireo 0.1.0-988cef9-dirty (2026-11-20 14:32:00 UTC)". Without the commit where none
// is known; no line end.
void print_build_name(Writer& out);

} // namespace vireo
