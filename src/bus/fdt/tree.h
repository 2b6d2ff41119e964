// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

// A flattened device tree (Devicetree Specification 0.4, chapters 2 and 5). What it says is not trusted:
// the structure is checked once when it is opened, by libfdt's rules but without it, as nodes and properties
// are read (libfdt checks each byte again, which was most of the time from reset to the prompt), and every
// property is checked where it is read, so that a tree that makes no sense gives "not there", never a wild
// access or an endless loop.
namespace vireo::bus::fdt {

// A range of addresses. `base + bytes` does not wrap.
struct Region {
    u64 base = 0;
    u64 bytes = 0;
};

// The number in `count` cells (32-bit, big-endian; 1 or 2 of them) that starts at cell `index`. Empty if the
// bytes do not reach that far, or for another count.
std::optional<u64> read_cells(Bytes cells, usize index, usize count);

// Where the blocks of a tree lie (5.1).
struct Layout {
    const void* blob = nullptr;
    const std::byte* structure = nullptr;
    const char* strings = nullptr;
    u32 structure_bytes = 0;
    u32 strings_bytes = 0;
};

// One node of a tree; valid as long as the tree's bytes are. A default-constructed one has no properties.
class Node {
  public:
    Node() = default;
    Node(const Layout& layout, int offset) : layout_(layout), offset_(offset) {}

    // Where it lies in the structure: the same node has the same offset.
    int offset() const { return offset_; }
    // With the unit address, e.g. "memory@40000000".
    std::string_view name() const;
    // The value of a property; empty if the node has none of that name.
    std::optional<Bytes> property(const char* name) const;
    // One cell of a property that is a list of cells.
    std::optional<u32> cell(const char* property_name, usize index = 0) const;
    // The first string of a property; empty if there is none or it does not end.
    std::string_view text(const char* property_name) const;
    // `compatible` lists this name.
    bool is_compatible(const char* name) const;
    // `status` is missing, "okay" or "ok".
    bool is_enabled() const;

  private:
    Layout layout_;
    int offset_ = -1;
};

class Tree {
  public:
    // How large a tree may claim to be.
    static constexpr usize max_bytes = usize{2} << 20;

    Tree() = default;
    // Checks the header (version 17, or a later one that is compatible with it: 5.2) and the whole structure
    // of the tree that starts at `blob` (aligned to 8) and claims at most blob.size() bytes. The bytes must
    // stay and must not change while the tree or its nodes are used.
    static Result<Tree> open(Bytes blob);
    // A tree that has been checked already, and copied to where nobody else writes.
    static Tree adopt(const std::byte* checked_blob);

    // Bytes up to the end of the last block in use, rounded up to 8: firmware pads trees generously.
    usize used_bytes() const;
    // Copies the used part to `target`, which is aligned to 8, may overlap the tree and has at
    // least used_bytes().
    Result<Tree> copy_to(MutableBytes target) const;

    const void* blob() const { return layout_.blob; }
    const Layout& layout() const { return layout_; }

    // The node at a full path ("/chosen"), or at an alias; what follows a ':' is ignored. So it takes
    // `stdout-path` as it is.
    std::optional<Node> find(std::string_view path) const;

    // The memory reservation block: ranges that must not be touched.
    usize reservation_count() const { return reservation_count_; }
    std::optional<Region> reservation(usize index) const;

  private:
    Layout layout_;
    usize reservation_count_ = 0; // counted once: a tree may be nothing but reservations
};

// Visits all nodes from the root in the tree's order and knows, for each, how the buses above
// it translate addresses.
//     for (Walk walk(tree); walk.next();) if (walk.node().is_compatible("virtio,mmio")) use(walk.reg(0));
class Walk {
  public:
    // Nodes deeper than this are visited, but their addresses are not known.
    static constexpr int max_depth = 8;

    explicit Walk(const Tree& tree) : layout_(tree.layout()) {}

    // To the next node; false after the last.
    bool next();
    const Node& node() const { return node_; }
    // 0 for the root.
    int depth() const { return depth_; }
    // The node above. Above the root, and too deep down, there is an empty node: one without properties.
    Node parent() const;
    // The parent's (or, at `up` = 1, grandparent's) cells for an address and for a size.
    usize address_cells(int up = 0) const;
    usize size_cells(int up = 0) const;
    // `bytes` at a child address of the parent, as the processor sees it. Empty if it lies outside what some
    // bus above translates.
    std::optional<Region> translate(u64 address, u64 bytes) const;
    // Entry `index` of `reg`, translated. Empty if it is missing, odd, wraps or cannot be translated.
    std::optional<Region> reg(usize index) const;

  private:
    struct Bus {
        int offset = -1;
        bool known = false;
        usize address_cells = 0;
        usize size_cells = 0;
        std::optional<Bytes> ranges;
    };
    const Bus& bus(int depth) const;
    Layout layout_;
    Node node_;
    int depth_ = -1;
    mutable Bus
        buses_[max_depth +
               1]; // the chain of nodes above and including the current one; cells read when asked for
};

} // namespace vireo::bus::fdt
