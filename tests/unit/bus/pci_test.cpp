// SPDX-License-Identifier: Apache-2.0
#include "bus/pci/host.h"

#include "base/log.h"
#include "unit/bus/pci_fabric.h"

#include <gtest/gtest.h>
#include <string>

namespace vireo::bus::pci {
namespace {

using test::a_bridge;
using test::a_disk;
using test::a_root_port;
using test::Fabric;
using test::FabricFunction;

std::string place(const Function& function) {
    StringBuffer<16> text;
    print(text, function.location());
    return std::string(text.view());
}

std::vector<std::string> places(Host& host) {
    std::vector<std::string> all;
    for (Function* function = host.first(); function; function = host.next(*function))
        all.push_back(place(*function));
    return all;
}

Function* at(Host& host, const std::string& where) {
    for (Function* function = host.first(); function; function = host.next(*function))
        if (place(*function) == where)
            return function;
    return nullptr;
}

using Places = std::vector<std::string>;

struct Warnings final : Writer {
    Warnings() { set_log_writer(this); }
    ~Warnings() { set_log_writer(nullptr); }
    void write(std::string_view part) override { text += part; }
    std::string text;
};

// The range of a bridge's memory window: base and limit register.
bool memory_window_holds(const FabricFunction& bridge, u64 address, u64 bytes) {
    u64 base = bridge.get(0x20, 2) << 16;
    u64 limit = bridge.get(0x22, 2) << 16 | 0xf'ffff;
    return address >= base && address + bytes - 1 <= limit;
}

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

TEST(Pci, buses_behind_bridges_are_numbered_depth_first) {
    Fabric fabric;
    FabricFunction& outer = fabric.plug(1, a_bridge());
    FabricFunction& inner = outer.behind(2, 0, a_bridge());
    inner.behind(5, 0, a_disk());
    outer.behind(7, 0, a_disk());
    FabricFunction& second = fabric.plug(2, a_bridge());
    second.behind(0, 0, a_disk());
    fabric.plug(3, a_disk());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host),
              (Places{"00:01.0", "00:02.0", "00:03.0", "01:02.0", "01:07.0", "02:05.0", "03:00.0"}));
    EXPECT_EQ(outer.get(0x18, 3), 0x02'01'00u); // subordinate, secondary, primary
    EXPECT_EQ(inner.get(0x18, 3), 0x02'02'01u);
    EXPECT_EQ(second.get(0x18, 3), 0x03'03'00u);
}

TEST(Pci, bridge_windows_hold_what_lies_behind_and_nothing_else) {
    Fabric fabric;
    auto disk = [] {
        FabricFunction function = a_disk();
        function.io_bar(0, 128);
        function.memory_bar(1, 0x1000);
        function.memory64_bar(4, 0x4000);
        return function;
    };
    FabricFunction& before = fabric.plug(0, disk());
    FabricFunction& outer = fabric.plug(1, a_bridge());
    FabricFunction& inner = outer.behind(1, 0, a_bridge());
    FabricFunction& deep = inner.behind(1, 0, disk());
    FabricFunction& shallow = outer.behind(2, 0, disk());
    FabricFunction& after = fabric.plug(2, disk());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    for (unsigned i = 0; i < 3; ++i) {
        const FabricFunction& bridge = i == 0 ? inner : outer;
        EXPECT_TRUE(memory_window_holds(bridge, deep.bar32(1), 0x1000));
        EXPECT_TRUE(memory_window_holds(bridge, deep.bar64(4), 0x4000));
        for (const FabricFunction* other : {&before, &after})
            EXPECT_FALSE(memory_window_holds(bridge, other->bar64(4), 0x4000));
    }
    EXPECT_TRUE(memory_window_holds(outer, shallow.bar64(4), 0x4000));
    EXPECT_FALSE(memory_window_holds(inner, shallow.bar64(4), 0x4000));
    u64 io_base = inner.bytes[0x1c] >> 4 << 12;
    u64 io_limit = inner.bytes[0x1d] >> 4 << 12 | 0xfff;
    EXPECT_GE(deep.bar_io(0), io_base);
    EXPECT_LE(deep.bar_io(0) + 127, io_limit);
    EXPECT_TRUE(shallow.bar_io(0) > io_limit || shallow.bar_io(0) + 127 < io_base);
    // Nothing needs the prefetchable window: it is closed, base above limit.
    EXPECT_GT(inner.get(0x24, 2), inner.get(0x26, 2));
    EXPECT_EQ(inner.get(0x04, 2), 3u);
}

TEST(Pci, a_large_bar_behind_a_bridge_uses_the_prefetchable_window) {
    Fabric fabric;
    FabricFunction& port = fabric.plug(1, a_root_port());
    FabricFunction gpu(0x1af4, 0x1050, 0x03'0000);
    gpu.memory64_bar(0, u64{1} << 33);
    FabricFunction& behind = port.behind(0, 0, std::move(gpu));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(behind.bar64(0), 0x80'0000'0000u);
    EXPECT_EQ(port.get(0x24, 2), 0x0001u); // bits 20 to 31 are 0; 64 bits are decoded
    EXPECT_EQ(port.get(0x28, 4), 0x80u);
    EXPECT_EQ(port.get(0x26, 2), 0xfff1u);
    EXPECT_EQ(port.get(0x2c, 4), 0x81u);
}

TEST(Pci, a_bridge_without_the_optional_windows_gets_none) {
    Fabric fabric;
    FabricFunction bridge = a_bridge();
    bridge.put(0x24, 0, 4);
    for (unsigned offset = 0x1c; offset < 0x1e; ++offset)
        bridge.mask[offset] = 0;
    for (unsigned offset = 0x24; offset < 0x30; ++offset)
        bridge.mask[offset] = 0;
    FabricFunction& plugged = fabric.plug(1, std::move(bridge));
    FabricFunction disk = a_disk();
    disk.io_bar(0, 64);
    disk.memory64_bar(4, 0x4000);
    plugged.behind(3, 0, std::move(disk));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    Function* function = at(host, "01:03.0");
    ASSERT_NE(function, nullptr);
    EXPECT_EQ(function->bar(0).error().code, ErrorCode::TooLarge);
    EXPECT_TRUE(function->bar(4));
}

TEST(Pci, below_an_express_port_there_is_device_0_only) {
    Fabric fabric;
    FabricFunction& port = fabric.plug(1, a_root_port());
    port.behind(0, 0, a_disk());
    port.behind(1, 0, a_disk()); // an alias, as some hardware shows
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host), (Places{"00:01.0", "01:00.0"}));
    EXPECT_EQ(fabric.misses, 31u); // bus 0; nothing was asked in vain below the port
}

TEST(Pci, bus_numbers_run_out_with_a_warning) {
    Warnings warnings;
    Fabric fabric(2);
    fabric.plug(1, a_bridge()).behind(0, 0, a_disk());
    fabric.plug(2, a_bridge()).behind(0, 0, a_disk());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host), (Places{"00:01.0", "00:02.0", "01:00.0"}));
    EXPECT_NE(warnings.text.find("pci 00:02.0: no bus number left"), std::string::npos);
}

TEST(Pci, a_bridge_that_contains_itself_ends_with_the_bus_numbers) {
    Warnings warnings;
    Fabric fabric;
    fabric.plug(1, a_bridge()).contains_itself = true;
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_LE(places(host).size(), 256u);
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

// Configuration mechanism 1, and the functions behind it.
struct Ports final : hosted::RegisterBlock {
    explicit Ports(Fabric& fabric_) : fabric(fabric_), range(io::Space::Port, 0xcf8, 8, *this) {}
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
