// SPDX-License-Identifier: Apache-2.0
#include "base/parse.h"
#include "boot/tree/device_tree.h"

#include "bus/fdt/tree.h"
#include "unit/boot/tree/machine_tree.h"
#include "unit/support/error_text.h"

#include <random>

namespace vireo::test {
namespace {

using boot::DeviceTree;
using Kind = DeviceTree::Item::Kind;

// The tree as one line: "/{#address-cells, psci{...}}".
std::string outline(const DeviceTree& tree, DeviceTree::Node node = DeviceTree::root) {
    std::string text;
    DeviceTree::Walk walk(tree, node);
    while (auto item = walk.next()) {
        if (item->kind == Kind::Close) {
            text += "}";
            continue;
        }
        if (!text.empty() && text.back() != '{')
            text += " ";
        text += std::string(item->name) + (item->kind == Kind::Open ? "{" : "");
    }
    EXPECT_EQ(walk.depth(), 0u);
    return text;
}

// --- opening ---

TEST(DeviceTree, opens_in_the_room_that_it_is_given) {
    TreeWriter w;
    MutableBytes source = machine_tree(w);
    TreeRoom room(8 << 10);
    auto tree = DeviceTree::open(source, room.all());
    ASSERT_TRUE(tree) << tree.error().what;
    EXPECT_EQ(tree->bytes().data(), room.all().data());
    EXPECT_EQ(tree->bytes().size(), room.all().size());
    EXPECT_EQ(tree->header().total_bytes, 8u << 10);
    EXPECT_EQ(tree->used_bytes(), packed_size(source));
    EXPECT_EQ(outline(*tree, tree->find("/psci").value()), "psci{compatible method migrate}");
    EXPECT_TRUE(bus::fdt::Tree::open(room.all()));
}

TEST(DeviceTree, needs_as_much_room_as_it_uses_and_no_more) {
    TreeWriter w;
    MutableBytes padded = machine_tree(w);
    usize used = packed_size(padded);
    padded = w.all();
    ASSERT_EQ(fdt_open_into(padded.data(), padded.data(), static_cast<int>(padded.size())), 0);
    TreeRoom room(used), less(used - 1);
    EXPECT_TRUE(DeviceTree::open(padded, room.all()));
    auto refused = DeviceTree::open(padded, less.all());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::NoMemory);
}

TEST(DeviceTree, is_put_in_order_when_it_is_opened) {
    TreeWriter w;
    MutableBytes source = machine_tree(w);
    const fdt_header* header = reinterpret_cast<const fdt_header*>(source.data());
    // Strings, a gap, the structure, the reservations.
    TreeRoom shuffled(source.size() + 128);
    std::byte* to = shuffled.all().data();
    auto block = [&](u32 offset, u32 bytes, u32 place) {
        std::memcpy(to + place, source.data() + offset, bytes);
    };
    u32 strings = fdt_size_dt_strings(header), structure = fdt_size_dt_struct(header);
    u32 structure_at = align_up(48 + strings + 16, 8), reserved_at = align_up(structure_at + structure, 8);
    block(0, 40, 0);
    block(fdt_off_dt_strings(header), strings, 48);
    block(fdt_off_dt_struct(header), structure, structure_at);
    block(fdt_off_mem_rsvmap(header), 32, reserved_at);
    fdt_set_off_dt_strings(to, 48);
    fdt_set_off_dt_struct(to, structure_at);
    fdt_set_off_mem_rsvmap(to, reserved_at);
    fdt_set_totalsize(to, static_cast<u32>(shuffled.all().size()));
    fdt_set_boot_cpuid_phys(to, 7);

    auto refused = DeviceTree::edit(shuffled.all());
    ASSERT_FALSE(refused) << "there is no room to grow in";
    EXPECT_EQ(refused.error().code, ErrorCode::NotSupported);
    TreeRoom room(source.size());
    auto tree = DeviceTree::open(shuffled.all(), room.all());
    ASSERT_TRUE(tree) << tree.error().what;
    EXPECT_EQ(tree->header().boot_processor, 7u);
    EXPECT_EQ(tree->reservation(0), (Range{0x1000, 0x2000}));
    tree->set_boot_processor(0);
    TreeRoom plain(source.size());
    auto expected = DeviceTree::open(source, plain.all());
    EXPECT_TRUE(std::ranges::equal(tree->packed(), expected->packed()));
}

TEST(DeviceTree, is_edited_where_it_lies) {
    TreeWriter w;
    MutableBytes blob = machine_tree(w);
    auto tree = DeviceTree::edit(w.all());
    ASSERT_TRUE(tree) << tree.error().what;
    EXPECT_EQ(tree->bytes().size(), blob.size());
    auto full = tree->set_text(DeviceTree::root, "model", "x");
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, ErrorCode::NoMemory);
    EXPECT_STREQ(full.error().what, "FDT_ERR_NOSPACE");
    ASSERT_TRUE(tree->resize(blob.size() + 32));
    EXPECT_TRUE(tree->set_text(DeviceTree::root, "model", "x"));
    EXPECT_EQ(fdt_totalsize(w.all().data()), blob.size() + 32);
    EXPECT_EQ(tree->bytes().data(), w.all().data());
}

