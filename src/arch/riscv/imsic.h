// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// This hart's own controller for interrupts that are sent to it as messages (RISC-V Advanced Interrupt
// Architecture, chapter 3), that of the mode that we are in.
namespace vireo::arch::riscv {

// The one kind of message that Vireo uses. 1 is what operating systems wake each other with.
constexpr u32 message_identity = 2;

// Lets messages of that kind make the external interrupt pending. False if the hart has no such controller.
bool start_message_interrupts();

// Takes what is pending; without that it would stay so.
void claim_message();

} // namespace vireo::arch::riscv
