// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/given_kernel.h"

#include "unit/support/error_text.h"
#include "unit/support/riscv_image.h"
#include "unit/support/tree_writer.h"

#include <gtest/gtest.h>

namespace vireo::machine::virt {
namespace {

constexpr u64 MiB = 1 << 20;
constexpr u64 ram = 0x80000000;
constexpr u64 place = ram + 2 * MiB;
constexpr u64 kernel_bytes = 4 * MiB;

// A machine of 128 MiB, of which the first 16 can be read, with Vireo's own image at their beginning.
class GivenKernel : public testing::Test {
  protected:
    GivenKernel() {
        VIREO_MUST(map.add_ram(ram, 128 * MiB));
        VIREO_MUST(map.reserve(ram, MiB, "image as loaded"));
        contents.assign(16 * MiB, std::byte{0});
    }
    static std::string words(std::initializer_list<u32> values) {
        std::string raw;
        for (u32 value : values)
            for (int shift = 24; shift >= 0; shift -= 8)
                raw += static_cast<char>(value >> shift);
        return raw;
    }
    void put(u64 at, const std::vector<std::byte>& bytes) {
        std::memcpy(contents.data() + (at - ram), bytes.data(), bytes.size());
    }
    Result<system::Machine::GivenKernel> find() {
        writer = std::make_unique<test::TreeWriter>();
        writer->node("", [&] {
            if (has_chosen)
                writer->node("chosen", [&] {
                    writer->text("bootargs", bootargs);
                    if (!start.empty())
                        writer->raw("linux,initrd-start", start);
                    if (!end.empty())
                        writer->raw("linux,initrd-end", end);
                });
        });
        tree = *bus::fdt::Tree::open(writer->finish());
        return find_given_kernel(has_record ? &record : nullptr, tree, map, [](u64 address) {
            EXPECT_LT(address - ram, contents.size() - 1023);
            return static_cast<const std::byte*>(contents.data() + (address - ram));
        });
    }

