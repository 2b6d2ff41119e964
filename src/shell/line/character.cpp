// SPDX-License-Identifier: Apache-2.0
#include "shell/line/character.h"

namespace vireo::shell {

namespace {

struct Range {
    u32 first;
    u32 last;
};

// Marks that join the character before them, and signs without a place of their own: the blocks of Unicode
// that consist of such (general categories Mn, Me and Cf), of scripts that people type at terminals.
constexpr Range joining[] = {
    {0x300, 0x36f},     {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
    {0x6d6, 0x6dc},     {0x93a, 0x93a},   {0x93c, 0x93c},   {0x941, 0x948},   {0x94d, 0x94d},
    {0xe31, 0xe31},     {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
    {0x200b, 0x200f},   {0x202a, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20f0}, {0x302a, 0x302d},
    {0x3099, 0x309a},   {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0x1f3fb, 0x1f3ff},
    {0xe0100, 0xe01ef},
};

// East Asian Width W and F, rounded to blocks, and emoji that terminals show as wide ones.
constexpr Range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x25fd, 0x25fe},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x26a1, 0x26a1},   {0x26bd, 0x26be},   {0x26d4, 0x26d4},   {0x2705, 0x2705},
    {0x270a, 0x270b},   {0x2728, 0x2728},   {0x274c, 0x274c},   {0x2753, 0x2755},   {0x2757, 0x2757},
    {0x2795, 0x2797},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2e80, 0x303e},   {0x3041, 0x4dbf},
    {0x4e00, 0xa4c6},   {0xa960, 0xa97c},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6b},
    {0xff01, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x18cd5}, {0x1b000, 0x1b2fb}, {0x1f200, 0x1f320},
    {0x1f32d, 0x1f335}, {0x1f337, 0x1f393}, {0x1f3a0, 0x1f3ca}, {0x1f3e0, 0x1f3f0}, {0x1f3f8, 0x1f43e},
    {0x1f440, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f550, 0x1f567}, {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5},
    {0x1f6d0, 0x1f6df}, {0x1f6eb, 0x1f6fc}, {0x1f7e0, 0x1f7eb}, {0x1f90c, 0x1f9ff}, {0x1fa70, 0x1faff},
    {0x20000, 0x3fffd},
};

bool is_in(std::span<const Range> ranges, u32 code) {
    return std::ranges::any_of(ranges,
                               [=](Range range) { return code >= range.first && code <= range.last; });
}

u8 columns_of(u32 code) {
    if (code < joining[0].first)
        return 1;
    return is_in(joining, code) ? 0 : is_in(wide, code) ? 2 : 1;
}

bool continues(char byte) { return (static_cast<u8>(byte) & 0xc0) == 0x80; }

// How many bytes the character has that this byte begins.
u8 length_from(char byte) {
    u8 lead = static_cast<u8>(byte);
    return lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
}

} // namespace

Character first_character(std::string_view text) {
    u8 bytes = length_from(text[0]);
    if (bytes == 1 || text.size() < bytes || !std::ranges::all_of(text.substr(1, bytes - 1u), continues))
        return {1, 1};
    u32 code = static_cast<u8>(text[0]) & (0x7fu >> bytes);
    for (char byte : text.substr(1, bytes - 1u))
        code = code << 6 | (static_cast<u8>(byte) & 0x3f);
    // More bytes than the number needs, half of a UTF-16 pair, or beyond the last one: no character.
    constexpr u32 least[] = {0x80, 0x800, 0x10000};
    if (code < least[bytes - 2] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
        return {1, 1};
    return {bytes, columns_of(code)};
}

usize harmless_bytes(std::string_view text) {
    auto is_control = [&](usize at) {
        u8 byte = static_cast<u8>(text[at]);
        return byte < ' ' || (byte >= 0x7f && byte < 0xa0);
    };
    usize position = 0;
    while (position < text.size()) {
        usize bytes = first_character(text.substr(position)).bytes;
        bool is_8_bit_control = bytes == 2 && text[position] == '\xc2' && is_control(position + 1);
        if (is_8_bit_control || (bytes == 1 && is_control(position)))
            break;
        position += bytes;
    }
    return position;
}

usize unfinished_bytes(std::string_view text) {
    for (usize count = 1; count < 4 && count <= text.size(); ++count) {
        char byte = text[text.size() - count];
        if (!continues(byte))
            return length_from(byte) > count ? count : 0;
    }
    return 0;
}

usize character_after(std::string_view text, usize position) {
    if (position < text.size())
        position += first_character(text.substr(position)).bytes;
    while (position < text.size() && first_character(text.substr(position)).columns == 0)
        position += first_character(text.substr(position)).bytes;
    return position;
}

usize character_before(std::string_view text, usize position) {
    while (position > 0) {
        usize start = position - 1;
        while (start > 0 && position - start < 4 && continues(text[start]))
            --start;
        Character character = first_character(text.substr(start, position - start));
        if (character.bytes != position - start) // a byte that belongs to none
            return position - 1;
        position = start;
        if (character.columns > 0)
            break;
    }
    return position;
}

} // namespace vireo::shell
