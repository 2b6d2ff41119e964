// SPDX-License-Identifier: Apache-2.0
// Interrupts that become supervisor mode's, on registers that are numbers.
#include "machine/interrupts/aplic_domains.h"

#include "hosted/address_space.h"
#include "unit/support/error_text.h"

#include <gtest/gtest.h>
#include <map>

namespace vireo::machine::virt {
namespace {

constexpr u64 machine_base = 0xc000000;
constexpr u32 ours = 1, theirs = 2, our_messages = 3, their_messages = 4;

class Registers final : public hosted::RegisterBlock {
  public:
    u32 read(u64 offset, u8) override { return values[offset]; }
    void write(u64 offset, u8, u32 value) override { values[offset] = value; }
    std::map<u64, u32> values;
};

class AplicDomains : public testing::Test {
  protected:
    AplicDomains() {
        bytes.assign(16 * 8, std::byte{0});
        add_aplic({.device = {{machine_base, 0x8000}, {}, harts(4), ours},
                   .message_parent = 0,
                   .child = theirs,
                   .sources = 96});
        add_aplic({.device = {{0xd000000, 0x8000}, {}, harts(4), theirs},
                   .message_parent = 0,
                   .child = 0,
                   .sources = 96});
        EXPECT_TRUE(devices.software_interrupts.try_push_back({{0x2000000, 0x4000}, {}, harts(4), 9}));
    }
    void add_aplic(const Devices::Aplic& aplic) { EXPECT_TRUE(devices.aplics.try_push_back(aplic)); }
    Bytes harts(usize count) { return Bytes(bytes).first(count * 8); }
    // As QEMU's for so many harts in one socket.
    void use_messages(usize count) {
        for (auto* aplic : {&devices.aplics[0], &devices.aplics[1]})
            aplic->device.connections = {};
        devices.aplics[0].message_parent = our_messages;
        devices.aplics[1].message_parent = their_messages;
        for (auto [base, phandle] :
             {std::pair(u64{0x24000000}, our_messages), std::pair(u64{0x28000000}, their_messages)})
            EXPECT_TRUE(devices.imsics.try_push_back({.device = {{base, 0x4000}, {}, harts(count), phandle},
                                                      .guest_index_bits = 0,
                                                      .hart_index_bits = 0,
                                                      .group_index_bits = 0,
                                                      .group_index_shift = 24}));
    }
    Result<MessageAddresses> addresses() { return message_addresses(devices, devices.aplics[0]); }
    void refused() {
        auto can = can_give_aplics(devices);
        ASSERT_FALSE(can);
        EXPECT_EQ(can.error().code, ErrorCode::NotSupported);
    }

