// SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <vector>

namespace vireo {
namespace {

TEST(Heap, everything_freed_is_one_block_again) {
    std::vector<std::byte> memory(1 << 20);
    Heap heap;
    heap.initialise(memory.data(), memory.size());
    usize before = heap.bytes_free();
    std::vector<void*> blocks;
    while (void* block = heap.allocate(1000, 16))
        blocks.push_back(block);
    EXPECT_GT(blocks.size(), 900u);
    for (usize i = 0; i < blocks.size(); i += 2)
        heap.free(blocks[i]);
    for (usize i = 1; i < blocks.size(); i += 2)
        heap.free(blocks[i]);
    EXPECT_EQ(heap.bytes_free(), before);
    EXPECT_NE(heap.allocate(before, 16), nullptr);
}

TEST(Heap, refuses_what_it_does_not_have) {
    std::vector<std::byte> memory(4096);
    Heap heap;
    heap.initialise(memory.data(), memory.size());
    EXPECT_EQ(heap.allocate(8192, 16), nullptr);
    EXPECT_EQ(heap.allocate(~usize{0}, 16), nullptr);
    EXPECT_EQ(heap.allocate(~usize{0} - 8, 4096), nullptr);
    heap.free(nullptr);
}

TEST(Heap, random_sizes_and_alignments_never_overlap) {
    std::vector<std::byte> memory(1 << 20);
    Heap heap;
    heap.initialise(memory.data(), memory.size());
    usize before = heap.bytes_free();
    std::mt19937 random(1);
    std::map<std::byte*, usize> live;
    for (int i = 0; i < 20000; ++i) {
        if (random() % 2 == 0 || live.empty()) {
            usize bytes = random() % 5000 + 1;
            usize alignment = usize{1} << (random() % 13);
            auto* block = static_cast<std::byte*>(heap.allocate(bytes, alignment));
            if (!block)
                continue;
            ASSERT_EQ(reinterpret_cast<uptr>(block) % alignment, 0u);
            auto next = live.lower_bound(block);
            if (next != live.end())
                ASSERT_LE(block + bytes, next->first);
            if (next != live.begin()) {
                auto previous = std::prev(next);
                ASSERT_LE(previous->first + previous->second, block);
            }
            std::memset(block, 0xa5, bytes);
            live[block] = bytes;
        } else {
            auto victim = live.begin();
            std::advance(victim, random() % live.size());
            heap.free(victim->first);
            live.erase(victim);
        }
    }
    for (auto& [block, bytes] : live)
        heap.free(block);
    EXPECT_EQ(heap.bytes_free(), before);
}

} // namespace
} // namespace vireo
