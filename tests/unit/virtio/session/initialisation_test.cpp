// SPDX-License-Identifier: Apache-2.0
// The life of a device: sections 2.1, 2.4, 3.1, 3.3.
#include "hosted/access_trace.h"
#include "unit/support/machine.h"

namespace vireo::test {
namespace {

using State = virtio::Session::State;
using fake::Blk;

bool reads(Machine& machine, u64 number = 0) {
    auto bytes = bytes_of(512);
    return machine.disk(number) && machine.disk(number)->read(5, bytes) && has_pattern(bytes, 5);
}
bool wrote_failed(const fake::Device& device) {
    for (u8 value : device.status_log())
        if (value & fake::status::failed)
            return true;
    return false;
}

class LifeOnBus : public OnBus {};
INSTANTIATE_TEST_SUITE_P(All, LifeOnBus, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, LifeOnBus, on(packed_buses), bus_name);
class LifeOnBusEach : public testing::TestWithParam<Bus> {}; // makes its machines itself
INSTANTIATE_TEST_SUITE_P(All, LifeOnBusEach, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, LifeOnBusEach, on(packed_buses), bus_name);
class LifeOnModern : public OnBus {};
INSTANTIATE_TEST_SUITE_P(All, LifeOnModern, on(modern_buses), bus_name);

// defects-seen.txt; covers: gen.status.02, gen.status.01, gen.init.01
TEST_P(LifeOnBus, status_writes_are_supersets) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(reads(machine));
    u8 before = 0;
    EXPECT_EQ(disk.status_log().front(), 0);
    for (u8 value : disk.status_log()) {
        if (value != 0) {
            EXPECT_EQ(value & before, before);
        }
        before = value;
    }
}

// covers: gen.reset.01, pci.modern.25
// The reset takes a while; the referee reports any write before status reads 0.
TEST_P(LifeOnBusEach, a_slow_reset_is_waited_for) {
    for (unsigned polls : {1u, 2u, 10u, 200u}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.faults.reset_polls = polls;
        each.start();
        EXPECT_EQ(each.state(), State::Running) << polls;
        EXPECT_TRUE(reads(each));
    }
}

// defects-seen.txt; covers: gen.cleanup.02, gen.init.13
TEST_P(LifeOnBus, reset_that_never_completes_times_out) {
    Blk& disk = machine.plug_disk();
    machine.plug_disk();
    disk.faults.reset_never_ends = true;
    u64 begin = hosted::clock_now();
    machine.start();
    EXPECT_LT(hosted::clock_now() - begin, 30 * hosted::second);
    EXPECT_EQ(machine.state(0), State::Broken);
    EXPECT_EQ(disk.buffers_taken(), 0u);
    EXPECT_FALSE(machine.complaints.log().empty());
    // The next disk works: it may have become number 0.
    EXPECT_EQ(machine.state(1), State::Running);
}

// A reset that hangs while requests are in flight: they end with an error, and what the device may still
// touch is neither freed nor given back (the DMA back end and the referee would report it).
// covers: gen.cleanup.02, gen.vqreset.02
TEST_P(LifeOnBus, memory_is_kept_from_a_device_that_does_not_reset) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(reads(machine));
    machine.complaints.check_leaks = false; // given up on purpose
    disk.faults.never_completes = true;
    disk.faults.reset_never_ends = true;
    auto bytes = bytes_of(4096);
    auto ended = machine.disk()->read(0, bytes);
    ASSERT_FALSE(ended);
    EXPECT_EQ(machine.state(), State::Aside);
    EXPECT_FALSE(machine.manager.reset(0));
    EXPECT_EQ(machine.state(), State::Broken);
    EXPECT_GT(hosted::DmaArena::instance().live_buffers(), 0u);
    EXPECT_GT(hosted::DmaArena::instance().live_shares(), 0u);
    EXPECT_EQ(disk.may_access_memory, is_mmio(machine.bus())); // PCI has a switch for it
    EXPECT_FALSE(machine.disk()->read(0, bytes));
}

