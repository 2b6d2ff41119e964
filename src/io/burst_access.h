// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Beside io/access.h, with the same back ends.
namespace vireo::io::raw {

// Writes all bytes to one port, with the string instruction that leaves a virtual machine once
// for all of them.
void port_write8_burst(u16 port, std::string_view bytes);

} // namespace vireo::io::raw
