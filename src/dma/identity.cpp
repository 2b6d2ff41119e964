// SPDX-License-Identifier: Apache-2.0

// The firmware's DMA back end: the device sees RAM at its physical address, coherently (QEMU's machines say
// `dma-coherent`), so sharing is free. The pool is the heap.

#include "base/heap.h"
#include "dma/dma.h"

namespace vireo::dma::backend {

static BusAddress bus_address(const std::byte* memory) { return {reinterpret_cast<uptr>(memory)}; }

Result<Mapping> allocate(usize bytes, usize alignment) {
    if (bytes == 0 || bytes > std::numeric_limits<u32>::max())
        return error(ErrorCode::InvalidArgument, "DMA buffer size");
    auto* memory = static_cast<std::byte*>(firmware_heap().allocate(bytes, alignment));
    if (!memory)
        return error(ErrorCode::NoMemory, "DMA pool exhausted");
    std::memset(memory, 0, bytes);
    return Mapping{memory, static_cast<u32>(bytes), Direction::FromDevice, true, bus_address(memory)};
}

void free(const Mapping& memory) { firmware_heap().free(memory.memory); }

Result<BusAddress> share(std::byte* memory, u32, Direction) { return bus_address(memory); }

void unshare(const Mapping&) {}

u32 largest_share() { return std::numeric_limits<u32>::max(); }

} // namespace vireo::dma::backend
