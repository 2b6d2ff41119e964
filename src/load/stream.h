// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/load.h"

namespace vireo::load {

// Where a part of a file goes that comes as a stream, so nobody knows how long it is: into all the free
// memory that there is, which is also what TooLarge calls `room`. Memory.
Outcome<net::FileTarget> stream_target(const FreeMemory& memory, const Part& part, Failure& failure);

} // namespace vireo::load
