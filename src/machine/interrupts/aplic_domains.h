// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "machine/virt/devices.h"

// Before an operating system takes over in supervisor mode from us in machine mode: interrupts are that
// mode's (RISC-V Advanced Interrupt Architecture 1.0, chapter 4).
namespace vireo::machine::virt {

// What machine mode's domain must know of where harts take messages, in supervisor mode and in machine mode:
// only its registers say it (4.5.3, 4.5.4).
struct MessageAddresses {
    u32 machine, machine_high, supervisor, supervisor_high;
};

// Of a domain that sends messages. NotSupported if the registers cannot say what the tree does.
Result<MessageAddresses> message_addresses(const Devices& devices, const Devices::Aplic& domain);

// Whether give_aplics_to_supervisor_mode() would succeed: NotSupported, and why not. Fine without any.
Result<> can_give_aplics(const Devices& devices);

// Each source of machine mode's domains is supervisor mode's, which finds all of it switched off.
void give_aplics_to_supervisor_mode(const Devices& devices);

} // namespace vireo::machine::virt
