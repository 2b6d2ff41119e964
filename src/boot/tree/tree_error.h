// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace vireo::boot {

// What a negative code of libfdt says. The literal is its own name for it.
Error tree_error(int code);

// Success for 0.
inline Result<> tree_result(int code) {
    if (code != 0)
        return tree_error(code);
    return {};
}

} // namespace vireo::boot
