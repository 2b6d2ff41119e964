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

void write_number(Writer& out, const FormatSpec& spec, FormatKind kind, u64 number) {
    if (kind == FormatKind::Bool && spec.type == 0)
        return write_field(out, spec, "", number != 0 ? "true" : "false", '<');
    if (spec.type == 'c' || (kind == FormatKind::Character && spec.type == 0)) {
        char character = static_cast<char>(number);
        return write_field(out, spec, "", {&character, 1}, '<');
    }
    bool negative = kind == FormatKind::Signed && static_cast<i64>(number) < 0;
    char buffer[20];
    bool hexadecimal = spec.type == 'x' || spec.type == 'X';
    auto digits = to_digits(buffer, negative ? 0 - number : number, hexadecimal ? 16 : 10, spec.type == 'X');
    write_field(out, spec, negative ? "-" : "", digits, '>');
}

void write_value(Writer& out, const FormatSpec& spec, FormatKind kind, const FormatValue& value) {
    if (kind == FormatKind::Message) {
        const FormatValue number{.number = value.message->number};
        return format_values(out, value.message->what, static_cast<FormatKinds>(FormatKind::Unsigned),
                             &number);
    }
    if (kind == FormatKind::Text)
        return write_field(out, spec, "", value.text, '<');
    if (kind != FormatKind::None) // which is a second place in an Error's literal
        write_number(out, spec, kind, value.number);
}

} // namespace

void format_values(Writer& out, std::string_view format, FormatKinds kinds, const FormatValue* values) {
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
        write_value(out, spec, static_cast<FormatKind>(kinds % (1 << kind_bits)), *values++);
        kinds >>= kind_bits;
        start = i;
    }
    if (start < format.size())
        out.write(format.substr(start));
}

void append(std::string_view text, std::span<char> memory, usize& size, bool& truncated) {
    usize count = std::min(text.size(), memory.size() - size);
    std::memcpy(memory.data() + size, text.data(), count);
    size += count;
    truncated = truncated || count < text.size();
}

} // namespace vireo::detail
