// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "virtio/transport/transport.h"

namespace vireo::virtio {

// The device-specific configuration, field by field (section 2.5). Fields are little-endian, as the processor
// is.
class DeviceConfig {
  public:
    explicit DeviceConfig(Transport& transport) : transport_(transport) {}

    // One field at its offset in the standard's struct. A field of 64 bits is two accesses: it may be torn,
    // and so may any two fields be (section 2.5.1); see read_consistent.
    template <std::unsigned_integral T> Result<T> field(u32 offset) {
        if constexpr (sizeof(T) == 8) {
            u64 low = VIREO_TRY(transport_.read_config(offset, 4));
            u64 high = VIREO_TRY(transport_.read_config(offset + 4, 4));
            return low | high << 32;
        } else {
            return static_cast<T>(VIREO_TRY(transport_.read_config(offset, sizeof(T))));
        }
    }

    // Writes one of the few fields that a driver may write, of 8, 16 or 32 bits. Only after FEATURES_OK.
    template <std::unsigned_integral T> Result<> set_field(u32 offset, T value) {
        static_assert(sizeof(T) <= 4);
        return transport_.write_config(offset, sizeof(T), value);
    }

    // Calls `read`, which reads all that the driver wants to know and returns it in one comparable value,
    // until what it gave was not changed meanwhile: by the generation counter, or, on legacy interfaces,
    // which have none, until two readings agree (section 2.5.4). DeviceBroken if the configuration never
    // comes to rest.
    template <typename Read> auto read_consistent(Read&& read) -> decltype(read(*this)) {
        decltype(read(*this)) previous = error(ErrorCode::Corrupt, "not read yet");
        for (unsigned attempt = 0; attempt < max_attempts; ++attempt) {
            auto before = transport_.config_generation();
            auto value = read(*this);
            if (!value)
                return value;
            if (before ? transport_.config_generation() == before : previous && *previous == *value)
                return value;
            previous = value;
        }
        return error(ErrorCode::DeviceBroken, "configuration keeps changing");
    }

  private:
    static constexpr unsigned max_attempts = 64;
    Transport& transport_;
};

} // namespace vireo::virtio
