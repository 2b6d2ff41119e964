// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/stack/random.h"

namespace vireo::net {

// Where lwIP's random numbers come from. Kept by the Network, which is there before the first
// of lwIP's calls.
void set_lwip_random(Random* random);

} // namespace vireo::net
