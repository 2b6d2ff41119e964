// SPDX-License-Identifier: Apache-2.0
#include "bus/fw_cfg/fw_cfg.h"

#include "hosted/address_space.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace vireo::bus {
namespace {

void put_big_endian(std::string& text, u64 value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        text.push_back(static_cast<char>(value >> shift));
}

// The device from its side (QEMU's docs/specs/fw_cfg.rst), on ports or as a register window.
class FakeFwCfg final : public hosted::RegisterBlock {
  public:
    explicit FakeFwCfg(bool on_ports, bool dma = true)
        : on_ports_(on_ports), space_(on_ports ? io::Space::Port : io::Space::Memory),
          base_(on_ports ? 0x510 : 0x9020000), range_(space_, base_, bytes(), *this) {
        items[0] = "QEMU";
        items[1] = std::string{static_cast<char>(dma ? 3 : 1), 0, 0, 0};
        set_directory(0, "");
    }

    std::map<u16, std::string> items;
    bool dma_fails = false;
    bool dma_never_ends = false;
    u64 data_reads = 0;
    u64 dma_transfers = 0;

    Result<FwCfg> open() {
        return FwCfg::create(io::Window(space_, base_, bytes()), on_ports_ ? FwCfg::ports : FwCfg::memory);
    }

    void add_file(std::string name, std::string contents) {
        u16 selector = static_cast<u16>(0x20 + files_);
        add_entry(static_cast<u32>(contents.size()), selector, std::move(name));
        items[selector] = std::move(contents);
    }
    void add_entry(u32 size, u16 selector, std::string name) {
        put_big_endian(entries_, size, 4);
        put_big_endian(entries_, selector, 2);
        put_big_endian(entries_, 0, 2);
        name.resize(56);
        entries_ += name;
        set_directory(++files_, entries_);
    }
    void set_directory(u32 count, const std::string& entries) {
        std::string directory;
        put_big_endian(directory, count, 4);
        items[0x19] = directory + entries;
    }

    u32 read(u64 offset, u8 width) override {
        EXPECT_EQ(offset, on_ports_ ? 1u : 0u) << "only the data register is read";
        EXPECT_EQ(width, 1);
        ++data_reads;
        return next();
    }

    void write(u64 offset, u8 width, u32 value) override {
        u64 dma = on_ports_ ? 4 : 16;
        if (offset == (on_ports_ ? 0u : 8u) && width == 2) {
            select(on_ports_ ? static_cast<u16>(value) : std::byteswap(static_cast<u16>(value)));
        } else if (offset == dma && width == 4) {
            dma_high_ = std::byteswap(value);
        } else if (offset == dma + 4 && width == 4) {
            run_dma(u64{dma_high_} << 32 | std::byteswap(value));
        } else {
            ADD_FAILURE() << "write to offset " << offset << ", width " << int{width};
        }
    }

  private:
    u64 bytes() const { return on_ports_ ? 12 : 24; }
    void select(u16 item) {
        item_ = item;
        position_ = 0;
    }
    // Behind an item's end, and in items that do not exist, there are zero bytes.
    u8 next() {
        auto found = items.find(item_);
        if (found == items.end() || position_ >= found->second.size())
            return 0;
        return static_cast<u8>(found->second[position_++]);
    }
    static u64 get_big_endian(const u8* from, int bytes) {
        u64 value = 0;
        for (int i = 0; i < bytes; ++i)
            value = value << 8 | from[i];
        return value;
    }
    void run_dma(u64 address) {
        ++dma_transfers;
        u8* access = reinterpret_cast<u8*>(address);
        u64 control = get_big_endian(access, 4);
        u64 length = get_big_endian(access + 4, 4);
        u8* target = reinterpret_cast<u8*>(get_big_endian(access + 8, 8));
        EXPECT_EQ(control & 0xfff5, 0u) << "read and select are the only commands";
        if (dma_never_ends)
            return;
        std::memset(access, 0, 4);
        if (dma_fails) {
            access[3] = 1;
            return;
        }
        if (control & 8)
            select(static_cast<u16>(control >> 16));
        for (u64 i = 0; i < length; ++i)
            target[i] = next();
    }

    bool on_ports_;
    io::Space space_;
    u64 base_;
    hosted::MappedRange range_;
    u16 item_ = 0;
    usize position_ = 0;
    u32 dma_high_ = 0;
    u32 files_ = 0;
    std::string entries_;
};

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

TEST_P(EachBackEnd, reading_past_the_end_of_a_file_is_refused) {
    fake.add_file("short", "1234");
    auto device = fake.open();
    std::array<std::byte, 5> into;
    EXPECT_EQ(device->read(*device->find("short"), into).error().code, ErrorCode::OutOfRange);
    EXPECT_TRUE(device->read(*device->find("short"), std::span(into).first(4)).has_value());
    EXPECT_TRUE(device->read(*device->find("short"), {}).has_value());
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
