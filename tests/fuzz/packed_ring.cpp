// SPDX-License-Identifier: Apache-2.0
// Queue on a packed ring whose other end does what the input says: gives chains back rightly or wrongly,
// moves the suppression words, overwrites any byte of the shared memory.
// Input: size less 1 (1 byte), options (ring_driver.h), then steps until it ends.
#include "fuzz/ring_driver.h"

#include <deque>

namespace vireo::fuzz {
namespace {

// The device's end, by the offsets and flags of section 2.8.
class PackedEnd {
  public:
    PackedEnd(virtio::RingAddresses at, const virtio::RingOptions& ring)
        : size_(ring.size), event_index_(ring.event_index), in_order_(ring.in_order),
          ring_(ring_memory(at.descriptors, 16u * size_)), driver_(ring_memory(at.driver, 4)),
          device_(ring_memory(at.device, 4)) {}

    // Gives the oldest chain that it has back, as a device should; false if there is none.
    bool use_one(u32 bytes) {
        take_all();
        if (taken_.empty())
            return false;
        Chain chain = taken_.front();
        taken_.pop_front();
        put_used(chain.id, bytes, chain.descriptors);
        return true;
    }
    // In order one descriptor may stand for all up to it (2.8.8). How many there were.
    unsigned use_batch() {
        take_all();
        if (!in_order_ || taken_.empty())
            return 0;
        unsigned descriptors = 0;
        for (const Chain& chain : taken_)
            descriptors += chain.descriptors;
        put_used(taken_.back().id, 0, descriptors);
        return static_cast<unsigned>(std::exchange(taken_, {}).size());
    }
    // Whether the device asked to be told of what became available since the last call (2.8.10).
    bool kick_is_due() {
        u16 event = load<u16>(device_, 0);
        u16 flags = load<u16>(device_, 2) & 3;
        bool is_passed = false;
        bool is_fresh = false;
        for (unsigned i = 0; i < size_ && is_available(looked_); ++i) {
            is_passed |= looked_.offset == (event & 0x7fff) && looked_.wrap == (event >> 15 != 0);
            is_fresh = true;
            advance(looked_, 1);
        }
        // Not defined: the event without EVENT_IDX, and a place outside the ring. Then once
        // too often is right.
        if (flags == 2 && event_index_ && (event & 0x7fff) < size_)
            return is_passed;
        return is_fresh && flags != 1;
    }
    void suppress(FuzzedData& input) {
        store<u16>(device_, 0, input.number<u16>());
        store<u16>(device_, 2, input.byte());
    }
    void misbehave(FuzzedData& input) {
        switch (input.below(4)) {
        case 0:
            use_one(input.number<u32>());
            break;
        case 1:
            put_used(input.byte(), input.byte(), input.byte() % (size_ + 1u));
            break;
        case 2: {
            Position at{static_cast<u16>(input.below(size_)), input.flag()};
            write_used(at, input.number<u16>(), input.number<u32>());
            break;
        }
        default:
            MutableBytes areas[] = {ring_, driver_, device_};
            MutableBytes area = areas[input.below(3)];
            area[input.below(static_cast<u32>(area.size()))] = static_cast<std::byte>(input.byte());
        }
    }

  private:
    static constexpr u16 flag_next = 1;
    static constexpr u16 flag_write = 2;
    static constexpr u16 flag_available = 1 << 7;
    static constexpr u16 flag_used = 1 << 15;

    struct Position {
        u16 offset = 0;
        bool wrap = true;
    };
    struct Chain {
        u16 id;
        unsigned descriptors;
    };
    void advance(Position& position, unsigned descriptors) const {
        unsigned offset = position.offset + descriptors;
        position.wrap ^= offset >= size_;
        position.offset = static_cast<u16>(offset % size_);
    }
    u16 flags(Position at) const { return load<u16>(ring_, 16u * at.offset + 14); }
    bool is_available(Position at) const {
        return ((flags(at) & flag_available) != 0) == at.wrap && ((flags(at) & flag_used) != 0) != at.wrap;
    }
    void take_all() {
        while (is_available(next_)) {
            Chain chain{0, 0};
            bool goes_on = true;
            while (goes_on && chain.descriptors < size_) {
                goes_on = flags(next_) & flag_next;
                chain.id = load<u16>(ring_, 16u * next_.offset + 12);
                ++chain.descriptors;
                advance(next_, 1);
            }
            taken_.push_back(chain);
            if (taken_.size() > size_) // only in a ring that was overwritten
                return;
        }
    }
    void write_used(Position at, u16 id, u32 bytes) {
        store<u32>(ring_, 16u * at.offset + 8, bytes);
        store<u16>(ring_, 16u * at.offset + 12, id);
        u16 wrap = at.wrap ? flag_available | flag_used : 0;
        store<u16>(ring_, 16u * at.offset + 14, static_cast<u16>(wrap | (bytes != 0 ? flag_write : 0)));
    }
    void put_used(u16 id, u32 bytes, unsigned descriptors) {
        write_used(used_, id, bytes);
        advance(used_, descriptors);
    }

    u16 size_;
    bool event_index_;
    bool in_order_;
    MutableBytes ring_;
    MutableBytes driver_;
    MutableBytes device_;
    Position next_;
    Position used_;
    Position looked_;
    std::deque<Chain> taken_;
};

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    auto options = fuzz::fuzzed_options(input, static_cast<u16>(1 + input.below(64)));
    options.ring.packed = true;
    options.clamp_lengths = false; // the legacy interface has no packed ring
    fuzz::RingTarget<fuzz::PackedEnd>(input, options).run();
    return 0;
}
