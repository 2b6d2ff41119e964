// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

// Block device (section 5.2). What Vireo does not use is left out, except in the layout.
namespace vireo::virtio::wire {

inline constexpr u32 VIRTIO_ID_BLOCK = 2;

// Section 5.2.3.
inline constexpr unsigned VIRTIO_BLK_F_SIZE_MAX = 1;
inline constexpr unsigned VIRTIO_BLK_F_SEG_MAX = 2;
inline constexpr unsigned VIRTIO_BLK_F_RO = 5;
inline constexpr unsigned VIRTIO_BLK_F_BLK_SIZE = 6;
inline constexpr unsigned VIRTIO_BLK_F_FLUSH = 9;
inline constexpr unsigned VIRTIO_BLK_F_TOPOLOGY = 10;
inline constexpr unsigned VIRTIO_BLK_F_CONFIG_WCE = 11;
inline constexpr unsigned VIRTIO_BLK_F_MQ = 12;
inline constexpr unsigned VIRTIO_BLK_F_DISCARD = 13;
inline constexpr unsigned VIRTIO_BLK_F_WRITE_ZEROES = 14;
inline constexpr unsigned VIRTIO_BLK_F_ZONED = 17;

// Section 5.2.4, as far as Vireo reads it.
struct virtio_blk_config {
    Le<u64> capacity; // in 512-byte sectors, whatever blk_size says
    Le<u32> size_max;
    Le<u32> seg_max;
    struct {
        Le<u16> cylinders;
        u8 heads;
        u8 sectors;
    } geometry;
    Le<u32> blk_size;
    struct {
        u8 physical_block_exp;
        u8 alignment_offset;
        Le<u16> min_io_size;
        Le<u32> opt_io_size;
    } topology;
    u8 writeback;
    u8 unused0;
    Le<u16> num_queues;
    Le<u32> max_discard_sectors;
    Le<u32> max_discard_seg;
    Le<u32> discard_sector_alignment;
    Le<u32> max_write_zeroes_sectors;
    Le<u32> max_write_zeroes_seg;
    u8 write_zeroes_may_unmap;
    u8 unused1[3];
};
static_assert(offsetof(virtio_blk_config, size_max) == 8 && offsetof(virtio_blk_config, seg_max) == 12);
static_assert(offsetof(virtio_blk_config, blk_size) == 20 && offsetof(virtio_blk_config, topology) == 24);
static_assert(offsetof(virtio_blk_config, writeback) == 32 && offsetof(virtio_blk_config, num_queues) == 34);
static_assert(offsetof(virtio_blk_config, max_discard_sectors) == 36);
static_assert(offsetof(virtio_blk_config, write_zeroes_may_unmap) == 56 && sizeof(virtio_blk_config) == 60);

// Section 5.2.6: what a request begins with. Data follows, then one status byte.
struct virtio_blk_req_header {
    Le<u32> type;
    Le<u32> reserved;
    Le<u64> sector;
};
static_assert(sizeof(virtio_blk_req_header) == 16 && offsetof(virtio_blk_req_header, sector) == 8);

// What DISCARD and WRITE_ZEROES have for data: one of these for each segment.
struct virtio_blk_discard_write_zeroes {
    Le<u64> sector;
    Le<u32> num_sectors;
    Le<u32> flags;
};
static_assert(sizeof(virtio_blk_discard_write_zeroes) == 16);
inline constexpr u32 VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP = 1; // bit 0 of flags

inline constexpr u32 VIRTIO_BLK_T_IN = 0;
inline constexpr u32 VIRTIO_BLK_T_OUT = 1;
inline constexpr u32 VIRTIO_BLK_T_FLUSH = 4;
inline constexpr u32 VIRTIO_BLK_T_GET_ID = 8;
inline constexpr u32 VIRTIO_BLK_T_DISCARD = 11;
inline constexpr u32 VIRTIO_BLK_T_WRITE_ZEROES = 13;

inline constexpr u8 VIRTIO_BLK_S_OK = 0;
inline constexpr u8 VIRTIO_BLK_S_IOERR = 1;
inline constexpr u8 VIRTIO_BLK_S_UNSUPP = 2;

inline constexpr u32 virtio_blk_sector_bytes = 512;
inline constexpr u32 virtio_blk_id_bytes = 20; // not terminated when all are used

} // namespace vireo::virtio::wire
