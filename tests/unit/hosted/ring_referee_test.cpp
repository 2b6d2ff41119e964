// SPDX-License-Identifier: Apache-2.0
// The fakes' rings bite: a bad driver, played here word by word, is told which requirement of section 2.7 or
// 2.8 it broke. Numbers of the formats are written out.
#include "hosted/fakes/packed_ring.h"
#include "hosted/fakes/split_ring.h"
#include "unit/support/complaints.h"

namespace vireo::test {
namespace {

using fake::PackedRing;
using fake::Ring;
using fake::SplitRing;

constexpr u16 next = 1, writable = 2, indirect = 4;
constexpr u16 first_lap = 0x80;    // available: AVAIL set, USED clear
constexpr u16 second_lap = 0x8000; // the other way round

struct Rules {
    u16 size = 4;
    bool event_idx = false;
    bool indirect = false;
    bool in_order = false;
};

class RingReferee : public testing::Test {
  protected:
    fake::RingSetup setup(const Rules& rules, bool packed) {
        u64 bus = memory.bus().value;
        return {"ring",          rules.size,     bus,    bus + 1024,    bus + (packed ? 1032 : 1536),
                rules.event_idx, rules.indirect, packed, rules.in_order};
    }
    void put16(u64 offset, u16 value) { std::memcpy(memory.data() + offset, &value, 2); }
    u16 get16(u64 offset) {
        u16 value;
        std::memcpy(&value, memory.data() + offset, 2);
        return value;
    }
    void put_descriptor(u64 offset, u64 address, u32 bytes, u16 third, u16 fourth) {
        std::memcpy(memory.data() + offset, &address, 8);
        std::memcpy(memory.data() + offset + 8, &bytes, 4);
        put16(offset + 12, third);
        put16(offset + 14, fourth);
    }
    u64 data(u64 offset = 0) { return memory.bus().value + 2048 + offset; }
    u64 table() { return memory.bus().value + 3072; }

    Complaints complaints;
    SharedMemory memory{4096};
};

// --- packed ------------------------------------------------------------------------------------------------------

class PackedReferee : public RingReferee {
  protected:
    static constexpr u64 driver_event = 1024;
    static constexpr u64 device_event = 1032;

    PackedRing& make(const Rules& rules = {}) {
        ring.emplace(setup(rules, true));
        ring->check_fresh();
        return *ring;
    }
    void put(u16 entry, u16 id, u16 flags, u32 bytes = 8) {
        put_descriptor(16 * entry, data(16 * entry), bytes, id, flags);
    }
    void put_in_table(u16 entry, u16 flags) {
        put_descriptor(3072 + 16 * entry, data(16 * entry), 8, 0, flags);
    }
    u16 flags_of(u16 entry) { return get16(16 * entry + 14); }

