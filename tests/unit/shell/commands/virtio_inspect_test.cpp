// SPDX-License-Identifier: Apache-2.0
// `virtio list`, `features`, `stats` and `reset`.
#include "unit/shell/fixture.h"

namespace vireo::test {
namespace {

class VirtioInspect : public ShellTest {
  protected:
    VirtioInspect() { inspector.names = {"first", "second"}; }
};

// So that what happened since the last request (a disk that was resized, or pulled out) is shown.
TEST_F(VirtioInspect, list_and_info_look_at_the_devices_first) {
    EXPECT_EQ(run("virtio list"), "0: first\n1: second\n");
    EXPECT_EQ(inspector.refreshes, 1);
    EXPECT_EQ(run("virtio info"), "");
    EXPECT_EQ(inspector.refreshes, 2);
}

TEST_F(VirtioInspect, features_of_one_device) {
    EXPECT_EQ(run("virtio features 1"), "1: features\n");
    EXPECT_EQ(status, 0);
    for (const char* absent : {"2", "99999999999", "18446744073709551615"})
        EXPECT_EQ(run("virtio features " + std::string(absent)),
                  "virtio features: not found (no such VirtIO device)\n");
    EXPECT_EQ(status, 1);
    EXPECT_NE(run("virtio features x"), "");
    EXPECT_EQ(status, 1);
}

TEST_F(VirtioInspect, wishes_are_set_in_order_and_silently) {
    EXPECT_EQ(run("virtio features 1 in_order on 29 off RING_PACKED default"), "");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(inspector.wishes, "1 in_order on\n1 29 off\n1 RING_PACKED default\n");
}

TEST_F(VirtioInspect, a_wish_that_cannot_be_granted_is_named) {
    EXPECT_EQ(run("virtio features 0 event_idx off unknown on flush off"), "unknown: not found (scripted)\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(inspector.wishes, "0 event_idx off\n");
}

TEST_F(VirtioInspect, one_device_is_reset_on_request) {
    EXPECT_EQ(run("virtio reset 1"), "");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(inspector.resets, "1\n");
    EXPECT_EQ(run("virtio reset 2"), "virtio reset: not found (no such VirtIO device)\n");
    EXPECT_EQ(status, 1);
    EXPECT_NE(run("virtio reset x"), "");
    for (const char* line : {"virtio reset", "virtio reset 0 1"})
        EXPECT_NE(run(line).find("Usage:"), std::string::npos) << line;
    EXPECT_EQ(inspector.resets, "1\n");
}

TEST_F(VirtioInspect, a_wrong_line_changes_nothing) {
    for (const char* line :
         {"virtio features", "virtio features 0 event_idx", "virtio features 0 event_idx maybe",
          "virtio features 0 a on b", "virtio stats 0 1", "virtio stats 0 reset 1", "virtio list 1"}) {
        EXPECT_NE(run(line).find("Usage:"), std::string::npos) << line;
        EXPECT_EQ(status, 1);
    }
    EXPECT_EQ(inspector.wishes, "");
    EXPECT_EQ(inspector.cleared, 0);
}

TEST_F(VirtioInspect, stats_of_one_device_or_all) {
    EXPECT_EQ(run("virtio stats 1"), "1: 0 clearings\nregister accesses since start: 4711\n");
    EXPECT_EQ(run("virtio stats 1 reset"), "");
    EXPECT_EQ(run("virtio stats"), "0: 1 clearings\n1: 1 clearings\nregister accesses since start: 4711\n");
    EXPECT_EQ(run("virtio stats reset"), "");
    EXPECT_EQ(inspector.cleared, 3);
    EXPECT_EQ(run("virtio stats 2"), "virtio stats: not found (no such VirtIO device)\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("virtio stats 2 reset"), "virtio stats: not found (no such VirtIO device)\n");
}

} // namespace
} // namespace vireo::test
