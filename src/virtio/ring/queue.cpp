// SPDX-License-Identifier: Apache-2.0
#include "virtio/ring/queue.h"

namespace vireo::virtio {

namespace {
// Both formats' indirect tables are made of descriptors of 16 bytes (sections 2.7.5.3 and 2.8.7).
constexpr usize descriptor_bytes = sizeof(wire::virtq_desc);
static_assert(sizeof(wire::pvirtq_desc) == descriptor_bytes);
} // namespace

Result<Queue> Queue::create(const QueueOptions& options) {
    Queue queue;
    if (options.ring.packed)
        queue.packed_ring_ = VIREO_TRY(PackedRing::create(options.ring));
    else
        queue.split_ring_ = VIREO_TRY(SplitRing::create(options.ring));
    queue.size_ = options.ring.size;
    queue.packed_ = options.ring.packed;
    queue.in_order_ = options.ring.in_order;
    // Section 2.7.5.3.1: no chain, direct or indirect, is longer than the queue.
    queue.max_chain_ = std::min(options.max_chain, queue.size_);
    queue.clamp_lengths_ = options.clamp_lengths;
    queue.elements_ = VIREO_TRY(OwnedArray<Element>::create(queue.size_));
    queue.heads_ = VIREO_TRY(OwnedArray<Head>::create(queue.size_));

    // A table pays from two buffers on; more tables than ring entries could never be in use.
    u16 tables = queue.max_chain_ > 1 ? std::min(options.indirect_tables, queue.size_) : u16{0};
    if (tables > 0) {
        usize entries = usize{tables} * queue.max_chain_;
        queue.tables_ = VIREO_TRY(dma::Buffer::create(entries * descriptor_bytes, descriptor_bytes));
        queue.table_mappings_ = VIREO_TRY(OwnedArray<dma::Mapping>::create(entries));
        queue.free_tables_ = VIREO_TRY(OwnedArray<u16>::create(tables));
        for (u16 i = 0; i < tables; ++i)
            queue.free_tables_[i] = static_cast<u16>(tables - 1 - i);
        queue.free_table_count_ = tables;
    }

    for (u16 i = 0; i < queue.size_; ++i)
        queue.elements_[i].next = i + 1 < queue.size_ ? static_cast<u16>(i + 1) : Element::no_element;
    queue.first_free_ = 0;
    queue.free_entries_ = queue.size_;
    return queue;
}

u16 Queue::capacity(u16 buffers) const {
    if (buffers <= 1)
        return size_;
    auto tables = static_cast<u16>(free_tables_.size());
    return static_cast<u16>(tables + (size_ - tables) / buffers);
}

std::optional<Chain> Queue::begin(u16 buffers) {
    VIREO_ASSERT(buffers >= 1 && buffers <= max_chain_);
    if (fault_)
        return std::nullopt;
    bool indirect = buffers > 1 && free_table_count_ > 0;
    u16 entries = indirect ? u16{1} : buffers;
    if (entries > free_entries_)
        return std::nullopt;

    u16 id = take_entries(entries);
    Head& head = heads_[id];
    head = {};
    head.state = Head::State::Building;
    head.entries = entries;
    if (indirect)
        head.table = static_cast<u16>(free_tables_[--free_table_count_] + 1);
    return std::optional<Chain>(Chain(*this, id, buffers));
}

void Queue::submit(Chain&& chain, u16 token) {
    VIREO_ASSERT(chain.queue_ == this && chain.buffers_ > 0);
    u16 id = chain.id_;
    Head& head = heads_[id];
    if (head.table != 0) {
        auto mappings = table_mappings(head.table).first(head.buffers);
        usize offset = usize{static_cast<u16>(head.table - 1)} * max_chain_ * descriptor_bytes;
        head.ring_id = with_ring([&](auto& ring) {
            return ring.add_indirect(id, tables_.data() + offset, tables_.bus() + offset, mappings);
        });
    } else {
        // Entries that begin() reserved and no buffer took.
        u16 unused = std::exchange(elements_[chain.last_].next, Element::no_element);
        give_entries_back(unused);
        head.entries = head.buffers;
        head.ring_id = with_ring([&](auto& ring) { return ring.add_direct(id, elements_); });
    }
    head.state = Head::State::InFlight;
    head.token = token;
    head.writable_bytes = chain.writable_bytes_;
    head.sequence = submitted_++;
    if (in_order_) {
        if (in_flight_ == 0)
            oldest_ = id;
        else
            heads_[newest_].after = id;
        newest_ = id;
    }
    ++in_flight_;
    ++counters_.submitted;
    counters_.bytes_to_device += chain.total_bytes_ - chain.writable_bytes_;
    chain.queue_ = nullptr;
}

void Queue::publish() {
    with_ring([](auto& ring) { ring.publish(); });
    published_ = submitted_;
}

bool Queue::needs_kick() {
    return with_ring([](auto& ring) { return ring.needs_kick(); });
}

void Queue::suppress_notifications() {
    with_ring([](auto& ring) { ring.suppress_notifications(); });
}

RingAddresses Queue::addresses() const {
    return with_ring([](const auto& ring) { return ring.addresses(); });
}

u16 Queue::notification_data() const {
    return with_ring([](const auto& ring) { return ring.notification_data(); });
}

std::optional<Completion> Queue::harvest() {
    if (in_flight_ == 0 || fault_)
        return std::nullopt;
    if (used_chains_ == 0 && !take_used())
        return std::nullopt;

    // Chains that an entry skips count as used completely (sections 2.7.9 and 2.8.8).
    bool is_last = --used_chains_ == 0;
    u16 id = is_last ? used_id_ : oldest_;
    const Head& head = heads_[id];
    Completion completion{head.token, is_last ? used_bytes_ : head.writable_bytes};
    oldest_ = head.after;
    unshare(id);
    release(id);
    --in_flight_;
    ++counters_.completed;
    counters_.bytes_from_device += completion.written;
    return completion;
}

bool Queue::has_used() const {
    return in_flight_ > 0 &&
           (used_chains_ > 0 || with_ring([](const auto& ring) { return ring.has_used(); }));
}

// Takes the next used entry, if there is one and it is right.
bool Queue::take_used() {
    // Chains that were submitted and not published are not the device's to use.
    auto exposed = static_cast<u16>(in_flight_ - static_cast<u16>(submitted_ - published_));
    auto used = with_ring([&](auto& ring) { return ring.take_used(exposed); });
    if (!used) {
        fault_ = used.error();
        return false;
    }
    if (!*used)
        return false;

    const UsedEntry& entry = **used;
    if (in_order_ ? !find_chain_in_order(entry) : !find_chain(entry))
        return false;
    u32 writable = heads_[used_id_].writable_bytes;
    used_bytes_ = entry.bytes;
    if (entry.bytes > writable) {
        // Section 2.7.8.2: many legacy devices report the length wrongly.
        if (entry.has_length && !clamp_lengths_)
            return break_queue("used length beyond the buffer");
        used_bytes_ = entry.has_length ? writable : 0;
    }
    with_ring([&](auto& ring) { ring.skip_used(used_chains_, used_entries_); });
    return true;
}

// Any chain that the device can see may be used next.
bool Queue::find_chain(const UsedEntry& entry) {
    if (entry.id >= size_ || heads_[entry.id].state != Head::State::InFlight)
        return break_queue("used entry names no buffer in flight");
    auto id = static_cast<u16>(entry.id);
    const Head& head = heads_[id];
    auto unpublished = static_cast<u16>(submitted_ - published_);
    if (static_cast<u16>(head.sequence - published_) < unpublished)
        return break_queue("used entry names a buffer not given yet");
    used_id_ = id;
    used_chains_ = 1;
    used_entries_ = head.entries;
    return true;
}

// Only the oldest chain, or a later one for all up to it. The walk ends after `most_chains` steps, each of
// which completes a chain, or once for all in a broken queue.
bool Queue::find_chain_in_order(const UsedEntry& entry) {
    u16 id = oldest_;
    u16 chains = 1;
    u16 entries = heads_[id].entries;
    while (heads_[id].ring_id != entry.id) {
        if (chains == entry.most_chains)
            return break_queue("used entry names no buffer whose turn it is");
        id = heads_[id].after;
        ++chains;
        entries = static_cast<u16>(entries + heads_[id].entries);
    }
    used_id_ = id;
    used_chains_ = chains;
    used_entries_ = entries;
    return true;
}

Queue& Queue::operator=(Queue&& other) noexcept {
    if (this != &other) {
        std::destroy_at(this);
        std::construct_at(this, std::move(other));
    }
    return *this;
}

void Queue::close(dma::ConfirmedReset reset) {
    for (usize id = 0; id < heads_.size(); ++id) {
        if (heads_[id].state != Head::State::InFlight)
            continue;
        unshare(static_cast<u16>(id));
        heads_[id].state = Head::State::Free; // what is in flight, the destructor leaves to the device
    }
    with_ring([&](auto& ring) { ring.give_back(reset); });
    tables_.give_back(reset);
    *this = Queue();
}

bool Queue::break_queue(const char* what) {
    fault_ = error(ErrorCode::DeviceBroken, what);
    return false;
}

// --- the shadow --------------------------------------------------------------------------------------------

// Takes `count` entries, linked by `next`, off the free list. There are that many.
u16 Queue::take_entries(u16 count) {
    u16 first = first_free_;
    u16 last = first;
    for (u16 i = 1; i < count; ++i)
        last = elements_[last].next;
    first_free_ = std::exchange(elements_[last].next, Element::no_element);
    free_entries_ = static_cast<u16>(free_entries_ - count);
    return first;
}

void Queue::give_entries_back(u16 first) {
    while (first != Element::no_element) {
        Element& element = elements_[first];
        element.mapping = {};
        u16 next = std::exchange(element.next, first_free_);
        first_free_ = first;
        ++free_entries_;
        first = next;
    }
}

std::span<dma::Mapping> Queue::table_mappings(u16 table) {
    std::span<dma::Mapping> all = table_mappings_;
    return all.subspan(usize{static_cast<u16>(table - 1)} * max_chain_, max_chain_);
}

void Queue::add_buffer(u16 id, u16& last, const dma::Mapping& mapping) {
    Head& head = heads_[id];
    if (head.table != 0) {
        table_mappings(head.table)[head.buffers] = mapping;
    } else {
        if (head.buffers > 0)
            last = elements_[last].next;
        elements_[last].mapping = mapping;
    }
    ++head.buffers;
}

// Those of a chain's buffers that somebody has lent.
template <typename F> void Queue::for_each_mapping(u16 id, F&& use) {
    auto use_lent = [&](dma::Mapping& mapping) {
        if (mapping.memory && !mapping.pooled)
            use(mapping);
    };
    const Head& head = heads_[id];
    if (head.table != 0) {
        for (dma::Mapping& mapping : table_mappings(head.table).first(head.buffers))
            use_lent(mapping);
        return;
    }
    u16 index = id;
    for (u16 i = 0; i < head.buffers; ++i, index = elements_[index].next)
        use_lent(elements_[index].mapping);
}

// Takes a chain's buffers back from the device.
void Queue::unshare(u16 id) {
    for_each_mapping(id, [](const dma::Mapping& mapping) { dma::backend::unshare(mapping); });
}

void Queue::abandon() {
    for (usize id = 0; id < heads_.size(); ++id)
        if (heads_[id].state == Head::State::InFlight)
            for_each_mapping(static_cast<u16>(id), [](dma::Mapping& mapping) {
                if (!mapping.abandoned)
                    dma::backend::abandon(mapping);
            });
}

void Queue::release(u16 id) {
    Head& head = heads_[id];
    if (head.table != 0)
        free_tables_[free_table_count_++] = static_cast<u16>(head.table - 1);
    head.state = Head::State::Free;
    give_entries_back(id);
}

// --- Chain -------------------------------------------------------------------------------------------------

Chain::Chain(Chain&& other) noexcept
    : queue_(std::exchange(other.queue_, nullptr)), id_(other.id_), last_(other.last_),
      capacity_(other.capacity_), buffers_(other.buffers_), total_bytes_(other.total_bytes_),
      writable_bytes_(other.writable_bytes_) {}

Chain::~Chain() {
    if (!queue_)
        return;
    queue_->unshare(id_);
    queue_->release(id_);
}

Result<> Chain::check_room(usize bytes) const {
    if (buffers_ == capacity_)
        return error(ErrorCode::TooLarge, "more buffers than the chain has room for");
    if (bytes == 0)
        return error(ErrorCode::InvalidArgument, "empty buffer"); // devices refuse zero-sized descriptors
    if (bytes > std::numeric_limits<u32>::max() - total_bytes_)
        return error(ErrorCode::TooLarge, "chain of 4 GiB or more");
    return {};
}

template <typename Dir> void Chain::append(dma::Span<Dir>&& buffer) {
    total_bytes_ += static_cast<u32>(buffer.size());
    queue_->add_buffer(id_, last_, buffer.release());
    ++buffers_;
}

Result<> Chain::add(dma::Span<dma::ToDevice>&& buffer) {
    auto taken = std::move(buffer);
    if (writable_bytes_ > 0)
        return error(ErrorCode::InvalidArgument, "device-readable buffer after a device-writable one");
    VIREO_TRY(check_room(taken.size()));
    append(std::move(taken));
    return {};
}

Result<> Chain::add(dma::Span<dma::FromDevice>&& buffer) {
    auto taken = std::move(buffer);
    VIREO_TRY(check_room(taken.size()));
    writable_bytes_ += static_cast<u32>(taken.size());
    append(std::move(taken));
    return {};
}

} // namespace vireo::virtio
