// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4/directory.h"

#include "fs/ext4/checksum.h"

namespace vireo::fs::ext4 {

namespace {

constexpr usize smallest_entry = 12; // the header and room for a name of up to four bytes

FileType type_of(u8 file_type) {
    switch (file_type) {
    case 1:
        return FileType::Regular;
    case 2:
        return FileType::Directory;
    case 7:
        return FileType::SymbolicLink;
    default:
        return FileType::Other;
    }
}

bool is_legal(std::string_view name) {
    return !name.empty() && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

} // namespace

Result<Directory> Directory::create(Storage& storage, const Inode& inode) {
    // A directory has no holes, so it cannot be larger than what it lies on: a bound on the time that a
    // damaged size can cost.
    if (inode.bytes > storage.volume().bytes())
        return error(ErrorCode::Corrupt, "ext4: directory: size");
    Directory directory(storage, inode, VIREO_TRY(Content::create(storage, inode)));
    if (!inode.has(wire::inode_flag_inline_data)) {
        u64 bytes = std::clamp<u64>(inode.bytes, storage.layout().block_bytes, most_stretch_bytes);
        directory.memory_ = VIREO_TRY(OwnedArray<char>::create(static_cast<usize>(bytes)));
    }
    return directory;
}

// Remembers the first damage; false for the convenience of those who find it.
bool Directory::leave_out(const char* what) {
    if (!damage_)
        damage_ = error(ErrorCode::Corrupt, what);
    return false;
}

Result<bool> Directory::fill() {
    if (inode_->has(wire::inode_flag_inline_data))
        return fill_inline();
    const u32 block_bytes = storage_->layout().block_bytes;
    const u64 end = align_down(inode_->bytes, block_bytes);
    if (end != inode_->bytes)
        leave_out("ext4: directory: size");
    while (place_ < end) {
        auto read = [&] -> Result<usize> {
            if (u64 hole = VIREO_TRY(content_.hole_at(place_))) {
                leave_out("ext4: directory has a hole");
                place_ += align_down(hole, block_bytes);
                return 0;
            }
            usize bytes =
                static_cast<usize>(std::min<u64>(align_down(memory_.size(), block_bytes), end - place_));
            VIREO_TRY(content_.read(place_, std::as_writable_bytes(std::span(memory_.data(), bytes))));
            return bytes;
        };
        Result<usize> bytes = read();
        if (!bytes) {
            if (bytes.error().code != ErrorCode::Corrupt)
                return bytes.error();
            // Where its blocks are is damaged: the rest of it is lost.
            leave_out(bytes.error().what);
            place_ = end;
        } else if (*bytes > 0) {
            place_ += *bytes;
            stretch_end_ = *bytes;
            position_ = block_end_ = 0;
            return true;
        }
    }
    return false;
}

// "Inline Directories": four bytes that name the parent, then entries as in a block up to the end of the 60
// bytes, then more in the attribute. Given the same shape as any other directory here: "." and "..", the
// first part, the second.
Result<bool> Directory::fill_inline() {
    if (place_ != 0)
        return false;
    InlineData data = VIREO_TRY(read_inline_data(*storage_, *inode_));
    struct Dots {
        wire::DirectoryEntry self;
        char self_name[4];
        wire::DirectoryEntry parent;
        char parent_name[4];
    };
    static_assert(sizeof(Dots) == 2 * smallest_entry);
    u32 parent = *read_struct<Le<u32>>(inode_->block);
    Dots dots{{inode_->number, smallest_entry, 1, 2}, ".", {parent, smallest_entry, 2, 2}, ".."};
    Bytes parts[] = {std::as_bytes(std::span(&dots, 1)), Bytes(inode_->block).subspan(sizeof(u32)),
                     data.rest};
    memory_ = VIREO_TRY(OwnedArray<char>::create(parts[0].size() + parts[1].size() + parts[2].size()));
    usize at = 0;
    for (Bytes part : parts) {
        if (!part.empty())
            std::memcpy(memory_.data() + at, part.data(), part.size());
        at += part.size();
    }
    place_ = inode_->bytes + 1; // any but the start
    stretch_end_ = at;
    position_ = block_end_ = 0;
    return true;
}

// Goes on to the next block that is in order; false at the end of the stretch. Entries never
// cross the end of a block.
bool Directory::begin_block() {
    const Layout& layout = storage_->layout();
    while (block_end_ < stretch_end_) {
        position_ = block_end_;
        if (inode_->has(wire::inode_flag_inline_data)) {
            constexpr usize ends[] = {2 * smallest_entry,
                                      2 * smallest_entry + sizeof(Inode::block) - sizeof(u32)};
            block_end_ = position_ < ends[0] ? ends[0] : position_ < ends[1] ? ends[1] : stretch_end_;
            return true;
        }
        block_end_ += layout.block_bytes;
        Bytes block = stretch().subspan(position_, layout.block_bytes);
        bool is_first = place_ - stretch_end_ + position_ == 0;
        bool is_indexed = inode_->has(wire::inode_flag_indexed) && (layout.compat & wire::compat_dir_index);
        if (directory_block_checksum_matches(layout, inode_->checksum_seed, block, is_first, is_indexed))
            return true;
        leave_out("ext4: directory block checksum");
    }
    return false;
}

std::optional<Directory::Entry> Directory::next() {
    for (;;) {
        if (position_ == block_end_ && !begin_block())
            return std::nullopt;
        // Each entry moves the position by 12 bytes or more, or to the end of its block.
        if (std::optional<Entry> entry = parse_entry())
            return entry;
    }
}

// The entry at the position, if one is in use there. An entry that makes no sense takes the rest
// of its block with it.
std::optional<Directory::Entry> Directory::parse_entry() {
    const Layout& layout = storage_->layout();
    const usize at = position_;
    const usize room = block_end_ - at;
    position_ = block_end_;
    std::optional<wire::DirectoryEntry> raw =
        read_struct<wire::DirectoryEntry>(stretch().first(block_end_), at);
    u32 length = raw ? raw->rec_len.get() : 0;
    if (layout.block_bytes == 65536 && (length == 65535 || length == 0))
        length = 65536; // does not fit 16 bits
    u32 name_length = raw ? raw->name_len : 0;
    if (raw && !layout.has_file_types())
        name_length |= u32{raw->file_type} << 8;
    if (length < smallest_entry || length % 4 != 0 || length > room) {
        leave_out("ext4: directory entry: length");
        return std::nullopt;
    }
    if (raw->inode == 0) {
        position_ = at + length;
        return std::nullopt;
    }
    std::string_view name(memory_.data() + at + sizeof(*raw),
                          std::min<usize>(name_length, length - sizeof(*raw)));
    if (name.size() != name_length || name_length > 255 || !is_legal(name)) {
        leave_out("ext4: directory entry: name");
        return std::nullopt;
    }
    if (raw->inode > layout.inode_count) {
        leave_out("ext4: directory entry: inode number");
        return std::nullopt;
    }
    position_ = at + length;
    return Entry{name, raw->inode, layout.has_file_types() ? type_of(raw->file_type) : FileType::Other};
}

Result<u32> look_up(Storage& storage, const Inode& inode, std::string_view name) {
    Directory directory = VIREO_TRY(Directory::create(storage, inode));
    while (VIREO_TRY(directory.fill()))
        while (std::optional<Directory::Entry> entry = directory.next())
            if (entry->name == name)
                return entry->inode;
    if (directory.damage())
        return *directory.damage();
    return error(ErrorCode::NotFound, "no such file or directory");
}

} // namespace vireo::fs::ext4
