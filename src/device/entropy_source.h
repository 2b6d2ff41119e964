// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace vireo::device {

// A source of random bytes.
class EntropySource {
  public:
    virtual ~EntropySource() = default;
    // Fills all of `bytes`. Errors: Timeout, Interrupted, Io (the source keeps giving nothing), DeviceBroken.
    virtual Result<> read(MutableBytes bytes) = 0;
    virtual std::string_view name() const = 0;
};

} // namespace vireo::device
