// SPDX-License-Identifier: Apache-2.0
// Queue on a split ring whose other end does what the input says: gives chains back rightly or wrongly, moves
// flags and indices, overwrites any byte of the shared memory.
// Input: exponent of the size (1 byte), options (ring_driver.h), then steps until it ends.
#include "fuzz/ring_driver.h"

namespace vireo::fuzz {
namespace {

// The device's end, by the offsets of section 2.7.
class SplitEnd {
  public:
    SplitEnd(virtio::RingAddresses at, const virtio::RingOptions& ring)
        : size_(ring.size), event_index_(ring.event_index), in_order_(ring.in_order),
          descriptors_(ring_memory(at.descriptors, 16u * size_)),
          driver_(ring_memory(at.driver, 6 + 2u * size_)), device_(ring_memory(at.device, 6 + 8u * size_)) {}

    // Gives the next available chain back, as a device should; false if there is none.
    bool use_one(u32 bytes) {
        if (taken_ == available_index())
            return false;
        put_used(used_, available(taken_++), bytes);
        set_used_index(++used_);
        return true;
    }
    // In order one entry may stand for all up to it (2.7.9). How many there were.
    unsigned use_batch() {
        auto chains = static_cast<u16>(available_index() - taken_);
        if (!in_order_ || chains == 0 || chains > size_)
            return 0;
        taken_ = static_cast<u16>(taken_ + chains);
        put_used(used_, available(static_cast<u16>(taken_ - 1)), 0);
        set_used_index(used_ = static_cast<u16>(used_ + chains));
        return chains;
    }
    // Whether the device asked to be told of what became available since the last call (2.7.10).
    bool kick_is_due() {
        u16 before = std::exchange(looked_, available_index());
        auto fresh = static_cast<u16>(looked_ - before);
        u16 event = load<u16>(device_, 4 + 8u * size_);
        if (event_index_)
            return static_cast<u16>(looked_ - event - 1) < fresh;
        return fresh != 0 && (load<u16>(device_, 0) & 1) == 0;
    }
    void suppress(FuzzedData& input) {
        usize place = input.flag() ? 4 + 8u * size_ : 0;
        store<u16>(device_, place, input.number<u16>());
    }
    void misbehave(FuzzedData& input) {
        switch (input.below(4)) {
        case 0:
            use_one(input.number<u32>());
            break;
        case 1:
            put_used(input.byte(), input.byte(), input.byte());
            set_used_index(input.byte());
            break;
        case 2:
            put_used(input.number<u16>(), input.number<u32>(), input.number<u32>());
            set_used_index(input.number<u16>());
            break;
        default:
            MutableBytes areas[] = {descriptors_, driver_, device_};
            MutableBytes area = areas[input.below(3)];
            area[input.below(static_cast<u32>(area.size()))] = static_cast<std::byte>(input.byte());
        }
    }

  private:
    u16 available_index() const { return load<u16>(driver_, 2); }
    u16 available(u16 index) const { return load<u16>(driver_, 4 + 2u * (index % size_)); }
    void set_used_index(u16 index) { store<u16>(device_, 2, index); }
    void put_used(u16 slot, u32 id, u32 bytes) {
        store<u32>(device_, 4 + 8u * (slot % size_), id);
        store<u32>(device_, 8 + 8u * (slot % size_), bytes);
    }

    u16 size_;
    bool event_index_;
    bool in_order_;
    MutableBytes descriptors_;
    MutableBytes driver_;
    MutableBytes device_;
    u16 taken_ = 0;
    u16 used_ = 0;
    u16 looked_ = 0;
};

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    auto options = fuzz::fuzzed_options(input, static_cast<u16>(1u << input.below(7)));
    options.ring.contiguous = options.clamp_lengths; // both are the legacy interface's
    fuzz::RingTarget<fuzz::SplitEnd>(input, options).run();
    return 0;
}
