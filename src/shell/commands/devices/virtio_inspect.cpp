// SPDX-License-Identifier: Apache-2.0
#include "shell/commands/devices/virtio_inspect.h"

namespace vireo::shell {
namespace {

using system::FeatureWish;

std::optional<FeatureWish> wish_of(std::string_view word) {
    if (word == "on")
        return FeatureWish::On;
    if (word == "off")
        return FeatureWish::Off;
    if (word == "default")
        return FeatureWish::Default;
    return std::nullopt;
}

// The index that a word names, or, beyond all devices, the first that none has. Nothing, and one
// line, if it is no number.
std::optional<usize> device_argument(Context& context, std::string_view word) {
    auto number = number_argument(context, word, 10);
    if (!number)
        return std::nullopt;
    return static_cast<usize>(std::min<u64>(*number, context.virtio.device_count()));
}

} // namespace

int virtio_list(Context& context, Arguments arguments) {
    if (arguments.size() != 2)
        return status_usage;
    context.virtio.refresh();
    usize count = context.virtio.device_count();
    if (count == 0)
        context.console.write("no virtio devices found\n");
    for (usize i = 0; i < count && !context.interrupted(); ++i)
        context.virtio.print_device(i, context.console);
    return status_ok;
}

// virtio features DEV [FEATURE on|off|default]...
int virtio_features(Context& context, Arguments arguments) {
    if (arguments.size() < 3 || arguments.size() % 2 == 0)
        return status_usage;
    auto device = device_argument(context, arguments[2]);
    if (!device)
        return status_failed;
    for (usize i = 4; i < arguments.size(); i += 2)
        if (!wish_of(arguments[i]))
            return status_usage; // before anything is changed
    for (usize i = 3; i < arguments.size(); i += 2)
        if (auto wished = context.virtio.wish(*device, arguments[i], *wish_of(arguments[i + 1])); !wished)
            return fail(context, arguments[i], wished.error());
    if (arguments.size() > 3)
        return status_ok;
    if (auto printed = context.virtio.print_features(*device, context.console); !printed)
        return fail(context, "virtio features", printed.error());
    return status_ok;
}

// virtio reset DEV
int virtio_reset(Context& context, Arguments arguments) {
    if (arguments.size() != 3)
        return status_usage;
    auto device = device_argument(context, arguments[2]);
    if (!device)
        return status_failed;
    auto done = context.virtio.reset(*device);
    return done ? status_ok : fail(context, "virtio reset", done.error());
}

// virtio stats [DEV] [reset]
int virtio_stats(Context& context, Arguments arguments) {
    bool resets = arguments.back() == "reset";
    usize words = arguments.size() - (resets ? 1 : 0);
    if (words > 3)
        return status_usage;
    usize first = 0;
    usize end = context.virtio.device_count();
    if (words == 3) {
        auto device = device_argument(context, arguments[2]);
        if (!device)
            return status_failed;
        first = *device;
        end = first + 1;
    }
    for (usize i = first; i < end; ++i) {
        auto done =
            resets ? context.virtio.clear_statistics(i) : context.virtio.print_statistics(i, context.console);
        if (!done)
            return fail(context, "virtio stats", done.error());
    }
    if (!resets)
        print(context.console, "register accesses since start: {}\n", context.virtio.register_accesses());
    return status_ok;
}

} // namespace vireo::shell
