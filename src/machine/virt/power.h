// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "machine/virt/devices.h"

namespace vireo::machine::virt {

// Starts the machine anew or switches it off, by the first way that there is: PSCI or SBI, a syscon register,
// a GPIO line. Returns NotSupported if there is none, Io if the machine is still there afterwards.
Result<> restart(const Devices& devices);
Result<> power_off(const Devices& devices);

} // namespace vireo::machine::virt
