// SPDX-License-Identifier: Apache-2.0
// The split ring as the device sees it (section 2.7).
#include "unit/support/ring_bench.h"

namespace vireo::test {
namespace {

using hosted::Barrier;

// defects-seen.txt; covers: ring.split.01, ring.split.02, ring.split.03, ring.split.25
TEST(RingLayout, ring_parts_are_aligned) {
    for (u16 size = 1; size != 0 && size <= 32768; size = static_cast<u16>(size * 2)) {
        RingBench bench({.size = size, .event_idx = true});
        const auto& setup = bench.device->setup();
        EXPECT_EQ(setup.descriptors % 16, 0u) << size;
        EXPECT_EQ(setup.driver_area % 2, 0u) << size;
        EXPECT_EQ(setup.device_area % 4, 0u) << size;
        // The parts must not lie over each other, with the event words of 2.7.10 behind the rings.
        EXPECT_GE(setup.driver_area, setup.descriptors + 16 * u64{size});
        EXPECT_GE(setup.device_area, setup.driver_area + 6 + 2 * u64{size});
        bench.cycle(7);
    }
}

// covers: ring.legacy.01, ring.legacy.02, ring.legacy.03
TEST(RingLayout, legacy_ring_is_one_block_with_the_used_ring_on_the_next_page) {
    for (u16 size : {1, 2, 128, 256, 1024, 32768}) {
        RingBench bench({.size = size, .legacy = true});
        const auto& setup = bench.device->setup();
        EXPECT_EQ(setup.descriptors % 4096, 0u);
        EXPECT_EQ(setup.driver_area, setup.descriptors + 16 * u64{size});
        u64 used = (setup.driver_area + 6 + 2 * u64{size} + 4095) / 4096 * 4096;
        EXPECT_EQ(setup.device_area, used);
        bench.cycle(1);
    }
}

// defects-seen.txt: values on the wire, written out; covers: ring.split.16, ring.split.17, ring.legacy.04
TEST(RingLayout, avail_flags_wire_value) {
    for (bool event_idx : {false, true}) {
        RingBench bench({.event_idx = event_idx});
        bench.cycle(0);
        EXPECT_LE(bench.split().available_flags(), event_idx ? 0 : 1);
    }
}

// defects-seen.txt
TEST(RingLayout, big_endian_ring_indices) {
    RingBench bench({.size = 8});
    ASSERT_TRUE(bench.submit(3, {0x0201}, {}));
    bench.publish();
    const auto& setup = bench.device->setup();
    auto* ring =
        hosted::DmaArena::instance().reach(setup.driver_area, 4, hosted::DmaArena::Use::Read, "test");
    ASSERT_TRUE(ring);
    EXPECT_EQ(ring[2], std::byte{1}); // low byte first
    EXPECT_EQ(ring[3], std::byte{0});
    auto chain = bench.device->take();
    ASSERT_TRUE(chain);
    auto* entry = hosted::DmaArena::instance().reach(setup.descriptors + 16 * chain->head, 16,
                                                     hosted::DmaArena::Use::Read, "test");
    EXPECT_EQ(entry[8], std::byte{0x01}); // the length, 0x0201
    EXPECT_EQ(entry[9], std::byte{0x02});
    bench.give_back(*chain, 0);
    EXPECT_TRUE(bench.queue.harvest());
}

// covers: ring.split.04, ring.split.07, ring.split.38
TEST(RingChains, a_chain_is_what_was_added_in_order) {
    for (bool indirect : {false, true}) {
        RingBench bench({.size = 8, .indirect = indirect});
        ASSERT_TRUE(bench.submit(9, {16, 512}, {100, 1}));
        bench.publish();
        auto chain = bench.device->take();
        ASSERT_TRUE(chain);
        EXPECT_EQ(chain->is_indirect, indirect);
        ASSERT_EQ(chain->readable.size(), 2u);
        ASSERT_EQ(chain->writable.size(), 2u);
        EXPECT_EQ(chain->readable[0].bytes, 16u);
        EXPECT_EQ(chain->readable[1].bytes, 512u);
        EXPECT_EQ(chain->writable[0].bytes, 100u);
        EXPECT_EQ(chain->writable[1].bytes, 1u);
        bench.give_back(*chain, 101);
        auto done = bench.queue.harvest();
        ASSERT_TRUE(done);
        EXPECT_EQ(done->token, 9);
        EXPECT_EQ(done->written, 101u);
    }
}

// covers: ring.split.04
TEST(RingChains, readable_behind_writable_is_refused) {
    RingBench bench({});
    auto chain = bench.queue.begin(2);
    ASSERT_TRUE(chain);
    ASSERT_TRUE(chain->add(VIREO_MUST(dma::share_from_device(bench.memory(4)))));
    EXPECT_FALSE(chain->add(VIREO_MUST(dma::share_to_device(bench.memory(4)))));
}

// covers: ring.split.06
TEST(RingChains, more_than_4_gib_are_refused) {
    RingBench bench({});
    auto chain = bench.queue.begin(3);
    ASSERT_TRUE(chain);
    // Pool mappings of a size that nobody allocated: the chain only adds up.
    auto huge = [&] {
        return dma::Span<dma::ToDevice>(
            dma::Mapping{bench.memory(1).data(), 0xf000'0000, dma::Direction::ToDevice, true, {0x1000}});
    };
    EXPECT_TRUE(chain->add(huge()));
    EXPECT_FALSE(chain->add(huge()));
}

// covers: ring.split.10, ring.split.11, ring.split.12, ring.split.13
TEST(RingChains, no_chain_is_longer_than_the_queue) {
    for (bool indirect : {false, true})
        for (u16 size : {1, 2, 4}) {
            RingBench bench({.size = size, .indirect = indirect, .max_chain = 16});
            EXPECT_LE(bench.queue.max_chain(), size);
            if (size == 1) {
                ASSERT_TRUE(bench.submit(0, {8}, {}));
            } else {
                ASSERT_TRUE(bench.submit(0, {8}, {1}));
            }
            bench.publish();
            auto chains = bench.take_all();
            ASSERT_EQ(chains.size(), 1u);
            bench.give_back(chains[0], 0);
            ASSERT_TRUE(bench.queue.harvest());
        }
}

// covers: ring.split.37
TEST(RingChains, a_full_queue_says_so_and_goes_on_later) {
    for (bool indirect : {false, true}) {
        RingBench bench({.size = 4, .indirect = indirect});
        unsigned room = bench.queue.capacity(2);
        EXPECT_EQ(room, indirect ? 4u : 2u);
        u16 token = 0;
        while (bench.submit(token, {16}, {1}))
            ++token;
        EXPECT_EQ(token, room);
        bench.publish();
        auto chains = bench.take_all();
        ASSERT_EQ(chains.size(), room);
        bench.give_back(chains.back(), 1);
        auto done = bench.queue.harvest();
        ASSERT_TRUE(done);
        EXPECT_EQ(done->token, room - 1);
        EXPECT_TRUE(bench.submit(99, {16}, {1}));
        EXPECT_FALSE(bench.submit(100, {16}, {1}));
    }
}

// A chain that is dropped gives back room and memory.
TEST(RingChains, a_dropped_chain_leaves_no_trace) {
    RingBench bench({.size = 4});
    for (int i = 0; i < 10; ++i) {
        auto chain = bench.queue.begin(4);
        ASSERT_TRUE(chain);
        ASSERT_TRUE(chain->add(VIREO_MUST(dma::share_to_device(bench.memory(4)))));
    }
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    EXPECT_FALSE(bench.publish());
    EXPECT_FALSE(bench.device->take());
}

// covers: ring.split.15
// More than two rounds of the 16-bit index, one by one and in batches: nothing is lost, nothing comes twice.
TEST(RingIndices, indices_wrap) {
    for (bool event_idx : {false, true}) {
        RingBench bench({.size = 4, .event_idx = event_idx});
        for (u32 i = 0; i < 66'000; ++i) {
            bench.cycle(static_cast<u16>(i));
            if (testing::Test::HasFailure())
                return;
        }
        EXPECT_EQ(bench.split().used_index(), static_cast<u16>(66'000));
    }
}

// defects-seen.txt; covers: ring.split.18, ring.split.19, ring.split.30, ring.split.31
// The kick decision at every place of the event index around a batch, with indices just below the wrap.
TEST(RingIndices, event_idx_wraps_at_65535) {
    RingBench bench({.size = 16, .event_idx = true});
    for (u32 i = 0; i < 65'530; ++i)
        bench.cycle(0);
    for (u32 round = 0; round < 40; ++round) {
        u16 before = bench.split().available_index();
        for (int offset = -3; offset < 6; ++offset) {
            u16 asked = static_cast<u16>(bench.split().available_index() + offset);
            bench.split().set_avail_event(asked);
            u16 first = bench.split().available_index();
            for (u16 i = 0; i < 3; ++i)
                ASSERT_TRUE(bench.submit(i, {8}, {}));
            bench.queue.publish();
            bool kick = bench.queue.needs_kick();
            // Entries first, first+1 and first+2 were added: a kick is due exactly if one of them
            // is the one asked for.
            bool due = asked == first || asked == static_cast<u16>(first + 1) ||
                       asked == static_cast<u16>(first + 2);
            EXPECT_EQ(kick, due) << "entry " << first << ", asked for " << asked;
            EXPECT_EQ(bench.device->notification_is_due(), due);
            for (auto& chain : bench.take_all())
                bench.give_back(chain, 0);
            while (bench.queue.harvest())
                ;
        }
        EXPECT_EQ(static_cast<u16>(before + 27), bench.split().available_index());
    }
}

// covers: ring.split.26, ring.split.27, ring.split.28
TEST(RingNotifications, without_event_idx_only_the_flag_counts) {
    RingBench bench({.size = 8, .event_idx = false});
    for (u16 event : {0, 1, 0x7fff, 0xffff}) {
        bench.split().set_avail_event(event); // must be ignored
        for (u16 flags : {0, 1}) {
            bench.split().set_used_flags(flags);
            ASSERT_TRUE(bench.submit(0, {8}, {}));
            bench.queue.publish();
            EXPECT_EQ(bench.queue.needs_kick(), flags == 0);
            bench.device->notification_is_due();
            for (auto& chain : bench.take_all())
                bench.give_back(chain, 0);
            ASSERT_TRUE(bench.queue.harvest());
        }
    }
}

// covers: ring.split.29
TEST(RingNotifications, with_event_idx_the_flag_is_ignored) {
    RingBench bench({.size = 8, .event_idx = true});
    for (u16 flags : {0, 1, 0xffff}) {
        bench.split().set_used_flags(flags);
        bench.split().set_avail_event(bench.split().available_index());
        ASSERT_TRUE(bench.submit(0, {8}, {}));
        EXPECT_TRUE(bench.publish());
        for (auto& chain : bench.take_all())
            bench.give_back(chain, 0);
        ASSERT_TRUE(bench.queue.harvest());
    }
}

TEST(RingNotifications, nothing_published_needs_no_kick) {
    RingBench bench({.size = 8});
    EXPECT_FALSE(bench.publish());
    ASSERT_TRUE(bench.submit(0, {8}, {}));
    EXPECT_TRUE(bench.publish());
    EXPECT_FALSE(bench.queue.needs_kick());
}

// --- order (the other processor is staged inside the barriers) ---------------------------------------------------

// defects-seen.txt; covers: ring.split.32
// Whatever is published must have been complete at the last release barrier before.
TEST(RingOrder, publish_is_release) {
    for (bool indirect : {false, true}) {
        RingBench bench({.size = 8, .indirect = indirect});
        u64 releases = 0;
        std::vector<std::vector<fake::Chain::Piece>> seen;
        hosted::set_barrier_hook([&](Barrier kind) {
            if (kind == Barrier::Acquire)
                return;
            ++releases;
            EXPECT_EQ(bench.split().available_index(), kind == Barrier::Release ? 0 : 2)
                << "the index moved before the barrier, or not before the check";
            if (kind != Barrier::Release)
                return;
            // Peek at what is about to be published: the entries must be there already.
            fake::SplitRing peek(bench.device->setup());
            const auto& setup = bench.device->setup();
            auto& arena = hosted::DmaArena::instance();
            auto* index = arena.reach(setup.driver_area + 2, 2, hosted::DmaArena::Use::Read, "test");
            index[0] = std::byte{2};
            while (auto chain = peek.take())
                seen.push_back(chain->readable);
            index[0] = std::byte{0};
        });
        ASSERT_TRUE(bench.submit(1, {16}, {}));
        ASSERT_TRUE(bench.submit(2, {32, 64}, {}));
        bench.queue.publish();
        bench.queue.needs_kick();
        hosted::set_barrier_hook(nullptr);
        EXPECT_GE(releases, 2u);
        ASSERT_EQ(seen.size(), 2u);
        EXPECT_EQ(seen[0].size(), 1u);
        EXPECT_EQ(seen[1].size(), 2u);
        bench.device->notification_is_due();
        for (auto& chain : bench.take_all())
            bench.give_back(chain, 0);
        while (bench.queue.harvest())
            ;
    }
}

// defects-seen.txt; covers: ring.split.33
// The device goes to sleep (asks for a notification) between our publishing and our look at its word, which
// only the full barrier makes visible: the kick must not be lost.
TEST(RingOrder, kick_decision_is_after_full_barrier) {
    for (bool event_idx : {false, true}) {
        RingBench bench({.size = 8, .event_idx = event_idx});
        bench.device->ask_for_notification(false);
        ASSERT_TRUE(bench.submit(0, {8}, {}));
        bool slept = false;
        hosted::set_barrier_hook([&](Barrier kind) {
            if (kind != Barrier::Full || slept)
                return;
            EXPECT_EQ(bench.split().available_index(), 1)
                << "the barrier comes before the index is published";
            slept = true;
            bench.device->ask_for_notification(true); // had seen the index before it moved
        });
        bench.queue.publish();
        EXPECT_TRUE(bench.queue.needs_kick());
        hosted::set_barrier_hook(nullptr);
        EXPECT_TRUE(slept);
        bench.device->notification_is_due();
        bench.give_back(*bench.device->take(), 0);
        EXPECT_TRUE(bench.queue.harvest());
    }
}

// defects-seen.txt; covers: ring.split.39
// The index becomes visible before the element does; only the read barrier orders them.
TEST(RingOrder, entry_is_read_after_index_acquire) {
    RingBench bench({.size = 8});
    ASSERT_TRUE(bench.submit(42, {8}, {4}));
    bench.publish();
    auto chain = bench.device->take();
    ASSERT_TRUE(chain);
    bench.split().set_used_element(0, 0xdead, 0xdead); // not there yet
    bench.split().set_used_index(1);
    bool arrived = false;
    hosted::set_barrier_hook([&](Barrier kind) {
        if (kind != Barrier::Release && !arrived) {
            arrived = true;
            bench.split().set_used_element(0, chain->head, 4);
        }
    });
    auto done = bench.queue.harvest();
    hosted::set_barrier_hook(nullptr);
    EXPECT_TRUE(arrived);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->token, 42);
    EXPECT_EQ(done->written, 4u);
}

// --- a device that lies ------------------------------------------------------------------------------------------

void expect_broken(RingBench& bench) {
    EXPECT_FALSE(bench.queue.harvest());
    ASSERT_TRUE(bench.queue.fault());
    EXPECT_EQ(bench.queue.fault()->code, ErrorCode::DeviceBroken);
    // For good: what comes later, even if it were right, is not taken.
    bench.device->give_back(0, 0);
    EXPECT_FALSE(bench.queue.harvest());
}

// defects-seen.txt; covers: ring.split.36
TEST(LyingRing, used_id_out_of_range_breaks_queue_not_memory) {
    for (u32 id : {8u, 9u, 0x100u, 0xffffu, 0x1'0000u, 0x8000'0000u, 0xffff'ffffu}) {
        RingBench bench({.size = 8});
        ASSERT_TRUE(bench.submit(0, {8}, {4}));
        bench.publish();
        auto chains = bench.take_all();
        bench.device->give_back(id, 0);
        expect_broken(bench);
    }
}

// defects-seen.txt; covers: ring.split.36
TEST(LyingRing, used_id_not_a_head_is_rejected_once) {
    RingBench bench({.size = 8});
    ASSERT_TRUE(bench.submit(0, {8, 8}, {4}));
    bench.publish();
    auto chain = bench.device->take();
    ASSERT_TRUE(chain);
    for (u32 id = 0; id < 8; ++id)
        if (id != chain->head) {
            bench.device->give_back(id, 0);
            break;
        }
    expect_broken(bench);
}

TEST(LyingRing, a_chain_used_twice_completes_once) {
    RingBench bench({.size = 8});
    ASSERT_TRUE(bench.submit(5, {8}, {4}));
    ASSERT_TRUE(bench.submit(6, {8}, {4}));
    bench.publish();
    auto chains = bench.take_all();
    ASSERT_EQ(chains.size(), 2u);
    bench.device->give_back(chains[0].head, 4);
    bench.device->give_back(chains[0].head, 4);
    auto done = bench.queue.harvest();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->token, 5);
    expect_broken(bench);
}

TEST(LyingRing, progress_beyond_what_is_in_flight_breaks_the_queue) {
    for (u16 index : {2, 8, 9, 0x8000, 0xffff}) {
        RingBench bench({.size = 8});
        ASSERT_TRUE(bench.submit(0, {8}, {}));
        bench.publish();
        auto chains = bench.take_all();
        bench.split().set_used_index(index);
        EXPECT_FALSE(bench.queue.harvest());
        EXPECT_TRUE(bench.queue.fault());
    }
}

TEST(LyingRing, a_used_index_that_goes_back_breaks_the_queue) {
    RingBench bench({.size = 8});
    for (u16 i = 0; i < 5; ++i)
        bench.cycle(i);
    ASSERT_TRUE(bench.submit(5, {8}, {}));
    bench.publish();
    bench.split().set_used_index(4);
    EXPECT_FALSE(bench.queue.harvest());
    EXPECT_TRUE(bench.queue.fault());
}

// defects-seen.txt; covers: ring.split.24
TEST(LyingRing, used_len_larger_than_capacity_is_device_error) {
    for (u32 bytes : {5u, 0x1'0000u, 0xffff'ffffu}) {
        RingBench bench({.size = 8});
        ASSERT_TRUE(bench.submit(0, {8}, {3, 1}));
        bench.publish();
        auto chains = bench.take_all();
        bench.device->give_back(chains[0].head, bytes);
        expect_broken(bench);
    }
}

// covers: ring.legacy.06
TEST(LyingRing, a_legacy_used_len_is_cut_not_believed) {
    RingBench bench({.size = 8, .legacy = true});
    ASSERT_TRUE(bench.submit(1, {8}, {3, 1}));
    bench.publish();
    auto chains = bench.take_all();
    bench.device->give_back(chains[0].head, 12);
    auto done = bench.queue.harvest();
    ASSERT_TRUE(done);
    EXPECT_LE(done->written, 4u);
    EXPECT_FALSE(bench.queue.has_exact_lengths());
}

// covers: ring.split.23
TEST(LyingRing, a_short_used_len_is_passed_on) {
    RingBench bench({.size = 8});
    ASSERT_TRUE(bench.submit(1, {8}, {100}));
    bench.publish();
    auto chains = bench.take_all();
    bench.device->give_back(chains[0].head, 3);
    auto done = bench.queue.harvest();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->written, 3u);
}

// covers: gen.cleanup.01
TEST(LyingRing, descriptors_that_the_device_rewrote_do_not_matter) {
    for (bool indirect : {false, true}) {
        RingBench bench({.size = 8, .indirect = indirect});
        for (u16 round = 0; round < 20; ++round) {
            ASSERT_TRUE(bench.submit(round, {8, 8}, {4, 4}));
            bench.publish();
            auto chain = bench.device->take();
            ASSERT_TRUE(chain);
            bench.device->scribble(*chain);
            bench.give_back(*chain, 8);
            auto done = bench.queue.harvest();
            ASSERT_TRUE(done);
            EXPECT_EQ(done->token, round);
        }
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    }
}

// A queue that is closed while the device does not answer keeps its memory from everybody else.
// covers: gen.vqreset.02
TEST(LyingRing, memory_of_a_device_that_is_not_quiet_is_given_up) {
    RingBench bench({.size = 8});
    bench.complaints.check_leaks = false;
    ASSERT_TRUE(bench.submit(0, {8}, {4}));
    bench.publish();
    auto chain = bench.device->take();
    ASSERT_TRUE(chain);
    bench.queue = {};
    u8 late[4] = {1, 2, 3, 4};
    EXPECT_TRUE(chain->write(0, late, 4)); // still the device's: it hurts nobody
    bench.device->give_back(chain->head, 4);
}

} // namespace
} // namespace vireo::test
