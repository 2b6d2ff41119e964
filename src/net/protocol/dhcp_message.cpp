// SPDX-License-Identifier: Apache-2.0
#include "net/protocol/dhcp_message.h"

#include "base/parse.h"

namespace vireo::net {

namespace {

constexpr std::array<u8, 4> cookie{99, 130, 83, 99};
constexpr usize server_name_at = 44, server_name_bytes = 64;
constexpr usize file_at = 108, file_bytes = 128;
constexpr u8 file_is_options = 1, server_name_is_options = 2; // bits of option 52

// Calls `take(code, value)` for each option of `area`. False if the last one is cut off.
template <typename Take> bool walk(Bytes area, Take&& take) {
    while (!area.empty()) {
        u8 code = std::to_integer<u8>(area[0]);
        if (code == u8(DhcpOption::End))
            return true;
        if (code == u8(DhcpOption::Pad)) {
            area = area.subspan(1);
            continue;
        }
        if (area.size() < 2)
            return false;
        usize bytes = std::to_integer<u8>(area[1]);
        if (bytes > area.size() - 2)
            return false;
        take(code, area.subspan(2, bytes));
        area = area.subspan(2 + bytes);
    }
    return true;
}

// The same for all places that can have options.
template <typename Take> bool walk_all(Bytes message, u8 overload, Take&& take) {
    return walk(message.subspan(DhcpMessage::fixed_bytes), take) &&
           (!(overload & file_is_options) || walk(message.subspan(file_at, file_bytes), take)) &&
           (!(overload & server_name_is_options) ||
            walk(message.subspan(server_name_at, server_name_bytes), take));
}

} // namespace

Result<DhcpMessage> DhcpMessage::parse(Bytes message) {
    if (message.size() < fixed_bytes ||
        std::memcmp(message.data() + fixed_bytes - cookie.size(), cookie.data(), cookie.size()) != 0)
        return error(ErrorCode::Corrupt, "not a DHCP message");
    DhcpMessage result;
    // Only here: in a field that holds options it would say something of itself.
    (void)walk(message.subspan(fixed_bytes), [&](u8 code, Bytes value) {
        if (code == u8(DhcpOption::Overload) && value.size() == 1)
            result.overload_ = std::to_integer<u8>(value[0]);
    });
    std::array<u32, 256> sizes{};
    if (!walk_all(message, result.overload_,
                  [&](u8 code, Bytes value) { sizes[code] += static_cast<u32>(value.size()); }))
        return error(ErrorCode::Corrupt, "a DHCP option that is cut off");
    u32 end = fixed_bytes;
    for (usize code = 0; code < sizes.size(); ++code) {
        result.starts_[code] = end;
        end += sizes[code];
    }
    result.starts_.back() = end;
    result.bytes_ = VIREO_TRY(OwnedArray<std::byte>::create(end));
    std::ranges::copy(message.first(fixed_bytes), result.bytes_.begin());
    std::array<u32, 257> next = result.starts_;
    walk_all(message, result.overload_, [&](u8 code, Bytes value) {
        std::ranges::copy(value, result.bytes_.begin() + next[code]);
        next[code] += static_cast<u32>(value.size());
    });
    return result;
}

Bytes DhcpMessage::option(DhcpOption code) const {
    return Bytes(bytes_).subspan(starts_[u8(code)], starts_[u8(code) + 1] - starts_[u8(code)]);
}

std::string_view DhcpMessage::text_of(Bytes bytes) {
    std::string_view text = as_text(bytes);
    return text.substr(0, text.find('\0'));
}

std::string_view DhcpMessage::field_text(usize at, usize bytes, u8 overload) const {
    if (bytes_.is_empty() || (overload_ & overload) != 0)
        return {};
    return text_of(fixed().subspan(at, bytes));
}

std::string_view DhcpMessage::file() const { return field_text(file_at, file_bytes, file_is_options); }
std::string_view DhcpMessage::server_name() const {
    return field_text(server_name_at, server_name_bytes, server_name_is_options);
}

} // namespace vireo::net
