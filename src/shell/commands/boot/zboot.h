// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/context.h"

namespace vireo::shell {

// Prints what is in boot_params at `address`, which the caller has found readable, under U-Boot's names.
void print_boot_params(Writer& out, u64 address, Bytes page);

} // namespace vireo::shell
