// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/stack/random.h"

namespace vireo::net {

// Where lwIP's random numbers come from. Kept by the Network, which is there before the first
// of lwIP's calls.
void set_lwip_random(Random* random);

// lwIP begins: nothing is known, open or waited for. Before any other of its calls, once for each Network. In
// the firmware, which has one, that is lwip_init() (start.cpp); in the hosted program, whose tests make one
// after the other, all of lwIP's variables are set back before (hosted/lwip.cpp).
void start_lwip();

} // namespace vireo::net
