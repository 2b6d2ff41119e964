// SPDX-License-Identifier: Apache-2.0
// In a file of its own: who knows the kind of place does not link the others.
#include "load/load.h"

namespace vireo::load {

Outcome<Loaded> load(const Place& place, const FreeMemory& memory, const Part& part, Watcher& watcher) {
    return std::visit([&](const auto& kind) { return load(kind, memory, part, watcher); }, place);
}

Outcome<Loaded> load(const Place& place, std::span<const FilePiece> pieces, Watcher& watcher) {
    return std::visit([&](const auto& kind) { return load(kind, pieces, watcher); }, place);
}

} // namespace vireo::load
