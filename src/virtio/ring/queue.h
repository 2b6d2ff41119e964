// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "virtio/ring/chain.h"
#include "virtio/ring/packed_ring.h"
#include "virtio/ring/split_ring.h"

namespace vireo::virtio {

struct QueueOptions {
    RingOptions ring;
    u16 max_chain = 1;       // buffers that one chain may have; the ring's size bounds it as well
    u16 indirect_tables = 0; // chains that can be indirect at the same time; 0 without VIRTIO_F_INDIRECT_DESC
    // legacy devices report used lengths wrongly: cut them instead of believing or refusing
    bool clamp_lengths = false;
};

// A chain that the device has used.
struct Completion {
    u16 token;   // what the driver gave to submit()
    u32 written; // bytes that the device says it wrote; never more than the chain's writable bytes
};

// One virtqueue, from the driver's side.
//
// Everything that matters is kept in private memory (the shadow): which entries are free, which begin a chain
// in flight, what they map. Shared memory is written by us and, where the device writes, read once, checked,
// and used; so a device can refuse service, but not make Vireo touch memory that it should not. What a device
// must not do (a used entry for a chain that is not in flight, progress without buffers, a length beyond the
// buffer) makes the queue broken, for good: harvest() gives nothing more, fault() says why, and Session
// resets the device.
//
// Hot path: begin, add, submit for each chain, then publish and needs_kick once for the batch. No allocation,
// no virtual call, no copy. The doorbell is not the ring's affair: Session rings it.
class Queue {
  public:
    Queue() = default;
    // Errors: NoMemory.
    static Result<Queue> create(const QueueOptions& options);
    Queue(Queue&&) = default;
    // What was here before is dropped.
    Queue& operator=(Queue&& other) noexcept;
    // Dropped without close(): the device may go on with it, so all of it is the device's for ever: ring,
    // tables, and the callers' buffers, as abandon() means it.
    ~Queue() { abandon(); }

    u16 size() const { return size_; }
    // False where devices are known to report wrong lengths (legacy interface, section 2.7.8.2): then
    // Completion::written is a hint that only a driver without any other way to know may use.
    bool has_exact_lengths() const { return !clamp_lengths_; }
    RingAddresses addresses() const;
    // Asks the device to send no notifications; once, when it knows the ring. It may send some all the same.
    void suppress_notifications();
    // The most buffers that a chain may have, and the most chains of `buffers` buffers in flight together.
    u16 max_chain() const { return max_chain_; }
    u16 capacity(u16 buffers) const;

    // Sets room for a chain of up to `buffers` (at least 1, at most max_chain()) aside. Empty: no room now,
    // try again after a harvest (section 2.7.13.1: check before mapping).
    std::optional<Chain> begin(u16 buffers);
    // Hands the chain, which has at least one buffer, over. The device sees it after publish(). `token` comes
    // back in the Completion.
    void submit(Chain&& chain, u16 token);
    void publish();
    // True if the device must be told of what was published since the last call.
    bool needs_kick();
    // The upper half of the doorbell's value with VIRTIO_F_NOTIFICATION_DATA (section 2.9): the available
    // index, or in a packed ring the offset and wrap counter of the next descriptor; both as published.
    u16 notification_data() const;

    // The next chain that the device has used, its buffers given back to us (unshared), each chain exactly
    // once.
    std::optional<Completion> harvest();
    // Whether the device seems to have used something: a look at shared memory, believed for nothing
    // but to go on looking.
    bool has_used() const;
    // Why the queue is broken, or nothing.
    const std::optional<Error>& fault() const { return fault_; }
    // Nobody waits for what is in flight any more: the buffers' owners get them back at once, as
    // dma::backend::abandon means it. The device goes on with the chains, and harvest() goes on giving
    // them. Again: nothing new.
    void abandon();
    // Chains submitted and not yet harvested.
    u16 in_flight() const { return in_flight_; }

    // What went through the queue since it was made, or since whoever adds it up cleared it.
    struct Counters {
        u64 submitted = 0; // chains
        u64 completed = 0; // chains harvested
        u64 bytes_to_device = 0;
        u64 bytes_from_device = 0; // as far as harvest() reported them
    };
    Counters& counters() { return counters_; }
    const Counters& counters() const { return counters_; }

    // Ends the queue's life; nothing else may be called after it. The buffers of all chains in flight come
    // back, and the memory is freed.
    void close(dma::ConfirmedReset reset);

  private:
    friend class Chain;

    // What is known about the chain whose first entry is this one.
    struct Head {
        enum class State : u8 { Free, Building, InFlight };
        State state = State::Free;
        u16 buffers = 0;  // added so far
        u16 entries = 0;  // taken from the shadow's free list
        u16 table = 0;    // 1 + index of its indirect table, 0: direct
        u16 sequence = 0; // how many chains were submitted before it
        u16 token = 0;
        u16 ring_id = 0; // in order: what the device calls it
        u16 after = 0;   // in order: the chain that was submitted next
        u32 writable_bytes = 0;
    };

    u16 take_entries(u16 count);
    void give_entries_back(u16 first);
    std::span<dma::Mapping> table_mappings(u16 table);
    void add_buffer(u16 id, u16& last, const dma::Mapping& mapping);
    template <typename F> void for_each_mapping(u16 id, F&& use);
    void unshare(u16 id);
    void release(u16 id);
    bool take_used();
    bool find_chain(const UsedEntry& entry);
    bool find_chain_in_order(const UsedEntry& entry);
    bool break_queue(const char* what);

    // The ring in the format it has: one compare and a direct call.
    template <typename F> decltype(auto) with_ring(F&& use) {
        return packed_ ? use(packed_ring_) : use(split_ring_);
    }
    template <typename F> decltype(auto) with_ring(F&& use) const {
        return packed_ ? use(packed_ring_) : use(split_ring_);
    }

    // One of the two; the other stays empty. To move and destroy a std::variant took 700 bytes more code.
    SplitRing split_ring_;
    PackedRing packed_ring_;
    OwnedArray<Element> elements_; // one for each ring entry: free list, or chain
    OwnedArray<Head> heads_;
    OwnedArray<dma::Mapping> table_mappings_; // max_chain_ for each table
    OwnedArray<u16> free_tables_;             // a stack
    dma::Buffer tables_;
    std::optional<Error> fault_;

    u16 size_ = 0;
    u16 max_chain_ = 0;
    u16 free_entries_ = 0;
    u16 first_free_ = Element::no_element;
    u16 free_table_count_ = 0;
    u16 in_flight_ = 0;
    u16 submitted_ = 0; // chains so far, modulo 2^16
    u16 published_ = 0; // of those, how many the device can see
    Counters counters_;
    bool clamp_lengths_ = false;
    bool packed_ = false;
    bool in_order_ = false;
    u16 oldest_ = 0; // in order: the chain in flight that was submitted first, if there is one
    u16 newest_ = 0; // in order: the one that was submitted last

    // What the used entry that was taken last stands for: chains not harvested yet, the last of them, and the
    // bytes written into that one. More than one only in order.
    u16 used_chains_ = 0;
    u16 used_entries_ = 0; // of the ring, for all of them
    u16 used_id_ = 0;
    u32 used_bytes_ = 0;
};

} // namespace vireo::virtio
