// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "machine/virt/devices.h"

namespace vireo::machine::virt {

// How an interrupt is taken from its controller after a sleep; null if that wants nothing of the kind.
using Acknowledge = void (*)();

// Connects the console's interrupt to `hart` through the APLIC that the tree names for it. Empty if
// there is none that can.
std::optional<Acknowledge> start_aplic(const Devices& devices, u32 hart);

// Takes that back, if it was done.
void stop_aplic();

} // namespace vireo::machine::virt
