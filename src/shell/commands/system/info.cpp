// SPDX-License-Identifier: Apache-2.0
// About this build and this machine: version, bdinfo.
#include "shell/banner.h"
#include "shell/context.h"
#include "version.h"

namespace vireo::shell {
namespace {

int version(Context& context, Arguments) {
    print_banner(context.console);
    print(context.console, "\n\n{}\n{}\n", VIREO_COMPILER, VIREO_LINKER);
    return status_ok;
}

int bdinfo(Context& context, Arguments) {
    Writer& out = context.console;
    print(out, "board       = {}\nmodel       = {}\n", context.machine.board(), context.machine.model());
    usize number = 0;
    for (const system::MemoryRegion& bank : context.memory.ram()) {
        print(out, "DRAM bank   = 0x{:016x}\n", number++);
        print(out, "-> start    = 0x{:016x}\n", bank.base);
        print(out, "-> size     = 0x{:016x}\n", bank.bytes);
    }
    print(out, "loadaddr    = 0x{:016x}\n", context.machine.default_load_address());
    print(out, "Build       = {}-bit\n", sizeof(void*) * 8);
    context.machine.print_facts(out);
    number = 0;
    for (const system::MemoryRegion& taken : context.memory.reservations()) {
        print(out, "reserved {:2} = 0x{:016x}..0x{:016x} {}\n", number++, taken.base, taken.end() - 1,
              taken.owner);
    }
    return status_ok;
}

VIREO_COMMAND(version_command) = {
    .name = "version",
    .summary = "print version, compiler and linker",
    .usage = "version - print version, compiler and linker",
    .run = version,
    .max_words = 1,
};
VIREO_COMMAND(bdinfo_command) = {
    .name = "bdinfo",
    .summary = "print what is known about the board",
    .usage = "bdinfo - print RAM banks, what of them is taken and by whom, and facts about the machine",
    .run = bdinfo,
    .max_words = 1,
};

} // namespace
} // namespace vireo::shell
