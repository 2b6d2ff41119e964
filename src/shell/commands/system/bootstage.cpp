// SPDX-License-Identifier: Apache-2.0
#include "event/bootstage.h"
#include "shell/context.h"

namespace vireo::shell {
namespace {

// "  1,234,567", 11 places as U-Boot's users know them.
void print_grouped(Writer& out, u64 number) {
    StringBuffer<32> text;
    u64 unit = 1;
    while (number / unit >= 1000)
        unit *= 1000;
    print(text, "{}", number / unit);
    while (unit > 1) {
        number %= unit;
        unit /= 1000;
        print(text, ",{:03}", number / unit);
    }
    print(out, "{:>11}", text.view());
}

int bootstage(Context& context, Arguments arguments) {
    if (arguments[1] != "report")
        return status_usage;
    Writer& out = context.console;
    auto stages = event::stages();
    print(out, "Timer summary in microseconds ({} records):\n{:>11}{:>11}  Stage\n{:>11}{:>11}  reset\n",
          stages.size() + 1, "Mark", "Elapsed", 0, 0);
    u64 before = 0;
    for (const event::Stage& stage : stages) {
        u64 reached = stage.when().microseconds;
        print_grouped(out, reached);
        print_grouped(out, reached - std::exchange(before, reached));
        print(out, "  {}\n", stage.name);
    }
    out.write("\nAccumulated time:\n");
    for (usize i = 0; i < event::kinds_of_work; ++i) {
        auto work = static_cast<event::Work>(i);
        print(out, "{:11}", "");
        print_grouped(out, event::time_spent(work).microseconds);
        print(out, "  {}\n", event::name_of(work));
    }
    return status_ok;
}

VIREO_COMMAND(bootstage_command) = {
    .name = "bootstage",
    .summary = "how long the start took",
    .usage = "bootstage report - the moments from reset to the prompt, and the time that each stage took;\n"
             "     then the time since reset that went into devices (dm_r), disks and the network",
    .run = bootstage,
    .min_words = 2,
    .max_words = 2,
    .subcommands = "report",
};

} // namespace
} // namespace vireo::shell
