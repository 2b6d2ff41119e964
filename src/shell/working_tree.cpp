// SPDX-License-Identifier: Apache-2.0
#include "shell/working_tree.h"

#include "shell/arguments.h"

namespace vireo::shell {

using boot::DeviceTree;

namespace {

// What a copy can grow by before it needs other memory.
constexpr usize spare_bytes = 16 << 10;

// Addresses of RAM are the processor's, so the heap's are too.
u64 address_of(Bytes memory) { return std::bit_cast<uptr>(memory.data()); }

void print_lead(Context& context, std::string_view lead, u64 address) {
    if (!lead.empty())
        print(context.console, "{}0x{:08x}: ", lead, address);
}

void say_that_there_is_none(Context& context) {
    context.console.write("No device tree: this machine has none; load one, then 'fdt addr ADDRESS'\n");
}

} // namespace

int tree_failed(Context& context, std::string_view doing, const Error& why) {
    if (!std::string_view(why.what).starts_with("FDT_ERR_"))
        return fail(context, "fdt", why);
    bool is_full = std::string_view(why.what) == "FDT_ERR_NOSPACE";
    print(context.console, "libfdt {}: {}{}\n", doing, why, is_full ? " (fdt resize BYTES makes room)" : "");
    return status_failed;
}

bool WorkingTree::is_copy(u64 address) const {
    return !copy_.is_empty() && address == address_of(std::as_bytes(std::span(copy_.data(), copy_.size())));
}

std::optional<u64> WorkingTree::address(const Context& context) const {
    return address_ ? address_ : context.machine.device_tree();
}

std::optional<MutableBytes> WorkingTree::bytes_at(Context& context, u64 address, std::string_view lead) {
    if (is_copy(address))
        return copy_bytes();
    auto head = readable_memory(context, address, DeviceTree::header_bytes, lead);
    if (!head)
        return std::nullopt;
    auto bytes = DeviceTree::claimed_bytes(*head);
    if (bytes)
        return readable_memory(context, address, *bytes, lead);
    print_lead(context, lead, address);
    (void)tree_failed(context, "fdt_check_header()", bytes.error());
    return std::nullopt;
}

std::optional<DeviceTree> WorkingTree::at(Context& context, u64 address, std::string_view lead) {
    auto bytes = bytes_at(context, address, lead);
    if (!bytes)
        return std::nullopt;
    auto tree = DeviceTree::edit(*bytes);
    if (tree)
        return *tree;
    print_lead(context, lead, address);
    (void)tree_failed(context, "fdt_check_full()", tree.error());
    return std::nullopt;
}

int WorkingTree::choose(Context& context, u64 address) {
    address_ = address;
    print(context.console, "Working FDT set to {:x}\n", address);
    auto set = context.environment.set_hex("fdtaddr", address);
    return set ? status_ok : fail(context, "fdtaddr", set.error());
}

std::optional<DeviceTree> WorkingTree::look(Context& context, std::string_view lead) {
    if (auto place = address(context))
        return at(context, *place, lead);
    say_that_there_is_none(context);
    return std::nullopt;
}

int WorkingTree::copy(Context& context, const DeviceTree& tree, usize bytes) {
    auto room = OwnedArray<u64>::create((bytes + 7) / 8);
    if (!room)
        return fail(context, "fdt", room.error());
    auto copied = tree.copy_to(std::as_writable_bytes(std::span(room->data(), room->size())));
    if (!copied)
        return tree_failed(context, "fdt_open_into()", copied.error());
    copy_ = std::move(*room);
    return choose(context, address_of(copy_bytes()));
}

std::optional<DeviceTree> WorkingTree::edit(Context& context) {
    auto tree = look(context);
    if (!tree)
        return std::nullopt;
    u64 place = *address(context);
    if (is_copy(place))
        return tree;
    if (place == context.machine.device_tree()) {
        usize bytes = std::min(tree->used_bytes() + spare_bytes, DeviceTree::max_bytes);
        if (copy(context, *tree, bytes) != status_ok)
            return std::nullopt;
        return look(context);
    }
    return writable_memory(context, place, tree->bytes().size()) ? tree : std::nullopt;
}

int WorkingTree::resize(Context& context, u64 wanted) {
    if (wanted > DeviceTree::max_bytes)
        return fail(context, "fdt", error(ErrorCode::TooLarge, "{} bytes", wanted));
    auto tree = edit(context);
    if (!tree)
        return status_failed;
    usize bytes = std::max(static_cast<usize>(wanted), tree->used_bytes());
    u64 place = *address(context);
    if (is_copy(place) && bytes > copy_bytes().size())
        return copy(context, *tree, bytes);
    if (!is_copy(place) && !writable_memory(context, place, bytes))
        return status_failed;
    auto resized = tree->resize(bytes);
    return resized ? status_ok : tree_failed(context, "fdt_open_into()", resized.error());
}

} // namespace vireo::shell
