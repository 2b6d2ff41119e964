// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4/inode.h"

#include "fs/ext4/checksum.h"

namespace vireo::fs::ext4 {

namespace {

Error corrupt(const char* what) { return error(ErrorCode::Corrupt, what); }

// The lower 32 bits of the time are signed; two bits of the extra field count the wraps since.
u64 modification_time(const wire::Inode& record, bool has_extra) {
    i64 seconds = static_cast<i32>(record.mtime.get());
    if (has_extra)
        seconds += static_cast<i64>(record.mtime_extra & 3) << 32;
    return seconds < 0 ? 0 : static_cast<u64>(seconds);
}

// The value of attribute "system.data" in the attributes that follow the fields of an inode's record.
Result<Bytes> find_inline_attribute(Bytes record) {
    if (record.size() <= wire::short_inode_bytes)
        return Bytes();
    usize start = wire::short_inode_bytes + *read_struct<Le<u16>>(record, offsetof(wire::Inode, extra_isize));
    std::optional<Le<u32>> magic = read_struct<Le<u32>>(record, start);
    if (!magic || *magic != wire::attribute_magic)
        return Bytes();
    Bytes entries = record.subspan(start + sizeof(*magic));
    for (usize at = 0;;) {
        std::optional<Le<u32>> end = read_struct<Le<u32>>(entries, at);
        if (!end || *end == 0)
            return Bytes();
        std::optional<wire::AttributeEntry> entry = read_struct<wire::AttributeEntry>(entries, at);
        usize name_at = at + sizeof(wire::AttributeEntry);
        if (!entry || !range_fits(name_at, entry->name_len, entries.size()))
            return corrupt("ext4: extended attribute of an inode");
        bool is_data = entry->name_index == wire::attribute_index_system && entry->name_len == 4 &&
                       std::memcmp(entries.data() + name_at, "data", 4) == 0;
        if (is_data) {
            if (!range_fits(entry->value_offset, entry->value_size, entries.size()) ||
                entry->value_inode != 0)
                return corrupt("ext4: inline data");
            return entries.subspan(entry->value_offset, entry->value_size);
        }
        at = align_up<usize>(name_at + entry->name_len, 4);
    }
}

// Whether a symbolic link's target lies where the block map of other files does. The extents flag says
// nothing: tools set it on short links as well. A link that owns no block but that of its attributes has
// nowhere else to put it; where values of attributes are files of their own (ea_inode), `blocks` counts those
// too, and only the length is left to go by. Encrypted targets are for Content to refuse.
bool is_short_link(const Layout& layout, const wire::Inode& raw, const Inode& inode) {
    if (inode.type() != FileType::SymbolicLink ||
        inode.has(wire::inode_flag_inline_data | wire::inode_flag_encrypted))
        return false;
    if (layout.incompat & wire::incompat_ea_inode)
        return inode.bytes <= wire::longest_short_link;
    u64 blocks = raw.blocks_lo;
    if (layout.ro_compat & wire::ro_compat_huge_file) {
        blocks |= u64{raw.blocks_high} << 32;
        if (inode.has(wire::inode_flag_huge_file))
            blocks *= layout.block_bytes / 512;
    }
    bool has_attribute_block = raw.file_acl_lo != 0 || raw.file_acl_high != 0;
    return blocks == (has_attribute_block ? layout.cluster_bytes / 512 : 0);
}

} // namespace

FileType Inode::type() const {
    switch (mode & wire::mode_type_mask) {
    case wire::mode_regular:
        return FileType::Regular;
    case wire::mode_directory:
        return FileType::Directory;
    case wire::mode_symbolic_link:
        return FileType::SymbolicLink;
    default:
        return FileType::Other;
    }
}

Result<Inode> read_inode(Storage& storage, u32 number) {
    const Layout& layout = storage.layout();
    u64 offset = VIREO_TRY(storage.inode_offset(number));
    // Room for every usual size without the heap.
    std::array<std::byte, 512> small;
    OwnedArray<std::byte> large;
    MutableBytes record = MutableBytes(small).first(std::min<usize>(small.size(), layout.inode_bytes));
    if (layout.inode_bytes > small.size()) {
        large = VIREO_TRY(OwnedArray<std::byte>::create(layout.inode_bytes));
        record = large;
    }
    VIREO_TRY(storage.volume().read(offset, record));
    wire::Inode raw{};
    std::memcpy(&raw, record.data(), std::min(record.size(), sizeof(raw)));
    u32 extra_end = wire::short_inode_bytes;
    if (layout.inode_bytes > wire::short_inode_bytes)
        extra_end += raw.extra_isize;
    if (extra_end > layout.inode_bytes)
        return corrupt("ext4: inode: size of the extra fields");
    if (raw.mode == 0 || raw.links_count == 0)
        return corrupt("ext4: inode is not in use");
    if (!inode_checksum_matches(layout, number, record))
        return corrupt("ext4: inode checksum");

    Inode inode;
    inode.number = number;
    inode.mode = raw.mode;
    inode.flags = raw.flags;
    inode.modified = modification_time(raw, extra_end >= offsetof(wire::Inode, mtime_extra) + sizeof(u32));
    inode.checksum_seed = inode_checksum_seed(layout, number, raw.generation);
    std::memcpy(inode.block, raw.block, sizeof(inode.block));
    inode.bytes = raw.size_lo;
    // Once the upper half was something else for all but regular files.
    if (inode.type() == FileType::Regular ||
        (inode.type() == FileType::Directory && (layout.incompat & wire::incompat_largedir)))
        inode.bytes |= u64{raw.size_high} << 32;
    if (inode.bytes > u64{1} << 60)
        return corrupt("ext4: inode: file size");
    inode.is_short_link = is_short_link(layout, raw, inode);
    return inode;
}

Result<InlineData> read_inline_data(Storage& storage, const Inode& inode) {
    InlineData data;
    data.record = VIREO_TRY(OwnedArray<std::byte>::create(storage.layout().inode_bytes));
    VIREO_TRY(storage.volume().read(VIREO_TRY(storage.inode_offset(inode.number)), data.record));
    data.rest = VIREO_TRY(find_inline_attribute(data.record));
    return data;
}

} // namespace vireo::fs::ext4
