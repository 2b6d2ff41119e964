// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/net.h"

#include "hosted/report.h"

namespace vireo::fake {
namespace {

constexpr u32 config_bytes = 28;
constexpr u32 status_offset = 6;
constexpr u32 mtu_offset = 10;
constexpr u16 link_up = 1;
constexpr u32 ethernet_bytes = 14;
constexpr u32 mac_bytes = 6;

// struct virtio_net_config, 5.1.4. The MAC is writable on the legacy interface only (5.1.4.3),
// see config_written.
constexpr ConfigField fields[] = {
    {0, 1, 6, -1, true, "mac"},
    {status_offset, 2, 1, Net::status_field, false, "status"},
    {8, 2, 1, Net::mq, false, "max_virtqueue_pairs"},
    {mtu_offset, 2, 1, Net::mtu, false, "mtu"},
    {12, 4, 1, Net::speed_duplex, false, "speed"},
    {16, 1, 1, Net::speed_duplex, false, "duplex"},
    {17, 1, 1, Net::rss, false, "rss_max_key_size"},
    {18, 2, 1, Net::rss, false, "rss_max_indirection_table_length"},
    {20, 4, 1, Net::rss, false, "supported_hash_types"},
    {24, 4, 1, Net::hash_tunnel, false, "supported_tunnel_types"},
};

// 5.1.3.1: what a bit requires; any one of the others will do.
struct Requirement {
    unsigned bit;
    std::array<int, 2> any_of;
};
constexpr Requirement requirements[] = {
    {Net::guest_tso4, {Net::guest_csum, -1}},
    {Net::guest_tso6, {Net::guest_csum, -1}},
    {Net::guest_ecn, {Net::guest_tso4, Net::guest_tso6}},
    {Net::guest_ufo, {Net::guest_csum, -1}},
    {Net::guest_uso4, {Net::guest_csum, -1}},
    {Net::guest_uso6, {Net::guest_csum, -1}},
    {Net::host_tso4, {Net::csum, -1}},
    {Net::host_tso6, {Net::csum, -1}},
    {Net::host_ecn, {Net::host_tso4, Net::host_tso6}},
    {Net::host_ufo, {Net::csum, -1}},
    {Net::host_uso, {Net::csum, -1}},
    {Net::ctrl_rx, {Net::ctrl_vq, -1}},
    {Net::ctrl_vlan, {Net::ctrl_vq, -1}},
    {Net::guest_announce, {Net::ctrl_vq, -1}},
    {Net::mq, {Net::ctrl_vq, -1}},
    {Net::ctrl_mac_addr, {Net::ctrl_vq, -1}},
    {Net::notf_coal, {Net::ctrl_vq, -1}},
    {Net::rsc_ext, {Net::host_tso4, Net::host_tso6}},
    {Net::rss, {Net::ctrl_vq, -1}},
    {Net::vq_notf_coal, {Net::ctrl_vq, -1}},
    {Net::hash_tunnel, {Net::ctrl_vq, -1}},
};

u16 little16(const u8* from) { return static_cast<u16>(from[0] | from[1] << 8); }
u32 little32(const u8* from) { return little16(from) | u32{little16(from + 2)} << 16; }
u16 big16(const u8* from) { return static_cast<u16>(from[0] << 8 | from[1]); }
void put16(std::vector<u8>& bytes, u16 value) {
    bytes.push_back(static_cast<u8>(value));
    bytes.push_back(static_cast<u8>(value >> 8));
}

std::vector<u8> bytes_of(const Net::Header& header, u32 bytes) {
    std::vector<u8> out{header.flags, header.gso_type};
    for (u16 value :
         {header.hdr_len, header.gso_size, header.csum_start, header.csum_offset, header.num_buffers})
        put16(out, value);
    out.resize(bytes);
    return out;
}

} // namespace

Net::Net(std::string name, const Mac& address) : Device(type_id, std::move(name), 3) {
    set_config_size(config_bytes);
    offered.add(feature::indirect_desc);
    offered.add(feature::event_idx);
    for (unsigned bit : {csum, guest_csum, ctrl_guest_offloads, mac, guest_tso4, guest_tso6, guest_ecn,
                         host_tso4, host_tso6, host_ecn, mrg_rxbuf, status_field, ctrl_vq, ctrl_rx, ctrl_vlan,
                         ctrl_rx_extra, guest_announce, ctrl_mac_addr})
        offered.add(bit);
    set_mac(address);
    put_config(status_offset, 2, link_up);
}

void Net::set_mac(const Mac& address) {
    factory_ = address;
    take_address(address);
}

void Net::take_address(const Mac& address) {
    own_ = address;
    for (u32 i = 0; i < mac_bytes; ++i)
        put_config(i, 1, address[i]);
}

void Net::set_mtu(u16 bytes) {
    offered.add(mtu);
    put_config(mtu_offset, 2, bytes);
}

void Net::set_link(bool up) {
    change_config([&](auto&) { put_config(status_offset, 2, up ? link_up : 0); });
}

Net::Mac Net::address() const {
    Mac address;
    for (u32 i = 0; i < mac_bytes; ++i)
        address[i] = static_cast<u8>(get_config(i, 1));
    return address;
}

std::span<const ConfigField> Net::config_fields() const { return fields; }

Features Net::described_features() const {
    Features bits;
    for (unsigned bit = 0; bit <= ctrl_mac_addr; ++bit)
        bits.set(bit, bit != 4 && (bit != gso || is_legacy()));
    for (unsigned bit = device_stats; bit <= ipsec; ++bit)
        bits.set(bit, bit != 58);
    return bits;
}

bool Net::accepts_features() {
    bool good = true;
    auto refuse = [&](const char* rule, unsigned bit) {
        referee().complain(rule, "feature bit " + std::to_string(bit) + " accepted without what it requires");
        good = false;
    };
    for (const Requirement& requirement : requirements) {
        if (!accepted().has(requirement.bit))
            continue;
        bool met = false;
        for (int other : requirement.any_of)
            met |= other >= 0 && accepted().has(static_cast<unsigned>(other));
        if (!met)
            refuse("net.135", requirement.bit);
    }
    if (accepted().has(hash_report) && !accepted().has(ctrl_vq))
        refuse("net.13", hash_report);
    if (accepted().has(ctrl_rx_extra) && !accepted().has(ctrl_vq))
        refuse("net.14", ctrl_rx_extra);
    return good;
}

void Net::config_written(u32 offset, u32 value) {
    if (!is_legacy())
        return referee().complain("net.01", "configuration written at offset " + std::to_string(offset));
    if (accepted().has(ctrl_mac_addr) || offset != next_mac_byte_)
        referee().complain("net.legacy.03",
                           "byte " + std::to_string(offset) + " of the MAC written out of turn");
    if (offset < mac_bytes)
        own_[offset] = static_cast<u8>(value);
    next_mac_byte_ = (offset + 1) % mac_bytes;
}

void Net::was_reset() {
    promiscuous = all_multicast = false;
    groups.clear();
    pieces_.clear();
    take_address(factory_);
    next_mac_byte_ = 0;
}

u32 Net::header_bytes() const {
    return accepted().has(feature::version_1) || accepted().has(mrg_rxbuf) ? 12 : 10;
}

// 5.1.9.8.
bool Net::needs_separate_header() const {
    return !accepted().has(feature::version_1) && !accepted().has(feature::any_layout);
}

u32 Net::execute(u16 queue, const Chain& chain) {
    if (queue == transmit_queue)
        return transmit(chain);
    if (queue == control_queue)
        return control(chain);
    judge_receive_buffer(chain);
    if (pieces_.empty())
        return 0;
    std::vector<u8> piece = std::move(pieces_.front());
    pieces_.pop_front();
    return chain.write(0, piece.data(), piece.size()) ? static_cast<u32>(piece.size()) : 0;
}

// --- receiving ---------------------------------------------------------------------------------------------------

void Net::judge_receive_buffer(const Chain& chain) {
    u64 bytes = chain.writable_bytes();
    auto complain = [&](const char* rule) {
        referee().complain(rule, "a receive buffer of " + std::to_string(bytes) + " bytes");
    };
    if (!chain.readable.empty())
        referee().complain("net.65", "a receive buffer that the device should read");
    if (needs_separate_header() && (chain.writable.empty() || chain.writable[0].bytes != header_bytes()))
        referee().complain("net.legacy.11", "a receive buffer whose header is no descriptor of its own");
    if (accepted().has(mrg_rxbuf)) {
        if (bytes < header_bytes())
            complain("net.65");
        return;
    }
    bool is_large = false;
    for (unsigned bit : {guest_tso4, guest_tso6, guest_ufo, guest_uso4, guest_uso6})
        is_large |= accepted().has(bit);
    if (is_large && bytes < 65601)
        complain("net.63");
    if (bytes < 1526)
        complain("net.64");
    if (accepted().has(mtu) && bytes < header_bytes() + ethernet_bytes + get_config(mtu_offset, 2))
        complain("net.08");
}

// 5.1.9.5.2.1; a device without address, or that cannot be told, lets everything through.
bool Net::wants(const Frame& frame) const {
    Mac to;
    std::copy_n(frame.begin(), mac_bytes, to.begin());
    bool is_broadcast = std::count(to.begin(), to.end(), 0xff) == mac_bytes;
    if (is_broadcast || promiscuous || own_ == Mac{})
        return true;
    if (to[0] & 1)
        return all_multicast || !accepted().has(ctrl_rx) || std::ranges::contains(groups, to);
    return to == own_;
}

usize Net::room() {
    run_queue(receive_queue);
    return kept(receive_queue).size();
}

bool Net::deliver(const Frame& frame, std::optional<Header> header) {
    if (!is_live() || faults.gone)
        return false;
    if (!header && !wants(frame)) {
        ++filtered;
        return false;
    }
    run_queue(receive_queue);
    u64 bytes = header_bytes() + frame.size();
    std::vector<u64> rooms = kept(receive_queue);
    usize count = 0;
    u64 room = 0;
    while (count < rooms.size() && room < bytes && (count == 0 || accepted().has(mrg_rxbuf)))
        room += rooms[count++];
    if (room < bytes) {
        ++lost;
        return false;
    }
    Header said = header.value_or(Header{});
    if (!header)
        said.num_buffers = static_cast<u16>(count);
    Frame left = bytes_of(said, header_bytes());
    left.insert(left.end(), frame.begin(), frame.end());
    pieces_.clear();
    auto at = left.begin();
    for (usize i = 0; i < count; ++i) {
        auto end = at + std::min<i64>(left.end() - at, static_cast<i64>(rooms[i]));
        pieces_.emplace_back(at, end);
        at = end;
    }
    for (; count > 0; --count)
        finish_kept(receive_queue);
    pieces_.clear();
    return true;
}

bool Net::deliver_raw(const std::vector<u8>& bytes) {
    if (room() == 0)
        return false;
    pieces_.assign(1, bytes);
    finish_kept(receive_queue);
    pieces_.clear();
    return true;
}

// --- sending -----------------------------------------------------------------------------------------------------

u32 Net::transmit(const Chain& chain) {
    u32 header_size = header_bytes();
    if (!chain.writable.empty())
        referee().complain("net.15", "a device-writable descriptor in the transmit queue");
    if (chain.readable_bytes() < header_size + ethernet_bytes) {
        referee().complain("net.15", "a frame of " + std::to_string(chain.readable_bytes()) + " bytes");
        return 0;
    }
    if (needs_separate_header() && chain.readable[0].bytes != header_size)
        referee().complain("net.legacy.11", "a frame whose header is no descriptor of its own");
    u8 raw[12] = {};
    Sent sent{{}, Frame(chain.readable_bytes() - header_size), chain.descriptors};
    if (!chain.read(0, raw, header_size) || !chain.read(header_size, sent.frame.data(), sent.frame.size()))
        return 0;
    sent.header = {raw[0],
                   raw[1],
                   little16(raw + 2),
                   little16(raw + 4),
                   little16(raw + 6),
                   little16(raw + 8),
                   little16(raw + 10)};
    judge_header(sent.header, sent.frame.size());
    complete_checksum(sent.header, sent.frame);
    if (judges_checksums)
        judge_checksums(sent.header, sent.frame);
    sent_.push_back(sent);
    if (on_sent)
        on_sent(sent);
    return 0;
}

void Net::judge_header(const Header& header, u64 bytes) {
    auto complain = [&](const char* rule, const std::string& text) { referee().complain(rule, text); };
    std::string flags = "flags " + hosted::hex(header.flags);
    if (header.num_buffers != 0)
        complain("net.16", "num_buffers " + std::to_string(header.num_buffers) + " in a sent frame");
    if (header.flags != 0 && !accepted().has(csum))
        complain("net.17", flags + " without CSUM");
    if (header.flags & 0x06)
        complain("net.59", flags + ": DATA_VALID or RSC_INFO is set");
    if (header.flags & 0x08)
        complain("net.40", flags + ": UDP_TUNNEL_CSUM is set");
    bool can_segment = false;
    for (unsigned bit : {host_tso4, host_tso6, host_ufo, host_uso})
        can_segment |= accepted().has(bit);
    if (header.gso_type != 0 && !can_segment)
        complain("net.45", "gso_type " + hosted::hex(header.gso_type));
    if ((header.flags & needs_csum) && u32{header.csum_start} + header.csum_offset + 2 > bytes)
        complain("net.44", "the checksum lies beyond the frame");
    u64 limit = accepted().has(mtu) ? get_config(mtu_offset, 2) : 1500;
    if (bytes > limit + ethernet_bytes)
        complain("net.09",
                 "a frame of " + std::to_string(bytes) + " bytes, the MTU is " + std::to_string(limit));
}

u16 Net::sum(std::span<const u8> bytes, u32 begin) {
    u64 total = begin;
    for (usize i = 0; i < bytes.size(); i += 2)
        total += u32{bytes[i]} << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0);
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return static_cast<u16>(total);
}

