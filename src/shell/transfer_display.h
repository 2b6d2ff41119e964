// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"
#include "load/load.h"

namespace vireo::shell {

// How a transfer shows itself, on a line for each attempt: "Loading: 12.3 MiB of 32 MiB, 24.6 MiB/s,
// 1 s left", drawn anew twice a second, the first time when it has taken half a second; and what
// U-Boot prints at the end.
class TransferDisplay : public load::Watcher {
  public:
    // `verb`: "Loading" or "Saving". Printed with each attempt; with `is_patient` only once
    // there is more to say.
    TransferDisplay(Writer& out, std::string_view verb, bool is_patient = false)
        : out_(out), verb_(verb), is_patient_(is_patient) {}
    void begins(const Connection*) override;
    void moved(u64 bytes, std::optional<u64> total) override;
    // "T "
    void waited() override;
    // Ends the line, and says why there will be another attempt.
    void again(Again why, u64 bytes) override;
    // The size, the rate and "Bytes transferred = 300123 (4945b hex)".
    void finish(u64 bytes);
    // Ends the line, if there is one; the error follows.
    void end_line();

  protected:
    Writer& out_;

  private:
    static constexpr event::Duration interval = event::Duration::milli(500);
    void begin_line();
    void draw(std::string_view text);
    std::string_view verb_;
    bool is_patient_;
    event::Instant start_;
    event::Instant next_;
    u64 drawn_ = 0; // bytes, when it was drawn last
    bool has_line_ = false;
    usize width_ = 0; // of what stands behind "Loading: "
};

} // namespace vireo::shell
