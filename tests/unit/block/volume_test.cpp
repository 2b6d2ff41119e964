// SPDX-License-Identifier: Apache-2.0
#include "block/volume.h"

#include "unit/support/image.h"
#include "unit/support/test_disk.h"

namespace vireo::block {
namespace {

using test::TestDisk;

constexpr u64 mib = 1024 * 1024;

// Every byte tells where it is.
void fill(TestDisk& disk) {
    std::string text = test::pattern(disk.bytes().size(), 7);
    std::memcpy(disk.bytes().data(), text.data(), text.size());
}

Volume make_volume(TestDisk& disk, u64 first, u64 count) {
    return std::move(*Volume::create(disk, first, count));
}

class AnyBlockSize : public testing::TestWithParam<u32> {};
INSTANTIATE_TEST_SUITE_P(Volume, AnyBlockSize, testing::Values(512u, 4096u, 65536u));

TEST_P(AnyBlockSize, reads_any_bytes_through_the_cache) {
    TestDisk disk(4 * mib, {.block_bytes = GetParam()});
    fill(disk);
    u64 start = 65536;
    Volume volume = make_volume(disk, start / GetParam(), (4 * mib - 2 * start) / GetParam());
    std::mt19937 random(1);
    std::vector<std::byte> memory(200'000);
    for (int i = 0; i < 2000; ++i) {
        usize bytes = random() % (i % 10 == 0 ? memory.size() : 5000);
        u64 offset = random() % (volume.bytes() - bytes);
        ASSERT_TRUE(volume.read(offset, MutableBytes(memory).first(bytes)));
        ASSERT_EQ(std::memcmp(memory.data(), disk.bytes().data() + start + offset, bytes), 0);
    }
    for (const auto& access : disk.accesses) {
        EXPECT_GE(access.offset, start);
        EXPECT_LE(access.offset + access.bytes, 4 * mib - start);
    }
}

TEST_P(AnyBlockSize, reads_pieces_of_any_size_and_place) {
    TestDisk disk(4 * mib, {.block_bytes = GetParam()});
    fill(disk);
    Volume volume = make_volume(disk, 1, disk.facts().block_count - 2);
    u64 start = GetParam();
    std::mt19937 random(2);
    std::vector<std::byte> memory(4 * mib);
    for (int round = 0; round < 20; ++round) {
        std::vector<Volume::Piece> pieces;
        std::byte* to = memory.data();
        while (true) {
            u64 bytes = 1 + random() % (round % 2 == 0 ? 3000 : 30000);
            u64 offset = random() % (volume.bytes() - bytes);
            if (random() % 3 == 0 && !pieces.empty())
                offset = std::min(pieces.back().offset + pieces.back().bytes, volume.bytes() - bytes);
            if (to + bytes > memory.data() + memory.size())
                break;
            pieces.push_back({offset, to, bytes});
            to += bytes;
        }
        ASSERT_TRUE(volume.read_pieces(pieces));
        for (const auto& piece : pieces)
            ASSERT_EQ(std::memcmp(piece.memory, disk.bytes().data() + start + piece.offset, piece.bytes), 0);
    }
}

TEST(Volume, neighbours_on_disk_and_in_memory_are_one_request) {
    TestDisk disk(8 * mib, {.block_bytes = 4096});
    fill(disk);
    Volume volume = make_volume(disk, 0, disk.facts().block_count);
    std::vector<std::byte> memory(4 * mib);
    std::vector<Volume::Piece>
        pieces; // 1 KiB each, as of an ext4 with small blocks on a disk with large ones
    for (u64 i = 0; i < 4096; ++i)
        pieces.push_back({mib + i * 1024, memory.data() + i * 1024, 1024});
    EXPECT_EQ(disk.count_requests([&] { ASSERT_TRUE(volume.read_pieces(pieces)); }), 1u);
    EXPECT_EQ(std::memcmp(memory.data(), disk.bytes().data() + mib, memory.size()), 0);
}

TEST(Volume, many_scattered_pieces_are_in_flight_together) {
    TestDisk disk(64 * mib);
    Volume volume = make_volume(disk, 0, disk.facts().block_count);
    std::vector<std::byte> memory(mib);
    std::vector<Volume::Piece> pieces;
    for (u64 i = 0; i < 256; ++i)
        pieces.push_back({i * 200'192, memory.data() + i * 4096, 4096});
    ASSERT_TRUE(volume.read_pieces(pieces));
    EXPECT_EQ(disk.most_in_flight, 64u);
}

TEST(Volume, sequential_reads_are_read_ahead_and_repeated_ones_cost_nothing) {
    TestDisk disk(4 * mib);
    Volume volume = make_volume(disk, 0, disk.facts().block_count);
    std::byte byte[64];
    u64 requests = disk.count_requests([&] {
        for (u64 offset = 0; offset < 2 * mib; offset += 64)
            ASSERT_TRUE(volume.read(offset, byte));
    });
    EXPECT_LE(requests, 20u);
    EXPECT_EQ(disk.count_requests([&] { ASSERT_TRUE(volume.read(2 * mib - 64, byte)); }), 0u);
}

TEST(Volume, prefetch_brings_scattered_lines_in_one_transfer_and_says_how_many) {
    TestDisk disk(64 * mib);
    Volume volume = make_volume(disk, 0, disk.facts().block_count);
    std::vector<u64> offsets;
    for (u64 i = 0; i < 100; ++i)
        offsets.push_back((99 - i) * mib / 2 + 100);
    auto covered = volume.prefetch(offsets, 256);
    ASSERT_TRUE(covered);
    EXPECT_EQ(*covered, 32u); // what a cache of 512 KiB has lines for
    EXPECT_EQ(disk.most_in_flight, 32u);
    std::byte bytes[256];
    EXPECT_EQ(disk.count_requests([&] {
        for (usize i = 0; i < *covered; ++i)
            ASSERT_TRUE(volume.read(offsets[i], bytes));
        EXPECT_EQ(*volume.prefetch(offsets, 256), 32u);
    }),
              0u);
    std::vector<u64> neighbours;
    for (u64 i = 0; i < 2000; ++i)
        neighbours.push_back(60 * mib + i * 256);
    EXPECT_EQ(disk.count_requests([&] { EXPECT_EQ(*volume.prefetch(neighbours, 256), 2000u); }), 2u);
}

TEST(Volume, bounds_are_those_of_the_part) {
    TestDisk disk(mib);
    EXPECT_EQ(Volume::create(disk, 2048, 1).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(Volume::create(disk, 2047, 2).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(Volume::create(disk, 2049, 0).error().code, ErrorCode::OutOfRange);
    EXPECT_TRUE(Volume::create(disk, 2047, 1));
    EXPECT_EQ(Volume::create(disk, ~u64{0}, 2).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(Volume::create(disk, 1, ~u64{0}).error().code, ErrorCode::OutOfRange);
    Volume volume = make_volume(disk, 8, 16);
    std::byte bytes[100];
    EXPECT_EQ(volume.read(8192 - 99, bytes).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(volume.read(~u64{0} - 10, bytes).error().code, ErrorCode::OutOfRange);
    EXPECT_TRUE(volume.read(8192 - 100, bytes));
    Volume::Piece piece{~u64{0} - 1, bytes, 100};
    EXPECT_EQ(volume.read_pieces({&piece, 1}).error().code, ErrorCode::OutOfRange);
    piece = {8192 - 99, bytes, 100};
    EXPECT_EQ(volume.read_pieces({&piece, 1}).error().code, ErrorCode::OutOfRange);
    piece = {8192 - 100, bytes, 100};
    EXPECT_TRUE(volume.read_pieces({&piece, 1}));
    u64 offset = 8192 - 100;
    EXPECT_TRUE(volume.prefetch({&offset, 1}, 100));
    EXPECT_EQ(volume.prefetch({&offset, 1}, 101).error().code, ErrorCode::OutOfRange);
}

// Lines of 16 KiB: the last one may be short, and behind it is another partition.
TEST(Volume, read_ahead_ends_with_the_volume) {
    TestDisk disk(4 * mib);
    fill(disk);
    for (u64 lines : {1u, 2u, 3u, 7u, 8u, 15u, 16u, 23u, 40u}) {
        for (u64 more : {0u, 1u, 5u, 31u}) {
            u64 bytes = lines * 16384 + more * 512;
            Volume volume = make_volume(disk, 8, bytes / 512);
            disk.accesses.clear();
            std::vector<std::byte> memory(bytes);
            for (u64 offset = 0; offset < bytes; offset += 512)
                ASSERT_TRUE(volume.read(offset, MutableBytes(memory).subspan(offset, 512)));
            EXPECT_EQ(std::memcmp(memory.data(), disk.bytes().data() + 4096, bytes), 0)
                << lines << " " << more;
            u64 longest = 0;
            for (const auto& access : disk.accesses) {
                EXPECT_GE(access.offset, 4096u);
                EXPECT_LE(access.offset + access.bytes, 4096 + bytes) << lines << " " << more;
                longest = std::max(longest, access.bytes);
            }
            EXPECT_LE(longest, 8u * 16384);
            if (lines >= 15)
                EXPECT_EQ(longest, 8u * 16384);
        }
    }
}

// One transfer takes 4,096 extents, and 16 parts of blocks.
TEST(Volume, pieces_are_as_many_as_the_caller_has) {
    TestDisk disk(8 * mib);
    fill(disk);
    Volume volume = make_volume(disk, 0, disk.facts().block_count);
    std::vector<std::byte> memory(5000 * 512);
    for (u64 bytes : {u64{512}, u64{100}}) {
        for (u64 count : {15u, 16u, 17u, 33u, 4095u, 4096u, 4097u, 5000u}) {
            std::vector<Volume::Piece> pieces;
            for (u64 i = 0; i < count; ++i)
                pieces.push_back({i * 1024, memory.data() + i * 512, bytes});
            std::fill(memory.begin(), memory.end(), std::byte{0});
            ASSERT_TRUE(volume.read_pieces(pieces));
            for (const auto& piece : pieces)
                ASSERT_EQ(std::memcmp(piece.memory, disk.bytes().data() + piece.offset, bytes), 0) << count;
        }
    }
}

TEST(Findings, of_16_kinds_are_kept) {
    static FindingKind kinds[16];
    Findings findings;
    for (u64 i = 0; i < 32; ++i)
        findings.add(kinds[i % 16], i);
    ASSERT_EQ(findings.all().size(), 16u);
    for (u64 i = 0; i < 16; ++i)
        EXPECT_TRUE(findings.all()[i].kind == &kinds[i] && findings.all()[i].first == i &&
                    findings.all()[i].count == 2);
}

TEST(Volume, empty_volume_reads_nothing) {
    TestDisk disk(u64{0});
    auto volume = Volume::whole(disk);
    ASSERT_TRUE(volume);
    std::byte byte;
    EXPECT_TRUE(volume->read(0, {&byte, 0}));
    EXPECT_FALSE(volume->read(0, {&byte, 1}));
}

TEST(Volume, a_bad_block_spoils_only_what_lies_on_it) {
    TestDisk disk(mib);
    fill(disk);
    disk.bad.push_back({8192, 8704});
    Volume volume = make_volume(disk, 0, disk.facts().block_count);
    std::byte bytes[512];
    EXPECT_TRUE(volume.read(7680, bytes)); // the same line of the cache
    EXPECT_EQ(std::memcmp(bytes, disk.bytes().data() + 7680, 512), 0);
    EXPECT_EQ(volume.read(8192, bytes).error().code, ErrorCode::Io);
    EXPECT_TRUE(volume.read(8704, bytes));
    EXPECT_EQ(std::memcmp(bytes, disk.bytes().data() + 8704, 512), 0);
    u64 offsets[] = {0};
    EXPECT_TRUE(volume.prefetch(offsets, 100));
}

TEST(Volume, ctrl_c_ends_a_read) {
    TestDisk disk(mib);
    Volume volume = make_volume(disk, 0, disk.facts().block_count);
    disk.is_stuck = true;
    std::byte bytes[512];
    disk.loop.request_interrupt();
    EXPECT_EQ(volume.read(0, bytes).error().code, ErrorCode::Interrupted);
    u64 offset = 0;
    disk.loop.request_interrupt();
    EXPECT_EQ(volume.prefetch({&offset, 1}, 100).error().code, ErrorCode::Interrupted);
    disk.is_stuck = false;
    EXPECT_TRUE(volume.read(0, bytes));
}

TEST(Volume, lies_beyond_4_gib_and_2_tib) {
    TestDisk disk(u64{3} << 40);
    std::byte mark[16];
    std::memset(mark, 0x5a, sizeof(mark));
    disk.put((u64{3} << 40) - 16, mark);
    Volume volume = make_volume(disk, disk.facts().block_count - 100, 100);
    std::byte bytes[16];
    ASSERT_TRUE(volume.read(100 * 512 - 16, bytes));
    EXPECT_EQ(std::memcmp(bytes, mark, 16), 0);
}

} // namespace
} // namespace vireo::block
