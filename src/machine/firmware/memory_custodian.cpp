// SPDX-License-Identifier: Apache-2.0
#include "machine/firmware/memory_custodian.h"

namespace vireo::machine {

static u64 address_of(Bytes bytes) { return reinterpret_cast<uptr>(bytes.data()); }

// A range of the heap that is not part of one block was named by a user (`virtio write` takes any RAM): it is
// what it is at the moment when the disk reads it, and no owner of it could be asked to wait.
bool MemoryCustodian::keep(Bytes bytes) {
    if (heap_.owns(bytes))
        return heap_.pin(bytes);
    memory_.hold(address_of(bytes), bytes.size());
    return true;
}

void MemoryCustodian::give_back(Bytes bytes) {
    if (heap_.owns(bytes))
        heap_.unpin(bytes);
    else
        memory_.let_go(address_of(bytes), bytes.size());
}

} // namespace vireo::machine
