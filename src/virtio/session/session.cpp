// SPDX-License-Identifier: Apache-2.0
#include "virtio/session/session.h"

#include "dma/barriers.h"
#include "virtio/session/negotiation.h"
#include "virtio/wire/features.h"
#include "virtio/wire/status.h"

// A device's way up and down. What happens in between is in operation.cpp.
namespace vireo::virtio {

using event::Deadline;
using event::Duration;

namespace {

// How long a device may take to confirm a reset. QEMU needs none; hardware and vhost back ends drain their
// queues first.
constexpr Duration reset_timeout = Duration::seconds(3);

} // namespace

Session::Session(std::unique_ptr<Transport> transport, event::EventLoop& loop)
    : loop_(loop), transport_(std::move(transport)) {
    loop_.add(*this);
}

Session::~Session() {
    (void)quiesce();
    event::EventLoop::remove(*this);
}

Result<bool> Session::bind(std::span<const DriverManifest* const> drivers) {
    for (const DriverManifest* manifest : drivers) {
        if (manifest->device_type != transport_->device_type())
            continue;
        driver_ = VIREO_TRY(manifest->create(*this));
        manifest_ = manifest;
        return true;
    }
    return false;
}

Result<> Session::acknowledge() {
    VIREO_TRY(reset_device());
    VIREO_TRY(add_status(wire::ACKNOWLEDGE));
    offered_ = transport_->offered_features();
    return {};
}

// --- bring-up (section 3.1.1) ------------------------------------------------------------------------------

Result<> Session::start() {
    VIREO_ASSERT(driver_ && state_ != State::Running);
    vain_recoveries_ = 0;
    Result<> result = bring_up();
    if (!result) {
        give_up(result.error());
        return result;
    }
    driver_->went_live();
    return usable();
}

Result<> Session::bring_up() {
    if (holds_memory() && transport_->status() == wire::status_gone)
        settle_memory({}, true);
    transport_->enable_dma(true);

    // 1. Reset the device: whatever an earlier owner left is gone once the device says so.
    VIREO_TRY(reset_device());
    return initialise();
}

// The device has just been reset.
Result<> Session::initialise() {
    bool legacy = transport_->is_legacy();

    // 2. The guest has noticed the device.
    VIREO_TRY(add_status(wire::ACKNOWLEDGE));

    // 3. The guest knows how to drive it.
    VIREO_TRY(add_status(wire::DRIVER));

    // 4. Of the features that the device offers, accept what we understand, once until the next reset.
    offered_ = transport_->offered_features();
    heeded_wishes_ = wishes_;
    accepted_ = VIREO_TRY(negotiate(offered_, *transport_, *manifest_, wishes_));
    transport_->accept_features(accepted_);

    if (!legacy) { // Section 3.1.2: the legacy interface does not have steps 5 and 6.
        // 5. Negotiation is over.
        VIREO_TRY(add_status(wire::FEATURES_OK));

        // 6. The device may refuse what was chosen by not keeping the bit.
        if ((transport_->status() & wire::FEATURES_OK) == 0)
            return error(ErrorCode::NotSupported, "device refuses the features");
    }

    // 7. Device-specific set-up: queues, configuration, first buffers. Nothing is announced to the device
    //    yet: commit() keeps quiet until step 8.
    VIREO_TRY(create_queues());
    driver_active_ = true;
    VIREO_TRY(driver_->start());

    // 8. The device is live.
    dma::before_activation();
    VIREO_TRY(add_status(wire::DRIVER_OK));
    state_ = State::Running;
    next_idle_look_ = event::now() + idle_look_interval;
    for (usize i = 0; i < queues_.size(); ++i)
        commit(i); // what start() put into the queues
    return {};
}

Result<> Session::create_queues() {
    u16 wanted = VIREO_TRY(driver_->queue_count());
    auto offered = transport_->queue_count();
    if (wanted == 0 || (offered && *offered < wanted))
        return error(ErrorCode::NotSupported, "device has too few queues");
    queues_ = VIREO_TRY(OwnedArray<LiveQueue>::create(wanted));
    for (u16 i = 0; i < wanted; ++i)
        VIREO_TRY(create_queue(i));
    return {};
}

const QueueSpec& Session::spec_of(usize index) const {
    return manifest_->queues[std::min(index, manifest_->queues.size() - 1)];
}

// As many entries as the driver wants, the device has room for, and the format allows.
Result<u16> Session::choose_size(u16 limit, const QueueSpec& spec) const {
    if (limit == 0)
        return error(ErrorCode::NotSupported, "device lacks a queue");
    u16 size = std::min(limit, spec.max_size);
    if (transport_->ring_layout() == RingLayout::Contiguous) {
        // The device computes the ring's layout from its own size (section 2.7.2): take that or nothing.
        if (!std::has_single_bit(limit) || limit > wire::virtq_max_size)
            return error(ErrorCode::DeviceBroken, "queue size is not a power of two up to 32768");
        size = limit;
    } else if (!has(wire::VIRTIO_F_RING_PACKED)) {
        size = std::bit_floor(size); // section 2.7; a packed ring may have any size (section 2.8)
    }
    if (size < spec.min_size)
        return error(ErrorCode::NotSupported, "device's queue is too small");
    return size;
}

// Sets a queue up, at first or after it was reset (section 2.6.2 makes no difference). Then `size_before`
// says how large it was: what the driver has derived from that must stay true.
Result<> Session::create_queue(u16 index, u16 size_before) {
    const QueueSpec& spec = spec_of(index);
    u16 limit = VIREO_TRY(transport_->queue_size_max(QueueIndex{index}));
    u16 size = VIREO_TRY(choose_size(limit, spec));
    if (size_before != 0 && size != size_before)
        return error(ErrorCode::DeviceBroken, "queue has another size after its reset");

    LiveQueue& queue = queues_[index];
    queue.announced = 0;
    queue.is_news = spec.is_news;
    queue.is_awaited = spec.is_news && !spec.waits;
    queue.ring = VIREO_TRY(Queue::create({
        .ring = {.size = size,
                 .contiguous = transport_->ring_layout() == RingLayout::Contiguous,
                 .event_index = has(wire::VIRTIO_F_EVENT_IDX),
                 .in_order = has(wire::VIRTIO_F_IN_ORDER),
                 .packed = has(wire::VIRTIO_F_RING_PACKED)},
        .max_chain = spec.max_chain,
        .indirect_tables = has(wire::VIRTIO_F_INDIRECT_DESC) ? spec.max_indirect : u16{0},
        .clamp_lengths = transport_->is_legacy(),
    }));
    dma::before_activation();
    RingAddresses at = queue.ring.addresses();
    queue.doorbell = VIREO_TRY(
        transport_->activate_queue(QueueIndex{index}, size, {at.descriptors, at.driver, at.device}));
    queue.ring.suppress_notifications();
    return {};
}

// Sets further status bits. What is set already stays (section 2.1.1), whoever set it.
Result<> Session::add_status(u8 bits) {
    u8 now = transport_->status();
    if (now == wire::status_gone)
        return device_is_gone();
    status_ |= bits;
    transport_->set_status(now | status_);
    return {};
}

// --- the way down ------------------------------------------------------------------------------------------

// Resets the device. DeviceBroken if it does not confirm that (section 2.4.2).
Result<> Session::reset_device() {
    ++statistics_.resets;
    transport_->set_status(0);
    u8 status = wire::status_gone;
    event::poll_until(Deadline::after(reset_timeout), [&] {
        status = transport_->status();
        return status == 0 || status == wire::status_gone;
    });
    auto confirmed = dma::ConfirmedReset::when_zero(status);
    is_quiet_ = confirmed.has_value();
    status_ = 0;
    accepted_ = {};
    stalled_since_.reset();
    settle_memory(confirmed, status == wire::status_gone);
    if (status == wire::status_gone)
        return device_is_gone();
    if (!is_quiet_)
        return error(ErrorCode::DeviceBroken, "device does not confirm its reset");
    return {};
}

// *The* place where it is decided who may use what the device could reach: we, once it has confirmed its
// reset; else nobody, whatever bus it is on. Switching bus mastering off is no confirmation: it does not stop
// what a device, or QEMU's threads for it, have begun (docs/decisions/0040).
void Session::settle_memory(const std::optional<dma::ConfirmedReset>& reset, bool is_gone) {
    for (LiveQueue& queue : queues_)
        collect(queue);
    if (reset) {
        for (OwnedArray<LiveQueue>* queues : {&queues_, &held_queues_})
            for (LiveQueue& queue : *queues)
                queue.ring.close(*reset);
        for (dma::Buffer& buffer : shared_)
            buffer.give_back(*reset);
    } else {
        transport_->enable_dma(false);
    }
    if (reset || is_gone) {
        // One that is gone will confirm nothing, and what stands in its place next knows nothing
        // of it: for ever, then.
        held_queues_ = {};
        shared_.clear();
    } else if (!queues_.is_empty()) {
        for (LiveQueue& queue : queues_)
            queue.ring.abandon();
        held_queues_ = std::move(queues_);
    }
    queues_ = {};
}

// Bring-up failed: tells the device, and touches it no more until the next reset, which is when its memory is
// freed.
void Session::give_up(Error why) {
    state_ = State::Broken;
    reason_ = why;
    stop_driver(why);
    // A device that has not finished its reset must be told nothing; one that is gone hears nothing, and the
    // error that this write would give is the one that we have.
    if (is_quiet_)
        (void)add_status(wire::FAILED);
}

// What the device still has now, because it was set aside or did not come up, its owners are about to get
// back: not from the device, but as far as they are concerned.
void Session::stop_driver(Error why, InFlight fate) {
    for (LiveQueue& queue : queues_)
        queue.ring.abandon();
    if (!driver_active_)
        return;
    driver_active_ = fate == InFlight::Keep; // it still has something to end
    driver_->stop(why, fate);
}

// The device cannot be trusted any more: reset it, and only then let its requests end and their memory go.
void Session::break_device(Error why) {
    warn_about(why);
    if (Result<> reset = reset_device(); !reset)
        why = reset.error();
    state_ = State::Broken;
    reason_ = why;
    stop_driver(why);
}

void Session::start_over(Error why, InFlight fate) {
    if (state_ != State::Running && state_ != State::Aside)
        return;
    warn_of_reset();
    Result<> reset = reset_device();
    state_ = State::Stopped;
    // Without a reset there is no next start() that requests could wait for.
    stop_driver(why, reset ? fate : InFlight::End);
    Result<> result = reset ? initialise() : reset;
    if (!result)
        give_up(result.error());
}

Result<> Session::quiesce() {
    if (state_ == State::Stopped)
        return {};
    warn_of_reset();
    u16 queues_in_use = state_ == State::Running ? static_cast<u16>(queues_.size()) : u16{0};
    for (u16 i = 0; i < queues_in_use; ++i)
        if (!transport_->stop_queue(QueueIndex{i}))
            break; // nor will it answer for the others; the reset counts
    Result<> reset = reset_device();
    state_ = reset ? State::Stopped : State::Broken;
    reason_ = reset ? error(ErrorCode::DeviceBroken, "device is stopped") : reset.error();
    stop_driver(reason_);
    transport_->enable_dma(false);
    return holds_memory() ? reset : Result<>();
}

} // namespace vireo::virtio
