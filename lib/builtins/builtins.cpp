// SPDX-License-Identifier: Apache-2.0
// What Clang calls instead of emitting code: 64-bit division and shifts on the 32-bit boards, and the
// names the Arm run-time ABI (RTABI 4.3) gives to these and to the memory functions. The 64-bit
// boards need none of it.
#include <stddef.h>
#include <stdint.h>

// The hosted unit tests compile this file with a prefix, beside the system's own functions.
#ifndef VIREO_BUILTIN_NAME
#define VIREO_BUILTIN_NAME(name) name
#define VIREO_BUILTIN_WANTED (__SIZEOF_POINTER__ == 4)
#else
#define VIREO_BUILTIN_WANTED 1
#endif

#if VIREO_BUILTIN_WANTED

namespace {

struct Halves {
    uint32_t low;
    uint32_t high;
};

Halves split(uint64_t value) { return {static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)}; }

uint64_t join(Halves halves) {
    // Written through memory, not as a shift: at -O0 a 64-bit shift could become a call of the
    // functions below.
    return __builtin_bit_cast(uint64_t, halves);
}

struct Quotient32 {
    uint32_t quotient;
    uint32_t remainder;
};

// (high:low) / divisor, for high < divisor, so that the quotient fits: schoolbook division in digits
// of 16 bits. The divisor is first scaled until its top bit is set, which keeps each digit's
// estimate at most 2 too large.
Quotient32 divide_two_words(uint32_t high, uint32_t low, uint32_t divisor) {
    const unsigned scale = static_cast<unsigned>(__builtin_clz(divisor));
    if (scale != 0) {
        divisor <<= scale;
        high = (high << scale) | (low >> (32 - scale));
        low <<= scale;
    }
    const uint32_t top = divisor >> 16;
    const uint32_t bottom = divisor & 0xffff;
    uint32_t rest = high;
    uint32_t digits[2];
    const uint32_t next_digit[2] = {low >> 16, low & 0xffff};
    for (int i = 0; i < 2; ++i) {
        uint32_t digit = rest / top;
        uint32_t left = rest % top;
        // Too large by one as long as digit * bottom exceeds what is left; `left` past 16 bits
        // ends the doubt.
        while (digit > 0xffff || digit * bottom > ((left << 16) | next_digit[i])) {
            --digit;
            left += top;
            if (left > 0xffff) {
                break;
            }
        }
        rest = ((rest << 16) | next_digit[i]) - digit * divisor; // wraps to the true, small difference
        digits[i] = digit;
    }
    return {(digits[0] << 16) | digits[1], rest >> scale};
}

struct Quotient64 {
    uint64_t quotient;
    uint64_t remainder;
};

Quotient64 divide(uint64_t dividend, uint64_t divisor) {
    const Halves n = split(dividend);
    const Halves d = split(divisor);
    if (d.high == 0) {
        if (d.low == 0) {
            __builtin_trap(); // our own bug; x86's divide would fault as well
        }
        const uint32_t high = n.high / d.low;
        const Quotient32 lower = divide_two_words(n.high % d.low, n.low, d.low);
        return {join({lower.quotient, high}), lower.remainder};
    }
    // The quotient has fewer than 32 bits, and divisors this large are rare: one bit at a time.
    if (dividend < divisor) {
        return {0, dividend};
    }
    int bit = __builtin_clz(d.high) - __builtin_clz(n.high);
    Halves shifted = d;
    for (int i = 0; i < bit; ++i) {
        shifted.high = (shifted.high << 1) | (shifted.low >> 31);
        shifted.low <<= 1;
    }
    uint32_t quotient = 0;
    for (; bit >= 0; --bit) {
        quotient <<= 1;
        if (dividend >= join(shifted)) {
            dividend -= join(shifted);
            quotient |= 1;
        }
        shifted.low = (shifted.low >> 1) | (shifted.high << 31);
        shifted.high >>= 1;
    }
    return {quotient, dividend};
}

uint64_t magnitude(int64_t value) {
    return value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

int64_t with_sign(uint64_t value, bool negative) {
    return static_cast<int64_t>(negative ? uint64_t{0} - value : value);
}

} // namespace

