// SPDX-License-Identifier: Apache-2.0
// Overlays: what they do to a tree, and that none of them can do more.
#include "unit/boot/tree/machine_tree.h"
#include "unit/support/error_text.h"

#include <functional>
#include <random>

namespace vireo::test {
namespace {

using boot::DeviceTree;

class Overlays : public testing::Test {
  protected:
    // "" if the overlay is merged, else what is wrong with it; then the tree is as it was.
    std::string apply(Bytes overlay) {
        std::string before = OpenTree::text(tree->bytes());
        std::string kept = OpenTree::text(overlay);
        auto applied = tree->apply(overlay);
        EXPECT_EQ(OpenTree::text(overlay), kept) << "the overlay stays as it is";
        EXPECT_TRUE(DeviceTree::check(tree->bytes()));
        if (applied)
            return "";
        std::string after = OpenTree::text(tree->bytes());
        usize used = tree->used_bytes();
        EXPECT_EQ(after.substr(0, used), before.substr(0, used));
        return text_of(applied.error());
    }
    std::string apply(const std::function<void(TreeWriter&)>& body) {
        TreeWriter w;
        w.node("", [&] { body(w); });
        return apply(w.finish());
    }
    // A fragment for a path.
    static void fragment(TreeWriter& w, std::string_view path, const std::function<void()>& body,
                         const char* name = "fragment@0") {
        w.node(name, [&] {
            w.text("target-path", path);
            w.node("__overlay__", body);
        });
    }
    // Gives the tree labels: gic and serial.
    void add_symbols() {
        auto symbols = VIREO_MUST(tree->add_node(DeviceTree::root, "__symbols__"));
        VIREO_MUST(tree->set_text(symbols, "serial", "/pl011@9000000"));
        Be<u32> phandle = 0x8001;
        VIREO_MUST(
            tree->set_property(tree.at("/pl011@9000000"), "phandle", std::as_bytes(std::span(&phandle, 1))));
    }