TEST(DeviceTree, reservations_that_reach_into_the_structure_leave_no_room_to_edit) {
    TreeWriter w;
    w.node("", [&] {
        w.raw("z", std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32));
    });
    MutableBytes blob = w.finish();
    ASSERT_TRUE(DeviceTree::edit(blob));
    // The list does not end where it ended, but at the zeroes in the structure.
    u64 entry[2] = {cpu_to_fdt64(1), cpu_to_fdt64(1)};
    std::memcpy(blob.data() + fdt_off_mem_rsvmap(blob.data()) + 16, entry, sizeof(entry));
    auto tree = DeviceTree::edit(blob);
    ASSERT_FALSE(tree);
    EXPECT_EQ(tree.error().code, ErrorCode::NotSupported);
    TreeRoom room;
    EXPECT_TRUE(DeviceTree::open(blob, room.all()));
}

TEST(DeviceTree, is_refused_when_it_is_none) {
    TreeWriter w;
    MutableBytes blob = machine_tree(w);
    TreeRoom room;
    auto refusal = [&](Bytes source) {
        auto tree = DeviceTree::open(source, room.all());
        return tree ? std::string("opens") : text_of(tree.error());
    };
    EXPECT_EQ(refusal(blob), "opens");
    EXPECT_EQ(refusal(Bytes()), "FDT_ERR_TRUNCATED");
    EXPECT_EQ(refusal(blob.first(39)), "FDT_ERR_TRUNCATED");
    EXPECT_EQ(refusal(blob.subspan(4)), "FDT_ERR_ALIGNMENT");
    EXPECT_EQ(refusal(blob.subspan(8)), "FDT_ERR_BADMAGIC");
    EXPECT_EQ(refusal(blob.first(blob.size() - 1)),
              "device tree of " + std::to_string(blob.size()) + " bytes, larger than its place");
    fdt_set_version(blob.data(), 16);
    EXPECT_EQ(refusal(blob), "device tree older than version 17");
    fdt_set_version(blob.data(), 17);
    fdt_set_off_dt_struct(blob.data(), fdt_off_dt_struct(blob.data()) + 2);
    EXPECT_EQ(refusal(blob), "device tree blocks misaligned");
}

// libfdt's own check is content with a structure that ends at once; every edit wants a root.
TEST(DeviceTree, has_a_root) {
    TreeWriter empty;
    auto refused = DeviceTree::check(empty.finish());
    ASSERT_FALSE(refused);
    EXPECT_EQ(text_of(refused.error()), "device tree without a root");
    TreeWriter with_root;
    with_root.node("", [] {});
    EXPECT_TRUE(DeviceTree::check(with_root.finish()));
}

