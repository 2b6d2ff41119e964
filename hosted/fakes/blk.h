// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/device.h"
#include "hosted/fakes/disk.h"

namespace vireo::fake {

// A block device, section 5.2, from the device's side.
class Blk final : public Device {
  public:
    static constexpr u32 type_id = 2;

    // Feature bits, 5.2.3.
    static constexpr unsigned barrier = 0; // legacy
    static constexpr unsigned size_max = 1;
    static constexpr unsigned seg_max = 2;
    static constexpr unsigned geometry = 4;
    static constexpr unsigned read_only = 5;
    static constexpr unsigned blk_size = 6;
    static constexpr unsigned scsi = 7; // legacy
    static constexpr unsigned flush = 9;
    static constexpr unsigned topology = 10;
    static constexpr unsigned config_wce = 11;
    static constexpr unsigned mq = 12;
    static constexpr unsigned discard = 13;
    static constexpr unsigned write_zeroes = 14;
    static constexpr unsigned lifetime = 15;
    static constexpr unsigned secure_erase = 16;
    static constexpr unsigned zoned = 17;

    // Request types and results, 5.2.6.
    static constexpr u32 type_in = 0;
    static constexpr u32 type_out = 1;
    static constexpr u32 type_flush = 4;
    static constexpr u32 type_get_id = 8;
    static constexpr u32 type_discard = 11;
    static constexpr u32 type_write_zeroes = 13;
    static constexpr u32 type_secure_erase = 14;
    static constexpr u8 status_ok = 0;
    static constexpr u8 status_ioerr = 1;
    static constexpr u8 status_unsupp = 2;

    // Models of a zoned device, 5.2.4.
    static constexpr u8 zoned_none = 0;
    static constexpr u8 zoned_host_managed = 1;
    static constexpr u8 zoned_host_aware = 2;

    // What DISCARD, WRITE_ZEROES and SECURE_ERASE carry as data.
    struct Range {
        u64 sector;
        u32 sectors;
        u32 flags; // bit 0: unmap
    };
    struct Request {
        u32 type;
        u64 sector;
        u64 data_bytes;
        u16 segments;    // data descriptors
        u16 descriptors; // in all
        u8 status;
        u16 queue;
        std::vector<Range> ranges;
    };

    // Offers SEG_MAX, BLK_SIZE, FLUSH, TOPOLOGY, GEOMETRY, CONFIG_WCE, INDIRECT_DESC and EVENT_IDX; and RO if
    // the disk cannot be written.
    Blk(std::string name, std::unique_ptr<Disk> disk, usize queues = 1);

    Disk& disk() { return *disk_; }
    std::string serial = "vireo-fake-disk";
    const std::vector<Request>& requests() const { return requests_; }
    void forget_requests() { requests_.clear(); }
    u64 count(u32 type) const;
    u64 count_on(u16 queue) const;

    // Sets a configuration field and offers the feature that brings it.
    void set_capacity(u64 sectors) { put_config(0, 8, sectors); }
    void set_size_max(u32 bytes) { offer(size_max, 8, 4, bytes); }
    void set_seg_max(u32 segments) { offer(seg_max, 12, 4, segments); }
    void set_block_size(u32 bytes) { offer(blk_size, 20, 4, bytes); }
    void set_topology(u8 physical_exponent, u8 alignment_offset, u16 min_io_blocks, u32 opt_io_blocks);
    void set_num_queues(u16 queues) { offer(mq, 34, 2, queues); }
    void set_discard(u32 max_sectors, u32 max_segments, u32 alignment = 1);
    void set_write_zeroes(u32 max_sectors, u32 max_segments, bool may_unmap = true);
    void set_secure_erase(u32 max_sectors, u32 max_segments, u32 alignment = 1);
    void set_zoned(u8 model) { offer(zoned, 92, 1, model); }
    // Whether completed writes are on the disk without a flush: as `writeback` says with CONFIG_WCE, else
    // only if FLUSH was not accepted (5.2.6.2).
    bool is_write_through() const;
    // What `writeback` is after a reset, if FLUSH is accepted.
    u8 initial_writeback = 1;
    void resize(u64 sectors) {
        change_config([&](auto&) { set_capacity(sectors); });
    }

    // What to answer instead of carrying a request out; empty: carry it out.
    std::function<std::optional<u8>(const Request&)> answer;
    // The status byte is never written: the driver finds what it left there.
    bool leaves_status_unwritten = false;
    // Report rule breaches that a test of a hostile configuration provokes on purpose (limits of 0).
    bool enforce_limits = true;

  protected:
    u32 execute(u16 queue, const Chain& chain) override;
    std::span<const ConfigField> config_fields() const override;
    Features described_features() const override;
    void config_accessed(u32 offset) override;
    void config_written(u32 offset, u32 value) override;
    bool accepts_features() override;

  private:
    void offer(unsigned bit, u32 offset, u8 bytes, u64 value) {
        offered.add(bit);
        put_config(offset, bytes, value);
    }
    void judge(const Chain& chain, const Request& request);
    void judge_ranges(const Request& request);
    u8 carry_out_ranges(const Request& request);
    u8 carry_out(const Chain& chain, const Request& request);

    std::unique_ptr<Disk> disk_;
    std::vector<Request> requests_;
};

} // namespace vireo::fake
