// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dma/confirmed_reset.h"
#include "event/clock.h"
#include "io/window.h"
#include "virtio/transport/transport.h"
#include "virtio/wire/features.h"
#include "virtio/wire/virtqueue.h"

// What the transports have in common.
namespace vireo::virtio {

namespace detail {
inline constexpr FeatureSet device_bits = FeatureSet::range(0, 23) | FeatureSet::range(50, 127);
}

// What every modern interface can honour. Each adds what its registers allow of NOTIFICATION_DATA,
// NOTIF_CONFIG_DATA and RING_RESET. Never: SUSPEND, ADMIN_VQ, SR_IOV, and everything that is reserved.
inline constexpr FeatureSet modern_transport_features =
    detail::device_bits |
    FeatureSet::of({wire::VIRTIO_F_INDIRECT_DESC, wire::VIRTIO_F_EVENT_IDX, wire::VIRTIO_F_VERSION_1,
                    wire::VIRTIO_F_ACCESS_PLATFORM, wire::VIRTIO_F_RING_PACKED, wire::VIRTIO_F_IN_ORDER,
                    wire::VIRTIO_F_ORDER_PLATFORM});

// What a legacy interface can honour: 32 bits, and not bit 30, with which old QEMU probes for bad drivers.
inline constexpr FeatureSet legacy_transport_features =
    FeatureSet::range(0, 23) |
    FeatureSet::of({wire::VIRTIO_F_ANY_LAYOUT, wire::VIRTIO_F_INDIRECT_DESC, wire::VIRTIO_F_EVENT_IDX});

// All feature words of a modern device; `read_word(i)` selects and reads one.
template <typename ReadWord> FeatureSet read_feature_words(ReadWord&& read_word) {
    FeatureSet offered;
    for (unsigned i = 0; i < FeatureSet::word_count; ++i)
        offered.set_word(i, read_word(i));
    // QEMU's MMIO selector knows word 0 and "the other one": it shows word 1 again as words 2 and 3.
    // That cannot be meant, because the features above bit 63 need others, between 50 and 63, that word
    // 2 has no counterparts for.
    for (unsigned i = 2; i < FeatureSet::word_count; ++i)
        if (offered.word(i) == offered.word(1))
            offered.set_word(i, 0);
    return offered;
}

// Accepts features of a modern device; `write_word(i, bits)` selects and writes one. Words 2 and 3 are 0
// after a reset, and are left alone unless they are needed: the same QEMU would take them for word 1.
template <typename WriteWord> void write_feature_words(const FeatureSet& features, WriteWord&& write_word) {
    for (unsigned i = 0; i < FeatureSet::word_count; ++i)
        if (i < 2 || features.word(i) != 0)
            write_word(i, features.word(i));
}

// How long a device may take to reset one queue: microseconds, or longer if it has to wait for its storage.
inline constexpr auto queue_reset_timeout = event::Duration::seconds(1);

// Waits until a device has confirmed the reset of a queue: `read_reset` reads back what asked for it,
// `read_enabled` whether the queue is in use, and both have to be 0 (sections 4.1.4.3.1 and 4.2.2.1).
template <typename ReadReset, typename ReadEnabled>
Result<dma::ConfirmedReset> wait_for_queue_reset(ReadReset&& read_reset, ReadEnabled&& read_enabled) {
    bool done =
        event::poll_until(event::Deadline::after(queue_reset_timeout), [&] { return read_reset() != 1; });
    if (!done)
        return error(ErrorCode::Timeout, "virtqueue does not confirm its reset");
    auto confirmed = dma::ConfirmedReset::when_zero(u32{read_reset()} | u32{read_enabled()});
    if (!confirmed)
        return error(ErrorCode::DeviceBroken, "virtqueue was not reset");
    return *confirmed;
}

// The page number of a legacy ring (sections 4.1.5.1.3 and 4.2.4). InvalidArgument unless the three parts lie
// as section 2.7.2 lays them out, on a page boundary below 16 TiB and not at address 0.
inline Result<u32> legacy_page_number(u16 size, const QueueAddresses& ring) {
    auto layout = wire::SplitLayout::of(size, wire::legacy_queue_align);
    u64 start = ring.descriptors.value;
    if (ring.driver.value != start + layout.avail || ring.device.value != start + layout.used)
        return error(ErrorCode::InvalidArgument, "legacy ring in separate parts");
    u64 page = start / wire::legacy_queue_align;
    if (!is_aligned(start, wire::legacy_queue_align) || page == 0 || page > std::numeric_limits<u32>::max())
        return error(ErrorCode::InvalidArgument, "address of a legacy ring");
    return static_cast<u32>(page);
}

// One field of a device's configuration, in the width of the field. OutOfRange beyond the window.
inline Result<u32> read_field(const io::Window& window, u64 offset, u8 width) {
    if (!window.contains(offset, width))
        return error(ErrorCode::OutOfRange, "field beyond the device configuration");
    return width == 1 ? window.read8(offset) : width == 2 ? window.read16(offset) : window.read32(offset);
}
inline Result<> write_field(const io::Window& window, u64 offset, u8 width, u32 value) {
    if (!window.contains(offset, width))
        return error(ErrorCode::OutOfRange, "field beyond the device configuration");
    if (width == 1)
        window.write8(offset, static_cast<u8>(value));
    else if (width == 2)
        window.write16(offset, static_cast<u16>(value));
    else
        window.write32(offset, value);
    return {};
}

// True if both say that they are at the same place: their words name the bus and the place on it.
inline bool print_same_place(const Transport& a, const Transport& b) {
    StringBuffer<32> place_a;
    StringBuffer<32> place_b;
    a.print_place(place_a);
    b.print_place(place_b);
    return place_a.view() == place_b.view();
}

// ISR status and InterruptStatus have the same two bits; the others mean nothing (sections
// 4.1.4.5 and 4.2.2).
inline constexpr u32 interrupt_queues = 1 << 0;
inline constexpr u32 interrupt_config = 1 << 1;
inline DeviceEvents events_of(u32 bits) {
    return {.queues = (bits & interrupt_queues) != 0, .config = (bits & interrupt_config) != 0};
}

} // namespace vireo::virtio
