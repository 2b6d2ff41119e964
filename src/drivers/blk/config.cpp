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
        if (session.has(VIRTIO_BLK_F_DISCARD)) {
            read.max_discard_sectors =
                VIREO_TRY(from.field<u32>(offsetof(virtio_blk_config, max_discard_sectors)));
            read.max_discard_seg = VIREO_TRY(from.field<u32>(offsetof(virtio_blk_config, max_discard_seg)));
            read.discard_sector_alignment =
                VIREO_TRY(from.field<u32>(offsetof(virtio_blk_config, discard_sector_alignment)));
        }
        if (session.has(VIRTIO_BLK_F_WRITE_ZEROES)) {
            read.max_write_zeroes_sectors =
                VIREO_TRY(from.field<u32>(offsetof(virtio_blk_config, max_write_zeroes_sectors)));
            read.max_write_zeroes_seg =
                VIREO_TRY(from.field<u32>(offsetof(virtio_blk_config, max_write_zeroes_seg)));
            read.write_zeroes_may_unmap =
                VIREO_TRY(from.field<u8>(offsetof(virtio_blk_config, write_zeroes_may_unmap)));
        }
        return read;
    });
}

Result<u16> read_queue_count(virtio::Session& session) {
    if (!session.has(VIRTIO_BLK_F_MQ))
        return u16{1};
    u16 count = VIREO_TRY(session.config().field<u16>(offsetof(virtio_blk_config, num_queues)));
    return std::clamp<u16>(count, 1, most_queues);
}

Result<bool> choose_write_cache(virtio::Session& session) {
    if (!session.has(VIRTIO_BLK_F_FLUSH))
        return false; // a cache that cannot be flushed must not be there (section 5.2.5.2)
    if (!session.has(VIRTIO_BLK_F_CONFIG_WCE))
        return true; // section 5.2.5.1: to be taken for a write-back cache
    constexpr u32 writeback = offsetof(virtio_blk_config, writeback);
    auto config = session.config();
    if (VIREO_TRY(config.field<u8>(writeback)) != 0)
        return true;
    VIREO_TRY(config.set_field<u8>(writeback, 1));
    return VIREO_TRY(config.field<u8>(writeback)) != 0;
}

namespace {

// How many blocks one request may name, whose one segment has at most so many sectors. 0 where the limits
// make no sense: then the feature is not used.
u32 range_limit(u32 max_sectors, u32 max_segments, u32 sectors_per_block) {
    return max_segments == 0 ? 0 : max_sectors / sectors_per_block;
}

void derive_ranges(const Config& config, device::BlockFacts& facts) {
    u32 sectors_per_block = facts.block_bytes / virtio_blk_sector_bytes;
    facts.max_discard_blocks =
        range_limit(config.max_discard_sectors, config.max_discard_seg, sectors_per_block);
    facts.max_write_zeroes_blocks =
        range_limit(config.max_write_zeroes_sectors, config.max_write_zeroes_seg, sectors_per_block);
    // A hint: one that is no number of blocks is none.
    u32 alignment = config.discard_sector_alignment;
    facts.discard_alignment_blocks =
        alignment % sectors_per_block == 0 ? std::max<u32>(alignment / sectors_per_block, 1) : 1;
}

} // namespace

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
    derive_ranges(config, facts);
    // What a pool of shared pages has room for, where data passes through one.
    facts.max_request_bytes =
        align_down(std::min(dma::backend::largest_share(), largest_segment), facts.block_bytes);

    Limits limits;
    limits.max_data_buffers = max_data_buffers;
    limits.zeroes_may_unmap = config.write_zeroes_may_unmap == 1;
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
