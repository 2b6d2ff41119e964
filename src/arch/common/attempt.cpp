// SPDX-License-Identifier: Apache-2.0
#include "arch/common/attempt.h"

#include "arch/common/image.h"

// arch/<isa>/attempt.S. `kind` is the logarithm of the width, plus 4 to store.
extern "C" {
#pragma GCC visibility push(hidden)
bool vireo_attempt(vireo::uptr address, vireo::uptr* value, vireo::usize kind);
extern char vireo_attempt_failed[]; // just behind all that may fail
#pragma GCC visibility pop
}

namespace vireo::arch {

namespace {

constexpr usize store = 4;

bool attempt(uptr address, usize width, u64& value, usize direction) {
    if constexpr (sizeof(uptr) < 8) {
        if (width == 8) {
            u64 low = value;
            u64 high = value >> 32;
            if (!attempt(address, 4, low, direction) || !attempt(address + 4, 4, high, direction))
                return false;
            value = high << 32 | low;
            return true;
        }
    }
    uptr word = static_cast<uptr>(value);
    bool done = vireo_attempt(address, &word, static_cast<usize>(std::countr_zero(width)) | direction);
    value = word;
    return done;
}

} // namespace

bool try_load(uptr address, usize width, u64& value) { return attempt(address, width, value, 0); }
bool try_store(uptr address, usize width, u64 value) { return attempt(address, width, value, store); }

bool is_attempt(uptr program_counter) {
    return program_counter >= reinterpret_cast<uptr>(&vireo_attempt) &&
           program_counter < image_address(vireo_attempt_failed);
}

uptr attempt_failed() { return image_address(vireo_attempt_failed); }

} // namespace vireo::arch
