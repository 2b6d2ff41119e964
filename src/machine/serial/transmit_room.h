// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"

namespace vireo::machine {

// Waits until a port can take bytes. It has no room while whoever reads it is busy (a script, a terminal that was
// stopped), and then nothing may be lost; but a reader that never comes back must not stop the machine: after one whole
// deadline without room the port counts as stuck, and is not waited for again until it has room.
class TransmitRoom {
  public:
    // True once `has_room` says so, false if it does not within the deadline.
    template <typename HasRoom> bool wait(HasRoom&& has_room) {
        bool room = has_room();
        if (!room && !stuck_)
            room = event::poll_until(event::Deadline::after(deadline), has_room);
        stuck_ = !room;
        return room;
    }

  private:
    static constexpr auto deadline = event::Duration::seconds(10);
    bool stuck_ = false;
};

} // namespace vireo::machine
