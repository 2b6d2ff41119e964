// SPDX-License-Identifier: Apache-2.0
#include "hosted/plan.h"

#include "boot/host_kernel.h"
#include "shell/arguments.h"
#include "shell/boot_display.h"

namespace vireo::hosted {

namespace {

class NobodyWatches final : public system::HostFiles::Watcher {
  public:
    bool goes_on() override { return true; }
};

} // namespace

int print_boot_plan(shell::Context& context, KernelFiles& files, const KernelOptions& options) {
    NobodyWatches watcher;
    auto services = shell::boot_services(context);
    boot::HostKernelPlaces places;
    if (options.places)
        places = {.kernel = options.places->kernel, .initrd = options.places->initrd};
    auto loaded = boot::load_host_kernel(services, &files, watcher, places);
    if (!loaded)
        return shell::fail_to_boot(context, loaded.error());
    std::optional<boot::DeviceTree> tree;
    if (shell::has_tree(context.machine.isa()) && !(tree = context.working_tree.look(context)))
        return shell::status_failed;
    std::string_view line = loaded->command_line();
    auto boot = boot::prepare(services, {.kernel = loaded->kernel,
                                         .initrd = loaded->initrd,
                                         .tree = tree ? &*tree : nullptr,
                                         .command_line = line.empty() ? std::nullopt : std::optional(line)});
    if (!boot)
        return shell::fail_to_boot(context, boot.error());
    shell::print_plan(context.console, boot->plan);
    return shell::status_ok;
}

} // namespace vireo::hosted
