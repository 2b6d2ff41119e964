// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"

namespace vireo::net {

// Options of RFC 2132, 4578 and 5071 that somebody here reads or writes.
enum class DhcpOption : u8 {
    Pad = 0,
    Netmask = 1,
    Router = 3,
    NameServer = 6,
    HostName = 12,
    DomainName = 15,
    RootPath = 17,
    LeaseTime = 51,
    Overload = 52,
    MessageType = 53,
    ServerId = 54,
    VendorClass = 60,
    ServerName = 66,
    BootFile = 67,
    ClientArchitecture = 93,
    ClientInterface = 94,
    ConfigFile = 209,
    PathPrefix = 210,
    End = 255
};

// A DHCP message that somebody sent, taken apart (RFC 2131, 2). An option's value is whole, wherever its
// pieces lie: in the options, the field of the file, the field of the server's name, in this order (RFC
// 3396, 5; RFC 2132, 9.3).
class DhcpMessage {
  public:
    static constexpr usize fixed_bytes = 240; // with the cookie that says that options follow
    static constexpr usize address_at = 16, next_server_at = 20;

    DhcpMessage() = default; // without anything in it
    // Errors: Corrupt (no DHCP, or an option that is cut off; it may do without the option that
    // ends them), NoMemory.
    static Result<DhcpMessage> parse(Bytes message);

    // The value; empty if it is not there. Valid as long as the message, also if that is moved.
    Bytes option(DhcpOption code) const;
    // The first number of an option that is a list of numbers of so many bytes. Nothing if it is none.
    template <usize N> std::optional<std::array<u8, N>> first(DhcpOption code) const {
        Bytes value = option(code);
        return value.empty() || value.size() % N != 0 ? std::nullopt : std::optional(bytes_at<N>(value));
    }
    // An option as text, up to the first zero byte: some servers count one, some do not.
    std::string_view text(DhcpOption code) const { return text_of(option(code)); }
    // The field of the boot file, and of the server's name; empty if it holds options.
    std::string_view file() const;
    std::string_view server_name() const;
    // Four bytes of the fixed part; only of a message that was parsed.
    std::array<u8, 4> field(usize at) const { return bytes_at<4>(fixed().subspan(at)); }
    // As it came. Only of a message that was parsed.
    Bytes fixed() const { return Bytes(bytes_).first(fixed_bytes); }

  private:
    template <usize N> static std::array<u8, N> bytes_at(Bytes from) {
        std::array<u8, N> result;
        std::memcpy(result.data(), from.data(), N);
        return result;
    }
    static std::string_view text_of(Bytes bytes);
    std::string_view field_text(usize at, usize bytes, u8 overload) const;

    OwnedArray<std::byte> bytes_;   // the fixed part, then the options' values in the order of their codes
    std::array<u32, 257> starts_{}; // in `bytes_`; each ends where the next begins
    u8 overload_ = 0;
};

} // namespace vireo::net
