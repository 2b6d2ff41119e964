// SPDX-License-Identifier: Apache-2.0
// What a device may know comes back against a confirmed reset and nothing else (docs/decisions/0040).
#include "unit/support/complaints.h"

namespace vireo::test {
namespace {

usize live_buffers() { return hosted::DmaArena::instance().live_buffers(); }

TEST(ConfirmedReset, only_zero_confirms_and_what_was_written_before_is_seen_after) {
    Complaints complaints;
    unsigned barriers = 0;
    hosted::set_barrier_hook([&](hosted::Barrier kind) { barriers += kind == hosted::Barrier::Full; });
    for (u32 shown : {1u, 0x80u, 0xffu, 0x100u, 0xffff'ffffu})
        EXPECT_FALSE(dma::ConfirmedReset::when_zero(shown)) << shown;
    EXPECT_EQ(barriers, 0u);
    EXPECT_TRUE(dma::ConfirmedReset::when_zero(0));
    EXPECT_EQ(barriers, 1u);
}

TEST(DmaBuffer, is_freed_when_dropped_as_long_as_no_device_can_know_it) {
    Complaints complaints;
    {
        auto buffer = VIREO_MUST(dma::Buffer::create(64, 64));
        buffer.data()[0] = std::byte{1};
        dma::Buffer moved = std::move(buffer);
        EXPECT_EQ(live_buffers(), 1u);
    }
    EXPECT_EQ(live_buffers(), 0u);
}

TEST(DmaBuffer, is_left_to_the_device_that_may_know_it) {
    Complaints complaints;
    complaints.check_leaks = false;
    for (bool asks_for_part : {true, false}) {
        auto buffer = VIREO_MUST(dma::Buffer::create(64, 64));
        if (asks_for_part)
            (void)buffer.part<dma::FromDevice>(0, 8);
        else
            (void)buffer.bus();
        usize before = live_buffers();
        dma::Buffer moved = std::move(buffer); // who owns it makes no difference
        moved = dma::Buffer();
        EXPECT_EQ(live_buffers(), before);
    }
}

TEST(DmaBuffer, comes_back_against_a_confirmed_reset) {
    Complaints complaints;
    auto buffer = VIREO_MUST(dma::Buffer::create(64, 64));
    (void)buffer.bus();
    dma::Buffer moved = std::move(buffer);
    moved.give_back(confirmed_reset());
    EXPECT_EQ(live_buffers(), 0u);
}

} // namespace
} // namespace vireo::test
