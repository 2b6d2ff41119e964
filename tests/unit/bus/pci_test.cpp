// SPDX-License-Identifier: Apache-2.0
#include "unit/bus/pci_fixture.h"

#include "hosted/clock.h"

#include <set>

namespace vireo::bus::pci {
namespace {

TEST(Pci, functions_are_found_in_bus_order) {
    Fabric fabric;
    fabric.plug(3, a_disk());
    fabric.plug(0, FabricFunction(0x1b36, 0x0008, 0x06'0000));
    fabric.plug(1, a_disk());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host), (Places{"00:00.0", "00:01.0", "00:03.0"}));
    Function* disk = at(host, "00:01.0");
    EXPECT_EQ(disk->vendor_id(), 0x1af4);
    EXPECT_EQ(disk->device_id(), 0x1042);
    EXPECT_EQ(disk->class_code(), 0x01'0000u);
}

TEST(Pci, only_bus_0_is_looked_at_and_functions_1_to_7_only_where_there_are_several) {
    Fabric fabric;
    fabric.plug(1, a_disk());
    FabricFunction several = a_disk();
    several.bytes[0x0e] = 0x80;
    fabric.plug(2, std::move(several));
    fabric.plug(2, a_disk(), 3);
    fabric.plug(4, a_disk(), 1); // device 4 has no function 0, so this is not there
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host), (Places{"00:01.0", "00:02.0", "00:02.3"}));
    EXPECT_EQ(fabric.misses, 30u + 6u); // 30 devices, and six functions of device 2
}

TEST(Pci, forty_disks_are_found_and_placed_without_overlap) {
    Fabric fabric;
    for (unsigned i = 0; i < 5; ++i)
        for (unsigned function = 0; function < 8; ++function) {
            FabricFunction disk = a_disk();
            disk.bytes[0x0e] = 0x80;
            disk.io_bar(0, 128);
            disk.memory_bar(1, 4096);
            disk.memory64_bar(4, 0x4000);
            fabric.plug(i + 1, std::move(disk), function);
        }
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    std::map<u64, u64> taken;
    unsigned count = 0;
    for (Function* function = host.first(); function; function = host.next(*function), ++count)
        for (unsigned bar : {0u, 1u, 4u}) {
            auto window = function->bar(bar);
            ASSERT_TRUE(window);
            EXPECT_TRUE(is_aligned(window->base(), window->size()));
            for (auto& [base, bytes] : taken)
                EXPECT_FALSE(ranges_overlap(base, bytes, window->base(), window->size()));
            taken[window->base()] = window->size();
        }
    EXPECT_EQ(count, 40u);
}

TEST(Pci, bar64_takes_two_slots) {
    Fabric fabric;
    FabricFunction disk = a_disk();
    disk.io_bar(0, 64);
    disk.memory64_bar(1, 0x4000);
    disk.memory_bar(3, 0x1000);
    FabricFunction& plugged = fabric.plug(1, std::move(disk));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    Function* function = host.first();
    EXPECT_EQ(function->bar(0)->size(), 64u);
    EXPECT_EQ(function->bar(1)->size(), 0x4000u);
    EXPECT_EQ(function->bar(2).error().code, ErrorCode::NotFound);
    EXPECT_EQ(function->bar(3)->size(), 0x1000u);
    EXPECT_EQ(function->bar(4).error().code, ErrorCode::NotFound);
    EXPECT_EQ(function->bar(6).error().code, ErrorCode::NotFound);
    EXPECT_EQ(function->bar(1)->base(), plugged.bar64(1));
    EXPECT_EQ(function->bar(3)->base(), plugged.bar32(3));
    EXPECT_EQ(plugged.get(0x04, 2), 3u); // I/O and memory decode; bus mastering is off
    EXPECT_LT(plugged.bar64(1), u64{1} << 32);
}

TEST(Pci, io_starts_at_0x1000_and_is_translated) {
    Fabric fabric;
    FabricFunction disk = a_disk();
    disk.io_bar(0, 4);
    FabricFunction& plugged = fabric.plug(1, std::move(disk));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(plugged.bar_io(0), 0x1000u);
    EXPECT_EQ(host.first()->bar(0)->base(), 0x3eff'1000u);
    EXPECT_EQ(host.first()->bar(0)->space(), io::Space::Memory);
    EXPECT_TRUE(host.first()->is_io_bar(0));
}

TEST(Pci, a_window_at_bus_address_0_gives_no_bar_the_address_0) {
    Fabric fabric;
    fabric.description.memory = {0x1000'0000, 0, 0x1000'0000};
    FabricFunction disk = a_disk();
    disk.memory_bar(0, 16);
    FabricFunction& plugged = fabric.plug(1, std::move(disk));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_NE(plugged.bar32(0), 0u);
    EXPECT_EQ(host.first()->bar(0)->base(), 0x1000'0000 + plugged.bar32(0));
}

TEST(Pci, a_large_64_bit_bar_goes_above_4_gib) {
    Fabric fabric;
    FabricFunction gpu(0x1af4, 0x1050, 0x03'0000);
    gpu.memory64_bar(0, u64{1} << 33);
    gpu.memory_bar(2, 0x1000);
    FabricFunction& plugged = fabric.plug(1, std::move(gpu));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(plugged.bar64(0), 0x80'0000'0000u);
    EXPECT_EQ(host.first()->bar(0)->base(), 0x80'0000'0000u);
    EXPECT_LT(plugged.bar32(2), u64{1} << 32);
}

TEST(Pci, a_64_bit_bar_without_room_stays_unused_and_the_rest_works) {
    Warnings warnings;
    Fabric fabric;
    fabric.description.memory64 = {}; // as on a 32-bit board
    FabricFunction gpu(0x1af4, 0x1050, 0x03'0000);
    gpu.memory64_bar(0, u64{1} << 33);
    gpu.memory_bar(2, 0x1000);
    FabricFunction& plugged = fabric.plug(1, std::move(gpu));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    ASSERT_NE(host.first(), nullptr);
    EXPECT_EQ(host.first()->bar(0).error().code, ErrorCode::TooLarge);
    EXPECT_TRUE(host.first()->bar(2));
    EXPECT_EQ(plugged.get(0x10, 8), 0xffff'fffe'0000'000cu); // where it decodes nothing that anybody uses
    EXPECT_EQ(plugged.get(0x04, 2), 2u);
    EXPECT_EQ(warnings.text,
              "warning: pci 00:01.0: no room for BAR 0 of 0x200000000 bytes; it stays unused\n");
}

TEST(Pci, a_32_bit_bar_without_room_keeps_the_function_from_decoding_memory) {
    Fabric fabric;
    FabricFunction card(0x1234, 0x1111, 0x03'0000);
    card.memory_bar(0, 0x1000);
    card.memory_bar(1, 0x8000'0000);
    card.io_bar(2, 16);
    FabricFunction& plugged = fabric.plug(1, std::move(card));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(host.first()->bar(0).error().code, ErrorCode::TooLarge);
    EXPECT_EQ(host.first()->bar(1).error().code, ErrorCode::TooLarge);
    EXPECT_TRUE(host.first()->bar(2));
    EXPECT_EQ(plugged.get(0x04, 2), 1u);
}

TEST(Pci, registers_that_are_no_base_addresses_are_left_out) {
    Fabric fabric;
    FabricFunction odd = a_disk();
    odd.put(0x10, 0x8, 4);                                 // no address bit at all
    odd.writable(0x14, 0xf0f0'0000, 4);                    // holes
    odd.put(0x18, 0x6, 4), odd.writable(0x18, ~0xfull, 4); // reserved type
    odd.put(0x1c, 0x1, 4);                                 // I/O without an address bit
    odd.put(0x24, 0x4, 4), odd.writable(0x24, 0xfff0, 4);  // 64 bits in the last slot
    fabric.plug(1, std::move(odd));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    for (unsigned bar = 0; bar < 6; ++bar)
        EXPECT_EQ(host.first()->bar(bar).error().code, ErrorCode::NotFound) << bar;
}

TEST(Pci, io_bars_with_16_address_bits_are_sized) {
    Fabric fabric;
    FabricFunction disk = a_disk();
    disk.put(0x10, 1, 4);
    disk.writable(0x10, 0xffc0, 4);
    fabric.plug(1, std::move(disk));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(host.first()->bar(0)->size(), 64u);
}

TEST(Pci, host_and_isa_bridges_are_not_touched) {
    Fabric fabric;
    FabricFunction isa(0x8086, 0x7000, 0x06'0100);
    isa.put(0x04, 7, 2);
    FabricFunction& plugged = fabric.plug(1, std::move(isa));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(plugged.writes, 0u);
}

TEST(Pci, decoding_left_on_by_an_earlier_owner_is_off_while_bars_are_sized) {
    Fabric fabric;
    FabricFunction disk = a_disk();
    disk.put(0x04, 7, 2);
    disk.memory_bar(0, 0x1000);
    FabricFunction& plugged = fabric.plug(1, std::move(disk));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(plugged.get(0x04, 2), 2u);
}

TEST(Pci, a_second_scan_finds_new_functions_and_leaves_the_others_alone) {
    Fabric fabric;
    FabricFunction disk = a_disk();
    disk.memory_bar(1, 0x1000);
    FabricFunction& old = fabric.plug(5, std::move(disk));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    Function* known = host.first();
    u64 address = old.bar32(1);
    unsigned writes = old.writes;

    FabricFunction second = a_disk();
    second.memory_bar(1, 0x1000);
    FabricFunction& fresh = fabric.plug(2, std::move(second));
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host), (Places{"00:05.0", "00:02.0"}));
    EXPECT_EQ(host.first(), known);
    EXPECT_EQ(old.writes, writes);
    EXPECT_EQ(old.bar32(1), address);
    EXPECT_NE(fresh.bar32(1), address);
    EXPECT_EQ(fresh.get(0x04, 2), 2u);
}

TEST(Pci, a_device_plugged_in_behind_a_port_finds_room_in_its_window) {
    Fabric fabric;
    FabricFunction& port = fabric.plug(1, a_root_port());
    fabric.plug(2, a_root_port());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    FabricFunction disk = a_disk();
    disk.memory_bar(1, 0x1000);
    disk.memory64_bar(4, 0x4000);
    FabricFunction& fresh = port.behind(0, 0, std::move(disk));
    unsigned writes = port.writes;
    ASSERT_TRUE(host.scan());
    ASSERT_NE(at(host, "01:00.0"), nullptr);
    EXPECT_TRUE(at(host, "01:00.0")->bar(4));
    EXPECT_TRUE(memory_window_holds(port, fresh.bar64(4), 0x4000));
    EXPECT_EQ(port.writes, writes);
}

// QEMU's arm64 and riscv machines: `device_add` at a root port, whose slot was empty and so had no power.
TEST(Pci, a_device_plugged_into_an_empty_slot_gets_power) {
    Fabric fabric;
    FabricFunction& port = fabric.plug(1, a_root_port());
    port.put(0x54 + 0x02, 0x0142, 2); // a root port with a slot
    port.put(0x54 + 0x14, 0x0002, 4); // with a power controller
    port.put(0x54 + 0x18, 0x07c8, 2); // which is off
    port.writable(0x54 + 0x18, 0x07ff, 2);
    FabricFunction& other = fabric.plug(2, a_root_port());
    other.put(0x54 + 0x02, 0x0142, 2); // a slot that always has power
    other.put(0x54 + 0x18, 0x0400, 2);
    other.writable(0x54 + 0x18, 0x07ff, 2);
    FabricFunction& third = fabric.plug(3, a_root_port());
    third.put(0x54 + 0x14, 0x0002, 4); // no slot: what stands there means nothing
    third.put(0x54 + 0x18, 0x0400, 2);
    third.writable(0x54 + 0x18, 0x07ff, 2);
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(port.get(0x54 + 0x18, 2), 0x03c8u); // and all else as it was
    EXPECT_EQ(other.get(0x54 + 0x18, 2), 0x0400u);
    EXPECT_EQ(third.get(0x54 + 0x18, 2), 0x0400u);
    unsigned writes = port.writes;
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(port.writes, writes);
    port.put(0x54 + 0x18, 0x07c8, 2); // somebody pulled the device, and plugs in another one
    port.behind(0, 0, a_disk());
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(port.get(0x54 + 0x18, 2), 0x03c8u);
    EXPECT_NE(at(host, "01:00.0"), nullptr);
}

TEST(Pci, a_port_whose_capability_does_not_fit_has_no_slot) {
    Fabric fabric;
    FabricFunction& port = fabric.plug(1, a_root_port());
    port.bytes[0x34] = 0xf0;
    port.put(0xf0, 0x0142'0010, 4);
    // Where its slot would be if offsets went round: bits of the command register and of the class code.
    port.put(0x08, 0x0604'0400, 4);
    port.writable(0x08, 0xffff, 2);
    FabricFunction& last = fabric.plug(2, a_root_port());
    last.bytes[0x34] = 0xe4; // this one fits
    last.put(0xe4, 0x0142'0010, 4);
    last.put(0xe4 + 0x14, 0x0002, 4);
    last.put(0xe4 + 0x18, 0x0400, 2);
    last.writable(0xe4 + 0x18, 0x0400, 2);
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(port.get(0x08, 4), 0x0604'0400u);
    EXPECT_EQ(port.get(0x19, 1), 1u); // what lies behind it is looked at all the same
    EXPECT_EQ(last.get(0xe4 + 0x18, 2), 0u);
}

FabricFunction an_expander() { return FabricFunction(0x1b36, 0x000b, 0x06'0000); }

TEST(Pci, buses_behind_expanders_are_found_and_keep_their_numbers) {
    Fabric fabric;
    fabric.plug(2, an_expander());
    fabric.plug(3, a_root_port()).behind(0, 0, a_disk());
    fabric.plug(4, an_expander());
    FabricFunction deep = a_disk();
    deep.memory_bar(1, 0x1000);
    FabricFunction& port = fabric.plug_on_root(0x20, 31, a_root_port());
    FabricFunction& far = port.behind(0, 0, std::move(deep));
    FabricFunction second = a_disk();
    second.memory_bar(1, 0x1000);
    FabricFunction& near = fabric.plug_on_root(0x40, 1, std::move(second));
    FabricFunction third = a_disk();
    third.memory_bar(1, 0x1000);
    FabricFunction& on_first = fabric.plug(5, std::move(third));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host), (Places{"00:02.0", "00:03.0", "00:04.0", "00:05.0", "01:00.0", "20:1f.0",
                                    "21:00.0", "40:01.0"}));
    EXPECT_TRUE(memory_window_holds(port, far.bar32(1), 0x1000));
    // One set of windows for all: no two the same.
    EXPECT_EQ((std::set<u64>{far.bar32(1), near.bar32(1), on_first.bar32(1)}.size()), 3u);

    // What is plugged in later as well.
    FabricFunction fourth = a_disk();
    fourth.memory_bar(1, 0x1000);
    FabricFunction& late = fabric.plug(9, std::move(fourth));
    fabric.plug(10, a_root_port()).behind(0, 0, a_disk());
    ASSERT_TRUE(host.scan());
    EXPECT_NE(late.bar32(1), near.bar32(1));
    EXPECT_NE(at(host, "02:00.0"), nullptr);
    EXPECT_EQ(port.bytes[0x19], 0x21);
}

TEST(Pci, an_expander_without_bridges_on_the_first_bus) {
    Fabric fabric;
    fabric.plug(2, an_expander());
    fabric.plug_on_root(0xff, 31, a_disk());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host), (Places{"00:02.0", "ff:1f.0"}));
}

TEST(Pci, bridges_take_no_number_of_a_root_behind_an_expander) {
    Fabric fabric;
    fabric.plug(1, a_root_port()).behind(0, 0, a_disk());
    fabric.plug(2, a_root_port()).behind(0, 0, a_disk());
    fabric.plug(3, a_root_port()).behind(0, 0, a_disk());
    fabric.plug(4, an_expander());
    fabric.plug_on_root(2, 0, a_root_port()).behind(0, 0, a_disk());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host),
              (Places{"00:01.0", "00:02.0", "00:03.0", "00:04.0", "01:00.0", "02:00.0", "03:00.0"}));
}

TEST(Pci, other_buses_are_not_looked_at_without_an_expander) {
    Fabric fabric;
    fabric.plug(1, a_root_port());
    fabric.plug_on_root(0x20, 0, a_disk());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host), (Places{"00:01.0"}));
    EXPECT_LT(fabric.misses, 100u);
}

TEST(Pci, expanders_that_lead_nowhere_cost_one_look_at_all_buses) {
    Fabric fabric;
    for (unsigned device = 0; device < 32; ++device)
        fabric.plug(device, an_expander());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_LT(fabric.misses, 256u * 32);
    unsigned misses = fabric.misses;
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(fabric.misses, misses);
}

TEST(Pci, a_function_that_is_pulled_out_stays_listed_and_reads_as_all_ones) {
    Fabric fabric;
    FabricFunction& disk = fabric.plug(1, a_disk());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    disk.gone = true;
    ASSERT_TRUE(host.scan());
    ASSERT_EQ(places(host), (Places{"00:01.0"}));
    EXPECT_EQ(host.first()->read32(0), 0xffff'ffffu);
    unsigned writes = disk.writes;
    host.first()->set_bus_master(true);
    EXPECT_EQ(disk.writes, writes);
    CapabilityWalk walk(*host.first());
    EXPECT_FALSE(walk.next());
}

TEST(Pci, bus_mastering_opens_the_bridges_above) {
    Fabric fabric;
    FabricFunction& outer = fabric.plug(1, a_bridge());
    FabricFunction& inner = outer.behind(1, 0, a_bridge());
    FabricFunction& disk = inner.behind(1, 0, a_disk());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    Function* function = at(host, "02:01.0");
    EXPECT_EQ(disk.get(0x04, 2) & 4, 0u);
    function->set_bus_master(true);
    EXPECT_EQ(disk.get(0x04, 2) & 4, 4u);
    EXPECT_EQ(outer.get(0x04, 2) & 4, 4u);
    EXPECT_EQ(inner.get(0x04, 2) & 4, 4u);
    function->set_bus_master(false);
    EXPECT_EQ(disk.get(0x04, 2) & 4, 0u);
}

TEST(Pci, bus_mastering_stops_everywhere_before_a_hand_over_and_can_be_opened_again) {
    Fabric fabric;
    FabricFunction& outer = fabric.plug(1, a_bridge());
    FabricFunction& disk = outer.behind(1, 0, a_disk());
    FabricFunction& other = fabric.plug(2, a_disk());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    at(host, "01:01.0")->set_bus_master(true);
    at(host, "00:02.0")->set_bus_master(true);
    host.stop_bus_masters();
    for (FabricFunction* function : {&outer, &disk, &other})
        EXPECT_EQ(function->get(0x04, 2) & 4, 0u);
    EXPECT_EQ(outer.get(0x04, 2) & 3, 3u); // windows stay open
    at(host, "01:01.0")->set_bus_master(true);
    EXPECT_EQ(outer.get(0x04, 2) & 4, 4u);
}

TEST(Pci, an_empty_machine_and_unusable_descriptions) {
    Fabric fabric;
    Host empty(fabric.description);
    ASSERT_TRUE(empty.scan());
    EXPECT_EQ(empty.first(), nullptr);

    HostDescription none;
    EXPECT_EQ(Host(none).scan().error().code, ErrorCode::NotSupported);
    HostDescription backwards = fabric.description;
    backwards.first_bus = 5;
    backwards.last_bus = 2;
    EXPECT_EQ(Host(backwards).scan().error().code, ErrorCode::NotSupported);
    HostDescription wraps = fabric.description;
    wraps.ecam = {~u64{0} - 0x1000, 0, 0x1000'0000};
    EXPECT_EQ(Host(wraps).scan().error().code, ErrorCode::NotSupported);
}

// Configuration space that says something else each time it is asked.
struct Babble final : hosted::RegisterBlock {
    explicit Babble(u64 seed) : state(seed), range(io::Space::Memory, Fabric::ecam_base, 16 << 20, *this) {}
    u32 read(u64 offset, u8) override {
        state = state * 6364136223846793005u + 1442695040888963407u;
        auto value = static_cast<u32>(state >> 32);
        if (offset % 0x1000 == 0x0c) // normal functions and bridges, mostly
            return value & (value & 1 << 25 ? 0x00ff'0000 : 0x0081'0000);
        return value % 8 == 0 ? 0xffff'ffff : value % 8 < 6 ? value & 0x11f4'80ff : value;
    }
    void write(u64, u8, u32) override {}
    u64 state;
    hosted::MappedRange range;
};

TEST(Pci, nonsense_in_configuration_space_ends_within_bounds) {
    hosted::use_virtual_clock();
    hosted::set_runaway_limit(~u64{0});
    Warnings warnings;
    for (u64 seed = 1; seed <= 100; ++seed) {
        Babble babble(seed);
        HostDescription description;
        description.ecam = {Fabric::ecam_base, 0, 16 << 20};
        description.last_bus = 15;
        description.io = {0x3eff'0000, 0, 0x1'0000};
        description.memory = {0x1000'0000, 0x1000'0000, 0x2eff'0000};
        description.memory64 = {0x80'0000'0000, 0x80'0000'0000, 0x80'0000'0000};
        Host host(description);
        for (int scans = 0; scans < 2; ++scans)
            if (auto scanned = host.scan(); !scanned)
                EXPECT_EQ(scanned.error().code, ErrorCode::TooLarge);
        EXPECT_LE(places(host).size(), Host::max_functions);
        for (Function* function = host.first(); function; function = host.next(*function)) {
            for (unsigned bar = 0; bar < 6; ++bar)
                if (auto window = function->bar(bar))
                    EXPECT_TRUE(window->base() >= 0x1000'0000 && window->base() < 0x100'0000'0000);
            unsigned steps = 0;
            for (CapabilityWalk walk(*function); walk.next();)
                ++steps;
            EXPECT_LE(steps, 48u);
        }
    }
}

// Configuration mechanism 1, and the functions behind it.
struct Ports final : hosted::RegisterBlock {
    explicit Ports(Fabric& all) : fabric(all), range(io::Space::Port, 0xcf8, 8, *this) {}
    u32 read(u64 offset, u8 width) override {
        return offset < 4 ? address : fabric.read(route(offset), width);
    }
    void write(u64 offset, u8 width, u32 value) override {
        if (offset >= 4)
            return fabric.write(route(offset), width, value);
        EXPECT_EQ(width, 4);
        EXPECT_EQ(value & 0x8000'0003, 0x8000'0000u);
        address = value;
    }
    u64 route(u64 offset) const {
        return u64{address >> 8 & 0xffff} << 12 | ((address & 0xfc) + (offset - 4));
    }
    Fabric& fabric;
    hosted::MappedRange range;
    u32 address = 0;
};

TEST(Pci, configuration_space_is_reached_through_ports) {
    Fabric fabric;
    Ports ports(fabric);
    HostDescription description = fabric.description;
    description.access = HostDescription::ConfigAccess::Ports;
    description.ecam = {};
    description.io_space = io::Space::Port;
    description.io = {0x1000, 0x1000, 0xf000};
    FabricFunction disk = a_disk();
    disk.io_bar(0, 64);
    fabric.plug(1, a_bridge()).behind(4, 0, std::move(disk));
    Host host(description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host), (Places{"00:01.0", "01:04.0"}));
    EXPECT_EQ(at(host, "01:04.0")->bar(0)->space(), io::Space::Port);
    EXPECT_EQ(at(host, "01:04.0")->read8(0x01), 0x1a);
    EXPECT_EQ(at(host, "01:04.0")->read16(0x02), 0x1042);
}

// --- capability lists --------------------------------------------------------------------------------------------

struct List {
    List() : function(fabric.plug(1, a_disk())), host(fabric.description) {
        function.bytes[0x06] = 0x10;
        EXPECT_TRUE(host.scan());
    }
    void entry(u8 offset, u8 id, u8 next) {
        function.bytes[offset] = id;
        function.bytes[offset + 1] = next;
    }
    std::vector<int> walk() {
        std::vector<int> offsets;
        CapabilityWalk steps(*host.first());
        while (auto capability = steps.next())
            offsets.push_back(capability->offset);
        return offsets;
    }
    Fabric fabric;
    FabricFunction& function;
    Host host;
};
using Offsets = std::vector<int>;

TEST(PciCapabilities, entries_are_given_in_the_order_of_the_list) {
    List list;
    list.function.bytes[0x34] = 0x80;
    list.entry(0x80, 9, 0x40);
    list.entry(0x40, 0x11, 0);
    EXPECT_EQ(list.walk(), (Offsets{0x80, 0x40}));
}

TEST(PciCapabilities, no_list_without_the_status_bit) {
    List list;
    list.function.bytes[0x06] = 0;
    list.function.bytes[0x34] = 0x40;
    list.entry(0x40, 9, 0);
    EXPECT_EQ(list.walk(), Offsets{});
}

// covers: pci.modern.57
TEST(PciCapabilities, cap_list_cycle_and_bounds) {
    List list;
    list.function.bytes[0x34] = 0x43; // reserved bits are masked
    list.entry(0x40, 9, 0x62);
    list.entry(0x60, 9, 0x40);
    EXPECT_EQ(list.walk(), (Offsets{0x40, 0x60}));
    list.entry(0x60, 9, 0x60);
    EXPECT_EQ(list.walk(), (Offsets{0x40, 0x60}));
    list.entry(0x60, 9, 0x3c); // inside the header
    EXPECT_EQ(list.walk(), (Offsets{0x40, 0x60}));
    list.entry(0x60, 9, 0xff);
    list.entry(0xfc, 9, 0x00);
    EXPECT_EQ(list.walk(), (Offsets{0x40, 0x60, 0xfc}));
    for (unsigned i = 0x40; i < 0x100; i += 4)
        list.entry(static_cast<u8>(i), 9, static_cast<u8>(i + 4 < 0x100 ? i + 4 : 0x40));
    EXPECT_EQ(list.walk().size(), 48u);
}

} // namespace
} // namespace vireo::bus::pci
