// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "unit/support/complaints.h"
#include "virtio/ring/queue.h"

namespace vireo::test {

// Shared memory as the device reaches it.
class DeviceMemory {
  protected:
    using Use = hosted::DmaArena::Use;
    std::byte* reach(u64 bus, u64 bytes, Use use) const {
        return hosted::DmaArena::instance().reach(bus, bytes, use, "ring end");
    }
    template <typename T> T load(u64 bus) const {
        T value;
        std::memcpy(&value, reach(bus, sizeof value, Use::Read), sizeof value);
        return value;
    }
    template <typename T> void store(u64 bus, T value) const {
        std::memcpy(reach(bus, sizeof value, Use::Write), &value, sizeof value);
    }
};

// The device's end of a split virtqueue, as bytes: offsets and values are those of section 2.7, written down
// here once more. It does exactly what a test says, right or wrong.
class RingEnd : DeviceMemory {
  public:
    static constexpr bool is_packed = false;
    struct Descriptor {
        u64 address;
        u32 bytes;
        u16 flags;
        u16 next;
    };

    RingEnd(virtio::RingAddresses at, u16 size) : at_(at), size_(size) {}

    u16 available_flags() const { return load<u16>(at_.driver.value); }
    u16 available_index() const { return load<u16>(at_.driver.value + 2); }
    u16 available(u16 index) const { return load<u16>(at_.driver.value + 4 + 2 * u64{wrap(index)}); }
    u16 used_event() const { return load<u16>(at_.driver.value + 4 + 2 * u64{size_}); }
    Descriptor descriptor(u16 index) const { return descriptor_at(at_.descriptors.value, index); }
    Descriptor descriptor_at(u64 table, u16 index) const {
        u64 entry = table + 16 * u64{index};
        return {load<u64>(entry), load<u32>(entry + 8), load<u16>(entry + 12), load<u16>(entry + 14)};
    }
    void overwrite_descriptor(u16 index, u64 address, u32 bytes, u16 flags, u16 next) {
        u64 entry = at_.descriptors.value + 16 * u64{index};
        store<u64>(entry, address);
        store<u32>(entry + 8, bytes);
        store<u16>(entry + 12, flags);
        store<u16>(entry + 14, next);
    }

    void put_used(u16 index, u32 id, u32 bytes) {
        u64 element = at_.device.value + 4 + 8 * u64{wrap(index)};
        store<u32>(element, id);
        store<u32>(element + 4, bytes);
    }
    void set_used_index(u16 index) { store<u16>(at_.device.value + 2, index); }
    void use(u32 id, u32 bytes) {
        put_used(used_, id, bytes);
        set_used_index(++used_);
    }
    void set_used_flags(u16 flags) { store<u16>(at_.device.value, flags); }
    void set_avail_event(u16 index) { store<u16>(at_.device.value + 4 + 8 * u64{size_}, index); }
    void fill(u64 bus, u32 bytes, u8 value) const {
        std::memset(reach(bus, bytes, hosted::DmaArena::Use::Write), value, bytes);
    }

  private:
    u16 wrap(u16 index) const { return static_cast<u16>(index % size_); }

    virtio::RingAddresses at_;
    u16 size_;
    u16 used_ = 0;
};

// Flags of section 2.7.5.
inline constexpr u16 flag_next = 1;
inline constexpr u16 flag_write = 2;
inline constexpr u16 flag_indirect = 4;

// A queue and the other end of it, which speaks the queue's format.
template <typename End> class QueueTest : public testing::Test {
  protected:
    void make(virtio::QueueOptions options) {
        options.ring.packed = End::is_packed;
        auto made = virtio::Queue::create(options);
        ASSERT_TRUE(made);
        queue = std::move(*made);
        device.emplace(queue.addresses(), queue.size());
        queue.suppress_notifications();
    }
    void make(u16 size, bool event_index = false) {
        make({.ring = {.size = size, .event_index = event_index}, .max_chain = 4});
    }
    // One chain with one writable buffer of `bytes`.
    void give_unpublished(u16 token, u32 bytes = 16) {
        auto chain = queue.begin(1);
        ASSERT_TRUE(chain);
        ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).first(bytes))));
        queue.submit(std::move(*chain), token);
    }
    // A chain of a readable buffer of 16 bytes and writable ones of these sizes.
    void give_list(u16 token, std::initializer_list<u32> writable) {
        auto chain = queue.begin(static_cast<u16>(1 + writable.size()));
        ASSERT_TRUE(chain);
        ASSERT_TRUE(chain->add(*dma::share_to_device(Bytes(memory).first(16))));
        for (u32 bytes : writable)
            ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(64, bytes))));
        queue.submit(std::move(*chain), token);
    }
    // The next completion has this token, and so many bytes were written.
    void expect_completion(u16 token, u32 written) {
        auto done = queue.harvest();
        ASSERT_TRUE(done) << (queue.fault() ? queue.fault()->what : "nothing was used");
        EXPECT_EQ(done->token, token);
        EXPECT_EQ(done->written, written);
    }
    void expect_broken() {
        EXPECT_FALSE(queue.harvest());
        ASSERT_TRUE(queue.fault());
        EXPECT_EQ(queue.fault()->code, ErrorCode::DeviceBroken);
        EXPECT_FALSE(queue.harvest()) << "once";
        EXPECT_FALSE(queue.begin(1)) << "a broken queue takes nothing";
    }
    void TearDown() override { queue.close(confirmed_reset()); }

    Complaints complaints;
    std::byte memory[4096] = {};
    virtio::Queue queue;
    std::optional<End> device;
};

class RingTest : public QueueTest<RingEnd> {
  protected:
    // As give_unpublished, and published; the id that the device sees.
    u16 give(u16 token, u32 bytes = 16) {
        give_unpublished(token, bytes);
        queue.publish();
        return device->available(static_cast<u16>(device->available_index() - 1));
    }
};

} // namespace vireo::test
