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
    // Sends all bytes: at most `at_once` of them with `put(part)` each time that `has_room()` says so. Asking leaves the
    // guest, so it is done no more often than that.
    template <typename HasRoom, typename Put>
    void send(std::string_view bytes, usize at_once, HasRoom&& has_room, Put&& put) {
        if (lost_ > 0 && has_room()) {
            StringBuffer<80> notice;
            print(notice, "\r\n[{} bytes of output were lost, nobody took them]\r\n",
                  std::exchange(lost_, 0));
            deliver(notice.view(), at_once, has_room, put);
        }
        deliver(bytes, at_once, has_room, put);
    }

    // True once `has_room()` says so, false if it does not within the deadline.
    template <typename HasRoom> bool wait(HasRoom& has_room) {
        bool room = has_room();
        if (!room && !stuck_)
            room = event::poll_until(event::Deadline::after(deadline), has_room);
        stuck_ = !room;
        return room;
    }

  private:
    template <typename HasRoom, typename Put>
    void deliver(std::string_view bytes, usize at_once, HasRoom& has_room, Put& put) {
        while (!bytes.empty()) {
            if (!wait(has_room)) {
                lost_ += bytes.size();
                return;
            }
            std::string_view part = bytes.substr(0, at_once);
            put(part);
            bytes.remove_prefix(part.size());
        }
    }

    static constexpr auto deadline = event::Duration::seconds(10);
    bool stuck_ = false;
    u64 lost_ = 0;
};

} // namespace vireo::machine
