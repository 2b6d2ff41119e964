// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/window.h"

namespace vireo::io {

// Tells a device that a queue has new buffers: one store or port write of a precomputed value to a
// precomputed address. A closed set of kinds, chosen once when the queue is activated; only the last, which
// is slow anyhow, is a virtual call.
class Doorbell {
  public:
    enum class Kind : u8 { None, Memory16, Memory32, Port16, Indirect16 };

    Doorbell() = default;
    Doorbell(Kind kind, u64 address, u32 value) : address_(address), value_(value), kind_(kind) {}
    // Indirect16. `registers` outlives the doorbell.
    Doorbell(IndirectRegisters& registers, u64 address, u16 value)
        : address_(address), registers_(&registers), value_(value), kind_(Kind::Indirect16) {}

    // Rings with the value given at construction (the virtqueue index, or queue_notif_config_data).
    void ring() const;
    // Rings with `next` in the upper 16 bits (VIRTIO_F_NOTIFICATION_DATA, sections 2.9 and
    // 4.1.5.2); Memory32 only.
    void ring_with(u16 next) const;

    Kind kind() const { return kind_; }

  private:
    u64 address_ = 0;
    IndirectRegisters* registers_ = nullptr;
    u32 value_ = 0;
    Kind kind_ = Kind::None;
};

} // namespace vireo::io
