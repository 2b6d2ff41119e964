// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/secure_world.h"

#include "unit/support/tree_writer.h"

#include <gtest/gtest.h>
#include <memory>

namespace vireo::machine::virt {
namespace {

using arch::psci::Description;

// The parts of QEMU's tree that matter.
class SecureWorld : public testing::Test {
  protected:
    struct Shape {
        std::vector<u32> processors{0, 1, 0x100};
        u64 ram = VIREO_PSCI_BLOCK;
        u64 ram_bytes = VIREO_PSCI_BLOCK_BYTES;
        std::string ram_status = "disabled";
        bool gic = true;
        bool lines = true;
    };
    void cells64(const char* name, std::initializer_list<u64> values) {
        std::string raw;
        for (u64 value : values)
            for (int shift = 56; shift >= 0; shift -= 8)
                raw += static_cast<char>(value >> shift);
        tree_->raw(name, raw);
    }
    void secure(test::TreeWriter& w) {
        w.text("status", "disabled");
        w.text("secure-status", "okay");
    }
    void write(const Shape& shape) {
        tree_ = std::make_unique<test::TreeWriter>();
        test::TreeWriter& w = *tree_;
        w.node("", [&] {
            w.cells("#address-cells", {2});
            w.cells("#size-cells", {2});
            w.node("cpus", [&] {
                w.cells("#address-cells", {1});
                w.cells("#size-cells", {0});
                w.node("cpu-map", [] {});
                for (u32 affinity : shape.processors)
                    w.node(("cpu@" + std::to_string(affinity)).c_str(), [&] {
                        w.text("device_type", "cpu");
                        w.cells("reg", {affinity});
                    });
            });
            w.node("secram", [&] {
                w.text("device_type", "memory");
                cells64("reg", {shape.ram, shape.ram_bytes});
                w.text("status", shape.ram_status);
                w.text("secure-status", "okay");
            });
            if (shape.gic)
                w.node("intc@8000000", [&] {
                    w.text("compatible", "arm,cortex-a15-gic");
                    cells64("reg", {0x8000000, 0x10000, 0x8010000, 0x10000});
                });
            if (shape.lines) {
                w.node("pl061@90b0000", [&] {
                    w.text("compatible", "arm,pl061");
                    w.cells("phandle", {5});
                    cells64("reg", {0x90b0000, 0x1000});
                    secure(w);
                });
                w.node("gpio-poweroff", [&] {
                    w.text("compatible", "gpio-poweroff");
                    w.cells("gpios", {5, 0, 0});
                    secure(w);
                });
                w.node("gpio-restart", [&] {
                    w.text("compatible", "gpio-restart");
                    w.cells("gpios", {5, 7, 1});
                    secure(w);
                });
            }
        });
        tree = VIREO_MUST(bus::fdt::Tree::open(w.finish()));
        devices = std::make_unique<Devices>();
        devices->find(tree);
    }
    Result<> describe(const Shape& shape, u64 own = 0) {
        write(shape);
        *description = {};
        system::MemoryMap map;
        VIREO_MUST(map.add_ram(0x40000000, 0x8000000));
        VIREO_MUST(map.add_ram(0x80000000, 0x1000000));
        return describe_for_psci(*devices, tree, map, own, *description);
    }
    bus::fdt::Tree tree;
    std::unique_ptr<Devices> devices;
    std::unique_ptr<Description> description = std::make_unique<Description>();

  private:
    std::unique_ptr<test::TreeWriter> tree_;
};

TEST_F(SecureWorld, processors_lines_and_ram_are_the_tree_s) {
    ASSERT_TRUE(describe({}, 0x100));
    EXPECT_EQ(description->count, 3u);
    EXPECT_EQ(description->affinities[2], 0x100u);
    EXPECT_EQ(description->gic_version, 2u);
    EXPECT_EQ(description->distributor, 0x8000000u);
    EXPECT_EQ(description->interface, 0x8010000u);
    EXPECT_EQ(description->lowest_entry, 0x40000000u);
    EXPECT_EQ(description->entries_end, 0x81000000u);
    EXPECT_EQ(description->power_off.controller, 0x90b0000u);
    EXPECT_EQ(description->restart.pin, 7u);
    EXPECT_EQ(description->restart.active_low, 1u);
}

TEST_F(SecureWorld, a_machine_without_lines_stays_on) {
    ASSERT_TRUE(describe({.lines = false}));
    EXPECT_EQ(description->power_off.controller, 0u);
    EXPECT_EQ(description->restart.controller, 0u);
}

TEST_F(SecureWorld, there_must_be_secure_ram_for_all_of_it) {
    EXPECT_FALSE(describe({.ram_bytes = VIREO_PSCI_BLOCK_BYTES - 1}));
    EXPECT_FALSE(describe({.ram = VIREO_PSCI_BLOCK + 4096}));
    EXPECT_FALSE(describe({.ram_status = "okay"})) << "everybody's RAM";
    EXPECT_TRUE(describe({.ram = VIREO_PSCI_BLOCK - 4096, .ram_bytes = VIREO_PSCI_BLOCK_BYTES + 4096}));
}

TEST_F(SecureWorld, there_must_be_an_interrupt_controller) { EXPECT_FALSE(describe({.gic = false})); }

TEST_F(SecureWorld, vireo_s_own_processor_must_be_one_of_them) {
    EXPECT_TRUE(describe({}, 1));
    EXPECT_FALSE(describe({}, 2));
}

TEST_F(SecureWorld, what_is_no_affinity_is_no_processor) {
    ASSERT_TRUE(describe({.processors = {0, 0x00ffffff, 0x01000000, 0x80000001}}));
    EXPECT_EQ(description->count, 2u);
}

TEST_F(SecureWorld, processors_beyond_the_room_for_them_are_left_out) {
    std::vector<u32> many;
    for (u32 i = 0; i <= Description::max_processors; ++i)
        many.push_back(i / 16 << 8 | i % 16);
    ASSERT_TRUE(describe({.processors = many}));
    EXPECT_EQ(description->count, Description::max_processors);
}

} // namespace
} // namespace vireo::machine::virt
