// SPDX-License-Identifier: Apache-2.0
#include "unit/virtio/ring/fixture.h"

namespace vireo::test {
namespace {

using virtio::Chain;

// --- what the device finds ---------------------------------------------------------------------------------

class Layout : public RingTest {
  protected:
    // Header to the device, data and status from it.
    void give_three(u16 token) {
        auto chain = queue.begin(4);
        ASSERT_TRUE(chain);
        ASSERT_TRUE(chain->add(*dma::share_to_device(Bytes(memory).first(16))));
        ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(512, 1024))));
        ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(2048, 1))));
        queue.submit(std::move(*chain), token);
        queue.publish();
    }
};

// covers: ring.split.04, ring.split.07, ring.split.38
TEST_F(Layout, a_direct_chain_is_linked_through_the_table_and_ends) {
    make(8);
    give_three(7);
    ASSERT_EQ(device->available_index(), 1);
    auto first = device->descriptor(device->available(0));
    EXPECT_EQ(first.bytes, 16u);
    EXPECT_EQ(first.flags, flag_next);
    auto second = device->descriptor(first.next);
    EXPECT_EQ(second.bytes, 1024u);
    EXPECT_EQ(second.flags, flag_next | flag_write);
    auto third = device->descriptor(second.next);
    EXPECT_EQ(third.bytes, 1u);
    EXPECT_EQ(third.flags, flag_write);
    EXPECT_EQ(third.next, 0);

    device->fill(second.address, 1024, 0x5a);
    device->use(device->available(0), 1025);
    auto done = queue.harvest();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->token, 7);
    EXPECT_EQ(done->written, 1025u);
    EXPECT_EQ(memory[512], std::byte{0x5a});
    EXPECT_EQ(memory[1535], std::byte{0x5a});
    EXPECT_FALSE(queue.harvest());
}

// covers: ring.split.10, ring.split.11, ring.split.13
TEST_F(Layout, an_indirect_chain_takes_one_entry_and_a_table) {
    make({.ring = {.size = 4}, .max_chain = 4, .indirect_tables = 2});
    give_three(1);
    auto head = device->descriptor(device->available(0));
    EXPECT_EQ(head.flags, flag_indirect);
    EXPECT_EQ(head.bytes, 3 * 16u);
    EXPECT_EQ(device->descriptor_at(head.address, 0).flags, flag_next);
    EXPECT_EQ(device->descriptor_at(head.address, 0).next, 1);
    EXPECT_EQ(device->descriptor_at(head.address, 1).flags, flag_next | flag_write);
    EXPECT_EQ(device->descriptor_at(head.address, 1).next, 2);
    EXPECT_EQ(device->descriptor_at(head.address, 2).flags, flag_write);
    EXPECT_EQ(device->descriptor_at(head.address, 2).bytes, 1u);
    EXPECT_EQ(queue.capacity(3), 2);
}

TEST_F(Layout, chains_are_direct_when_the_tables_are_out) {
    make({.ring = {.size = 8}, .max_chain = 4, .indirect_tables = 1});
    give_three(0);
    give_three(1);
    EXPECT_EQ(device->descriptor(device->available(0)).flags, flag_indirect);
    EXPECT_EQ(device->descriptor(device->available(1)).flags, flag_next);
    device->use(device->available(0), 0);
    ASSERT_TRUE(queue.harvest());
    give_three(2);
    EXPECT_EQ(device->descriptor(device->available(2)).flags, flag_indirect);
}

// covers: ring.legacy.02, ring.legacy.03
TEST_F(Layout, the_legacy_layout_is_one_block_with_the_used_ring_on_a_page) {
    make({.ring = {.size = 256, .contiguous = true}, .max_chain = 1});
    auto at = queue.addresses();
    EXPECT_EQ(at.descriptors.value % 4096, 0u);
    EXPECT_EQ(at.driver.value - at.descriptors.value, 16 * 256u);
    EXPECT_EQ(at.device.value - at.descriptors.value, 8192u);
    give(0);
    device->use(device->available(0), 16);
    EXPECT_TRUE(queue.harvest());
}

