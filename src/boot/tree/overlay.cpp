// SPDX-License-Identifier: Apache-2.0
// Overlays. libfdt merges them; it believes the offsets in __local_fixups__ and __fixups__, and that texts
// end. So everything that it will believe is looked at before, and what it is about to rewrite on the way
// must not be what was looked at.
#include "base/endian.h"
#include "base/math.h"
#include "base/owned_array.h"
#include "base/parse.h"
#include "boot/tree/device_tree.h"
#include "boot/tree/tree_error.h"

#include <libfdt.h>

namespace vireo::boot {

namespace {

using Node = DeviceTree::Node;
using Kind = DeviceTree::Item::Kind;

Error bad_overlay(const char* what) { return error(ErrorCode::Corrupt, what); }

bool ends(Bytes text) { return !text.empty() && text.back() == std::byte{0}; }

// libfdt gives phandles new numbers wherever there are some.
bool is_rewritten(std::string_view name) { return name == "phandle" || name == "linux,phandle"; }

// The node that a path or a name leads to, as libfdt will look it up; nothing if it will find none.
std::optional<Node> node_at(const DeviceTree& tree, std::string_view path) {
    auto found = tree.find(path);
    return found ? std::optional(*found) : std::nullopt;
}
std::optional<Node> child_of(const DeviceTree& tree, Node parent, std::string_view name) {
    int offset = fdt_subnode_offset_namelen(tree.bytes().data(), static_cast<int>(parent), name.data(),
                                            static_cast<int>(name.size()));
    return offset < 0 ? std::nullopt : std::optional(Node{offset});
}

// How many steps libfdt may take: seconds of a slow machine, and it hears no Ctrl-C.
constexpr u64 most_steps = u64{1} << 28;

// Where a node begins and the last one in it does.
struct Extent {
    Node first;
    Node last;
    bool contains(Node node) const { return first <= node && node <= last; }
};

std::optional<Extent> extent_of(const DeviceTree& tree, std::string_view path) {
    auto node = node_at(tree, path);
    if (!node)
        return std::nullopt;
    Extent extent{*node, *node};
    int depth = 0;
    for (int at = static_cast<int>(*node);
         (at = fdt_next_node(tree.bytes().data(), at, &depth)) >= 0 && depth > 0;)
        extent.last = Node{at};
    return extent;
}

// An overlay that is about to be merged.
class Overlay {
  public:
    explicit Overlay(const DeviceTree& tree)
        : tree_(tree), local_fixups_(extent_of(tree, "/__local_fixups__")),
          fixups_(extent_of(tree, "/__fixups__")) {}

    bool speaks_of_labels() const {
        if (!fixups_)
            return false;
        DeviceTree::Walk walk(tree_, fixups_->first);
        (void)walk.next();
        auto item = walk.next();
        return item && item->kind == Kind::Property;
    }

    // That it can be merged into a tree of `target_bytes`.
    Result<> check(usize target_bytes) {
        VIREO_TRY(check_extent());
        VIREO_TRY(check_local_fixups());
        VIREO_TRY(check_fixups());
        // Each item looks through the tree, and each number that changes through all fix-ups, each of which
        // is looked up.
        if (items_ * target_bytes > most_steps || u64{phandles_} * local_items_ * items_ > most_steps)
            return error(ErrorCode::TooLarge, "overlay for this device tree");
        return {};
    }

  private:
    // How deep libfdt's recursion goes is bounded here.
    Result<> check_extent() {
        DeviceTree::Walk walk(tree_, DeviceTree::root);
        while (auto item = walk.next()) {
            if (item->kind == Kind::Close)
                continue;
            if (++items_ > DeviceTree::max_overlay_items)
                return error(ErrorCode::TooLarge, "overlay with too many nodes and properties");
            phandles_ += is_rewritten(item->name);
            if (walk.depth() > DeviceTree::max_overlay_depth)
                return error(ErrorCode::TooLarge, "overlay with nodes too deep");
            if (item->kind == Kind::Property && item->name == "target-path" && !ends(item->value))
                return bad_overlay("overlay with a target-path that does not end");
        }
        return {};
    }

    // Four bytes at `offset` of the property of this node may be rewritten.
    Result<> check_place(Node node, std::string_view property, u64 offset) const {
        if (is_fixups(node) || property == "target-path")
            return bad_overlay("overlay that fixes up itself");
        auto value = tree_.property(node, property);
        if (!value || !range_fits(offset, sizeof(u32), value->size()))
            return bad_overlay("overlay with a fix-up outside of a property");
        return {};
    }

