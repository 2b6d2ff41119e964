// SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#include <cstring>
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

// What a device may still write into is not given to anybody else, although its owner has freed it.
TEST(Heap, a_pinned_block_becomes_free_when_its_last_pin_has_gone) {
    std::vector<std::byte> memory(1 << 16);
    Heap heap;
    heap.initialise(memory.data(), memory.size());
    usize before = heap.bytes_free();
    void* first = heap.allocate(1000, 16);
    auto* block = static_cast<std::byte*>(heap.allocate(1000, 16));
    void* last = heap.allocate(1000, 16);
    Bytes head(block, 16);
    Bytes tail(block + 900, 100);
    ASSERT_TRUE(heap.pin(head));
    ASSERT_TRUE(heap.pin(tail));
    std::memset(block, 0x5a, 1000);
    usize others = heap.bytes_free();
    heap.free(block);
    EXPECT_EQ(heap.bytes_free(), others);
    heap.free(first);
    heap.free(last); // its neighbours must not swallow it
    heap.unpin(head);
    while (auto* other = static_cast<std::byte*>(heap.allocate(64, 16))) {
        EXPECT_TRUE(other + 64 <= block || other >= block + 1000);
        std::memset(other, 0, 64);
    }
    for (usize i = 0; i < 1000; ++i)
        ASSERT_EQ(block[i], std::byte{0x5a});

    Heap anew;
    anew.initialise(memory.data(), memory.size());
    block = static_cast<std::byte*>(anew.allocate(1000, 16));
    ASSERT_TRUE(anew.pin({block, 1000}));
    anew.unpin({block, 1000}); // before it is freed: nothing changes for its owner
    EXPECT_LT(anew.bytes_free(), before);
    ASSERT_TRUE(anew.pin({block, 1000}));
    anew.free(block);
    EXPECT_LT(anew.bytes_free(), before);
    anew.unpin({block, 1000});
    EXPECT_EQ(anew.bytes_free(), before);
}

TEST(Heap, only_what_lies_in_one_allocated_block_can_be_pinned) {
    std::vector<std::byte> memory(1 << 16);
    Heap heap;
    EXPECT_FALSE(heap.owns(memory)); // not initialised
    heap.initialise(memory.data(), memory.size());
    auto* block = static_cast<std::byte*>(heap.allocate(1000, 16));
    auto* next = static_cast<std::byte*>(heap.allocate(1000, 16));
    EXPECT_TRUE(heap.owns({block, 2000}));
    EXPECT_FALSE(heap.pin({block, 2000}));     // two blocks
    EXPECT_FALSE(heap.pin({block - 8, 16}));   // a header
    EXPECT_FALSE(heap.pin({next + 2000, 16})); // free
    std::byte elsewhere[16];
    EXPECT_FALSE(heap.owns(elsewhere));
    EXPECT_FALSE(heap.pin(elsewhere));
    EXPECT_FALSE(heap.owns({memory.data() + memory.size() - 16, 64}));
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
