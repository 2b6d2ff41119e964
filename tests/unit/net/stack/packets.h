// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

#include <string>
#include <vector>

// Packets as the RFCs draw them, to be built and taken apart by a test's other side. Nothing of src/ is used.
namespace vireo::test::packets {

using Octets = std::vector<u8>;
using Mac = std::array<u8, 6>;

inline void put16(Octets& to, u32 value) {
    to.push_back(static_cast<u8>(value >> 8));
    to.push_back(static_cast<u8>(value));
}
inline void put32(Octets& to, u32 value) {
    put16(to, value >> 16);
    put16(to, value);
}
inline void put(Octets& to, const Octets& more) { to.insert(to.end(), more.begin(), more.end()); }
template <usize N> void put(Octets& to, const std::array<u8, N>& more) {
    to.insert(to.end(), more.begin(), more.end());
}
inline void put(Octets& to, std::string_view more) { to.insert(to.end(), more.begin(), more.end()); }
inline u32 get16(const Octets& from, usize at) {
    return static_cast<u32>(from.at(at)) << 8 | from.at(at + 1);
}
inline u32 get32(const Octets& from, usize at) { return get16(from, at) << 16 | get16(from, at + 2); }
inline Octets slice(const Octets& from, usize at, usize bytes = ~usize{0}) {
    at = std::min(at, from.size());
    bytes = std::min(bytes, from.size() - at);
    return {from.begin() + static_cast<std::ptrdiff_t>(at),
            from.begin() + static_cast<std::ptrdiff_t>(at + bytes)};
}

// RFC 1071.
inline u16 checksum(const Octets& bytes, u32 sum = 0) {
    for (usize i = 0; i < bytes.size(); i += 2)
        sum += static_cast<u32>(bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0));
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<u16>(~sum);
}
inline void set16(Octets& in, usize at, u32 value) {
    in.at(at) = static_cast<u8>(value >> 8);
    in.at(at + 1) = static_cast<u8>(value);
}

inline Octets ethernet(const Mac& to, const Mac& from, u16 type, const Octets& payload) {
    Octets frame;
    put(frame, to);
    put(frame, from);
    put16(frame, type);
    put(frame, payload);
    return frame;
}

// RFC 826.
inline Octets arp(u16 operation, const Mac& sender, u32 sender_ip, const Mac& target, u32 target_ip) {
    Octets packet;
    put16(packet, 1);
    put16(packet, 0x0800);
    packet.push_back(6);
    packet.push_back(4);
    put16(packet, operation);
    put(packet, sender);
    put32(packet, sender_ip);
    put(packet, target);
    put32(packet, target_ip);
    return packet;
}

// RFC 791. `fragment`: flags and offset as they stand in the header.
inline Octets ipv4(u32 from, u32 to, u8 protocol, const Octets& payload, u16 id = 1, u16 fragment = 0) {
    Octets packet{0x45, 0};
    put16(packet, static_cast<u32>(20 + payload.size()));
    put16(packet, id);
    put16(packet, fragment);
    packet.push_back(64);
    packet.push_back(protocol);
    put16(packet, 0);
    put32(packet, from);
    put32(packet, to);
    set16(packet, 10, checksum(packet));
    put(packet, payload);
    return packet;
}

// RFC 8200.
using Address6 = std::array<u8, 16>;
inline Octets ipv6(const Address6& from, const Address6& to, u8 next, const Octets& payload, u8 hops = 255) {
    Octets packet{0x60, 0, 0, 0};
    put16(packet, static_cast<u32>(payload.size()));
    packet.push_back(next);
    packet.push_back(hops);
    put(packet, from);
    put(packet, to);
    put(packet, payload);
    return packet;
}

inline u32 pseudo_sum(u32 from, u32 to, u8 protocol, usize bytes) {
    return (from >> 16) + (from & 0xffff) + (to >> 16) + (to & 0xffff) + protocol + static_cast<u32>(bytes);
}
inline u32 pseudo_sum(const Address6& from, const Address6& to, u8 protocol, usize bytes) {
    u32 sum = protocol + static_cast<u32>(bytes);
    for (usize i = 0; i < 16; i += 2)
        sum += static_cast<u32>((from[i] << 8 | from[i + 1]) + (to[i] << 8 | to[i + 1]));
    return sum;
}

// RFC 768.
inline Octets udp(u32 from_ip, u16 from, u32 to_ip, u16 to, const Octets& payload) {
    Octets datagram;
    put16(datagram, from);
    put16(datagram, to);
    put16(datagram, static_cast<u32>(8 + payload.size()));
    put16(datagram, 0);
    put(datagram, payload);
    u16 sum = checksum(datagram, pseudo_sum(from_ip, to_ip, 17, datagram.size()));
    set16(datagram, 6, sum == 0 ? 0xffff : sum);
    return datagram;
}

// RFC 9293.
struct Tcp {
    static constexpr u8 Fin = 1, Syn = 2, Rst = 4, Psh = 8, Ack = 16;
    u16 from = 0, to = 0;
    u32 sequence = 0, acknowledged = 0;
    u8 flags = 0;
    u16 window = 0xffff;
    Octets options{}; // a multiple of 4
    Octets payload{};

    // Between two IPv4 addresses, or two of IPv6.
    template <typename Address> Octets bytes(const Address& from_ip, const Address& to_ip) const {
        Octets segment;
        put16(segment, from);
        put16(segment, to);
        put32(segment, sequence);
        put32(segment, acknowledged);
        segment.push_back(static_cast<u8>((5 + options.size() / 4) << 4));
        segment.push_back(flags);
        put16(segment, window);
        put16(segment, 0);
        put16(segment, 0);
        put(segment, options);
        put(segment, payload);
        set16(segment, 16, checksum(segment, pseudo_sum(from_ip, to_ip, 6, segment.size())));
        return segment;
    }
    static Tcp parse(const Octets& segment) {
        Tcp tcp;
        tcp.from = static_cast<u16>(get16(segment, 0));
        tcp.to = static_cast<u16>(get16(segment, 2));
        tcp.sequence = get32(segment, 4);
        tcp.acknowledged = get32(segment, 8);
        usize header = usize{segment.at(12)} / 16 * 4;
        tcp.flags = segment.at(13);
        tcp.window = static_cast<u16>(get16(segment, 14));
        tcp.options = slice(segment, 20, header - 20);
        tcp.payload = slice(segment, header);
        return tcp;
    }
};

// RFC 792 and 4443: type, code, and what stands behind the checksum.
inline Octets icmp(u8 type, u8 code, const Octets& rest) {
    Octets message{type, code, 0, 0};
    put(message, rest);
    set16(message, 2, checksum(message));
    return message;
}
inline Octets icmp6(const Address6& from, const Address6& to, u8 type, u8 code, const Octets& rest) {
    Octets message{type, code, 0, 0};
    put(message, rest);
    set16(message, 2, checksum(message, pseudo_sum(from, to, 58, message.size())));
    return message;
}

} // namespace vireo::test::packets
