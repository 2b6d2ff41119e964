// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/riscv/sbi/description.h"
#include "machine/virt/devices.h"

namespace vireo::machine::virt {

// What the resident SBI must know of a machine in which hart `hart` runs Vireo: all harts that the tree
// names, as far as there is room, and how to wake them; the serial port, if it is one that the SBI can drive;
// how the machine is switched off. `NotFound`: the tree does not name that hart.
Result<arch::riscv::sbi::Description> describe_for_sbi(const Devices& devices, u32 hart);

} // namespace vireo::machine::virt
