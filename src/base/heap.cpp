// SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#include "base/math.h"
#include "base/result.h"

namespace vireo {

// All blocks, free or not, form one list in address order, without gaps. A block's payload
// follows its header.
struct Heap::Block {
    static constexpr u32 free_mark = 0x66726565;
    static constexpr u32 used_mark = 0x75736564;
    static constexpr u32 left_mark = 0x6c656674; // freed by its owner while it was pinned
    Block* next;
    Block* previous;
    usize bytes; // of the payload
    u32 mark;
    u32 pins = 0;

    std::byte* payload() { return reinterpret_cast<std::byte*>(this) + header_bytes; }
    static constexpr usize granule = 16;
    static constexpr usize header_bytes = 32;
};

void Heap::initialise(std::byte* memory, usize bytes) {
    static_assert(sizeof(Block) <= Block::header_bytes);
    auto start = align_up<uptr>(reinterpret_cast<uptr>(memory), Block::granule);
    auto end = align_down<uptr>(reinterpret_cast<uptr>(memory) + bytes, Block::granule);
    VIREO_ASSERT(first_ == nullptr && end > start + Block::header_bytes);
    first_ = new (reinterpret_cast<void*>(start))
        Block{nullptr, nullptr, end - start - Block::header_bytes, Block::free_mark};
    total_ = first_->bytes;
}

void* Heap::allocate(usize bytes, usize alignment) {
    if (bytes > total_)
        return nullptr;
    bytes = align_up<usize>(std::max<usize>(bytes, 1), Block::granule);
    alignment = std::max(alignment, Block::granule);
    for (Block* block = first_; block; block = block->next) {
        if (block->mark != Block::free_mark)
            continue;
        auto payload = reinterpret_cast<uptr>(block->payload());
        auto aligned = align_up<uptr>(payload, alignment);
        // Room in front of an aligned payload becomes a free block of its own, so it must hold a header.
        while (aligned != payload && aligned - payload < Block::header_bytes)
            aligned += alignment;
        usize skipped = aligned - payload;
        if (skipped > block->bytes || block->bytes - skipped < bytes)
            continue;
        auto split = [](Block* whole, usize keep) {
            auto* rest = new (whole->payload() + keep)
                Block{whole->next, whole, whole->bytes - keep - Block::header_bytes, Block::free_mark};
            if (rest->next)
                rest->next->previous = rest;
            whole->next = rest;
            whole->bytes = keep;
            return rest;
        };
        if (skipped != 0)
            block = split(block, skipped - Block::header_bytes);
        if (block->bytes - bytes > Block::header_bytes)
            split(block, bytes);
        block->mark = Block::used_mark;
        return block->payload();
    }
    return nullptr;
}

void Heap::free(void* memory) {
    if (!memory)
        return;
    auto* block = reinterpret_cast<Block*>(static_cast<std::byte*>(memory) - Block::header_bytes);
    VIREO_ASSERT(block->mark == Block::used_mark);
    if (block->pins != 0)
        block->mark = Block::left_mark;
    else
        release(block);
}

void Heap::release(Block* block) {
    block->mark = Block::free_mark;
    auto absorb_next = [](Block* into) {
        Block* next = into->next;
        if (!next || next->mark != Block::free_mark)
            return;
        into->bytes += Block::header_bytes + next->bytes;
        into->next = next->next;
        if (into->next)
            into->next->previous = into;
    };
    absorb_next(block);
    if (block->previous && block->previous->mark == Block::free_mark)
        absorb_next(block->previous);
}

// The block that is not free and holds all of `bytes`, or nullptr.
Heap::Block* Heap::block_around(Bytes bytes) const {
    auto start = reinterpret_cast<uptr>(bytes.data());
    for (Block* block = first_; block; block = block->next) {
        auto payload = reinterpret_cast<uptr>(block->payload());
        if (start >= payload && range_fits(start - payload, bytes.size(), block->bytes))
            return block->mark == Block::free_mark ? nullptr : block;
    }
    return nullptr;
}

bool Heap::pin(Bytes bytes) {
    Block* block = block_around(bytes);
    if (block)
        ++block->pins;
    return block != nullptr;
}

void Heap::unpin(Bytes bytes) {
    Block* block = block_around(bytes);
    VIREO_ASSERT(block && block->pins > 0);
    if (--block->pins == 0 && block->mark == Block::left_mark)
        release(block);
}

bool Heap::owns(Bytes bytes) const {
    auto start = reinterpret_cast<uptr>(bytes.data());
    auto payload = first_ ? reinterpret_cast<uptr>(first_->payload()) : 0;
    return first_ && start >= payload && range_fits(start - payload, bytes.size(), total_);
}

usize Heap::bytes_free() const {
    usize sum = 0;
    for (Block* block = first_; block; block = block->next)
        if (block->mark == Block::free_mark)
            sum += block->bytes;
    return sum;
}

} // namespace vireo
