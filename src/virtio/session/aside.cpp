// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "virtio/session/session.h"
#include "virtio/wire/features.h"

// Giving up on a device that may not be able to stop: it is set aside, with everything that it may still
// touch, until it has given all of it back (docs/decisions/0018). No register is written before that: QEMU
// waits for a disk's requests inside the write that resets it, and the machine stands still meanwhile.
namespace vireo::virtio {

using event::Deadline;
using event::Duration;

namespace {

// How long an operation waits for a device that was set aside. Long enough for storage that has just come
// back; short enough to be told of it as an answer.
constexpr Duration patience = Duration::seconds(3);

} // namespace

void Session::set_aside(Error why) {
    if (has(wire::VIRTIO_F_RING_RESET))
        return restart(why);
    if (state_ != State::Running || unanswered() == 0)
        return; // nothing that could end
    for (LiveQueue& queue : queues_)
        collect(queue);
    state_ = State::Aside;
    stalled_since_.reset();
    stop_driver(why);
}

// Takes what a device that was set aside has given back, which nobody wants any more; its memory is free
// then. True if there was news.
bool Session::take_back() {
    bool any = false;
    for (LiveQueue& queue : queues_)
        while (queue.ring.harvest())
            any = true;
    return check_faults() || any;
}

// The same, and if that was all, the device is brought up again.
void Session::come_back_now() {
    take_back();
    if (state_ == State::Aside && unanswered() == 0)
        start_over(error(ErrorCode::DeviceBroken, "device is started anew"), InFlight::End);
}

Result<> Session::come_back() {
    refresh();
    if (state_ != State::Aside)
        return condition();
    is_awaited_ = true;
    Result<> waited = loop_.wait_until(Deadline::after(patience),
                                       [&] { return state_ != State::Aside || unanswered() == 0; });
    is_awaited_ = false;
    if (!waited)
        return waited.error().code == ErrorCode::Timeout ? does_not_answer() : waited.error();
    refresh();
    return condition();
}

Error Session::does_not_answer() {
    usize held = unanswered();
    return error(ErrorCode::Timeout,
                 held == 1 ? "device does not answer, it holds {} request"
                           : "device does not answer, it holds {} requests",
                 held);
}

void Session::warn_of_reset() const {
    usize held = state_ == State::Aside ? unanswered() : 0;
    if (held == 0)
        return;
    StringBuffer<64> place;
    transport_->print_place(place);
    warn("{}: device is reset while it holds {} request{}; that may take until the host's storage answers",
         place.view(), held, held == 1 ? "" : "s");
}

} // namespace vireo::virtio
