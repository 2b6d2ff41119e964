// SPDX-License-Identifier: Apache-2.0
#include "hosted/vhost_user/shared_pool.h"

#include "base/math.h"
#include "hosted/dma_arena.h"

#include <fcntl.h>
#include <sys/mman.h>

namespace vireo::hosted::vhost_user {

Result<std::unique_ptr<SharedPool>> SharedPool::create() {
    std::unique_ptr<SharedPool> shared(new (std::nothrow) SharedPool);
    if (!shared)
        return error(ErrorCode::NoMemory, "no memory for shared memory");
    shared->memory_file_ = FileDescriptor(memfd_create("vireo", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    int file = shared->descriptor();
    // Sealed: a back end that made the file smaller would end this program with a bus error.
    if (file < 0 || ftruncate(file, bytes) != 0 ||
        fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return error(ErrorCode::NoMemory, "the host gives no shared memory");
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
        return error(ErrorCode::NoMemory, "the host gives no shared memory");
    shared->memory_ = static_cast<std::byte*>(memory);
    MutableBytes region(shared->memory_, bytes);
    VIREO_TRY(shared->pool_.initialise(region, {bus_base}));
    DmaArena::instance().use_pool(shared->pool_, region, bus_base);
    return shared;
}

SharedPool::~SharedPool() {
    if (!memory_)
        return;
    DmaArena::instance().reset();
    munmap(memory_, bytes);
}

u16 SharedPool::used_index(dma::BusAddress device_area) const {
    u64 offset = device_area.value - bus_base + 2;
    VIREO_ASSERT(device_area.value >= bus_base && range_fits(offset, 2, bytes));
    // Another process writes it.
    return __atomic_load_n(reinterpret_cast<const u16*>(memory_ + offset), __ATOMIC_ACQUIRE);
}

} // namespace vireo::hosted::vhost_user
