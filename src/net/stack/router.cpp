// SPDX-License-Identifier: Apache-2.0
#include "net/stack/router.h"

#include "base/endian.h"

namespace vireo::net {

namespace {
constexpr usize unit_bytes = 8; // what options count their length in
constexpr u8 name_servers = 25; // the option's type
constexpr usize header_bytes = 8, address_bytes = 16, lifetime_at = 4;

u8 byte_at(Bytes bytes, usize at) { return std::to_integer<u8>(bytes[at]); }

bool can_be_asked(const IpAddress& server) {
    bool is_group = server.bytes[0] == 0xff;
    bool is_nobody_or_us =
        std::all_of(server.bytes.begin(), server.bytes.end() - 1, [](u8 b) { return b == 0; }) &&
        server.bytes.back() <= 1;
    return !is_group && !is_nobody_or_us;
}
} // namespace

void AnnouncedServers::take(Bytes options, event::Instant now) {
    while (options.size() >= unit_bytes) {
        usize bytes = byte_at(options, 1) * unit_bytes;
        if (bytes == 0 || bytes > options.size())
            return;
        Bytes option = options.first(bytes);
        options = options.subspan(bytes);
        if (byte_at(option, 0) != name_servers)
            continue;
        u64 seconds = 0;
        for (usize i = 0; i < 4; ++i)
            seconds = seconds << 8 | byte_at(option, lifetime_at + i);
        for (usize at = header_bytes; at + address_bytes <= bytes; at += address_bytes) {
            IpAddress server{IpAddress::Family::V6};
            std::memcpy(server.bytes.data(), option.data() + at, address_bytes);
            if (can_be_asked(server))
                announce(server, event::Duration::seconds(seconds), now);
        }
    }
}

void AnnouncedServers::announce(const IpAddress& address, event::Duration lifetime, event::Instant now) {
    for (usize i = servers_.size(); i-- > 0;)
        if (servers_[i].until <= now || servers_[i].address == address) {
            bool is_this = servers_[i].address == address && lifetime > event::Duration();
            if (is_this) {
                servers_[i].until = now + lifetime;
                return;
            }
            servers_.erase(i);
        }
    if (lifetime > event::Duration())
        (void)servers_.try_push_back({address, now + lifetime});
}

usize AnnouncedServers::list(std::span<IpAddress, most> to, event::Instant now) const {
    usize count = 0;
    for (const Server& server : servers_)
        if (server.until > now)
            to[count++] = server.address;
    return count;
}

} // namespace vireo::net
