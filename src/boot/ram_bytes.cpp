// SPDX-License-Identifier: Apache-2.0
#include "boot/ram_bytes.h"

#include "load/memory.h"

namespace vireo::boot {

std::expected<Bytes, Failure> free_bytes(const Services& services, const Range& file) {
    // Of firmware's own memory some cannot even be read.
    auto found = load::free_memory_from(services.memory, services.machine, file.base);
    if (found)
        return file.bytes == 0 ? *found
                               : found->first(static_cast<usize>(std::min<u64>(file.bytes, found->size())));
    Refusal refusal{.part = Refusal::Part::Kernel, .why = Refusal::Why::NotRam, .range = {file.base, 1}};
    if (found.error().owner) {
        refusal.why = Refusal::Why::NotFree;
        refusal.owner = *found.error().owner;
    }
    return std::unexpected(Failure{.kind = Failure::Kind::Place, .refusal = refusal});
}

} // namespace vireo::boot
