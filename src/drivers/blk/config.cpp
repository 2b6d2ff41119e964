// SPDX-License-Identifier: Apache-2.0
#include "drivers/blk/config.h"

#include "base/math.h"
#include "virtio/wire/blk.h"

namespace vireo::drivers::blk {

using namespace virtio::wire;

namespace {

constexpr u32 smallest_block = 512;
constexpr u32 largest_block = 65536;

// A limit of our own on one segment, well inside the 32 bits of a descriptor and a multiple of every block
// size.
constexpr u32 largest_segment = u32{1} << 30;

bool is_block_size(u64 bytes) {
    return std::has_single_bit(bytes) && bytes >= smallest_block && bytes <= largest_block;
}

} // namespace

Result<Config> read_config(virtio::Session& session) {
    auto config = session.config();
    return config.read_consistent([&](virtio::DeviceConfig& from) -> Result<Config> {
        Config read;
        read.capacity = VIREO_TRY(from.field<u64>(offsetof(virtio_blk_config, capacity)));
        // The others exist only with their feature (section 2.5.1): a short configuration space ends before
        // them.
        if (session.has(VIRTIO_BLK_F_SIZE_MAX))
            read.size_max = VIREO_TRY(from.field<u32>(offsetof(virtio_blk_config, size_max)));
        if (session.has(VIRTIO_BLK_F_SEG_MAX))
            read.seg_max = VIREO_TRY(from.field<u32>(offsetof(virtio_blk_config, seg_max)));
        if (session.has(VIRTIO_BLK_F_BLK_SIZE))
            read.blk_size = VIREO_TRY(from.field<u32>(offsetof(virtio_blk_config, blk_size)));
        if (session.has(VIRTIO_BLK_F_TOPOLOGY)) {
            read.physical_block_exp =
                VIREO_TRY(from.field<u8>(offsetof(virtio_blk_config, topology.physical_block_exp)));
            read.opt_io_size = VIREO_TRY(from.field<u32>(offsetof(virtio_blk_config, topology.opt_io_size)));
        }
        return read;
    });
}

Result<Limits> derive_facts(const Config& config, u16 max_data_buffers, device::BlockFacts& facts) {
    if (config.capacity > std::numeric_limits<u64>::max() / virtio_blk_sector_bytes)
        return error(ErrorCode::Corrupt, "capacity beyond 2^64 bytes");
    facts.block_bytes = is_block_size(config.blk_size) ? config.blk_size : smallest_block;
    // Whole blocks only: what is left of a capacity that is no multiple of the block cannot be addressed.
    facts.block_count = config.capacity / (facts.block_bytes / virtio_blk_sector_bytes);

    u64 physical = config.physical_block_exp < 16 ? u64{facts.block_bytes} << config.physical_block_exp : 0;
    facts.physical_block_bytes =
        physical <= u64{1} << 30 && physical != 0 ? static_cast<u32>(physical) : facts.block_bytes;
    facts.optimal_blocks = config.opt_io_size;

    Limits limits;
    limits.max_data_buffers = max_data_buffers;
    if (config.seg_max != 0)
        limits.max_data_buffers = static_cast<u16>(std::min<u32>(config.seg_max, max_data_buffers));

    // A size_max below the block size means several descriptors for one block. If even one block needs more
    // of them than a request may have, the limits contradict each other: then size_max is not taken
    // seriously.
    u32 size_max = config.size_max;
    u64 for_one_block = size_max == 0 ? 1 : (u64{facts.block_bytes} + size_max - 1) / size_max;
    if (size_max == 0 || for_one_block > limits.max_data_buffers) {
        size_max = largest_segment;
        for_one_block = 1;
    }
    if (size_max >= facts.block_bytes) {
        limits.max_segment_bytes = align_down(std::min(size_max, largest_segment), facts.block_bytes);
        facts.max_segment_bytes = limits.max_segment_bytes;
        facts.max_segments = limits.max_data_buffers;
    } else {
        limits.max_segment_bytes = size_max;
        facts.max_segment_bytes = facts.block_bytes;
        facts.max_segments = limits.max_data_buffers / static_cast<u32>(for_one_block);
    }
    return limits;
}

} // namespace vireo::drivers::blk
