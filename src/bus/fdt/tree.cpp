// SPDX-License-Identifier: Apache-2.0
#include "bus/fdt/tree.h"

#include "base/endian.h"
#include "base/math.h"
#include "base/parse.h"

#include <libfdt.h>

namespace vireo::bus::fdt {

namespace {

Error tree_error(int code) {
    // fdt_strerror gives literals.
    return error(ErrorCode::Corrupt, fdt_strerror(code));
}

// A cell count as the tree gives it, with the specification's default (2.3.5). 3 is PCI's; more is nonsense,
// and reads as "no address".
usize cell_count(const Node& node, const char* property, u32 by_default) {
    u32 count = node.cell(property).value_or(by_default);
    return count <= 3 ? count : 0;
}

} // namespace

std::optional<u64> read_cells(Bytes cells, usize index, usize count) {
    usize available = cells.size() / 4;
    if (count < 1 || count > 2 || !range_fits(index, count, available))
        return std::nullopt;
    u64 value = 0;
    for (usize i = index; i < index + count; ++i)
        value = value << 32 | read_struct<Be<u32>>(cells, i * 4)->get();
    return value;
}

// --- the structure block (5.4) ---

namespace {

constexpr u32 begin_node = 1;
constexpr u32 end_node = 2;
constexpr u32 property_token = 3;
constexpr u32 nothing = 4;
constexpr u32 end_of_tree = 9;

// The word at `offset`, which is a multiple of 4; behind the end there is only `end_of_tree`.
u32 word(const Layout& layout, u32 offset) {
    if (!range_fits(offset, 4, layout.structure_bytes))
        return end_of_tree;
    u32 value;
    std::memcpy(&value, __builtin_assume_aligned(layout.structure + offset, 4), 4);
    return std::byteswap(value);
}

// The name of the node at `offset`. It may be empty; one that does not end counts as the rest of the block.
std::string_view node_name(const Layout& layout, u32 offset) {
    offset = std::min(offset + 4, layout.structure_bytes);
    std::string_view rest = as_text({layout.structure + offset, layout.structure_bytes - offset});
    return rest.substr(0, rest.find('\0'));
}

bool has_zero_byte(u32 word) { return ((word - 0x01010101) & ~word & 0x80808080) != 0; }

// Behind the name of the node at `offset` and what fills up its last word, by words: each look for a property
// begins here. In one place: code that a start runs costs an emulator most when it is first run.
[[gnu::noinline]] u32 after_name(const Layout& layout, u32 offset) {
    for (u32 at = offset + 4; range_fits(at, 4, layout.structure_bytes); at += 4)
        if (has_zero_byte(word(layout, at)))
            return at + 4;
    return layout.structure_bytes;
}

struct Property {
    u32 name; // in the strings block
    u32 value;
    u32 bytes;
    u32 next; // offset behind it
};

// The property at `offset`; empty if what is there does not fit the block.
std::optional<Property> read_property(const Layout& layout, u32 offset) {
    u32 bytes = word(layout, offset + 4);
    u32 value = offset + 12;
    if (!range_fits(value, bytes, layout.structure_bytes))
        return std::nullopt;
    return Property{word(layout, offset + 8), value, bytes, align_up<u32>(value + bytes, 4)};
}

bool has_name(const Layout& layout, const Property& property, std::string_view name) {
    if (!range_fits(property.name, name.size() + 1, layout.strings_bytes))
        return false;
    const char* its_name = layout.strings + property.name;
    return its_name[0] == name[0] && its_name[name.size()] == 0 &&
           std::memcmp(its_name, name.data(), name.size()) == 0;
}

// Names at offsets below this end inside the strings block: behind its last zero byte none does.
u32 names_end(const Layout& layout) {
    u32 end = layout.strings_bytes;
    while (end > 0 && layout.strings[end - 1] != 0)
        --end;
    return end;
}

// What fdt_check_full() asks of the structure block, in one pass: libfdt looks at each byte of a name through
// a check of its own, which was a third of the instructions from reset to the prompt.
Result<> check_structure(const Layout& layout) {
    u32 names = names_end(layout);
    u32 depth = 0;
    bool has_root = false;
    for (u32 at = 0; range_fits(at, 4, layout.structure_bytes);) {
        u32 token = word(layout, at);
        if (token == end_of_tree)
            return depth == 0 ? Result<>() : tree_error(-FDT_ERR_BADSTRUCTURE);
        if (token == nothing && !(has_root && depth == 0)) {
            at += 4;
        } else if (token == begin_node && !(has_root && depth == 0)) {
            if (depth++ == 0 && !node_name(layout, at).empty())
                return tree_error(-FDT_ERR_BADSTRUCTURE);
            has_root = true;
            at = after_name(layout, at);
        } else if (token == end_node && depth > 0) {
            --depth;
            at += 4;
        } else if (token == property_token && !(has_root && depth == 0)) {
            auto property = read_property(layout, at);
            if (!property)
                return tree_error(-FDT_ERR_TRUNCATED);
            if (property->name >= names)
                return tree_error(-FDT_ERR_BADOFFSET);
            at = property->next;
        } else {
            return tree_error(-FDT_ERR_BADSTRUCTURE);
        }
    }
    return tree_error(-FDT_ERR_TRUNCATED);
}

} // namespace

// --- Node ---

std::string_view Node::name() const {
    return offset_ >= 0 ? node_name(layout_, static_cast<u32>(offset_)) : std::string_view();
}

std::optional<Bytes> Node::property(const char* name) const {
    if (offset_ < 0)
        return std::nullopt;
    std::string_view wanted(name);
    for (u32 at = after_name(layout_, static_cast<u32>(offset_));;) {
        u32 token = word(layout_, at);
        if (token == nothing) {
            at += 4;
            continue;
        }
        auto found = token == property_token ? read_property(layout_, at) : std::nullopt;
        if (!found)
            return std::nullopt;
        if (has_name(layout_, *found, wanted))
            return Bytes(layout_.structure + found->value, found->bytes);
        at = found->next;
    }
}

std::optional<u32> Node::cell(const char* property_name, usize index) const {
    auto value = property(property_name);
    if (!value)
        return std::nullopt;
    auto number = read_cells(*value, index, 1);
    if (!number)
        return std::nullopt;
    return static_cast<u32>(*number);
}

std::string_view Node::text(const char* property_name) const {
    auto value = property(property_name);
    if (!value)
        return {};
    std::string_view all = as_text(*value);
    usize end = all.find('\0');
    return end == std::string_view::npos ? std::string_view() : all.substr(0, end);
}

bool Node::is_compatible(const char* name) const {
    auto property_value = property("compatible");
    if (!property_value)
        return false;
    std::string_view rest = as_text(*property_value);
    for (std::string_view wanted(name); !rest.empty();) {
        std::string_view entry = rest.substr(0, rest.find('\0'));
        if (entry == wanted)
            return true;
        rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
    }
    return false;
}

bool Node::is_enabled() const {
    if (!property("status"))
        return true;
    auto status = text("status");
    return status == "okay" || status == "ok";
}

// --- Tree ---

Result<Tree> Tree::open(Bytes blob) {
    if (std::bit_cast<uptr>(blob.data()) % 8 != 0 || blob.size() < sizeof(fdt_header))
        return error(ErrorCode::Corrupt, "device tree misplaced");
    if (int code = fdt_check_header(blob.data()); code != 0)
        return tree_error(code);
    // Older ones do not say how long the structure block is: libfdt would look for its end, and what stands
    // in that place of the header would be taken for its length here.
    if (fdt_version(blob.data()) < 17)
        return error(ErrorCode::Corrupt, "device tree older than version 17");
    usize claimed = fdt_totalsize(blob.data());
    if (claimed > blob.size())
        return error(ErrorCode::Corrupt, "device tree longer than its memory");
    // libfdt reads entries and cells as they lie.
    if (fdt_off_mem_rsvmap(blob.data()) % 8 != 0 || fdt_off_dt_struct(blob.data()) % 4 != 0)
        return error(ErrorCode::Corrupt, "device tree blocks misaligned");
    if (int count = fdt_num_mem_rsv(blob.data()); count < 0)
        return tree_error(count);
    Tree tree = adopt(blob.data());
    VIREO_TRY(check_structure(tree.layout_));
    return tree;
}

Tree Tree::adopt(const std::byte* checked_blob) {
    Tree tree;
    tree.layout_ = {.blob = checked_blob,
                    .structure = checked_blob + fdt_off_dt_struct(checked_blob),
                    .strings = static_cast<const char*>(static_cast<const void*>(checked_blob)) +
                               fdt_off_dt_strings(checked_blob),
                    .structure_bytes = fdt_size_dt_struct(checked_blob),
                    .strings_bytes = fdt_size_dt_strings(checked_blob)};
    int reservations = fdt_num_mem_rsv(checked_blob);
    tree.reservation_count_ = reservations > 0 ? static_cast<usize>(reservations) : 0;
    return tree;
}

usize Tree::used_bytes() const {
    // open() has checked that each block lies inside the tree. The reservation block says its
    // size by its last entry.
    usize structure = usize{fdt_off_dt_struct(blob())} + fdt_size_dt_struct(blob());
    usize strings = usize{fdt_off_dt_strings(blob())} + fdt_size_dt_strings(blob());
    usize reserved = fdt_off_mem_rsvmap(blob()) + (reservation_count_ + 1) * sizeof(fdt_reserve_entry);
    return align_up(std::max({structure, strings, reserved}), 8);
}

Result<Tree> Tree::copy_to(MutableBytes target) const {
    usize bytes = std::min<usize>(used_bytes(), fdt_totalsize(blob()));
    if (bytes > target.size())
        return error(ErrorCode::NoMemory, "no room for the device tree");
    std::memmove(target.data(), blob(), bytes);
    fdt_set_totalsize(target.data(), static_cast<u32>(bytes));
    return adopt(target.data());
}

std::optional<Node> Tree::find(std::string_view path) const {
    path = path.substr(0, path.find(':'));
    if (path.empty() || path.size() > 1024)
        return std::nullopt;
    int offset = fdt_path_offset_namelen(blob(), path.data(), static_cast<int>(path.size()));
    if (offset < 0)
        return std::nullopt;
    return Node(layout_, offset);
}

std::optional<Region> Tree::reservation(usize index) const {
    u64 base = 0;
    u64 bytes = 0;
    if (index >= reservation_count_ || fdt_get_mem_rsv(blob(), static_cast<int>(index), &base, &bytes) != 0 ||
        !checked_add(base, bytes))
        return std::nullopt;
    return Region{base, bytes};
}

// --- Walk ---

Node Walk::parent() const {
    return depth_ >= 1 && depth_ <= max_depth + 1 ? Node(layout_, buses_[depth_ - 1].offset) : Node();
}

bool Walk::next() {
    u32 at = 0;
    if (node_.offset() < 0)
        depth_ = -1;
    else
        at = after_name(layout_, static_cast<u32>(node_.offset()));
    // `at` grows with each round, and behind the block's end there is an end.
    for (;;) {
        u32 token = word(layout_, at);
        if (token == begin_node)
            break;
        if (token == property_token) {
            auto property = read_property(layout_, at);
            if (!property)
                return false;
            at = property->next;
            continue;
        }
        if (token == end_node)
            --depth_;
        else if (token != nothing)
            return false;
        at += 4;
    }
    // Only one node has no parent.
    if (++depth_ < (node_.offset() < 0 ? 0 : 1))
        return false;
    node_ = Node(layout_, static_cast<int>(at));
    if (depth_ <= max_depth)
        buses_[depth_] = {node_.offset(), false, 0, 0, std::nullopt};
    return true;
}

const Walk::Bus& Walk::bus(int depth) const {
    Bus& bus = buses_[depth];
    if (!bus.known) {
        Node node(layout_, bus.offset);
        bus.address_cells = cell_count(node, "#address-cells", 2);
        bus.size_cells = cell_count(node, "#size-cells", 1);
        bus.ranges = node.property("ranges");
        bus.known = true;
    }
    return bus;
}

usize Walk::address_cells(int up) const {
    int level = depth_ - 1 - up;
    return level >= 0 && level <= max_depth ? bus(level).address_cells : 0;
}

usize Walk::size_cells(int up) const {
    int level = depth_ - 1 - up;
    return level >= 0 && level <= max_depth ? bus(level).size_cells : 0;
}

std::optional<Region> Walk::translate(u64 address, u64 bytes) const {
    if (depth_ < 1 || depth_ > max_depth + 1 || !checked_add(address, bytes))
        return std::nullopt;
    // From the parent's address space up to the root's, which is the processor's.
    for (int level = depth_ - 1; level > 0; --level) {
        const auto& ranges = bus(level).ranges;
        if (!ranges)
            return std::nullopt;
        if (ranges->empty())
            continue; // the same addresses on both sides (2.3.8)
        usize child_cells = bus(level).address_cells;
        usize parent_cells = bus(level - 1).address_cells;
        usize size_cells = bus(level).size_cells;
        usize stride = child_cells + parent_cells + size_cells;
        bool found = false;
        for (usize at = 0; stride != 0 && !found && (at + stride) * 4 <= ranges->size(); at += stride) {
            auto child = read_cells(*ranges, at, child_cells);
            auto parent = read_cells(*ranges, at + child_cells, parent_cells);
            auto size = read_cells(*ranges, at + child_cells + parent_cells, size_cells);
            if (!child || !parent || !size || address < *child || !range_fits(address - *child, bytes, *size))
                continue;
            auto moved = checked_add(*parent, address - *child);
            if (!moved || !checked_add(*moved, bytes))
                return std::nullopt;
            address = *moved;
            found = true;
        }
        if (!found)
            return std::nullopt;
    }
    return Region{address, bytes};
}

std::optional<Region> Walk::reg(usize index) const {
    usize address_count = address_cells();
    usize size_count = size_cells();
    usize stride = address_count + size_count;
    auto cells = node_.property("reg");
    if (!cells || stride == 0 || index >= cells->size() / 4 / stride)
        return std::nullopt;
    auto base = read_cells(*cells, index * stride, address_count);
    auto bytes = read_cells(*cells, index * stride + address_count, size_count);
    if (!base || !bytes)
        return std::nullopt;
    return translate(*base, *bytes);
}

} // namespace vireo::bus::fdt
