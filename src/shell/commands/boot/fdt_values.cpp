// SPDX-License-Identifier: Apache-2.0
// `fdt get` and `fdt set`: between properties and variables or words.
#include "base/endian.h"
#include "base/parse.h"
#include "shell/commands/boot/fdt.h"
#include "shell/line/character.h"

namespace vireo::shell::fdt {

using boot::DeviceTree;
using Kind = DeviceTree::Item::Kind;

namespace {

// More than one cell is shown as one long number, as hashes want it, up to here.
constexpr usize longest_number = 20;

int set_variable(Context& context, std::string_view name, std::string_view value) {
    // Names of nodes are whatever the tree has.
    if (harmless_bytes(value) != value.size()) {
        print(context.console, "fdt get: '{}' is not set: control characters in the tree\n", name);
        return status_failed;
    }
    auto set = context.environment.set(name, value);
    return set ? status_ok : fail(context, name, set.error());
}
int set_hex_variable(Context& context, std::string_view name, u64 value) {
    auto set = context.environment.set_hex(name, value);
    return set ? status_ok : fail(context, name, set.error());
}

int no_such_entry(Context& context, std::string_view property, u64 index) {
    print(context.console, "fdt get: '{}' has no entry {}\n", property, index);
    return status_failed;
}

// get value VARIABLE PATH PROPERTY [INDEX]
int get_value(Context& context, Bytes value, Arguments words) {
    auto index = words.size() > 3 ? number_argument(context, words[3], 10) : std::optional<u64>();
    if (words.size() > 3 && !index)
        return status_failed;
    if (value.empty())
        return set_variable(context, words[0], "");
    if (is_text(value)) {
        std::string_view rest = as_text(value);
        std::string_view text;
        for (u64 i = 0; i <= index.value_or(0); ++i) {
            if (rest.empty())
                return no_such_entry(context, words[2], *index);
            text = split_first(rest, '\0');
        }
        return set_variable(context, words[0], text);
    }
    usize cells = value.size() / sizeof(u32);
    StringBuffer<2 * longest_number + 2> number;
    if (value.size() % sizeof(u32) != 0 || (!index && value.size() > longest_number)) {
        print(context.console, "fdt get: '{}' has no value that a variable can have\n", words[2]);
        return status_failed;
    }
    if (index && *index >= cells)
        return no_such_entry(context, words[2], *index);
    if (index || cells == 1)
        print(number, "0x{:08X}", cell(value, static_cast<usize>(index.value_or(0))));
    else
        for (usize i = 0; i < cells; ++i)
            print(number, "{:08x}", cell(value, i));
    return set_variable(context, words[0], number.view());
}

// The nodes in a node, and the name of one of them.
struct Children {
    usize count = 0;
    std::string_view name;
};
Children children_of(const DeviceTree& tree, DeviceTree::Node node, u64 index) {
    Children children;
    DeviceTree::Walk walk(tree, node);
    while (auto item = walk.next())
        if (item->kind == Kind::Open && walk.depth() == 2 && children.count++ == index)
            children.name = item->name;
    return children;
}

// get name VARIABLE PATH INDEX
int get_name(Context& context, const DeviceTree& tree, DeviceTree::Node node, Arguments words) {
    // U-Boot takes numbers below 0 for the first.
    bool is_negative = words[2].starts_with("-");
    auto index = number_argument(context, is_negative ? "0" : words[2], 10);
    if (!index)
        return status_failed;
    auto children = children_of(tree, node, *index);
    if (*index < children.count)
        return set_variable(context, words[0], children.name);
    context.console.write("libfdt node not found\n");
    return status_failed;
}

// --- set ---

// The value that is being built; the caller has counted how much it can be.
class Value {
  public:
    static Result<Value> for_words(Arguments words) {
        usize most = 0;
        for (std::string_view word : words)
            most += word.size() * sizeof(u32) + 1;
        Value value;
        value.bytes_ = VIREO_TRY(OwnedArray<std::byte>::create(most));
        return value;
    }
    void add(Bytes bytes) {
        std::ranges::copy(bytes, bytes_.data() + size_);
        size_ += bytes.size();
    }
    Bytes bytes() const { return Bytes(bytes_.data(), size_); }

