// SPDX-License-Identifier: Apache-2.0
#include "shell/commands/boot/boot_memory.h"

#include "base/parse.h"
#include "shell/arguments.h"
#include "shell/boot_display.h"

namespace vireo::shell {
namespace {

// "address[:size]", or "-" for none: no range. False, and one line, if that is not what it is.
bool initrd_argument(Context& context, std::string_view text, std::optional<Range>& initrd) {
    if (text == "-")
        return true;
    bool has_size = text.contains(':');
    auto address = number_argument(context, split_first(text, ':'));
    if (!address)
        return false;
    auto bytes = has_size ? number_argument(context, text) : context.loaded.bytes_at(*address);
    if (bytes)
        initrd = Range{*address, *bytes};
    else if (!has_size)
        print(context.console, "Nothing was loaded to 0x{:08x}: say how long the initrd is, ADDRESS:SIZE\n",
              *address);
    return bytes.has_value();
}

constexpr std::string_view tree_lead = "Cannot boot: the device tree at ";

std::optional<boot::DeviceTree> tree_argument(Context& context, std::string_view text) {
    auto address = number_argument(context, text);
    return address ? context.working_tree.at(context, *address, tree_lead) : std::nullopt;
}

} // namespace

int boot_from_memory(Context& context, Arguments arguments) {
    auto kernel = number_argument(
        context, arguments.size() > 1 ? arguments[1] : context.environment.get("loadaddr").value_or(""));
    if (!kernel)
        return status_failed;
    auto kernel_bytes = context.loaded.bytes_at(*kernel);
    // An empty file: what lies there is what lay there before.
    if (kernel_bytes == u64{0})
        return fail_to_boot(context, {.kind = boot::Failure::Kind::Unknown, .address = *kernel});
    std::optional<Range> initrd;
    if (arguments.size() > 2 && !initrd_argument(context, arguments[2], initrd))
        return status_failed;
    auto tree = arguments.size() > 3 ? tree_argument(context, arguments[3])
                                     : context.working_tree.look(context, tree_lead);
    if (!tree)
        return status_failed;

    FixedVector<Range, load::LoadedRanges::most + 2> keep;
    for (const Range& range : context.loaded.all())
        VIREO_ASSERT(keep.try_push_back(range));
    // One of them may lie where no file was loaded to: the one that `fdt` works on, or the one named here.
    if (auto address = context.working_tree.address(context))
        VIREO_ASSERT(keep.try_push_back({*address, boot::DeviceTree::max_bytes}));
    if (arguments.size() > 3)
        VIREO_ASSERT(keep.try_push_back(
            {number_argument(context, arguments[3]).value_or(0), boot::DeviceTree::max_bytes}));
    return boot_now(context, {.kernel = {*kernel, kernel_bytes.value_or(0)},
                              .initrd = initrd,
                              .tree = &*tree,
                              .command_line = context.environment.get("bootargs"),
                              .has_own_tree = arguments.size() > 3,
                              .keep = {keep.data(), keep.size()}});
}

} // namespace vireo::shell
