// SPDX-License-Identifier: Apache-2.0

// The firmware's DMA back end: the device sees RAM at its physical address, coherently (QEMU's machines say
// `dma-coherent`), so sharing is free. The pool is the heap.

#include "arch/common/image.h"
#include "base/heap.h"
#include "dma/custodian.h"
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

// A stack frame is gone when its function returns, and nobody could keep it from reuse if the transfer were
// abandoned. So no device is ever told to write into one: drivers and their callers use the heap, and users
// are not given the stack.
static bool is_on_stack(const std::byte* memory) {
    auto address = reinterpret_cast<uptr>(memory);
    return address >= arch::image_address(vireo_stack_start) &&
           address < arch::image_address(vireo_stack_end);
}

Result<BusAddress> share(std::byte* memory, u32, Direction direction) {
    VIREO_ASSERT(direction == Direction::ToDevice || !is_on_stack(memory));
    return bus_address(memory);
}

void unshare(const Mapping& mapping) {
    if (mapping.abandoned)
        custodian()->give_back({mapping.memory, mapping.bytes});
}

void abandon(Mapping& mapping) {
    VIREO_ASSERT(!mapping.abandoned && custodian());
    mapping.abandoned = custodian()->keep({mapping.memory, mapping.bytes});
}

u32 largest_share() { return std::numeric_limits<u32>::max(); }

} // namespace vireo::dma::backend