TEST(DeviceTree, of_2_MiB_opens_and_one_byte_more_does_not) {
    TreeRoom place(DeviceTree::max_bytes + 8), room;
    auto opens = [&](usize bytes) {
        TreeWriter w;
        MutableBytes source = machine_tree(w);
        std::memcpy(place.all().data(), source.data(), source.size());
        fdt_set_totalsize(place.all().data(), static_cast<u32>(bytes));
        return DeviceTree::open(place.all(), room.all()).has_value();
    };
    EXPECT_TRUE(opens(DeviceTree::max_bytes));
    EXPECT_FALSE(opens(DeviceTree::max_bytes + 1));
    EXPECT_EQ(text_of(DeviceTree::claimed_bytes(place.all()).error()), "device tree of 2097153 bytes");
}

TEST(DeviceTree, is_not_opened_onto_itself_or_askew) {
    TreeWriter w;
    MutableBytes source = machine_tree(w);
    auto onto_itself = DeviceTree::open(source, w.all());
    ASSERT_FALSE(onto_itself);
    EXPECT_EQ(onto_itself.error().code, ErrorCode::InvalidArgument);
    EXPECT_TRUE(DeviceTree::open(source, w.all().subspan(align_up(source.size(), 8))));
    TreeRoom room;
    auto askew = DeviceTree::open(source, room.all().subspan(4));
    ASSERT_FALSE(askew);
    EXPECT_STREQ(askew.error().what, "FDT_ERR_ALIGNMENT");
}