// covers: ring.split.01, ring.split.02, ring.split.03, ring.split.25
TEST_F(Layout, ring_parts_are_aligned) {
    for (u16 size : {1, 2, 4, 64, 1024}) {
        make(size);
        auto at = queue.addresses();
        EXPECT_EQ(at.descriptors.value % 16, 0u);
        EXPECT_EQ(at.driver.value % 2, 0u);
        EXPECT_EQ(at.device.value % 4, 0u);
        queue.close(confirmed_reset());
    }
}

// covers: ring.split.16, ring.split.17, ring.split.18
TEST_F(Layout, avail_flags_wire_value) {
    make(4, false);
    EXPECT_EQ(device->available_flags(), 1);
    queue.close(confirmed_reset());
    make(4, true);
    EXPECT_EQ(device->available_flags(), 0);
}

// --- building ----------------------------------------------------------------------------------------------

using Building = RingTest;

// covers: ring.split.04
TEST_F(Building, readable_after_writable_is_refused) {
    make(8);
    auto chain = queue.begin(2);
    ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).first(8))));
    EXPECT_FALSE(chain->add(*dma::share_to_device(Bytes(memory).subspan(64, 8))));
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 1u) << "the refused buffer is ours again";
}

// covers: ring.split.12
TEST_F(Building, no_chain_is_longer_than_the_queue) {
    make({.ring = {.size = 2}, .max_chain = 18, .indirect_tables = 2});
    EXPECT_EQ(queue.max_chain(), 2);
    auto chain = queue.begin(2);
    ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).first(1))));
    ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(1, 1))));
    EXPECT_FALSE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(2, 1))));
}

// covers: ring.split.06
TEST_F(Building, a_chain_of_four_gigabytes_is_refused) {
    make(8);
    auto chain = queue.begin(2);
    // Never touched, so it need not be there: pool memory is not looked up until the device comes.
    dma::Mapping large{memory, 0xffff'ffff, dma::Direction::FromDevice, true, {0x1000}};
    ASSERT_TRUE(chain->add(dma::Span<dma::FromDevice>(large)));
    EXPECT_FALSE(chain->add(*dma::share_from_device(MutableBytes(memory).first(1))));
}

TEST_F(Building, an_empty_buffer_is_refused) {
    make(8);
    auto chain = queue.begin(1);
    EXPECT_FALSE(chain->add(dma::Span<dma::FromDevice>()));
}

TEST_F(Building, a_dropped_chain_gives_room_and_buffers_back) {
    for (u16 tables : {0, 2}) {
        make({.ring = {.size = 4}, .max_chain = 4, .indirect_tables = tables});
        for (int round = 0; round < 10; ++round) {
            auto chain = queue.begin(4);
            ASSERT_TRUE(chain);
            ASSERT_TRUE(chain->add(*dma::share_to_device(Bytes(memory).first(8))));
            ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(64, 8))));
            Chain moved = std::move(*chain);
        }
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
        EXPECT_EQ(queue.in_flight(), 0);
        queue.publish();
        EXPECT_EQ(device->available_index(), 0);
        queue.close(confirmed_reset());
    }
}

// covers: ring.split.37
TEST_F(Building, a_full_ring_takes_nothing_until_something_is_used) {
    make(4);
    for (u16 i = 0; i < 4; ++i)
        give(i);
    EXPECT_FALSE(queue.begin(1));
    device->use(device->available(2), 16);
    ASSERT_EQ(queue.harvest()->token, 2);
    EXPECT_FALSE(queue.begin(2));
    EXPECT_TRUE(queue.begin(1));
}

TEST_F(Building, entries_that_were_reserved_and_not_needed_come_back) {
    make(4);
    auto chain = queue.begin(4);
    ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).first(8))));
    queue.submit(std::move(*chain), 0);
    EXPECT_TRUE(queue.begin(3));
}

// --- notifications -----------------------------------------------------------------------------------------

using Kicks = RingTest;

// covers: ring.split.26, ring.split.27, ring.split.28
TEST_F(Kicks, without_event_index_the_flag_decides) {
    make(8);
    device->set_avail_event(1234);
    give(0);
    EXPECT_TRUE(queue.needs_kick());
    EXPECT_FALSE(queue.needs_kick()) << "nothing new";
    device->set_used_flags(1);
    give(1);
    EXPECT_FALSE(queue.needs_kick());
}