    Devices devices;
    std::vector<std::byte> bytes;
    Registers registers;
    hosted::MappedRange mapped{io::Space::Memory, machine_base, 0x8000, registers};
};

TEST_F(AplicDomains, every_source_goes_to_the_child) {
    registers.values[0] = 0x100;
    ASSERT_TRUE(can_give_aplics(devices));
    give_aplics_to_supervisor_mode(devices);
    EXPECT_EQ(registers.values.size(), 97u); // nothing but these
    EXPECT_EQ(registers.values[0], 0u);
    for (u64 source = 1; source <= 96; ++source)
        EXPECT_EQ(registers.values[4 * source], 0x400u);
}

TEST_F(AplicDomains, the_addresses_of_messages_are_said_in_the_machine_s_domain) {
    use_messages(4);
    ASSERT_TRUE(can_give_aplics(devices));
    give_aplics_to_supervisor_mode(devices);
    EXPECT_EQ(registers.values[0x1bc0], 0x24000u);
    EXPECT_EQ(registers.values[0x1bc4], 2u << 12);
    EXPECT_EQ(registers.values[0x1bc8], 0x28000u);
    EXPECT_EQ(registers.values[0x1bcc], 2u << 12);
    EXPECT_EQ(registers.values[4 * 96], 0x400u);
}

TEST_F(AplicDomains, as_many_bits_as_harts_need) {
    use_messages(1);
    for (auto [count, bits] : {std::pair(usize{1}, 0u), {2u, 1u}, {3u, 2u}, {4u, 2u}, {5u, 3u}, {16u, 4u}}) {
        for (auto& imsic : devices.imsics)
            imsic.device.connections = harts(count);
        EXPECT_EQ(addresses()->machine_high, bits << 12) << count;
    }
}

TEST_F(AplicDomains, what_the_tree_says_of_groups_and_guests) {
    use_messages(4);
    for (auto& imsic : devices.imsics) {
        imsic.hart_index_bits = 3;
        imsic.group_index_bits = 1;
        imsic.group_index_shift = 26;
    }
    devices.imsics[1].guest_index_bits = 2;
    devices.imsics[0].device.registers.base = u64{0xabc} << 44 | 0x24000000;
    auto said = addresses();
    ASSERT_TRUE(said);
    EXPECT_EQ(said->machine, 0x24000u);
    EXPECT_EQ(said->machine_high, 2u << 24 | 1u << 16 | 3u << 12 | 0xabcu);
    EXPECT_EQ(said->supervisor, 0x28000u);
    EXPECT_EQ(said->supervisor_high, 2u << 24 | 2u << 20 | 1u << 16 | 3u << 12);
}

TEST_F(AplicDomains, each_field_at_its_limit_and_one_beyond) {
    use_messages(4);
    auto both = [&](u32 Devices::Imsic::* field, u32 most, u32 otherwise) {
        for (auto [value, fits] : {std::pair(most, true), std::pair(most + 1, false)}) {
            devices.imsics[0].*field = devices.imsics[1].*field = value;
            EXPECT_EQ(addresses().has_value(), fits) << value;
        }
        devices.imsics[0].*field = devices.imsics[1].*field = otherwise;
    };
    both(&Devices::Imsic::hart_index_bits, 15, 2);
    both(&Devices::Imsic::group_index_bits, 7, 0);
    both(&Devices::Imsic::guest_index_bits, 7, 0);
    both(&Devices::Imsic::group_index_shift, 24 + 31, 24);
    devices.imsics[0].group_index_shift = devices.imsics[1].group_index_shift = 23;
    EXPECT_FALSE(addresses());
    devices.imsics[0].group_index_shift = devices.imsics[1].group_index_shift = 24;
    for (auto& imsic : devices.imsics) {
        u64 base = imsic.device.registers.base;
        imsic.device.registers.base = (u64{1} << 56) - 0x4000;
        EXPECT_TRUE(addresses());
        imsic.device.registers.base = u64{1} << 56;
        EXPECT_FALSE(addresses());
        imsic.device.registers.base = base;
    }
    EXPECT_TRUE(addresses());
}

TEST_F(AplicDomains, what_cannot_be_said_is_refused) {
    use_messages(4);
    for (auto field : {&Devices::Imsic::hart_index_bits, &Devices::Imsic::group_index_bits,
                       &Devices::Imsic::group_index_shift}) {
        devices.imsics[1].*field += 1;
        refused();
        devices.imsics[1].*field -= 1;
    }
    EXPECT_TRUE(can_give_aplics(devices));
    devices.aplics[1].message_parent = 77;
    refused();
    devices.aplics[1].message_parent = 0;
    refused();
    devices.aplics[1].message_parent = their_messages;
    devices.aplics[0].message_parent = 77;
    refused();
    devices.aplics[0].message_parent = our_messages;
    devices.aplics[0].child = 77;
    refused();
}

TEST_F(AplicDomains, registers_that_are_not_all_there) {
    devices.aplics[0].device.registers.bytes = 0x1bd0;
    EXPECT_TRUE(can_give_aplics(devices));
    devices.aplics[0].device.registers.bytes = 0x1bcf;
    refused();
    devices.aplics[0].device.registers = {machine_base + 2, 0x8000};
    refused();
    devices.aplics[0].device.registers = {machine_base, 0x8000};
    devices.aplics[0].sources = 1023;
    EXPECT_TRUE(can_give_aplics(devices));
    devices.aplics[0].sources = 1024;
    refused();
}

TEST_F(AplicDomains, harts_that_cannot_interrupt_each_other_are_refused) {
    devices.software_interrupts.clear();
    refused();
    devices.aplics.clear(); // the SBI does without where there is one hart
    EXPECT_TRUE(can_give_aplics(devices));
}

} // namespace
} // namespace vireo::machine::virt
