// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/block_device.h"
#include "virtio/session/session.h"

namespace vireo::drivers::blk {

// What the device says about itself (section 5.2.4), as read: nothing is checked yet. Fields whose feature
// was not offered have the value that means "not known".
struct Config {
    u64 capacity = 0; // 512-byte sectors
    u32 size_max = 0;
    u32 seg_max = 0;
    u32 blk_size = 0;
    u8 physical_block_exp = 0;
    u32 opt_io_size = 0;
    u32 max_discard_sectors = 0;
    u32 max_discard_seg = 0;
    u32 discard_sector_alignment = 0;
    u32 max_write_zeroes_sectors = 0;
    u32 max_write_zeroes_seg = 0;
    u8 write_zeroes_may_unmap = 0;
    bool operator==(const Config&) const = default;
};

// What the driver makes of it.
struct Limits {
    u32 max_segment_bytes = 0; // of one descriptor; may be less than a block
    u16 max_data_buffers = 0;  // data descriptors of one request
    bool zeroes_may_unmap = false;
};

// More queues than this bring a single processor nothing.
inline constexpr u16 most_queues = 4;

// How many request queues the device has, from 1 to most_queues: num_queues, where that makes sense.
Result<u16> read_queue_count(virtio::Session& session);

// Reads what the accepted features give, as one consistent value.
Result<Config> read_config(virtio::Session& session);

// Chooses the write-back cache where the device lets us (CONFIG_WCE), since BlockDevice's callers flush; true
// if written data may be volatile until then. After FEATURES_OK only (section 5.2.5).
Result<bool> choose_write_cache(virtio::Session& session);

// Turns the device's word into facts that the upper floors can rely on. Values that make no sense (a block
// size of 3, a segment limit of 0) are replaced by what every device can do. `max_data_buffers`: what the
// queue allows. Errors: Corrupt for a capacity that no disk can have.
Result<Limits> derive_facts(const Config& config, u16 max_data_buffers, device::BlockFacts& facts);

} // namespace vireo::drivers::blk