// covers: ring.split.29, ring.split.30, ring.split.31
TEST_F(Kicks, with_event_index_the_whole_batch_counts) {
    make(8, true);
    device->set_used_flags(1); // to be ignored
    device->set_avail_event(1);
    give(0);
    EXPECT_FALSE(queue.needs_kick());
    give_unpublished(1); // index 1: the wanted one, but not the last of its batch
    give_unpublished(2);
    give(3);
    EXPECT_TRUE(queue.needs_kick());
    give(4);
    EXPECT_FALSE(queue.needs_kick());
}

// covers: ring.split.15, ring.split.30
TEST_F(Kicks, event_idx_wraps_at_65535) {
    make(2, true);
    for (u32 i = 0; i < 70'000; ++i) {
        auto index = static_cast<u16>(i);
        bool wants = i % 3 == 0;
        device->set_avail_event(wants ? index : static_cast<u16>(index - 1));
        u16 id = give(static_cast<u16>(i % 7));
        ASSERT_EQ(device->available_index(), static_cast<u16>(i + 1));
        ASSERT_EQ(queue.needs_kick(), wants) << i;
        // The device would notify when it uses the entry with index used_event: never.
        ASSERT_NE(device->used_event(), index) << i;
        device->use(id, 1);
        auto done = queue.harvest();
        ASSERT_TRUE(done) << i;
        ASSERT_EQ(done->token, i % 7);
    }
}

// covers: ring.split.33
TEST_F(Kicks, kick_decision_is_after_full_barrier) {
    make(8, true);
    device->set_avail_event(77);
    give(0);
    // The device goes to sleep while we are in the barrier: it saw the old index and asks for the entry just
    // published.
    hosted::set_barrier_hook([&](hosted::Barrier kind) {
        if (kind == hosted::Barrier::Full) {
            EXPECT_EQ(device->available_index(), 1) << "the index is out before the barrier";
            device->set_avail_event(0);
        }
    });
    EXPECT_TRUE(queue.needs_kick());
}

// covers: ring.split.32
TEST_F(Kicks, publish_is_release) {
    make(8);
    bool seen = false;
    hosted::set_barrier_hook([&](hosted::Barrier kind) {
        if (kind != hosted::Barrier::Release)
            return;
        seen = true;
        EXPECT_EQ(device->available_index(), 0) << "not visible yet";
        EXPECT_EQ(device->descriptor(device->available(0)).bytes, 16u) << "complete before it is visible";
    });
    give(0);
    EXPECT_TRUE(seen);
}

// --- what the device may lie about -------------------------------------------------------------------------

using Lies = RingTest;

// covers: ring.split.39
TEST_F(Lies, entry_is_read_after_index_acquire) {
    make(8);
    u16 id = give(5);
    device->put_used(0, 0xdead, 0); // what lay there before
    device->set_used_index(1);
    hosted::set_barrier_hook([&](hosted::Barrier kind) {
        if (kind == hosted::Barrier::Acquire)
            device->put_used(0, id, 16); // becomes visible no later than here
    });
    auto done = queue.harvest();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->token, 5);
}

// covers: ring.split.36
TEST_F(Lies, used_id_out_of_range_breaks_queue_not_memory) {
    for (u32 id : {8u, 9u, 0x7fffu, 0x10000u, 0xffff'ffffu}) {
        make(8);
        give(0);
        device->use(id, 0);
        expect_broken();
        queue.close(confirmed_reset());
    }
}

// covers: ring.split.36
TEST_F(Lies, used_id_not_a_head_is_rejected_once) {
    make(8);
    u16 id = give(0);
    device->use((id + 1u) % 8, 0);
    expect_broken();
}

TEST_F(Lies, a_middle_of_a_chain_is_no_head) {
    make(8);
    auto chain = queue.begin(2);
    ASSERT_TRUE(chain->add(*dma::share_to_device(Bytes(memory).first(8))));
    ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(64, 8))));
    queue.submit(std::move(*chain), 0);
    queue.publish();
    device->use(device->descriptor(device->available(0)).next, 0);
    expect_broken();
}

