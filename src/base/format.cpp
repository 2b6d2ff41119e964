// SPDX-License-Identifier: Apache-2.0
#include "base/format.h"

namespace vireo::detail {

void format_string_error(const char* why) { panic(why); }

namespace {

void write_fill(Writer& out, char fill, usize count) {
    char block[16];
    std::memset(block, fill, sizeof(block));
    while (count > 0) {
        usize step = std::min(count, sizeof(block));
        out.write({block, step});
        count -= step;
    }
}

// Writes `sign` and `body` in a field of the width of `spec`. Zero padding goes between the two.
void write_field(Writer& out, const FormatSpec& spec, std::string_view sign, std::string_view body,
                 char default_align) {
    usize length = sign.size() + body.size();
    usize padding = spec.width > length ? spec.width - length : 0;
    if (spec.zero && spec.align == 0) {
        out.write(sign);
        write_fill(out, '0', padding);
        out.write(body);
        return;
    }
    char align = spec.align != 0 ? spec.align : default_align;
    usize before = align == '>' ? padding : align == '^' ? padding / 2 : 0;
    write_fill(out, spec.fill, before);
    out.write(sign);
    out.write(body);
    write_fill(out, spec.fill, padding - before);
}

std::string_view to_digits(std::span<char> buffer, u64 value, unsigned base, bool upper) {
    const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    usize position = buffer.size();
    if (base == 16) {
        do {
            buffer[--position] = digits[value & 15];
            value >>= 4;
        } while (value != 0);
        return {buffer.data() + position, buffer.size() - position};
    }
    // Most numbers fit 32 bits, where the 32-bit boards divide without a library call.
    while (value > 0xffffffff) {
        buffer[--position] = digits[value % 10];
        value /= 10;
    }
    auto small = static_cast<u32>(value);
    do {
        buffer[--position] = digits[small % 10];
        small /= 10;
    } while (small != 0);
    return {buffer.data() + position, buffer.size() - position};
}

void write_argument(Writer& out, const FormatSpec& spec, const FormatArgument& argument);

// What an Error says: the first "{}" or "{:x}" is the place of its number; there is no other.
void write_message(Writer& out, std::string_view text, u64 number) {
    for (std::string_view place : {"{}", "{:x}"})
        if (usize at = text.find(place); at != text.npos) {
            FormatSpec spec;
            spec.type = place.size() > 2 ? 'x' : '\0';
            out.write(text.substr(0, at));
            write_argument(out, spec, {FormatArgument::Kind::Unsigned, number, {}});
            return out.write(text.substr(at + place.size()));
        }
    out.write(text);
}

void write_argument(Writer& out, const FormatSpec& spec, const FormatArgument& argument) {
    using Kind = FormatArgument::Kind;
    if (argument.kind == Kind::Message)
        return write_message(out, argument.text, argument.number);
    if (argument.kind == Kind::Text)
        return write_field(out, spec, "", argument.text, '<');
    if (argument.kind == Kind::Bool && spec.type == 0)
        return write_field(out, spec, "", argument.number != 0 ? "true" : "false", '<');
    if (spec.type == 'c' || (argument.kind == Kind::Character && spec.type == 0)) {
        char character = static_cast<char>(argument.number);
        return write_field(out, spec, "", {&character, 1}, '<');
    }
    bool negative = argument.kind == Kind::Signed && static_cast<i64>(argument.number) < 0;
    char buffer[20];
    bool hexadecimal = spec.type == 'x' || spec.type == 'X';
    auto digits = to_digits(buffer, negative ? 0 - argument.number : argument.number, hexadecimal ? 16 : 10,
                            spec.type == 'X');
    write_field(out, spec, negative ? "-" : "", digits, '>');
}

} // namespace

void format_arguments(Writer& out, std::string_view format, std::span<const FormatArgument> arguments) {
    usize argument = 0;
    usize start = 0;
    for (usize i = 0; i < format.size();) {
        char c = format[i];
        if (c != '{' && c != '}') {
            ++i;
            continue;
        }
        if (i + 1 < format.size() && format[i + 1] == c) {
            out.write(format.substr(start, i + 1 - start));
            i += 2;
            start = i;
            continue;
        }
        if (i > start)
            out.write(format.substr(start, i - start));
        ++i;
        auto spec = parse_format_spec(format, i);
        write_argument(out, spec, arguments[argument++]);
        start = i;
    }
    if (start < format.size())
        out.write(format.substr(start));
}

} // namespace vireo::detail
