// SPDX-License-Identifier: Apache-2.0
#include "unit/virtio/ring/packed_fixture.h"

namespace vireo::test {
namespace {

// --- what the device finds ---------------------------------------------------------------------------------

class PackedFormat : public PackedTest {
  protected:
    // The flags that say "available" on a lap.
    static u16 lap_flags(u32 lap) { return lap % 2 == 0 ? flag_avail : flag_used; }
};

// covers: ring.packed.01, ring.packed.02, ring.packed.27
TEST_F(PackedFormat, parts_are_aligned_and_zeroed) {
    for (u16 size : {1, 2, 3, 7, 8, 256, 32768}) {
        auto made = virtio::Queue::create({.ring = {.size = size, .packed = true}});
        ASSERT_TRUE(made);
        auto at = made->addresses();
        EXPECT_EQ(at.descriptors.value % 16, 0u);
        EXPECT_EQ(at.driver.value % 4, 0u);
        EXPECT_EQ(at.device.value % 4, 0u);
        u64 end = at.descriptors.value + 16 * u64{size};
        EXPECT_GE(at.driver.value, end);
        EXPECT_GE(at.device.value, at.driver.value + 4);
        PackedEnd fresh(at, size);
        for (const auto& descriptor : fresh.all())
            ASSERT_EQ(descriptor, PackedEnd::Descriptor{});
        EXPECT_EQ(fresh.driver_event(), 0);
        EXPECT_EQ(fresh.driver_event_flags(), 0);
        made->close(confirmed_reset());
    }
}

// covers: ring.packed.10, ring.packed.21, ring.packed.23
TEST_F(PackedFormat, a_list_is_consecutive_and_carries_its_id) {
    make(8);
    give_list(7, {512, 1});
    queue.publish();
    auto header = device->descriptor(0);
    EXPECT_EQ(header.bytes, 16u);
    EXPECT_EQ(header.flags, flag_avail | flag_next);
    auto data = device->descriptor(1);
    EXPECT_EQ(data.bytes, 512u);
    EXPECT_EQ(data.flags, flag_avail | flag_next | flag_write);
    auto status = device->descriptor(2);
    EXPECT_EQ(status.bytes, 1u);
    EXPECT_EQ(status.flags, flag_avail | flag_write) << "the last one ends the list";
    EXPECT_LT(status.id, 8);
    EXPECT_EQ(device->descriptor(3), PackedEnd::Descriptor{});

    auto taken = device->take();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->descriptors, 3);
    device->use(*taken, 513);
    expect_completion(7, 513);
}

// covers: ring.packed.14, ring.packed.15, ring.packed.17
TEST_F(PackedFormat, an_indirect_list_takes_one_descriptor_and_a_table) {
    make({.ring = {.size = 3}, .max_chain = 3, .indirect_tables = 3});
    for (u16 i = 0; i < 3; ++i)
        give_list(i, {512, 1});
    queue.publish();
    for (u16 i = 0; i < 3; ++i) {
        auto head = device->descriptor(i);
        EXPECT_EQ(head.flags, flag_avail | flag_indirect) << "neither NEXT nor WRITE";
        EXPECT_EQ(head.bytes, 3 * 16u);
        EXPECT_EQ(device->descriptor_at(head.address, 0).flags, 0);
        EXPECT_EQ(device->descriptor_at(head.address, 0).bytes, 16u);
        EXPECT_EQ(device->descriptor_at(head.address, 1).flags, flag_write);
        EXPECT_EQ(device->descriptor_at(head.address, 1).bytes, 512u);
        EXPECT_EQ(device->descriptor_at(head.address, 2).flags, flag_write);
        EXPECT_EQ(device->descriptor_at(head.address, 2).id, 0);
    }
    EXPECT_FALSE(queue.begin(1));
}

// covers: ring.packed.14
TEST_F(PackedFormat, without_tables_nothing_is_indirect) {
    make({.ring = {.size = 8}, .max_chain = 4, .indirect_tables = 0});
    give_list(0, {512, 1});
    give_list(1, {512, 1});
    queue.publish();
    for (const auto& descriptor : device->all())
        EXPECT_EQ(descriptor.flags & flag_indirect, 0);
}

// covers: ring.packed.07, ring.packed.08, ring.packed.09, ring.packed.16
TEST_F(PackedFormat, no_list_is_longer_than_queue_or_device_allow) {
    for (u16 tables : {0, 4})
        for (u16 size : {1, 2, 3, 7})
            for (u16 limit : {1, 2, 3, 18}) {
                make({.ring = {.size = size}, .max_chain = limit, .indirect_tables = tables});
                u16 allowed = std::min(size, limit);
                EXPECT_EQ(queue.max_chain(), allowed);
                auto chain = queue.begin(allowed);
                ASSERT_TRUE(chain);
                for (u16 i = 0; i < allowed; ++i)
                    ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(i, 1))));
                EXPECT_FALSE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(100, 1))));
                queue.submit(std::move(*chain), 5);
                queue.publish();
                auto taken = device->take();
                ASSERT_TRUE(taken);
                EXPECT_EQ(taken->descriptors, tables > 0 && allowed > 1 ? 1 : allowed);
                EXPECT_FALSE(device->take());
                device->use(*taken, allowed);
                expect_completion(5, allowed);
                queue.close(confirmed_reset());
            }
}

