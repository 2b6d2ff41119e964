// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::system {

// What the console talks through: a serial port, the console of the firmware below, a device that is one.
// Bytes, no policy; '\n' goes out as it is. It lives as long as the console that it was added to.
class ConsolePort {
  public:
    // Is asked again and again while send() waits for room, and may look about meanwhile.
    class Waiter {
      public:
        // True if what is being sent is not worth waiting for any more.
        virtual bool gives_up() = 0;

      protected:
        ~Waiter() = default;
    };

    // Sends all bytes; waits for room with a bound. A port that never has room drops the rest, counts it, and
    // tells the next reader how much that was. `waiter` may be null.
    virtual void send(std::string_view bytes, Waiter* waiter) = 0;
    // The next received byte, if there is one. Never waits.
    virtual std::optional<u8> receive() = 0;
    // Whether somebody may type Ctrl-C behind what has come. False for a file, which waits whatever there is
    // of it.
    virtual bool may_interrupt() const { return true; }
    // False while nothing can go through it at all: its device is broken. The console does without it until
    // it works again.
    virtual bool is_usable() const { return true; }

  protected:
    ~ConsolePort() = default;
};

} // namespace vireo::system
