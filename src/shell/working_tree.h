// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "boot/tree/device_tree.h"

namespace vireo::shell {

struct Context;

// The device tree that `fdt` works on, and that a kernel is told of: the machine's own until the user chooses
// another. Vireo goes on reading the machine's own, so what is edited is a copy of it.
class WorkingTree {
  public:
    // Where it lies; nothing if the machine has none and none was chosen.
    std::optional<u64> address(const Context& context) const;

    // What begins at `address` and says that it is a tree, as long as it says; nothing, and one line, if it
    // does not, or if that cannot be read. Neither whole nor in order, so far. The line begins with `lead`,
    // and the address, if there is one.
    std::optional<MutableBytes> bytes_at(Context& context, u64 address, std::string_view lead = {});
    // The tree there, to look at. Nothing, and one line, if there is none that is in order.
    std::optional<boot::DeviceTree> at(Context& context, u64 address, std::string_view lead = {});
    // From here on it is the one at `address`, which is a tree: sets $fdtaddr and prints
    // "Working FDT set to 42000000". The command's status.
    int choose(Context& context, u64 address);

    // It, to look at; nothing, and one line, if there is none.
    std::optional<boot::DeviceTree> look(Context& context, std::string_view lead = {});
    // It, to edit. Nothing, and one line, if it cannot be. The machine's own is copied first, and the copy,
    // with some room to grow, is the working tree from then on.
    std::optional<boot::DeviceTree> edit(Context& context);

    // Gives it so many bytes, at least as many as it uses: those behind it, or, for the copy, other memory.
    // The status; one line if they are not free.
    int resize(Context& context, u64 bytes);

  private:
    bool is_copy(u64 address) const;
    MutableBytes copy_bytes() { return std::as_writable_bytes(std::span(copy_.data(), copy_.size())); }
    // Copies `tree` to new memory of `bytes` and chooses that.
    int copy(Context& context, const boot::DeviceTree& tree, usize bytes);

    std::optional<u64> address_; // none: the machine's own
    OwnedArray<u64> copy_;       // on the heap: no address that a user loads to
};

// One line about what libfdt, or what checks its trees, says; `doing` is libfdt's function, as in
// "libfdt fdt_setprop(): FDT_ERR_NOTFOUND". Returns status_failed.
int tree_failed(Context& context, std::string_view doing, const Error& why);

} // namespace vireo::shell
