// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/split_ring.h"
#include "unit/support/complaints.h"
#include "virtio/ring/queue.h"

#include <deque>

namespace vireo::test {

// Vireo's Queue and the fake's SplitRing on the same memory, without a transport: what lies in the ring, and when.
class RingBench {
  public:
    struct Options {
        u16 size = 8;
        bool event_idx = false;
        bool indirect = false;
        bool legacy = false;
        u16 max_chain = 4;
    };

    explicit RingBench(const Options& options) : options_(options) {
        virtio::QueueOptions wanted;
        wanted.ring = {.size = options.size, .contiguous = options.legacy, .event_index = options.event_idx};
        wanted.max_chain = options.max_chain;
        wanted.indirect_tables = options.indirect ? options.size : u16{0};
        wanted.clamp_lengths = options.legacy;
        auto created = virtio::Queue::create(wanted);
        VIREO_ASSERT(created);
        queue = std::move(*created);
        auto addresses = queue.addresses();
        device.emplace(fake::RingSetup{"ring", options.size, addresses.descriptors.value,
                                       addresses.driver.value, addresses.device.value, options.event_idx,
                                       options.indirect});
        device->check_fresh();
    }
    ~RingBench() { queue.close(true); }

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
    MutableBytes memory(u32 bytes) {
        if (buffers_.size() > 256)
            buffers_.pop_front(); // long since given back
        buffers_.emplace_back(bytes);
        return buffers_.back();
    }

    Complaints complaints;
    virtio::Queue queue;
    std::optional<fake::SplitRing> device;

  private:
    Options options_;
    std::deque<std::vector<std::byte>> buffers_;
};

} // namespace vireo::test
