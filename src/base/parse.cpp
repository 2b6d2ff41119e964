// SPDX-License-Identifier: Apache-2.0
#include "base/parse.h"

#include "base/math.h"

namespace vireo {

Result<u64> parse_number(std::string_view text, unsigned base) {
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text.remove_prefix(2);
        base = 16;
    }
    if (text.empty())
        return error(ErrorCode::InvalidArgument, "not a number");
    u64 value = 0;
    for (char c : text) {
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = static_cast<unsigned>(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = static_cast<unsigned>((c | 0x20) - 'a') + 10;
        else
            return error(ErrorCode::InvalidArgument, "not a number");
        if (digit >= base)
            return error(ErrorCode::InvalidArgument, "not a number");
        auto scaled = checked_multiply<u64>(value, base);
        auto sum = scaled ? checked_add<u64>(*scaled, digit) : std::nullopt;
        if (!sum)
            return error(ErrorCode::InvalidArgument, "number too large");
        value = *sum;
    }
    return value;
}

std::string_view trim(std::string_view text) {
    auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

std::string_view split_first(std::string_view& rest, char separator) {
    usize at = rest.find(separator);
    std::string_view first = rest.substr(0, at);
    rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
    return first;
}

} // namespace vireo
