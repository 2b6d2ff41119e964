// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dma/barriers.h"

namespace vireo::dma {

// Proof that a device touches some memory no more: it has shown that its reset, or that of one of its queues,
// is complete. Whatever a device may know the address of comes back against this and nothing else
// (Buffer::give_back, virtio::Queue::close); what is dropped without it stays the device's for ever.
class ConfirmedReset {
  public:
    // `shown`: the registers that tell how far a reset is, read after it was asked for: the device status
    // (section 2.4.2), or queue_reset and queue_enable (sections 4.1.4.3.1 and 4.2.2.1). All of them are 0
    // when it is complete, and only then.
    static std::optional<ConfirmedReset> when_zero(u32 shown) {
        if (shown != 0)
            return std::nullopt;
        after_reset();
        return ConfirmedReset();
    }

  private:
    ConfirmedReset() = default;
};

} // namespace vireo::dma
