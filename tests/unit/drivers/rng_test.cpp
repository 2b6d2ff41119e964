// SPDX-License-Identifier: Apache-2.0
// The entropy driver against the fake device (section 5.4).
#include "unit/support/machine.h"

namespace vireo::test {
namespace {

class RngOnBus : public OnBus {
  protected:
    // The bytes that the device gives from its `skip`-th on.
    static bool is_sequence(Bytes bytes, u64 skip) {
        for (usize i = 0; i < bytes.size(); ++i)
            if (bytes[i] != static_cast<std::byte>(fake::Rng::byte_at(skip + i)))
                return false;
        return true;
    }
};
INSTANTIATE_TEST_SUITE_P(All, RngOnBus, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, RngOnBus, on(packed_buses), bus_name);

// covers: rng.01, rng.02
TEST_P(RngOnBus, fills_any_length) {
    fake::Rng& rng = machine.plug_rng();
    machine.start();
    ASSERT_TRUE(machine.entropy());
    for (usize count : {1u, 2u, 63u, 64u, 4096u, 100'000u}) {
        u64 before = rng.bytes_given();
        auto bytes = bytes_of(count);
        ASSERT_TRUE(machine.entropy()->read(bytes)) << count;
        EXPECT_TRUE(is_sequence(bytes, before)) << count;
    }
}

// covers: rng.02, rng.03, ring.split.21, ring.split.22
// defects-seen.txt: bytes behind the used length are what was in the buffer before, not randomness.
TEST_P(RngOnBus, rx_delivers_used_length_not_posted_length) {
    fake::Rng& rng = machine.plug_rng();
    rng.at_most = 5;
    machine.start();
    ASSERT_TRUE(machine.entropy());
    auto bytes = bytes_of(64);
    ASSERT_TRUE(machine.entropy()->read(bytes));
    EXPECT_TRUE(is_sequence(bytes, 0));
}

// covers: rng.02
TEST_P(RngOnBus, a_device_that_gives_nothing_is_an_error) {
    fake::Rng& rng = machine.plug_rng();
    rng.at_most = 0;
    machine.start();
    ASSERT_TRUE(machine.entropy());
    auto bytes = bytes_of(16);
    u64 begin = hosted::clock_now();
    EXPECT_FALSE(machine.entropy()->read(bytes));
    EXPECT_LT(hosted::clock_now() - begin, 60 * hosted::second);
}

// covers: rng.03
TEST_P(RngOnBus, a_length_beyond_the_request_is_never_believed) {
    fake::Rng& rng = machine.plug_rng();
    rng.at_most = 4;
    rng.faults.lie = [](fake::Completion& c) { c.bytes_written = 0xffff'ffff; };
    machine.start();
    ASSERT_TRUE(machine.entropy());
    auto bytes = bytes_of(16);
    auto ended = machine.entropy()->read(bytes);
    // A legacy length may be cut to the request; the interface has no better word. A modern
    // one is a broken device.
    if (!is_legacy(GetParam())) {
        ASSERT_FALSE(ended);
        EXPECT_EQ(ended.error().code, ErrorCode::DeviceBroken);
    }
}

TEST_P(RngOnBus, a_silent_device_times_out) {
    fake::Rng& rng = machine.plug_rng();
    machine.start();
    ASSERT_TRUE(machine.entropy());
    rng.faults.never_completes = true;
    u64 resets = rng.resets();
    auto bytes = bytes_of(16);
    u64 begin = hosted::clock_now();
    auto ended = machine.entropy()->read(bytes);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::Timeout);
    EXPECT_LT(hosted::clock_now() - begin, 60 * hosted::second);
    EXPECT_EQ(machine.state(), virtio::Session::State::Aside);
    EXPECT_EQ(machine.entropy()->read(bytes).error().code, ErrorCode::Timeout);
    EXPECT_EQ(rng.resets(), resets);
    rng.faults.never_completes = false;
    rng.finish_held();
    u64 before = rng.bytes_given();
    ASSERT_TRUE(machine.entropy()->read(bytes));
    EXPECT_TRUE(is_sequence(bytes, before)) << "the late answer was not used";
    EXPECT_EQ(rng.resets(), resets + 1);
}

// A byte now and then breaks the silence, and is not worth waiting for.
TEST_P(RngOnBus, a_device_that_trickles_is_given_up) {
    fake::Rng& rng = machine.plug_rng();
    rng.at_most = 1;
    machine.start();
    ASSERT_TRUE(machine.entropy());
    for (u64 time : {9 * hosted::second, 3 * hosted::second, hosted::second}) {
        rng.latency = [time](u64) { return time; };
        auto bytes = bytes_of(64);
        u64 begin = hosted::clock_now();
        auto ended = machine.entropy()->read(bytes);
        ASSERT_FALSE(ended);
        EXPECT_EQ(ended.error().code, ErrorCode::Timeout);
        EXPECT_STREQ(ended.error().what, "entropy device gives less than 8 bytes in a second");
        EXPECT_LE(hosted::clock_now() - begin, 14 * hosted::second);
        ASSERT_TRUE(machine.loop.sleep(event::Duration::seconds(20)));
    }
    rng.latency = nullptr;
    auto bytes = bytes_of(64);
    ASSERT_TRUE(machine.entropy()->read(bytes));
}

// As QEMU rations it with max-bytes=16,period=1000.
TEST_P(RngOnBus, a_host_that_rations_randomness_is_waited_for) {
    fake::Rng& rng = machine.plug_rng();
    rng.at_most = 16;
    rng.latency = [](u64) { return hosted::second; };
    machine.start();
    ASSERT_TRUE(machine.entropy());
    auto bytes = bytes_of(640);
    ASSERT_TRUE(machine.entropy()->read(bytes));
}

TEST_P(RngOnBus, two_sources_have_two_numbers) {
    machine.plug_rng();
    machine.plug_disk();
    machine.plug_rng();
    machine.start();
    ASSERT_TRUE(machine.entropy(0));
    ASSERT_TRUE(machine.entropy(1));
    EXPECT_NE(machine.entropy(0), machine.entropy(1));
}

} // namespace
} // namespace vireo::test
