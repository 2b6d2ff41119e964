// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/arguments.h"

// The parts of the command `fdt`. `arguments` begin with the subcommand.
namespace vireo::shell::fdt {

// print, list: PATH [PROPERTY]; the whole tree without one.
int print_tree(Context& context, Arguments arguments);
// get value|name|addr|size VARIABLE PATH ...
int get(Context& context, Arguments arguments);
// set PATH PROPERTY [VALUE ...]
int set(Context& context, Arguments arguments);

// The node at a path; nothing, and one line, if there is none.
std::optional<boot::DeviceTree::Node> find_node(Context& context, const boot::DeviceTree& tree,
                                                std::string_view path);
// The same in the tree to edit; nothing is copied for a node that is not there.
struct EditedNode {
    boot::DeviceTree tree;
    boot::DeviceTree::Node node;
};
std::optional<EditedNode> edit_node(Context& context, std::string_view path);
// The value of a property of a node; nothing, and one line, if there is none.
std::optional<Bytes> find_property(Context& context, const boot::DeviceTree& tree,
                                   boot::DeviceTree::Node node, std::string_view name);

// One text, or more that are not empty, each with a zero byte behind it, of characters that can be shown.
bool is_text(Bytes value);
// A 32-bit number; `value` reaches that far.
u32 cell(Bytes value, usize index);

} // namespace vireo::shell::fdt
