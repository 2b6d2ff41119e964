// SPDX-License-Identifier: Apache-2.0
// The memory functions. Under an emulator each guest instruction costs the same, so what counts is bytes per
// instruction: aligned words, eight to a loop. Every word access is aligned, whatever the pointers: some of
// this runs before the MMU is on, where arm and arm64 fault on anything else. x86 has no such rule.
#include <stddef.h>
#include <stdint.h>

// The hosted unit tests compile this file with a prefix, beside the system's own functions.
#ifndef VIREO_LIBC_NAME
#define VIREO_LIBC_NAME(name) name
#endif

#ifndef VIREO_LIBC_ANY_ALIGNMENT
#if defined(__i386__) || defined(__x86_64__)
#define VIREO_LIBC_ANY_ALIGNMENT 1
#else
#define VIREO_LIBC_ANY_ALIGNMENT 0
#endif
#endif

namespace {

using Byte = unsigned char;
using Word [[gnu::may_alias]] = uintptr_t;
struct [[gnu::may_alias, gnu::packed]] AnyWord { // one at any address
    uintptr_t word;
    operator Word() const { return word; }
};

constexpr size_t word_bytes = sizeof(Word);
constexpr size_t unroll = 8;
constexpr size_t block_bytes = word_bytes * unroll;
// Below this, setting up the word loops costs more than it saves.
constexpr size_t short_bytes = 2 * word_bytes;

constexpr bool little_endian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
static_assert(little_endian, "the shifted copy puts words together in little-endian order");

size_t misalignment(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % word_bytes; }

Byte* copy_bytes_up(Byte* to, const Byte* from, size_t bytes) {
    while (bytes-- != 0) {
        *to++ = *from++;
    }
    return to;
}

void copy_bytes_down(Byte* to_end, const Byte* from_end, size_t bytes) {
    while (bytes-- != 0) {
        *--to_end = *--from_end;
    }
}

template <typename Source> [[gnu::always_inline]] inline void copy_block(Word* to, const Source* from) {
    const Word a = from[0], b = from[1], c = from[2], d = from[3];
    const Word e = from[4], f = from[5], g = from[6], h = from[7];
    to[0] = a;
    to[1] = b;
    to[2] = c;
    to[3] = d;
    to[4] = e;
    to[5] = f;
    to[6] = g;
    to[7] = h;
}

// Both pointers as aligned as their types say. Loads of a block come before its stores, so it also serves a
// destination that lies lower. Two blocks a turn: the firmware's own way to the top of RAM takes this.
template <typename Source> void copy_words_up(Word* to, const Source* from, size_t words) {
    for (; words >= 2 * unroll; words -= 2 * unroll, to += 2 * unroll, from += 2 * unroll) {
        copy_block(to, from);
        copy_block(to + unroll, from + unroll);
    }
    if (words >= unroll) {
        copy_block(to, from);
        words -= unroll;
        to += unroll;
        from += unroll;
    }
    while (words-- != 0) {
        *to++ = *from++;
    }
}

void copy_words_down(Word* to_end, const Word* from_end, size_t words) {
    for (; words >= unroll; words -= unroll) {
        to_end -= unroll;
        from_end -= unroll;
        const Word a = from_end[0], b = from_end[1], c = from_end[2], d = from_end[3];
        const Word e = from_end[4], f = from_end[5], g = from_end[6], h = from_end[7];
        to_end[7] = h;
        to_end[6] = g;
        to_end[5] = f;
        to_end[4] = e;
        to_end[3] = d;
        to_end[2] = c;
        to_end[1] = b;
        to_end[0] = a;
    }
    while (words-- != 0) {
        *--to_end = *--from_end;
    }
}

// The destination aligned, the source `skew` bytes past a word boundary (not 0): each store joins two aligned
// loads. A load may reach up to a word's end around the source, never into a word without a source byte, so
// it stays in the pages that the source is in; AddressSanitizer cannot know that.
[[clang::no_sanitize("address")]] void copy_words_up_skewed(Word* to, const Byte* from, size_t words,
                                                            size_t skew) {
    const size_t low_bits = skew * 8;
    const size_t high_bits = (word_bytes - skew) * 8;
    const Word* source = reinterpret_cast<const Word*>(from - skew);
    Word current = *source++;
    for (; words >= unroll; words -= unroll, to += unroll, source += unroll) {
        const Word a = source[0], b = source[1], c = source[2], d = source[3];
        const Word e = source[4], f = source[5], g = source[6], h = source[7];
        to[0] = (current >> low_bits) | (a << high_bits);
        to[1] = (a >> low_bits) | (b << high_bits);
        to[2] = (b >> low_bits) | (c << high_bits);
        to[3] = (c >> low_bits) | (d << high_bits);
        to[4] = (d >> low_bits) | (e << high_bits);
        to[5] = (e >> low_bits) | (f << high_bits);
        to[6] = (f >> low_bits) | (g << high_bits);
        to[7] = (g >> low_bits) | (h << high_bits);
        current = h;
    }
    while (words-- != 0) {
        const Word next = *source++;
        *to++ = (current >> low_bits) | (next << high_bits);
        current = next;
    }
}

[[clang::no_sanitize("address")]] void copy_words_down_skewed(Word* to_end, const Byte* from_end,
                                                              size_t words, size_t skew) {
    const size_t low_bits = skew * 8;
    const size_t high_bits = (word_bytes - skew) * 8;
    const Word* source = reinterpret_cast<const Word*>(from_end - skew);
    Word current = *source;
    while (words-- != 0) {
        const Word next = *--source;
        *--to_end = (next >> low_bits) | (current << high_bits);
        current = next;
    }
}

void copy_up(Byte* to, const Byte* from, size_t bytes) {
    if (bytes >= short_bytes) {
        const size_t head = (word_bytes - misalignment(to)) % word_bytes;
        to = copy_bytes_up(to, from, head);
        from += head;
        bytes -= head;
        const size_t words = bytes / word_bytes;
        if (VIREO_LIBC_ANY_ALIGNMENT) {
            copy_words_up(reinterpret_cast<Word*>(to), reinterpret_cast<const AnyWord*>(from), words);
        } else if (const size_t skew = misalignment(from); skew == 0) {
            copy_words_up(reinterpret_cast<Word*>(to), reinterpret_cast<const Word*>(from), words);
        } else {
            copy_words_up_skewed(reinterpret_cast<Word*>(to), from, words, skew);
        }
        to += words * word_bytes;
        from += words * word_bytes;
        bytes %= word_bytes;
    }
    copy_bytes_up(to, from, bytes);
}

void copy_down(Byte* to_end, const Byte* from_end, size_t bytes) {
    if (bytes >= short_bytes) {
        const size_t tail = misalignment(to_end);
        copy_bytes_down(to_end, from_end, tail);
        to_end -= tail;
        from_end -= tail;
        bytes -= tail;
        const size_t words = bytes / word_bytes;
        if (const size_t skew = misalignment(from_end); skew == 0) {
            copy_words_down(reinterpret_cast<Word*>(to_end), reinterpret_cast<const Word*>(from_end), words);
        } else {
            copy_words_down_skewed(reinterpret_cast<Word*>(to_end), from_end, words, skew);
        }
        to_end -= words * word_bytes;
        from_end -= words * word_bytes;
        bytes %= word_bytes;
    }
    copy_bytes_down(to_end, from_end, bytes);
}

} // namespace

