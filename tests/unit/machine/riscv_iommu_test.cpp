// SPDX-License-Identifier: Apache-2.0
// The IOMMU's registers as the RISC-V IOMMU Architecture Specification 1.0 has them: a mode field that takes
// legal values only, and work that goes on after a write.
#include "machine/virt/riscv_iommu.h"

#include "event/clock.h"
#include "hosted/clock.h"
#include "unit/bus/pci_fixture.h"

#include <initializer_list>

namespace vireo::machine::virt {
namespace {

constexpr u64 base = 0x301'0000;
constexpr u64 bytes = 0x1000;
constexpr u32 busy_bit = 1 << 4;

class FakeIommu final : public hosted::RegisterBlock {
  public:
    u32 version = 0x10;
    u32 mode = 0;
    u64 busy_for = 0; // ticks after each write
    u64 busy_until = 0;
    bool takes_bare = true;
    unsigned writes = 0;

    u32 read(u64 offset, u8 width) override {
        EXPECT_EQ(width, 4);
        if (offset == 0)
            return 0x3b8'ef00 | version;
        return offset == 0x10 ? mode | (hosted::clock_now() < busy_until ? busy_bit : 0) : 0;
    }
    void write(u64 offset, u8 width, u32 value) override {
        ++writes;
        EXPECT_EQ(offset, 0x10u);
        EXPECT_EQ(width, 4);
        EXPECT_EQ(value, 1u); // bare, and no page number
        EXPECT_GE(hosted::clock_now(), busy_until) << "written while busy";
        if (takes_bare)
            mode = value & 0xf;
        busy_until = hosted::clock_now() + busy_for;
    }
};

// A platform with one IOMMU before PCI, and the warnings that it leads to.
class RiscvIommu : public testing::Test {
  protected:
    RiscvIommu() {
        hosted::use_virtual_clock();
        (void)devices.iommus.try_push_back({{base, bytes}, {}, 0x8000});
        devices.pci.emplace();
        map({0, 0x8000, 0, 0x1'0000});
    }
    void map(std::initializer_list<u32> cells) {
        map_.clear();
        for (u32 cell : cells)
            for (int shift = 24; shift >= 0; shift -= 8)
                map_.push_back(static_cast<std::byte>(cell >> shift));
        devices.pci_iommu_map = map_;
    }
    // What is said, which is nothing if all is well.
    std::string open() {
        open_iommus(devices);
        return warnings.text;
    }
    FakeIommu iommu;
    hosted::MappedRange mapped{io::Space::Memory, base, bytes, iommu};
    bus::pci::Warnings warnings;
    Devices devices;

  private:
    std::vector<std::byte> map_;
};

TEST_F(RiscvIommu, one_that_stops_everything_lets_devices_through) {
    EXPECT_EQ(open(), "");
    EXPECT_EQ(iommu.mode, 1u);
    EXPECT_EQ(iommu.writes, 1u);
    EXPECT_TRUE(devices.pci);
}

TEST_F(RiscvIommu, one_that_lets_devices_through_is_not_touched) {
    iommu.mode = 1;
    EXPECT_EQ(open(), "");
    EXPECT_EQ(iommu.writes, 0u);
}

TEST_F(RiscvIommu, is_waited_for_before_and_after_the_write) {
    iommu.busy_until = hosted::clock_now() + 300 * hosted::millisecond;
    iommu.busy_for = 300 * hosted::millisecond;
    EXPECT_EQ(open(), "");
    EXPECT_EQ(iommu.mode, 1u);
    EXPECT_GE(hosted::clock_now(), iommu.busy_until);
}

TEST_F(RiscvIommu, one_that_stays_busy_costs_a_second_and_pci) {
    for (bool from_the_start : {true, false}) {
        warnings.text.clear();
        devices.pci.emplace();
        iommu = {};
        u64 start = hosted::clock_now();
        (from_the_start ? iommu.busy_until : iommu.busy_for) = ~u64{0} / 2;
        EXPECT_EQ(open(),
                  "warning: IOMMU at 0x3010000: it stays busy: PCI, which lies behind it, is left off\n");
        EXPECT_EQ(iommu.writes, from_the_start ? 0u : 1u);
        EXPECT_FALSE(devices.pci);
        EXPECT_LT(hosted::clock_now() - start, 1500 * hosted::millisecond);
    }
}

TEST_F(RiscvIommu, one_that_knows_no_bare_mode_costs_pci) {
    iommu.takes_bare = false;
    EXPECT_EQ(open(),
              "warning: IOMMU at 0x3010000: it cannot be told to let devices through: PCI, which lies behind "
              "it, is left off\n");
    EXPECT_FALSE(devices.pci);
}

// All modes but the two: tables of one to three levels, and what the standard keeps for later.
TEST_F(RiscvIommu, tables_of_somebody_else_stay_in_force) {
    for (u32 mode = 2; mode < 16; ++mode) {
        warnings.text.clear();
        devices.pci.emplace();
        iommu.mode = mode;
        EXPECT_NE(open().find("it translates for somebody else"), std::string::npos);
        EXPECT_FALSE(devices.pci);
        EXPECT_EQ(iommu.mode, mode);
    }
    EXPECT_EQ(iommu.writes, 0u);
}

TEST_F(RiscvIommu, what_is_none_is_not_written_to) {
    for (u32 version : {0x00u, 0x20u, 0xffu}) {
        warnings.text.clear();
        iommu.version = version;
        EXPECT_NE(open().find("no IOMMU that Vireo knows"), std::string::npos);
    }
    iommu.version = 0x10;
    EXPECT_FALSE(pass_through(io::Window(io::Space::Memory, base, bytes - 8)));
    EXPECT_EQ(iommu.writes, 0u);
}

TEST_F(RiscvIommu, later_minor_versions_are_known) {
    iommu.version = 0x1f;
    EXPECT_EQ(open(), "");
    EXPECT_EQ(iommu.mode, 1u);
}

// Another one's number, the same number where no IOMMU is named, an entry that is cut off, and none at all.
TEST_F(RiscvIommu, pci_stays_if_it_lies_behind_another_one) {
    iommu.takes_bare = false;
    for (auto cells : {std::initializer_list<u32>{0, 0x8001, 0, 0x1'0000},
                       {0x8000, 0x8001, 0x8000, 0x8000},
                       {0x8000},
                       {}}) {
        warnings.text.clear();
        map(cells);
        EXPECT_EQ(open(), "warning: IOMMU at 0x3010000: it cannot be told to let devices through\n");
        EXPECT_TRUE(devices.pci);
    }
    map({0, 0x8001, 0, 8, 8, 0x8000, 8, 8});
    open();
    EXPECT_FALSE(devices.pci) << "the second entry counts too";
}

TEST_F(RiscvIommu, those_that_are_not_there_are_counted) {
    devices.iommus_absent = 3;
    EXPECT_EQ(open(),
              "warning: 3 IOMMUs of the device tree are not there, or more than Vireo has room for\n");
}

// The same IOMMU as a function of the bus: its registers lie behind BAR 0.
class RiscvPciIommu : public testing::Test {
  protected:
    RiscvPciIommu() { hosted::use_virtual_clock(); }
    void plug(u32 class_code = 0x08'0600) {
        bus::pci::FabricFunction function(0x1b36, 0x0014, class_code);
        function.memory64_bar(0, 0x1000, false);
        fabric.plug(3, std::move(function), 2);
        host.emplace(fabric.description);
    }
    bool open(u32 address) {
        (void)devices.iommus.try_push_back({{}, address, 0x8000});
        return open_pci_iommus(devices, *host);
    }
    bus::pci::Fabric fabric;
    std::optional<bus::pci::Host> host;
    FakeIommu iommu;
    // Where the first BAR is put.
    hosted::MappedRange mapped{io::Space::Memory, 0x1000'0000, bytes, iommu};
    bus::pci::Warnings warnings;
    Devices devices;
};

TEST_F(RiscvPciIommu, lets_devices_through) {
    fabric.plug(3, bus::pci::a_disk()).put(0x0e, 0x80, 1);
    plug();
    EXPECT_TRUE(open(3 << 11 | 2 << 8)) << warnings.text;
    EXPECT_EQ(iommu.mode, 1u);
    EXPECT_EQ(warnings.text, "");
}

TEST_F(RiscvPciIommu, one_that_goes_on_stopping_devices_costs_the_bus) {
    fabric.plug(3, bus::pci::a_disk()).put(0x0e, 0x80, 1);
    plug();
    iommu.takes_bare = false;
    EXPECT_FALSE(open(3 << 11 | 2 << 8));
    EXPECT_EQ(warnings.text, "warning: IOMMU at pci 00:03.2: it cannot be told to let devices through: no "
                             "device on PCI is used\n");
}

TEST_F(RiscvPciIommu, another_function_is_none) {
    fabric.plug(3, bus::pci::a_disk()).put(0x0e, 0x80, 1);
    plug(0x08'8000);
    EXPECT_TRUE(open(3 << 11 | 2 << 8));
    EXPECT_TRUE(open(9 << 11)); // nobody there
    EXPECT_EQ(iommu.writes, 0u);
    EXPECT_NE(warnings.text.find("warning: IOMMU at pci 00:03.2: no IOMMU is there\n"), std::string::npos);
    EXPECT_NE(warnings.text.find("warning: IOMMU at pci 00:09.0: no IOMMU is there\n"), std::string::npos);
}

TEST_F(RiscvPciIommu, a_bus_without_one_is_not_looked_at) {
    plug();
    EXPECT_TRUE(open_pci_iommus(devices, *host));
    EXPECT_EQ(fabric.accesses, 0u);
}

} // namespace
} // namespace vireo::machine::virt