    OpenTree tree{64 << 10};
};

TEST_F(Overlays, change_the_node_that_a_path_names) {
    EXPECT_EQ(apply([](TreeWriter& w) {
                  fragment(w, "/psci", [&] {
                      w.text("method", "smc");
                      w.text("new", "value");
                      w.node("inner@1", [&] { w.cells("reg", {1}); });
                  });
                  fragment(w, "/", [&] { w.node("board", [] {}); }, "fragment@1");
              }),
              "");
    EXPECT_EQ(tree.value("/psci", "method"), std::string("smc") + '\0');
    EXPECT_EQ(tree.value("/psci", "new"), std::string("value") + '\0');
    EXPECT_EQ(tree.value("/psci/inner", "reg"), std::string("\0\0\0\1", 4));
    EXPECT_TRUE(tree->find("/board"));
    EXPECT_TRUE(tree->find("/memory"));
}

TEST_F(Overlays, take_an_alias_for_a_target) {
    EXPECT_EQ(apply([](TreeWriter& w) { fragment(w, "serial0", [&] { w.text("status", "disabled"); }); }),
              "");
    EXPECT_EQ(tree.value("/pl011@9000000", "status"), std::string("disabled") + '\0');
}

TEST_F(Overlays, with_a_target_that_is_not_there_change_nothing) {
    EXPECT_EQ(apply([](TreeWriter& w) {
                  fragment(w, "/psci", [&] { w.text("method", "smc"); });
                  fragment(w, "/nowhere", [&] { w.text("method", "smc"); }, "fragment@1");
              }),
              "FDT_ERR_NOTFOUND");
    EXPECT_EQ(tree.value("/psci", "method"), std::string("hvc") + '\0');
}

TEST_F(Overlays, that_need_labels_say_so_when_the_tree_has_none) {
    EXPECT_EQ(apply([](TreeWriter& w) {
                  w.node("fragment@0", [&] {
                      w.cells("target", {0xffffffff});
                      w.node("__overlay__", [&] { w.text("status", "disabled"); });
                  });
                  w.node("__fixups__", [&] { w.text("serial", "/fragment@0:target:0"); });
              }),
              "the overlay needs labels and the tree has no __symbols__, only paths");
    // Without any label in it, __fixups__ needs nothing.
    EXPECT_EQ(apply([](TreeWriter& w) {
                  fragment(w, "/psci", [&] { w.text("method", "smc"); });
                  w.node("__fixups__", [] {});
              }),
              "");
}

TEST_F(Overlays, find_labels_where_there_are_some) {
    add_symbols();
    EXPECT_EQ(apply([](TreeWriter& w) {
                  w.node("fragment@0", [&] {
                      w.cells("target", {0xffffffff});
                      w.node("__overlay__", [&] {
                          w.cells("parent", {7, 0xffffffff});
                          w.text("status", "disabled");
                      });
                  });
                  w.node("__fixups__", [&] {
                      w.raw("serial",
                            std::string_view("/fragment@0:target:0\0/fragment@0/__overlay__:parent:4\0", 54));
                  });
              }),
              "");
    EXPECT_EQ(tree.value("/pl011@9000000", "status"), std::string("disabled") + '\0');
    EXPECT_EQ(tree.value("/pl011@9000000", "parent"), std::string("\0\0\0\7\0\0\x80\1", 8));
    EXPECT_EQ(apply([](TreeWriter& w) {
                  w.node("fragment@0", [&] {
                      w.cells("target", {0xffffffff});
                      w.node("__overlay__", [] {});
                  });
                  w.node("__fixups__", [&] { w.text("unknown", "/fragment@0:target:0"); });
              }),
              "FDT_ERR_NOTFOUND");
}

TEST_F(Overlays, keep_their_own_references_right) {
    add_symbols(); // the tree has phandle 0x8001, so those of the overlay become larger
    EXPECT_EQ(apply([](TreeWriter& w) {
                  fragment(w, "/", [&] {
                      w.node("clock", [&] { w.cells("phandle", {1}); });
                      w.node("user", [&] { w.cells("clocks", {1, 5}); });
                  });
                  w.node("__local_fixups__", [&] {
                      w.node("fragment@0", [&] {
                          w.node("__overlay__", [&] { w.node("user", [&] { w.cells("clocks", {0}); }); });
                      });
                  });
              }),
              "");
    EXPECT_EQ(tree.value("/clock", "phandle"), std::string("\0\0\x80\2", 4));
    EXPECT_EQ(tree.value("/user", "clocks"), std::string("\0\0\x80\2\0\0\0\5", 8));
}

TEST_F(Overlays, add_their_labels_to_those_of_the_tree) {
    add_symbols();
    auto with_label = [](TreeWriter& w) {
        fragment(w, "/psci", [&] { w.node("inner", [] {}); });
        w.node("__symbols__", [&] { w.text("inner", "/fragment@0/__overlay__/inner"); });
    };
    EXPECT_EQ(apply(with_label), "");
    EXPECT_EQ(tree.value("/__symbols__", "inner"), std::string("/psci/inner") + '\0');
}

// libfdt would write to wherever such an offset leads.
TEST_F(Overlays, fix_nothing_up_outside_of_their_properties) {
    auto local = [&](u32 offset) {
        return apply([&](TreeWriter& w) {
            fragment(w, "/psci", [&] { w.cells("p", {1, 2}); });
            w.node("__local_fixups__", [&] {
                w.node("fragment@0", [&] { w.node("__overlay__", [&] { w.cells("p", {offset}); }); });
            });
        });
    };
    const std::string outside = "overlay with a fix-up outside of a property";
    EXPECT_EQ(local(4), "");
    for (u32 offset : {5u, 8u, 0x7fffffffu, 0xfffffffcu, 0xffffffffu})
        EXPECT_EQ(local(offset), outside) << offset;

    add_symbols();
    auto label = [&](std::string_view text) {
        return apply([&](TreeWriter& w) {
            fragment(w, "/psci", [&] { w.cells("p", {1, 2}); });
            w.node("__fixups__", [&] { w.text("serial", text); });
        });
    };
    const std::string none = "overlay with a fix-up that is none";
    EXPECT_EQ(label("/fragment@0/__overlay__:p:4"), "");
    for (const char* offset : {"5", "8", "4294967292", "18446744073709551612"})
        EXPECT_EQ(label(std::string("/fragment@0/__overlay__:p:") + offset), outside) << offset;
    for (const char* text : {"/fragment@0/__overlay__:p:-4", "/fragment@0/__overlay__:p: 4", "x",
                             "/fragment@0/__overlay__:p:99999999999999999999", "/fragment@0/__overlay__:p:",
                             "/fragment@0/__overlay__:p:0x4", "/fragment@0/__overlay__::0", ":p:0", "",
                             "/nowhere:p:0", "/fragment@0/__overlay__:p:4:4"})
        EXPECT_EQ(label(text), none) << text;
    EXPECT_EQ(label("/fragment@0/__overlay__:q:0"), outside) << "no such property";
}

// What was looked at must not be rewritten by what comes before its use.
TEST_F(Overlays, do_not_fix_themselves_up) {
    add_symbols();
    const std::string itself = "overlay that fixes up itself";
    const std::string none = "overlay with a fix-up that is none";
    const std::string no_node = "overlay with a fix-up for no node of it";
    for (const char* place : {"/__fixups__:serial:0", "/__local_fixups__/fragment@0:target:0",
                              "/fragment@0:target-path:0", "//__local_fixups__//fragment@0/:target:0"})
        EXPECT_EQ(apply([&](TreeWriter& w) {
                      fragment(w, "/psci", [&] { w.cells("p", {1, 2}); });
                      w.node("__local_fixups__", [&] { w.node("fragment@0", [] {}); });
                      w.node("__fixups__", [&] { w.text("serial", place); });
                  }),
                  itself)
            << place;
    for (const char* name : {"__local_fixups__", "__fixups__"})
        EXPECT_EQ(apply([&](TreeWriter& w) {
                      w.node("__fixups__", [] {});
                      w.node("__local_fixups__", [&] { w.node(name, [&] { w.cells("x", {0}); }); });
                  }),
                  no_node)
            << name;
    EXPECT_EQ(apply([&](TreeWriter& w) {
                  fragment(w, "/psci", [] {});
                  w.node("__local_fixups__",
                         [&] { w.node("fragment@0", [&] { w.cells("target-path", {0}); }); });
              }),
              itself);
    for (const char* name : {"phandle", "linux,phandle"}) {
        EXPECT_EQ(apply([&](TreeWriter& w) { w.node("__local_fixups__", [&] { w.cells(name, {0}); }); }),
                  none);
        EXPECT_EQ(apply([&](TreeWriter& w) { w.node("__fixups__", [&] { w.text(name, "/:x:0"); }); }), none);
    }
}

TEST_F(Overlays, that_make_no_sense_are_one_error) {
    auto is = [&](std::string_view error, const std::function<void(TreeWriter&)>& body) {
        EXPECT_EQ(apply(body), error);
    };
    is("overlay with a target-path that does not end", [](TreeWriter& w) {
        w.node("fragment@0", [&] {
            w.raw("target-path", "/psci");
            w.node("__overlay__", [] {});
        });
    });
    is("overlay with a fix-up for no node of it",
       [](TreeWriter& w) { w.node("__local_fixups__", [&] { w.node("nowhere", [] {}); }); });
    is("overlay with a fix-up that is none",
       [](TreeWriter& w) { w.node("__local_fixups__", [&] { w.raw("p", "123"); }); });
    is("overlay with nodes in __fixups__",
       [](TreeWriter& w) { w.node("__fixups__", [&] { w.node("n", [] {}); }); });
    is("overlay with a fix-up that is none",
       [](TreeWriter& w) { w.node("__fixups__", [&] { w.raw("label", "/:p:0"); }); });
    is("FDT_ERR_BADOVERLAY",
       [](TreeWriter& w) { w.node("fragment@0", [&] { w.node("__overlay__", [] {}); }); });
    is("FDT_ERR_BADPHANDLE", [](TreeWriter& w) {
        w.node("fragment@0", [&] {
            w.cells("target", {0xffffffff});
            w.node("__overlay__", [] {});
        });
    });
    EXPECT_EQ(apply(Bytes()), "FDT_ERR_TRUNCATED");
}

TEST_F(Overlays, a_label_of_the_tree_that_does_not_end_is_one_error) {
    auto symbols = VIREO_MUST(tree->add_node(DeviceTree::root, "__symbols__"));
    VIREO_MUST(tree->set_property(symbols, "x", std::as_bytes(std::span("/psci", 5))));
    EXPECT_EQ(apply([](TreeWriter& w) { fragment(w, "/psci", [] {}); }),
              "device tree with a symbol that does not end");
}

TEST_F(Overlays, have_at_most_64_levels) {
    auto nested = [&](u32 levels) {
        return apply([&](TreeWriter& w) {
            std::function<void(u32)> nest = [&](u32 left) {
                if (left > 0)
                    w.node("n", [&] { nest(left - 1); });
            };
            nest(levels - 1); // the root is one
        });
    };
    EXPECT_EQ(nested(DeviceTree::max_overlay_depth), "");
    EXPECT_EQ(nested(DeviceTree::max_overlay_depth + 1), "overlay with nodes too deep");
}

TEST_F(Overlays, have_at_most_4096_nodes_and_properties) {
    auto many = [&](usize items) {
        return apply([&](TreeWriter& w) {
            for (usize i = 1; i < items; ++i) // the root is one
                w.raw("p", "");
        });
    };
    EXPECT_EQ(many(DeviceTree::max_overlay_items), "");
    EXPECT_EQ(many(DeviceTree::max_overlay_items + 1), "overlay with too many nodes and properties");
}

TEST_F(Overlays, have_at_most_256_KiB) {
    auto of_size = [&](usize bytes) {
        TreeWriter w(512 << 10);
        w.node("", [] {});
        w.finish();
        fdt_set_totalsize(w.all().data(), static_cast<u32>(bytes));
        return apply(w.all().first(bytes));
    };
    EXPECT_EQ(of_size(DeviceTree::max_overlay_bytes), "");
    EXPECT_EQ(of_size(DeviceTree::max_overlay_bytes + 1), "overlay of 262145 bytes");
}

// Each number that changes is looked for in all fix-ups: what would take minutes is not begun.
TEST_F(Overlays, take_no_longer_than_a_user_waits) {
    auto work = [&](u32 clocks, u32 users) {
        return apply([&](TreeWriter& w) {
            fragment(w, "/", [&] {
                for (u32 i = 0; i < clocks; ++i)
                    w.node(("clock" + std::to_string(i)).c_str(), [&] { w.cells("phandle", {i + 1}); });
                w.node("user", [&] { w.cells("clocks", {1}); });
            });
            w.node("__local_fixups__", [&] {
                for (u32 i = 0; i < users; ++i)
                    w.node("fragment@0", [] {});
            });
        });
    };
    EXPECT_EQ(work(900, 900), "overlay for this device tree");
    EXPECT_EQ(work(100, 100), "");
}

TEST_F(Overlays, without_room_change_nothing) {
    ASSERT_TRUE(tree->resize(tree->used_bytes() + 20));
    EXPECT_EQ(apply([](TreeWriter& w) {
                  fragment(w, "/psci", [&] {
                      w.text("method", "smc");
                      w.text("method2", "a text that is too long for what is left");
                  });
              }),
              "FDT_ERR_NOSPACE");
    EXPECT_EQ(tree.value("/psci", "method"), std::string("hvc") + '\0');
}

// Whatever an overlay says: nothing wild, and all of it or nothing.
TEST_F(Overlays, damaged_ones_do_no_harm) {
    TreeWriter w;
    w.node("", [&] {
        fragment(w, "/", [&] {
            w.node("clock", [&] { w.cells("phandle", {1}); });
            w.node("user", [&] { w.cells("clocks", {1, 5}); });
        });
        w.node("fragment@1", [&] {
            w.cells("target", {0xffffffff});
            w.node("__overlay__", [&] { w.text("status", "disabled"); });
        });
        w.node("__fixups__", [&] { w.text("serial", "/fragment@1:target:0"); });
        w.node("__symbols__", [&] { w.text("clock", "/fragment@0/__overlay__/clock"); });
        w.node("__local_fixups__", [&] {
            w.node("fragment@0",
                   [&] { w.node("__overlay__", [&] { w.node("user", [&] { w.cells("clocks", {0}); }); }); });
        });
    });
    MutableBytes whole = w.finish();
    std::mt19937 random(2);
    int merged = 0;
    for (int round = 0; round < 3'000; ++round) {
        tree = OpenTree(8 << 10);
        add_symbols();
        TreeRoom exact(whole.size());
        std::memcpy(exact.all().data(), whole.data(), whole.size());
        for (int i = 0; i < 1 + round % 4; ++i)
            exact.all()[random() % whole.size()] = static_cast<std::byte>(random());
        merged += apply(exact.all()).empty();
    }
    EXPECT_GT(merged, 100);
}

} // namespace
} // namespace vireo::test
