// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/packed_ring.h"
#include "hosted/fakes/split_ring.h"
#include "unit/support/complaints.h"
#include "virtio/ring/queue.h"

#include <deque>

namespace vireo::test {

// Vireo's Queue and the fake's ring on the same memory, without a transport: what lies in the ring, and when.
class RingBench {
  public:
    struct Options {
        u16 size = 8;
        bool event_idx = false;
        bool indirect = false;
        bool legacy = false;
        u16 max_chain = 4;
        bool packed = false;
        bool in_order = false;
    };

    explicit RingBench(const Options& options) : options_(options) {
        virtio::QueueOptions wanted;
        wanted.ring = {.size = options.size,
                       .contiguous = options.legacy,
                       .event_index = options.event_idx,
                       .in_order = options.in_order,
                       .packed = options.packed};
        wanted.max_chain = options.max_chain;
        wanted.indirect_tables = options.indirect ? options.size : u16{0};
        wanted.clamp_lengths = options.legacy;
        auto created = virtio::Queue::create(wanted);
        VIREO_ASSERT(created);
        queue = std::move(*created);
        auto addresses = queue.addresses();
        device = fake::Ring::create({.owner = "ring",
                                     .size = options.size,
                                     .descriptors = addresses.descriptors.value,
                                     .driver_area = addresses.driver.value,
                                     .device_area = addresses.device.value,
                                     .event_idx = options.event_idx,
                                     .indirect = options.indirect,
                                     .packed = options.packed,
                                     .in_order = options.in_order});
        device->check_fresh();
        queue.suppress_notifications();
    }
    ~RingBench() { queue.close(confirmed_reset()); }

    // Submits a chain with so many buffers of these sizes; they live until the bench goes.
    bool submit(u16 token, std::initializer_list<u32> readable, std::initializer_list<u32> writable) {
        auto chain = queue.begin(static_cast<u16>(readable.size() + writable.size()));
        if (!chain)
            return false;
        for (u32 bytes : readable)
            EXPECT_TRUE(chain->add(VIREO_MUST(dma::share_to_device(memory(bytes)))));
        for (u32 bytes : writable)
            EXPECT_TRUE(chain->add(VIREO_MUST(dma::share_from_device(memory(bytes)))));
        queue.submit(std::move(*chain), token);
        return true;
    }
    // Publishes and says whether the device must be notified.
    bool publish() {
        queue.publish();
        bool kick = queue.needs_kick();
        if (kick)
            device->notified();
        else
            EXPECT_FALSE(device->notification_is_due());
        return kick;
    }
    std::vector<fake::Chain> take_all() {
        std::vector<fake::Chain> chains;
        while (auto chain = device->take())
            chains.push_back(std::move(*chain));
        return chains;
    }
    void give_back(const fake::Chain& chain, u32 bytes) {
        device->check_untouched(chain);
        device->give_back(chain.head, bytes);
    }
    // With in_order: one used entry for all of them, of which all but the last were used completely.
    void give_back_batch(std::span<const fake::Chain> chains, u32 bytes) {
        fake::Ring::Used used{chains.back().head, bytes, static_cast<u16>(chains.size()), 0};
        for (const fake::Chain& chain : chains) {
            device->check_untouched(chain);
            used.descriptors = static_cast<u16>(used.descriptors + chain.ring_descriptors);
        }
        device->put_used(used);
    }
    // One buffer there and back.
    void cycle(u16 token) {
        if (options_.size == 1)
            ASSERT_TRUE(submit(token, {}, {1}));
        else
            ASSERT_TRUE(submit(token, {16}, {1}));
        publish();
        auto chain = device->take();
        ASSERT_TRUE(chain);
        give_back(*chain, 1);
        auto done = queue.harvest();
        ASSERT_TRUE(done);
        EXPECT_EQ(done->token, token);
    }
    // No byte of what was submitted has changed.
    bool nothing_was_written() const {
        return std::ranges::all_of(buffers_, [](const auto& buffer) {
            return std::ranges::all_of(buffer, [](std::byte b) { return b == std::byte{0}; });
        });
    }
    MutableBytes memory(u32 bytes) {
        if (buffers_.size() > 256 + 4u * options_.size)
            buffers_.pop_front(); // long since given back
        buffers_.emplace_back(bytes);
        return buffers_.back();
    }

    // What only one of the formats has.
    fake::SplitRing& split() {
        VIREO_ASSERT(!options_.packed);
        return static_cast<fake::SplitRing&>(*device);
    }
    fake::PackedRing& packed() {
        VIREO_ASSERT(options_.packed);
        return static_cast<fake::PackedRing&>(*device);
    }

    Complaints complaints;
    virtio::Queue queue;
    std::unique_ptr<fake::Ring> device;

  private:
    Options options_;
    std::deque<std::vector<std::byte>> buffers_;
};

} // namespace vireo::test
