// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fs/ext4/storage.h"
#include "fs/tree.h"

namespace vireo::fs::ext4 {

// A file, as far as a reader needs it.
struct Inode {
    u32 number;
    u16 mode;
    u32 flags;
    u64 bytes;
    u64 modified;        // seconds since 1970, 0 if before
    bool is_short_link;  // a symbolic link whose target lies in `block`; `bytes` may be more than fits there
    u32 checksum_seed;   // of the blocks that belong to it
    std::byte block[60]; // the root of its block map or extent tree, or the data itself

    FileType type() const;
    FileInfo info() const { return {type(), bytes, modified}; }
    bool has(u32 flag) const { return flags & flag; }
};

// Reads inode `number`. Corrupt if there is none, if it is unused, or if its checksum or size is wrong.
Result<Inode> read_inode(Storage& storage, u32 number);

// Data that lies in the inode itself ("Inline Data"): 60 bytes in `block`, the rest in an extended attribute
// behind the record's fields.
struct InlineData {
    OwnedArray<std::byte> record; // the inode's, which `rest` points into
    Bytes rest;
};
Result<InlineData> read_inline_data(Storage& storage, const Inode& inode);

} // namespace vireo::fs::ext4
