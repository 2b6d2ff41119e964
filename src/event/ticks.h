// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"

namespace vireo::event {

// The moment at which arch::ticks() was `ticks`.
Instant instant_of(u64 ticks);

} // namespace vireo::event
