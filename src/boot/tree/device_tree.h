// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/range.h"
#include "base/result.h"

namespace vireo::boot {

// What a kernel is told in /chosen.
struct Chosen {
    // Takes the place of the tree's `bootargs`, even if it is empty; without one the tree keeps its own. It
    // has no zero byte.
    std::optional<std::string_view> command_line{};
    // Without one, what the tree says of an initrd is taken away: it is that of a former boot.
    std::optional<Range> initrd{};
    // Fresh random bytes. A seed serves once, so the tree's own never stays: without a new one it is taken
    // away.
    Bytes rng_seed{};
    std::optional<u64> kaslr_seed{};
};

// A flattened device tree (Devicetree Specification 0.4, chapter 5) that can be edited, in memory that the
// caller gives and keeps. It may come from anybody: its structure is checked whole when it is opened, and no
// number in it is believed afterwards without a look at what it refers to.
//
// An edit is done whole or not at all, unless its comment says otherwise. What fails for want of room is
// `NoMemory`. An Error's literal is libfdt's name for it where libfdt found it ("FDT_ERR_BADMAGIC").
class DeviceTree {
  public:
    // The place of a node. Any edit may move every node but the root and those that hold what was edited.
    enum class Node : i32 {};
    static constexpr Node root{0};

    // How large a tree may be; what arm64 takes.
    static constexpr usize max_bytes = usize{2} << 20;
    // How long the name of a property or a node may be that is written.
    static constexpr usize max_name_bytes = 255;

    // So many bytes of it say how long it is.
    static constexpr usize header_bytes = 40;
    // How many bytes the tree that begins with `head` says that it has; at most max_bytes. `Corrupt` if none
    // begins there, or `NotSupported` before version 17.
    static Result<usize> claimed_bytes(Bytes head);
    // The same for a whole tree, at most source.size() bytes, that is in order.
    static Result<usize> check(Bytes source);
    // The tree at `source`, copied to `room`, all of which it may grow into. `room` is aligned to 8 and apart
    // from `source`.
    static Result<DeviceTree> open(Bytes source, MutableBytes room);
    // The same of a tree that is open, without another look at all of it.
    Result<DeviceTree> copy_to(MutableBytes room) const { return copy(blob_, room); }
    // The tree that starts at `blob`, where it lies; it may grow as far as it says that it has bytes.
    // `NotSupported` if its blocks lie in an order in which it cannot: open() puts them in order.
    static Result<DeviceTree> edit(MutableBytes blob);

    // Where it lies, from its first byte to the last that it may grow into.
    Bytes bytes() const;
    // How many of them it needs.
    usize used_bytes() const;
    // Makes room behind the tree its own, or takes it away; the caller knows that `bytes` bytes are there. At
    // least used_bytes(), at most max_bytes.
    Result<> resize(usize bytes);
    // The final bytes, without any spare: nothing can be added any more. Aligned to 8.
    Bytes packed();

    // On an error of these, some of it may have been done.
    Result<> set_chosen(const Chosen& chosen);
    // The node /memory, whatever its address, is this range, in as many cells as the root says.
    Result<> set_memory(Range range);
    // No operating system may touch the range, nor map it: a node of that name in /reserved-memory.
    // `OutOfRange` if the cells there cannot say it; `InvalidArgument` if there is one. On an error some of
    // it may have been done.
    Result<> reserve_memory(std::string_view name, Range range);
    // There is PSCI, called by SMC: the node /psci, and all of /cpus are started by it. On an error some of
    // it may have been done.
    Result<> set_psci();
    // The interrupt controllers of RISC-V's machine mode are disabled: APLICs that have a child, and IMSICs
    // that raise that mode's interrupt. On an error some of it may have been done.
    Result<> disable_machine_mode_controllers();
    // What kernels are told of an initrd, in the node /chosen.
    Result<> set_initrd(Node chosen, const std::optional<Range>& initrd);
    // The node /chosen, which is made if there is none.
    Result<Node> chosen();

    // Merges an overlay into the tree: each fragment into the node that its `target-path` or `target` names.
    // `overlay` stays as it is. `NotFound` if a target is not there, or if the overlay speaks of labels and
    // the tree has no __symbols__; `TooLarge` beyond these:
    static constexpr usize max_overlay_bytes = usize{256} << 10;
    static constexpr usize max_overlay_items = 4096; // nodes and properties
    static constexpr u32 max_overlay_depth = 64;
    Result<> apply(Bytes overlay);

    // --- nodes ---

    // The node at a full path ("/chosen", "/memory@40000000"; without "@..." the first of that name), or at
    // an alias. `NotFound`; `InvalidArgument` for what is no path.
    Result<Node> find(std::string_view path) const;
    // A node behind the properties of `parent`. `InvalidArgument` if there is one, or for what is no name.
    Result<Node> add_node(Node parent, std::string_view name);
    // With all that is in it. The root stays: `InvalidArgument`.
    Result<> remove_node(Node node);

    // --- properties ---

    // In the tree's own memory: until the next edit.
    std::optional<Bytes> property(Node node, std::string_view name) const;
    // `value` lies outside the tree.
    Result<> set_property(Node node, std::string_view name, Bytes value);
    // The text and a zero byte.
    Result<> set_text(Node node, std::string_view name, std::string_view text);
    // `NotFound` if there is none.
    Result<> remove_property(Node node, std::string_view name);

    // What a node is made of, in the tree's order: it opens, its properties, the nodes in it, it closes.
    struct Item {
        enum class Kind : u8 { Open, Property, Close };
        Kind kind;
        std::string_view name; // not of Close
        Bytes value;           // of Property
    };
    // Steps through a node. The tree must not be edited meanwhile.
    class Walk {
      public:
        Walk(const DeviceTree& tree, Node node) : blob_(tree.blob()), offset_(static_cast<i32>(node)) {}
        // Nothing after the Close of the node that it began with.
        std::optional<Item> next();
        // How many nodes are open, with the one that the last Item opened and without the one that it closed.
        u32 depth() const { return depth_; }

      private:
        const void* blob_;
        i32 offset_;
        u32 depth_ = 0;
    };

    // --- the header, and the reservation block: ranges of memory that must not be touched ---

    struct Header {
        u32 magic, total_bytes, structure_offset, strings_offset, reservations_offset, version,
            last_compatible_version, boot_processor, strings_bytes, structure_bytes;
    };
    Header header() const;
    void set_boot_processor(u32 id);

    usize reservation_count() const;
    // `index` is below the count.
    Range reservation(usize index) const;
    // A range of no bytes would be the end of the list: `InvalidArgument`.
    Result<> add_reservation(Range range);
    Result<> remove_reservation(usize index); // `NotFound`

  private:
    explicit DeviceTree(MutableBytes blob) : blob_(blob) {}
    static Result<DeviceTree> copy(Bytes source, MutableBytes room);
    const void* blob() const { return blob_.data(); }
    void* blob() { return blob_.data(); }

    MutableBytes blob_; // as many as the header says
};

} // namespace vireo::boot
