// SPDX-License-Identifier: Apache-2.0
#include "net/extension_headers.h"

namespace vireo::net {

namespace {

constexpr usize fixed_bytes = 40;
constexpr usize unit_bytes = 8;
enum Header : u8 { HopByHop = 0, Routing = 43, Fragment = 44, Destination = 60 };

} // namespace

bool extension_headers_fit(Bytes packet) {
    auto byte_at = [&](usize at) { return std::to_integer<u8>(packet[at]); };
    if (packet.size() < fixed_bytes)
        return false;
    u8 kind = byte_at(6);
    for (usize at = fixed_bytes;;) {
        bool is_fragment = kind == Fragment;
        if (!is_fragment && kind != HopByHop && kind != Routing && kind != Destination)
            return true; // what comes now is not walked through
        if (packet.size() - at < unit_bytes)
            return false;
        // What follows in any but the first fragment is data. In the first, headers go on when all have come.
        usize offset = static_cast<usize>(byte_at(at + 2) << 8 | byte_at(at + 3)) >> 3;
        if (is_fragment && offset != 0)
            return true;
        usize bytes = is_fragment ? unit_bytes : (usize{byte_at(at + 1)} + 1) * unit_bytes;
        if (packet.size() - at < bytes)
            return false;
        kind = byte_at(at);
        at += bytes;
    }
}

} // namespace vireo::net
