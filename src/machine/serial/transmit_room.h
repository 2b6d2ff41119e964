// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "event/clock.h"

namespace vireo::machine {

// Sends through a port that can be full. It has no room while whoever reads it is busy (a script, a terminal that was
// stopped), and then nothing may be lost; but a reader that never comes back must not stop the machine: after one whole
// deadline without room the port counts as stuck, and is not waited for again until it has room. The first thing that a
// reader who does come back sees is how much was lost.
class TransmitRoom {
  public:
    // Sends all bytes. `take_some(bytes)` takes as many of the first of them as there is room for now, and says how many.
    // Asking leaves the guest, so it is done no more often than that.
    template <typename Take> void send(std::string_view bytes, Take&& take_some) {
        // Asked in several places: one copy of it is enough.
        auto take = [&] [[gnu::noinline]] (std::string_view part) -> usize { return take_some(part); };
        if (lost_ > 0) {
            StringBuffer<80> notice;
            print(notice, "\r\n[{} bytes of output were lost, nobody took them]\r\n", lost_);
            if (usize taken = take(notice.view()); taken > 0) {
                lost_ = 0;
                stuck_ = false;
                deliver(notice.view().substr(taken), take);
            }
        }
        deliver(bytes, take);
    }

  private:
    template <typename Take> void deliver(std::string_view bytes, Take& take) {
        while (!bytes.empty()) {
            usize taken = 0;
            auto is_taken = [&] { return (taken = take(bytes)) > 0; };
            if (!is_taken() && !stuck_)
                (void)event::poll_until(event::Deadline::after(deadline), is_taken);
            stuck_ = taken == 0;
            if (stuck_) {
                lost_ += bytes.size();
                return;
            }
            bytes.remove_prefix(taken);
        }
    }

    static constexpr auto deadline = event::Duration::seconds(10);
    bool stuck_ = false;
    u64 lost_ = 0;
};

} // namespace vireo::machine