TEST(DeviceTree, resizes_between_what_it_uses_and_2_MiB) {
    OpenTree tree(16 << 10);
    usize used = tree->used_bytes();
    EXPECT_EQ(tree->resize(used - 1).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(tree->resize(DeviceTree::max_bytes + 1).error().code, ErrorCode::OutOfRange);
    EXPECT_TRUE(tree->resize(used));
    EXPECT_EQ(tree->header().total_bytes, used);
    EXPECT_FALSE(tree->add_node(DeviceTree::root, "x"));
}

// --- /chosen ---

TEST(DeviceTree, tells_the_kernel_what_it_gets) {
    OpenTree tree;
    u64 seed[4] = {1, 2, 3, 4};
    ASSERT_TRUE(tree->set_chosen({.command_line = "console=ttyAMA0 root=/dev/vdb",
                                  .initrd = Range{0x48000000, 0x123456},
                                  .rng_seed = std::as_bytes(std::span(seed)),
                                  .kaslr_seed = 0x0102030405060708}));
    EXPECT_EQ(tree.value("/chosen", "bootargs"), std::string("console=ttyAMA0 root=/dev/vdb") + '\0');
    EXPECT_EQ(tree.value("/chosen", "linux,initrd-start"), std::string("\0\0\0\0\x48\0\0\0", 8));
    EXPECT_EQ(tree.value("/chosen", "linux,initrd-end"), std::string("\0\0\0\0\x48\x12\x34\x56", 8));
    EXPECT_EQ(tree.value("/chosen", "rng-seed"), OpenTree::text(std::as_bytes(std::span(seed))));
    EXPECT_EQ(tree.value("/chosen", "kaslr-seed"), "\x01\x02\x03\x04\x05\x06\x07\x08");
    EXPECT_EQ(tree.value("/chosen", "stdout-path"), std::string("/pl011@9000000") + '\0');
}

TEST(DeviceTree, keeps_its_command_line_when_none_is_given_and_drops_what_is_of_a_former_boot) {
    OpenTree tree;
    ASSERT_TRUE(tree->set_chosen({.initrd = Range{0x48000000, 1}}));
    ASSERT_TRUE(tree.has("/chosen", "linux,initrd-start"));
    ASSERT_TRUE(tree->set_chosen({}));
    EXPECT_EQ(tree.value("/chosen", "bootargs"), std::string("root=/dev/vda") + '\0');
    for (const char* name : {"linux,initrd-start", "linux,initrd-end", "rng-seed", "kaslr-seed"})
        EXPECT_FALSE(tree.has("/chosen", name)) << name;
    ASSERT_TRUE(tree->set_chosen({.command_line = ""}));
    EXPECT_EQ(tree.value("/chosen", "bootargs"), std::string(1, '\0'));
}

TEST(DeviceTree, gets_a_chosen_node_if_it_has_none) {
    OpenTree tree;
    ASSERT_TRUE(tree->remove_node(tree.at("/chosen")));
    ASSERT_TRUE(tree->set_chosen({.command_line = "quiet"}));
    EXPECT_EQ(outline(*tree, tree.at("/chosen")), "chosen{bootargs}");
}

TEST(DeviceTree, reserves_memory_in_the_root_s_cells_or_in_those_that_are_there) {
    OpenTree tree;
    ASSERT_TRUE(tree->reserve_memory("own@80000000", {0x80000000, 0x20000}));
    EXPECT_EQ(outline(*tree, tree.at("/reserved-memory")),
              "reserved-memory{ranges #size-cells #address-cells own@80000000{no-map reg}}");
    auto reg = tree->property(tree.at("/reserved-memory/own"), "reg").value();
    Be<u64> base = 0x80000000, bytes = 0x20000;
    ASSERT_EQ(reg.size(), 16u);
    EXPECT_EQ(std::memcmp(reg.data(), &base, 8), 0);
    EXPECT_EQ(std::memcmp(reg.data() + 8, &bytes, 8), 0);
    EXPECT_FALSE(tree->reserve_memory("own@80000000", {0x80000000, 0x20000})) << "it is there";

    Be<u32> one = 1;
    ASSERT_TRUE(
        tree->set_property(tree.at("/reserved-memory"), "#address-cells", std::as_bytes(std::span(&one, 1))));
    ASSERT_TRUE(tree->reserve_memory("last", {0xffffffff, 1}));
    EXPECT_EQ(tree->property(tree.at("/reserved-memory/last"), "reg")->size(), 12u);
    auto refused = tree->reserve_memory("beyond", {0x100000000, 1});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::OutOfRange);
    EXPECT_FALSE(tree->find("/reserved-memory/beyond"));
}

TEST(DeviceTree, a_seed_that_is_there_twice_goes_twice) {
    TreeWriter w;
    w.node("", [&] {
        w.node("chosen", [&] {
            w.cells("kaslr-seed", {1, 1});
            w.cells("kaslr-seed", {2, 2});
        });
    });
    TreeRoom room;
    auto tree = DeviceTree::open(w.finish(), room.all()).value();
    ASSERT_TRUE(tree.set_chosen({}));
    EXPECT_EQ(outline(tree), "{chosen{}}");
}

TEST(DeviceTree, chosen_without_room_is_an_error) {
    TreeWriter w;
    MutableBytes source = machine_tree(w);
    for (usize spare : {0u, 1u, 20u, 100u, 200u}) {
        TreeRoom room(source.size() + spare);
        auto tree = DeviceTree::open(source, room.all()).value();
        auto done = tree.set_chosen({.command_line = std::string(300, 'x'), .initrd = Range{1, 1}});
        ASSERT_FALSE(done) << spare;
        EXPECT_EQ(done.error().code, ErrorCode::NoMemory);
        EXPECT_TRUE(DeviceTree::check(room.all())) << "still a tree";
    }
}

TEST(DeviceTree, is_handed_over_without_its_spare) {
    OpenTree tree(64 << 10);
    ASSERT_TRUE(tree->set_chosen({.command_line = "quiet"}));
    Bytes packed = tree->packed();
    EXPECT_EQ(packed.data(), tree->bytes().data());
    EXPECT_EQ(packed.size(), tree->used_bytes());
    EXPECT_LT(packed.size(), 2048u);
    EXPECT_EQ(fdt_totalsize(packed.data()), packed.size());
    EXPECT_TRUE(bus::fdt::Tree::open(packed));
    EXPECT_FALSE(tree->set_text(DeviceTree::root, "model", "x"));
}

