// SPDX-License-Identifier: Apache-2.0
#include "arch/common/wake.h"

namespace vireo::arch {

namespace {
constinit Wake current;
}

void set_wake(const Wake& wake) { current = wake; }
const Wake& wake() { return current; }

} // namespace vireo::arch