    ResetRecord record{ResetRecord::right_magic, 2, place, 1, 0, 0};
    bool has_record = true, has_chosen = true;
    std::string bootargs = "console=ttyS0";
    std::string start, end;
    system::MemoryMap map;
    std::unique_ptr<test::TreeWriter> writer;
    bus::fdt::Tree tree;
    static inline std::vector<std::byte> contents;
};

TEST_F(GivenKernel, is_where_the_record_says_and_as_large_as_its_header) {
    put(place, test::RiscvImage{.image_bytes = kernel_bytes}.bytes());
    start = words({0x84200000});
    end = words({0x84234567});
    auto given = find();
    ASSERT_TRUE(given);
    EXPECT_EQ(given->kernel, (Range{place, kernel_bytes}));
    EXPECT_EQ(given->initrd, (Range{0x84200000, 0x34567}));
    EXPECT_EQ(given->command_line, "console=ttyS0");
    start = words({1, 0x84200000}); // of two cells
    end = words({1, 0x84234567});
    EXPECT_EQ(find()->initrd, (Range{0x184200000, 0x34567}));
}

TEST_F(GivenKernel, what_is_not_said_is_not_there) {
    EXPECT_EQ(find()->initrd, std::nullopt);
    start = words({0x84200000});
    EXPECT_EQ(find()->initrd, std::nullopt);
    end = words({0x84200001, 0, 0});
    EXPECT_EQ(find()->initrd, std::nullopt);
    end = "odd";
    EXPECT_EQ(find()->initrd, std::nullopt);
    end = words({0x84200000});
    EXPECT_EQ(find()->initrd, (Range{0x84200000, 0}));
    end = words({0x841fffff});
    EXPECT_EQ(find()->initrd, (Range{0x84200000, 0}));
    has_chosen = false;
    auto given = find();
    ASSERT_TRUE(given);
    EXPECT_EQ(given->initrd, std::nullopt);
    EXPECT_EQ(given->command_line, "");
}

TEST_F(GivenKernel, there_is_none) {
    has_record = false;
    EXPECT_EQ(find().error().code, ErrorCode::NotFound);
    has_record = true;
    for (uptr address : {uptr{0}, uptr{0x22000000}, uptr{ram - 1}}) { // flash
        record.next_address = address;
        EXPECT_EQ(find().error().code, ErrorCode::NotFound);
    }
    record.next_address = ram;
    EXPECT_TRUE(find());
    record.next_address = place;
    for (uptr magic : {uptr{0}, ResetRecord::right_magic + 1, ResetRecord::right_magic | uptr{1} << 63}) {
        record.magic = magic;
        auto given = find();
        ASSERT_FALSE(given);
        EXPECT_EQ(given.error().code, ErrorCode::Corrupt);
    }
}

TEST_F(GivenKernel, the_size_of_what_is_no_kernel_is_not_known) {
    EXPECT_EQ(find()->kernel, (Range{place, 0})); // zeroes
    put(place, test::RiscvImage{.image_bytes = 0}.bytes());
    EXPECT_EQ(find()->kernel.bytes, 0u);
    put(place, test::RiscvImage{.image_bytes = ~u64{0} - place}.bytes());
    EXPECT_EQ(find()->kernel.bytes, ~u64{0} - place);
    put(place, test::RiscvImage{.image_bytes = ~u64{0} - place + 1}.bytes());
    EXPECT_EQ(find()->kernel.bytes, 0u);
    record.next_address = ram + 128 * MiB - 1023; // its header is not all there
    EXPECT_EQ(find()->kernel, (Range{ram + 128 * MiB - 1023, 0}));
    record.next_address = ~uptr{0};
    EXPECT_EQ(find()->kernel.bytes, 0u);
}

// What is kept of a kernel and an initrd; the map has that, and nothing else that is new.
std::vector<Range> kept_of(const Range& kernel, std::optional<Range> initrd, system::MemoryMap& map) {
    usize before = map.reservations().size();
    KeptRanges kept = keep({.kernel = kernel, .initrd = initrd}, map);
    EXPECT_EQ(map.reservations().size(), before + kept.count);
    std::vector<Range> ranges;
    for (const Range& range : kept.all()) {
        ranges.push_back(range);
        EXPECT_FALSE(map.check_writable(range.end() - 1, 1));
        EXPECT_TRUE(map.release(range.base));
    }
    return ranges;
}

TEST_F(GivenKernel, is_kept_where_it_lies_in_free_ram) {
    Range kernel{place, kernel_bytes};
    Range initrd{place + 64 * MiB, 12345};
    EXPECT_EQ(kept_of(kernel, std::nullopt, map), (std::vector<Range>{kernel}));
    EXPECT_EQ(kept_of(kernel, initrd, map), (std::vector<Range>{kernel, initrd}));
    Range beside{ram + MiB, kernel_bytes};
    EXPECT_EQ(kept_of(beside, std::nullopt, map), (std::vector<Range>{beside}));
    for (Range wrong : {Range{ram + MiB - 1, kernel_bytes}, Range{place, 0}, Range{place, 126 * MiB + 1},
                        Range{0x1000, 0x1000}, Range{~u64{0}, 1}})
        EXPECT_TRUE(kept_of(wrong, initrd, map).empty());
    for (Range wrong : {Range{ram, 5}, Range{place, 5}, Range{place + kernel_bytes - 1, 5},
                        Range{initrd.base, 0}, Range{ram + 128 * MiB - 4, 5}})
        EXPECT_EQ(kept_of(kernel, wrong, map), (std::vector<Range>{kernel}));
    Range after{place + kernel_bytes, 5};
    EXPECT_EQ(kept_of(kernel, after, map), (std::vector<Range>{kernel, after}));
}

TEST_F(GivenKernel, is_not_kept_if_vireo_would_have_no_room) {
    Range most{place, 118 * MiB}; // 8 MiB are left
    EXPECT_EQ(kept_of(most, std::nullopt, map), (std::vector<Range>{most}));
    EXPECT_TRUE(kept_of({place, 118 * MiB + 1}, std::nullopt, map).empty());
    EXPECT_TRUE(kept_of(most, Range{most.end(), 1}, map).empty());
}

TEST_F(GivenKernel, what_was_kept_is_kept_again) {
    KeptRanges kept = keep({.kernel = {place, kernel_bytes}, .initrd = Range{place + 64 * MiB, 1}}, map);
    system::MemoryMap other;
    VIREO_MUST(other.add_ram(ram, 128 * MiB));
    ASSERT_TRUE(keep(kept, other));
    EXPECT_EQ(other.reservations().size(), 2u);
    EXPECT_FALSE(other.check_writable(place + 64 * MiB, 1));
    EXPECT_TRUE(other.check_writable(place + 64 * MiB + 1, 1));
}

} // namespace
} // namespace vireo::machine::virt
