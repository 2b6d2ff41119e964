// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "unit/virtio/ring/fixture.h"

namespace vireo::test {

// Flags of section 2.8.1; the others are those of section 2.7.5.
inline constexpr u16 flag_avail = 0x0080;
inline constexpr u16 flag_used = 0x8000;

// The device's end of a packed virtqueue, as bytes: offsets and values are those of section 2.8, written down
// here once more. It does exactly what a test says, right or wrong.
class PackedEnd : DeviceMemory {
  public:
    static constexpr bool is_packed = true;
    struct Descriptor {
        u64 address;
        u32 bytes;
        u16 id;
        u16 flags;
        bool operator==(const Descriptor&) const = default;
    };
    struct Taken {
        u16 id;
        u16 first; // its first descriptor
        u16 descriptors;
    };

    PackedEnd(virtio::RingAddresses at, u16 size) : at_(at), size_(size) {}

    Descriptor descriptor(u16 offset) const { return descriptor_at(at_.descriptors.value, offset); }
    Descriptor descriptor_at(u64 table, u16 index) const {
        u64 entry = table + 16 * u64{index};
        return {load<u64>(entry), load<u32>(entry + 8), load<u16>(entry + 12), load<u16>(entry + 14)};
    }
    void overwrite(u16 offset, const Descriptor& descriptor) {
        set_id_and_length(offset, descriptor.id, descriptor.bytes);
        store<u64>(at_.descriptors.value + 16 * u64{offset}, descriptor.address);
        store<u16>(at_.descriptors.value + 16 * u64{offset} + 14, descriptor.flags);
    }
    void set_id_and_length(u16 offset, u16 id, u32 bytes) {
        store<u32>(at_.descriptors.value + 16 * u64{offset} + 8, bytes);
        store<u16>(at_.descriptors.value + 16 * u64{offset} + 12, id);
    }
    std::vector<Descriptor> all() const {
        std::vector<Descriptor> descriptors;
        for (u16 i = 0; i < size_; ++i)
            descriptors.push_back(descriptor(i));
        return descriptors;
    }

    // The event suppression structures: offset with the wrap counter as bit 15, then flags.
    u16 driver_event() const { return load<u16>(at_.driver.value); }
    u16 driver_event_flags() const { return load<u16>(at_.driver.value + 2); }
    void set_device_event(u16 offset_and_wrap, u16 flags) {
        store<u16>(at_.device.value, offset_and_wrap);
        store<u16>(at_.device.value + 2, flags);
    }

    // Available: AVAIL is the wrap counter of the lap, USED its inverse.
    bool is_available(u16 offset, bool wrap) const {
        return (descriptor(offset).flags & (flag_avail | flag_used)) == (wrap ? flag_avail : flag_used);
    }
    // The next list, if there is one.
    std::optional<Taken> take() {
        if (!is_available(next_, next_wrap_))
            return std::nullopt;
        Taken taken{0, next_, 0};
        for (bool more = true; more;) {
            EXPECT_TRUE(is_available(next_, next_wrap_)) << "a list is available as a whole";
            EXPECT_LT(taken.descriptors, size_);
            Descriptor now = descriptor(next_);
            more = (now.flags & flag_next) != 0 && taken.descriptors < size_;
            taken.id = now.id;
            ++taken.descriptors;
            step(next_, next_wrap_, 1);
        }
        return taken;
    }
    // A used descriptor where the next one is due. Without flag_write its length means nothing.
    void use(u16 id, u32 bytes, u16 descriptors, u16 flags = flag_write) {
        put_used(used_, id, bytes, static_cast<u16>(flags | (used_wrap_ ? flag_avail | flag_used : 0)));
        step(used_, used_wrap_, descriptors);
    }
    void use(const Taken& taken, u32 bytes) { use(taken.id, bytes, taken.descriptors); }
    void put_used(u16 offset, u16 id, u32 bytes, u16 flags) {
        overwrite(offset, {descriptor(offset).address, bytes, id, flags});
    }

  private:
    void step(u16& offset, bool& wrap, u16 by) const {
        for (; by > 0; --by)
            if (++offset == size_) {
                offset = 0;
                wrap = !wrap;
            }
    }

    virtio::RingAddresses at_;
    u16 size_;
    u16 next_ = 0;
    bool next_wrap_ = true;
    u16 used_ = 0;
    bool used_wrap_ = true;
};

class PackedTest : public QueueTest<PackedEnd> {
  protected:
    // As give_unpublished, published and taken by the device.
    PackedEnd::Taken give(u16 token, u32 bytes = 16) {
        give_unpublished(token, bytes);
        queue.publish();
        auto taken = device->take();
        EXPECT_TRUE(taken);
        return taken.value_or(PackedEnd::Taken{});
    }
    void cycle(u16 token) {
        auto taken = give(token);
        device->use(taken, 16);
        expect_completion(token, 16);
    }
};

} // namespace vireo::test