// covers: ring.packed.20, ring.packed.21
TEST_F(PackedFormat, wrap_counters_begin_at_one_and_toggle_behind_the_last_entry) {
    for (u16 size : {1, 2, 3, 7, 8}) {
        make(size);
        for (u32 place = 0; place < 5u * size; ++place) {
            auto offset = static_cast<u16>(place % size);
            give_unpublished(1);
            queue.publish();
            ASSERT_EQ(device->descriptor(offset).flags, lap_flags(place / size) | flag_write) << place;
            auto taken = device->take();
            ASSERT_TRUE(taken);
            ASSERT_FALSE(queue.harvest()) << "available is not used";
            // Neither is what was used on the other lap, nor one flag of the two.
            u16 available = device->descriptor(offset).flags;
            bool wrap = place / size % 2 == 0;
            for (int flags : {wrap ? 0 : flag_avail | flag_used, wrap ? +flag_used : +flag_avail}) {
                device->put_used(offset, taken->id, 16, static_cast<u16>(flags | flag_write));
                ASSERT_FALSE(queue.harvest()) << place;
            }
            device->put_used(offset, taken->id, 16, available);
            device->use(*taken, 16);
            expect_completion(1, 16);
        }
        queue.close(confirmed_reset());
    }
}

// covers: ring.packed.20, ring.packed.23
// Lists of changing lengths, used out of order, over many laps of rings whose size they do not divide: each
// used descriptor lies behind as many entries as the list before had.
TEST_F(PackedFormat, lists_are_skipped_by_their_own_length) {
    for (u16 size : {3, 5, 7, 8}) {
        make(size);
        for (u16 round = 0; round < 200; ++round) {
            u32 first = 1 + round % 2;
            if (first == 1)
                give_list(1, {4});
            else
                give_unpublished(1);
            give_unpublished(2);
            queue.publish();
            auto one = device->take();
            auto two = device->take();
            ASSERT_TRUE(one && two);
            ASSERT_EQ(one->descriptors, first == 1 ? 2 : 1);
            device->use(*two, 3);
            expect_completion(2, 3);
            device->use(*one, 4);
            expect_completion(1, 4);
        }
        queue.close(confirmed_reset());
    }
}

// A list is as long as its buffers, not as the room that was reserved for it: the next used
// descriptor lies behind that.
TEST_F(PackedFormat, entries_that_were_reserved_and_not_needed_are_not_skipped) {
    make(7);
    for (u16 round = 0; round < 20; ++round) {
        auto chain = queue.begin(4);
        ASSERT_TRUE(chain->add(*dma::share_to_device(Bytes(memory).first(8))));
        ASSERT_TRUE(chain->add(*dma::share_from_device(MutableBytes(memory).subspan(64, 8))));
        queue.submit(std::move(*chain), round);
        queue.publish();
        auto taken = device->take();
        ASSERT_TRUE(taken);
        ASSERT_EQ(taken->descriptors, 2);
        ASSERT_EQ(taken->first, round * 2 % 7);
        device->use(*taken, 8);
        expect_completion(round, 8);
    }
}