void Net::complete_checksum(const Header& header, Frame& frame) {
    if (!(header.flags & needs_csum) || u32{header.csum_start} + header.csum_offset + 2 > frame.size())
        return;
    u16 value = static_cast<u16>(~sum(std::span(frame).subspan(header.csum_start)));
    frame[header.csum_start + header.csum_offset] = static_cast<u8>(value >> 8);
    frame[header.csum_start + header.csum_offset + 1u] = static_cast<u8>(value);
}

// What leaves, completed by the device or not, must be right: IPv4's header, TCP, UDP and ICMPv6.
void Net::judge_checksums(const Header& header, const Frame& frame) {
    bool completed = header.flags & needs_csum;
    std::span<const u8> packet = std::span(frame).subspan(ethernet_bytes);
    u16 type = big16(&frame[12]);
    u32 begin = 0;
    u8 protocol = 0;
    if (type == 0x0800 && packet.size() >= 20 && packet.size() >= big16(&packet[2])) {
        usize header_size = 4u * (packet[0] & 15);
        if (header_size < 20 || header_size > big16(&packet[2]))
            return;
        if (sum(packet.first(header_size)) != 0xffff)
            referee().complain(completed ? "net.42" : "net.18", "the IPv4 header's checksum is wrong");
        if (big16(&packet[6]) & 0x3fff)
            return; // a fragment
        protocol = packet[9];
        packet = packet.first(big16(&packet[2]));
        begin = sum(packet.subspan(12, 8), protocol + static_cast<u32>(packet.size() - header_size));
        packet = packet.subspan(header_size);
    } else if (type == 0x86dd && packet.size() >= 40 && packet.size() - 40 >= big16(&packet[4])) {
        protocol = packet[6];
        begin = sum(packet.subspan(8, 32), protocol + big16(&packet[4]));
        packet = packet.subspan(40, big16(&packet[4]));
    }
    bool has_none = protocol == 17 && type == 0x0800 && packet.size() >= 8 && big16(&packet[6]) == 0;
    if ((protocol == 6 || protocol == 17 || (protocol == 58 && type == 0x86dd)) && !has_none &&
        sum(packet, begin) != 0xffff)
        referee().complain(completed ? "net.43" : "net.18",
                           "the checksum of protocol " + std::to_string(protocol) + " is wrong");
}