extern "C" {

[[gnu::used]] uint64_t VIREO_BUILTIN_NAME(__udivmoddi4)(uint64_t n, uint64_t d, uint64_t* remainder) {
    const Quotient64 result = divide(n, d);
    if (remainder != nullptr) {
        *remainder = result.remainder;
    }
    return result.quotient;
}

[[gnu::used]] uint64_t VIREO_BUILTIN_NAME(__udivdi3)(uint64_t n, uint64_t d) { return divide(n, d).quotient; }

[[gnu::used]] uint64_t VIREO_BUILTIN_NAME(__umoddi3)(uint64_t n, uint64_t d) {
    return divide(n, d).remainder;
}

// C truncates towards zero: the quotient is negative where the signs differ, the remainder has
// the dividend's sign.
[[gnu::used]] int64_t VIREO_BUILTIN_NAME(__divmoddi4)(int64_t n, int64_t d, int64_t* remainder) {
    const Quotient64 result = divide(magnitude(n), magnitude(d));
    if (remainder != nullptr) {
        *remainder = with_sign(result.remainder, n < 0);
    }
    return with_sign(result.quotient, (n < 0) != (d < 0));
}

[[gnu::used]] int64_t VIREO_BUILTIN_NAME(__divdi3)(int64_t n, int64_t d) {
    return VIREO_BUILTIN_NAME(__divmoddi4)(n, d, nullptr);
}

[[gnu::used]] int64_t VIREO_BUILTIN_NAME(__moddi3)(int64_t n, int64_t d) {
    int64_t remainder;
    VIREO_BUILTIN_NAME(__divmoddi4)(n, d, &remainder);
    return remainder;
}

[[gnu::used]] uint64_t VIREO_BUILTIN_NAME(__ashldi3)(uint64_t value, int count) {
    const Halves v = split(value);
    if (count == 0) {
        return value;
    }
    if (count >= 32) {
        return join({0, v.low << (count - 32)});
    }
    return join({v.low << count, (v.high << count) | (v.low >> (32 - count))});
}

[[gnu::used]] uint64_t VIREO_BUILTIN_NAME(__lshrdi3)(uint64_t value, int count) {
    const Halves v = split(value);
    if (count == 0) {
        return value;
    }
    if (count >= 32) {
        return join({v.high >> (count - 32), 0});
    }
    return join({(v.low >> count) | (v.high << (32 - count)), v.high >> count});
}

[[gnu::used]] int64_t VIREO_BUILTIN_NAME(__ashrdi3)(int64_t value, int count) {
    const Halves v = split(static_cast<uint64_t>(value));
    const auto high = static_cast<int32_t>(v.high);
    if (count == 0) {
        return value;
    }
    if (count >= 32) {
        return static_cast<int64_t>(
            join({static_cast<uint32_t>(high >> (count - 32)), static_cast<uint32_t>(high >> 31)}));
    }
    return static_cast<int64_t>(
        join({(v.low >> count) | (v.high << (32 - count)), static_cast<uint32_t>(high >> count)}));
}

[[gnu::used]] int64_t VIREO_BUILTIN_NAME(__muldi3)(int64_t left, int64_t right) {
    const Halves l = split(static_cast<uint64_t>(left));
    const Halves r = split(static_cast<uint64_t>(right));
    // The low halves' 64-bit product is one instruction on these machines; only its upper word
    // meets the cross terms.
    const Halves low = split(uint64_t{l.low} * r.low);
    return static_cast<int64_t>(join({low.low, low.high + l.low * r.high + l.high * r.low}));
}

#if defined(__arm__)

// RTABI 4.3.1: quotient in r0:r1, remainder in r2:r3, which no C++ return value can say.
[[gnu::used, gnu::naked]] void __aeabi_uldivmod() {
    asm("push {r4, lr}\n"
        "sub sp, sp, #16\n"
        "add r4, sp, #8\n"
        "str r4, [sp]\n"
        "bl __udivmoddi4\n"
        "ldrd r2, r3, [sp, #8]\n"
        "add sp, sp, #16\n"
        "pop {r4, pc}");
}

[[gnu::used, gnu::naked]] void __aeabi_ldivmod() {
    asm("push {r4, lr}\n"
        "sub sp, sp, #16\n"
        "add r4, sp, #8\n"
        "str r4, [sp]\n"
        "bl __divmoddi4\n"
        "ldrd r2, r3, [sp, #8]\n"
        "add sp, sp, #16\n"
        "pop {r4, pc}");
}

uint64_t __aeabi_llsl(uint64_t, int) __attribute__((alias("__ashldi3"), used));
uint64_t __aeabi_llsr(uint64_t, int) __attribute__((alias("__lshrdi3"), used));
int64_t __aeabi_lasr(int64_t, int) __attribute__((alias("__ashrdi3"), used));
int64_t __aeabi_lmul(int64_t, int64_t) __attribute__((alias("__muldi3"), used));

// RTABI 4.3.4. The 4 and 8 forms promise alignment, which the plain functions find out for themselves.
void* memcpy(void* __restrict to, const void* __restrict from, size_t bytes);
void* memmove(void* to, const void* from, size_t bytes);
void* memset(void* to, int value, size_t bytes);

#define VIREO_AEABI_MEMORY(suffix)                                                                           \
    [[gnu::used]] void __aeabi_memcpy##suffix(void* to, const void* from, size_t bytes) {                    \
        memcpy(to, from, bytes);                                                                             \
    }                                                                                                        \
    [[gnu::used]] void __aeabi_memmove##suffix(void* to, const void* from, size_t bytes) {                   \
        memmove(to, from, bytes);                                                                            \
    }                                                                                                        \
    [[gnu::used]] void __aeabi_memset##suffix(void* to, size_t bytes, int value) {                           \
        memset(to, value, bytes);                                                                            \
    }                                                                                                        \
    [[gnu::used]] void __aeabi_memclr##suffix(void* to, size_t bytes) { memset(to, 0, bytes); }
VIREO_AEABI_MEMORY()
VIREO_AEABI_MEMORY(4)
VIREO_AEABI_MEMORY(8)
#undef VIREO_AEABI_MEMORY

#endif

} // extern "C"

#endif