extern "C" {

[[gnu::used, gnu::hot]] void* VIREO_LIBC_NAME(memcpy)(void* __restrict to, const void* __restrict from,
                                                      size_t bytes) {
    copy_up(static_cast<Byte*>(to), static_cast<const Byte*>(from), bytes);
    return to;
}

[[gnu::used, gnu::hot]] void* VIREO_LIBC_NAME(memmove)(void* to, const void* from, size_t bytes) {
    const auto target = static_cast<Byte*>(to);
    const auto source = static_cast<const Byte*>(from);
    // The difference wraps: it is below `bytes` only where the destination starts inside the source.
    if (reinterpret_cast<uintptr_t>(target) - reinterpret_cast<uintptr_t>(source) >= bytes) {
        copy_up(target, source, bytes);
    } else {
        copy_down(target + bytes, source + bytes, bytes);
    }
    return to;
}

[[gnu::used, gnu::hot]] void* VIREO_LIBC_NAME(memset)(void* to, int value, size_t bytes) {
    auto target = static_cast<Byte*>(to);
    const auto byte = static_cast<Byte>(value);
    if (bytes >= short_bytes) {
        for (; misalignment(target) != 0; --bytes) {
            *target++ = byte;
        }
        const Word pattern = byte * (~Word{0} / 0xff);
        auto words = reinterpret_cast<Word*>(target);
        for (; bytes >= block_bytes; bytes -= block_bytes, words += unroll) {
            words[0] = pattern;
            words[1] = pattern;
            words[2] = pattern;
            words[3] = pattern;
            words[4] = pattern;
            words[5] = pattern;
            words[6] = pattern;
            words[7] = pattern;
        }
        for (; bytes >= word_bytes; bytes -= word_bytes) {
            *words++ = pattern;
        }
        target = reinterpret_cast<Byte*>(words);
    }
    while (bytes-- != 0) {
        *target++ = byte;
    }
    return to;
}

[[gnu::used, gnu::hot]] int VIREO_LIBC_NAME(memcmp)(const void* left, const void* right, size_t bytes) {
    auto l = static_cast<const Byte*>(left);
    auto r = static_cast<const Byte*>(right);
    if (misalignment(l) == 0 && misalignment(r) == 0) {
        // Whole words while they are equal; the bytes below then find which one differs.
        for (; bytes >= word_bytes; bytes -= word_bytes, l += word_bytes, r += word_bytes) {
            if (*reinterpret_cast<const Word*>(l) != *reinterpret_cast<const Word*>(r)) {
                break;
            }
        }
    }
    for (; bytes != 0; --bytes, ++l, ++r) {
        if (*l != *r) {
            return *l - *r;
        }
    }
    return 0;
}

[[gnu::used, gnu::hot]] void* VIREO_LIBC_NAME(memchr)(const void* start, int value, size_t bytes) {
    auto at = static_cast<const Byte*>(start);
    for (; bytes != 0; --bytes, ++at) {
        if (*at == static_cast<Byte>(value)) {
            return const_cast<Byte*>(at);
        }
    }
    return nullptr;
}

} // extern "C"