TEST_F(Lies, a_chain_completes_once) {
    make(8);
    u16 id = give(0);
    give(1);
    device->use(id, 0);
    device->use(id, 0);
    ASSERT_TRUE(queue.harvest());
    expect_broken();
}

TEST_F(Lies, used_index_beyond_what_was_given) {
    for (u16 index : {u16{3}, u16{0x8000}, u16{0xffff}}) {
        make(8);
        give(0);
        give(1);
        device->set_used_index(index);
        expect_broken();
        queue.close(confirmed_reset());
    }
}

TEST_F(Lies, a_chain_that_was_not_published_cannot_be_used) {
    make(8);
    give(0);
    give_unpublished(1);
    u16 unpublished = device->available(1); // the ring entry is there, the index is not
    device->use(unpublished, 0);
    expect_broken();
}

// covers: ring.split.24
TEST_F(Lies, used_len_larger_than_capacity_is_device_error) {
    make(8);
    u16 id = give(0, 16);
    device->use(id, 17);
    expect_broken();
}

// covers: ring.legacy.06
TEST_F(Lies, legacy_lengths_are_cut_and_called_inexact) {
    make({.ring = {.size = 8}, .max_chain = 1, .clamp_lengths = true});
    EXPECT_FALSE(queue.has_exact_lengths());
    u16 id = give(3, 16);
    device->use(id, 0xffff'ffff);
    auto done = queue.harvest();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->written, 16u);
}

// covers: ring.split.23
TEST_F(Lies, a_short_length_is_what_the_driver_gets) {
    make(8);
    u16 id = give(3, 16);
    device->use(id, 5);
    EXPECT_EQ(queue.harvest()->written, 5u);
}

TEST_F(Lies, device_rewriting_descriptors_changes_nothing) {
    make(8);
    auto chain = queue.begin(3);
    ASSERT_TRUE(chain->add(*dma::share_to_device(Bytes(memory).first(8))));
    ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(64, 8))));
    ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(128, 8))));
    queue.submit(std::move(*chain), 9);
    queue.publish();
    u16 id = device->available(0);
    for (u16 i = 0; i < 8; ++i)
        device->overwrite_descriptor(i, 0xbad0'0000, 0xffff'ffff, 0xffff, 0xffff);
    device->use(id, 16);
    auto done = queue.harvest();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->written, 16u);
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    for (u16 i = 0; i < 8; ++i)
        give(i); // all eight entries are there again
}

// covers: ring.split.20
TEST_F(Lies, harvest_without_news_is_nothing) {
    make(8);
    EXPECT_FALSE(queue.harvest());
    give(0);
    EXPECT_FALSE(queue.harvest());
    EXPECT_FALSE(queue.fault());
}

// --- the end -----------------------------------------------------------------------------------------------

using Closing = RingTest;

TEST_F(Closing, after_a_confirmed_reset_buffers_come_back_and_memory_is_freed) {
    make({.ring = {.size = 8}, .max_chain = 4, .indirect_tables = 2});
    give(0);
    give(1);
    queue.close(confirmed_reset());
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    EXPECT_EQ(hosted::DmaArena::instance().live_buffers(), 0u);
}

TEST_F(Closing, without_one_everything_is_left_to_the_device) {
    complaints.check_leaks = false;
    make({.ring = {.size = 8}, .max_chain = 4, .indirect_tables = 2});
    give_list(0, {8}); // through a table
    EXPECT_EQ(hosted::DmaArena::instance().open_shares(), 2u);
    queue = {};
    EXPECT_EQ(hosted::DmaArena::instance().open_shares(), 0u) << "abandoned by itself";
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 2u);
    EXPECT_EQ(hosted::DmaArena::instance().live_buffers(), 2u);
}

TEST_F(Closing, no_memory_for_a_ring_is_an_error) {
    for (unsigned n : {1u, 2u}) {
        hosted::DmaArena::instance().fail_allocation(n);
        auto made = virtio::Queue::create({.ring = {.size = 8}, .max_chain = 4, .indirect_tables = 2});
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, ErrorCode::NoMemory);
        EXPECT_EQ(hosted::DmaArena::instance().live_buffers(), 0u);
    }
}

} // namespace
} // namespace vireo::test
