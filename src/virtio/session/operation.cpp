// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "dma/barriers.h"
#include "virtio/session/session.h"
#include "virtio/wire/features.h"
#include "virtio/wire/status.h"

// A device at work: what is submitted, what comes back, and what happens when nothing does.
namespace vireo::virtio {

using event::Duration;

namespace {

// A device with requests in flight that finishes none is looked at this often (events and status), and once,
// after this long, the doorbell is rung again: against a notification that was lost or suppressed by mistake.
constexpr Duration look_interval = Duration::milli(100);
constexpr Duration extra_kick_after = Duration::seconds(1);

// A device that asks for a reset again and again, and does nothing in between, is broken.
constexpr unsigned max_vain_recoveries = 3;

} // namespace

void Session::warn_about(Error problem) const {
    StringBuffer<64> place;
    transport_->print_place(place);
    warn("{}: {}", place.view(), problem);
}

Result<> Session::usable() {
    if (state_ == State::Aside)
        return come_back();
    // A virtual machine leaves the guest for each look, so an operation costs one only after a pause.
    if (state_ == State::Running && event::now() >= next_idle_look_ && !needs_polling())
        refresh();
    return condition();
}

Result<> Session::condition() const {
    if (state_ == State::Running)
        return {};
    return reason_;
}

void Session::refresh() {
    if (state_ == State::Running || state_ == State::Aside)
        check_health();
    if (state_ == State::Aside)
        come_back_now();
}

// --- requests ----------------------------------------------------------------------------------------------

void Session::commit(usize index) {
    LiveQueue& queue = queues_[index];
    queue.ring.publish();
    if (state_ != State::Running)
        return; // section 3.1.1 forbids notifications before DRIVER_OK
    u64 submitted = queue.ring.counters().submitted;
    bool is_new = std::exchange(queue.announced, submitted) != submitted;
    if (queue.ring.needs_kick())
        kick(queue);
    else if (is_new)
        ++statistics_.suppressed;
}

void Session::kick(LiveQueue& queue) {
    dma::before_doorbell();
    if (has(wire::VIRTIO_F_NOTIFICATION_DATA))
        queue.doorbell.ring_with(queue.ring.notification_data());
    else
        queue.doorbell.ring();
    ++queue.kicks;
    ++statistics_.doorbells;
}

Result<dma::Buffer*> Session::share(usize bytes, usize alignment) {
    auto buffer = VIREO_TRY(dma::Buffer::create(bytes, alignment));
    if (!shared_.try_push_back(std::move(buffer)))
        return error(ErrorCode::TooLarge, "too many shared buffers");
    return &shared_.back();
}

bool Session::poll() {
    if (state_ == State::Aside)
        return take_back();
    bool is_busy = state_ == State::Running && unanswered() > 0;
    if (!is_busy && !is_listening())
        return false;
    bool any = driver_->harvest();
    if (check_faults())
        return true;
    if (any) {
        stalled_since_.reset();
        vain_recoveries_ = 0;
        return true;
    }
    return is_busy ? check_stalled() : false;
}

// A device that lied in one of its rings is broken.
bool Session::check_faults() {
    for (LiveQueue& queue : queues_) {
        if (queue.ring.fault()) {
            break_device(*queue.ring.fault());
            return true;
        }
    }
    return false;
}

bool Session::needs_polling() const {
    return (state_ == State::Running || is_awaited_) &&
           std::ranges::any_of(queues_, [](const LiveQueue& queue) {
               return queue.is_awaited && queue.ring.in_flight() > 0;
           });
}

// How many requests the device has that it could have finished by itself.
usize Session::unanswered() const {
    usize count = 0;
    for (usize i = 0; i < queues_.size(); ++i)
        if (!spec_of(i).waits)
            count += queues_[i].ring.in_flight();
    return count;
}

bool Session::has_news() const {
    for (const LiveQueue& queue : queues_) {
        // What was sent from outside a turn is shown to the device by one.
        bool is_hidden = queue.ring.counters().submitted != queue.announced;
        if (is_hidden || (queue.is_news && queue.ring.has_used()))
            return true;
    }
    return false;
}

bool Session::is_listening() const { return state_ == State::Running && driver_->is_listening(); }

// --- health ------------------------------------------------------------------------------------------------

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

