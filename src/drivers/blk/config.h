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
    bool operator==(const Config&) const = default;
};

// What the driver makes of it.
struct Limits {
    u32 max_segment_bytes = 0; // of one descriptor; may be less than a block
    u16 max_data_buffers = 0;  // data descriptors of one request
};

// Reads what the accepted features give, as one consistent value.
Result<Config> read_config(virtio::Session& session);

// Turns the device's word into facts that the upper floors can rely on. Values that make no sense (a block
// size of 3, a segment limit of 0) are replaced by what every device can do. `max_data_buffers`: what the
// queue allows. Errors: Corrupt for a capacity that no disk can have.
Result<Limits> derive_facts(const Config& config, u16 max_data_buffers, device::BlockFacts& facts);

} // namespace vireo::drivers::blk
