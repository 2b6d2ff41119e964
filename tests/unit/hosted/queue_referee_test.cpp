// SPDX-License-Identifier: Apache-2.0
// The referee bites: queues that are reset alone, notifications with data, completion in order, on the
// registers of both transports.
#include "arch/arch.h"
#include "hosted/fakes/virtio_pci.h"
#include "unit/hosted/register_driver.h"

namespace vireo::test {
namespace {

constexpr u32 version_1 = 1; // of the feature word that begins at bit 32
constexpr u32 packed = 1 << 2;
constexpr u32 in_order = 1 << 3;
constexpr u32 notification_data = 1 << 6;
constexpr u32 ring_reset = 1 << 8;

class QueueReferee : public RegisterDriver {
  protected:
    QueueReferee() {
        for (unsigned bit : {34u, 35u, 38u, 40u})
            disk.offered.add(bit);
    }
    void clear_ring() { std::memset(ring.data(), 0, 4096); }
    void program_queue() {
        get(queue_ready);
        put(queue_size, 4);
        write_addresses();
    }
};

TEST_F(QueueReferee, a_queue_is_reset_and_enabled_again) {
    go_live(0, version_1 | ring_reset);
    disk.faults.queue_disable_polls = 2;
    put(queue_reset, 1);
    EXPECT_EQ(get(queue_ready), 1u);
    EXPECT_EQ(get(queue_reset), 1u);
    EXPECT_EQ(get(queue_reset), 1u);
    EXPECT_EQ(get(queue_reset), 0u);
    EXPECT_EQ(get(queue_ready), 0u);
    clear_ring();
    program_queue();
    put(queue_ready, 1);
    put(queue_notify, 0);
}
TEST_F(QueueReferee, a_queue_reset_without_the_feature) {
    complaints.expect("mmio.01");
    go_live();
    put(queue_reset, 1);
    EXPECT_EQ(get(queue_ready), 1u);
}
TEST_F(QueueReferee, another_value_than_1) {
    complaints.expect("mmio.21");
    go_live(0, version_1 | ring_reset);
    put(queue_reset, 2);
    EXPECT_EQ(get(queue_ready), 1u);
}
TEST_F(QueueReferee, programmed_before_the_reset_was_read_back) {
    complaints.expect("mmio.21");
    go_live(0, version_1 | ring_reset);
    put(queue_reset, 1);
    get(queue_ready);
    put(queue_size, 4);
}
TEST_F(QueueReferee, enabled_before_the_reset_was_read_back) {
    complaints.expect("mmio.21");
    complaints.expect("gen.vqreset.01");
    go_live(0, version_1 | ring_reset);
    put(queue_reset, 1);
    clear_ring();
    program_queue();
    put(queue_ready, 1);
}
TEST_F(QueueReferee, not_programmed_again) {
    complaints.expect("gen.vqreset.03");
    complaints.ignore("pci.modern.23"); // and so it has no size
    go_live(0, version_1 | ring_reset);
    put(queue_reset, 1);
    EXPECT_EQ(get(queue_reset), 0u);
    get(queue_ready);
    put(queue_ready, 1);
}
TEST_F(QueueReferee, memory_freed_before_the_reset_was_read_back) {
    complaints.expect("gen.vqreset.02");
    go_live(0, version_1 | ring_reset);
    put(queue_reset, 1);
    ring.give_back(confirmed_reset());
}
TEST_F(QueueReferee, memory_freed_during_the_reset) {
    complaints.expect("gen.cleanup.02");
    go_live(0, version_1 | ring_reset);
    disk.faults.queue_reset_never_ends = true;
    put(queue_reset, 1);
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(get(queue_reset), 1u);
    ring.give_back(confirmed_reset());
}
TEST_F(QueueReferee, memory_freed_after_the_reset) {
    go_live(0, version_1 | ring_reset);
    put(queue_reset, 1);
    EXPECT_EQ(get(queue_reset), 0u);
    ring.give_back(confirmed_reset());
}
TEST_F(QueueReferee, a_queue_enabled_late) {
    complaints.expect("gen.init.11");
    negotiate(0, version_1 | ring_reset);
    put(status, 15);
    set_up_queue();
}
// QEMU 7.2 offers the feature on MMIO and has no such register.
TEST_F(QueueReferee, a_reset_register_that_does_nothing) {
    slot->has_queue_reset = false;
    go_live(0, version_1 | ring_reset);
    put(queue_reset, 1);
    EXPECT_EQ(get(queue_reset), 0u);
    EXPECT_EQ(get(queue_ready), 1u);
    descriptor(0, ring.bus().value + 3072, 16, 0, 0);
    complaints.expect("blk.40");
    offer(0, 0);
    put(queue_notify, 0); // and it works on
    EXPECT_EQ(disk.buffers_taken(), 1u);
}

TEST_F(QueueReferee, notifications_carry_where_the_next_buffer_goes) {
    go_live(1 << 9, version_1 | notification_data);
    complaints.expect("gen.notif.01");
    request(4, 0, {}, 0, 0); // FLUSH; announces 0 instead of 1
    EXPECT_EQ(answer(), 0);
    complaints.expect("gen.notif.02");
    put(queue_notify, 0x0002'0000); // nothing new, yet something else
    put(queue_notify, 0x0001'0000);
    EXPECT_EQ(complaints.count("gen.notif.02"), 1u);
}
TEST_F(QueueReferee, a_notification_of_no_queue) {
    complaints.expect("mmio.37");
    go_live(0, version_1 | notification_data);
    put(queue_notify, 0x0000'0001);
}
TEST_F(QueueReferee, notification_data_without_the_feature) {
    complaints.expect("mmio.37");
    go_live();
    put(queue_notify, 0x0001'0000);
}

// A packed ring in the same memory: 4 descriptors, the event structures at 1024 and 2048.
TEST_F(QueueReferee, packed_rings_may_have_any_size_and_need_alignment) {
    go_live(0, version_1 | packed);
    ASSERT_TRUE(disk.queue(0).packed());
    EXPECT_FALSE(disk.queue(0).split());
    put(status, 0);
    negotiate(0, version_1 | packed);
    set_up_queue(3);
    ASSERT_TRUE(disk.queue(0).packed());
    EXPECT_EQ(disk.queue(0).ring->setup().size, 3);
    put(status, 0);
    complaints.expect("ring.packed.01");
    complaints.expect("ring.packed.02");
    negotiate(0, version_1 | packed);
    put(queue_select, 0);
    get(queue_ready);
    put(queue_size, 4);
    write_addresses(2);
    put(queue_ready, 1);
    EXPECT_EQ(complaints.count("ring.packed.02"), 2u);
}
TEST_F(QueueReferee, a_lost_notification_of_a_packed_ring) {
    complaints.expect("ring.packed.25");
    complaints.expect("blk.40");
    go_live(0, version_1 | packed);
    descriptor(0, ring.bus().value + 3072, 16, 0, 0x80); // id 0, AVAIL
    arch::relax();
    put(queue_notify, 0);
    EXPECT_EQ(disk.buffers_given_back(), 1u);
}

// --- completion in order -----------------------------------------------------------------------------------------

class InOrderDevice : public QueueReferee {
  protected:
    // Three FLUSH requests in descriptors 0 to 5, one after the other, available at once.
    void send_three() {
        u64 bus = ring.bus().value + 3072;
        u32 type = 4;
        std::memcpy(ring.data() + 3072, &type, 4);
        for (u16 i = 0; i < 3; ++i) {
            auto head = static_cast<u16>(2 * i);
            descriptor(head, bus, 16, 1, static_cast<u16>(head + 1));
            descriptor(static_cast<u16>(head + 1), bus + 100 + i, 1, 2, 0);
            std::memcpy(ring.data() + 1024 + 4 + 2 * i, &head, 2);
        }
        u16 after = 3;
        std::memcpy(ring.data() + 1024 + 2, &after, 2);
        put(queue_notify, 0);
    }
    void go_live_in_order() {
        negotiate(1 << 9, version_1 | in_order);
        set_up_queue(8);
        put(status, 15);
    }
    u16 used_index() {
        u16 index;
        std::memcpy(&index, ring.data() + 2048 + 2, 2);
        return index;
    }
    u32 used_id(u16 slot) {
        u32 id;
        std::memcpy(&id, ring.data() + 2048 + 4 + 8 * slot, 4);
        return id;
    }
};

TEST_F(InOrderDevice, a_fast_request_waits_for_a_slow_one) {
    disk.latency = [](u64 number) { return (3 - number) * hosted::millisecond; };
    go_live_in_order();
    send_three();
    u64 begin = arch::ticks();
    auto wait_until = [&](u64 ticks) {
        while (arch::ticks() < begin + ticks)
            arch::idle_until(begin + ticks);
    };
    wait_until(2500 * hosted::microsecond);
    EXPECT_EQ(used_index(), 0);
    wait_until(3500 * hosted::microsecond);
    EXPECT_EQ(used_index(), 3);
    for (u16 i = 0; i < 3; ++i)
        EXPECT_EQ(used_id(i), 2u * i);
}
TEST_F(InOrderDevice, one_used_entry_for_a_batch) {
    disk.in_order_batch = 8;
    go_live_in_order();
    send_three();
    EXPECT_EQ(used_index(), 3);
    EXPECT_EQ(used_id(0), 4u);
    EXPECT_EQ(used_id(1), 0u); // never written
    EXPECT_EQ(disk.buffers_given_back(), 3u);
}
TEST_F(InOrderDevice, a_batch_ends_at_its_size) {
    disk.in_order_batch = 2;
    go_live_in_order();
    send_three();
    EXPECT_EQ(used_index(), 3);
    EXPECT_EQ(used_id(0), 2u);
    EXPECT_EQ(used_id(2), 4u);
}

// --- PCI ---------------------------------------------------------------------------------------------------------

class PciReferee : public testing::Test {
  protected:
    static constexpr unsigned bar = fake::VirtioPci::modern_bar;

    PciReferee() {
        for (unsigned bit : {34u, 38u, 39u, 40u})
            disk.offered.add(bit);
        disk.may_access_memory = true;
    }
    ~PciReferee() override {
        put(0x14, 1, 0);
        get(0x14, 1);
    }
    static u64 offset_of(const fake::VirtioPci& card, u8 type) {
        for (auto& capability : card.capabilities)
            if (capability.cfg_type == type)
                return capability.offset;
        return 0;
    }
    void put(u64 offset, u8 width, u32 value) {
        card.write_bar(bar, offset_of(card, fake::VirtioPci::common_cfg) + offset, width, value);
    }
    u32 get(u64 offset, u8 width) {
        return card.read_bar(bar, offset_of(card, fake::VirtioPci::common_cfg) + offset, width);
    }
    // Notifies at the place of queue 0.
    void notify(u8 width, u32 value) {
        card.write_bar(bar, offset_of(card, fake::VirtioPci::notify_cfg) + u64{4} * card.notify_offset(0),
                       width, value);
    }
    void go_live(u32 high) {
        put(0x14, 1, 0);
        get(0x14, 1);
        put(0x14, 1, 1);
        put(0x14, 1, 3);
        put(0x00, 4, 1);
        get(0x04, 4);
        put(0x08, 4, 1);
        put(0x0c, 4, high);
        put(0x14, 1, 11);
        get(0x14, 1);
        set_up_queue();
        put(0x14, 1, 15);
    }
    void set_up_queue(u32 size = 4) {
        std::memset(ring.data(), 0, 4096);
        put(0x16, 2, 0);
        put(0x18, 2, size);
        for (u64 part : {0u, 1u, 2u}) {
            u64 address = ring.bus().value + 1024 * part;
            put(0x20 + 8 * part, 4, static_cast<u32>(address));
            put(0x24 + 8 * part, 4, static_cast<u32>(address >> 32));
        }
        put(0x1c, 2, 1);
    }

    Complaints complaints;
    fake::Blk disk{"disk", std::make_unique<fake::MemoryDisk>(100), 2};
    fake::VirtioPci card{disk, fake::VirtioPci::Flavour::Modern};
    SharedMemory ring{4096};
};

TEST_F(PciReferee, a_queue_is_reset_and_enabled_again) {
    go_live(version_1 | ring_reset);
    disk.faults.queue_disable_polls = 1;
    put(0x3a, 2, 1);
    EXPECT_EQ(get(0x3a, 2), 1u);
    EXPECT_EQ(get(0x1c, 2), 1u);
    EXPECT_EQ(get(0x3a, 2), 0u);
    EXPECT_EQ(get(0x1c, 2), 0u);
    EXPECT_EQ(get(0x18, 2), 256u); // as at first discovery
    set_up_queue(2);
    EXPECT_EQ(disk.queue(0).ring->setup().size, 2);
    notify(2, 0);
}
TEST_F(PciReferee, a_queue_disabled) {
    complaints.expect("pci.modern.26");
    go_live(version_1);
    put(0x1c, 2, 0);
}
TEST_F(PciReferee, a_queue_reset_without_the_feature) {
    complaints.expect("pci.modern.27");
    complaints.expect("gen.cfg.04");
    go_live(version_1);
    put(0x3a, 2, 1);
    get(0x3a, 2);
}
TEST_F(PciReferee, programmed_before_the_reset_was_read_back) {
    complaints.expect("pci.modern.27");
    complaints.expect("gen.vqreset.01");
    go_live(version_1 | ring_reset);
    put(0x3a, 2, 1);
    set_up_queue();
}
TEST_F(PciReferee, not_programmed_again) {
    complaints.expect("gen.vqreset.03");
    complaints.expect("ring.split.01");
    complaints.ignore("ring.split.02");
    complaints.ignore("ring.split.03");
    complaints.ignore("dma.not-shared");
    complaints.ignore("mmio.36");
    go_live(version_1 | ring_reset);
    put(0x3a, 2, 1);
    get(0x3a, 2);
    put(0x1c, 2, 1);
}
TEST_F(PciReferee, fields_that_do_not_exist) {
    complaints.expect("pci.modern.13");
    complaints.expect("gen.cfg.04");
    go_live(version_1);
    get(0x38, 2);
    card.set_common_length(0x38);
    get(0x38, 2);
}
TEST_F(PciReferee, a_packed_queue_of_no_entries) {
    complaints.expect("pci.modern.22");
    go_live(version_1 | packed);
    put(0x16, 2, 1);
    put(0x18, 2, 0);
}
TEST_F(PciReferee, a_packed_queue_of_three_entries_and_a_split_one) {
    go_live(version_1 | packed);
    put(0x16, 2, 1);
    put(0x18, 2, 3);
    put(0x14, 1, 0);
    get(0x14, 1);
    complaints.expect("pci.modern.23");
    go_live(version_1);
    put(0x16, 2, 1);
    put(0x18, 2, 3);
}
TEST_F(PciReferee, the_width_of_notifications) {
    complaints.expect("pci.modern.44");
    go_live(version_1);
    notify(4, 0);
    put(0x14, 1, 0);
    get(0x14, 1);
    complaints.expect("pci.modern.45");
    go_live(version_1 | notification_data);
    notify(2, 0);
}
TEST_F(PciReferee, what_notifications_say) {
    constexpr u32 config_data = 1 << 7;
    struct Case {
        u32 features;
        u8 width;
        const char* rule;
    };
    for (const Case& c :
         {Case{0, 2, "pci.modern.46"}, Case{notification_data, 4, "pci.modern.47"},
          Case{config_data, 2, "pci.modern.48"}, Case{notification_data | config_data, 4, "pci.modern.49"}}) {
        go_live(version_1 | c.features);
        u32 right = c.features & config_data ? 0x5a50 : 0;
        u64 before = disk.queue(0).notifications;
        notify(c.width, right);
        EXPECT_EQ(disk.queue(0).notifications, before + 1);
        EXPECT_EQ(complaints.count(c.rule), 0u);
        complaints.expect(c.rule);
        notify(c.width, c.features & config_data ? 0 : 0x5a50);
        EXPECT_EQ(disk.queue(0).notifications, before + 1);
        put(0x14, 1, 0);
        get(0x14, 1);
    }
}

} // namespace
} // namespace vireo::test
