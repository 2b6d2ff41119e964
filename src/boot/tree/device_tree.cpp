// SPDX-License-Identifier: Apache-2.0
#include "boot/tree/device_tree.h"

#include "base/endian.h"
#include "base/math.h"
#include "base/parse.h"
#include "boot/tree/tree_error.h"

#include <libfdt.h>

namespace vireo::boot {

namespace {

constexpr usize reservation_bytes = sizeof(fdt_reserve_entry);
constexpr u32 our_version = 17;

// A name as libfdt takes it: with a zero byte.
class Name {
  public:
    static Result<Name> of(std::string_view text) {
        if (text.empty() || text.find_first_of(std::string_view("/\0", 2)) != text.npos)
            return error(ErrorCode::InvalidArgument, "not a name of the device tree");
        if (text.size() > DeviceTree::max_name_bytes)
            return error(ErrorCode::TooLarge, "name too long for the device tree");
        Name name;
        *std::ranges::copy(text, name.text_).out = 0;
        return name;
    }
    const char* text() const { return text_; }

  private:
    char text_[DeviceTree::max_name_bytes + 1];
};

// Where the blocks of a tree end that fdt_check_full() has accepted: inside the tree.
usize reservations_end(const void* blob) {
    return fdt_off_mem_rsvmap(blob) + (static_cast<usize>(fdt_num_mem_rsv(blob)) + 1) * reservation_bytes;
}
usize structure_end(const void* blob) { return usize{fdt_off_dt_struct(blob)} + fdt_size_dt_struct(blob); }
usize strings_end(const void* blob) { return usize{fdt_off_dt_strings(blob)} + fdt_size_dt_strings(blob); }

int offset_of(DeviceTree::Node node) { return static_cast<int>(node); }

bool overlap(Bytes a, Bytes b) {
    return ranges_overlap(std::bit_cast<uptr>(a.data()), a.size(), std::bit_cast<uptr>(b.data()), b.size());
}

bool is_misaligned(Bytes place) { return !is_aligned(std::bit_cast<uptr>(place.data()), 8); }

} // namespace

Error tree_error(int code) {
    switch (-code) {
    case FDT_ERR_NOTFOUND:
        return error(ErrorCode::NotFound, fdt_strerror(code));
    case FDT_ERR_NOSPACE:
        return error(ErrorCode::NoMemory, fdt_strerror(code));
    case FDT_ERR_EXISTS:
    case FDT_ERR_BADPATH:
        return error(ErrorCode::InvalidArgument, fdt_strerror(code));
    default:
        return error(ErrorCode::Corrupt, fdt_strerror(code));
    }
}

// --- opening ---

Result<usize> DeviceTree::claimed_bytes(Bytes head) {
    static_assert(header_bytes == sizeof(fdt_header));
    if (head.size() < header_bytes)
        return tree_error(-FDT_ERR_TRUNCATED);
    if (is_misaligned(head))
        return tree_error(-FDT_ERR_ALIGNMENT);
    if (fdt_magic(head.data()) != FDT_MAGIC)
        return tree_error(-FDT_ERR_BADMAGIC);
    // Older ones do not say how long their structure is, and what lies in that place would be believed.
    if (fdt_version(head.data()) < our_version)
        return error(ErrorCode::NotSupported, "device tree older than version 17");
    usize claimed = fdt_totalsize(head.data());
    if (claimed > max_bytes)
        return error(ErrorCode::Corrupt, "device tree of {} bytes", claimed);
    return claimed;
}

Result<usize> DeviceTree::check(Bytes source) {
    usize claimed = VIREO_TRY(claimed_bytes(source));
    if (claimed > source.size())
        return error(ErrorCode::Corrupt, "device tree of {} bytes, larger than its place", claimed);
    // libfdt reads whole cells, and numbers of 64 bits.
    if (fdt_off_dt_struct(source.data()) % 4 != 0 || fdt_off_mem_rsvmap(source.data()) % 8 != 0)
        return error(ErrorCode::Corrupt, "device tree blocks misaligned");
    VIREO_TRY(tree_result(fdt_check_full(source.data(), claimed)));
    // That also passes what has no node at all.
    int behind = 0;
    if (fdt_next_tag(source.data(), 0, &behind) != FDT_BEGIN_NODE)
        return error(ErrorCode::Corrupt, "device tree without a root");
    return claimed;
}

Result<DeviceTree> DeviceTree::open(Bytes source, MutableBytes room) {
    VIREO_TRY(check(source));
    return copy(source, room);
}

Result<DeviceTree> DeviceTree::copy(Bytes source, MutableBytes room) {
    if (is_misaligned(room))
        return tree_error(-FDT_ERR_ALIGNMENT);
    const std::byte* from = source.data();
    room = room.first(std::min(room.size(), max_bytes));
    // Block after block: the order in which a tree can grow, whatever it was. Padding stays behind.
    usize reserved_bytes = reservations_end(from) - fdt_off_mem_rsvmap(from);
    usize structure = sizeof(fdt_header) + reserved_bytes;
    usize strings = structure + fdt_size_dt_struct(from);
    usize end = strings + fdt_size_dt_strings(from);
    // Checked when it was opened, and read once more: it may lie where others write.
    if (std::max(structure_end(from), strings_end(from)) > source.size())
        return error(ErrorCode::Corrupt, "device tree blocks beyond its end");
    if (end > room.size())
        return error(ErrorCode::NoMemory, "no room for the device tree");
    if (overlap(source, room))
        return error(ErrorCode::InvalidArgument, "a device tree copied onto itself");

    std::byte* to = room.data();
    std::memset(to, 0, sizeof(fdt_header));
    std::memcpy(to + sizeof(fdt_header), from + fdt_off_mem_rsvmap(from), reserved_bytes);
    std::memcpy(to + structure, from + fdt_off_dt_struct(from), fdt_size_dt_struct(from));
    std::memcpy(to + strings, from + fdt_off_dt_strings(from), fdt_size_dt_strings(from));
    fdt_set_magic(to, FDT_MAGIC);
    fdt_set_totalsize(to, static_cast<u32>(room.size()));
    fdt_set_off_mem_rsvmap(to, sizeof(fdt_header));
    fdt_set_off_dt_struct(to, static_cast<u32>(structure));
    fdt_set_size_dt_struct(to, fdt_size_dt_struct(from));
    fdt_set_off_dt_strings(to, static_cast<u32>(strings));
    fdt_set_size_dt_strings(to, fdt_size_dt_strings(from));
    fdt_set_version(to, our_version);
    fdt_set_last_comp_version(to, 16);
    fdt_set_boot_cpuid_phys(to, fdt_boot_cpuid_phys(from));
    return DeviceTree(room);
}

Result<DeviceTree> DeviceTree::edit(MutableBytes blob) {
    usize bytes = VIREO_TRY(check(blob));
    // libfdt looks at this too, but with the first reservation for all of them.
    const void* tree = blob.data();
    if (fdt_off_mem_rsvmap(tree) < sizeof(fdt_header) || fdt_off_dt_struct(tree) < reservations_end(tree) ||
        fdt_off_dt_strings(tree) < structure_end(tree))
        return error(ErrorCode::NotSupported, "device tree blocks in an order that leaves no room to edit");
    return DeviceTree(blob.first(bytes));
}

Bytes DeviceTree::bytes() const { return blob_; }

usize DeviceTree::used_bytes() const { return strings_end(blob()); }

Result<> DeviceTree::resize(usize bytes) {
    if (bytes < used_bytes() || bytes > max_bytes)
        return error(ErrorCode::OutOfRange, "no size for the device tree, which has {} bytes", used_bytes());
    blob_ = {blob_.data(), bytes};
    fdt_set_totalsize(blob(), static_cast<u32>(bytes));
    return {};
}

Bytes DeviceTree::packed() {
    VIREO_ASSERT(fdt_pack(blob()) == 0); // only a tree that cannot be edited is refused
    blob_ = blob_.first(fdt_totalsize(blob()));
    return blob_;
}

// --- /chosen ---

namespace {

Result<> remove_if_there(DeviceTree& tree, DeviceTree::Node node, std::string_view name) {
    // Nothing keeps a name from being there twice.
    while (tree.property(node, name))
        VIREO_TRY(tree.remove_property(node, name));
    return {};
}

Result<> set_number(DeviceTree& tree, DeviceTree::Node node, std::string_view name, u64 number) {
    Be<u64> cells = number;
    return tree.set_property(node, name, std::as_bytes(std::span(&cells, 1)));
}

} // namespace

Result<DeviceTree::Node> DeviceTree::chosen() {
    auto found = find("/chosen");
    return found ? *found : add_node(root, "chosen");
}

Result<> DeviceTree::set_initrd(Node chosen, const std::optional<Range>& initrd) {
    if (!initrd) {
        VIREO_TRY(remove_if_there(*this, chosen, "linux,initrd-start"));
        return remove_if_there(*this, chosen, "linux,initrd-end");
    }
    // Two cells each: a kernel takes what there is, whatever the root's cells are.
    VIREO_TRY(set_number(*this, chosen, "linux,initrd-start", initrd->base));
    return set_number(*this, chosen, "linux,initrd-end", initrd->end());
}

Result<> DeviceTree::set_chosen(const Chosen& wanted) {
    Node node = VIREO_TRY(chosen());
    if (wanted.command_line)
        VIREO_TRY(set_text(node, "bootargs", *wanted.command_line));
    VIREO_TRY(set_initrd(node, wanted.initrd));
    if (!wanted.rng_seed.empty())
        VIREO_TRY(set_property(node, "rng-seed", wanted.rng_seed));
    else
        VIREO_TRY(remove_if_there(*this, node, "rng-seed"));
    if (wanted.kaslr_seed)
        return set_number(*this, node, "kaslr-seed", *wanted.kaslr_seed);
    return remove_if_there(*this, node, "kaslr-seed");
}

// --- /memory and /reserved-memory ---

namespace {

u32 cells_of(const DeviceTree& tree, DeviceTree::Node node, std::string_view name, u32 by_default) {
    auto value = tree.property(node, name);
    auto cells = value ? read_struct<Be<u32>>(*value) : std::optional<Be<u32>>(by_default);
    return cells ? cells->get() : 0;
}

// `reg` of a node in `parent`: one range.
struct Reg {
    std::byte cells[2 * sizeof(u64)];
    usize bytes;
    Bytes view() const { return {cells, bytes}; }
};
Result<Reg> reg_in(const DeviceTree& tree, DeviceTree::Node parent, Range range) {
    u32 address_cells = cells_of(tree, parent, "#address-cells", 2);
    u32 size_cells = cells_of(tree, parent, "#size-cells", 1);
    auto fits = [](u64 value, u32 cells) { return cells == 2 || (cells == 1 && value >> 32 == 0); };
    if (!fits(range.base, address_cells) || !fits(range.bytes, size_cells))
        return parent == DeviceTree::root
                   ? error(ErrorCode::OutOfRange, "memory that the root's cells cannot say")
                   : error(ErrorCode::OutOfRange, "memory that the cells of /reserved-memory cannot say");
    Be<u64> base = range.base;
    Be<u64> bytes = range.bytes;
    Reg reg{};
    auto tail = [](const Be<u64>& number, u32 cells) {
        return std::as_bytes(std::span(&number, 1)).last(cells * sizeof(u32));
    };
    auto end = std::ranges::copy(tail(base, address_cells), reg.cells).out;
    end = std::ranges::copy(tail(bytes, size_cells), end).out;
    reg.bytes = static_cast<usize>(end - reg.cells);
    return reg;
}

} // namespace

Result<> DeviceTree::set_memory(Range range) {
    Reg reg = VIREO_TRY(reg_in(*this, root, range));
    auto found = find("/memory");
    Node node = found ? *found : VIREO_TRY(add_node(root, "memory"));
    VIREO_TRY(set_text(node, "device_type", "memory"));
    return set_property(node, "reg", reg.view());
}

Result<> DeviceTree::reserve_memory(std::string_view name, Range range) {
    // Added first, which looks for it: most trees have none, and a look reads all of the tree.
    auto added = add_node(root, "reserved-memory");
    if (!added && added.error().code != ErrorCode::InvalidArgument) // there is one
        return added.error();
    Node parent = added ? *added : VIREO_TRY(find("/reserved-memory"));
    if (added) {
        // The root's cells: Linux wants no others.
        for (auto [cells, by_default] : {std::pair("#address-cells", 2u), std::pair("#size-cells", 1u)}) {
            Be<u32> number = cells_of(*this, root, cells, by_default);
            VIREO_TRY(set_property(parent, cells, std::as_bytes(std::span(&number, 1))));
        }
        VIREO_TRY(set_property(parent, "ranges", {}));
    }
    Reg reg = VIREO_TRY(reg_in(*this, parent, range));
    Node node = VIREO_TRY(add_node(parent, name));
    VIREO_TRY(set_property(node, "reg", reg.view()));
    return set_property(node, "no-map", {});
}

// --- /psci ---

Result<> DeviceTree::set_psci() {
    constexpr std::string_view versions("arm,psci-1.0\0arm,psci-0.2\0", 26);
    auto found = find("/psci");
    Node node = found ? *found : VIREO_TRY(add_node(root, "psci"));
    VIREO_TRY(set_property(node, "compatible", std::as_bytes(std::span(versions))));
    VIREO_TRY(set_text(node, "method", "smc"));
    auto processors = find("/cpus");
    if (!processors)
        return {};
    // Each edit moves what follows: the next one is asked for after it.
    int processor;
    fdt_for_each_subnode(processor, blob(), offset_of(*processors)) {
        auto type = property(Node{processor}, "device_type");
        if (type && as_text(*type) == std::string_view("cpu\0", 4))
            VIREO_TRY(set_text(Node{processor}, "enable-method", "psci"));
    }
    return {};
}

// --- RISC-V ---

Result<> DeviceTree::disable_machine_mode_controllers() {
    constexpr u32 machine_external = 11;
    // Each edit moves what follows, and nothing before it: the search goes on behind the node.
    for (const char* kind : {"riscv,aplic", "riscv,imsics"}) {
        for (int at = -1; (at = fdt_node_offset_by_compatible(blob(), at, kind)) >= 0;) {
            auto cause = property(Node{at}, "interrupts-extended"); // pairs of cells, of which one is enough
            bool belongs_to_machine_mode =
                property(Node{at}, "riscv,children") ||
                (cause &&
                 read_struct<Be<u32>>(*cause, sizeof(u32)).value_or(Be<u32>(0)).get() == machine_external);
            if (belongs_to_machine_mode)
                VIREO_TRY(set_text(Node{at}, "status", "disabled"));
        }
    }
    return {};
}

// --- nodes and properties ---

Result<DeviceTree::Node> DeviceTree::find(std::string_view path) const {
    constexpr usize longest_path = 1024;
    if (path.empty() || path.size() > longest_path)
        return tree_error(-FDT_ERR_BADPATH);
    int offset = fdt_path_offset_namelen(blob(), path.data(), static_cast<int>(path.size()));
    if (offset < 0)
        return tree_error(offset);
    return Node{offset};
}

Result<DeviceTree::Node> DeviceTree::add_node(Node parent, std::string_view name) {
    auto its_name = VIREO_TRY(Name::of(name));
    int offset = fdt_add_subnode(blob(), offset_of(parent), its_name.text());
    if (offset < 0)
        return tree_error(offset);
    return Node{offset};
}

Result<> DeviceTree::remove_node(Node node) {
    if (node == root)
        return error(ErrorCode::InvalidArgument, "the root of the device tree stays");
    return tree_result(fdt_del_node(blob(), offset_of(node)));
}

std::optional<Bytes> DeviceTree::property(Node node, std::string_view name) const {
    if (name.size() > max_bytes)
        return std::nullopt;
    int bytes = 0;
    const void* value =
        fdt_getprop_namelen(blob(), offset_of(node), name.data(), static_cast<int>(name.size()), &bytes);
    if (!value)
        return std::nullopt;
    return Bytes(static_cast<const std::byte*>(value), static_cast<usize>(bytes));
}

Result<> DeviceTree::set_property(Node node, std::string_view name, Bytes value) {
    auto its_name = VIREO_TRY(Name::of(name));
    if (value.size() > max_bytes)
        return tree_error(-FDT_ERR_NOSPACE);
    return tree_result(
        fdt_setprop(blob(), offset_of(node), its_name.text(), value.data(), static_cast<int>(value.size())));
}

Result<> DeviceTree::set_text(Node node, std::string_view name, std::string_view text) {
    auto its_name = VIREO_TRY(Name::of(name));
    if (text.size() >= max_bytes)
        return tree_error(-FDT_ERR_NOSPACE);
    void* place = nullptr;
    VIREO_TRY(tree_result(fdt_setprop_placeholder(blob(), offset_of(node), its_name.text(),
                                                  static_cast<int>(text.size() + 1), &place)));
    *std::ranges::copy(text, static_cast<char*>(place)).out = 0;
    return {};
}

Result<> DeviceTree::remove_property(Node node, std::string_view name) {
    auto its_name = VIREO_TRY(Name::of(name));
    return tree_result(fdt_delprop(blob(), offset_of(node), its_name.text()));
}

std::optional<DeviceTree::Item> DeviceTree::Walk::next() {
    while (offset_ >= 0) {
        int at = offset_;
        int next = 0;
        u32 token = fdt_next_tag(blob_, at, &next);
        offset_ = next;
        int bytes = 0;
        if (token == FDT_BEGIN_NODE) {
            const char* name = fdt_get_name(blob_, at, &bytes);
            ++depth_;
            return Item{Item::Kind::Open, {name, static_cast<usize>(bytes)}, {}};
        }
        if (token == FDT_PROP) {
            const char* name = nullptr;
            auto value = static_cast<const std::byte*>(fdt_getprop_by_offset(blob_, at, &name, &bytes));
            return Item{Item::Kind::Property, name, {value, static_cast<usize>(bytes)}};
        }
        if (token == FDT_END_NODE) {
            if (--depth_ == 0)
                offset_ = -1;
            return Item{Item::Kind::Close, {}, {}};
        }
        if (token == FDT_END)
            offset_ = -1;
    }
    return std::nullopt;
}

// --- header and reservations ---

DeviceTree::Header DeviceTree::header() const {
    const void* tree = blob();
    return {.magic = fdt_magic(tree),
            .total_bytes = fdt_totalsize(tree),
            .structure_offset = fdt_off_dt_struct(tree),
            .strings_offset = fdt_off_dt_strings(tree),
            .reservations_offset = fdt_off_mem_rsvmap(tree),
            .version = fdt_version(tree),
            .last_compatible_version = fdt_last_comp_version(tree),
            .boot_processor = fdt_boot_cpuid_phys(tree),
            .strings_bytes = fdt_size_dt_strings(tree),
            .structure_bytes = fdt_size_dt_struct(tree)};
}

void DeviceTree::set_boot_processor(u32 id) { fdt_set_boot_cpuid_phys(blob(), id); }

usize DeviceTree::reservation_count() const { return static_cast<usize>(fdt_num_mem_rsv(blob())); }

Range DeviceTree::reservation(usize index) const {
    Range range;
    VIREO_ASSERT(fdt_get_mem_rsv(blob(), static_cast<int>(index), &range.base, &range.bytes) == 0);
    return range;
}

Result<> DeviceTree::add_reservation(Range range) {
    if (range.bytes == 0)
        return error(ErrorCode::InvalidArgument, "a reservation of no bytes");
    return tree_result(fdt_add_mem_rsv(blob(), range.base, range.bytes));
}

Result<> DeviceTree::remove_reservation(usize index) {
    if (index >= reservation_count())
        return tree_error(-FDT_ERR_NOTFOUND);
    return tree_result(fdt_del_mem_rsv(blob(), static_cast<int>(index)));
}

} // namespace vireo::boot