// defects-seen.txt; covers: gen.status.04, gen.status.05, gen.status.03
TEST_P(LifeOnBus, device_that_never_answers_times_out) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(reads(machine));
    for (bool deaf : {true, false}) {
        disk.faults.deaf = deaf;
        disk.faults.never_completes = !deaf;
        u64 begin = hosted::clock_now();
        auto bytes = bytes_of(64 * 1024);
        auto ended = machine.disk()->read(0, bytes);
        ASSERT_FALSE(ended);
        EXPECT_EQ(ended.error().code, ErrorCode::Timeout);
        EXPECT_LT(hosted::clock_now() - begin, 60 * hosted::second);
        EXPECT_EQ(machine.state(), State::Aside);
        EXPECT_NE(machine.listing().find("state set aside: does not answer"), std::string::npos);
        // Those who try again are not kept waiting as long.
        begin = hosted::clock_now();
        EXPECT_EQ(machine.disk()->read(0, bytes).error().code, ErrorCode::Timeout);
        EXPECT_LT(hosted::clock_now() - begin, 5 * hosted::second);
        disk.faults.deaf = disk.faults.never_completes = false;
        if (deaf)
            EXPECT_TRUE(machine.manager.reset(0)); // what it never took it cannot give back
        else
            disk.finish_held();
        EXPECT_TRUE(reads(machine)) << "the disk works again once it has answered, or was reset";
    }
}

// covers: gen.status.04, gen.status.05, gen.confnotif.01
// Whether the read is repeated is the driver's affair (recovery_test.cpp has the session's); the
// disk goes on working.
TEST_P(LifeOnBus, needs_reset_in_the_middle_of_a_read_is_survived) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(reads(machine));
    disk.latency = [](u64) { return hosted::second; };
    hosted::schedule(10 * hosted::millisecond, [&] { disk.need_reset(); });
    auto bytes = bytes_of(64 * 1024);
    u64 begin = hosted::clock_now();
    auto ended = machine.disk()->read(0, bytes);
    if (ended) {
        EXPECT_TRUE(has_pattern(bytes, 0));
    } else {
        EXPECT_EQ(ended.error().code, ErrorCode::DeviceBroken);
    }
    EXPECT_LT(hosted::clock_now() - begin, 25 * hosted::second);
    EXPECT_EQ(machine.state(), State::Running);
    disk.latency = nullptr;
    EXPECT_TRUE(reads(machine));
}

// The bit is set while nothing is in flight: the next request must not hang on it.
TEST_P(LifeOnBus, needs_reset_while_idle_is_noticed) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(reads(machine));
    disk.need_reset();
    u64 begin = hosted::clock_now();
    auto bytes = bytes_of(512);
    (void)machine.disk()->read(0, bytes);
    EXPECT_LT(hosted::clock_now() - begin, 25 * hosted::second);
    EXPECT_EQ(machine.state(), State::Running);
    EXPECT_TRUE(reads(machine));
}

TEST_P(LifeOnBus, a_device_that_is_gone_is_an_error_not_a_hang) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(reads(machine));
    disk.latency = [](u64) { return hosted::second; };
    hosted::schedule(10 * hosted::millisecond, [&] { disk.faults.gone = true; });
    auto bytes = bytes_of(64 * 1024);
    u64 begin = hosted::clock_now();
    auto ended = machine.disk()->read(0, bytes);
    ASSERT_FALSE(ended);
    EXPECT_LT(hosted::clock_now() - begin, 30 * hosted::second);
    EXPECT_EQ(machine.state(), State::Broken);
    EXPECT_FALSE(machine.disk()->read(0, bytes));
    machine.complaints.check_leaks = false; // it never confirmed a reset
}

