// SPDX-License-Identifier: Apache-2.0
#include "net/stack/random.h"

namespace vireo::net {

namespace {

struct State {
    u64 v[4];

    void round() {
        v[0] += v[1];
        v[1] = std::rotl(v[1], 13) ^ v[0];
        v[0] = std::rotl(v[0], 32);
        v[2] += v[3];
        v[3] = std::rotl(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = std::rotl(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = std::rotl(v[1], 17) ^ v[2];
        v[2] = std::rotl(v[2], 32);
    }
    void absorb(u64 word) {
        v[3] ^= word;
        round();
        round();
        v[0] ^= word;
    }
};

} // namespace

// SipHash-2-4 of the eight bytes of `value`.
u64 Random::hash(u64 value) const {
    State state{{key_[0] ^ 0x736f6d6570736575, key_[1] ^ 0x646f72616e646f6d, key_[0] ^ 0x6c7967656e657261,
                 key_[1] ^ 0x7465646279746573}};
    state.absorb(value);
    state.absorb(u64{8} << 56);
    state.v[2] ^= 0xff;
    for (int i = 0; i < 4; ++i)
        state.round();
    return state.v[0] ^ state.v[1] ^ state.v[2] ^ state.v[3];
}

void Random::stir(Bytes bytes) {
    while (!bytes.empty()) {
        u64 word = 0;
        usize count = std::min<usize>(bytes.size(), sizeof(word));
        std::memcpy(&word, bytes.data(), count);
        bytes = bytes.subspan(count);
        u64 low = hash(word);
        u64 high = hash(~word);
        key_[0] ^= low;
        key_[1] += high;
    }
}

u32 Random::next() { return static_cast<u32>(hash(counter_++)); }

} // namespace vireo::net
