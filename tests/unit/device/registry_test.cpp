// SPDX-License-Identifier: Apache-2.0
#include "device/registry.h"

#include <gtest/gtest.h>
#include <vector>

namespace vireo::device {
namespace {

class Disk final : public BlockDevice {
  public:
    Disk(event::EventLoop& loop, std::string_view interface) : BlockDevice(loop, interface) {}

  private:
    bool start(BlockRequest&) override { return false; }
    void commit() override {}
    void abort(Error) override {}
};

TEST(Registry, a_disk_has_a_number_among_those_of_its_interface) {
    event::EventLoop loop;
    Disk first(loop, "virtio"), other(loop, "scsi"), second(loop, "virtio"), third(loop, "virtio");
    DiskList disks;
    for (Disk* disk : {&first, &other, &second})
        ASSERT_TRUE(disks.add(*disk));
    EXPECT_EQ(other.number(), 0u);
    EXPECT_EQ(second.number(), 1u);
    EXPECT_EQ(disks.find("virtio", 1), &second);
    EXPECT_EQ(disks.find("scsi", 0), &other);
    EXPECT_EQ(disks.find(2), &second) << "in all";
    EXPECT_EQ(disks.find("scsi", 1), nullptr);
    EXPECT_EQ(disks.find("virtio", 2), nullptr);
    EXPECT_EQ(disks.find("virt", 0), nullptr);
    disks.remove(first);
    EXPECT_EQ(disks.find("virtio", 0), nullptr);
    ASSERT_TRUE(disks.add(third));
    EXPECT_EQ(third.number(), 2u) << "a number stays with its disk";
}

TEST(Registry, an_interface_that_is_expected_is_there_without_a_disk) {
    event::EventLoop loop;
    DiskList disks;
    for (std::string_view name : {"virtio", "scsi", "virtio"})
        disks.expect(name);
    constexpr std::string_view names[] = {"virtio", "scsi"};
    EXPECT_TRUE(std::ranges::equal(disks.interfaces(), names));
    EXPECT_EQ(disks.count(), 0u);
    Disk disk(loop, "scsi");
    ASSERT_TRUE(disks.add(disk));
    EXPECT_EQ(disk.number(), 0u);
    EXPECT_TRUE(std::ranges::equal(disks.interfaces(), names));
}

TEST(Registry, interfaces_in_the_order_in_which_they_were_found_up_to_the_limit) {
    event::EventLoop loop;
    constexpr std::string_view names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    DiskList disks;
    EXPECT_TRUE(disks.interfaces().empty());
    std::vector<std::unique_ptr<Disk>> all;
    for (std::string_view name : names) {
        all.push_back(std::make_unique<Disk>(loop, name));
        EXPECT_EQ(disks.add(*all.back()).has_value(), name != "i");
    }
    Disk again(loop, "h");
    EXPECT_TRUE(disks.add(again));
    EXPECT_TRUE(std::ranges::equal(disks.interfaces(), std::span(names).first(8)));
}

} // namespace
} // namespace vireo::device
