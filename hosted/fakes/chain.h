// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/dma_arena.h"

#include <string>
#include <vector>

namespace vireo::fake {

// One buffer that the driver made available: what the device reads, then what the device
// writes (section 2.7.4).
class Chain {
  public:
    struct Piece {
        u64 bus;
        u32 bytes;
    };

    // What the used ring will name: the head of the descriptor chain.
    u16 head = 0;
    // How many descriptors it took in the ring (indirect: 1) and in all.
    u16 ring_descriptors = 0;
    u16 descriptors = 0;
    bool is_indirect = false;
    std::vector<Piece> readable;
    std::vector<Piece> writable;
    std::string owner; // the device's name, for reports

    u64 readable_bytes() const { return total(readable); }
    u64 writable_bytes() const { return total(writable); }

    // Copies out of the readable, or into the writable part, at an offset that counts through all its pieces.
    // False if it does not reach that far or the memory is not the device's (which is reported).
    bool read(u64 offset, void* to, u64 bytes) const {
        return copy(readable, offset, bytes, hosted::DmaArena::Use::Read,
                    [&](std::byte* memory, u64 done, u64 count) {
                        std::memcpy(static_cast<std::byte*>(to) + done, memory, count);
                    });
    }
    bool write(u64 offset, const void* from, u64 bytes) const {
        return copy(writable, offset, bytes, hosted::DmaArena::Use::Write,
                    [&](std::byte* memory, u64 done, u64 count) {
                        std::memcpy(memory, static_cast<const std::byte*>(from) + done, count);
                    });
    }

  private:
    static u64 total(const std::vector<Piece>& pieces) {
        u64 bytes = 0;
        for (const Piece& piece : pieces)
            bytes += piece.bytes;
        return bytes;
    }
    template <typename Move>
    bool copy(const std::vector<Piece>& pieces, u64 offset, u64 bytes, hosted::DmaArena::Use use,
              Move&& move) const {
        u64 done = 0;
        for (const Piece& piece : pieces) {
            if (done == bytes)
                break;
            if (offset >= piece.bytes) {
                offset -= piece.bytes;
                continue;
            }
            u64 count = std::min<u64>(bytes - done, piece.bytes - offset);
            std::byte* memory = hosted::DmaArena::instance().reach(piece.bus + offset, count, use, owner);
            if (!memory)
                return false;
            move(memory, done, count);
            done += count;
            offset = 0;
        }
        return done == bytes;
    }
};

} // namespace vireo::fake