    std::optional<PackedRing> ring;
};

TEST_F(PackedReferee, a_good_list_is_taken_and_given_back_in_place_of_its_first_descriptor) {
    make();
    put(1, 3, first_lap | writable, 5);
    put(0, 77, first_lap | next); // an id counts in the last descriptor only
    auto chain = ring->take();
    ASSERT_TRUE(chain);
    EXPECT_EQ(chain->head, 3);
    EXPECT_EQ(chain->ring_descriptors, 2);
    EXPECT_EQ(chain->readable_bytes(), 8u);
    EXPECT_EQ(chain->writable_bytes(), 5u);
    EXPECT_FALSE(ring->take());
    ring->check_untouched(*chain);
    ring->give_back(3, 5);
    EXPECT_EQ(flags_of(0), 0x8082); // USED, AVAIL, WRITE
    EXPECT_EQ(get16(12), 3);
    EXPECT_EQ(get16(8), 5);
    EXPECT_EQ(ring->used_entry(), 2);
}
TEST_F(PackedReferee, laps_of_an_odd_size_change_the_wrap_counter) {
    make({.size = 3});
    for (int place = 0; place < 12; ++place) {
        bool wrap = place / 3 % 2 == 0;
        auto entry = static_cast<u16>(place % 3);
        put(entry, 1, wrap ? first_lap : second_lap);
        auto chain = ring->take();
        ASSERT_TRUE(chain) << place;
        EXPECT_FALSE(ring->has_available());
        ring->give_back(1, 0);
        EXPECT_EQ(flags_of(entry), wrap ? 0x8080 : 0); // nothing was written: no WRITE
    }
}
TEST_F(PackedReferee, buffers_may_be_used_in_another_order) {
    make();
    put(1, 0, first_lap);
    put(0, 0, first_lap | next);
    put(3, 1, first_lap);
    put(2, 1, first_lap | next);
    auto a = ring->take();
    auto b = ring->take();
    ASSERT_TRUE(a && b);
    ring->give_back(1, 0); // now entries 0 and 1 are the driver's
    put(1, 1, second_lap);
    put(0, 1, second_lap | next);
    auto c = ring->take();
    ASSERT_TRUE(c);
    ring->check_untouched(*a);
    ring->give_back(0, 0);
    ring->check_untouched(*c);
}
TEST_F(PackedReferee, one_used_descriptor_for_a_batch_in_order) {
    make({.in_order = true});
    put(0, 2, first_lap);
    put(2, 0, first_lap);
    put(1, 0, first_lap | next);
    ASSERT_TRUE(ring->take() && ring->take());
    ring->put_used({.id = 0, .bytes_written = 1, .buffers = 2, .descriptors = 3});
    EXPECT_EQ(flags_of(0), 0x8082);
    EXPECT_EQ(get16(12), 0);
    EXPECT_EQ(ring->used_entry(), 3);
    put(3, 2, first_lap);
    EXPECT_TRUE(ring->take()); // its id is free again
}
TEST_F(PackedReferee, what_a_test_staged_is_not_the_drivers_doing) {
    make();
    ring->set_descriptor(0, {data(), 8, 0, first_lap});
    ring->set_used(1, 9, 1, true);
    EXPECT_FALSE(ring->take());
    put(0, 1, first_lap);
    EXPECT_TRUE(ring->take());
}
TEST_F(PackedReferee, memory_that_was_not_zeroed) {
    complaints.expect("ring.packed.27");
    complaints.expect("mmio.36");
    put16(30, 1);
    put16(device_event + 2, 1);
    make();
}
TEST_F(PackedReferee, reserved_bits_in_the_driver_event_structure) {
    complaints.expect("ring.packed.28");
    put16(driver_event + 2, 5);
    make();
}
TEST_F(PackedReferee, a_driver_event_descriptor_without_event_idx) {
    complaints.expect("ring.packed.25");
    put16(driver_event + 2, 2);
    make();
}
TEST_F(PackedReferee, a_list_around_the_whole_ring) {
    complaints.expect("ring.packed.09");
    make();
    for (u16 i = 0; i < 4; ++i)
        put(i, 0, first_lap | next);
    EXPECT_FALSE(ring->take());
}
TEST_F(PackedReferee, the_first_descriptor_before_the_others) {
    complaints.expect("ring.packed.13");
    make();
    put(0, 0, first_lap | next);
    EXPECT_FALSE(ring->take());
}
TEST_F(PackedReferee, more_than_there_is_room_for) {
    complaints.expect("ring.packed.12");
    complaints.ignore("ring.packed.23"); // and there is no id left
    make({.size = 2});
    put(0, 0, first_lap);
    put(1, 1, first_lap);
    ASSERT_TRUE(ring->take() && ring->take());
    put(0, 1, second_lap);
    EXPECT_FALSE(ring->take());
}
TEST_F(PackedReferee, a_descriptor_that_changes_while_the_device_has_it) {
    complaints.expect("ring.packed.04");
    make();
    put(0, 0, first_lap);
    auto chain = ring->take();
    ASSERT_TRUE(chain);
    put(0, 0, first_lap, 9);
    ring->check_untouched(*chain);
}
TEST_F(PackedReferee, an_entry_that_was_not_given_back_yet) {
    complaints.expect("ring.packed.04");
    make();
    put(0, 0, first_lap);
    put(1, 1, first_lap);
    ASSERT_TRUE(ring->take() && ring->take());
    ring->give_back(1, 0); // entry 0 is the driver's now; entry 1 is not, although its buffer was used
    put(1, 1, 0);
    ring->give_back(0, 0);
}
TEST_F(PackedReferee, readable_behind_writable) {
    complaints.expect("ring.packed.10");
    make();
    put(1, 0, first_lap);
    put(0, 0, first_lap | next | writable);
    EXPECT_TRUE(ring->take());
}
TEST_F(PackedReferee, undefined_flags) {
    complaints.expect("ring.packed.21");
    make();
    put(0, 0, first_lap | 0x100);
    EXPECT_TRUE(ring->take());
}
TEST_F(PackedReferee, ids_that_are_in_use_or_beyond_the_size) {
    complaints.expect("ring.packed.23");
    make();
    put(0, 1, first_lap);
    put(1, 1, first_lap);
    EXPECT_TRUE(ring->take());
    EXPECT_FALSE(ring->take());
    EXPECT_EQ(complaints.count("ring.packed.23"), 1u);
    put(2, 4, first_lap);
    EXPECT_TRUE(ring->take());
    EXPECT_EQ(complaints.count("ring.packed.23"), 2u);
}
TEST_F(PackedReferee, a_table_that_was_not_negotiated) {
    complaints.expect("ring.packed.14");
    make();
    put_in_table(0, 0);
    put_descriptor(0, table(), 16, 0, first_lap | indirect);
    EXPECT_FALSE(ring->take());
}
TEST_F(PackedReferee, flags_in_a_table) {
    make({.indirect = true});
    put_in_table(0, 0);
    put_in_table(1, writable);
    put_descriptor(0, table(), 32, 0, first_lap | indirect);
    auto chain = ring->take();
    ASSERT_TRUE(chain && chain->is_indirect);
    EXPECT_EQ(chain->writable_bytes(), 8u);
    complaints.expect("ring.packed.15");
    put_in_table(0, next);
    put_descriptor(16, table(), 32, 1, first_lap | indirect);
    EXPECT_TRUE(ring->take());
    complaints.expect("gen.cleanup.01"); // and the first buffer's table is the same one
    ring->check_untouched(*chain);
}
TEST_F(PackedReferee, a_table_in_a_list) {
    complaints.expect("ring.packed.17");
    make({.indirect = true});
    put_in_table(0, 0);
    put(1, 0, first_lap);
    put_descriptor(0, table(), 16, 0, first_lap | indirect | next);
    EXPECT_FALSE(ring->take());
}
TEST_F(PackedReferee, a_table_longer_than_the_queue) {
    complaints.expect("ring.packed.16");
    make({.indirect = true});
    for (u16 i = 0; i < 5; ++i)
        put_in_table(i, 0);
    put_descriptor(0, table(), 80, 0, first_lap | indirect);
    EXPECT_TRUE(ring->take());
}
TEST_F(PackedReferee, more_than_4_gib) {
    complaints.expect("ring.packed.07");
    SharedMemory large(65 << 20);
    make({.size = 64});
    for (u16 i = 0; i < 64; ++i)
        put_descriptor(16 * i, large.bus().value, 65 << 20, 0, i < 63 ? first_lap | next : first_lap);
    EXPECT_TRUE(ring->take());
}
TEST_F(PackedReferee, notifications_that_were_disabled_or_are_due) {
    make();
    put(0, 0, first_lap);
    ring->notified(); // enabled at first
    ring->notified(); // nothing new: allowed
    ASSERT_TRUE(ring->take());
    ring->ask_for_notification(false);
    EXPECT_EQ(get16(device_event + 2), 1);
    put(1, 1, first_lap);
    complaints.expect("ring.packed.25");
    ring->notified();
    ring->ask_for_notification(true);
    EXPECT_EQ(get16(device_event + 2), 0);
    put(2, 2, first_lap);
    EXPECT_TRUE(ring->notification_is_due());
    EXPECT_STREQ(ring->notification_rule(), "ring.packed.25");
    EXPECT_FALSE(ring->notification_is_due()); // only once
}
TEST_F(PackedReferee, notifications_for_one_descriptor) {
    make({.event_idx = true});
    ring->ask_for_notification(true);
    EXPECT_EQ(get16(device_event), 0x8000); // entry 0, wrap counter 1
    EXPECT_EQ(get16(device_event + 2), 2);
    put(0, 0, first_lap);
    EXPECT_TRUE(ring->notification_is_due());
    put(1, 1, first_lap);
    EXPECT_FALSE(ring->notification_is_due());
    put(2, 2, first_lap);
    complaints.expect("ring.packed.26");
    ring->notified();
    // The second lap has the other wrap counter.
    ASSERT_TRUE(ring->take() && ring->take() && ring->take());
    for (u16 id : {0, 1, 2})
        ring->give_back(id, 0);
    ring->set_device_event(0, 2);
    put(3, 0, first_lap);
    EXPECT_FALSE(ring->notification_is_due());
    put(0, 1, second_lap);
    EXPECT_TRUE(ring->notification_is_due());
    EXPECT_STREQ(ring->notification_rule(), "ring.packed.26");
}
TEST_F(PackedReferee, what_the_driver_wants_to_hear) {
    make({.event_idx = true});
    put16(driver_event, 0x8001);
    put16(driver_event + 2, 2);
    for (u16 i = 0; i < 2; ++i) {
        put(i, i, first_lap);
        ASSERT_TRUE(ring->take());
        ring->give_back(i, 0);
        EXPECT_EQ(ring->driver_wants_notification(), i == 1);
    }
    put16(driver_event + 2, 1);
    put(2, 2, first_lap);
    ASSERT_TRUE(ring->take());
    ring->give_back(2, 0);
    EXPECT_FALSE(ring->driver_wants_notification());
}
TEST_F(PackedReferee, notification_data) {
    make({.size = 2});
    put(0, 0, first_lap);
    ring->check_notification_data(0x8001);
    complaints.expect("ring.packed.05");
    ring->check_notification_data(0x8000);
    ring->notified();
    complaints.expect("gen.notif.02");
    ring->check_notification_data(0x8000);
    put(1, 1, first_lap);
    ring->check_notification_data(0x0000); // the second lap begins
    EXPECT_EQ(complaints.count("ring.packed.05"), 1u);
}

// --- split -------------------------------------------------------------------------------------------------------

class SplitReferee : public RingReferee {
  protected:
    SplitRing& make(const Rules& rules = {}) {
        ring.emplace(setup(rules, false));
        ring->check_fresh();
        return *ring;
    }
    void put(u16 index, u16 flags, u16 following, u64 at = 0) {
        put_descriptor(at + 16 * index, data(16 * index), 8, flags, following);
    }
    void offer(u16 head) {
        put16(1024 + 4 + 2 * (offered_ % 4), head);
        put16(1024 + 2, ++offered_);
    }