// covers: gen.init.12, gen.init.13, pci.modern.56
// defects-seen.txt
TEST_P(LifeOnBus, zero_size_queue_activation) {
    Blk& disk = machine.plug_disk();
    machine.plug_disk();
    disk.queue(0).size_max = 0;
    machine.start();
    EXPECT_EQ(machine.state(0), State::Broken);
    EXPECT_TRUE(wrote_failed(disk));
    EXPECT_FALSE(machine.complaints.log().empty());
    EXPECT_NE(machine.listing(0).find("device lacks a queue"), std::string::npos);
    EXPECT_EQ(machine.state(1), State::Running);
}

// Where the transport says how many queues there are, none beyond is even looked at.
TEST_P(LifeOnBus, a_device_with_fewer_queues_than_it_claims) {
    Blk& disk = machine.plug_disk();
    disk.set_num_queues(4);
    machine.plug_disk();
    machine.start();
    EXPECT_EQ(machine.state(0), State::Broken);
    bool is_told = machine.bus() == Bus::Pci || machine.bus() == Bus::PciTransitional;
    EXPECT_NE(machine.listing(0).find(is_told ? "device has too few queues" : "device lacks a queue"),
              std::string::npos)
        << machine.listing(0);
    EXPECT_EQ(machine.state(1), State::Running);
}

// Sizes that are no power of two are allowed for packed queues only, and 1 and 2 hold no request of three
// descriptors unless they are indirect.
// covers: pci.modern.23, ring.split.12
TEST_P(LifeOnBusEach, odd_queue_sizes_are_refused_or_served) {
    for (u16 size : {1, 2, 3, 4, 5, 300}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.queue(0).size_max = size;
        each.start();
        if (each.state() == State::Running) {
            EXPECT_TRUE(reads(each)) << size;
            EXPECT_TRUE(GetParam().rings.packed || std::has_single_bit(disk.queue(0).size)) << size;
            EXPECT_LE(disk.queue(0).size, size);
        } else {
            EXPECT_EQ(each.state(), State::Broken);
            EXPECT_TRUE(wrote_failed(disk)) << size;
            EXPECT_FALSE(each.complaints.log().empty()) << size;
        }
        bool must_work = size == 4 || (!is_legacy(GetParam()) && size > 4); // rounded down
        bool must_fail = is_legacy(GetParam()) && GetParam() != Bus::MmioLegacy && !std::has_single_bit(size);
        if (must_work) {
            EXPECT_EQ(each.state(), State::Running);
        }
        if (must_fail) {
            EXPECT_EQ(each.state(), State::Broken);
        }
    }
}

// defects-seen.txt; covers: mmio.14, pci.modern.24
TEST_P(LifeOnBusEach, device_smaller_queue_is_accepted) {
    for (u16 size : {4, 8, 16, 1024, 32768}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.queue(0).size_max = size;
        each.start();
        ASSERT_EQ(each.state(), State::Running) << size;
        EXPECT_LE(disk.queue(0).size, size);
        if (GetParam() == Bus::PciLegacy) {
            EXPECT_EQ(disk.queue(0).size, size); // the device's size is the only one
        }
        auto bytes = bytes_of(1024 * 512);
        ASSERT_TRUE(each.disk()->read(0, bytes)) << size;
        EXPECT_TRUE(has_pattern(bytes, 0)) << size;
    }
}

// A stale owner (another boot stage) left the device running: reset comes first and nothing of it matters.
// covers: gen.init.01
TEST_P(LifeOnBus, a_device_left_running_is_reset_first) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(reads(machine));
    (void)machine.manager.quiesce_all();
    ASSERT_TRUE(machine.manager.rescan());
    EXPECT_EQ(disk.status(), is_legacy(GetParam()) ? 7 : 15);
    EXPECT_TRUE(reads(machine));
}

// covers: gen.init.14, gen.init.11
TEST_P(LifeOnBus, nothing_is_notified_before_driver_ok) {
    machine.plug_disk();
    machine.plug_rng();
    machine.start();
    EXPECT_EQ(machine.state(0), State::Running);
    EXPECT_EQ(machine.state(1), State::Running);
}

