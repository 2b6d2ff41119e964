// SPDX-License-Identifier: Apache-2.0
// `virtio erase` and `virtio bench`.
#include "unit/shell/fixture.h"

#include <set>

namespace vireo::test {
namespace {

class VirtioBlocks : public ShellTest {
  protected:
    VirtioBlocks() : disk(plug(mib)) {
        std::memset(disk.bytes().data(), 0x77, disk.bytes().size());
        disk.change_facts().has_write_cache = true;
    }
    // The bytes of these blocks, if they are all the same.
    int content(u64 first, u64 count) {
        auto bytes = disk.bytes().subspan(first * 512, count * 512);
        bool same = std::ranges::all_of(bytes, [&](std::byte b) { return b == bytes[0]; });
        return same ? static_cast<int>(bytes[0]) : -1;
    }
    static constexpr u64 mib = 1 << 20;
    TestDisk& disk;
};

TEST_F(VirtioBlocks, erase_leaves_zeroes_and_flushes_once) {
    for (u32 limit : {0u, 100u}) { // by data, and by the disk itself
        disk.change_facts().max_write_zeroes_blocks = limit;
        disk.accesses.clear();
        std::memset(disk.bytes().data(), 0x77, disk.bytes().size());
        EXPECT_EQ(run("virtio erase 10 200"),
                  "\nvirtio erase: device 0 block # 16, count 512 ... 512 blocks erased: OK\n");
        EXPECT_EQ(status, 0);
        EXPECT_EQ(content(0, 16), 0x77);
        EXPECT_EQ(content(16, 512), 0);
        EXPECT_EQ(content(528, 2048 - 528), 0x77);
        EXPECT_EQ(disk.accesses.size(), limit == 0 ? 2u : 7u);
        EXPECT_EQ(disk.accesses.back().bytes, 0u); // FLUSH, at the end
    }
}

TEST_F(VirtioBlocks, erase_d_discards) {
    EXPECT_EQ(run("virtio erase -d 10 200"), "\nvirtio erase: device 0 block # 16, count 512 ... "
                                             "0 blocks erased: ERROR: not supported (disk cannot discard)\n");
    EXPECT_EQ(status, 1);
    disk.change_facts().max_discard_blocks = 1000;
    EXPECT_EQ(run("virtio erase -d 10 200"),
              "\nvirtio erase: device 0 block # 16, count 512 ... 512 blocks erased: OK\n");
    EXPECT_EQ(content(16, 512), 0xdd);
    EXPECT_EQ(content(528, 2048 - 528), 0x77);
}

TEST_F(VirtioBlocks, what_cannot_be_erased_is_refused_before_any_request) {
    for (const char* words : {"800 1", "7ff 2", "0 801", "0 ffffffffffffffff", "ffffffffffffffff 1",
                              "ffffffffffffffff ffffffffffffffff", "-d 7ff 2"}) {
        std::string text = run(std::string("virtio erase ") + words);
        EXPECT_NE(text.find("0 blocks erased: ERROR: "), std::string::npos) << text;
        EXPECT_NE(text.find("beyond the end"), std::string::npos) << text;
        EXPECT_EQ(status, 1);
    }
    for (const char* words : {"x 1", "1 x", "10000000000000000 1", "-d 1 -1", "-e 1"}) {
        EXPECT_EQ(run(std::string("virtio erase ") + words).find("erase:"), std::string::npos) << words;
        EXPECT_EQ(status, 1);
    }
    disk.change_facts().read_only = true;
    EXPECT_NE(run("virtio erase 0 1").find("ERROR: read-only"), std::string::npos);
    EXPECT_EQ(disk.accesses.size(), 0u);
    EXPECT_EQ(content(0, 2048), 0x77);
}

TEST_F(VirtioBlocks, erasing_nothing_is_done_at_once) {
    EXPECT_EQ(run("virtio erase ffff 0"),
              "\nvirtio erase: device 0 block # 65535, count 0 ... 0 blocks erased: OK\n");
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(disk.accesses.empty());
}

TEST_F(VirtioBlocks, a_bad_block_is_an_error_of_erase) {
    disk.change_facts().max_write_zeroes_blocks = 64;
    disk.bad = {{300 * 512, 301 * 512}};
    EXPECT_EQ(run("virtio erase 0 200"), "\nvirtio erase: device 0 block # 0, count 512 ... "
                                         "0 blocks erased: ERROR: I/O error (bad block)\n");
    EXPECT_EQ(status, 1);
}

TEST_F(VirtioBlocks, bench_reads_the_same_places_each_time) {
    std::string text = run("virtio bench 0 200");
    EXPECT_EQ(text.find("\nvirtio bench: device 0, 512 reads of 4096 bytes, 64 in flight ... "), 0u) << text;
    EXPECT_NE(text.find(" reads/s, "), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with(" MiB/s\n")) << text;
    EXPECT_EQ(status, 0);
    EXPECT_EQ(disk.most_in_flight, 64u);
    // Neighbours may have become one request on a disk as small as this one.
    EXPECT_GT(disk.accesses.size(), 450u);
    auto first = std::exchange(disk.accesses, {});
    run("virtio bench 0 200");
    ASSERT_EQ(disk.accesses.size(), first.size());
    u64 bytes = 0;
    std::set<u64> places;
    for (usize i = 0; i < first.size(); ++i) {
        EXPECT_EQ(disk.accesses[i].offset, first[i].offset);
        EXPECT_EQ(first[i].offset % 4096, 0u);
        EXPECT_LE(first[i].offset + first[i].bytes, mib);
        bytes += first[i].bytes;
        places.insert(first[i].offset);
    }
    EXPECT_EQ(bytes, 512u * 4096);
    EXPECT_GT(places.size(), 150u); // of 256
}

TEST_F(VirtioBlocks, bench_one_at_a_time) {
    disk.most_in_flight = 0;
    EXPECT_EQ(run("virtio bench -1 0 20")
                  .find("\nvirtio bench: device 0, 32 reads of 4096 bytes, 1 in flight ... "),
              0u);
    EXPECT_EQ(disk.most_in_flight, 1u);
    EXPECT_EQ(disk.accesses.size(), 32u);
}

TEST_F(VirtioBlocks, bench_of_other_disks) {
    TestDisk& large_blocks = plug(4 * mib, {.block_bytes = 65536});
    EXPECT_NE(run("virtio bench 1 10").find("16 reads of 65536 bytes"), std::string::npos);
    for (auto& access : large_blocks.accesses)
        EXPECT_EQ(access.offset % 65536, 0u);
    plug(2048);
    EXPECT_EQ(run("virtio bench 2"), "virtio bench: the disk has no 4096 bytes\n");
    EXPECT_EQ(status, 1);
    TestDisk& smallest = plug(4096);
    run("virtio bench 3 10");
    EXPECT_EQ(status, 0);
    for (auto& access : smallest.accesses)
        EXPECT_EQ(access.offset, 0u);
}

TEST_F(VirtioBlocks, bench_refuses_senseless_words) {
    EXPECT_EQ(run("virtio bench 7"), "virtio bench: no virtio device 7\n");
    EXPECT_EQ(status, 1);
    for (const char* count : {"0", "989681", "ffffffffffffffff"}) {
        EXPECT_EQ(run(std::string("virtio bench 0 ") + count), "virtio bench: 1 to 0x989680 reads\n");
        EXPECT_EQ(status, 1);
    }
    EXPECT_EQ(run("virtio bench x"), "'x': not a number (decimal)\n");
    EXPECT_EQ(run("virtio bench -2 0"), "'-2': not a number (decimal)\n");
    EXPECT_TRUE(disk.accesses.empty());
}

// A disk that does not answer, and the user's patience.
TEST_F(VirtioBlocks, ctrl_c_ends_bench) {
    disk.is_stuck = true;
    hosted::schedule(hosted::second, [&] { disk.loop.request_interrupt(); });
    EXPECT_NE(run("virtio bench 0 100").find("ERROR: interrupted"), std::string::npos);
    EXPECT_EQ(status, 1);
}

} // namespace
} // namespace vireo::test