    if (check_health())
        return true;
    if (!extra_kick_sent_ && now - *stalled_since_ >= extra_kick_after) {
        extra_kick_sent_ = true;
        for (LiveQueue& queue : queues_)
            if (queue.ring.in_flight() > 0)
                kick(queue);
    }
    return false;
}

// Looks at events and status. True if something was wrong; then the device has been reset.
bool Session::check_health() {
    next_idle_look_ = event::now() + idle_look_interval;
    // Events first: one for the configuration may mean DEVICE_NEEDS_RESET, which the status then shows
    // (section 3.2.1).
    bool config_changed = transport_->take_events().config;
    u8 status = transport_->status();
    if (status == wire::status_gone) {
        break_device(device_is_gone());
        return true;
    }
    if (status & wire::DEVICE_NEEDS_RESET) {
        recover();
        return true;
    }
    if ((status & wire::DRIVER_OK) == 0) {
        break_device(error(ErrorCode::DeviceBroken, "device has reset itself"));
        return true;
    }
    if (config_changed && driver_active_)
        driver_->config_changed();
    return false;
}

// Section 2.1.1: the device is of no use until it is reset. Requests that may be repeated survive that.
void Session::recover() {
    Error why = error(ErrorCode::DeviceBroken, "device needs a reset");
    if (vain_recoveries_ == max_vain_recoveries)
        return break_device(why);
    ++vain_recoveries_;
    ++statistics_.recoveries;
    warn_about(why);
    start_over(why, InFlight::Keep);
}

// --- giving up ---------------------------------------------------------------------------------------------

void Session::restart(Error why) {
    if (state_ == State::Running && !reset_busy_queues(why))
        start_over(why, InFlight::End);
}

// With VIRTIO_F_RING_RESET, resets each queue that has something in flight; the others and the device go on.
// False: that cannot be done, or not be confirmed, and the whole device has to be reset.
bool Session::reset_busy_queues(Error why) {
    constexpr u8 not_well = wire::DEVICE_NEEDS_RESET | wire::FAILED; // both are set in status_gone
    if (!has(wire::VIRTIO_F_RING_RESET) || (transport_->status() & not_well) != 0)
        return false;
    auto count = static_cast<u16>(queues_.size());
    for (u16 i = 0; i < count; ++i)
        if (queues_[i].ring.in_flight() > 0 && !reset_queue(i, why))
            return false;
    stalled_since_.reset();
    return true;
}

Result<> Session::reset_queue(u16 index, Error why) {
    LiveQueue& queue = queues_[index];
    u16 size = queue.ring.size();
    // Section 2.6.1.2: once it has been verified, the ring and the buffers are ours again.
    auto confirmed = VIREO_TRY(transport_->reset_queue(QueueIndex{index}));
    ++statistics_.queue_resets;
    collect(queue);
    queue.ring.close(confirmed);
    driver_->queue_stopped(index, why);
    return create_queue(index, size);
}

// --- statistics --------------------------------------------------------------------------------------------

// Takes over what a queue has counted.
void Session::collect(LiveQueue& queue) {
    Queue::Counters counters = std::exchange(queue.ring.counters(), {});
    queue.announced -= counters.submitted;
    statistics_.requests += counters.submitted;
    statistics_.completions += counters.completed;
    statistics_.bytes_to_device += counters.bytes_to_device;
    statistics_.bytes_from_device += counters.bytes_from_device;
}

const Statistics& Session::statistics() {
    for (LiveQueue& queue : queues_)
        collect(queue);
    return statistics_;
}

void Session::clear_statistics() {
    (void)statistics();
    statistics_ = {};
}

Result<> Session::wish(unsigned feature, system::FeatureWish wish) {
    if (!manifest_)
        return error(ErrorCode::NotSupported, "no driver for this device");
    return wishes_.set(feature, wish, *manifest_);
}

} // namespace vireo::virtio
