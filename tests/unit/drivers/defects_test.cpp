// SPDX-License-Identifier: Apache-2.0
// Rows of defects-seen.txt that were seen in network and console drivers, as far as the same mistake could be
// made in the drivers that there are. Those drivers get tests of their own when they come.
#include "unit/support/machine.h"

namespace vireo::test {
namespace {

using fake::Blk;

class DefectsOnModern : public testing::TestWithParam<Bus> {};
INSTANTIATE_TEST_SUITE_P(All, DefectsOnModern, on(modern_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, DefectsOnModern, on(packed_buses), bus_name);

// A used length below what an answer always has (here: the status byte behind the data) must not become a
// huge length by subtraction: the answer is an error, and no byte of it counts.
TEST_P(DefectsOnModern, used_len_shorter_than_header_drops_frame) {
    Machine machine(GetParam());
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    for (u32 written : {0u, 1u}) {
        disk.faults.lie = [=](fake::Completion& c) { c.bytes_written = written; };
        auto bytes = bytes_of(512);
        auto ended = machine.disk()->read(0, bytes);
        ASSERT_FALSE(ended) << written;
        EXPECT_EQ(ended.error().code, ErrorCode::Io) << written;
        EXPECT_TRUE(machine.state() == virtio::Session::State::Running);
    }
    disk.faults.lie = nullptr;
    auto bytes = bytes_of(512);
    ASSERT_TRUE(machine.disk()->read(3, bytes));
    EXPECT_TRUE(has_pattern(bytes, 3));
}

// A number that the device names (there: of ports, here: of queues) does not size what the driver allocates.
TEST_P(DefectsOnModern, port_count_from_device_is_bounded) {
    usize buffers = 0;
    for (u16 claimed : {u16{8}, u16{0xffff}}) {
        Machine machine(GetParam());
        Blk& disk = machine.plug_disk(8192, 8);
        disk.set_num_queues(claimed);
        machine.start();
        ASSERT_TRUE(machine.disk());
        usize now = hosted::DmaArena::instance().live_buffers();
        if (claimed != 8)
            EXPECT_EQ(now, buffers);
        buffers = now;
    }
}

} // namespace
} // namespace vireo::test
