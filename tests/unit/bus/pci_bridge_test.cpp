// SPDX-License-Identifier: Apache-2.0
#include "unit/bus/pci_fixture.h"

namespace vireo::bus::pci {
namespace {

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

TEST(Pci, interrupt_lines_follow_pins_through_bridges) {
    Fabric fabric;
    auto with_pin = [](FabricFunction function, u8 pin) {
        function.put(0x3c, u32{pin} << 8, 2);
        function.writable(0x3c, 0xff, 1);
        return function;
    };
    FabricFunction& disk = fabric.plug(3, with_pin(a_disk(), 2));
    FabricFunction& second = fabric.plug(3, with_pin(a_disk(), 4), 1);
    disk.bytes[0x0e] |= 0x80;
    FabricFunction& without = fabric.plug(4, with_pin(a_disk(), 0));
    FabricFunction& odd = fabric.plug(5, with_pin(a_disk(), 5));
    FabricFunction& outer = fabric.plug(6, with_pin(a_bridge(), 1));
    FabricFunction& shallow = outer.behind(3, 0, with_pin(a_disk(), 3));
    FabricFunction& inner = outer.behind(2, 0, with_pin(a_bridge(), 0));
    FabricFunction& deep = inner.behind(31, 0, with_pin(a_disk(), 4));
    FabricFunction& strange = fabric.plug(7, with_pin(FabricFunction(0x1234, 1, 0x06'0700, 2), 1));
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    host.set_interrupt_lines([](u8 device, u8 pin) { return static_cast<u8>(device << 2 | pin); });
    EXPECT_EQ(disk.bytes[0x3c], 3 << 2 | 1);
    EXPECT_EQ(second.bytes[0x3c], 3 << 2 | 3);
    EXPECT_EQ(outer.bytes[0x3c], 6 << 2 | 0);
    EXPECT_EQ(shallow.bytes[0x3c], 6 << 2 | ((2 + 3) & 3));
    EXPECT_EQ(deep.bytes[0x3c], 6 << 2 | ((3 + 31 + 2) & 3));
    for (FabricFunction* function : {&without, &odd, &inner, &strange})
        EXPECT_EQ(function->bytes[0x3c], 0) << "no pin, or no function that is known";
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
    // Bus 0, twice: before a bridge gets a number, expanders are looked for. Nothing was asked
    // in vain below the port.
    EXPECT_EQ(fabric.misses, 2 * 31u);
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

TEST(Pci, windows_too_small_for_what_lies_behind_bridges_leave_it_off_and_name_it) {
    Warnings warnings;
    Fabric fabric;
    fabric.description.memory.bytes = 0x30'0000; // three steps of a bridge
    fabric.description.memory64 = {};
    fabric.description.io.bytes = 0x3000; // two steps: the first one is never handed out
    std::vector<FabricFunction*> disks;
    for (unsigned device = 1; device <= 4; ++device) {
        FabricFunction disk = a_disk();
        disk.io_bar(0, 64);
        disk.memory_bar(1, 0x1000);
        disks.push_back(&fabric.plug(device, a_bridge()).behind(0, 0, std::move(disk)));
    }
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host).size(), 8u);
    for (unsigned bus = 1; bus <= 4; ++bus) {
        Function* disk = at(host, "0" + std::to_string(bus) + ":00.0");
        ASSERT_NE(disk, nullptr);
        EXPECT_EQ(disk->bar(0).has_value(), bus <= 2);
        EXPECT_EQ(disk->bar(1).has_value(), bus <= 3);
        EXPECT_EQ(disks[bus - 1]->get(0x04, 2), bus <= 2 ? 3u : bus == 3 ? 2u : 0u); // what it may decode
    }
    EXPECT_EQ(warnings.text, "warning: pci 03:00.0: no room for BAR 0 of 0x40 bytes; it stays unused\n"
                             "warning: pci 04:00.0: no room for BAR 0 of 0x40 bytes; it stays unused\n"
                             "warning: pci 04:00.0: no room for BAR 1 of 0x1000 bytes; it stays unused\n");
}

// QEMU's microvm with `pcie=on`: no room for ports is no shortage there, of which every start would tell.
TEST(Pci, a_bus_without_port_io_is_short_of_nothing) {
    Warnings warnings;
    Fabric fabric;
    fabric.description.io = {};
    auto disk = [] {
        FabricFunction function = a_disk();
        function.io_bar(0, 64);
        function.memory_bar(1, 0x1000);
        return function;
    };
    fabric.plug(1, a_bridge()).behind(0, 0, disk());
    fabric.plug(2, disk());
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    for (const char* where : {"00:02.0", "01:00.0"}) {
        Function* found = at(host, where);
        ASSERT_NE(found, nullptr);
        EXPECT_FALSE(found->bar(0));
        EXPECT_TRUE(found->bar(1));
    }
    EXPECT_EQ(warnings.text, "");
}

// SR-IOV lies in extended configuration space, and what it could show answers only when it was enabled there.
TEST(Pci, functions_that_have_to_be_enabled_first_are_left_alone) {
    Fabric fabric;
    FabricFunction& port = fabric.plug(1, a_root_port());
    FabricFunction card(0x1b36, 0x0010, 0x01'0802);
    card.express(0);
    card.memory64_bar(0, 0x4000, false);
    port.behind(0, 0, std::move(card));
    FabricFunction& hidden = port.behind(0, 1, FabricFunction(0xffff, 0xffff, 0));
    hidden.memory64_bar(0, 0x4000, false);
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_EQ(places(host), (Places{"00:01.0", "01:00.0"}));
    EXPECT_EQ(fabric.extended, 0u);
    EXPECT_EQ(hidden.accesses, 0u);
}

TEST(Pci, a_bridge_that_contains_itself_ends_with_the_bus_numbers) {
    Warnings warnings;
    Fabric fabric;
    fabric.plug(1, a_bridge()).contains_itself = true;
    Host host(fabric.description);
    ASSERT_TRUE(host.scan());
    EXPECT_LE(places(host).size(), 256u);
}

} // namespace
} // namespace vireo::bus::pci
