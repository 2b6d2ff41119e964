// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "base/result.h"

namespace vireo::net {

// An IPv4 or IPv6 address, or none.
struct IpAddress {
    enum class Family : u8 { None, V4, V6 };
    Family family = Family::None;
    std::array<u8, 16> bytes{}; // in network order; of IPv4 the first four

    bool operator==(const IpAddress&) const = default;
    bool is_set() const { return family != Family::None; }
    bool is_v4() const { return family == Family::V4; }
    bool is_v6() const { return family == Family::V6; }
    // The bytes as a number, 10.0.2.15 is 0x0a00020f. V4 only.
    u32 v4() const;
    static IpAddress from_v4(u32 number);

    // "10.0.2.15"; "fe80::1", without brackets and without zone. Nothing if it is neither, or
    // has anything behind it.
    static std::optional<IpAddress> parse(std::string_view text);
    // As RFC 5952 writes it.
    void print(Writer& out) const;
};

} // namespace vireo::net