  private:
    OwnedArray<std::byte> bytes_;
    usize size_ = 0;
};

bool add_number(Context& context, Value& value, std::string_view text, bool is_cell) {
    // Bytes may stand without blanks between them.
    if (!is_cell && text.size() > 2 && text.size() % 2 == 0) {
        for (usize at = 0; at < text.size(); at += 2)
            if (!add_number(context, value, text.substr(at, 2), is_cell))
                return false;
        return true;
    }
    auto number = number_argument(context, text, is_cell ? 10 : 16);
    if (!number)
        return false;
    if (*number >> (is_cell ? 32 : 8) != 0) {
        print(context.console, "'{}' does not fit a {}\n", text, is_cell ? "cell" : "byte");
        return false;
    }
    Be<u32> cell = static_cast<u32>(*number);
    value.add(std::as_bytes(std::span(&cell, 1)).subspan(is_cell ? 0 : 3));
    return true;
}

// What stands between "<" and ">" or "[" and "]", which may be several words. Takes the words that belong to
// it. Nothing, and one line, if something of it is no number or the end is missing.
std::optional<Arguments> add_numbers(Context& context, Value& value, Arguments words) {
    bool is_cells = words[0].starts_with('<');
    char end = is_cells ? '>' : ']';
    std::string_view rest = words[0].substr(1);
    for (;;) {
        usize stop = rest.find(end);
        std::string_view numbers = rest.substr(0, stop);
        while (!(numbers = trim(numbers)).empty())
            if (!add_number(context, value, split_first(numbers, ' '), is_cells))
                return std::nullopt;
        words = words.subspan(1);
        if (stop != rest.npos) {
            if (stop + 1 == rest.size())
                return words;
            print(context.console, "'{}': something behind '{}'\n", rest, end);
            return std::nullopt;
        }
        if (words.empty()) {
            print(context.console, "'{}' is missing\n", end);
            return std::nullopt;
        }
        rest = words[0];
    }
}

// Numbers and bytes, then words; behind the first word all are words.
bool add_words(Context& context, Value& value, Arguments words) {
    while (!words.empty() && (words[0].starts_with('<') || words[0].starts_with('['))) {
        auto left = add_numbers(context, value, words);
        if (!left)
            return false;
        words = *left;
    }
    for (std::string_view word : words) {
        value.add(std::as_bytes(std::span(word)));
        value.add(std::as_bytes(std::span("", 1)));
    }
    return true;
}

} // namespace

int get(Context& context, Arguments arguments) {
    std::string_view what = arguments[1];
    Arguments words = arguments.subspan(2); // the variable, the path, and more
    usize most = what == "value" ? 4 : 3;
    usize least = what == "size" ? 2 : 3;
    bool is_known = what == "value" || what == "name" || what == "addr" || what == "size";
    if (!is_known || words.size() < least || words.size() > most)
        return status_usage;
    auto tree = context.working_tree.look(context);
    auto node = tree ? find_node(context, *tree, words[1]) : std::nullopt;
    if (!node)
        return status_failed;
    if (what == "name")
        return get_name(context, *tree, *node, words);
    if (words.size() == 2) {
        StringBuffer<20> count;
        print(count, "{}", children_of(*tree, *node, 0).count);
        return set_variable(context, words[0], count.view());
    }
    auto value = find_property(context, *tree, *node, words[2]);
    if (!value)
        return status_failed;
    if (what == "value")
        return get_value(context, *value, words);
    if (what == "size")
        return set_hex_variable(context, words[0], value->size());
    u64 base = *context.working_tree.address(context);
    return set_hex_variable(context, words[0],
                            base + static_cast<usize>(value->data() - tree->bytes().data()));
}

int set(Context& context, Arguments arguments) {
    Arguments words = arguments.subspan(3);
    auto value = Value::for_words(words);
    if (!value)
        return fail(context, "fdt set", value.error());
    if (!add_words(context, *value, words))
        return status_failed;
    auto edited = edit_node(context, arguments[1]);
    if (!edited)
        return status_failed;
    auto set = edited->tree.set_property(edited->node, arguments[2], value->bytes());
    return set ? status_ok : tree_failed(context, "fdt_setprop()", set.error());
}

} // namespace vireo::shell::fdt
