// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::net {

// True if every extension header of an IPv6 packet (RFC 8200, 4) that lwIP will walk through lies whole in `packet`, its
// first piece, which begins with the fixed header. lwIP reads each before it looks.
bool extension_headers_fit(Bytes packet);

} // namespace vireo::net
