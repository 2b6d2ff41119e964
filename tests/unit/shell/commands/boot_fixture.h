// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"
#include "boot/tree/device_tree.h"
#include "unit/shell/fixture.h"
#include "unit/support/tree_writer.h"

namespace vireo::test {

// A shell on a machine with a device tree, at which kernels are booted that lie in memory.
class BootTest : public ShellTest {
  protected:
    static constexpr u64 tree_address = 0x40f00000;

    BootTest() {
        machine.tree = tree_address;
        TreeWriter tree;
        tree.node("", [&] {
            tree.text("model", "a test");
            tree.node("chosen", [&] {
                tree.text("bootargs", "from=tree");
                tree.text("rng-seed", "0123456789abcdef0123456789abcde");
                tree.cells("kaslr-seed", {1, 2});
            });
        });
        put(tree_address, tree.finish());
    }
    void put(u64 address, Bytes bytes) { std::memcpy(machine.memory(address), bytes.data(), bytes.size()); }
    // As `load` does it.
    void load(u64 address, Bytes bytes) {
        put(address, bytes);
        context->loaded.remember({address, bytes.size()}, false);
    }

    // What the kernel finds in its tree.
    std::optional<Bytes> find(std::string_view path, std::string_view name) {
        Bytes blob(machine.memory(machine.entered->description), 0x200000);
        auto bytes = boot::DeviceTree::check(blob);
        EXPECT_TRUE(bytes);
        room_.resize(*bytes / 8 + 1024);
        auto tree = VIREO_MUST(boot::DeviceTree::open(blob, std::as_writable_bytes(std::span(room_))));
        auto node = tree.find(path);
        return node ? tree.property(*node, name) : std::nullopt;
    }
    std::optional<Bytes> chosen(std::string_view name) { return find("/chosen", name); }
    std::string property(std::string_view path, std::string_view name) {
        Bytes bytes = find(path, name).value_or(Bytes());
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    std::string text(std::string_view name) { return property("/chosen", name); }
    u64 number(std::string_view name) {
        return read_struct<Be<u64>>(chosen(name).value_or(Bytes())).value_or(0);
    }

    // One line, the prompt comes back, and memory is as it was.
    void refused(const std::string& line, const std::string& why) {
        std::vector<std::byte> before = machine.ram;
        EXPECT_EQ(run(line), why) << line;
        EXPECT_EQ(status, 1);
        EXPECT_FALSE(machine.entered);
        EXPECT_EQ(inspector.quiesced, 0);
        EXPECT_TRUE(before == machine.ram) << line;
    }

  private:
    std::vector<u64> room_;
};

} // namespace vireo::test
