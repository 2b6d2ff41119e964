// SPDX-License-Identifier: Apache-2.0
#include "virtio/session/session.h"

#include "base/log.h"
#include "dma/barriers.h"
#include "virtio/session/negotiation.h"
#include "virtio/wire/features.h"
#include "virtio/wire/status.h"

namespace vireo::virtio {

using event::Deadline;
using event::Duration;

namespace {

// How long a device may take to confirm a reset. QEMU needs none; hardware and vhost back ends drain their
// queues first.
constexpr Duration reset_timeout = Duration::seconds(3);

// A device with requests in flight that finishes none is looked at this often (one status read), and once,
// after this long, the doorbell is rung again: against a notification that was lost or suppressed by mistake.
constexpr Duration look_interval = Duration::milli(100);
constexpr Duration extra_kick_after = Duration::seconds(1);

} // namespace

Session::Session(std::unique_ptr<Transport> transport, event::EventLoop& loop)
    : loop_(loop), transport_(std::move(transport)) {
    loop_.add(*this);
}

Session::~Session() {
    quiesce();
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
    Result<> result = bring_up();
    if (!result) {
        give_up(result.error());
        return result;
    }
    driver_->went_live();
    return usable();
}

Result<> Session::bring_up() {
    bool legacy = transport_->is_legacy();
    transport_->enable_dma(true);

    // 1. Reset the device: whatever an earlier owner left is gone once the device says so.
    VIREO_TRY(reset_device());

    // 2. The guest has noticed the device.
    VIREO_TRY(add_status(wire::ACKNOWLEDGE));

    // 3. The guest knows how to drive it.
    VIREO_TRY(add_status(wire::DRIVER));

    // 4. Of the features that the device offers, accept what we understand, once until the next reset.
    offered_ = transport_->offered_features();
    accepted_ = VIREO_TRY(negotiate(offered_, *transport_, *manifest_));
    transport_->accept_features(accepted_);

    if (!legacy) { // Section 3.1.2: the legacy interface does not have steps 5 and 6.
        // 5. Negotiation is over.
        VIREO_TRY(add_status(wire::FEATURES_OK));

        // 6. The device may refuse what was chosen by not keeping the bit.
        if ((transport_->status() & wire::FEATURES_OK) == 0)
            return error(ErrorCode::NotSupported, "device refuses the features");
    }

    // 7. Device-specific set-up: queues, configuration, first buffers. Nothing is announced to the device yet:
    //    commit() keeps quiet until step 8.
    VIREO_TRY(create_queues());
    driver_active_ = true;
    VIREO_TRY(driver_->start());

    // 8. The device is live.
    dma::before_activation();
    VIREO_TRY(add_status(wire::DRIVER_OK));
    state_ = State::Running;
    for (usize i = 0; i < queues_.size(); ++i)
        commit(i); // what start() put into the queues
    return {};
}

Result<> Session::create_queues() {
    auto specs = manifest_->queues;
    u16 wanted = VIREO_TRY(driver_->queue_count());
    auto offered = transport_->queue_count();
    if (wanted == 0 || (offered && *offered < wanted))
        return error(ErrorCode::NotSupported, "device has too few queues");
    queues_ = VIREO_TRY(OwnedArray<LiveQueue>::create(wanted));
    for (u16 i = 0; i < wanted; ++i)
        VIREO_TRY(create_queue(i, specs[std::min<usize>(i, specs.size() - 1)]));
    return {};
}

Result<> Session::create_queue(u16 index, const QueueSpec& spec) {
    bool contiguous = transport_->ring_layout() == RingLayout::Contiguous;
    u16 limit = VIREO_TRY(transport_->queue_size_max(QueueIndex{index}));
    if (limit == 0)
        return error(ErrorCode::NotSupported, "device lacks a queue");

    u16 size = limit;
    if (contiguous) {
        // The device computes the ring's layout from its own size (section 2.7.2): take that or nothing.
        if (!std::has_single_bit(limit) || limit > wire::virtq_max_size)
            return error(ErrorCode::DeviceBroken, "queue size is not a power of two up to 32768");
    } else {
        size = std::bit_floor(std::min(limit, spec.max_size));
    }
    if (size < spec.min_size)
        return error(ErrorCode::NotSupported, "device's queue is too small");

    LiveQueue& queue = queues_[index];
    queue.ring = VIREO_TRY(Queue::create({
        .ring = {.size = size, .contiguous = contiguous, .event_index = has(wire::VIRTIO_F_EVENT_IDX)},
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
        return error(ErrorCode::DeviceBroken, "device is gone");
    status_ |= bits;
    transport_->set_status(now | status_);
    return {};
}

// --- the way down ------------------------------------------------------------------------------------------

// Resets the device and, once it confirms, takes back all memory that it could reach. Without the
// confirmation (section 2.4.2) that memory stays the device's: DeviceBroken.
Result<> Session::reset_device() {
    transport_->set_status(0);
    u8 status = wire::status_gone;
    event::poll_until(Deadline::after(reset_timeout), [&] {
        status = transport_->status();
        return status == 0 || status == wire::status_gone;
    });
    is_quiet_ = status == 0; // of one that is gone we cannot know
    dma::after_reset();
    status_ = 0;
    accepted_ = {};
    stalled_since_.reset();

    for (LiveQueue& queue : queues_)
        queue.ring.close(is_quiet_);
    queues_ = {};
    if (!is_quiet_)
        for (dma::Buffer& buffer : shared_)
            buffer.quarantine();
    shared_.clear();
    if (!is_quiet_)
        return error(ErrorCode::DeviceBroken, "device does not confirm its reset");
    return {};
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

void Session::stop_driver(Error why) {
    if (std::exchange(driver_active_, false))
        driver_->stop(why, InFlight::End);
}

// The device cannot be trusted any more: reset it, and only then let its requests end and their memory go.
void Session::break_device(Error why) {
    StringBuffer<64> place;
    transport_->print_place(place);
    warn("{}: {}", place.view(), why.what);
    if (Result<> reset = reset_device(); !reset)
        why = reset.error();
    state_ = State::Broken;
    reason_ = why;
    stop_driver(why);
}

void Session::restart(Error why) {
    if (state_ != State::Running)
        return;
    Result<> reset = reset_device();
    state_ = State::Stopped;
    stop_driver(why);
    Result<> result = reset ? bring_up() : reset;
    if (!result)
        give_up(result.error());
}

void Session::quiesce() {
    if (state_ == State::Stopped)
        return;
    Result<> reset = reset_device();
    state_ = reset ? State::Stopped : State::Broken;
    reason_ = reset ? error(ErrorCode::DeviceBroken, "device is stopped") : reset.error();
    stop_driver(reason_);
    transport_->enable_dma(false);
}

Result<> Session::usable() const {
    if (state_ == State::Running)
        return {};
    return reason_.what ? reason_ : error(ErrorCode::DeviceBroken, "device is not running");
}

// --- operation ---------------------------------------------------------------------------------------------

void Session::commit(usize index) {
    LiveQueue& queue = queues_[index];
    queue.ring.publish();
    if (state_ == State::Running && queue.ring.needs_kick()) // before DRIVER_OK: section 3.1.1 forbids it
        kick(queue);
}

void Session::kick(LiveQueue& queue) {
    dma::before_doorbell();
    queue.doorbell.ring();
    ++queue.kicks;
}

Result<dma::Buffer*> Session::share(usize bytes, usize alignment) {
    auto buffer = VIREO_TRY(dma::Buffer::create(bytes, alignment));
    if (!shared_.try_push_back(std::move(buffer)))
        return error(ErrorCode::TooLarge, "too many shared buffers");
    return &shared_.back();
}

bool Session::poll() {
    if (!needs_polling())
        return false;
    bool any = driver_->harvest();
    for (LiveQueue& queue : queues_) {
        if (queue.ring.fault()) {
            break_device(*queue.ring.fault());
            return true;
        }
    }
    if (any) {
        stalled_since_.reset();
        return true;
    }
    return check_stalled();
}

bool Session::needs_polling() const {
    if (state_ != State::Running)
        return false;
    for (const LiveQueue& queue : queues_)
        if (queue.ring.in_flight() > 0)
            return true;
    return false;
}

// Nothing has finished. Costs one look at the clock, and now and then at the device. True if there was news.
bool Session::check_stalled() {
    event::Instant now = event::now();
    if (!stalled_since_) {
        stalled_since_ = now;
        next_look_ = now + look_interval;
        extra_kick_sent_ = false;
        return false;
    }
    if (now < next_look_)
        return false;
    next_look_ = now + look_interval;

    if (auto problem = check_health()) {
        break_device(*problem);
        return true;
    }
    if (!extra_kick_sent_ && now - *stalled_since_ >= extra_kick_after) {
        extra_kick_sent_ = true;
        for (LiveQueue& queue : queues_)
            if (queue.ring.in_flight() > 0)
                kick(queue);
    }
    return false;
}

std::optional<Error> Session::check_health() {
    // Events first: one for the configuration may mean DEVICE_NEEDS_RESET, which the status then shows
    // (section 3.2.1).
    bool config_changed = transport_->take_events().config;
    u8 status = transport_->status();
    if (status == wire::status_gone)
        return error(ErrorCode::DeviceBroken, "device is gone");
    if (status & wire::DEVICE_NEEDS_RESET)
        return error(ErrorCode::DeviceBroken, "device needs a reset");
    if ((status & wire::DRIVER_OK) == 0)
        return error(ErrorCode::DeviceBroken, "device has reset itself");
    if (config_changed)
        driver_->config_changed();
    return std::nullopt;
}

void Session::refresh() {
    if (state_ != State::Running)
        return;
    if (auto problem = check_health())
        break_device(*problem);
}

} // namespace vireo::virtio
