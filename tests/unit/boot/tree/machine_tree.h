// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"
#include "boot/tree/device_tree.h"
#include "unit/support/tree_writer.h"

namespace vireo::test {

// A tree as QEMU's virt machines have it, in few words.
inline MutableBytes machine_tree(TreeWriter& w) {
    w.node("", [&] {
        w.cells("#address-cells", {2});
        w.cells("#size-cells", {2});
        w.raw("compatible", std::string_view("linux,dummy-virt\0", 17));
        w.node("psci", [&] {
            w.raw("compatible", std::string_view("arm,psci-1.0\0arm,psci-0.2\0arm,psci\0", 35));
            w.text("method", "hvc");
            w.cells("migrate", {0xc4000005});
        });
        w.node("memory@40000000", [&] {
            w.cells("reg", {0, 0x40000000, 0, 0x8000000});
            w.text("device_type", "memory");
        });
        w.node("virtio_mmio@a000000", [&] {
            w.raw("dma-coherent", "");
            w.cells("interrupts", {0, 0x10, 1});
        });
        w.node("aliases", [&] { w.text("serial0", "/pl011@9000000"); });
        w.node("pl011@9000000", [&] { w.text("clock-names", "uartclk"); });
        w.node("chosen", [&] {
            w.text("bootargs", "root=/dev/vda");
            w.text("stdout-path", "/pl011@9000000");
            w.raw("rng-seed", "an old seed of thirty-two bytes.");
            w.cells("kaslr-seed", {0x11111111, 0x22222222});
        });
    });
    return w.finish();
}

// So many bytes it takes without a gap: libfdt's writer leaves 8 behind the header.
inline usize packed_size(Bytes tree) { return tree.size() - 8; }

// Memory for a tree, aligned as one must be.
class TreeRoom {
  public:
    explicit TreeRoom(usize bytes = 16 << 10) : words_((bytes + 7) / 8), bytes_(bytes) {}
    MutableBytes all() { return std::as_writable_bytes(std::span(words_)).first(bytes_); }

  private:
    std::vector<u64> words_;
    usize bytes_;
};

// A tree opened in memory of its own.
class OpenTree {
  public:
    explicit OpenTree(usize room = 16 << 10) : room_(room) {}
    boot::DeviceTree& operator*() { return tree_; }
    boot::DeviceTree* operator->() { return &tree_; }
    boot::DeviceTree::Node at(std::string_view path) {
        auto node = tree_.find(path);
        EXPECT_TRUE(node) << path;
        return node.value_or(boot::DeviceTree::root);
    }
    // The value of a property as characters; "?" if there is none.
    std::string value(std::string_view path, std::string_view name) {
        auto found = tree_.property(at(path), name);
        return found ? text(*found) : "?";
    }
    bool has(std::string_view path, std::string_view name) {
        return tree_.property(at(path), name).has_value();
    }
    static std::string text(Bytes bytes) {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

  private:
    TreeWriter writer_;
    TreeRoom room_;
    boot::DeviceTree tree_ = boot::DeviceTree::open(machine_tree(writer_), room_.all()).value();
};

} // namespace vireo::test
