// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::virtio {

// A set of feature bits (section 2.2), wide enough for every bit that VirtIO 1.4 defines (up to 70)
// and reserves below 128.
class FeatureSet {
    // Before its users: they are needed at compile time while this class is still being read.
    constexpr FeatureSet combine(const FeatureSet& other, auto operation) const {
        FeatureSet result;
        for (unsigned i = 0; i < word_count; ++i)
            result.words_[i] = operation(words_[i], other.words_[i]);
        return result;
    }

  public:
    static constexpr unsigned bit_count = 128;
    static constexpr unsigned word_count = bit_count / 32;

    constexpr FeatureSet() = default;
    // The set with exactly these bit numbers, each below 128.
    static constexpr FeatureSet of(std::initializer_list<unsigned> bits) {
        FeatureSet set;
        for (unsigned bit : bits)
            set.add(bit);
        return set;
    }
    // The bits [first, last].
    static constexpr FeatureSet range(unsigned first, unsigned last) {
        FeatureSet set;
        for (unsigned bit = first; bit <= last; ++bit)
            set.add(bit);
        return set;
    }

    constexpr bool has(unsigned bit) const { return (words_[bit / 32] >> (bit % 32)) & 1; }
    constexpr bool has_all(const FeatureSet& other) const { return (other & *this) == other; }
    constexpr bool is_empty() const { return *this == FeatureSet{}; }
    constexpr void add(unsigned bit) { words_[bit / 32] |= u32{1} << (bit % 32); }
    constexpr void remove(unsigned bit) { words_[bit / 32] &= ~(u32{1} << (bit % 32)); }

    // The 32 bits that a transport's feature selector `index` (0 to 3) shows.
    constexpr u32 word(unsigned index) const { return words_[index]; }
    constexpr void set_word(unsigned index, u32 value) { words_[index] = value; }

    constexpr FeatureSet operator&(const FeatureSet& other) const {
        return combine(other, [](u32 a, u32 b) { return a & b; });
    }
    constexpr FeatureSet operator|(const FeatureSet& other) const {
        return combine(other, [](u32 a, u32 b) { return a | b; });
    }
    constexpr FeatureSet without(const FeatureSet& other) const {
        return combine(other, [](u32 a, u32 b) { return a & ~b; });
    }
    constexpr bool operator==(const FeatureSet&) const = default;

  private:
    std::array<u32, word_count> words_{};
};

static_assert(FeatureSet::of({32}).word(1) == 1 && FeatureSet::of({70}).word(2) == 64);

} // namespace vireo::virtio