// --- commands ----------------------------------------------------------------------------------------------------

u32 Net::control(const Chain& chain) {
    if (chain.readable_bytes() < 2 || chain.writable_bytes() < 1) {
        referee().complain("net.136", "a command without class and command, or without ack");
        return 0;
    }
    std::vector<u8> bytes(chain.readable_bytes());
    if (!chain.read(0, bytes.data(), bytes.size()))
        return 0;
    Command command{bytes[0], bytes[1], {bytes.begin() + 2, bytes.end()}, 0};
    judge_framing(chain, command);
    auto forced = answer ? answer(command) : std::nullopt;
    bool done = !forced && carry_out(command);
    command.ack = forced ? static_cast<u8>(*forced) : done ? 0 : 1;
    commands_.push_back(command);
    if (forced && *forced == 256)
        return 0;
    return chain.write(0, &command.ack, 1) ? 1 : 0;
}

void Net::judge_framing(const Chain& chain, const Command& command) {
    if (!needs_separate_header())
        return;
    bool is_table = command.command_class == 1 && command.command == 0;
    if (chain.readable[0].bytes != 2)
        referee().complain("net.legacy.12", "class and command are no descriptor of their own");
    if (chain.readable.size() != (is_table ? 3 : 2))
        referee().complain("net.legacy.13",
                           "data in " + std::to_string(chain.readable.size() - 1) + " descriptors");
    if (is_table && chain.readable.size() == 3 &&
        chain.readable[1].bytes != 4 + mac_bytes * little32(command.data.data()))
        referee().complain("net.legacy.13", "the table of unicast addresses is no descriptor of its own");
    if (chain.writable.size() != 1 || chain.writable[0].bytes != 1)
        referee().complain("net.legacy.14", "the ack is no descriptor of one byte");
}

