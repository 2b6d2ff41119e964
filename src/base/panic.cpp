// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include "arch/arch.h"

namespace vireo {

void panic(const char* message) {
    if (Writer* out = log_writer())
        print(*out, "\npanic: {}\n", message);
    arch::stop_after_defect();
}

void must_failed(const char* expression, const char* file, int line) {
    if (Writer* out = log_writer())
        print(*out, "\npanic: {}:{}: {} does not hold\n", file, line, expression);
    arch::stop_after_defect();
}

} // namespace vireo
