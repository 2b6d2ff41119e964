// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

#include <initializer_list>

// What every device model needs of the standard, transcribed from the device's side. The driver has its own
// transcription; the two must never share a header, or a wrong number would agree with itself.
namespace vireo::fake {

// Device status, section 2.1.
namespace status {
constexpr u8 acknowledge = 1;
constexpr u8 driver = 2;
constexpr u8 driver_ok = 4;
constexpr u8 features_ok = 8;
constexpr u8 suspend = 16;
constexpr u8 needs_reset = 64;
constexpr u8 failed = 128;
} // namespace status

// Feature bits that are no device's own, chapter 6.
namespace feature {
constexpr unsigned notify_on_empty = 24; // legacy
constexpr unsigned any_layout = 27;      // legacy
constexpr unsigned indirect_desc = 28;
constexpr unsigned event_idx = 29;
constexpr unsigned legacy_unused = 30;
constexpr unsigned version_1 = 32;
constexpr unsigned access_platform = 33;
constexpr unsigned ring_packed = 34;
constexpr unsigned in_order = 35;
constexpr unsigned order_platform = 36;
constexpr unsigned sr_iov = 37;
constexpr unsigned notification_data = 38;
constexpr unsigned notif_config_data = 39;
constexpr unsigned ring_reset = 40;
constexpr unsigned admin_vq = 41;
constexpr unsigned suspend = 43;
} // namespace feature

// Events as ISR status (4.1.4.5) and InterruptStatus (4.2.2) show them.
namespace event {
constexpr u8 queue = 1;
constexpr u8 config = 2;
} // namespace event

constexpr u32 no_vector = 0xffff; // VIRTIO_MSI_NO_VECTOR, 4.1.5.1.2

// Feature bits as the registers show them: words of 32.
struct Features {
    std::array<u32, 4> words{};

    Features() = default;
    Features(std::initializer_list<unsigned> bits) {
        for (unsigned bit : bits)
            add(bit);
    }
    static Features all() {
        Features set;
        set.words.fill(0xffff'ffff);
        return set;
    }
    bool has(unsigned bit) const { return (words[bit / 32] >> (bit % 32)) & 1; }
    void add(unsigned bit) { words[bit / 32] |= u32{1} << (bit % 32); }
    void remove(unsigned bit) { words[bit / 32] &= ~(u32{1} << (bit % 32)); }
    void set(unsigned bit, bool on) { on ? add(bit) : remove(bit); }
    bool operator==(const Features&) const = default;
};

} // namespace vireo::fake