// covers: gen.init.12
TEST_P(LifeOnBusEach, running_out_of_dma_memory_fails_the_device_cleanly) {
    // The n-th allocation fails, for every n that there is.
    for (unsigned n = 1; n < 12; ++n) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        hosted::DmaArena::instance().fail_allocation(n);
        each.start();
        if (each.state() == State::Running) {
            EXPECT_TRUE(reads(each));
            continue;
        }
        EXPECT_TRUE(wrote_failed(disk)) << n;
        EXPECT_FALSE(each.complaints.log().empty());
        // There is memory again: a scan gives the device another chance.
        ASSERT_TRUE(each.manager.rescan());
        EXPECT_EQ(each.state(), State::Running) << n;
    }
}

TEST_P(LifeOnBus, running_out_of_bounce_memory_fails_the_request_only) {
    machine.plug_disk();
    machine.start();
    ASSERT_TRUE(reads(machine));
    for (unsigned n = 1; n < 6; ++n) {
        hosted::DmaArena::instance().fail_share(n);
        auto bytes = bytes_of(3 * 512);
        (void)machine.disk()->read(0, bytes); // an error, or tried again with success
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
        hosted::DmaArena::instance().fail_share(0);
        EXPECT_TRUE(reads(machine));
    }
}

// covers: gen.resbits.05, pci.legacy.12, mmio.legacy.06
// Bus addresses above 4 GiB everywhere; a legacy interface cannot express those above 16 TiB
// and must refuse them.
TEST_P(LifeOnBusEach, high_bus_addresses) {
    for (u64 base : {u64{0x1000'0000}, u64{0xff'ffff'0000}, u64{0xfff'0000'0000}, u64{0x1000'0000'0000}}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        hosted::DmaArena::instance().place_at(base);
        each.start();
        bool too_high = is_legacy(GetParam()) && base >= 0x1000'0000'0000;
        EXPECT_EQ(each.state(), too_high ? State::Broken : State::Running) << base;
        if (too_high) {
            EXPECT_TRUE(wrote_failed(disk));
        } else {
            EXPECT_TRUE(reads(each)) << base;
        }
    }
}

// covers: gen.init.10
TEST_P(LifeOnModern, many_devices_start_in_order) {
    for (u64 i = 0; i < 24; ++i)
        machine.plug_disk(1000 + i);
    machine.start();
    for (u64 i = 0; i < 24; ++i) {
        ASSERT_TRUE(machine.disk(i)) << i;
        EXPECT_EQ(machine.disk(i)->facts().block_count, 1000 + i);
        EXPECT_TRUE(reads(machine, i));
    }
    EXPECT_FALSE(machine.disk(24));
}

// covers by not using: gen.shm.01, gen.shm.02, gen.shm.03, pci.modern.54, pci.modern.55, mmio.33
// A device with shared memory regions, sensible and absurd: none of them is looked for, sized or touched.
TEST_P(LifeOnModern, shared_memory_regions_are_left_alone) {
    machine.plug_disk();
    u64 first = Machine::mmio_base + 0xac; // SHMSel to SHMBaseHigh
    u64 end = first + 0x14;
    if (!is_mmio(GetParam())) {
        fake::VirtioPci& function = machine.function();
        function.set_bar(2, {fake::PciFunction::Bar::Kind::Memory32, 0x1000, false});
        function.capabilities.insert(
            function.capabilities.begin(),
            {{fake::VirtioPci::shared_memory_cfg, 2, 1, 0, 0x1000, {0, 0}},
             {fake::VirtioPci::shared_memory_cfg, 2, 2, 0x1000, 0xffff'ffff, {~0u, ~0u}}});
        function.build_config_space();
    }
    hosted::start_trace();
    machine.start();
    EXPECT_TRUE(reads(machine));
    if (!is_mmio(GetParam())) {
        first = machine.function().bar_base(2);
        end = first + 0x1000;
        ASSERT_NE(first, 0u);
    }
    for (const auto& access : hosted::stop_trace())
        EXPECT_FALSE(access.kind != hosted::Access::Kind::Barrier && access.address >= first &&
                     access.address < end);
}

// covers: pci.modern.26
// A second scan finds nothing new and disturbs nobody.
TEST_P(LifeOnBus, a_rescan_leaves_running_devices_alone) {
    Blk& disk = machine.plug_disk();
    machine.start();
    u64 resets = disk.resets();
    auto found = machine.manager.rescan();
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, 0u);
    EXPECT_EQ(disk.resets(), resets);
    EXPECT_TRUE(reads(machine));
}

// A device type without a driver: noticed and left alone, never an error.
class Unknown final : public fake::Device {
  public:
    Unknown() : Device(23, "unknown", 3) {}
    u32 execute(u16, const fake::Chain&) override { return 0; }
};
TEST_P(LifeOnBus, a_device_without_a_driver_is_listed_and_left_alone) {
    auto& unknown = machine.plug(std::make_unique<Unknown>());
    machine.plug_disk();
    machine.start();
    EXPECT_EQ(machine.state(0), State::Found);
    EXPECT_FALSE(unknown.status() & fake::status::driver);
    EXPECT_FALSE(machine.listing(0).empty());
    EXPECT_TRUE(reads(machine));
    EXPECT_TRUE(machine.complaints.log().empty()) << machine.complaints.log();
}

// One that keeps devices out of memory is named: what lies behind it will only seem to hang.
class Iommu final : public fake::Device {
  public:
    explicit Iommu(u8 bypass) : Device(23, "iommu", 2) {
        set_config_size(40);
        put_config(36, 1, bypass);
    }
    u32 execute(u16, const fake::Chain&) override { return 0; }
    std::span<const fake::ConfigField> config_fields() const override { return fields; }
    static constexpr unsigned bypass_config = 6;

  private:
    static constexpr fake::ConfigField fields[] = {{36, 1, 1, bypass_config, true, "bypass"}};
};
TEST_P(LifeOnBusEach, an_iommu_that_stops_devices_is_named) {
    if (GetParam() == Bus::PciLegacy || GetParam() == Bus::PciTransitional)
        GTEST_SKIP() << "this type has no id there";
    for (u8 bypass : {0, 1, 0xfe, 0xff})
        for (bool is_offered : {true, false}) {
            Machine each(GetParam());
            auto& iommu = each.plug(std::make_unique<Iommu>(bypass));
            if (is_offered)
                iommu.offered.add(Iommu::bypass_config);
            each.start();
            bool is_closed = is_offered && (bypass & 1) == 0;
            EXPECT_EQ(each.complaints.log().contains("stops devices that have iommu_platform=on: start QEMU "
                                                     "without its boot-bypass=off\n"),
                      is_closed)
                << each.complaints.log();
            EXPECT_EQ(each.complaints.log().empty(), !is_closed) << each.complaints.log();
            EXPECT_EQ(iommu.config_reads().size(), is_offered ? 1u : 0u);
            EXPECT_EQ(each.state(0), State::Found);
        }
}

// Interrupted by Ctrl-C: the request ends, the device is left alone, and works again when it has answered.
TEST_P(LifeOnBus, ctrl_c_ends_a_wait) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(reads(machine));
    disk.faults.never_completes = true;
    hosted::schedule(100 * hosted::millisecond, [&] { machine.loop.request_interrupt(); });
    auto bytes = bytes_of(4096);
    u64 begin = hosted::clock_now();
    auto ended = machine.disk()->read(0, bytes);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::Interrupted);
    EXPECT_LT(hosted::clock_now() - begin, hosted::second);
    EXPECT_EQ(machine.state(), State::Aside);
    EXPECT_GT(hosted::DmaArena::instance().live_shares(), 0u);
    EXPECT_EQ(bytes, bytes_of(4096));
    disk.faults.never_completes = false;
    disk.finish_held();
    EXPECT_TRUE(reads(machine));
    EXPECT_EQ(bytes, bytes_of(4096)) << "the caller's no more";
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
}

} // namespace
} // namespace vireo::test
