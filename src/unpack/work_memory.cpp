// SPDX-License-Identifier: Apache-2.0
#include "unpack/work_memory.h"

#include "base/math.h"

namespace vireo::unpack {

namespace {

// Smaller blocks are not worth a look at what was lent.
constexpr usize large = 64 << 10;
// Room to say how large a block is, with the alignment that any object may ask for.
constexpr usize header_bytes = 16;

} // namespace

WorkMemory::WorkMemory(MutableBytes lent) {
    if (lent.size() >= large)
        lent_.initialise(lent.data(), lent.size());
}

void* WorkMemory::allocate(usize bytes) {
    if (bytes >= large && bytes <= lent_.bytes_total())
        if (void* block = lent_.allocate(bytes, header_bytes))
            return block;
    auto total = checked_add<usize>(bytes, header_bytes);
    if (!total || *total > most_from_heap - from_heap_)
        return nullptr;
    void* block = ::operator new(*total, std::nothrow);
    if (!block)
        return nullptr;
    from_heap_ += *total;
    std::memcpy(block, &*total, sizeof(usize));
    return static_cast<std::byte*>(block) + header_bytes;
}

void WorkMemory::release(void* block) {
    if (!block)
        return;
    auto* bytes = static_cast<std::byte*>(block);
    if (lent_.bytes_total() != 0 && lent_.owns({bytes, 1}))
        return lent_.free(block);
    usize total = 0;
    std::memcpy(&total, bytes - header_bytes, sizeof(usize));
    from_heap_ -= total;
    ::operator delete(bytes - header_bytes);
}

} // namespace vireo::unpack

// The libraries are built to call these where nobody gave them an allocator (cmake/third-party.cmake). They
// are always given one.
extern "C" {
void* vireo_no_malloc(std::size_t);
void* vireo_no_calloc(std::size_t, std::size_t);
void vireo_no_free(void*);
void* vireo_no_malloc(std::size_t) { return nullptr; }
void* vireo_no_calloc(std::size_t, std::size_t) { return nullptr; }
void vireo_no_free(void*) {}
}
