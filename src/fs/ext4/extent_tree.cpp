// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4/block_map.h"

#include "fs/ext4/checksum.h"

namespace vireo::fs::ext4 {

namespace {

constexpr u64 end_of_file = u64{1} << 32; // logical blocks have 32 bits

Error corrupt(const char* what) { return error(ErrorCode::Corrupt, what); }

// A node of the tree whose header, order and bounds have been checked.
struct Node {
    Bytes bytes;
    u32 entries;
    u32 depth; // 0: extents

    wire::Extent extent(u32 index) const { return entry<wire::Extent>(index); }
    wire::ExtentIndex index(u32 index) const { return entry<wire::ExtentIndex>(index); }
    // The logical block at which an entry starts: the first field of both kinds.
    u32 start(u32 index) const { return entry<wire::ExtentIndex>(index).block; }
    // The last entry that starts at or before `logical`; none if all start behind it.
    std::optional<u32> last_not_behind(u64 logical) const;

  private:
    template <typename T> T entry(u32 index) const {
        return *read_struct<T>(bytes, sizeof(wire::ExtentHeader) + index * sizeof(T));
    }
};

std::optional<u32> Node::last_not_behind(u64 logical) const {
    u32 low = 0;
    u32 high = entries;
    while (low < high) {
        u32 middle = (low + high) / 2;
        if (start(middle) <= logical)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? std::nullopt : std::optional(low - 1);
}

u64 child_of(const wire::ExtentIndex& index) { return index.leaf_lo | u64{index.leaf_hi} << 32; }
u64 start_of(const wire::Extent& extent) { return extent.start_lo | u64{extent.start_hi} << 32; }
bool is_written(const wire::Extent& extent) { return extent.length <= wire::longest_extent; }
u32 length_of(const wire::Extent& extent) {
    return is_written(extent) ? extent.length.get() : extent.length - wire::longest_extent;
}

Result<Node> parse_header(Bytes bytes) {
    wire::ExtentHeader header = *read_struct<wire::ExtentHeader>(bytes);
    if (header.magic != wire::extent_magic)
        return corrupt("ext4: extent tree: magic number");
    if (header.max > (bytes.size() - sizeof(header)) / sizeof(wire::Extent) || header.entries > header.max)
        return corrupt("ext4: extent tree: number of entries");
    if (header.depth > wire::deepest_extent_tree || (header.depth > 0 && header.entries == 0))
        return corrupt("ext4: extent tree: depth");
    return Node{bytes, header.entries, header.depth};
}

// Every entry starts where its parent says or later, behind the one before it, and ends before
// its parent does.
Result<> check_entries(const Layout& layout, const Node& node, u64 from, u64 to) {
    for (u32 i = 0; i < node.entries; ++i) {
        u64 start = node.start(i);
        if (start < from || start >= to)
            return corrupt("ext4: extent tree: entries out of order");
        from = start + 1;
        if (node.depth > 0) {
            if (!layout.contains(child_of(node.index(i)), 1))
                return corrupt("ext4: extent tree leads outside the file system");
            continue;
        }
        wire::Extent extent = node.extent(i);
        u32 length = length_of(extent);
        from = start + length;
        if (length == 0 || from > to)
            return corrupt("ext4: extent tree: length of an extent");
        if (!layout.contains(start_of(extent), length))
            return corrupt("ext4: extent outside the file system");
    }
    return {};
}

// A file that is read from front to back will ask for the nodes after `index` next: with one transfer for
// many of them the disk is kept busy.
Result<> prefetch_siblings(Storage& storage, const Node& node, u32 index) {
    std::array<u64, 16> offsets;
    usize wanted = 0;
    for (; index < node.entries && wanted < offsets.size(); ++index)
        offsets[wanted++] = child_of(node.index(index)) * storage.layout().block_bytes;
    VIREO_TRY(storage.volume().prefetch({offsets.data(), wanted}, storage.layout().block_bytes));
    return {};
}

// The child of `parent` at `index`, which covers logical blocks [from, to). Checked when it is read, once.
Result<Node> load_child(Storage& storage, const Inode& inode, MapNodes& nodes, usize level,
                        const Node& parent, u32 index, u64 from, u64 to) {
    u64 block = child_of(parent.index(index));
    if (nodes.holds(level, block))
        return parse_header(nodes.bytes(level));
    VIREO_TRY(prefetch_siblings(storage, parent, index));
    Bytes bytes = VIREO_TRY(nodes.load(storage, level, block));
    auto check = [&] -> Result<Node> {
        Node node = VIREO_TRY(parse_header(bytes));
        if (node.depth != parent.depth - 1)
            return corrupt("ext4: extent tree: depth");
        if (!extent_block_checksum_matches(storage.layout(), inode.checksum_seed, bytes))
            return corrupt("ext4: extent tree: checksum");
        VIREO_TRY(check_entries(storage.layout(), node, from, to));
        return node;
    };
    Result<Node> node = check();
    if (!node)
        nodes.forget(level);
    return node;
}

} // namespace

Result<Run> find_in_extent_tree(Storage& storage, const Inode& inode, MapNodes& nodes, u64 logical) {
    if (logical >= end_of_file)
        return corrupt("ext4: file is larger than an extent tree can be");
    Node node = VIREO_TRY(parse_header(inode.block));
    VIREO_TRY(check_entries(storage.layout(), node, 0, end_of_file));
    u64 to = end_of_file; // where the blocks below the node at hand end
    // The depth falls with each turn and starts at five at most.
    for (usize level = 0; node.depth > 0; ++level) {
        std::optional<u32> index = node.last_not_behind(logical);
        if (!index)
            return Run{0, node.start(0) - logical};
        u64 from = node.start(*index);
        if (*index + 1 < node.entries)
            to = node.start(*index + 1);
        node = VIREO_TRY(load_child(storage, inode, nodes, level, node, *index, from, to));
    }
    std::optional<u32> index = node.last_not_behind(logical);
    u64 next = index ? *index + 1 : 0;
    u64 next_start = next < node.entries ? node.start(static_cast<u32>(next)) : to;
    if (index) {
        wire::Extent extent = node.extent(*index);
        u64 within = logical - extent.block;
        u64 length = length_of(extent);
        if (within < length)
            return Run{is_written(extent) ? start_of(extent) + within : 0, length - within};
    }
    return Run{0, next_start - logical};
}

} // namespace vireo::fs::ext4
