// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/address_space.h"
#include "hosted/fakes/device.h"

namespace vireo::fake {

// A virtio-mmio slot: the register block of section 4.2.2 (version 2) or 4.2.4 (version 1), strict about
// width, direction and order. An empty slot has DeviceID 0.
class MmioSlot final : public hosted::RegisterBlock {
  public:
    static constexpr u64 bytes = 0x200;

    MmioSlot(u64 base, u32 register_version, Device* device);

    // What identification reads, for tests of bad slots.
    u32 magic = 0x7472'6976;
    u32 version;
    std::optional<u32> device_id; // instead of the device's
    // QueueReset exists. In QEMU 7.2 it does not, although the feature is offered: it reads as 0, and a reset
    // that is asked for does nothing, so QueueReady stays 1.
    bool has_queue_reset = true;
    // A stale owner left queue 0 in use: QueueReady (QueuePFN) reads as not 0 until the next
    // reset does not help.
    bool queue_stuck = false;
    // Bits that InterruptStatus shows and the standard does not define.
    u32 undefined_events = 0;

    u64 base() const { return base_; }
    io::Window window() const { return io::Window(io::Space::Memory, base_, bytes); }
    Device* device() const { return device_; }
    u64 register_reads() const { return reads_; }

    u32 read(u64 offset, u8 width) override;
    void write(u64 offset, u8 width, u32 value) override;

  private:
    void complain(const char* rule, u64 offset, const char* text) const;
    bool identify(u64 offset, u32& value);
    u32 read_register(u64 offset);
    u32 read_queue_register(u64 offset, Device::Queue* queue);
    void write_register(u64 offset, u32 value);
    void write_queue_register(u64 offset, u32 value);
    void write_legacy_queue_register(u64 offset, u32 value, Device::Queue& queue);
    void set_queue_ready(u32 value, Device::Queue& queue);
    void reset_queue(u32 value, Device::Queue& queue);
    void notify(u32 value);
    void start_legacy_queue(u32 page_number, Device::Queue& queue);
    bool is_legacy() const { return version == 1; }

    u64 base_;
    Device* device_;
    hosted::MappedRange range_;
    unsigned identified_ = 0; // how many of MagicValue, Version, DeviceID were read, in this order
    u64 reads_ = 0;
    std::optional<u32> device_features_select_;
    std::optional<u32> driver_features_select_;
    u32 queue_select_ = 0;
    bool queue_selected_ = false;
    bool ready_was_read_ = false; // QueueReady (QueuePFN) since the queue was selected
    bool ready_back_due_ = false; // 0 was written to QueueReady and not read back yet
    u32 page_size_ = 0;
    u32 queue_align_ = 0;
    u32 page_number_ = 0; // of the queue that was started last
};

} // namespace vireo::fake