    // Its nodes have the names of those whose properties they speak of; a value is a list of offsets.
    Result<> check_local_fixups() {
        if (!local_fixups_)
            return {};
        std::array<Node, DeviceTree::max_overlay_depth> meant{};
        DeviceTree::Walk walk(tree_, local_fixups_->first);
        while (auto item = walk.next()) {
            if (item->kind == Kind::Close)
                continue;
            ++local_items_;
            usize level = walk.depth() - 1; // below max_overlay_depth, says check_extent()
            if (item->kind == Kind::Open) {
                if (level == 0)
                    continue; // the root
                auto child = child_of(tree_, meant[level - 1], item->name);
                if (!child || is_fixups(*child))
                    return bad_overlay("overlay with a fix-up for no node of it");
                meant[level] = *child;
                continue;
            }
            if (is_rewritten(item->name) || item->value.size() % sizeof(u32) != 0)
                return bad_overlay("overlay with a fix-up that is none");
            for (usize at = 0; at < item->value.size(); at += sizeof(u32))
                VIREO_TRY(check_place(meant[level], item->name, *read_struct<Be<u32>>(item->value, at)));
        }
        return {};
    }

    // Each property is named after a label; its value is a list of "path:property:offset".
    Result<> check_fixups() const {
        if (!fixups_)
            return {};
        DeviceTree::Walk walk(tree_, fixups_->first);
        while (auto item = walk.next()) {
            if (item->kind == Kind::Open && walk.depth() > 1)
                return bad_overlay("overlay with nodes in __fixups__");
            if (item->kind != Kind::Property)
                continue;
            if (is_rewritten(item->name) || !ends(item->value))
                return bad_overlay("overlay with a fix-up that is none");
            std::string_view rest = as_text(item->value);
            while (!rest.empty())
                VIREO_TRY(check_fixup(split_first(rest, '\0')));
        }
        return {};
    }

    Result<> check_fixup(std::string_view text) const {
        std::string_view path = split_first(text, ':');
        std::string_view property = split_first(text, ':');
        // Digits only: libfdt's own reading takes signs, and lets large numbers wrap.
        bool is_number = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
        auto offset = parse_number(text, 10);
        auto node = node_at(tree_, path);
        if (!is_number || !offset || !node || property.empty())
            return bad_overlay("overlay with a fix-up that is none");
        return check_place(*node, property, *offset);
    }

    bool is_fixups(Node node) const {
        return (local_fixups_ && local_fixups_->contains(node)) || (fixups_ && fixups_->contains(node));
    }

    const DeviceTree& tree_;
    std::optional<Extent> local_fixups_;
    std::optional<Extent> fixups_;
    u64 items_ = 0; // nodes and properties
    u32 phandles_ = 0;
    u32 local_items_ = 0; // in __local_fixups__
};

// The paths behind the labels of a tree end.
Result<> check_symbols(const DeviceTree& tree, Node symbols) {
    DeviceTree::Walk walk(tree, symbols);
    while (auto item = walk.next())
        if (item->kind == Kind::Property && !ends(item->value))
            return error(ErrorCode::Corrupt, "device tree with a symbol that does not end");
    return {};
}

} // namespace

Result<> DeviceTree::apply(Bytes source) {
    usize bytes = VIREO_TRY(check(source));
    if (bytes > max_overlay_bytes)
        return error(ErrorCode::TooLarge, "overlay of {} bytes", bytes);
    // libfdt writes to the overlay, and whatever fails half way leaves neither of them whole.
    auto room = VIREO_TRY(OwnedArray<u64>::create((bytes + 7) / 8));
    auto overlay = VIREO_TRY(open(source, std::as_writable_bytes(std::span(room))));
    Overlay checked(overlay);
    VIREO_TRY(checked.check(used_bytes()));
    auto symbols = find("/__symbols__");
    if (symbols)
        VIREO_TRY(check_symbols(*this, *symbols));
    else if (checked.speaks_of_labels())
        return error(ErrorCode::NotFound,
                     "the overlay needs labels and the tree has no __symbols__, only paths");

    auto saved = VIREO_TRY(OwnedArray<std::byte>::create(used_bytes()));
    std::memcpy(saved.data(), blob(), saved.size());
    int code = fdt_overlay_apply(blob(), overlay.blob());
    if (code != 0)
        std::memcpy(blob(), saved.data(), saved.size());
    return tree_result(code);
}

} // namespace vireo::boot