// covers: ring.packed.11, ring.packed.12
TEST_F(PackedFormat, a_list_that_does_not_fit_is_not_begun) {
    make(4);
    give_list(0, {8, 1});
    queue.publish();
    auto before = device->all();
    EXPECT_FALSE(queue.begin(2));
    queue.publish();
    EXPECT_EQ(device->all(), before);
    auto taken = device->take();
    device->use(*taken, 9);
    expect_completion(0, 9);
    give_list(1, {8, 1});
    queue.publish();
    EXPECT_EQ(device->take()->first, 3) << "it goes on where the first list ended, around the end";
}

// covers: ring.packed.03, ring.packed.04
// A full ring for many laps: whatever we do, only the entry that the device has just used changes.
TEST_F(PackedFormat, descriptors_are_left_alone_until_used) {
    make(5);
    std::vector<PackedEnd::Taken> outstanding;
    for (u16 i = 0; i < 5; ++i)
        outstanding.push_back(give(i));
    for (u32 place = 0; place < 40; ++place) {
        auto& taken = outstanding[place * 3 % 5];
        device->use(taken, 16);
        auto before = device->all();
        ASSERT_TRUE(queue.harvest());
        EXPECT_EQ(device->all(), before);
        give_unpublished(0);
        queue.publish();
        queue.needs_kick();
        EXPECT_FALSE(queue.harvest());
        before[place % 5] = device->descriptor(place % 5);
        EXPECT_EQ(device->all(), before) << place;
        taken = device->take().value_or(PackedEnd::Taken{});
        EXPECT_EQ(taken.first, place % 5);
    }
}

// covers: ring.packed.28
// No event is farther away than none, with and without EVENT_IDX.
TEST_F(PackedFormat, driver_events_are_disabled) {
    for (bool event_index : {false, true}) {
        make(3, event_index);
        for (u16 i = 0; i < 20; ++i) {
            EXPECT_EQ(device->driver_event_flags(), 1);
            cycle(i);
        }
        EXPECT_EQ(device->driver_event(), 0);
        queue.close(confirmed_reset());
    }
}

// --- notifications -----------------------------------------------------------------------------------------

using PackedKicks = PackedTest;

// covers: ring.packed.25
TEST_F(PackedKicks, event_flags_decide) {
    for (bool event_index : {false, true}) {
        make(8, event_index);
        EXPECT_FALSE(queue.needs_kick()) << "nothing published";
        // DESC for a place that is far: without EVENT_IDX it has no meaning, and 3 never has.
        // Then rather kick.
        for (u16 flags : {u16{0}, u16{1}, u16{2}, u16{3}, u16{0xfffd}}) {
            device->set_device_event(static_cast<u16>(5 | 0x8000), flags);
            auto taken = give(1);
            bool due = (flags & 3) == 0 || (flags & 3) == 3 || ((flags & 3) == 2 && !event_index);
            EXPECT_EQ(queue.needs_kick(), due) << flags;
            EXPECT_FALSE(queue.needs_kick()) << "nothing new";
            device->use(taken, 1);
            expect_completion(1, 1);
        }
        queue.close(confirmed_reset());
    }
}

