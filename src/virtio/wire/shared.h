// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::virtio::wire {

// The standard's fields are little-endian; the legacy interface's are in the processor's order (section
// 2.7.3). On a little-endian processor the two are one, and every machine of Vireo is little-endian.
static_assert(std::endian::native == std::endian::little);

// An integer in memory that driver and device share. Each load and store happens exactly once and whole: the
// compiler may neither read a value twice (the device could have changed it between check and use) nor tear
// it. Order between accesses comes from dma/barriers.h alone. A u64 on a 32-bit processor is two accesses: no
// field that both sides touch at the same time is that wide.
template <std::unsigned_integral T> class Shared {
  public:
    T load() const
        requires(sizeof(T) <= sizeof(u32))
    {
        return __atomic_load_n(&value_, __ATOMIC_RELAXED);
    }
    void store(T value) {
        if constexpr (sizeof(T) <= sizeof(uptr))
            __atomic_store_n(&value_, value, __ATOMIC_RELAXED);
        else
            value_ = value;
    }

  private:
    alignas(sizeof(T)) T value_;
};

// Shared memory seen as wire structs, one behind the other: the first of them. The memory comes from the DMA
// pool, is aligned for T, holds as many as the caller uses, and outlives the view.
template <typename T> T* overlay(std::byte* memory) { return std::launder(reinterpret_cast<T*>(memory)); }

} // namespace vireo::virtio::wire