// --- nodes and properties ---

TEST(DeviceTree, finds_nodes_by_path_and_by_alias) {
    OpenTree tree;
    EXPECT_EQ(tree.at("/"), DeviceTree::root);
    EXPECT_EQ(tree.at("/memory"), tree.at("/memory@40000000"));
    EXPECT_EQ(tree.at("serial0"), tree.at("/pl011@9000000"));
    EXPECT_EQ(tree.at("//psci/"), tree.at("/psci"));
    EXPECT_EQ(tree->find("/nothing").error().code, ErrorCode::NotFound);
    EXPECT_EQ(tree->find("/psci/method").error().code, ErrorCode::NotFound) << "a property is no node";
    EXPECT_EQ(tree->find("no-alias").error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(tree->find("").error().code, ErrorCode::InvalidArgument);
    EXPECT_TRUE(tree->find(std::string(1024, '/')));
    EXPECT_FALSE(tree->find(std::string(1025, '/')));
}

TEST(DeviceTree, nodes_and_properties_come_and_go) {
    OpenTree tree;
    auto node = tree->add_node(tree.at("/psci"), "sub@1");
    ASSERT_TRUE(node);
    ASSERT_TRUE(tree->set_text(*node, "a", "text"));
    ASSERT_TRUE(tree->set_property(*node, "b", {}));
    EXPECT_EQ(outline(*tree, tree.at("/psci")), "psci{compatible method migrate sub@1{b a}}");
    EXPECT_EQ(tree.value("/psci/sub", "a"), std::string("text") + '\0');
    EXPECT_EQ(tree->property(tree.at("/psci/sub"), "b")->size(), 0u);
    ASSERT_TRUE(tree->set_text(tree.at("/psci/sub"), "a", "a longer text"));
    EXPECT_EQ(tree.value("/psci/sub", "a"), std::string("a longer text") + '\0');
    ASSERT_TRUE(tree->remove_property(tree.at("/psci/sub"), "a"));
    EXPECT_EQ(tree->remove_property(tree.at("/psci/sub"), "a").error().code, ErrorCode::NotFound);
    EXPECT_EQ(tree->add_node(tree.at("/psci"), "sub@1").error().code, ErrorCode::InvalidArgument);
    ASSERT_TRUE(tree->remove_node(tree.at("/psci")));
    EXPECT_FALSE(tree->find("/psci"));
    EXPECT_TRUE(tree->find("/memory"));
}

TEST(DeviceTree, the_root_stays) {
    OpenTree tree;
    EXPECT_EQ(tree->remove_node(DeviceTree::root).error().code, ErrorCode::InvalidArgument);
    EXPECT_TRUE(tree->find("/psci"));
}

TEST(DeviceTree, names_have_1_to_255_bytes_and_no_slash) {
    OpenTree tree;
    using namespace std::string_view_literals;
    for (auto name : {""sv, "a/b"sv, "/"sv, "a\0b"sv}) {
        EXPECT_EQ(tree->add_node(DeviceTree::root, name).error().code, ErrorCode::InvalidArgument);
        EXPECT_EQ(tree->set_property(DeviceTree::root, name, {}).error().code, ErrorCode::InvalidArgument);
        EXPECT_EQ(tree->set_text(DeviceTree::root, name, "").error().code, ErrorCode::InvalidArgument);
    }
    EXPECT_TRUE(tree->add_node(DeviceTree::root, std::string(255, 'n')));
    EXPECT_EQ(tree->add_node(DeviceTree::root, std::string(256, 'n')).error().code, ErrorCode::TooLarge);
    EXPECT_TRUE(tree->set_text(DeviceTree::root, std::string(255, 'p'), "x"));
    EXPECT_EQ(tree->set_text(DeviceTree::root, std::string(256, 'p'), "x").error().code, ErrorCode::TooLarge);
}

TEST(DeviceTree, a_value_fits_to_its_last_byte) {
    TreeWriter w;
    MutableBytes source = machine_tree(w);
    // A new property takes 12 bytes, its value in whole cells, and its name.
    TreeRoom room(packed_size(source) + 12 + 8 + 2);
    auto tree = DeviceTree::open(source, room.all()).value();
    auto too_long = tree.set_text(DeviceTree::root, "p", "12345678");
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().code, ErrorCode::NoMemory);
    EXPECT_EQ(tree.used_bytes(), packed_size(source)) << "nothing of it stays, its name neither";
    EXPECT_TRUE(tree.set_text(DeviceTree::root, "p", "1234567"));
    EXPECT_EQ(tree.used_bytes(), room.all().size());
}

