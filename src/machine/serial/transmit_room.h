// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "event/budget.h"
#include "system/console.h"

namespace vireo::machine {

// Sends through a port that can be full. It has no room while whoever reads it is busy (a script, a
// terminal that was stopped), and then nothing may be lost; but a reader that never comes back must not
// stop the machine, nor one that takes a little now and then. So the waits have a budget, whose clock runs
// while somebody waits, and no longer: ten seconds, of which each byte that is taken gives five
// milliseconds back. A reader of 200 bytes in a second is always waited for. When the budget is used up the
// port counts as stuck, and what finds no room at once is lost; the first thing that a reader who does come
// back sees is how much that was.
class TransmitRoom {
  public:
    // Sends all bytes. `take_some(bytes)` takes as many of the first of them as there is room for now, and
    // says how many. Asking leaves the guest, so it is done no more often than that. `waiter` may be null;
    // once it gives up, the rest of what it sends has a short grace in all.
    template <typename Take>
    void send(std::string_view bytes, system::ConsolePort::Waiter* waiter, Take&& take_some) {
        // Asked in several places: one copy of it is enough.
        auto take = [&] [[gnu::noinline]] (std::string_view part) -> usize { return take_some(part); };
        if (lost_ > 0) {
            StringBuffer<80> notice;
            print(notice, "\r\n[{} bytes of output were lost, nobody took them]\r\n", lost_);
            usize taken = take(notice.view());
            if (taken == 0)
                taken = wait(notice.view(), waiter, take);
            if (taken > 0) {
                lost_ = 0;
                left_ = std::max(left_, who_comes_back);
                deliver(notice.view().substr(taken), waiter, take);
            }
        }
        deliver(bytes, waiter, take);
    }

  private:
    template <typename Take>
    void deliver(std::string_view bytes, system::ConsolePort::Waiter* waiter, Take& take) {
        while (!bytes.empty()) {
            usize taken = take(bytes);
            if (taken == 0)
                taken = wait(bytes, waiter, take);
            if (taken == 0) {
                lost_ += bytes.size();
                return;
            }
            give_back(taken);
            bytes.remove_prefix(taken);
        }
    }

    // What was taken in the end; 0 if the budget did not last.
    template <typename Take>
    usize wait(std::string_view bytes, system::ConsolePort::Waiter* waiter, Take& take) {
        event::Instant began = event::now();
        std::optional<event::Instant> given_up;
        usize taken = 0;
        for (;;) {
            event::Instant now = event::now();
            if (!waiter || !waiter->gives_up()) {
                given_up.reset();
                grace_ = whole_grace;
            } else if (!given_up) {
                given_up = now;
            }
            if (now - began >= left_ || (given_up && now - *given_up >= grace_))
                break;
            if (taken = take(bytes); taken > 0)
                break;
            arch::relax();
        }
        spend(left_, began);
        if (given_up)
            spend(grace_, *given_up);
        return taken;
    }

    static void spend(event::Duration& left, event::Instant since) {
        u64 spent = (event::now() - since).microseconds;
        left = {left.microseconds - std::min(spent, left.microseconds)};
    }

    void give_back(usize bytes) {
        left_ = std::min(left_ + event::time_for(bytes, budget.least_rate), budget.head_start);
    }

    static constexpr event::Budget budget{.silence = event::Duration::seconds(10),
                                          .head_start = event::Duration::seconds(10),
                                          .least_rate = 200};
    static constexpr auto whole_grace = event::Duration::milli(250);
    static constexpr auto who_comes_back = event::Duration::milli(100); // at least, to hear of the loss
    event::Duration left_ = budget.head_start;
    event::Duration grace_ = whole_grace;
    u64 lost_ = 0;
};

} // namespace vireo::machine
