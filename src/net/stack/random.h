// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::net {

// Numbers that the other side cannot guess, for transaction ids, ports and sequence numbers: SipHash-2-4 over
// a counter. As good as the key is; nothing else may be made of them.
class Random {
  public:
    // Mixes `bytes` into the key. What was mixed in before stays in it.
    void stir(Bytes bytes);
    u32 next();

  private:
    u64 hash(u64 value) const;
    u64 key_[2] = {};
    u64 counter_ = 0;
};

} // namespace vireo::net
