// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"
#include "load/load.h"

namespace vireo::shell {

// The line on which a transfer shows itself: "Loading: 12.3 MiB of 32 MiB, 24.6 MiB/s, 1 s left", drawn anew
// twice a second, the first time when it has taken half a second; and what U-Boot prints at the end. Commands
// derive from it to say what else there is to say of an attempt, after end_line().
class TransferDisplay : public load::Watcher {
  public:
    // `verb`: "Loading" or "Saving".
    TransferDisplay(Writer& out, std::string_view verb, bool is_patient = false)
        : out_(out), verb_(verb), is_patient_(is_patient) {}
    // A line of its own for each attempt. Prints the verb; if it is patient only once there is more to say.
    void begins(const Connection* connection) override;
    void moved(u64 bytes, std::optional<u64> total) override;
    // "T "
    void waited() override;
    // The size, the rate and "Bytes transferred = 300123 (4945b hex)".
    void finish(u64 bytes);
    // Ends the line, if there is one; the error follows.
    void end_line();

  protected:
    ~TransferDisplay() = default;

  private:
    static constexpr event::Duration interval = event::Duration::milli(500);
    void begin_line();
    void draw(std::string_view text);
    Writer& out_;
    std::string_view verb_;
    bool is_patient_;
    event::Instant start_{};
    event::Instant next_{};
    u64 drawn_ = 0; // bytes, when it was drawn last
    bool has_line_ = false;
    usize width_ = 0; // of what stands behind "Loading: "
};

} // namespace vireo::shell
