// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/intrusive_list.h"
#include "base/result.h"

namespace vireo::event {

// One operation in flight. Owned by the caller, who keeps it (and every buffer it names) in place until it is
// done. It completes exactly once: with success or an Error. Drivers derive what they need or embed it.
class Request : public ListNode {
  public:
    enum class State : u8 { Idle, InFlight, Done };

    Request() = default;
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    ~Request() { VIREO_ASSERT(state_ != State::InFlight); }

    State state() const { return state_; }
    bool is_done() const { return state_ == State::Done; }

    // How it ended; only when done.
    Result<> outcome() const {
        VIREO_ASSERT(is_done());
        return outcome_;
    }

    // For the one who carries it out: Idle or Done -> InFlight -> Done.
    void begin() {
        VIREO_ASSERT(state_ != State::InFlight);
        state_ = State::InFlight;
    }
    void complete(Result<> outcome) {
        VIREO_ASSERT(state_ == State::InFlight);
        outcome_ = outcome;
        state_ = State::Done;
    }

  private:
    Result<> outcome_{};
    State state_ = State::Idle;
};

} // namespace vireo::event
