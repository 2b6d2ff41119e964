// SPDX-License-Identifier: Apache-2.0
#include "load/stream.h"

namespace vireo::load {

Outcome<net::FileTarget> stream_target(const FreeMemory& memory, const Part& part, Failure& failure) {
    auto room = free_memory_from(memory.map, memory.machine, memory.address);
    if (!room)
        return failure.is(room.error());
    failure.room = room->size();
    return net::FileTarget(*room, part.offset, part.limit);
}

} // namespace vireo::load
