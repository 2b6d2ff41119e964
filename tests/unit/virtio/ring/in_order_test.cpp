// SPDX-License-Identifier: Apache-2.0
// VIRTIO_F_IN_ORDER in both formats (sections 2.7.9 and 2.8.8).
#include "unit/virtio/ring/packed_fixture.h"

namespace vireo::test {
namespace {

constexpr virtio::RingOptions in_order(u16 size) { return {.size = size, .in_order = true}; }

// --- split -------------------------------------------------------------------------------------------------

class InOrder : public RingTest {
  protected:
    // The head of the chain that was made available as the n-th.
    u16 head(u16 n) const { return device->available(n); }
};

// covers: ring.split.08, ring.split.09
TEST_F(InOrder, descriptors_are_taken_in_ring_order_around_the_end) {
    for (u16 size : {4, 8}) {
        make({.ring = in_order(size), .max_chain = 4});
        u16 at = 0;
        for (u16 n = 0; n < 100; ++n) {
            u16 length = n % 3 + 1;
            if (length == 1)
                give_unpublished(n);
            else if (length == 2)
                give_list(n, {8});
            else
                give_list(n, {8, 1});
            queue.publish();
            ASSERT_EQ(head(n), at) << n;
            for (u16 i = 0; i < length; ++i) {
                auto descriptor = device->descriptor(at);
                at = static_cast<u16>((at + 1) % size);
                ASSERT_EQ(descriptor.flags & flag_next, i + 1 < length ? flag_next : 0);
                if (i + 1 < length) {
                    ASSERT_EQ(descriptor.next, at) << "x + 1, and 0 behind the last one";
                }
            }
            device->use(head(n), 1);
            expect_completion(n, 1);
        }
        queue.close(confirmed_reset());
    }
}

// covers: ring.split.09
// Room is reserved and given back in any order; places in the table are taken by submission alone.
TEST_F(InOrder, chains_that_are_dropped_or_overtaken_leave_no_gap) {
    make({.ring = in_order(8), .max_chain = 4});
    for (u16 n = 0; n < 50; n += 2) {
        auto dropped = queue.begin(3);
        auto first = queue.begin(2);
        auto second = queue.begin(1);
        ASSERT_TRUE(dropped && first && second);
        ASSERT_TRUE(dropped->add(*dma::share_from_device(MutableBytes(memory).first(4))));
        ASSERT_TRUE(second->add(*dma::share_from_device(MutableBytes(memory).subspan(64, 4))));
        ASSERT_TRUE(first->add(*dma::share_from_device(MutableBytes(memory).subspan(128, 4))));
        queue.submit(std::move(*second), static_cast<u16>(n + 1));
        dropped.reset();
        queue.submit(std::move(*first), n); // one buffer, though there was room for two
        queue.publish();
        ASSERT_EQ(head(n), n % 8);
        ASSERT_EQ(head(static_cast<u16>(n + 1)), (n + 1) % 8);
        device->use(head(n), 4);
        device->use(head(static_cast<u16>(n + 1)), 4);
        expect_completion(static_cast<u16>(n + 1), 4);
        expect_completion(n, 4);
    }
}

// covers: ring.split.09, ring.split.14
TEST_F(InOrder, indirect_tables_are_sequential_and_take_the_next_descriptor) {
    make({.ring = in_order(4), .max_chain = 4, .indirect_tables = 4});
    for (u16 n = 0; n < 20; ++n) {
        give_list(n, {8, 8, 1});
        queue.publish();
        ASSERT_EQ(head(n), n % 4);
        auto entry = device->descriptor(head(n));
        ASSERT_EQ(entry.flags, flag_indirect);
        for (u16 i = 0; i < 4; ++i) {
            EXPECT_EQ(device->descriptor_at(entry.address, i).next, i + 1);
            EXPECT_EQ(device->descriptor_at(entry.address, i).flags & flag_next, i < 3 ? flag_next : 0);
        }
        device->use(head(n), 17);
        expect_completion(n, 17);
    }
}

// covers: ring.split.34, ring.split.35
TEST_F(InOrder, one_used_entry_stands_for_a_batch) {
    make({.ring = in_order(8), .max_chain = 2});
    u16 first = 0;
    for (u16 round = 0; round < 30; ++round) {
        for (u16 i = 0; i < 8; ++i)
            give_unpublished(i, 10u + i);
        queue.publish();
        // Three, then five: the second entry lies three behind the first.
        device->put_used(first, head(static_cast<u16>(first + 2)), 7);
        device->put_used(static_cast<u16>(first + 3), head(static_cast<u16>(first + 7)), 9);
        if (round % 2 == 0)
            device->set_used_index(static_cast<u16>(first + 3));
        else
            device->set_used_index(static_cast<u16>(first + 8));
        expect_completion(0, 10);
        expect_completion(1, 11);
        EXPECT_EQ(queue.in_flight(), 6);
        expect_completion(2, 7);
        if (round % 2 == 0) {
            EXPECT_FALSE(queue.harvest());
            device->set_used_index(static_cast<u16>(first + 8));
        }
        for (u16 i = 3; i < 7; ++i)
            expect_completion(i, 10u + i);
        expect_completion(7, 9);
        EXPECT_FALSE(queue.harvest());
        EXPECT_FALSE(queue.fault());
        first = static_cast<u16>(first + 8);
    }
}

// New chains go in while a batch is being taken out.
TEST_F(InOrder, a_batch_is_taken_out_one_by_one_while_others_are_added) {
    make({.ring = in_order(4), .max_chain = 1});
    for (u16 i = 0; i < 4; ++i)
        give(i);
    device->put_used(0, head(3), 16);
    device->set_used_index(4);
    for (u16 i = 0; i < 4; ++i) {
        expect_completion(i, 16);
        give(static_cast<u16>(10 + i));
    }
    EXPECT_FALSE(queue.harvest());
    device->put_used(4, head(7), 16);
    device->set_used_index(8);
    for (u16 i = 0; i < 4; ++i)
        expect_completion(static_cast<u16>(10 + i), 16);
}

// defects-seen.txt's used_id_not_a_head, in order
TEST_F(InOrder, a_device_that_leaves_the_order_is_broken) {
    make({.ring = in_order(8), .max_chain = 4});
    give(0);
    u16 second = give(1);
    device->use(second, 16); // the index says one buffer, the id says two
    expect_broken();
    queue.close(confirmed_reset());

    make({.ring = in_order(8), .max_chain = 4});
    u16 first = give(0);
    give(1);
    device->use(first, 16);
    device->use(first, 16);
    expect_completion(0, 16);
    expect_broken();
}

TEST_F(InOrder, a_middle_of_a_chain_is_no_head) {
    make({.ring = in_order(8), .max_chain = 4});
    give_list(0, {8, 1});
    queue.publish();
    device->use(1, 1);
    expect_broken();
}

TEST_F(InOrder, used_id_out_of_range_breaks_queue_not_memory) {
    for (u32 id : {8u, 0xffffu, 0x1'0000u, 0xffff'ffffu}) {
        make({.ring = in_order(8), .max_chain = 4});
        give(0);
        give(1);
        device->put_used(0, id, 16);
        device->set_used_index(2);
        expect_broken();
        queue.close(confirmed_reset());
    }
}

TEST_F(InOrder, a_batch_ends_before_what_was_not_published) {
    make({.ring = in_order(8), .max_chain = 4});
    give(0);
    give(1);
    give_unpublished(2);
    device->put_used(0, 2, 16); // its descriptor, as it will be
    device->set_used_index(2);
    expect_broken();
}

TEST_F(InOrder, used_len_larger_than_capacity_is_device_error) {
    make({.ring = in_order(8), .max_chain = 4});
    give(0, 100);
    u16 last = give(1, 16);
    device->put_used(0, last, 17);
    device->set_used_index(2);
    expect_broken();
}

// --- packed ------------------------------------------------------------------------------------------------

using PackedInOrder = PackedTest;

// covers: ring.packed.24
TEST_F(PackedInOrder, one_used_descriptor_stands_for_a_batch) {
    for (u16 size : {8, 11}) {
        make({.ring = in_order(size), .max_chain = 3});
        for (u16 round = 0; round < 60; ++round) {
            give_list(0, {8, 1});
            give_unpublished(1, 20);
            give_list(2, {30});
            give_unpublished(3, 40);
            queue.publish();
            u16 descriptors = 0;
            PackedEnd::Taken chains[4];
            for (auto& chain : chains)
                chain = device->take().value_or(PackedEnd::Taken{});
            for (int i = 0; i < 3; ++i)
                descriptors = static_cast<u16>(descriptors + chains[i].descriptors);
            EXPECT_EQ(descriptors, 6);
            device->use(chains[2].id, 25, descriptors);
            expect_completion(0, 9);
            expect_completion(1, 20);
            EXPECT_EQ(queue.in_flight(), 2);
            expect_completion(2, 25);
            EXPECT_FALSE(queue.harvest());
            device->use(chains[3], 4);
            expect_completion(3, 4);
        }
        queue.close(confirmed_reset());
    }
}

// covers: ring.packed.24
TEST_F(PackedInOrder, a_batch_of_eight_in_a_ring_of_eight) {
    make({.ring = in_order(8), .max_chain = 1});
    for (u16 round = 0; round < 10; ++round) {
        for (u16 i = 0; i < 8; ++i)
            give_unpublished(i, 10u + i);
        queue.publish();
        u16 last = 0;
        while (auto taken = device->take())
            last = taken->id;
        device->use(last, 3, 8);
        for (u16 i = 0; i < 7; ++i)
            expect_completion(i, 10u + i);
        expect_completion(7, 3);
    }
}

TEST_F(PackedInOrder, a_device_that_leaves_the_order_is_broken) {
    make({.ring = in_order(7), .max_chain = 1});
    auto first = give(0);
    give(1);
    device->use(first, 16);
    device->use(first, 16);
    expect_completion(0, 16);
    expect_broken();
}

TEST_F(PackedInOrder, used_id_out_of_range_breaks_queue_not_memory) {
    for (u16 id : {u16{6}, u16{7}, u16{0xffff}}) {
        make({.ring = in_order(7), .max_chain = 1});
        give(0);
        give(1);
        device->use(id, 16, 1);
        expect_broken();
        queue.close(confirmed_reset());
    }
}

TEST_F(PackedInOrder, a_batch_ends_before_what_was_not_published) {
    make({.ring = in_order(7), .max_chain = 1});
    give(0);
    give_unpublished(1);
    device->use(device->descriptor(1).id, 16, 2);
    expect_broken();
}

TEST_F(PackedInOrder, used_len_larger_than_capacity_is_device_error) {
    make({.ring = in_order(7), .max_chain = 1});
    give(0, 100);
    auto last = give(1, 16);
    device->use(last.id, 17, 2);
    expect_broken();
}

// --- in order and not --------------------------------------------------------------------------------------

// The largest queue, full, beginning in the middle of a lap.
template <typename UseAll> void fill_largest(virtio::Queue& queue, UseAll&& use_all) {
    SharedMemory pool(64, 64);
    for (u32 round = 0; round < 2; ++round) {
        u32 wanted = round == 0 ? 3 : 32768;
        for (u32 i = 0; i < wanted; ++i) {
            auto chain = queue.begin(1);
            ASSERT_TRUE(chain) << i;
            ASSERT_TRUE(chain->add(pool.part<dma::FromDevice>(0, 4)));
            queue.submit(std::move(*chain), static_cast<u16>(i));
        }
        EXPECT_EQ(queue.begin(1).has_value(), round == 0);
        EXPECT_EQ(queue.in_flight(), wanted);
        queue.publish();
        EXPECT_TRUE(queue.needs_kick());
        use_all(wanted);
        for (u32 i = 0; i < wanted; ++i) {
            auto done = queue.harvest();
            ASSERT_TRUE(done) << i;
            ASSERT_EQ(done->token, i);
            ASSERT_EQ(done->written, 4u);
        }
        EXPECT_FALSE(queue.harvest());
        EXPECT_FALSE(queue.fault());
    }
    EXPECT_EQ(queue.in_flight(), 0);
    queue.close(confirmed_reset());
}

TEST_F(InOrder, queue_of_32768) {
    for (bool ordered : {false, true}) {
        make({.ring = {.size = 32768, .in_order = ordered}, .max_chain = 1});
        u16 index = 0;
        fill_largest(queue, [&](u32 count) {
            for (u32 i = 0; i < count && !ordered; ++i, ++index)
                device->put_used(index, device->available(index), 4);
            if (ordered) {
                device->put_used(index, device->available(static_cast<u16>(index + count - 1)), 4);
                index = static_cast<u16>(index + count);
            }
            device->set_used_index(index);
        });
    }
}

TEST_F(PackedInOrder, queue_of_32768) {
    for (bool ordered : {false, true}) {
        make({.ring = {.size = 32768, .in_order = ordered}, .max_chain = 1});
        fill_largest(queue, [&](u32 count) {
            for (u32 i = 0; i < count; ++i) {
                auto taken = device->take();
                ASSERT_TRUE(taken);
                if (!ordered)
                    device->use(*taken, 4);
                else if (i + 1 == count)
                    device->use(taken->id, 4, static_cast<u16>(count));
            }
        });
    }
}

// covers: ring.split.15
TEST_F(InOrder, indices_wrap_in_batches) {
    make({.ring = in_order(8), .max_chain = 1});
    for (u32 first = 0; first < 70'000; first += 7) {
        for (u16 i = 0; i < 7; ++i)
            give_unpublished(i, 1);
        queue.publish();
        ASSERT_EQ(device->available_index(), static_cast<u16>(first + 7));
        ASSERT_EQ(head(static_cast<u16>(first + 6)), (first + 6) % 8);
        device->put_used(static_cast<u16>(first), head(static_cast<u16>(first + 6)), 1);
        device->set_used_index(static_cast<u16>(first + 7));
        for (u16 i = 0; i < 7; ++i) {
            auto done = queue.harvest();
            ASSERT_TRUE(done) << first;
            ASSERT_EQ(done->token, i);
        }
    }
}

TEST_F(InOrder, buffers_of_a_batch_that_nobody_took_come_back_with_the_queue) {
    make({.ring = in_order(8), .max_chain = 1});
    for (u16 i = 0; i < 4; ++i)
        give(i);
    device->put_used(0, head(3), 16);
    device->set_used_index(4);
    expect_completion(0, 16);
    queue.close(confirmed_reset());
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
}

// covers by not using: ring.split.40
// Notifications stay off from the start to the end, so there is no moment at which one could be missed.
TEST_F(InOrder, notifications_stay_suppressed) {
    for (bool event_index : {false, true}) {
        make({.ring = {.size = 4, .event_index = event_index, .in_order = true}, .max_chain = 1});
        for (u16 n = 0; n < 100; ++n) {
            EXPECT_EQ(device->available_flags(), event_index ? 0 : 1);
            device->use(give(n), 16);
            if (event_index) {
                EXPECT_NE(device->used_event(), n) << "a notification when this one is used";
            }
            expect_completion(n, 16);
            EXPECT_FALSE(queue.harvest());
        }
        queue.close(confirmed_reset());
    }
}

} // namespace
} // namespace vireo::test