// covers: ring.packed.26
// Every place that the device can ask for, against every batch, from every place of two laps.
TEST_F(PackedKicks, the_whole_batch_counts_around_the_wrap) {
    for (u16 size : {1, 2, 3, 5, 8}) {
        make(size, true);
        u32 place = 0; // counts on and on; offset and wrap counter follow from it
        for (u16 batch = 1; batch <= size; ++batch)
            for (u32 begin = 0; begin < 2u * size; ++begin)
                for (u32 asked = 0; asked < 2u * size; ++asked) {
                    auto offset = static_cast<u16>(asked % size);
                    bool wrap = asked / size == 0;
                    device->set_device_event(static_cast<u16>(offset | (wrap ? 0x8000 : 0)), 2);
                    bool due = false;
                    for (u16 i = 0; i < batch; ++i, ++place) {
                        due |= place % (2u * size) == asked;
                        give_unpublished(i, 1);
                        if (i == batch / 2)
                            queue.publish(); // what is published in two steps is one batch
                    }
                    queue.publish();
                    ASSERT_EQ(queue.needs_kick(), due)
                        << "size " << size << " place " << place << " batch " << batch << " asked " << asked;
                    while (auto taken = device->take()) {
                        device->use(*taken, 1);
                        ASSERT_TRUE(queue.harvest());
                    }
                }
        queue.close(confirmed_reset());
    }
}

TEST_F(PackedKicks, an_event_outside_the_ring_never_silences) {
    make(3, true);
    for (u16 offset : {3, 4, 6, 0x7fff}) {
        device->set_device_event(offset, 2);
        cycle(0);
        EXPECT_TRUE(queue.needs_kick());
    }
}

// More than two laps between two decisions: whatever the device asks for was passed.
TEST_F(PackedKicks, many_laps_without_a_decision) {
    make(2, true);
    for (u32 i = 0; i < 9; ++i)
        cycle(0);
    device->set_device_event(1, 2); // where the next one goes: passed two laps ago
    EXPECT_TRUE(queue.needs_kick());
}

// covers: ring.packed.05, ring.packed.06
TEST_F(PackedKicks, notification_data_is_the_next_place_and_its_wrap_counter) {
    for (u16 size : {1, 3, 8}) {
        make(size);
        for (u32 place = 0; place < 4u * size; ++place) {
            auto expected = static_cast<u16>(place % size | (place / size % 2 == 0 ? 0x8000 : 0));
            EXPECT_EQ(queue.notification_data(), expected);
            EXPECT_EQ(queue.notification_data(), expected) << "again, without anything new";
            give_unpublished(0);
            EXPECT_EQ(queue.notification_data(), expected) << "not available yet";
            queue.publish();
            auto taken = device->take();
            device->use(*taken, 16);
            expect_completion(0, 16);
        }
        queue.close(confirmed_reset());
    }
}

TEST_F(PackedKicks, notification_data_of_the_largest_ring) {
    make({.ring = {.size = 32768}, .max_chain = 1});
    for (u32 place = 0; place < 32768 + 2; ++place)
        cycle(static_cast<u16>(place));
    EXPECT_EQ(queue.notification_data(), 2);
}

// --- order -------------------------------------------------------------------------------------------------

using PackedOrder = PackedTest;

// covers: ring.packed.13, ring.packed.18
TEST_F(PackedOrder, publish_is_release) {
    for (u16 tables : {0, 2}) {
        make({.ring = {.size = 8}, .max_chain = 3, .indirect_tables = tables});
        cycle(0); // so that it is not about a fresh ring
        unsigned releases = 0;
        hosted::set_barrier_hook([&](hosted::Barrier kind) {
            if (kind != hosted::Barrier::Release)
                return;
            ++releases;
            EXPECT_FALSE(device->is_available(1, true))
                << "the first descriptor is exposed before the barrier";
            // All but its flags is there, and so are the descriptors behind it.
            EXPECT_EQ(device->descriptor(1).bytes, tables > 0 ? 48u : 16u);
            for (int i = 2; i < (tables > 0 ? 3 : 7); ++i)
                EXPECT_TRUE(device->is_available(static_cast<u16>(i), true)) << i;
            EXPECT_EQ(device->descriptor(tables > 0 ? 3 : 7), PackedEnd::Descriptor{});
            if (tables > 0) {
                EXPECT_EQ(device->descriptor_at(device->descriptor(1).address, 2).bytes, 1u);
                EXPECT_EQ(device->descriptor_at(device->descriptor(2).address, 2).bytes, 1u);
            }
        });
        give_list(1, {512, 1});
        give_list(2, {512, 1});
        EXPECT_FALSE(device->is_available(1, true));
        queue.publish();
        EXPECT_TRUE(device->is_available(1, true));
        EXPECT_EQ(releases, 1u) << "one barrier for the batch";
        queue.publish();
        EXPECT_EQ(releases, 1u) << "nothing new";
        hosted::set_barrier_hook(nullptr);
        queue.close(confirmed_reset());
    }
}