bool Net::carry_out(const Command& command) {
    const std::vector<u8>& data = command.data;
    auto complain = [&](const char* rule) {
        referee().complain(rule, "command " + std::to_string(command.command_class) + "." +
                                     std::to_string(command.command) + " with " +
                                     std::to_string(data.size()) + " bytes");
        return false;
    };
    switch (command.command_class) {
    case 0: // modes
        if (command.command <= 1 ? !accepted().has(ctrl_rx) : !accepted().has(ctrl_rx_extra))
            return complain(command.command <= 1 ? "net.85" : "net.86");
        if (data.size() != 1 || data[0] > 1)
            return complain("net.136");
        if (command.command <= 1)
            (command.command == 0 ? promiscuous : all_multicast) = data[0];
        return command.command <= 5;
    case 1: // addresses
        if (!accepted().has(ctrl_rx))
            return complain("net.87");
        if (command.command == 0)
            return set_table(data) || complain("net.89");
        if (command.command != 1 || !accepted().has(ctrl_mac_addr) || data.size() != mac_bytes)
            return complain("net.136");
        std::copy(data.begin(), data.end(), own_.begin());
        if (offered.has(mac))
            take_address(own_);
        return true;
    case 4: // queue pairs, RSS
        return complain(command.command == 0 ? "net.94" : "net.97");
    case 5: // offloads
        return complain("net.105");
    default:
        return complain("net.136");
    }
}

// Two tables: stations, then groups.
bool Net::set_table(const std::vector<u8>& data) {
    usize at = 0;
    groups.clear();
    for (bool is_group : {false, true}) {
        if (data.size() - at < 4)
            return false;
        u32 count = little32(&data[at]);
        at += 4;
        if ((data.size() - at) / mac_bytes < count)
            return false;
        for (; count > 0; --count, at += mac_bytes) {
            Mac entry;
            std::copy_n(&data[at], mac_bytes, entry.begin());
            if (((entry[0] & 1) != 0) != is_group)
                return false;
            if (is_group)
                groups.push_back(entry);
        }
    }
    return at == data.size();
}

} // namespace vireo::fake