TEST(DeviceTree, walks_what_is_in_a_node_and_no_further) {
    OpenTree tree;
    EXPECT_EQ(outline(*tree, tree.at("/aliases")), "aliases{serial0}");
    std::string all = outline(*tree);
    EXPECT_TRUE(all.starts_with("{#address-cells #size-cells compatible psci{")) << all;
    EXPECT_TRUE(all.ends_with("chosen{bootargs stdout-path rng-seed kaslr-seed}}")) << all;
    DeviceTree::Walk walk(*tree, tree.at("/virtio_mmio@a000000"));
    EXPECT_EQ(walk.next()->name, "virtio_mmio@a000000");
    EXPECT_EQ(walk.depth(), 1u);
    EXPECT_TRUE(walk.next()->value.empty());
    auto interrupts = walk.next();
    EXPECT_EQ(interrupts->kind, Kind::Property);
    EXPECT_EQ(interrupts->value.size(), 12u);
    EXPECT_EQ(walk.next()->kind, Kind::Close);
    EXPECT_FALSE(walk.next());
    EXPECT_FALSE(walk.next());
}

// --- header and reservations ---

TEST(DeviceTree, reservations_come_and_go) {
    OpenTree tree;
    ASSERT_EQ(tree->reservation_count(), 1u);
    ASSERT_TRUE(tree->add_reservation({0x80000000, 0x1000}));
    ASSERT_EQ(tree->reservation_count(), 2u);
    EXPECT_EQ(tree->reservation(1), (Range{0x80000000, 0x1000}));
    EXPECT_EQ(tree->add_reservation({0x80000000, 0}).error().code, ErrorCode::InvalidArgument);
    for (usize absent : {usize{2}, usize{0xffffffff}, ~usize{0}})
        EXPECT_EQ(tree->remove_reservation(absent).error().code, ErrorCode::NotFound);
    ASSERT_TRUE(tree->remove_reservation(0));
    ASSERT_EQ(tree->reservation_count(), 1u);
    EXPECT_EQ(tree->reservation(0), (Range{0x80000000, 0x1000}));
    EXPECT_TRUE(tree->find("/chosen")) << "what lies behind has moved with it";
}

TEST(DeviceTree, tells_its_header) {
    OpenTree tree;
    tree->set_boot_processor(3);
    auto header = tree->header();
    EXPECT_EQ(header.magic, 0xd00dfeedu);
    EXPECT_EQ(header.version, 17u);
    EXPECT_EQ(header.last_compatible_version, 16u);
    EXPECT_EQ(header.boot_processor, 3u);
    EXPECT_EQ(header.reservations_offset, 40u);
    EXPECT_EQ(header.structure_offset, 40u + 32);
    EXPECT_EQ(header.strings_offset, header.structure_offset + header.structure_bytes);
    EXPECT_EQ(header.strings_offset + header.strings_bytes, tree->used_bytes());
}

