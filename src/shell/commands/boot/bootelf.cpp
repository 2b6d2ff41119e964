// SPDX-License-Identifier: Apache-2.0
// bootelf: loads an ELF file from memory to where it says, and calls it. Words and options are U-Boot's.
#include "boot/program.h"
#include "shell/arguments.h"
#include "shell/boot_display.h"
#include "shell/program_words.h"

namespace vireo::shell {
namespace {

// The words behind the address.
int call(Context& context, const boot::Request& request, bool by_sections, Arguments words) {
    auto services = boot_services(context);
    auto plan = boot::prepare_program(services, request, by_sections);
    if (!plan)
        return fail_to_boot(context, plan.error());
    auto strings = ProgramWords::create(words);
    if (!strings)
        return fail(context, "bootelf", strings.error());
    print(context.console, "## Starting application at 0x{:08X} ...\n", plan->entry);
    auto result = boot::run_program(services, *plan, strings->pointers());
    if (!result)
        return fail_to_boot(context, result.error());
    print(context.console, "## Application terminated, rc = 0x{:X}\n", *result);
    return *result == 0 ? status_ok : status_failed;
}

int bootelf(Context& context, Arguments arguments) {
    Arguments words = arguments.subspan(1);
    bool by_sections = false;
    if (!words.empty() && words[0].starts_with('-')) {
        by_sections = words[0] == "-s";
        if (!by_sections && words[0] != "-p")
            return status_usage;
        words = words.subspan(1);
    }
    auto address =
        number_argument(context, words.empty() ? context.environment.get("loadaddr").value_or("") : words[0]);
    if (!address)
        return status_failed;
    auto bytes = context.loaded.bytes_at(*address);
    // An empty file: what lies there is what lay there before.
    if (bytes == u64{0})
        return fail_to_boot(context, {.kind = boot::Failure::Kind::Unknown, .address = *address});
    boot::Request request{.kernel = {*address, bytes.value_or(0)},
                          .command_line = context.environment.get("bootargs")};
    if (!by_sections && boot::is_kernel(boot_services(context), request))
        return boot_now(context, request);
    return call(context, request, by_sections, words.empty() ? words : words.subspan(1));
}

VIREO_COMMAND(bootelf_command) = {
    .name = "bootelf",
    .summary = "load an ELF file from memory and call it",
    .usage = "bootelf [-p|-s] [address [word ...]] - load the ELF file at 'address' (default $loadaddr) to "
             "where its\n"
             "     program headers (-p, the default) or sections (-s) say, and call it with the words. One "
             "that is\n"
             "     a PVH or Multiboot kernel is booted, with $bootargs (x86).",
    .run = bootelf,
};

} // namespace
} // namespace vireo::shell
