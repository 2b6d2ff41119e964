// SPDX-License-Identifier: Apache-2.0
#include "net/stack/ipv6_check.h"

namespace vireo::net {

namespace {

constexpr usize fixed_bytes = 40;
constexpr usize unit_bytes = 8; // headers and options are multiples of it
enum Header : u8 { HopByHop = 0, Routing = 43, Fragment = 44, Icmp = 58, Destination = 60 };

u8 byte_at(Bytes bytes, usize at) { return std::to_integer<u8>(bytes[at]); }
usize number_at(Bytes bytes, usize at) {
    return static_cast<usize>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

// Where the options of a neighbour discovery message begin; 0 for another type.
usize options_offset(u8 type) {
    // router solicitation, advertisement; neighbour solicitation, advertisement; redirect
    constexpr u8 first = 133;
    constexpr usize offsets[] = {8, 16, 24, 24, 40};
    return type >= first && type < first + std::size(offsets) ? offsets[type - first] : 0;
}

bool has_sound_options(Bytes options) {
    while (!options.empty()) {
        if (options.size() < unit_bytes)
            return false;
        usize bytes = byte_at(options, 1) * unit_bytes;
        if (bytes == 0 || bytes > options.size())
            return false;
        options = options.subspan(bytes);
    }
    return true;
}

// `rest`: what of the message is in the first piece. `bytes`: how long it says it is.
bool icmp_can_be_read(Bytes rest, usize bytes, bool is_fragment) {
    constexpr u8 too_big = 2;
    // In a fragment, what comes later would be read when nobody looks any more.
    if (is_fragment && (rest.empty() || byte_at(rest, 0) == too_big))
        return false;
    usize offset = rest.empty() ? 0 : options_offset(byte_at(rest, 0));
    if (offset == 0)
        return true;
    return !is_fragment && bytes >= offset && bytes <= rest.size() &&
           has_sound_options(rest.first(bytes).subspan(offset));
}

struct Walk {
    bool can_be_read = false;
    Bytes message{}; // of ICMP, if it is whole
};

Walk walk(Bytes packet) {
    if (packet.size() < fixed_bytes)
        return {};
    usize end = fixed_bytes + number_at(packet, 4);
    bool is_fragment = false;
    u8 kind = byte_at(packet, 6);
    for (usize at = fixed_bytes;;) {
        if (kind == Icmp) {
            Bytes rest = packet.subspan(at);
            usize bytes = end > at ? end - at : 0;
            return {icmp_can_be_read(rest, bytes, is_fragment),
                    is_fragment ? Bytes() : rest.first(std::min(bytes, rest.size()))};
        }
        if (kind != HopByHop && kind != Routing && kind != Fragment && kind != Destination)
            return {true}; // what comes now is not walked through
        if (packet.size() - at < unit_bytes)
            return {};
        usize bytes = (usize{byte_at(packet, at + 1)} + 1) * unit_bytes;
        if (kind == Fragment) {
            // What follows in any but the first fragment is data. In the first, headers go on
            // when all have come.
            if (number_at(packet, at + 2) >> 3 != 0)
                return {true};
            is_fragment = true;
            bytes = unit_bytes;
        }
        if (packet.size() - at < bytes)
            return {};
        kind = byte_at(packet, at);
        at += bytes;
    }
}

} // namespace

bool ipv6_can_be_read(Bytes packet) { return walk(packet).can_be_read; }

Bytes ipv6_icmp_message(Bytes packet) { return walk(packet).message; }

} // namespace vireo::net
