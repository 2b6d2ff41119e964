// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/riscv_handover.h"

#include "unit/support/error_text.h"
#include "unit/support/tree_writer.h"

#include <gtest/gtest.h>

namespace vireo::machine::virt {
namespace {

using arch::riscv::sbi::Description;

// The parts of QEMU's tree that matter, for so many harts.
class RiscvHandover : public testing::Test {
  protected:
    struct Shape {
        u32 harts = 2;
        bool aclint = false;
        bool serial = true;
        bool power = true;
    };
    static std::string cells(const std::vector<u32>& values) {
        std::string raw;
        for (u32 value : values)
            for (int shift = 24; shift >= 0; shift -= 8)
                raw += static_cast<char>(value >> shift);
        return raw;
    }
    Result<Description> describe(const Shape& shape, u32 hart = 0) {
        tree_ = std::make_unique<test::TreeWriter>();
        test::TreeWriter& w = *tree_;
        std::vector<u32> software, timer, both;
        for (u32 i = 0; i < shape.harts; ++i) {
            software.insert(software.end(), {i + 1, 3});
            timer.insert(timer.end(), {i + 1, 7});
            both.insert(both.end(), {i + 1, 3, i + 1, 7});
        }
        w.node("", [&] {
            w.cells("#address-cells", {2});
            w.cells("#size-cells", {2});
            w.node("cpus", [&] {
                w.cells("#address-cells", {1});
                w.cells("#size-cells", {0});
                w.cells("timebase-frequency", {5'000'000});
                for (u32 i = 0; i < shape.harts; ++i)
                    w.node(("cpu@" + std::to_string(i)).c_str(), [&] {
                        w.cells("reg", {i});
                        w.node("interrupt-controller", [&] {
                            w.text("compatible", "riscv,cpu-intc");
                            w.cells("phandle", {i + 1});
                        });
                    });
            });
            if (shape.aclint) {
                w.node("mswi@2000000", [&] {
                    w.text("compatible", "riscv,aclint-mswi");
                    w.cells("reg", {0, 0x2000000, 0, 0x4000});
                    w.raw("interrupts-extended", cells(software));
                });
                w.node("mtimer@2004000", [&] {
                    w.text("compatible", "riscv,aclint-mtimer");
                    w.cells("reg", {0, 0x200bff8, 0, 0x4008, 0, 0x2004000, 0, 0x7ff8});
                    w.raw("interrupts-extended", cells(timer));
                });
            } else {
                w.node("clint@2000000", [&] {
                    w.text("compatible", "sifive,clint0");
                    w.cells("reg", {0, 0x2000000, 0, 0x10000});
                    w.raw("interrupts-extended", cells(both));
                });
            }
            if (shape.serial)
                w.node("serial@10000000", [&] {
                    w.text("compatible", "ns16550a");
                    w.cells("reg", {0, 0x10000000, 0, 0x100});
                });
            if (shape.power) {
                w.node("test@100000", [&] {
                    w.text("compatible", "syscon");
                    w.cells("phandle", {100});
                    w.cells("reg", {0, 0x100000, 0, 0x1000});
                });
                w.node("poweroff", [&] {
                    w.text("compatible", "syscon-poweroff");
                    w.cells("regmap", {100});
                    w.cells("value", {0x5555});
                });
                w.node("reboot", [&] {
                    w.text("compatible", "syscon-reboot");
                    w.cells("regmap", {100});
                    w.cells("offset", {0xffc});
                    w.cells("value", {0x7777});
                });
            }
        });
        auto tree = VIREO_MUST(bus::fdt::Tree::open(w.finish()));
        devices = std::make_unique<Devices>();
        devices->find(tree);
        return describe_for_sbi(*devices, hart);
    }
    std::unique_ptr<Devices> devices;

  private:
    std::unique_ptr<test::TreeWriter> tree_; // the devices refer to it
};

TEST_F(RiscvHandover, a_machine_s_registers) {
    for (bool aclint : {false, true}) {
        auto machine = VIREO_MUST(describe({.harts = 2, .aclint = aclint}));
        ASSERT_EQ(machine.hart_count, 2u);
        EXPECT_EQ(machine.harts[1].id, 1u);
        EXPECT_EQ(machine.harts[0].software_interrupt, 0x2000000u);
        EXPECT_EQ(machine.harts[1].software_interrupt, 0x2000004u);
        EXPECT_EQ(machine.harts[0].compare, 0x2004000u);
        EXPECT_EQ(machine.harts[1].compare, 0x2004008u);
        EXPECT_EQ(machine.counter, 0x200bff8u);
        EXPECT_EQ(machine.patience, 5'000'000u);
        EXPECT_EQ(machine.console, 0x10000000u);
        EXPECT_EQ(machine.power_off.address, 0x100000u);
        EXPECT_EQ(machine.power_off.value, 0x5555u);
        EXPECT_EQ(machine.restart.address, 0x100ffcu);
        EXPECT_EQ(machine.restart.value, 0x7777u);
    }
}

TEST_F(RiscvHandover, what_is_not_there_is_0) {
    auto machine = VIREO_MUST(describe({.serial = false, .power = false}));
    EXPECT_EQ(machine.console, 0u);
    EXPECT_EQ(machine.power_off.address, 0u);
    EXPECT_EQ(machine.restart.address, 0u);
}

TEST_F(RiscvHandover, as_many_harts_as_there_is_room_for) {
    EXPECT_EQ(VIREO_MUST(describe({.harts = 64}, 63)).hart_count, 64u);
    auto machine = VIREO_MUST(describe({.harts = 65}, 63));
    EXPECT_EQ(machine.hart_count, 64u);
    EXPECT_EQ(machine.harts[63].software_interrupt, 0x2000000u + 4 * 63);
    auto refused = describe({.harts = 65}, 64);
    ASSERT_FALSE(refused);
    EXPECT_EQ(test::text_of(refused.error()), "the device tree does not name the hart that Vireo runs on");
}

TEST_F(RiscvHandover, registers_beyond_their_block_are_none) {
    (void)describe({.harts = 2});
    devices->software_interrupts[0].registers.bytes = 4;
    devices->syscon_reboot->offset = 0xffd;
    auto machine = VIREO_MUST(describe_for_sbi(*devices, 0));
    EXPECT_EQ(machine.harts[0].software_interrupt, 0x2000000u);
    EXPECT_EQ(machine.harts[1].software_interrupt, 0u);
    EXPECT_EQ(machine.restart.address, 0u);
    devices->syscon_reboot->offset = 0x1000;
    EXPECT_EQ(VIREO_MUST(describe_for_sbi(*devices, 0)).restart.address, 0u);
}

} // namespace
} // namespace vireo::machine::virt
