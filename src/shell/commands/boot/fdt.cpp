// SPDX-License-Identifier: Apache-2.0
// fdt: the device tree that a kernel will be told of. Words and output are U-Boot's.
#include "shell/commands/boot/fdt.h"

#include "base/endian.h"
#include "base/math.h"

namespace vireo::shell::fdt {

using boot::DeviceTree;

std::optional<DeviceTree::Node> find_node(Context& context, const DeviceTree& tree, std::string_view path) {
    auto node = tree.find(path);
    if (node)
        return *node;
    print(context.console, "libfdt fdt_path_offset() returned {}\n", node.error());
    return std::nullopt;
}

std::optional<EditedNode> edit_node(Context& context, std::string_view path) {
    auto seen = context.working_tree.look(context);
    if (!seen || !find_node(context, *seen, path))
        return std::nullopt;
    auto tree = context.working_tree.edit(context);
    auto node = tree ? find_node(context, *tree, path) : std::nullopt;
    return node ? std::optional(EditedNode{*tree, *node}) : std::nullopt;
}

std::optional<Bytes> find_property(Context& context, const DeviceTree& tree, DeviceTree::Node node,
                                   std::string_view name) {
    auto value = tree.property(node, name);
    if (!value)
        context.console.write("libfdt fdt_getprop(): FDT_ERR_NOTFOUND\n");
    return value;
}

namespace {

// --- which tree ---

int show_control_tree(Context& context) {
    auto own = context.machine.device_tree();
    if (!own) {
        context.console.write("No device tree: this machine has none\n");
        return status_failed;
    }
    print(context.console, "Control fdt: {:08x}\n", *own);
    return status_ok;
}

// addr [-c] [-q] [ADDRESS [BYTES]]
int addr(Context& context, Arguments arguments) {
    Arguments words = arguments.subspan(1);
    bool is_control = false;
    bool is_quiet = false;
    for (; !words.empty() && words[0].starts_with('-'); words = words.subspan(1)) {
        if (words[0].find_first_not_of("cq", 1) != std::string_view::npos)
            return status_usage;
        is_control |= words[0].contains('c');
        is_quiet |= words[0].contains('q');
    }
    if (is_control && !words.empty()) {
        context.console.write("fdt addr: the control FDT is the machine's own and stays\n");
        return status_failed;
    }
    if (is_control)
        return show_control_tree(context);
    if (words.empty()) {
        if (!context.working_tree.look(context))
            return status_failed;
        print(context.console, "Working fdt: {:08x}\n", *context.working_tree.address(context));
        return status_ok;
    }
    auto address = number_argument(context, words[0]);
    auto bytes = words.size() > 1 ? number_argument(context, words[1]) : std::optional<u64>(0);
    if (!address || !bytes)
        return status_failed;
    auto tree = context.working_tree.at(context, *address);
    if (!tree || context.working_tree.choose(context, *address) != status_ok)
        return status_failed;
    usize existing = tree->bytes().size();
    if (words.size() < 2 || *bytes == existing)
        return status_ok;
    if (*bytes > existing)
        return context.working_tree.resize(context, *bytes);
    if (!is_quiet)
        print(context.console, "New length {} < existing length {}, ignoring\n", *bytes, existing);
    return status_ok;
}

// move FROM TO [BYTES]
int move(Context& context, Arguments arguments) {
    auto from = number_argument(context, arguments[1]);
    auto to = number_argument(context, arguments[2]);
    auto bytes = arguments.size() > 3 ? number_argument(context, arguments[3]) : std::optional<u64>(0);
    if (!from || !to || !bytes)
        return status_failed;
    auto source = context.working_tree.bytes_at(context, *from);
    if (!source)
        return status_failed;
    if (arguments.size() < 4) {
        bytes = source->size();
    } else if (*bytes < source->size()) {
        print(context.console, "New length 0x{:X} < existing length 0x{:X}, aborting.\n", *bytes,
              source->size());
        return status_failed;
    }
    auto room = writable_memory(context, *to, *bytes);
    if (!room)
        return status_failed;
    auto moved = DeviceTree::open(*source, *room);
    if (!moved)
        return tree_failed(context, "fdt_open_into()", moved.error());
    return context.working_tree.choose(context, *to);
}

// resize [BYTES]: to whole pages
int resize(Context& context, Arguments arguments) {
    constexpr usize page = 4096;
    auto extra = arguments.size() > 1 ? number_argument(context, arguments[1]) : std::optional<u64>(0);
    auto tree = extra ? context.working_tree.look(context) : std::nullopt;
    if (!tree)
        return status_failed;
    if (*extra > DeviceTree::max_bytes)
        return fail(context, "fdt resize", error(ErrorCode::TooLarge, "{} bytes", *extra));
    return context.working_tree.resize(context,
                                       align_up(tree->used_bytes() + static_cast<usize>(*extra), page));
}

// apply ADDRESS
int apply(Context& context, Arguments arguments) {
    auto address = number_argument(context, arguments[1]);
    if (!address || !context.working_tree.bytes_at(context, *address))
        return status_failed;
    auto tree = context.working_tree.edit(context);
    // Asked for again: an older copy of the machine's tree may have gone for a new one.
    auto overlay = tree ? context.working_tree.bytes_at(context, *address) : std::nullopt;
    if (!overlay)
        return status_failed;
    auto applied = tree->apply(*overlay);
    return applied ? status_ok : tree_failed(context, "fdt_overlay_apply()", applied.error());
}

// --- the header ---

struct Field {
    std::string_view name;
    u32 DeviceTree::Header::* value;
    std::string_view tabs;
    bool is_decimal = false;
};
constexpr Field fields[] = {
    {"magic", &DeviceTree::Header::magic, "\t\t\t"},
    {"totalsize", &DeviceTree::Header::total_bytes, "\t\t"},
    {"off_dt_struct", &DeviceTree::Header::structure_offset, "\t\t"},
    {"off_dt_strings", &DeviceTree::Header::strings_offset, "\t\t"},
    {"off_mem_rsvmap", &DeviceTree::Header::reservations_offset, "\t\t"},
    {"version", &DeviceTree::Header::version, "\t\t", true},
    {"last_comp_version", &DeviceTree::Header::last_compatible_version, "\t", true},
    {"boot_cpuid_phys", &DeviceTree::Header::boot_processor, "\t"},
    {"size_dt_strings", &DeviceTree::Header::strings_bytes, "\t"},
    {"size_dt_struct", &DeviceTree::Header::structure_bytes, "\t\t"},
};

int print_header(Context& context, const DeviceTree& tree) {
    Writer& out = context.console;
    auto header = tree.header();
    for (const Field& field : fields) {
        u32 value = header.*field.value;
        print(out, "{}:{}", field.name, field.tabs);
        if (field.is_decimal)
            print(out, "{}", value);
        else
            print(out, "0x{:x}", value);
        if (field.name == "totalsize")
            print(out, " ({})", value);
        out.write("\n");
    }
    print(out, "number mem_rsv:\t\t0x{:x}\n\n", tree.reservation_count());
    return status_ok;
}

// header [get VARIABLE FIELD]
int header(Context& context, Arguments arguments) {
    if (arguments.size() != 1 && (arguments.size() != 4 || arguments[1] != "get"))
        return status_usage;
    auto tree = context.working_tree.look(context);
    if (!tree)
        return status_failed;
    if (arguments.size() == 1)
        return print_header(context, *tree);
    auto field = std::ranges::find(fields, arguments[3], &Field::name);
    if (field == std::end(fields)) {
        print(context.console, "fdt header: no field '{}'\n", arguments[3]);
        return status_failed;
    }
    auto set = context.environment.set_hex(arguments[2], tree->header().*field->value);
    return set ? status_ok : fail(context, arguments[2], set.error());
}

// bootcpu ID
int bootcpu(Context& context, Arguments arguments) {
    auto id = number_argument(context, arguments[1]);
    if (!id)
        return status_failed;
    if (*id >> 32 != 0)
        return fail(context, "fdt bootcpu", error(ErrorCode::TooLarge, "a processor's id has 32 bits"));
    auto tree = context.working_tree.edit(context);
    if (!tree)
        return status_failed;
    tree->set_boot_processor(static_cast<u32>(*id));
    return status_ok;
}

// --- reservations ---

int print_reservations(Context& context, const DeviceTree& tree) {
    context.console.write(
        "index\t\t   start\t\t    size\n------------------------------------------------\n");
    for (usize i = 0; i < tree.reservation_count(); ++i) {
        Range range = tree.reservation(i);
        print(context.console, "    {:x}\t{:016x}\t{:016x}\n", i, range.base, range.bytes);
        if (context.interrupted())
            return status_failed;
    }
    return status_ok;
}

// rsvmem print | add ADDRESS BYTES | delete INDEX
int rsvmem(Context& context, Arguments arguments) {
    std::string_view what = arguments[1];
    if (what == "print" && arguments.size() == 2) {
        auto tree = context.working_tree.look(context);
        return tree ? print_reservations(context, *tree) : status_failed;
    }
    bool is_add = what == "add" && arguments.size() == 4;
    if (!is_add && (what != "delete" || arguments.size() != 3))
        return status_usage;
    auto first = number_argument(context, arguments[2]);
    auto bytes = is_add ? number_argument(context, arguments[3]) : std::optional<u64>(0);
    if (!first || !bytes)
        return status_failed;
    auto tree = context.working_tree.edit(context);
    if (!tree)
        return status_failed;
    if (!is_add) {
        auto removed = tree->remove_reservation(static_cast<usize>(std::min<u64>(*first, ~u32{0})));
        return removed ? status_ok : tree_failed(context, "fdt_del_mem_rsv()", removed.error());
    }
    auto added = tree->add_reservation({*first, *bytes});
    return added ? status_ok : tree_failed(context, "fdt_add_mem_rsv()", added.error());
}

// --- nodes ---

// mknode PATH NAME
int mknode(Context& context, Arguments arguments) {
    auto edited = edit_node(context, arguments[1]);
    if (!edited)
        return status_failed;
    auto added = edited->tree.add_node(edited->node, arguments[2]);
    return added ? status_ok : tree_failed(context, "fdt_add_subnode()", added.error());
}

// rm PATH [PROPERTY]
int rm(Context& context, Arguments arguments) {
    auto edited = edit_node(context, arguments[1]);
    if (!edited)
        return status_failed;
    if (arguments.size() > 2) {
        auto removed = edited->tree.remove_property(edited->node, arguments[2]);
        return removed ? status_ok : tree_failed(context, "fdt_delprop()", removed.error());
    }
    auto removed = edited->tree.remove_node(edited->node);
    return removed ? status_ok : tree_failed(context, "fdt_del_node()", removed.error());
}

// memory ADDRESS BYTES
int memory(Context& context, Arguments arguments) {
    auto base = number_argument(context, arguments[1]);
    auto bytes = number_argument(context, arguments[2]);
    if (!base || !bytes)
        return status_failed;
    auto tree = context.working_tree.edit(context);
    if (!tree)
        return status_failed;
    auto set = tree->set_memory({*base, *bytes});
    return set ? status_ok : tree_failed(context, "fdt_setprop()", set.error());
}

// chosen [ADDRESS BYTES]: $bootargs, and an initrd
int chosen(Context& context, Arguments arguments) {
    if (arguments.size() == 2)
        return status_usage;
    std::optional<Range> initrd;
    if (arguments.size() > 2) {
        auto base = number_argument(context, arguments[1]);
        auto bytes = number_argument(context, arguments[2]);
        if (!base || !bytes)
            return status_failed;
        if (!checked_add(*base, *bytes)) {
            context.console.write("fdt chosen: the initrd reaches beyond the last address\n");
            return status_failed;
        }
        initrd = Range{*base, *bytes};
    }
    auto tree = context.working_tree.edit(context);
    if (!tree)
        return status_failed;
    auto node = tree->chosen();
    Result<> done = node ? Result<>() : Result<>(node.error());
    if (auto command_line = context.environment.get("bootargs"); done && command_line)
        done = tree->set_text(*node, "bootargs", *command_line);
    if (done && initrd)
        done = tree->set_initrd(*node, initrd);
    return done ? status_ok : tree_failed(context, "fdt_setprop()", done.error());
}

// --- the command ---

struct Subcommand {
    std::string_view name;
    int (*run)(Context&, Arguments);
    u16 least = 1; // words, with its name
    u16 most = 1;
};
constexpr u16 most_words = 64; // of a line
constexpr Subcommand subcommands[] = {
    {"addr", addr, 1, 5},     {"apply", apply, 2, 2},   {"bootcpu", bootcpu, 2, 2},  {"chosen", chosen, 1, 3},
    {"get", get, 4, 6},       {"header", header, 1, 4}, {"list", print_tree, 1, 3},  {"memory", memory, 3, 3},
    {"mknode", mknode, 3, 3}, {"move", move, 3, 4},     {"print", print_tree, 1, 3}, {"resize", resize, 1, 2},
    {"rm", rm, 2, 3},         {"rsvmem", rsvmem, 2, 4}, {"set", set, 3, most_words},
};

// By its name, or the beginning of one only.
const Subcommand* find_subcommand(std::string_view name) {
    const Subcommand* found = nullptr;
    for (const Subcommand& subcommand : subcommands) {
        if (subcommand.name == name)
            return &subcommand;
        if (!subcommand.name.starts_with(name))
            continue;
        if (found)
            return nullptr;
        found = &subcommand;
    }
    return found;
}

int run(Context& context, Arguments arguments) {
    Arguments words = arguments.subspan(1);
    const Subcommand* found = find_subcommand(words[0]);
    if (!found || words.size() < found->least || words.size() > found->most)
        return status_usage;
    return found->run(context, words);
}

VIREO_COMMAND(fdt_command) = {
    .name = "fdt",
    .summary = "show and change the device tree",
    .usage =
        "fdt addr [-c] [-q] [address [size]] - show which tree is used (-c: the machine's own), or use "
        "another\n"
        "fdt apply address - merge an overlay into it\n"
        "fdt bootcpu id - say which processor boots\n"
        "fdt chosen [address size] - put $bootargs into /chosen, and an initrd\n"
        "fdt get addr variable path property - set a variable to where a property lies\n"
        "fdt get name variable path index - to the name of a node in a node\n"
        "fdt get size variable path [property] - to a property's size, or to how many nodes are in a node\n"
        "fdt get value variable path property [index] - to a property, or to one text or number of it\n"
        "fdt header [get variable field] - print the header, or set a variable to a field of it\n"
        "fdt list [path [property]] - print a node without what is in its nodes\n"
        "fdt memory address size - set the memory node\n"
        "fdt mknode path name - make a node in a node\n"
        "fdt move from to [size] - copy a tree and use the copy\n"
        "fdt print [path [property]] - print a node with all that is in it\n"
        "fdt resize [extra] - end the tree's room at the next page, 'extra' bytes later\n"
        "fdt rm path [property] - remove a node or a property\n"
        "fdt rsvmem print | add address size | delete index - the memory that must not be touched\n"
        "fdt set path property [value ...] - set a property: words, '<numbers>' or '[bytes]'\n"
        "     A path without '/' at its start is an alias. Numbers are hexadecimal but in '<>' and indexes.",
    .run = run,
    .min_words = 2,
    .max_words = most_words,
    .subcommands = "addr apply bootcpu chosen get header list memory mknode move print resize rm rsvmem set",
};

} // namespace
} // namespace vireo::shell::fdt
