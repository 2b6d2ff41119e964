// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/blk.h"

#include "hosted/report.h"

namespace vireo::fake {
namespace {

constexpr u32 header_bytes = 16; // type, reserved, sector
constexpr u32 id_bytes = 20;
constexpr u32 config_bytes = 96;
constexpr u32 range_bytes = 16; // sector, num_sectors, flags
constexpr u32 writeback_offset = 32;
constexpr u32 zoned_model_offset = 92;

u64 little(const u8* from, int count) {
    u64 value = 0;
    for (int i = count - 1; i >= 0; --i)
        value = value << 8 | from[i];
    return value;
}

bool has_ranges(u32 type) {
    return type == Blk::type_discard || type == Blk::type_write_zeroes || type == Blk::type_secure_erase;
}

// The feature that brings a request with ranges, where its limits lie, and the rule about the
// number of ranges.
struct RangeKind {
    unsigned feature;
    u32 max_sectors_at;
    u32 max_segments_at;
    const char* rule;
};
RangeKind kind_of(u32 type) {
    switch (type) {
    case Blk::type_discard:
        return {Blk::discard, 36, 40, "blk.20"};
    case Blk::type_write_zeroes:
        return {Blk::write_zeroes, 48, 52, "blk.22"};
    default:
        return {Blk::secure_erase, 60, 64, "blk.21"};
    }
}

// struct virtio_blk_config, 5.2.4.
constexpr ConfigField fields[] = {
    {0, 4, 2, -1, false, "capacity"},
    {8, 4, 1, Blk::size_max, false, "size_max"},
    {12, 4, 1, Blk::seg_max, false, "seg_max"},
    {16, 2, 1, Blk::geometry, false, "geometry.cylinders"},
    {18, 1, 1, Blk::geometry, false, "geometry.heads"},
    {19, 1, 1, Blk::geometry, false, "geometry.sectors"},
    {20, 4, 1, Blk::blk_size, false, "blk_size"},
    {24, 1, 1, Blk::topology, false, "topology.physical_block_exp"},
    {25, 1, 1, Blk::topology, false, "topology.alignment_offset"},
    {26, 2, 1, Blk::topology, false, "topology.min_io_size"},
    {28, 4, 1, Blk::topology, false, "topology.opt_io_size"},
    {writeback_offset, 1, 1, Blk::config_wce, true, "writeback"},
    {34, 2, 1, Blk::mq, false, "num_queues"},
    {36, 4, 1, Blk::discard, false, "max_discard_sectors"},
    {40, 4, 1, Blk::discard, false, "max_discard_seg"},
    {44, 4, 1, Blk::discard, false, "discard_sector_alignment"},
    {48, 4, 1, Blk::write_zeroes, false, "max_write_zeroes_sectors"},
    {52, 4, 1, Blk::write_zeroes, false, "max_write_zeroes_seg"},
    {56, 1, 1, Blk::write_zeroes, false, "write_zeroes_may_unmap"},
    {60, 4, 1, Blk::secure_erase, false, "max_secure_erase_sectors"},
    {64, 4, 1, Blk::secure_erase, false, "max_secure_erase_seg"},
    {68, 4, 1, Blk::secure_erase, false, "secure_erase_sector_alignment"},
    {72, 4, 5, Blk::zoned, false, "zoned"},
    {92, 1, 1, Blk::zoned, false, "zoned.model"},
};

} // namespace

Blk::Blk(std::string name, std::unique_ptr<Disk> disk, usize queues)
    : Device(type_id, std::move(name), queues), disk_(std::move(disk)) {
    set_config_size(config_bytes);
    offered.add(feature::indirect_desc);
    offered.add(feature::event_idx);
    for (unsigned bit : {geometry, flush, config_wce})
        offered.add(bit);
    set_capacity(disk_->sectors());
    set_seg_max(254);
    set_block_size(512);
    set_topology(0, 0, 1, 0);
    offered.set(read_only, disk_->is_read_only());
    put_config(writeback_offset, 1, 1);
}

void Blk::set_topology(u8 physical_exponent, u8 alignment_offset, u16 min_io_blocks, u32 opt_io_blocks) {
    offered.add(topology);
    put_config(24, 1, physical_exponent);
    put_config(25, 1, alignment_offset);
    put_config(26, 2, min_io_blocks);
    put_config(28, 4, opt_io_blocks);
}

void Blk::set_discard(u32 max_sectors, u32 max_segments, u32 alignment) {
    offer(discard, 36, 4, max_sectors);
    put_config(40, 4, max_segments);
    put_config(44, 4, alignment);
}

void Blk::set_write_zeroes(u32 max_sectors, u32 max_segments, bool may_unmap) {
    offer(write_zeroes, 48, 4, max_sectors);
    put_config(52, 4, max_segments);
    put_config(56, 1, may_unmap);
}

void Blk::set_secure_erase(u32 max_sectors, u32 max_segments, u32 alignment) {
    offer(secure_erase, 60, 4, max_sectors);
    put_config(64, 4, max_segments);
    put_config(68, 4, alignment);
}

u64 Blk::count_on(u16 queue) const {
    return static_cast<u64>(std::count_if(requests_.begin(), requests_.end(),
                                          [&](const Request& r) { return r.queue == queue; }));
}

u64 Blk::count(u32 type) const {
    return static_cast<u64>(
        std::count_if(requests_.begin(), requests_.end(), [&](const Request& r) { return r.type == type; }));
}

std::span<const ConfigField> Blk::config_fields() const { return fields; }

Features Blk::described_features() const {
    // ZONED is described, but a driver may accept it only if it can do zones; Vireo's cannot (blk.05).
    Features bits{size_max,   seg_max, geometry, read_only,    blk_size, flush,       topology,
                  config_wce, mq,      discard,  write_zeroes, lifetime, secure_erase};
    bits.set(barrier, is_legacy());
    bits.set(scsi, is_legacy());
    return bits;
}

void Blk::config_accessed(u32 offset) {
    if (offset == writeback_offset && !is_legacy() && !(status() & status::features_ok))
        referee().complain("blk.04", "writeback accessed before FEATURES_OK");
}

void Blk::config_written(u32 offset, u32 value) {
    if (offset != writeback_offset || is_legacy() || !(status() & status::features_ok))
        return; // too early is another rule
    if (!accepted().has(config_wce))
        referee().complain("blk.23", "writeback written without CONFIG_WCE");
    if (value > 1)
        referee().complain("blk.23", "writeback written with " + std::to_string(value));
}

// Section 5.2.5.
bool Blk::accepts_features() {
    put_config(writeback_offset, 1, accepted().has(flush) ? initial_writeback : 0);
    bool host_managed = offered.has(zoned) && get_config(zoned_model_offset, 1) == zoned_host_managed;
    if (host_managed && accepted().has(discard))
        referee().complain("blk.06", "DISCARD accepted on a host-managed zoned disk");
    return !host_managed || accepted().has(zoned);
}

bool Blk::is_write_through() const {
    if (accepted().has(config_wce))
        return get_config(writeback_offset, 1) == 0;
    return !accepted().has(flush);
}

// What section 5.2.6.1 asks of a driver's request.
void Blk::judge(const Chain& chain, const Request& request) {
    auto complain = [&](const char* rule, const std::string& text) {
        referee().complain(rule, "request of type " + std::to_string(request.type) + ": " + text);
    };
    if (is_legacy() && !accepted().has(feature::any_layout) &&
        (chain.readable.empty() || chain.readable.front().bytes != header_bytes || chain.writable.empty() ||
         chain.writable.back().bytes != 1))
        complain("blk.legacy.10", "header and status are not in descriptors of their own");
    bool transfers = request.type == type_in || request.type == type_out;
    if (transfers && (request.data_bytes == 0 || request.data_bytes % Disk::sector_bytes != 0))
        complain("blk.17", std::to_string(request.data_bytes) + " bytes of data");
    if (transfers && !range_fits(request.sector, request.data_bytes / Disk::sector_bytes, get_config(0, 8)))
        complain("blk.13", "sector " + std::to_string(request.sector) + " and " +
                               std::to_string(request.data_bytes) + " bytes lie beyond the capacity");
    if (request.type == type_flush && request.sector != 0)
        complain("blk.15", "sector " + std::to_string(request.sector) + " in FLUSH");
    if (request.type == type_flush && request.data_bytes != 0)
        complain("blk.16", "data in FLUSH");
    if (request.type == type_flush && !accepted().has(flush))
        complain("blk.01", "FLUSH was not negotiated");
    if (request.type == type_get_id && request.data_bytes != id_bytes)
        complain("blk.19", std::to_string(request.data_bytes) + " bytes for the id");
    if ((request.type == type_out || has_ranges(request.type)) && accepted().has(read_only))
        complain("blk.14", "write to a read-only disk");
    if (request.queue >= (accepted().has(mq) ? get_config(34, 2) : 1))
        complain("blk.42", "sent to queue " + std::to_string(request.queue));
    if (has_ranges(request.type))
        judge_ranges(request);
    if (!enforce_limits)
        return;
    if (offered.has(seg_max) && accepted().has(seg_max) && transfers && request.segments > get_config(12, 4))
        complain("blk.44", std::to_string(request.segments) + " segments, seg_max is " +
                               std::to_string(get_config(12, 4)));
    if (accepted().has(size_max) && transfers)
        for (const auto* pieces : {&chain.readable, &chain.writable})
            for (const auto& piece : *pieces)
                if (piece.bytes > get_config(8, 4) && piece.bytes != header_bytes)
                    complain("blk.44", "a segment of " + std::to_string(piece.bytes) +
                                           " bytes, size_max is " + std::to_string(get_config(8, 4)));
}

void Blk::judge_ranges(const Request& request) {
    auto complain = [&](const char* rule, const std::string& text) {
        referee().complain(rule, "request of type " + std::to_string(request.type) + ": " + text);
    };
    RangeKind kind = kind_of(request.type);
    if (!accepted().has(kind.feature))
        complain("blk.42", "its feature was not negotiated");
    if (request.data_bytes == 0 || request.data_bytes % range_bytes != 0)
        complain("blk.18", std::to_string(request.data_bytes) + " bytes of data");
    if (request.sector != 0)
        complain("blk.18", "sector " + std::to_string(request.sector) + " in the header");
    u64 max_sectors = get_config(kind.max_sectors_at, 4);
    for (const Range& range : request.ranges) {
        if (request.type == type_discard && (range.flags & 1))
            complain("blk.25", "unmap is set");
        if (range.flags & ~1u)
            complain("blk.25", "flags " + hosted::hex(range.flags));
        if (!range_fits(range.sector, range.sectors, get_config(0, 8)))
            complain("blk.13", "sector " + std::to_string(range.sector) + " and " +
                                   std::to_string(range.sectors) + " sectors lie beyond the capacity");
        if (enforce_limits && range.sectors > max_sectors)
            complain(kind.rule,
                     std::to_string(range.sectors) + " sectors of at most " + std::to_string(max_sectors));
    }
    u64 max_segments = get_config(kind.max_segments_at, 4);
    if (enforce_limits && request.ranges.size() > max_segments)
        complain(kind.rule, std::to_string(request.ranges.size()) + " segments of at most " +
                                std::to_string(max_segments));
}

// If one of several fails, what became of the others is nobody's business (5.2.6).
u8 Blk::carry_out_ranges(const Request& request) {
    RangeKind kind = kind_of(request.type);
    if (!accepted().has(kind.feature) || request.type == type_secure_erase)
        return status_unsupp;
    if (offered.has(read_only))
        return status_ioerr;
    u32 known = request.type == type_write_zeroes ? 1 : 0;
    for (const Range& range : request.ranges)
        if (range.flags & ~known)
            return status_unsupp;
    if (request.data_bytes % range_bytes != 0 || request.ranges.size() > get_config(kind.max_segments_at, 4))
        return status_ioerr;
    for (const Range& range : request.ranges) {
        if (range.sectors > get_config(kind.max_sectors_at, 4) ||
            !range_fits(range.sector, range.sectors, disk_->sectors()))
            return status_ioerr;
        bool ended = request.type == type_discard ? disk_->discard(range.sector, range.sectors)
                                                  : disk_->write_zeroes(range.sector, range.sectors);
        if (!ended)
            return status_ioerr;
    }
    return status_ok;
}

u8 Blk::carry_out(const Chain& chain, const Request& request) {
    if (has_ranges(request.type))
        return carry_out_ranges(request);
    std::vector<u8> data;
    bool on_disk = range_fits(request.sector, request.data_bytes / Disk::sector_bytes, disk_->sectors());
    switch (request.type) {
    case type_in:
        data.resize(request.data_bytes);
        if (request.data_bytes % Disk::sector_bytes != 0 || !on_disk ||
            !disk_->read(request.sector, data.data(), data.size()))
            return status_ioerr;
        return chain.write(0, data.data(), data.size()) ? status_ok : status_ioerr;
    case type_out:
        data.resize(request.data_bytes);
        if (offered.has(read_only) || request.data_bytes % Disk::sector_bytes != 0 || !on_disk ||
            !chain.read(header_bytes, data.data(), data.size()))
            return status_ioerr;
        return disk_->write(request.sector, data.data(), data.size()) ? status_ok : status_ioerr;
    case type_flush:
        return disk_->flush() ? status_ok : status_ioerr;
    case type_get_id: {
        char id[id_bytes] = {}; // 20 characters have no zero behind them
        std::memcpy(id, serial.data(), std::min<usize>(serial.size(), id_bytes));
        return chain.write(0, id, std::min<u64>(request.data_bytes, id_bytes)) ? status_ok : status_ioerr;
    }
    default:
        return status_unsupp;
    }
}

u32 Blk::execute(u16 queue, const Chain& chain) {
    u8 header[header_bytes];
    if (chain.readable_bytes() < header_bytes || chain.writable_bytes() < 1 ||
        !chain.read(0, header, header_bytes)) {
        referee().complain("blk.40", "a request without header or status");
        return 0;
    }
    Request request{};
    request.type = static_cast<u32>(little(header, 4));
    request.sector = little(header + 8, 8);
    request.queue = queue;
    bool writes_back = request.type != type_out && request.type != type_flush && !has_ranges(request.type);
    u64 status_at = chain.writable_bytes() - 1;
    request.data_bytes = writes_back ? status_at : chain.readable_bytes() - header_bytes + status_at;
    request.descriptors = chain.descriptors;
    request.segments = static_cast<u16>(chain.descriptors - 2);
    if (has_ranges(request.type))
        for (u64 at = 0; at + range_bytes <= chain.readable_bytes() - header_bytes; at += range_bytes) {
            u8 range[range_bytes];
            if (chain.read(header_bytes + at, range, range_bytes))
                request.ranges.push_back({little(range, 8), static_cast<u32>(little(range + 8, 4)),
                                          static_cast<u32>(little(range + 12, 4))});
        }
    judge(chain, request);
    disk_->set_write_through(is_write_through());
    auto forced = answer ? answer(request) : std::nullopt;
    request.status = forced ? *forced : carry_out(chain, request);
    requests_.push_back(request);
    if (leaves_status_unwritten)
        return static_cast<u32>(writes_back ? status_at : 0);
    chain.write(status_at, &request.status, 1);
    bool has_data = writes_back && request.status == status_ok;
    return static_cast<u32>((has_data ? status_at : 0) + 1);
}

} // namespace vireo::fake
