// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/boot.h"

namespace vireo::boot {

// Whether the ELF file that `request` names is a kernel which says how it is booted: prepare() is for those.
bool is_kernel(const Services& services, const Request& request);

// An ELF program at request.kernel, for this machine: where its pieces go, verified. Nothing has been moved.
// By its sections, if not by its program headers.
[[nodiscard]] std::expected<Plan, Failure> prepare_program(const Services& services, const Request& request,
                                                           bool by_sections);

// Quiets the devices, moves the pieces, and calls the program with those words; returns what it returns.
// Devices are up again afterwards.
[[nodiscard]] std::expected<u64, Failure> run_program(const Services& services, const Plan& plan,
                                                      std::span<const char* const> words);

} // namespace vireo::boot