// covers: ring.packed.19
TEST_F(PackedOrder, kick_decision_is_after_full_barrier) {
    for (bool event_index : {false, true}) {
        make(8, event_index);
        device->set_device_event(0, 1);
        unsigned barriers = 0;
        // The device goes to sleep while we are in the barrier: it saw the descriptor before
        // it was available.
        hosted::set_barrier_hook([&](hosted::Barrier kind) {
            if (kind != hosted::Barrier::Full)
                return;
            ++barriers;
            EXPECT_TRUE(device->is_available(0, true)) << "exposed before the barrier";
            device->set_device_event(0x8000, event_index ? 2 : 0);
        });
        give_unpublished(0);
        queue.publish();
        EXPECT_TRUE(queue.needs_kick());
        EXPECT_EQ(barriers, 1u);
        hosted::set_barrier_hook(nullptr);
        queue.close(confirmed_reset());
    }
}

// covers: ring.packed.29
TEST_F(PackedOrder, entry_is_read_after_flags_acquire) {
    make(8);
    auto taken = give(5);
    device->put_used(taken.first, 7, 0xdead,
                     flag_avail | flag_used | flag_write); // id and length lie there from before
    unsigned acquires = 0;
    hosted::set_barrier_hook([&](hosted::Barrier kind) {
        if (kind != hosted::Barrier::Acquire)
            return;
        ++acquires;
        device->set_id_and_length(taken.first, taken.id, 9); // become visible no later than here
    });
    expect_completion(5, 9);
    EXPECT_EQ(acquires, 1u);
}

// --- what the device may lie about -------------------------------------------------------------------------

using PackedLies = PackedTest;

// covers: ring.packed.30
TEST_F(PackedLies, used_id_out_of_range_breaks_queue_not_memory) {
    for (u16 id : {u16{7}, u16{8}, u16{0x7fff}, u16{0xffff}}) {
        make(7);
        give(0);
        device->use(id, 0, 1);
        expect_broken();
        queue.close(confirmed_reset());
    }
}

// covers: ring.packed.31
TEST_F(PackedLies, used_id_not_outstanding_is_rejected_once) {
    make(7);
    auto taken = give(0);
    device->use(static_cast<u16>((taken.id + 1) % 7), 0, 1);
    expect_broken();
}

// covers: ring.packed.31
TEST_F(PackedLies, a_chain_completes_once) {
    make(7);
    auto taken = give(0);
    give(1);
    device->use(taken, 0);
    device->use(taken, 0);
    expect_completion(0, 0);
    expect_broken();
}

TEST_F(PackedLies, a_chain_that_was_not_published_cannot_be_used) {
    make(7);
    give(0);
    give_unpublished(1);
    device->use(device->descriptor(1).id, 0, 1);
    expect_broken();
    queue.close(confirmed_reset());

    // With nothing published at all the place is not even looked at.
    make(7);
    give_unpublished(1);
    device->use(device->descriptor(0).id, 0, 1);
    EXPECT_FALSE(queue.harvest());
    EXPECT_FALSE(queue.fault());
}

TEST_F(PackedLies, used_len_larger_than_capacity_is_device_error) {
    make(7);
    auto taken = give(0, 16);
    device->use(taken, 17);
    expect_broken();
}

