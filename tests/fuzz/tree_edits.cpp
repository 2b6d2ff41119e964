// SPDX-License-Identifier: Apache-2.0
// A device tree from anybody, edited and given overlays: the first part of the input is the tree, the second
// says what is done to it. An edit that fails changes nothing, and a tree is one after every edit.
#include "boot/tree/device_tree.h"
#include "bus/fdt/tree.h"
#include "fuzz/support.h"

namespace vireo::fuzz {
namespace {

using boot::DeviceTree;
using Kind = DeviceTree::Item::Kind;

// The words that edits and overlays use; the input chooses among them or brings its own.
constexpr std::string_view words[] = {"chosen",  "bootargs", "__symbols__", "__fixups__", "__local_fixups__",
                                      "phandle", "reg",      "memory",      "a",          "target-path"};

class Editor {
  public:
    explicit Editor(FuzzedData& input, Bytes source) : input_(input), room_(source.size() / 8 + 256) {
        auto opened = DeviceTree::open(source, std::as_writable_bytes(std::span(room_)));
        if (opened)
            tree_ = *opened;
    }
    bool is_open() const { return tree_.has_value(); }

    void step() {
        std::vector<std::byte> before(tree_->bytes().begin(), tree_->bytes().end());
        usize used = tree_->used_bytes();
        bool is_one_edit = true;
        bool is_done = edit(is_one_edit);
        require(DeviceTree::check(tree_->bytes()).has_value(), "a tree stays one");
        if (!is_done && is_one_edit)
            require(tree_->used_bytes() == used &&
                        std::equal(before.begin(), before.begin() + static_cast<isize>(used),
                                   tree_->bytes().begin()),
                    "an edit that fails changes nothing");
    }

    void finish() {
        usize nodes = 0;
        DeviceTree::Walk walk(*tree_, DeviceTree::root);
        for (i64 depth = 0; auto item = walk.next();) {
            depth += item->kind == Kind::Open ? 1 : item->kind == Kind::Close ? -1 : 0;
            require(depth == walk.depth(), "nodes close as often as they open");
            nodes += item->kind == Kind::Open;
        }
        require(nodes > 0, "there is a root");
        Bytes packed = tree_->packed();
        require(bus::fdt::Tree::open(packed).has_value(), "what is handed over is a tree");
        require(packed.size() == tree_->used_bytes(), "nothing is left over");
    }

  private:
    using isize = std::ptrdiff_t;

    std::string word() {
        u8 choice = input_.byte();
        if (choice < std::size(words))
            return std::string(words[choice]);
        Bytes own = input_.take(choice % 16);
        return {reinterpret_cast<const char*>(own.data()), own.size()};
    }
    // Some node of the tree.
    DeviceTree::Node node() {
        u32 wanted = input_.byte();
        std::string path;
        DeviceTree::Walk walk(*tree_, DeviceTree::root);
        u32 count = 0;
        std::vector<std::string> names;
        while (auto item = walk.next()) {
            if (item->kind == Kind::Close)
                names.pop_back();
            if (item->kind != Kind::Open)
                continue;
            names.emplace_back(item->name);
            if (count++ == wanted)
                break;
        }
        for (usize i = 1; i < names.size(); ++i)
            path += "/" + names[i];
        return tree_->find(path.empty() ? "/" : path).value_or(DeviceTree::root);
    }

    bool edit(bool& is_one_edit) {
        switch (input_.below(10)) {
        case 0: {
            is_one_edit = false;
            u64 seed = input_.number<u64>();
            std::string line = word();
            std::optional<Range> initrd;
            if (input_.flag())
                initrd = Range{input_.number<u32>(), input_.number<u32>()};
            return tree_
                ->set_chosen({.command_line = line,
                              .initrd = initrd,
                              .rng_seed = Bytes(reinterpret_cast<const std::byte*>(&seed), seed & 1 ? 8 : 0),
                              .kaslr_seed = seed})
                .has_value();
        }
        case 1: {
            auto parent = node();
            return tree_->add_node(parent, word()).has_value();
        }
        case 2:
            return tree_->remove_node(node()).has_value();
        case 3: {
            auto where = node();
            std::string name = word();
            return tree_->set_property(where, name, input_.take(input_.byte())).has_value();
        }
        case 4: {
            auto where = node();
            std::string name = word();
            return tree_->set_text(where, name, word()).has_value();
        }
        case 5: {
            auto where = node();
            return tree_->remove_property(where, word()).has_value();
        }
        case 6:
            return tree_->add_reservation({input_.number<u64>(), input_.number<u64>()}).has_value();
        case 7:
            return tree_->remove_reservation(input_.byte()).has_value();
        case 8:
            is_one_edit = false;
            return tree_->set_memory({input_.number<u64>(), input_.number<u64>()}).has_value();
        default: {
            Bytes overlay = input_.take(input_.number<u16>());
            std::vector<u64> aligned(overlay.size() / 8 + 1);
            std::memcpy(aligned.data(), overlay.data(), overlay.size());
            return tree_->apply(std::as_bytes(std::span(aligned)).first(overlay.size())).has_value();
        }
        }
    }

    FuzzedData& input_;
    std::vector<u64> room_;
    std::optional<DeviceTree> tree_;
};

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::Surroundings surroundings;
    fuzz::FuzzedData input(data, size);
    Bytes tree = input.take(input.number<u16>());
    std::vector<u64> aligned(tree.size() / 8 + 1);
    if (!tree.empty())
        std::memcpy(aligned.data(), tree.data(), tree.size());
    MutableBytes source = std::as_writable_bytes(std::span(aligned)).first(tree.size());
    fuzz::Editor editor(input, source);
    if (!editor.is_open())
        return 0;
    // Where it lies, as the shell does it: with no more room than it has.
    if (auto in_place = boot::DeviceTree::edit(source)) {
        (void)in_place->set_chosen({.command_line = "quiet"});
        fuzz::require(boot::DeviceTree::check(source).has_value(), "a tree stays one where it lies");
    }
    for (int steps = 0; steps < 64 && !input.is_empty(); ++steps)
        editor.step();
    editor.finish();
    return 0;
}