// Every processor is started by it, however many there are, and what a tree said before is gone.
TEST(DeviceTree, psci_starts_all_processors) {
    for (unsigned processors : {0, 1, 64}) {
        TreeWriter w;
        w.node("", [&] {
            w.node("psci", [&] { w.text("method", "hvc"); });
            w.node("cpus", [&] {
                w.node("cpu-map", [&] { w.text("device_type", "none"); });
                for (unsigned i = 0; i < processors; ++i)
                    w.node(("cpu@" + std::to_string(i)).c_str(), [&] {
                        w.text("device_type", "cpu");
                        w.text("enable-method", i % 2 == 0 ? "spin-table" : "x");
                    });
            });
        });
        Bytes source = w.finish();
        TreeRoom room;
        auto tree = VIREO_MUST(DeviceTree::open(source, room.all()));
        ASSERT_TRUE(tree.set_psci());
        auto text = [&](const std::string& path, std::string_view name) {
            auto value = tree.property(VIREO_MUST(tree.find(path)), name);
            return value ? std::string(as_text(*value)) : "";
        };
        EXPECT_EQ(text("/psci", "method"), std::string("smc\0", 4));
        EXPECT_EQ(text("/psci", "compatible"), std::string("arm,psci-1.0\0arm,psci-0.2\0", 26));
        for (unsigned i = 0; i < processors; ++i)
            EXPECT_EQ(text("/cpus/cpu@" + std::to_string(i), "enable-method"), std::string("psci\0", 5)) << i;
        EXPECT_EQ(text("/cpus/cpu-map", "enable-method"), "");
        EXPECT_TRUE(DeviceTree::check(tree.packed()));
    }
}

TEST(DeviceTree, psci_without_processors_or_room) {
    TreeWriter w;
    w.node("", [] {});
    Bytes source = w.finish();
    TreeRoom room;
    auto tree = VIREO_MUST(DeviceTree::open(source, room.all()));
    ASSERT_TRUE(tree.set_psci());
    EXPECT_TRUE(tree.find("/psci"));
    TreeRoom little(packed_size(source) + 16);
    auto tight = VIREO_MUST(DeviceTree::open(source, little.all()));
    EXPECT_FALSE(tight.set_psci());
}

// Two sockets as QEMU has them: machine mode's controllers and supervisor mode's, with and without messages.
TEST(DeviceTree, machine_mode_keeps_its_interrupt_controllers) {
    TreeWriter w;
    w.node("", [&] {
        w.node("soc", [&] {
            for (u32 socket : {0u, 1u}) {
                auto name = [&](std::string_view kind, int which) {
                    return std::string(kind) + "@" + std::to_string(which) + std::to_string(socket);
                };
                w.node(name("imsics", 1).c_str(), [&] {
                    w.text("compatible", "riscv,imsics");
                    w.cells("interrupts-extended", {1, 11, 2, 11});
                });
                w.node(name("imsics", 2).c_str(), [&] {
                    w.text("compatible", "riscv,imsics");
                    w.cells("interrupts-extended", {1, 9, 2, 9});
                });
                w.node(name("aplic", 1).c_str(), [&] {
                    w.text("compatible", "riscv,aplic");
                    w.cells("riscv,children", {7});
                });
                w.node(name("aplic", 2).c_str(), [&] { w.text("compatible", "riscv,aplic"); });
                w.node(name("aplic", 3).c_str(), [&] {
                    w.text("compatible", "riscv,aplic");
                    w.cells("interrupts-extended", {1, 11});
                });
                w.node(name("aplic", 4).c_str(), [&] {
                    w.text("compatible", "riscv,aplic");
                    w.cells("interrupts-extended", {1, 9});
                });
                w.node(name("aplic", 5).c_str(), [&] {
                    w.text("compatible", "riscv,aplic");
                    w.raw("interrupts-extended", std::string_view("\0\0\0\1\0\0\0", 7));
                });
                w.node(name("plic", 1).c_str(), [&] {
                    w.text("compatible", "riscv,plic0");
                    w.cells("interrupts-extended", {1, 11, 1, 9});
                });
            }
        });
    });
    Bytes source = w.finish();
    TreeRoom room;
    auto tree = VIREO_MUST(DeviceTree::open(source, room.all()));
    ASSERT_TRUE(tree.disable_machine_mode_controllers());
    for (std::string name :
         {"imsics@1", "imsics@2", "aplic@1", "aplic@2", "aplic@3", "aplic@4", "aplic@5", "plic@1"})
        for (std::string socket : {"0", "1"}) {
            bool disabled = name == "imsics@1" || name == "aplic@1" || name == "aplic@3";
            auto status = tree.property(VIREO_MUST(tree.find("/soc/" + name + socket)), "status");
            EXPECT_EQ(status.has_value(), disabled) << name;
            if (status) {
                EXPECT_EQ(as_text(*status), std::string("disabled\0", 9));
            }
        }
    EXPECT_TRUE(DeviceTree::check(tree.packed()));
    TreeRoom little(packed_size(source) + 16);
    auto tight = VIREO_MUST(DeviceTree::open(source, little.all()));
    EXPECT_FALSE(tight.disable_machine_mode_controllers());
}

