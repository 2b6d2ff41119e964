// SPDX-License-Identifier: Apache-2.0
// `fdt print` and `fdt list`.
#include "base/endian.h"
#include "base/parse.h"
#include "shell/commands/boot/fdt.h"

namespace vireo::shell::fdt {

using boot::DeviceTree;
using Kind = DeviceTree::Item::Kind;

namespace {

// What is longer is shown as its place and size.
constexpr usize most_shown_bytes = 16 << 10;

void indent(Writer& out, u32 depth) {
    constexpr std::string_view tabs = "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t";
    for (; depth > tabs.size(); depth -= tabs.size())
        out.write(tabs);
    out.write(tabs.substr(0, depth));
}

void print_value(Writer& out, Bytes value, u64 address) {
    if (is_text(value)) {
        std::string_view rest = as_text(value);
        for (std::string_view lead = ""; !rest.empty(); lead = ", ") {
            print(out, "{}\"", lead);
            print_untrusted(out, split_first(rest, '\0'));
            out.write("\"");
        }
        return;
    }
    if (value.size() > most_shown_bytes)
        return print(out, "* 0x{:08x} [0x{:08x}]", address, value.size());
    bool is_cells = value.size() % sizeof(u32) == 0;
    out.write(is_cells ? "<" : "[");
    StringBuffer<512> text; // a write for many numbers
    for (usize at = 0; at < value.size(); at += is_cells ? sizeof(u32) : 1) {
        if (text.view().size() > 480) {
            out.write(text.view());
            text.clear();
        }
        text.write(at == 0 ? "" : " ");
        if (is_cells)
            print(text, "0x{:08x}", cell(value, at / sizeof(u32)));
        else
            print(text, "{:02x}", std::to_integer<u8>(value[at]));
    }
    text.write(is_cells ? ">" : "]");
    out.write(text.view());
}

// Prints a node with all that is in it; of nodes in it only their names if it `is_short`.
int print_node(Context& context, const DeviceTree& tree, DeviceTree::Node node, bool is_short) {
    Writer& out = context.console;
    DeviceTree::Walk walk(tree, node);
    u64 base = context.working_tree.address(context).value_or(0);
    while (auto item = walk.next()) {
        u32 depth = walk.depth();
        if (item->kind == Kind::Open) {
            if (is_short && depth > 2)
                continue;
            indent(out, depth - 1);
            print_untrusted(out, item->name.empty() ? "/" : item->name);
            out.write(" {\n");
        } else if (item->kind == Kind::Close) {
            if (is_short && depth > 1)
                continue;
            indent(out, depth);
            out.write("};\n");
        } else if (!is_short || depth == 1) {
            indent(out, depth);
            print_untrusted(out, item->name);
            if (!item->value.empty()) {
                out.write(" = ");
                print_value(out, item->value,
                            base + static_cast<usize>(item->value.data() - tree.bytes().data()));
            }
            out.write(";\n");
        }
        if (context.interrupted())
            return status_failed;
    }
    return status_ok;
}

} // namespace

u32 cell(Bytes value, usize index) { return *read_struct<Be<u32>>(value, index * sizeof(u32)); }

bool is_text(Bytes value) {
    if (value.empty() || value.back() != std::byte{0})
        return false;
    std::string_view rest = as_text(value);
    if (rest.size() == 1)
        return true; // one that is empty
    while (!rest.empty()) {
        std::string_view text = split_first(rest, '\0');
        if (text.empty() || std::ranges::any_of(text, [](char c) { return c < ' ' || c > '~'; }))
            return false;
    }
    return true;
}

int print_tree(Context& context, Arguments arguments) {
    auto tree = context.working_tree.look(context);
    if (!tree)
        return status_failed;
    std::string_view path = arguments.size() > 1 ? arguments[1] : "/";
    auto node = find_node(context, *tree, path);
    if (!node)
        return status_failed;
    if (arguments.size() < 3)
        return print_node(context, *tree, *node, arguments[0].starts_with('l'));
    std::string_view name = arguments[2];
    auto value = find_property(context, *tree, *node, name);
    if (!value)
        return status_failed;
    if (value->empty()) {
        print(context.console, "{} {}\n", path, name);
        return status_ok;
    }
    print(context.console, "{} = ", name);
    u64 base = context.working_tree.address(context).value_or(0);
    print_value(context.console, *value, base + static_cast<usize>(value->data() - tree->bytes().data()));
    context.console.write("\n");
    return status_ok;
}

} // namespace vireo::shell::fdt
