// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/device.h"

#include "hosted/report.h"

namespace vireo::fake {

using hosted::hex;

Device::Device(u32 type, std::string name, usize queues)
    : offered{feature::version_1}, name_(std::move(name)), type_(type), referee_(name_), queues_(queues) {}

Device::~Device() = default;

Referee::Rules Device::rules() const { return {legacy_, offered, described_features(), transport_features_}; }

// --- status and features -----------------------------------------------------------------------------------------

u8 Device::read_status() {
    if (faults.goes_before_driver_ok && !is_live())
        faults.gone |= std::ranges::any_of(queues_, &Queue::enabled);
    if (faults.gone) {
        ++reads_after_removal;
        return 0xff;
    }
    if (reset_pending_ && !faults.reset_never_ends) {
        if (reset_reads_left_ == 0)
            reset();
        else
            --reset_reads_left_;
    }
    u8 shown = status_;
    // A reset that takes time shows what was there before; a device that nobody used since power-on shows
    // what an earlier owner left, or the reset could not be told from a finished one.
    if (reset_pending_ && shown == 0)
        shown = status::acknowledge | status::driver | status::driver_ok;
    referee_.status_read(shown);
    return shown;
}

void Device::write_status(u8 value) {
    if (faults.gone)
        return;
    status_log_.push_back(value);
    referee_.status_written(status_, value, reset_pending_, rules());
    if (value == 0) {
        reset_reads_left_ = faults.reset_polls;
        reset_pending_ = true;
        if (reset_reads_left_ == 0 && !faults.reset_never_ends)
            reset();
        return;
    }
    if (reset_pending_)
        return;
    bool asks_features_ok = (value & status::features_ok) && !(status_ & status::features_ok);
    status_ = static_cast<u8>((status_ & status::needs_reset) | value);
    if (asks_features_ok) {
        bool valid = true;
        for (usize i = 0; i < offered.words.size(); ++i)
            valid &= (accepted().words[i] & ~offered.words[i]) == 0;
        if (!accepts_features() || !valid || faults.refuse_features_ok)
            status_ &= static_cast<u8>(~status::features_ok);
    }
    last_activity_ = hosted::clock_now();
    if (value & status::driver_ok)
        for (u16 i = 0; i < queue_count(); ++i)
            if (queues_[i].ring && faults.suppresses_notifications)
                queues_[i].ring->ask_for_notification(false);
}

void Device::reset() {
    reset_pending_ = false;
    ++resets_;
    ++epoch_;
    status_ = 0;
    events_ = 0;
    held_.clear();
    for (u16 i = 0; i < queue_count(); ++i) {
        finish_stop(i);
        queues_[i].stopped_ring.reset();
        queues_[i].unconfirmed = queues_[i].was_stopped = false;
    }
    referee_.reset_completed();
    was_reset();
}

void Device::remove() {
    reset();
    faults.gone = true;
}

void Device::insert() {
    faults.gone = false;
    reset();
}

void Device::need_reset() {
    status_ |= status::needs_reset;
    // 2.1.2: a configuration change notification if DRIVER_OK is set.
    if (status_ & status::driver_ok && !faults.no_interrupts)
        events_ |= event::config;
}

u32 Device::read_offered(unsigned word) {
    referee_.features_read();
    return word < offered.words.size() ? offered.words[word] : 0;
}

void Device::write_accepted(unsigned word, u32 value) { referee_.features_written(word, value, rules()); }

// --- queues ------------------------------------------------------------------------------------------------------

void Device::enable_queue(u16 index) {
    Queue& queue = queues_[index];
    std::string which = "queue " + std::to_string(index);
    if (queue.enabled) {
        referee_.complain("pci.modern.24", which + " enabled twice");
        return;
    }
    referee_.queue_enabled(queue.was_stopped);
    if (queue.unconfirmed)
        referee_.complain("gen.vqreset.01", which + " enabled again before its reset was confirmed");
    bool packed = accepted().has(feature::ring_packed);
    if (queue.size == 0 || queue.size > queue.size_max || queue.size > 32768 ||
        (!packed && !std::has_single_bit(queue.size))) {
        referee_.complain(packed ? "pci.modern.22" : "pci.modern.23",
                          which + " enabled with size " + std::to_string(queue.size) + " of at most " +
                              std::to_string(queue.size_max));
        return;
    }
    auto check = [&](u64 address, u64 alignment, const char* rule, const char* part) {
        if (address == 0 || address % alignment != 0)
            referee_.complain(rule, which + ": " + part + " at " + hex(address));
    };
    check(queue.descriptors, 16, packed ? "ring.packed.01" : "ring.split.01", "descriptors");
    check(queue.driver_area, packed ? 4 : 2, packed ? "ring.packed.02" : "ring.split.02", "driver area");
    check(queue.device_area, 4, packed ? "ring.packed.02" : "ring.split.03", "device area");
    RingSetup setup;
    setup.owner = name_ + " queue " + std::to_string(index);
    setup.size = queue.size;
    setup.descriptors = queue.descriptors;
    setup.driver_area = queue.driver_area;
    setup.device_area = queue.device_area;
    setup.event_idx = accepted().has(feature::event_idx);
    setup.indirect = accepted().has(feature::indirect_desc);
    setup.packed = packed;
    setup.in_order = accepted().has(feature::in_order);
    queue.ring = Ring::create(setup);
    queue.enabled = true;
    queue.ring->check_fresh();
    if (faults.suppresses_notifications)
        queue.ring->ask_for_notification(false);
}

void Device::stop_queue(u16 index, bool by_reset) {
    Queue& queue = queues_[index];
    queue.stopping = queue.unconfirmed = queue.was_stopped = true;
    queue.resetting = by_reset;
    queue.disabling = faults.queue_disable_polls;
    if (queue.disabling == 0 && !faults.queue_reset_never_ends)
        finish_stop(index);
}

bool Device::stop_is_pending(u16 index) {
    Queue& queue = queues_[index];
    if (queue.stopping) {
        if (faults.queue_reset_never_ends)
            return true;
        if (queue.disabling > 0) {
            --queue.disabling;
            return true;
        }
        finish_stop(index);
    }
    queue.unconfirmed = false;
    queue.stopped_ring.reset();
    if (!queue.ring)
        drop_held(index);
    return false;
}

// Section 2.6.1.1: all state of the queue goes. What the driver may free is remembered until it
// has read that it may.
void Device::finish_stop(u16 index) {
    Queue& queue = queues_[index];
    queue.enabled = queue.stopping = false;
    queue.disabling = 0;
    queue.size = 0;
    queue.descriptors = queue.driver_area = queue.device_area = 0;
    queue.written = 0;
    queue.stopped_ring = std::move(queue.ring);
}

void Device::drop_held(u16 index) {
    std::erase_if(held_, [&](auto& held) { return held.second.queue == index; });
}

void Device::notify(u16 index, std::optional<u16> data) {
    if (faults.gone)
        return;
    Queue* queue = find_queue(index);
    referee_.notified(queue && queue->enabled, index);
    if (!queue || !queue->ring)
        return;
    ++queue->notifications;
    if (data && report_unwelcome_notifications)
        queue->ring->check_notification_data(*data);
    u64 now = hosted::clock_now();
    if (now - last_activity_ >= patience) {
        forgiving_until_ = now + hosted::millisecond;
        for (Queue& each : queues_)
            each.may_try_again = true;
    }
    bool stalled = now < forgiving_until_ && std::exchange(queue->may_try_again, false);
    last_activity_ = now;
    if (report_unwelcome_notifications && !stalled)
        queue->ring->notified();
    else
        queue->ring->notification_is_due(); // only moves on
    run_queue(index);
}

// 2.1.2: no buffer is consumed before DRIVER_OK. A device that needs a reset has stopped.
bool Device::takes_work(const Queue& queue) const {
    return queue.ring && is_live() && !faults.gone && !faults.deaf && !(status_ & status::needs_reset) &&
           !reset_pending_;
}

void Device::run_queue(u16 index) {
    Queue& queue = queues_[index];
    if (!takes_work(queue))
        return;
    if (!may_access_memory) {
        hosted::report("pci.bus-master", name_ + ": there is work to do, but bus mastering is off");
        return;
    }
    bool suppress = faults.suppresses_notifications;
    do {
        while (auto chain = queue.ring->take()) {
            u64 number = taken_++;
            last_activity_ = hosted::clock_now();
            if (faults.scribbles)
                queue.ring->scribble(*chain);
            held_.emplace(number, Held{index, std::move(*chain)});
            if (faults.needs_reset_every != 0 && taken_ % faults.needs_reset_every == 0)
                return need_reset();
            if (faults.never_completes || keeps_buffers(index))
                continue;
            u64 delay = latency ? latency(number) : 0;
            if (delay == 0) {
                finish(number);
            } else {
                hosted::schedule(delay, [this, number, epoch = epoch_] {
                    if (epoch == epoch_)
                        finish(number);
                });
            }
            if (!takes_work(queue))
                return; // a test's hook reset the device, or it needs a reset
        }
        if (queue.ring->setup().in_order)
            report_in_order(index);
        if (!takes_work(queue))
            return;
        queue.ring->ask_for_notification(!suppress);
        // A buffer that came before the request was visible would get no notification: look again.
    } while (queue.ring->has_available());
}

void Device::finish(u64 number) {
    auto held = held_.find(number);
    if (held == held_.end() || faults.gone || (status_ & status::needs_reset))
        return;
    u16 index = held->second.queue;
    Queue& queue = queues_[index];
    if (!queue.ring)
        return;
    if (queue.ring->setup().in_order) {
        held->second.is_ready = true;
        bool is_alone = in_order_batch == 1 || latency;
        if (is_alone)
            report_in_order(index);
        return;
    }
    u16 descriptors = held->second.chain.ring_descriptors;
    if (auto done = carry_out(number))
        report(queue, {done->id, done->bytes_written, 1, descriptors}, done->times);
}

void Device::finish_held() {
    std::vector<u64> numbers;
    for (auto& [number, held] : held_)
        numbers.push_back(number);
    for (u64 number : numbers)
        finish(number);
    auto count = static_cast<u16>(queues_.size());
    for (u16 i = 0; i < count; ++i)
        if (queues_[i].ring && queues_[i].ring->setup().in_order)
            report_in_order(i);
}

void Device::finish_first() {
    if (held_.empty())
        return;
    u16 index = held_.begin()->second.queue;
    finish(held_.begin()->first);
    if (queues_[index].ring && queues_[index].ring->setup().in_order)
        report_in_order(index);
}

void Device::write_late() {
    for (auto& [number, held] : held_) {
        std::vector<u8> junk(held.chain.writable_bytes(), late_byte);
        if (!junk.empty())
            held.chain.write(0, junk.data(), junk.size());
        if (Ring* ring = queues_[held.queue].ring.get())
            ring->put_used({held.chain.head, static_cast<u32>(junk.size()), 1, held.chain.ring_descriptors});
    }
    held_.clear();
}

std::vector<u64> Device::kept(u16 index) const {
    std::vector<u64> sizes;
    for (auto& [number, held] : held_)
        if (held.queue == index && !held.is_ready)
            sizes.push_back(held.chain.writable_bytes());
    return sizes;
}

void Device::finish_kept(u16 index) {
    for (auto& [number, held] : held_)
        if (held.queue == index && !held.is_ready) {
            finish(number);
            break;
        }
    if (queues_[index].ring && queues_[index].ring->setup().in_order)
        report_in_order(index);
}

std::optional<Completion> Device::carry_out(u64 number) {
    auto held = held_.find(number);
    u16 index = held->second.queue;
    Completion completion{number, index, held->second.chain.head, execute(index, held->second.chain)};
    if (faults.lie)
        faults.lie(completion);
    held = held_.find(number); // a test's hook may have reset the device
    if (held == held_.end() || !queues_[index].ring || completion.times == 0)
        return std::nullopt;
    queues_[index].ring->check_untouched(held->second.chain);
    held_.erase(held);
    return completion;
}

void Device::report(Queue& queue, const Ring::Used& used, unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        queue.ring->put_used(used);
    given_back_ += used.buffers;
    last_activity_ = hosted::clock_now();
    if (queue.ring->driver_wants_notification() && !faults.no_interrupts)
        events_ |= event::queue;
}

// Those at the head of the queue that are done, in batches as large as they may be.
void Device::report_in_order(u16 index) {
    Queue& queue = queues_[index];
    auto next_ready = [&] {
        auto next =
            std::find_if(held_.begin(), held_.end(), [&](auto& held) { return held.second.queue == index; });
        return next != held_.end() && next->second.is_ready ? next : held_.end();
    };
    Ring::Used batch{0, 0, 0, 0};
    for (auto next = next_ready(); next != held_.end(); next = next_ready()) {
        u64 writable = next->second.chain.writable_bytes();
        u16 descriptors = next->second.chain.ring_descriptors;
        next->second.is_ready = false; // one that a test swallows is not tried again
        auto done = carry_out(next->first);
        if (!queue.ring)
            return;
        if (done) {
            batch.id = done->id;
            batch.bytes_written = done->bytes_written;
            ++batch.buffers;
            batch.descriptors = static_cast<u16>(batch.descriptors + descriptors);
        }
        bool may_go_on = done && batch.buffers < in_order_batch && done->bytes_written == writable &&
                         done->times == 1 && next_ready() != held_.end();
        if (may_go_on || batch.buffers == 0)
            continue;
        report(queue, batch, done ? done->times : 1);
        batch = {0, 0, 0, 0};
    }
}

void Device::program_waits() {
    if (!is_live() || faults.gone || reset_pending_)
        return;
    for (u16 i = 0; i < queue_count(); ++i) {
        Queue& queue = queues_[i];
        if (!queue.ring)
            continue;
        if (queue.ring->notification_is_due())
            referee_.complain(queue.ring->notification_rule(),
                              "the program waits, but queue " + std::to_string(i) +
                                  " has new buffers and got no notification");
        if (faults.suppresses_notifications)
            run_queue(i);
    }
}

void Device::memory_taken_back(u64 bus, u64 bytes) {
    // A stopped or reset queue holds nothing any more.
    for (u16 i = 0; i < queue_count(); ++i)
        if (queues_[i].ring && queues_[i].ring->occupies(bus, bytes))
            referee_.complain("gen.cleanup.02", "the memory of queue " + std::to_string(i) +
                                                    " was freed while the queue is live");
        else if (queues_[i].stopped_ring && queues_[i].stopped_ring->occupies(bus, bytes))
            referee_.complain("gen.vqreset.02", "the memory of queue " + std::to_string(i) +
                                                    " was freed before its reset was confirmed");
    for (auto& [number, held] : held_)
        for (auto* pieces : {&held.chain.readable, &held.chain.writable})
            for (auto& piece : *pieces)
                if (ranges_overlap(bus, bytes, piece.bus, piece.bytes)) {
                    referee_.complain("gen.cleanup.02", "memory of buffer " +
                                                            std::to_string(held.chain.head) +
                                                            " was taken back while the device holds it");
                    return;
                }
}

// --- configuration -----------------------------------------------------------------------------------------------

void Device::put_config(u32 offset, u8 bytes, u64 value) {
    for (u8 i = 0; i < bytes && offset + i < config_.size(); ++i)
        config_[offset + i] = static_cast<u8>(value >> (8 * i));
}

u64 Device::get_config(u32 offset, u8 bytes) const {
    u64 value = 0;
    for (u8 i = bytes; i-- > 0;)
        value = value << 8 | (offset + i < config_.size() ? config_[offset + i] : 0);
    return value;
}

void Device::change_config(const std::function<void(std::vector<u8>&)>& change) {
    change(config_);
    ++generation_;
    if ((status_ & status::driver_ok) && !faults.no_interrupts)
        events_ |= event::config;
}

const ConfigField* Device::find_field(u32 offset) const {
    for (const ConfigField& field : config_fields())
        if (offset >= field.offset && offset < field.offset + u32{field.width} * field.count)
            return &field;
    return nullptr;
}

void Device::check_config_access(u32 offset, u8 width, bool natural, const char* width_rule, bool is_write) {
    std::string what =
        std::to_string(8 * width) + "-bit access to configuration offset " + std::to_string(offset);
    if (offset + width > config_.size()) {
        referee_.complain("mmio.01", what + " of " + std::to_string(config_.size()));
        return;
    }
    config_accessed(offset);
    const ConfigField* field = find_field(offset);
    if (!field)
        return;
    if (field->feature >= 0 && !offered.has(static_cast<unsigned>(field->feature)))
        referee_.complain("gen.cfg.04",
                          std::string(field->name) + " accessed, but its feature is not offered");
    if (natural && (width != field->width || (offset - field->offset) % width != 0))
        referee_.complain(width_rule,
                          what + ": " + field->name + " is " + std::to_string(8 * field->width) + " bits");
    if (is_write && !field->writable)
        referee_.complain("gen.init.06", std::string(field->name) + " is read-only and was written");
}

u32 Device::read_config(u32 offset, u8 width, bool natural_width_only, const char* width_rule) {
    check_config_access(offset, width, natural_width_only, width_rule, false);
    config_reads_.push_back(offset);
    if (faults.before_config_read)
        faults.before_config_read(offset);
    return static_cast<u32>(get_config(offset, width));
}

void Device::write_config(u32 offset, u8 width, u32 value, bool natural_width_only, const char* width_rule) {
    check_config_access(offset, width, natural_width_only, width_rule, true);
    referee_.config_written();
    put_config(offset, width, value);
    config_written(offset, value);
}

} // namespace vireo::fake
