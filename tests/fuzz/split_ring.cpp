// SPDX-License-Identifier: Apache-2.0
// Queue on a split ring whose other end does what the input says: gives chains back rightly or wrongly, moves flags and
// indices, overwrites any byte of the shared memory.
// Input: size (1 byte), options (ring_driver.h), then steps until it ends.
#include "fuzz/ring_driver.h"

namespace vireo::fuzz {
namespace {

// The device's end, by the offsets of section 2.7.
class SplitEnd {
  public:
    SplitEnd(virtio::RingAddresses at, u16 size)
        : size_(size), descriptors_(reach(at.descriptors, 16u * size)),
          driver_(reach(at.driver, 6 + 2u * size)), device_(reach(at.device, 6 + 8u * size)) {}

    u16 available_index() const { return load<u16>(driver_, 2); }
    u16 flags() const { return load<u16>(device_, 0); }
    u16 available_event() const { return load<u16>(device_, 4 + 8u * size_); }
    void set_flags(u16 flags) { store<u16>(device_, 0, flags); }
    void set_available_event(u16 index) { store<u16>(device_, 4 + 8u * size_, index); }
    void set_used_index(u16 index) { store<u16>(device_, 2, index); }
    void put_used(u16 slot, u32 id, u32 bytes) {
        store<u32>(device_, 4 + 8u * (slot % size_), id);
        store<u32>(device_, 8 + 8u * (slot % size_), bytes);
    }
    // Gives the next available chain back, as a device should; false if there is none.
    bool use_one(u32 bytes) {
        if (taken_ == available_index())
            return false;
        put_used(used_, load<u16>(driver_, 4 + 2u * (taken_++ % size_)), bytes);
        set_used_index(++used_);
        return true;
    }
    void scribble(FuzzedData& input) {
        MutableBytes areas[] = {descriptors_, driver_, device_};
        MutableBytes area = areas[input.below(3)];
        area[input.below(static_cast<u32>(area.size()))] = static_cast<std::byte>(input.byte());
    }

  private:
    static MutableBytes reach(dma::BusAddress at, u32 bytes) {
        using Use = hosted::DmaArena::Use;
        return {hosted::DmaArena::instance().reach(at.value, bytes, Use::Write, "device"), bytes};
    }
    template <typename T> static T load(MutableBytes area, usize offset) {
        T value;
        std::memcpy(&value, area.data() + offset, sizeof(T));
        return value;
    }
    template <typename T> static void store(MutableBytes area, usize offset, T value) {
        std::memcpy(area.data() + offset, &value, sizeof(T));
    }

    u16 size_;
    MutableBytes descriptors_;
    MutableBytes driver_;
    MutableBytes device_;
    u16 taken_ = 0;
    u16 used_ = 0;
};

class SplitTarget {
  public:
    SplitTarget(FuzzedData& input, const virtio::QueueOptions& options)
        : input_(input), options_(options), driver_(options),
          device_(driver_.queue.addresses(), options.ring.size) {}

    void run() {
        while (!input_.is_empty())
            step();
        // What a rightful device has got, it can give back to the end.
        if (!is_honest_)
            return;
        publish();
        while (device_.use_one(0))
            require(driver_.harvest().has_value(), "what was used rightly comes back");
        require(driver_.in_flight() == 0, "everything comes back");
    }

  private:
    void step() {
        switch (input_.below(12)) {
        case 0:
        case 1:
            (void)driver_.submit(input_);
            break;
        case 2:
            publish();
            break;
        case 3:
        case 4:
            if (device_.use_one(0) && is_honest_)
                require(driver_.harvest().has_value(), "what was used rightly comes back");
            break;
        case 5:
            if (!driver_.harvest())
                require(!is_honest_ || !driver_.queue.fault(), "a rightful device breaks nothing");
            break;
        case 6:
            device_.set_flags(input_.number<u16>());
            break;
        case 7:
            device_.set_available_event(input_.number<u16>());
            break;
        default:
            is_honest_ = false;
            misbehave();
        }
    }
    void misbehave() {
        switch (input_.below(4)) {
        case 0:
            device_.use_one(input_.number<u32>());
            break;
        case 1:
            device_.put_used(input_.byte(), input_.byte(), input_.byte());
            device_.set_used_index(input_.byte());
            break;
        case 2:
            device_.put_used(input_.number<u16>(), input_.number<u32>(), input_.number<u32>());
            device_.set_used_index(input_.number<u16>());
            break;
        default:
            device_.scribble(input_);
        }
    }
    // Section 2.7.10: by the words in memory, not by what the driver remembers.
    void publish() {
        driver_.publish();
        u16 now = device_.available_index();
        bool due = options_.ring.event_index ? static_cast<u16>(now - device_.available_event() - 1) <
                                                   static_cast<u16>(now - looked_)
                                             : (device_.flags() & 1) == 0;
        bool kick = driver_.queue.needs_kick();
        if (is_honest_)
            require(kick == (due && now != looked_), "a device is told when it wants to be");
        looked_ = now;
    }

    FuzzedData& input_;
    virtio::QueueOptions options_;
    RingDriver driver_;
    SplitEnd device_;
    bool is_honest_ = true;
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
    fuzz::SplitTarget(input, options).run();
    return 0;
}
