// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/referee.h"

#include "hosted/report.h"

namespace vireo::fake {

using hosted::hex;

void Referee::complain(const char* rule, const std::string& text) const {
    hosted::report(rule, device_ + ": " + text);
}

void Referee::reset_completed() {
    status_ = 0;
    accepted_ = {};
    was_reset_ = true;
    zero_was_read_ = features_read_ = features_written_ = ok_was_read_ = false;
}

void Referee::status_read(u8 value) {
    if (value == 0)
        zero_was_read_ = true;
    if (status_ & status::features_ok)
        ok_was_read_ = true;
}

void Referee::status_written(u8 before, u8 value, bool resetting, const Rules& rules) {
    legacy_ = rules.legacy;
    if (value == 0)
        return;
    if (resetting && (value & status::failed))
        return; // gives up on a device that does not reset
    if (resetting) {
        complain("gen.reset.01", "status " + hex(value) + " written before the reset was complete");
        return;
    }
    if (!was_reset_)
        complain("gen.init.01", "status " + hex(value) + " written without a reset first");
    else if (!zero_was_read_)
        complain("gen.reset.01", "status " + hex(value) + " written before status was read back as 0");
    // DEVICE_NEEDS_RESET is the device's bit: a driver that tracks its own bits does not write it.
    u8 mine = static_cast<u8>(before & ~status::needs_reset);
    if ((value & mine) != mine)
        complain("gen.status.02", "status went from " + hex(before) + " to " + hex(value));
    if (status_ & status::failed)
        complain("gen.status.03", "status " + hex(value) + " written after FAILED without a reset");
    u8 fresh = static_cast<u8>(value & ~status_);
    status_ |= value;
    judge_step(fresh, rules);
}

// Which step of 3.1.1 the new bits claim, and whether the steps before it are done.
void Referee::judge_step(u8 fresh, const Rules& rules) {
    u8 known = status::acknowledge | status::driver | status::driver_ok | status::features_ok |
               status::failed | status::needs_reset | status::suspend;
    if (fresh & ~known)
        complain("gen.status.01", "undefined status bits in " + hex(fresh));
    if (std::popcount(static_cast<u8>(fresh & ~(status::needs_reset | status::failed))) > 1)
        complain("gen.status.01", "several steps claimed at once: " + hex(fresh));
    if ((fresh & status::driver) && !(status_ & status::acknowledge))
        complain("gen.init.02", "DRIVER without ACKNOWLEDGE");
    if (fresh & status::suspend && !accepted_.has(feature::suspend))
        complain("gen.suspend.01", "SUSPEND set without the feature");
    if (fresh & status::features_ok) {
        if (rules.legacy)
            complain("gen.legacy.05", "FEATURES_OK set on a legacy device");
        if (!(status_ & status::driver))
            complain("gen.init.03", "FEATURES_OK without DRIVER");
        if (!features_read_)
            complain("gen.feat.03", "FEATURES_OK although the offered features were never read");
        if (!features_written_)
            complain("gen.init.04", "FEATURES_OK before the accepted features were written");
        ok_was_read_ = false;
        judge_features(rules);
    }
    if (fresh & status::driver_ok) {
        if (!(status_ & status::driver))
            complain("gen.init.03", "DRIVER_OK without DRIVER");
        if (!rules.legacy && !(status_ & status::features_ok))
            complain("gen.init.07", "DRIVER_OK without FEATURES_OK");
        if (!rules.legacy && !ok_was_read_)
            complain("gen.init.09", "DRIVER_OK although FEATURES_OK was never read back");
        if (status_ & status::failed)
            complain("gen.init.13", "DRIVER_OK after FAILED");
        if (rules.legacy) {
            if (!features_written_)
                complain("gen.init.04", "DRIVER_OK before the accepted features were written");
            judge_features(rules);
        }
    }
}

void Referee::features_read() { features_read_ = true; }

void Referee::features_written(unsigned word, u32 value, const Rules& rules) {
    legacy_ = rules.legacy;
    features_written_ = true;
    if (word < accepted_.words.size())
        accepted_.words[word] = value;
    else if (value != 0)
        complain("gen.feat.05", "feature bits above 127 accepted");
    if (!(status_ & status::driver))
        complain("gen.init.04", "features accepted before DRIVER is set");
    if (status_ & (status::features_ok | status::driver_ok))
        complain("gen.init.08", "features accepted after negotiation was over");
    if (status_ & status::failed)
        complain("gen.init.13", "features accepted after FAILED");
    if (rules.legacy && word > 0 && value != 0)
        complain("pci.legacy.06", "feature bits above 31 accepted on a legacy interface");
    if (word < rules.offered.words.size() && (value & ~rules.offered.words[word]))
        complain("gen.feat.01", "bits " + hex(value & ~rules.offered.words[word]) + " of word " +
                                    std::to_string(word) + " accepted that were not offered");
}

void Referee::judge_features(const Rules& rules) const {
    for (unsigned bit = 0; bit < 128; ++bit) {
        if (!accepted_.has(bit))
            continue;
        std::string name = "feature bit " + std::to_string(bit) + " accepted";
        bool independent = (bit >= 24 && bit <= 40) || bit == feature::suspend;
        if (bit == feature::legacy_unused)
            complain("gen.legacy.07", name);
        else if (bit == feature::notify_on_empty || (bit == feature::any_layout && !rules.legacy) ||
                 bit == 25 || bit == 26 || bit == 31 || (bit >= 44 && bit <= 49))
            complain("gen.feat.05", name + ": it is reserved");
        else if (bit == feature::sr_iov)
            complain("gen.resbits.10", name + " without an SR-IOV capability");
        else if (independent ? !rules.transport.has(bit)
                             : bit == feature::admin_vq && !rules.described.has(bit))
            complain("gen.feat.06", name + ": not for this transport");
        else if (!independent && !rules.described.has(bit))
            complain("gen.feat.07", name + ": not defined for this device type");
    }
    if (rules.offered.has(feature::version_1) && !rules.legacy && !accepted_.has(feature::version_1))
        complain("gen.resbits.01", "VERSION_1 was offered and not accepted");
    if (rules.legacy && rules.offered.has(feature::any_layout) && !accepted_.has(feature::any_layout))
        complain("gen.legacy.06", "ANY_LAYOUT was offered and not accepted");
    if (accepted_.has(feature::admin_vq) && !rules.transport.has(feature::admin_vq))
        complain("gen.feat.08", "ADMIN_VQ accepted");
}

void Referee::config_written() {
    if (!legacy_ && !(status_ & status::features_ok))
        complain("gen.init.06", "configuration written before FEATURES_OK");
}

void Referee::queue_touched(const char* what) {
    if (status_ & status::failed)
        complain("gen.init.13", std::string(what) + " after FAILED");
    else if (!legacy_ && !(status_ & status::features_ok))
        complain("gen.init.10", std::string(what) + " before FEATURES_OK");
    else if (!legacy_ && !ok_was_read_)
        complain("gen.init.09", std::string(what) + " although FEATURES_OK was never read back");
    else if (legacy_ && !features_written_)
        complain("gen.init.04", std::string(what) + " before the accepted features were written");
}

void Referee::queue_enabled(bool again) {
    queue_touched("a queue enabled");
    if ((status_ & status::driver_ok) && !(again && accepted_.has(feature::ring_reset)))
        complain("gen.init.11", "a queue enabled after DRIVER_OK");
}

void Referee::notified(bool enabled, u16 queue) {
    std::string which = "notification of queue " + std::to_string(queue);
    if (status_ & status::failed)
        complain("gen.init.13", which + " after FAILED");
    else if (!(status_ & status::driver_ok))
        complain("gen.init.14", which + " before DRIVER_OK");
    if (!enabled)
        complain("gen.notif.01", which + ", which is not enabled");
}

} // namespace vireo::fake
