// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/file_piece.h"

namespace vireo::net {

// Where byte N of a file goes that comes from its beginning to its end. Each byte is copied once, out of
// the packet to its place; what no piece wants is passed over. A value: the pieces stay the caller's and
// live as long as this.
class FileTarget {
  public:
    // All of the file. A larger one does not fit.
    FileTarget(MutableBytes memory) : whole_{0, memory}, room_(memory.size()) {}
    // These pieces. Nothing behind the last of them is wanted: is_enough() then, and there is
    // no limit to the file.
    explicit FileTarget(std::span<const FilePiece> pieces);
    // The file from `offset` on, at most `limit` bytes of it (0: all that follows). What is wanted must fit.
    FileTarget(MutableBytes memory, u64 offset, u64 limit);

    // How many bytes a file may have; the largest number if that does not matter.
    u64 room() const { return room_; }
    // Takes bytes [at, at + content.size()) of the file. They end at room() at the latest.
    void store(u64 at, Bytes content) const;
    // After the first `bytes` bytes of the file there is nothing more that is wanted of it.
    bool is_enough(u64 bytes) const { return bytes >= enough_; }

  private:
    static constexpr u64 all = ~u64{0};
    FilePiece whole_{};
    std::span<const FilePiece> pieces_{}; // empty: whole_
    u64 room_ = all;
    u64 enough_ = all;
};

} // namespace vireo::net
