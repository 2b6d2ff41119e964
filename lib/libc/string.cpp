// SPDX-License-Identifier: Apache-2.0
// The string functions that libc++'s string_view and libfdt call. strtoul is libfdt's, for overlay paths.
#include <limits.h>
#include <stddef.h>

#ifndef VIREO_LIBC_NAME
#define VIREO_LIBC_NAME(name) name
#endif

namespace {

// The value of a digit, or 36 for what is none in any base.
unsigned digit_value(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    if (c >= 'a' && c <= 'z') {
        return static_cast<unsigned>(c - 'a' + 10);
    }
    if (c >= 'A' && c <= 'Z') {
        return static_cast<unsigned>(c - 'A' + 10);
    }
    return 36;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

} // namespace

extern "C" {

[[gnu::used]] size_t VIREO_LIBC_NAME(strlen)(const char* text) {
    const char* end = text;
    while (*end != 0) {
        ++end;
    }
    return static_cast<size_t>(end - text);
}

[[gnu::used]] size_t VIREO_LIBC_NAME(strnlen)(const char* text, size_t limit) {
    size_t length = 0;
    while (length < limit && text[length] != 0) {
        ++length;
    }
    return length;
}

[[gnu::used]] int VIREO_LIBC_NAME(strncmp)(const char* left, const char* right, size_t limit) {
    for (; limit != 0; --limit, ++left, ++right) {
        const auto l = static_cast<unsigned char>(*left);
        const auto r = static_cast<unsigned char>(*right);
        if (l != r) {
            return l - r;
        }
        if (l == 0) {
            break;
        }
    }
    return 0;
}

[[gnu::used]] int VIREO_LIBC_NAME(strcmp)(const char* left, const char* right) {
    return VIREO_LIBC_NAME(strncmp)(left, right, ~size_t{0});
}

[[gnu::used]] char* VIREO_LIBC_NAME(strchr)(const char* text, int value) {
    for (;; ++text) {
        if (*text == static_cast<char>(value)) {
            return const_cast<char*>(text);
        }
        if (*text == 0) {
            return nullptr;
        }
    }
}

[[gnu::used]] char* VIREO_LIBC_NAME(strrchr)(const char* text, int value) {
    const char* found = nullptr;
    for (;; ++text) {
        if (*text == static_cast<char>(value)) {
            found = text;
        }
        if (*text == 0) {
            return const_cast<char*>(found);
        }
    }
}

[[gnu::used]] unsigned long VIREO_LIBC_NAME(strtoul)(const char* __restrict text, char** __restrict end,
                                                     int base) {
    const char* at = text;
    while (is_space(*at)) {
        ++at;
    }
    const bool negative = *at == '-';
    if (*at == '-' || *at == '+') {
        ++at;
    }
    const bool hex_prefix = at[0] == '0' && (at[1] == 'x' || at[1] == 'X') && digit_value(at[2]) < 16;
    if (hex_prefix && (base == 0 || base == 16)) {
        at += 2;
        base = 16;
    } else if (base == 0) {
        base = *at == '0' ? 8 : 10;
    }
    const auto radix = static_cast<unsigned>(base);
    unsigned long value = 0;
    bool any = false;
    bool overflow = false;
    for (unsigned digit; (digit = digit_value(*at)) < radix; ++at) {
        any = true;
        unsigned long scaled;
        overflow |= __builtin_mul_overflow(value, static_cast<unsigned long>(radix), &scaled);
        overflow |= __builtin_add_overflow(scaled, static_cast<unsigned long>(digit), &value);
    }
    if (end != nullptr) {
        *end = const_cast<char*>(any ? at : text);
    }
    if (overflow) {
        return ULONG_MAX;
    }
    return negative ? -value : value;
}

} // extern "C"