// covers: ring.packed.22
TEST_F(PackedLies, without_write_the_length_means_nothing) {
    make(7);
    device->use(give(0, 16), 5);
    expect_completion(0, 5);
    for (u32 bytes : {1u, 16u, 17u, 0xffff'ffffu}) {
        auto taken = give(1, 16);
        device->use(taken.id, bytes, 1, 0);
        expect_completion(1, 0);
    }
    device->use(give(2, 16), 6);
    expect_completion(2, 6);
}

// covers: ring.packed.22
TEST_F(PackedLies, address_and_next_of_a_used_descriptor_mean_nothing) {
    make(7);
    give_list(3, {8, 1});
    give_unpublished(4);
    queue.publish();
    auto list = device->take();
    auto single = device->take();
    device->use(list->id, 9, list->descriptors, flag_write | flag_next | flag_indirect);
    device->overwrite(0, {~u64{0}, 9, list->id, device->descriptor(0).flags});
    expect_completion(3, 9);
    device->use(*single, 16);
    expect_completion(4, 16);
}

// QEMU never sets WRITE in a used descriptor, and the length is right (decision 0016).
TEST_F(PackedLies, a_device_that_never_sets_write_is_believed) {
    make(7);
    for (u32 bytes : {16u, 5u, 0u}) {
        auto taken = give(1, 16);
        device->use(taken.id, bytes, 1, 0);
        expect_completion(1, bytes);
    }
    auto taken = give(1, 16);
    device->use(taken.id, 17, 1, 0);
    expect_completion(1, 0);
}

TEST_F(PackedLies, device_rewriting_descriptors_changes_nothing) {
    make(8);
    for (u16 round = 0; round < 10; ++round) {
        give_list(9, {8, 1});
        give_unpublished(8);
        queue.publish();
        auto list = device->take();
        auto single = device->take();
        ASSERT_TRUE(list && single);
        // One by one the places behind the used descriptor, lengths, ids and all; not available, not used.
        u16 lap = device->descriptor(single->first).flags & (flag_avail | flag_used);
        for (u16 i = 0; i < list->descriptors; ++i)
            device->overwrite((list->first + i) % 8,
                              {0xbad0'0000, 0xffff'ffff, 0xffff, static_cast<u16>(lap | 7)});
        device->use(*list, 9);
        expect_completion(9, 9);
        device->use(*single, 16);
        expect_completion(8, 16);
    }
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    for (u16 i = 0; i < 8; ++i)
        give(i); // all eight entries are there again
}

TEST_F(PackedLies, harvest_without_news_is_nothing) {
    make(7);
    EXPECT_FALSE(queue.harvest());
    give(0);
    EXPECT_FALSE(queue.harvest());
    EXPECT_FALSE(queue.fault());
}

// --- the end -----------------------------------------------------------------------------------------------

using PackedClosing = PackedTest;

TEST_F(PackedClosing, after_a_confirmed_reset_buffers_come_back_and_memory_is_freed) {
    make({.ring = {.size = 7}, .max_chain = 4, .indirect_tables = 2});
    give(0);
    give_list(1, {8, 1});
    queue.close(confirmed_reset());
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    EXPECT_EQ(hosted::DmaArena::instance().live_buffers(), 0u);
}

TEST_F(PackedClosing, without_one_everything_is_left_to_the_device) {
    complaints.check_leaks = false;
    make({.ring = {.size = 7}, .max_chain = 4, .indirect_tables = 2});
    give_list(0, {8});
    queue = {};
    EXPECT_EQ(hosted::DmaArena::instance().open_shares(), 0u);
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 2u);
    EXPECT_EQ(hosted::DmaArena::instance().live_buffers(), 2u);
}

TEST_F(PackedClosing, no_memory_for_a_ring_is_an_error) {
    for (unsigned n : {1u, 2u}) {
        hosted::DmaArena::instance().fail_allocation(n);
        auto made = virtio::Queue::create(
            {.ring = {.size = 7, .packed = true}, .max_chain = 4, .indirect_tables = 2});
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, ErrorCode::NoMemory);
        EXPECT_EQ(hosted::DmaArena::instance().live_buffers(), 0u);
    }
}

} // namespace
} // namespace vireo::test
