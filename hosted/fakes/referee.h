// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/standard.h"

#include <string>

namespace vireo::fake {

// Watches one device's driver go through its life: status, features, queues, notifications,
// configuration, in the order of section 3.1.1, and names the requirement that is broken. It only judges;
// what the device does is Device's.
class Referee {
  public:
    explicit Referee(std::string device) : device_(std::move(device)) {}

    // What a device of this type on this transport may be asked for; see Device.
    struct Rules {
        bool legacy = false; // driven through the legacy interface
        Features offered;
        Features described; // bits that the standard gives a meaning to, for this device type
        Features transport; // device-independent bits that this transport supports
    };

    void complain(const char* rule, const std::string& text) const;

    void status_read(u8 value);
    // `before` is what the driver would read; `resetting`: a reset that was asked for is not complete.
    void status_written(u8 before, u8 value, bool resetting, const Rules& rules);
    void reset_completed();

    void features_read();
    void features_written(unsigned word, u32 value, const Rules& rules);

    void config_written();
    // The driver selects, sizes, places or enables a queue.
    void queue_touched(const char* what);
    // `again`: it was stopped or reset alone before.
    void queue_enabled(bool again);
    void notified(bool enabled, u16 queue);

    bool is_live() const { return (status_ & status::driver_ok) && !(status_ & status::failed); }
    const Features& accepted() const { return accepted_; }

  private:
    void judge_features(const Rules& rules) const;
    void judge_step(u8 fresh, const Rules& rules);

    std::string device_;
    u8 status_ = 0; // as the driver wrote it
    bool legacy_ = false;
    bool was_reset_ = false; // since this driver took over
    bool zero_was_read_ = false;
    bool features_read_ = false;
    bool features_written_ = false;
    bool ok_was_read_ = false; // status was read after FEATURES_OK was written
    Features accepted_;
};

} // namespace vireo::fake