    std::optional<SplitRing> ring;
    u16 offered_ = 0;
};

TEST_F(SplitReferee, descriptors_in_order) {
    make({.in_order = true});
    put(0, next, 1);
    put(1, 0, 0);
    put(2, 0, 0);
    offer(0);
    offer(2);
    ASSERT_TRUE(ring->take() && ring->take());
    ring->put_used({.id = 2, .bytes_written = 7, .buffers = 2, .descriptors = 3});
    EXPECT_EQ(get16(1536 + 2), 2); // used idx
    EXPECT_EQ(get16(1536 + 4), 2); // the first element names the last chain
    EXPECT_EQ(get16(1536 + 12), 0);
}
TEST_F(SplitReferee, a_chain_that_leaves_the_order) {
    complaints.expect("ring.split.08");
    make({.in_order = true});
    put(0, next, 2);
    put(2, 0, 0);
    offer(0);
    EXPECT_TRUE(ring->take());
}
TEST_F(SplitReferee, a_chain_that_wraps_to_0) {
    make({.size = 2, .in_order = true});
    put(0, 0, 0);
    offer(0);
    auto chain = ring->take();
    ASSERT_TRUE(chain);
    ring->check_untouched(*chain);
    ring->give_back(0, 0);
    put(1, next, 0);
    put(0, 0, 0);
    offer(1);
    EXPECT_TRUE(ring->take());
}
TEST_F(SplitReferee, a_chain_that_begins_elsewhere) {
    complaints.expect("ring.split.09");
    make({.in_order = true});
    put(1, 0, 0);
    offer(1);
    EXPECT_TRUE(ring->take());
}
TEST_F(SplitReferee, a_table_that_is_not_in_order) {
    complaints.expect("ring.split.14");
    make({.indirect = true, .in_order = true});
    put(0, next, 2, 3072);
    put(1, 0, 0, 3072);
    put(2, 0, 0, 3072);
    put_descriptor(0, table(), 48, indirect, 0);
    offer(0);
    EXPECT_TRUE(ring->take());
}
TEST_F(SplitReferee, more_than_4_gib) {
    complaints.expect("ring.split.06");
    SharedMemory large(65 << 20);
    make({.size = 64});
    for (u16 i = 0; i < 64; ++i)
        put_descriptor(16 * i, large.bus().value, 65 << 20, i < 63 ? next : 0, static_cast<u16>(i + 1));
    offer(0);
    EXPECT_TRUE(ring->take());
}
TEST_F(SplitReferee, notification_data) {
    make();
    put(0, 0, 0);
    offer(0);
    ring->check_notification_data(1);
    complaints.expect("gen.notif.01");
    ring->check_notification_data(2);
    ring->notified();
    complaints.expect("gen.notif.02");
    ring->check_notification_data(0x8001);
}

} // namespace
} // namespace vireo::test
