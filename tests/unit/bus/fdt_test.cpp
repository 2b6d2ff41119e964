// SPDX-License-Identifier: Apache-2.0
#include "bus/fdt/tree.h"

#include "base/endian.h"
#include "unit/support/tree_writer.h"

#include <functional>
#include <random>
#include <string>
#include <vector>

using namespace vireo;
using namespace vireo::bus::fdt;
using vireo::test::TreeWriter;

namespace {

Node find(const Tree& tree, std::string_view path) {
    auto node = tree.find(path);
    EXPECT_TRUE(node) << path;
    return node.value_or(Node());
}

// The walk standing at the node of this name.
Walk walk_to(const Tree& tree, std::string_view name) {
    Walk walk(tree);
    while (walk.next())
        if (walk.node().name() == name)
            return walk;
    ADD_FAILURE() << "no node " << name;
    return walk;
}

// A machine with a bus that moves addresses and one that does not.
MutableBytes sample(TreeWriter& w) {
    w.node("", [&] {
        w.cells("#address-cells", {2});
        w.cells("#size-cells", {2});
        w.text("model", "test,machine");
        w.node("aliases", [&] { w.text("serial0", "/soc/uart@100"); });
        w.node("chosen", [&] { w.text("stdout-path", "serial0:115200n8"); });
        w.node("memory@40000000", [&] {
            w.text("device_type", "memory");
            w.cells("reg", {0, 0x40000000, 0, 0x8000000, 1, 0, 0, 0x1000});
        });
        w.node("soc", [&] {
            w.cells("#address-cells", {1});
            w.cells("#size-cells", {1});
            w.cells("ranges", {0x0, 1, 0x10000000, 0x1000, 0x5000, 0, 0x20000000, 0x100});
            w.node("uart@100", [&] {
                w.raw("compatible", std::string_view("arm,pl011\0arm,primecell\0", 24));
                w.cells("reg", {0x100, 0x10, 0x5080, 0x80, 0x5080, 0x81});
            });
            w.node("off", [&] { w.text("status", "disabled"); });
            w.node("inner", [&] {
                w.cells("#address-cells", {1});
                w.cells("#size-cells", {1});
                w.raw("ranges", "");
                w.node("deep@200", [&] { w.cells("reg", {0x200, 4}); });
            });
            w.node("closed", [&] {
                w.cells("#address-cells", {1});
                w.cells("#size-cells", {0});
                w.node("child@1", [&] { w.cells("reg", {1}); });
            });
        });
    });
    return w.finish();
}

TEST(Fdt, ReadsNodesAndProperties) {
    TreeWriter w;
    auto tree = Tree::open(sample(w)).value();
    EXPECT_EQ(find(tree, "/").text("model"), "test,machine");
    Node uart = find(tree, find(tree, "/chosen").text("stdout-path"));
    EXPECT_EQ(uart.name(), "uart@100");
    EXPECT_TRUE(uart.is_compatible("arm,pl011"));
    EXPECT_TRUE(uart.is_compatible("arm,primecell"));
    EXPECT_FALSE(uart.is_compatible("arm"));
    EXPECT_TRUE(uart.is_enabled());
    EXPECT_FALSE(find(tree, "/soc/off").is_enabled());
    EXPECT_EQ(uart.cell("reg", 1), 0x10u);
    EXPECT_EQ(uart.cell("reg", 6), std::nullopt);
    EXPECT_EQ(uart.cell("missing"), std::nullopt);
    EXPECT_FALSE(tree.find("/nothing"));
    EXPECT_FALSE(tree.find("no-alias"));
    EXPECT_FALSE(tree.find(""));
    EXPECT_EQ(Node().property("reg"), std::nullopt);
    EXPECT_EQ(Node().name(), "");
    ASSERT_EQ(tree.reservation_count(), 1u);
    EXPECT_EQ(tree.reservation(0)->base, 0x1000u);
    EXPECT_FALSE(tree.reservation(1));
}

// Found by fuzzing: each entry was found by counting all of them, which took minutes for a tree full of them.
TEST(Fdt, a_tree_of_nothing_but_reservations_is_read_in_one_pass) {
    constexpr u32 count = 120'000;
    std::vector<u64> blob(5 + 2 * count + 2 + 4, cpu_to_fdt64(1));
    auto* words = reinterpret_cast<fdt32_t*>(blob.data());
    u32 structure = 40 + 16 * (count + 1);
    u32 header[] = {0xd00dfeed, structure + 32, structure, structure + 16, 40, 17, 16, 0, 0, 16};
    std::transform(std::begin(header), std::end(header), words, cpu_to_fdt32);
    blob[5 + 2 * count] = blob[5 + 2 * count + 1] = 0;
    u32 tokens[] = {1, 0, 2, 9}; // the root node alone
    std::transform(std::begin(tokens), std::end(tokens), words + structure / 4, cpu_to_fdt32);

    auto tree = Tree::open(std::as_bytes(std::span(blob)));
    ASSERT_TRUE(tree) << tree.error().what;
    ASSERT_EQ(tree->reservation_count(), count);
    for (usize i = 0; i < count; ++i)
        ASSERT_EQ(tree->reservation(i)->base, 1u);
    EXPECT_FALSE(tree->reservation(count));
}

TEST(Fdt, TranslatesThroughBuses) {
    TreeWriter w;
    auto tree = Tree::open(sample(w)).value();
    Walk memory = walk_to(tree, "memory@40000000");
    EXPECT_EQ(memory.reg(1)->base, u64{1} << 32);
    EXPECT_EQ(memory.reg(1)->bytes, 0x1000u);
    EXPECT_FALSE(memory.reg(2));
    EXPECT_FALSE(memory.reg(~usize{0}));
    Walk uart = walk_to(tree, "uart@100");
    EXPECT_EQ(uart.reg(0)->base, 0x110000100u);
    EXPECT_EQ(uart.reg(1)->base, 0x20000080u);
    EXPECT_FALSE(uart.reg(2)) << "reaches a byte beyond the window";
    EXPECT_EQ(uart.parent().name(), "soc");
    EXPECT_EQ(walk_to(tree, "deep@200").reg(0)->base, 0x110000200u);
    EXPECT_FALSE(walk_to(tree, "child@1").reg(0)) << "a bus without ranges is not visible to the processor";
    EXPECT_EQ(walk_to(tree, "").reg(0), std::nullopt) << "the root has no parent";
}

TEST(Fdt, windows_of_a_bus_are_seen_from_their_first_byte_to_their_last) {
    auto base_of = [](u32 address, u32 bytes) {
        TreeWriter w;
        w.node("", [&] {
            w.cells("#address-cells", {1});
            w.cells("#size-cells", {1});
            w.node("soc", [&] {
                w.cells("#address-cells", {1});
                w.cells("#size-cells", {1});
                w.cells("ranges", {0x5000, 0x20000, 0x100, 0x7000, 0x30000, 0x10});
                w.node("device", [&] { w.cells("reg", {address, bytes}); });
            });
        });
        auto tree = Tree::open(w.finish()).value();
        auto region = walk_to(tree, "device").reg(0);
        return region ? region->base : 0;
    };
    EXPECT_EQ(base_of(0x4fff, 1), 0u);
    EXPECT_EQ(base_of(0x5000, 0x100), 0x20000u);
    EXPECT_EQ(base_of(0x5000, 0x101), 0u);
    EXPECT_EQ(base_of(0x50ff, 1), 0x200ffu);
    EXPECT_EQ(base_of(0x50ff, 2), 0u);
    EXPECT_EQ(base_of(0x700f, 1), 0x3000fu); // the last window
    EXPECT_EQ(base_of(0x7010, 1), 0u);
}

TEST(Fdt, paths_have_at_most_1024_bytes) {
    TreeWriter w;
    auto tree = Tree::open(sample(w)).value();
    EXPECT_TRUE(tree.find(std::string(1024, '/')));
    EXPECT_FALSE(tree.find(std::string(1025, '/')));
}

TEST(Fdt, reservations_do_not_wrap) {
    TreeWriter w;
    MutableBytes blob = sample(w);
    auto reservation = [&](u64 base, u64 bytes) {
        u64 entry[2] = {cpu_to_fdt64(base), cpu_to_fdt64(bytes)};
        std::memcpy(blob.data() + fdt_off_mem_rsvmap(blob.data()), entry, sizeof(entry));
        return Tree::open(blob).value().reservation(0);
    };
    EXPECT_TRUE(reservation(~u64{0} - 1, 1));
    EXPECT_FALSE(reservation(~u64{0} - 1, 2));
    EXPECT_FALSE(reservation(~u64{0}, ~u64{0}));
}

TEST(Fdt, blocks_that_are_misaligned_are_refused) {
    TreeWriter w;
    MutableBytes blob = sample(w);
    u32 structure = fdt_off_dt_struct(blob.data());
    for (u32 off : {1u, 2u, 3u}) {
        fdt_set_off_dt_struct(blob.data(), structure + off);
        EXPECT_STREQ(Tree::open(blob).error().what, "device tree blocks misaligned");
    }
    fdt_set_off_dt_struct(blob.data(), structure);
    fdt_set_off_mem_rsvmap(blob.data(), fdt_off_mem_rsvmap(blob.data()) + 4);
    EXPECT_STREQ(Tree::open(blob).error().what, "device tree blocks misaligned");
}

TEST(Fdt, CopiesOnlyWhatIsUsed) {
    TreeWriter w;
    sample(w);
    MutableBytes padded = w.all();
    ASSERT_EQ(fdt_open_into(padded.data(), padded.data(), static_cast<int>(padded.size())), 0);
    auto tree = Tree::open(padded).value();
    EXPECT_LT(tree.used_bytes(), 2048u);
    std::vector<u64> target(tree.used_bytes() / 8);
    MutableBytes room(reinterpret_cast<std::byte*>(target.data()), target.size() * 8);
    EXPECT_FALSE(tree.copy_to(room.first(room.size() - 8)));
    auto copy = tree.copy_to(room).value();
    std::fill(padded.begin(), padded.end(), std::byte{0xff});
    auto checked = Tree::open(room);
    ASSERT_TRUE(checked);
    EXPECT_EQ(copy.used_bytes(), room.size());
    EXPECT_EQ(find(*checked, "/").text("model"), "test,machine");
}

TEST(Fdt, CopiesToAnOverlappingPlace) {
    TreeWriter w;
    MutableBytes blob = sample(w);
    auto tree = Tree::open(blob).value();
    MutableBytes target = w.all().subspan(64, tree.used_bytes());
    EXPECT_TRUE(tree.copy_to(target));
    EXPECT_TRUE(Tree::open(target));
}

TEST(Fdt, RefusesWhatIsNoTree) {
    TreeWriter w;
    MutableBytes blob = sample(w);
    EXPECT_FALSE(Tree::open(blob.first(0)));
    EXPECT_FALSE(Tree::open(blob.first(39)));
    EXPECT_FALSE(Tree::open(blob.subspan(4)));
    EXPECT_FALSE(Tree::open(blob.subspan(8)));
    EXPECT_FALSE(Tree::open(blob.first(blob.size() - 1))) << "claims more than there is";
    blob[0] = std::byte{0};
    EXPECT_FALSE(Tree::open(blob));
}

TEST(Fdt, RefusesATruncatedTree) {
    TreeWriter w;
    MutableBytes whole = sample(w);
    for (usize size = 0; size < whole.size(); size += 4) {
        // In memory of exactly that size, so that a read beyond is noticed; the header says so as well.
        std::vector<u64> part(size / 8 + 1);
        std::memcpy(part.data(), whole.data(), size);
        MutableBytes bytes(reinterpret_cast<std::byte*>(part.data()), size);
        if (size >= sizeof(fdt_header))
            fdt_set_totalsize(part.data(), static_cast<u32>(size));
        EXPECT_FALSE(Tree::open(bytes)) << size;
    }
}

// Found by fuzzing: version 16 has no length of the structure block, and what stood in its
// place was believed.
TEST(Fdt, a_tree_that_does_not_say_its_length_is_refused) {
    TreeWriter w;
    MutableBytes blob = sample(w);
    ASSERT_TRUE(Tree::open(blob));
    fdt_set_version(blob.data(), 16);
    fdt_set_size_dt_struct(blob.data(), 0x7380c);
    auto tree = Tree::open(blob);
    ASSERT_FALSE(tree);
    EXPECT_STREQ(tree.error().what, "device tree older than version 17");
}

TEST(Fdt, AbsurdCellsGiveNoAddress) {
    for (u32 cells : {0u, 3u, 4u, 100u, 0x40000000u, 0xffffffffu}) {
        TreeWriter w;
        w.node("", [&] {
            w.cells("#address-cells", {cells});
            w.cells("#size-cells", {cells});
            w.node("bus", [&] {
                w.cells("#address-cells", {cells});
                w.cells("#size-cells", {cells});
                w.cells("ranges", {1, 2, 3, 4, 5, 6, 7, 8});
                w.node("device", [&] { w.cells("reg", {1, 2, 3, 4, 5, 6, 7, 8}); });
            });
        });
        auto tree = Tree::open(w.finish()).value();
        EXPECT_FALSE(walk_to(tree, "device").reg(0)) << cells;
        EXPECT_FALSE(walk_to(tree, "bus").reg(0)) << cells;
    }
}

TEST(Fdt, WrappingRangesGiveNoAddress) {
    TreeWriter w;
    w.node("", [&] {
        w.cells("#address-cells", {2});
        w.cells("#size-cells", {2});
        w.node("wraps", [&] { w.cells("reg", {0xffffffff, 0xfffff000, 0, 0x1001}); });
        w.node("fits", [&] { w.cells("reg", {0xffffffff, 0xfffff000, 0, 0xfff}); });
        w.node("bus", [&] {
            w.cells("#address-cells", {2});
            w.cells("#size-cells", {2});
            w.cells("ranges", {0, 0, 0xffffffff, 0xfffff000, 0, 0x10000});
            w.node("moved", [&] { w.cells("reg", {0, 0x800, 0, 0x1000}); });
        });
    });
    auto tree = Tree::open(w.finish()).value();
    EXPECT_FALSE(walk_to(tree, "wraps").reg(0));
    EXPECT_TRUE(walk_to(tree, "fits").reg(0));
    EXPECT_FALSE(walk_to(tree, "moved").reg(0));
}

TEST(Fdt, OddPropertiesReadAsMissing) {
    TreeWriter w;
    w.node("", [&] {
        w.raw("model", "not ended");
        w.raw("short", "abc");
        w.raw("status", "okay");
        w.node("device", [&] { w.raw("reg", "abcdefg"); });
    });
    auto tree = Tree::open(w.finish()).value();
    Node root = find(tree, "/");
    EXPECT_EQ(root.text("model"), "");
    EXPECT_EQ(root.cell("short"), std::nullopt);
    EXPECT_FALSE(root.is_enabled()) << "a status without an end is no okay";
    EXPECT_FALSE(walk_to(tree, "device").reg(0));
}

TEST(Fdt, AliasesThatPointAtEachOtherEnd) {
    TreeWriter w;
    w.node("", [&] {
        w.node("aliases", [&] {
            w.text("a", "b");
            w.text("b", "a");
            w.text("self", "self");
        });
    });
    auto tree = Tree::open(w.finish()).value();
    EXPECT_FALSE(tree.find("a"));
    EXPECT_FALSE(tree.find("self/x"));
}

TEST(Fdt, DeepNodesAreVisitedWithoutAddresses) {
    constexpr int depth = 2000;
    TreeWriter w(512 << 10);
    std::function<void(int)> nest = [&](int level) {
        w.node(level == 0 ? "" : ("n" + std::to_string(level)).c_str(), [&] {
            w.cells("#address-cells", {1});
            w.cells("#size-cells", {1});
            if (level > 0) {
                w.raw("ranges", "");
                w.cells("reg", {static_cast<u32>(level), 1});
            }
            if (level < depth)
                nest(level + 1);
        });
    };
    nest(0);
    auto tree = Tree::open(w.finish()).value();
    int visited = 0;
    for (Walk walk(tree); walk.next(); ++visited) {
        bool known = walk.depth() >= 1 && walk.depth() <= Walk::max_depth + 1;
        EXPECT_EQ(walk.reg(0).has_value(), known) << walk.depth();
        EXPECT_EQ(walk.address_cells() != 0, known);
        (void)walk.parent().property("reg");
    }
    EXPECT_EQ(visited, depth + 1);
}

// The structure is checked without libfdt, by its rules: each word of it, and each byte of the names, is made
// something else.
TEST(Fdt, a_structure_is_accepted_if_libfdt_accepts_it) {
    TreeWriter w;
    MutableBytes whole = sample(w);
    auto expect_the_same = [&](usize at, std::span<const std::byte> bytes) {
        std::vector<u64> exact((whole.size() + 7) / 8);
        MutableBytes blob(reinterpret_cast<std::byte*>(exact.data()), whole.size());
        std::ranges::copy(whole, blob.begin());
        std::ranges::copy(bytes, blob.subspan(at).begin());
        bool is_accepted = fdt_check_full(blob.data(), blob.size()) == 0;
        EXPECT_EQ(Tree::open(blob).has_value(), is_accepted) << at;
        return is_accepted;
    };
    usize accepted = 0;
    const usize structure = fdt_off_dt_struct(whole.data());
    const u32 names = fdt_size_dt_strings(whole.data());
    for (usize at = structure; at < structure + fdt_size_dt_struct(whole.data()); at += 4)
        for (u32 value : {0u, 1u, 2u, 3u, 4u, 9u, 10u, names - 1, names, 0x41424344u, 0xfffffff0u}) {
            Be<u32> word = value;
            accepted += expect_the_same(at, std::as_bytes(std::span(&word, 1)));
        }
    EXPECT_GT(accepted, 100u);
    // The last name, and one that a property has, without its end.
    const usize strings = fdt_off_dt_strings(whole.data());
    const std::byte letter{'x'};
    for (usize at = strings; at < strings + names; ++at)
        EXPECT_EQ(expect_the_same(at, {&letter, 1}), at != strings + names - 1) << at;
}

// Whatever opens can be read to its end: nothing wild, nothing endless.
TEST(Fdt, DamagedTreesAreReadSafely) {
    std::mt19937 random(1);
    for (int round = 0; round < 3'000; ++round) {
        TreeWriter w;
        MutableBytes whole = sample(w);
        std::vector<u64> exact((whole.size() + 7) / 8);
        std::memcpy(exact.data(), whole.data(), whole.size());
        MutableBytes blob(reinterpret_cast<std::byte*>(exact.data()), whole.size());
        for (int i = 0; i < 1 + round % 4; ++i)
            blob[random() % blob.size()] = static_cast<std::byte>(random());
        auto tree = Tree::open(blob);
        if (!tree)
            continue;
        (void)tree->find(find(*tree, "/").text("model"));
        (void)tree->find("serial0");
        int nodes = 0;
        for (Walk walk(*tree); walk.next() && nodes < 1000; ++nodes) {
            for (usize i = 0; i < 4; ++i)
                (void)walk.reg(i);
            (void)walk.node().name();
            (void)walk.node().is_compatible("arm,pl011");
            (void)walk.node().is_enabled();
        }
        EXPECT_LT(nodes, 1000);
        std::vector<u64> target(tree->used_bytes() / 8 + 1);
        (void)tree->copy_to({reinterpret_cast<std::byte*>(target.data()), target.size() * 8});
        for (usize i = 0; i < tree->reservation_count(); ++i)
            (void)tree->reservation(i);
    }
}

} // namespace
