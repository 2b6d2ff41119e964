// SPDX-License-Identifier: Apache-2.0
// reset, poweroff.
#include "shell/arguments.h"

namespace vireo::shell {
namespace {

// Devices stop touching memory first. If the machine cannot do it, they are brought up again.
int leave(Context& context, std::string_view what, Result<> (system::Machine::*end)()) {
    print(context.console, "{} ...\n", what);
    (void)context.virtio.quiesce_all(); // one that goes on all the same is stopped with the machine
    auto ended = (context.machine.*end)();
    int status = ended ? status_ok : fail(context, what, ended.error());
    (void)context.virtio.rescan();
    return status;
}

int reset(Context& context, Arguments arguments) {
    if (arguments.size() == 2 && arguments[1] != "-w")
        return status_usage;
    return leave(context, "resetting", &system::Machine::reset);
}

int poweroff(Context& context, Arguments) { return leave(context, "poweroff", &system::Machine::power_off); }

VIREO_COMMAND(reset_command) = {
    .name = "reset",
    .summary = "restart the machine",
    .usage = "reset [-w] - stop all devices and restart the machine; -w makes no difference",
    .run = reset,
    .max_words = 2,
};
VIREO_COMMAND(poweroff_command) = {
    .name = "poweroff",
    .summary = "switch the machine off",
    .usage = "poweroff - stop all devices and switch the machine off",
    .run = poweroff,
    .max_words = 1,
};

} // namespace
} // namespace vireo::shell