TEST(DeviceTree, a_copy_of_an_open_tree_is_the_same) {
    TreeWriter w;
    Bytes source = machine_tree(w);
    TreeRoom room, other;
    auto tree = VIREO_MUST(DeviceTree::open(source, room.all()));
    ASSERT_TRUE(tree.set_chosen({.command_line = "quiet"}));
    auto copied = VIREO_MUST(tree.copy_to(other.all()));
    EXPECT_EQ(outline(copied), outline(tree));
    TreeRoom exact(tree.used_bytes()), little(tree.used_bytes() - 8);
    EXPECT_TRUE(tree.copy_to(exact.all()));
    EXPECT_FALSE(tree.copy_to(little.all()));
    EXPECT_FALSE(tree.copy_to(room.all())); // onto itself
    // Where others write, anything may stand by then.
    for (usize field : {8u, 12u, 32u, 36u}) { // where the blocks lie, and how long they are
        TreeRoom changed;
        auto open = VIREO_MUST(DeviceTree::open(source, changed.all()));
        Be<u32> far(0x7ffffff0);
        std::memcpy(changed.all().data() + field, &far, sizeof(far));
        EXPECT_FALSE(open.copy_to(other.all())) << field;
    }
}

// Whatever opens can be edited and read to its end: nothing wild, nothing endless.
TEST(DeviceTree, damaged_ones_are_edited_safely) {
    std::mt19937 random(1);
    for (int round = 0; round < 3'000; ++round) {
        TreeWriter w;
        MutableBytes whole = machine_tree(w);
        TreeRoom exact(whole.size()), room(whole.size() + 512);
        std::memcpy(exact.all().data(), whole.data(), whole.size());
        for (int i = 0; i < 1 + round % 4; ++i)
            exact.all()[random() % whole.size()] = static_cast<std::byte>(random());
        auto tree = DeviceTree::open(exact.all(), room.all());
        if (!tree)
            continue;
        (void)outline(*tree);
        (void)tree->add_reservation({1, 1});
        (void)tree->set_chosen({.command_line = "quiet", .initrd = Range{1, 2}});
        (void)tree->set_text(DeviceTree::root, "model", "damaged");
        (void)tree->remove_node(tree->find("/memory").value_or(DeviceTree::root));
        EXPECT_TRUE(DeviceTree::check(tree->packed())) << round;
        (void)outline(*tree);
        if (auto in_place = DeviceTree::edit(exact.all())) {
            (void)in_place->set_chosen({.command_line = "q"});
            EXPECT_TRUE(DeviceTree::check(exact.all())) << round;
        }
    }
}

} // namespace
} // namespace vireo::test
