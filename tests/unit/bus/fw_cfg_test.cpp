// SPDX-License-Identifier: Apache-2.0
#include "bus/fw_cfg/fw_cfg.h"

#include "hosted/fakes/fw_cfg.h"

#include <gtest/gtest.h>

namespace vireo::bus {
namespace {

using FakeFwCfg = fake::FwCfg;

std::string contents(const FwCfg& device, const FwCfg::File& file) {
    std::string text(file.bytes, '?');
    EXPECT_TRUE(device.read(file, std::as_writable_bytes(std::span(text))).has_value());
    return text;
}

class EachBackEnd : public testing::TestWithParam<std::tuple<bool, bool>> {
  protected:
    FakeFwCfg fake{std::get<0>(GetParam()), std::get<1>(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(FwCfg, EachBackEnd, testing::Combine(testing::Bool(), testing::Bool()),
                         [](auto& info) {
                             return std::string(std::get<0>(info.param) ? "ports" : "memory") +
                                    (std::get<1>(info.param) ? "_dma" : "_bytes");
                         });

TEST_P(EachBackEnd, files_are_found_by_their_whole_name_and_read) {
    fake.add_file("etc/e820-more", "wrong");
    fake.add_file("etc/e82", "wrong");
    fake.add_file("etc/e820", "the map");
    fake.add_file("etc/last", "end");
    auto device = fake.open();
    ASSERT_TRUE(device.has_value());
    auto file = device->find("etc/e820");
    ASSERT_TRUE(file.has_value());
    EXPECT_EQ(file->bytes, 7u);
    EXPECT_EQ(contents(*device, *file), "the map");
    EXPECT_EQ(contents(*device, *device->find("etc/last")), "end");
    EXPECT_EQ(contents(*device, *file), "the map") << "a second read starts at the beginning";
    EXPECT_EQ(device->find("etc/none").error().code, ErrorCode::NotFound);
}

TEST_P(EachBackEnd, directories_longer_than_one_piece_are_read_to_the_end) {
    for (int i = 0; i < 100; ++i)
        fake.add_file("file" + std::to_string(i), std::to_string(i * 7));
    auto device = fake.open();
    for (int i : {0, 15, 16, 17, 31, 32, 99})
        EXPECT_EQ(contents(*device, *device->find("file" + std::to_string(i))), std::to_string(i * 7));
}

TEST_P(EachBackEnd, dma_is_used_where_offered) {
    fake.add_file("etc/e820", std::string(80, 'x'));
    auto device = fake.open();
    u64 before = fake.data_reads;
    EXPECT_EQ(contents(*device, *device->find("etc/e820")), std::string(80, 'x'));
    EXPECT_EQ(fake.dma_transfers != 0, device->has_dma());
    EXPECT_EQ(fake.data_reads == before, device->has_dma());
}

TEST_P(EachBackEnd, no_signature_is_no_device) {
    fake.items[0] = "\xff\xff\xff\xff";
    EXPECT_EQ(fake.open().error().code, ErrorCode::NotFound);
}

TEST_P(EachBackEnd, a_directory_that_claims_too_many_files_is_refused) {
    fake.set_directory(0xffff'ffff, "");
    EXPECT_EQ(fake.open()->find("etc/e820").error().code, ErrorCode::Corrupt);
    fake.set_directory(FwCfg::most_files, ""); // all of them empty: bounded, and nothing found
    EXPECT_EQ(fake.open()->find("etc/e820").error().code, ErrorCode::NotFound);
}

TEST_P(EachBackEnd, bad_directory_entries_are_refused) {
    fake.add_entry(0x8000'0001, 0x20, "huge");
    fake.add_entry(4, 0x19, "directory");
    fake.add_entry(4, 0x21, std::string(56, 'a'));
    auto device = fake.open();
    EXPECT_EQ(device->find("huge").error().code, ErrorCode::Corrupt);
    EXPECT_EQ(device->find("directory").error().code, ErrorCode::Corrupt);
    EXPECT_EQ(device->find(std::string(56, 'a')).error().code, ErrorCode::NotFound)
        << "a name without an end";
}

struct Names final : FwCfg::Visitor {
    bool visit(std::string_view name, const FwCfg::File& file) override {
        text +=
            std::string(name) + ":" + std::to_string(file.selector) + ":" + std::to_string(file.bytes) + " ";
        return name != "last";
    }
    std::string text;
};

TEST_P(EachBackEnd, all_files_are_listed_until_nobody_wants_more) {
    for (int i = 0; i < 17; ++i)
        fake.add_file(std::to_string(i), "1234");
    fake.add_entry(0xffff'ffff, 1, std::string(56, 'a'));
    fake.add_file("last", "");
    fake.add_file("more", "");
    auto device = fake.open();
    Names names;
    ASSERT_TRUE(device->for_each(names).has_value());
    EXPECT_TRUE(names.text.starts_with("0:32:4 1:33:4 2:34:4 ")) << names.text;
    EXPECT_TRUE(names.text.ends_with("16:48:4 :1:4294967295 last:50:0 ")) << names.text;
    fake.set_directory(FwCfg::most_files + 1, "");
    EXPECT_EQ(device->for_each(names).error().code, ErrorCode::Corrupt);
}

TEST_P(EachBackEnd, parts_of_an_operating_system) {
    using Part = FwCfg::Part;
    auto device = fake.open();
    for (auto [part, size, data] :
         {std::tuple{Part::Setup, u16{0x17}, u16{0x18}}, std::tuple{Part::Kernel, u16{0x08}, u16{0x11}},
          std::tuple{Part::Initrd, u16{0x0b}, u16{0x12}},
          std::tuple{Part::CommandLine, u16{0x14}, u16{0x15}}}) {
        EXPECT_EQ(device->part(part)->bytes, 0u) << "the host gives none";
        fake.items[size] = std::string("\x05\0\0\0", 4);
        fake.items[data] = "bytes";
        auto file = device->part(part);
        ASSERT_TRUE(file.has_value());
        EXPECT_EQ(contents(*device, *file), "bytes");
        fake.items[size] = std::string("\0\0\0\x80", 4);
        EXPECT_EQ(device->part(part)->bytes, FwCfg::most_bytes);
        fake.items[size] = std::string("\x01\0\0\x80", 4);
        EXPECT_EQ(device->part(part).error().code, ErrorCode::Corrupt);
    }
    fake.items[5] = std::string("\x01\x02", 2);
    EXPECT_EQ(*device->processors(), 0x201);
}

TEST_P(EachBackEnd, a_file_is_read_on) {
    fake.add_file("etc/e820", "0123456789");
    auto device = fake.open();
    std::string text(4, '?');
    auto into = std::as_writable_bytes(std::span(text));
    ASSERT_TRUE(device->read(*device->find("etc/e820"), into).has_value());
    EXPECT_EQ(text, "0123");
    ASSERT_TRUE(device->read_on(into).has_value());
    EXPECT_EQ(text, "4567");
    ASSERT_TRUE(device->read_on(into).has_value());
    EXPECT_EQ(text, std::string("89\0\0", 4));
    ASSERT_TRUE(device->read_on({}).has_value());
}

TEST_P(EachBackEnd, reading_past_the_end_of_a_file_is_refused) {
    fake.add_file("short", "1234");
    auto device = fake.open();
    std::array<std::byte, 5> into;
    EXPECT_EQ(device->read(*device->find("short"), into).error().code, ErrorCode::OutOfRange);
    EXPECT_TRUE(device->read(*device->find("short"), std::span(into).first(4)).has_value());
    EXPECT_TRUE(device->read(*device->find("short"), {}).has_value());
}

TEST(FwCfg, files_that_the_host_lets_be_written_are) {
    FakeFwCfg fake(true);
    fake.add_file("etc/other", "abcdefgh");
    fake.add_file("etc/vmgenid_addr", "01234567");
    fake.writable.insert(0x21);
    auto device = fake.open();
    auto file = *device->find("etc/vmgenid_addr");
    std::string_view text = "xyz";
    EXPECT_TRUE(device->write(file, 5, std::as_bytes(std::span(text))).has_value()) << "up to the last byte";
    EXPECT_EQ(fake.items[0x21], "01234xyz");
    EXPECT_TRUE(device->write(file, 0, std::as_bytes(std::span(text))).has_value());
    EXPECT_EQ(fake.items[0x21], "xyz34xyz");
    EXPECT_EQ(device->write(file, 6, std::as_bytes(std::span(text))).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(device->write(file, ~u32{0}, std::as_bytes(std::span(text))).error().code,
              ErrorCode::OutOfRange);
    EXPECT_EQ(fake.items[0x21], "xyz34xyz");
    EXPECT_EQ(device->write(*device->find("etc/other"), 0, std::as_bytes(std::span(text))).error().code,
              ErrorCode::Io)
        << "the host says no";
    EXPECT_EQ(contents(*device, *device->find("etc/other")), "abcdefgh");
}

TEST(FwCfg, without_dma_nothing_can_be_written) {
    FakeFwCfg fake(true, false);
    fake.add_file("etc/vmgenid_addr", "01234567");
    fake.writable.insert(0x20);
    auto device = fake.open();
    EXPECT_EQ(device->write(*device->find("etc/vmgenid_addr"), 0, Bytes()).error().code,
              ErrorCode::NotSupported);
}

TEST(FwCfg, a_window_without_room_for_the_dma_register_is_read_by_bytes) {
    for (u64 bytes : {16, 23, 24}) {
        FakeFwCfg fake(false);
        fake.add_file("etc/e820", "map");
        auto device = FwCfg::create(io::Window(io::Space::Memory, 0x9020000, bytes), FwCfg::memory);
        ASSERT_TRUE(device.has_value());
        EXPECT_EQ(device->has_dma(), bytes == 24);
        EXPECT_EQ(contents(*device, *device->find("etc/e820")), "map");
    }
}

TEST(FwCfg, a_failed_transfer_is_an_error) {
    FakeFwCfg fake(true);
    fake.add_file("etc/e820", "map");
    auto device = fake.open();
    ASSERT_TRUE(device.has_value() && device->has_dma());
    fake.dma_fails = true;
    EXPECT_EQ(device->find("etc/e820").error().code, ErrorCode::Io);
    fake.dma_fails = false;
    fake.dma_never_ends = true;
    EXPECT_EQ(device->find("etc/e820").error().code, ErrorCode::Timeout);
}

} // namespace
} // namespace vireo::bus
