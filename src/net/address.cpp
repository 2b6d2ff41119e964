// SPDX-License-Identifier: Apache-2.0
#include "net/address.h"

#include "base/parse.h"

namespace vireo::net {

namespace {

constexpr usize groups = 8; // of an IPv6 address, two bytes each

// "0" to "255", without leading zeros: some read those as octal.
std::optional<u8> parse_byte(std::string_view text) {
    if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0'))
        return std::nullopt;
    u32 value = 0;
    for (char c : text) {
        if (c < '0' || c > '9')
            return std::nullopt;
        value = value * 10 + static_cast<u32>(c - '0');
    }
    return value <= 255 ? std::optional(static_cast<u8>(value)) : std::nullopt;
}

bool parse_v4(std::string_view text, std::span<u8, 4> bytes) {
    for (usize i = 0; i < 4; ++i) {
        usize end = i == 3 ? text.size() : text.find('.');
        if (end == text.npos)
            return false;
        auto byte = parse_byte(text.substr(0, end));
        if (!byte)
            return false;
        bytes[i] = *byte;
        text.remove_prefix(std::min(text.size(), end + 1));
    }
    return true;
}

std::optional<u16> parse_group(std::string_view text) {
    if (text.empty() || text.size() > 4)
        return std::nullopt;
    u32 value = 0;
    for (char c : text) {
        u32 digit;
        if (c >= '0' && c <= '9')
            digit = static_cast<u32>(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = static_cast<u32>((c | 0x20) - 'a') + 10;
        else
            return std::nullopt;
        value = value << 4 | digit;
    }
    return static_cast<u16>(value);
}

// Groups separated by ':', the last two as an IPv4 address if they like: how many bytes they are.
std::optional<usize> parse_groups(std::string_view text, std::span<u8, 16> bytes) {
    usize count = 0;
    while (!text.empty()) {
        usize end = std::min(text.find(':'), text.size());
        if (text.find('.') != text.npos && end == text.size()) {
            if (count + 4 > bytes.size() || !parse_v4(text, std::span<u8, 4>(bytes.data() + count, 4)))
                return std::nullopt;
            return count + 4;
        }
        auto group = parse_group(text.substr(0, end));
        if (!group || count + 2 > bytes.size())
            return std::nullopt;
        bytes[count++] = static_cast<u8>(*group >> 8);
        bytes[count++] = static_cast<u8>(*group);
        if (end + 1 == text.size())
            return std::nullopt; // a ':' with nothing behind it
        text.remove_prefix(std::min(text.size(), end + 1));
    }
    return count;
}

bool parse_v6(std::string_view text, std::array<u8, 16>& bytes) {
    usize gap = text.find("::");
    if (gap == text.npos)
        return parse_groups(text, bytes) == bytes.size();
    std::array<u8, 16> left{}, right{};
    auto before = parse_groups(text.substr(0, gap), left);
    auto after = parse_groups(text.substr(gap + 2), right);
    if (!before || !after || *before + *after > bytes.size() - 2 ||
        text.substr(0, gap).find('.') != text.npos)
        return false;
    std::copy_n(left.begin(), *before, bytes.begin());
    std::copy_n(right.begin(), *after, bytes.end() - static_cast<std::ptrdiff_t>(*after));
    return true;
}

} // namespace

u32 IpAddress::v4() const {
    return u32{bytes[0]} << 24 | u32{bytes[1]} << 16 | u32{bytes[2]} << 8 | bytes[3];
}

IpAddress IpAddress::from_v4(u32 number) {
    IpAddress address{Family::V4};
    for (u32 i = 0; i < 4; ++i)
        address.bytes[i] = static_cast<u8>(number >> (24 - 8 * i));
    return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    IpAddress address;
    if (text.find(':') != text.npos) {
        address.family = Family::V6;
        if (parse_v6(text, address.bytes))
            return address;
    } else {
        address.family = Family::V4;
        if (parse_v4(text, std::span<u8, 4>(address.bytes.data(), 4)))
            return address;
    }
    return std::nullopt;
}

void IpAddress::print(Writer& out) const {
    if (is_v4())
        vireo::print(out, "{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
    if (!is_v6())
        return;
    auto group = [&](usize i) { return static_cast<u16>(bytes[2 * i] << 8 | bytes[2 * i + 1]); };
    // The longest run of two or more zero groups, the first of several, becomes "::".
    usize run = groups, run_length = 1;
    for (usize i = 0; i < groups; ++i) {
        usize length = 0;
        while (i + length < groups && group(i + length) == 0)
            ++length;
        if (length > run_length) {
            run = i;
            run_length = length;
        }
    }
    for (usize i = 0; i < groups;) {
        if (i == run) {
            out.write("::");
            i += run_length;
            continue;
        }
        if (i != 0 && i != run + run_length)
            out.write(":");
        vireo::print(out, "{:x}", group(i++));
    }
}

} // namespace vireo::net
