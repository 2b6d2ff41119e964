// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fuzz/support.h"
#include "virtio/ring/queue.h"

#include <map>

namespace vireo::fuzz {

// A driver on a Queue that knows what must hold whatever the device does: each chain comes back at most once,
// after it was published, with no more bytes than it had room for; its memory is shared exactly as long as it
// is in flight, and nothing around it is touched (each buffer is an allocation of its own, which goes when
// its chain is back, under the address sanitizer).
class RingDriver {
  public:
    explicit RingDriver(const virtio::QueueOptions& options) : in_order_(options.ring.in_order) {
        auto made = virtio::Queue::create(options);
        require(made.has_value(), "a queue can be made");
        queue = std::move(*made);
        queue.suppress_notifications();
    }
    ~RingDriver() {
        queue.close(*dma::ConfirmedReset::when_zero(0));
        require(hosted::DmaArena::instance().live_shares() == 0, "a closed queue holds no memory");
    }

    // False if there was no room.
    bool submit(FuzzedData& input) {
        auto wanted = static_cast<u16>(1 + input.below(queue.max_chain()));
        auto chain = queue.begin(wanted);
        if (!chain) {
            require(queue.fault() || !chains_.empty(), "an empty queue has room");
            return false;
        }
        u16 token = next_token_++;
        Chain& record = chains_[token];
        u16 readable = static_cast<u16>(input.below(wanted + 1u));
        for (u16 i = 0; i < wanted; ++i) {
            u32 bytes = 1 + input.byte();
            MutableBytes memory = record.buffers.emplace_back(bytes, filling).bytes();
            auto added = i < readable ? chain->add(*dma::share_to_device(memory))
                                      : chain->add(*dma::share_from_device(memory));
            require(added.has_value(), "there is room for what was asked for");
            if (i >= readable)
                record.writable_bytes += bytes;
            else
                ++record.readable;
        }
        shares_ += wanted;
        queue.submit(std::move(*chain), token);
        check();
        return true;
    }
    void publish() {
        queue.publish();
        for (auto& [token, chain] : chains_)
            chain.published = true;
    }
    // The next chain that came back.
    std::optional<virtio::Completion> harvest() {
        bool was_broken = queue.fault().has_value();
        auto done = queue.harvest();
        if (done) {
            require(!was_broken, "a broken queue gives nothing more");
            auto found = chains_.find(done->token);
            require(found != chains_.end(), "a chain comes back once");
            const Chain& chain = found->second;
            require(!in_order_ || found == chains_.begin(), "in order means in order");
            require(chain.published, "a chain comes back after it was given");
            require(done->written <= chain.writable_bytes, "no more was written than there was room for");
            for (usize i = 0; i < chain.readable; ++i)
                for (std::byte byte : chain.buffers[i].bytes())
                    require(byte == std::byte{filling}, "what the device may only read stays as it was");
            shares_ -= chain.buffers.size();
            chains_.erase(found);
        }
        check();
        return done;
    }
    usize in_flight() const { return chains_.size(); }

    virtio::Queue queue;

  private:
    static constexpr u8 filling = 0x77;
    struct Chain {
        std::vector<Memory> buffers; // readable ones first
        usize readable = 0;
        u32 writable_bytes = 0;
        bool published = false;
    };
    void check() const {
        require(queue.in_flight() == chains_.size(), "the queue counts its chains");
        require(hosted::DmaArena::instance().live_shares() == shares_,
                "chains in flight share their memory, no others");
    }
    bool in_order_;
    std::map<u16, Chain> chains_; // tokens are given out upwards; no input is long enough for 65,536
    usize shares_ = 0;
    u16 next_token_ = 0;
};

// The queue that the input asks for.
inline virtio::QueueOptions fuzzed_options(FuzzedData& input, u16 size) {
    u8 flags = input.byte();
    virtio::QueueOptions options;
    options.ring.size = size;
    options.ring.event_index = flags & 1;
    options.ring.in_order = flags & 2;
    options.max_chain = static_cast<u16>(1 + input.below(8));
    options.indirect_tables = static_cast<u16>(flags & 4 ? 1 + input.below(size) : 0);
    options.clamp_lengths = flags & 8;
    return options;
}

// Where a part of the ring lies.
inline MutableBytes ring_memory(dma::BusAddress at, u32 bytes) {
    using Use = hosted::DmaArena::Use;
    return {hosted::DmaArena::instance().reach(at.value, bytes, Use::Write, "device"), bytes};
}
template <typename T> T load(MutableBytes area, usize offset) {
    T value;
    std::memcpy(&value, area.data() + offset, sizeof(T));
    return value;
}
template <typename T> void store(MutableBytes area, usize offset, T value) {
    std::memcpy(area.data() + offset, &value, sizeof(T));
}

// A queue and the device's end of it, which does what the input says, step by step. As long as the device is
// rightful, it is served: what it gives back arrives, it is told when it wants to be, and in the end
// everything has come back.
template <typename End> class RingTarget {
  public:
    RingTarget(FuzzedData& input, const virtio::QueueOptions& options)
        : input_(input), driver_(options), device_(driver_.queue.addresses(), options.ring) {}

    void run() {
        while (!input_.is_empty())
            step();
        if (!is_rightful_)
            return;
        publish();
        while (driver_.harvest() || device_.use_one(0))
            continue;
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
            if (device_.use_one(0) && is_rightful_)
                require(driver_.harvest().has_value(), "what was used rightly comes back");
            break;
        case 5:
            if (!driver_.harvest())
                require(!is_rightful_ || !driver_.queue.fault(), "a rightful device breaks nothing");
            break;
        case 6:
            device_.suppress(input_);
            break;
        case 7:
            use_batch();
            break;
        default:
            is_rightful_ = false;
            device_.misbehave(input_);
        }
    }
    void use_batch() {
        unsigned chains = device_.use_batch();
        for (unsigned i = 0; i < chains; ++i) {
            bool came = driver_.harvest().has_value();
            require(came || !is_rightful_, "one entry stands for a batch");
        }
    }
    void publish() {
        driver_.publish();
        bool is_due = device_.kick_is_due();
        bool kick = driver_.queue.needs_kick();
        if (is_rightful_)
            require(kick == is_due, "a device is told when it wants to be");
    }

    FuzzedData& input_;
    RingDriver driver_;
    End device_;
    bool is_rightful_ = true;
};

} // namespace vireo::fuzz
