// SPDX-License-Identifier: Apache-2.0
// zboot: boots an x86 Linux kernel that lies in memory, at once or step by step. Words and
// steps are U-Boot's.
#include "shell/commands/boot/zboot.h"

#include "base/parse.h"
#include "boot/x86/boot_params.h"
#include "shell/arguments.h"
#include "shell/boot_display.h"

namespace vireo::shell {
namespace {

using Failure = boot::Failure;

// Word `index` as a number: 0 if it is missing, or "-". Nothing, and one line, if it is none.
std::optional<u64> number_word(Context& context, Arguments words, usize index) {
    if (index >= words.size() || words[index] == "-")
        return 0;
    return number_argument(context, words[index]);
}

// [addr [size [initrd_addr [initrd_size [setup [cmdline]]]]]], kept for the steps that follow. The status.
int remember(Context& context, Arguments words) {
    auto& environment = context.environment;
    std::string_view last = environment.get("fileaddr").value_or(environment.get("loadaddr").value_or(""));
    auto kernel = number_argument(context, words.empty() ? last : words[0]);
    auto bytes = kernel ? number_word(context, words, 1) : std::nullopt;
    auto initrd = bytes ? number_word(context, words, 2) : std::nullopt;
    auto initrd_bytes = initrd ? number_word(context, words, 3) : std::nullopt;
    auto setup = initrd_bytes ? number_word(context, words, 4) : std::nullopt;
    if (!setup)
        return status_failed;
    if (*bytes == 0) {
        auto loaded = context.loaded.bytes_at(*kernel);
        // An empty file: what lies there is what lay there before.
        if (loaded == u64{0})
            return fail_to_boot(context, {.kind = Failure::Kind::Unknown, .address = *kernel});
        bytes = loaded.value_or(0);
    }
    if (*initrd != 0 && *initrd_bytes == 0) {
        initrd_bytes = context.loaded.bytes_at(*initrd);
        if (!initrd_bytes) {
            print(context.console, "Nothing was loaded to 0x{:08x}: say how long the initrd is\n", *initrd);
            return status_failed;
        }
    }
    std::string_view variable = words.size() > 5 ? words[5] : "bootargs";
    auto line = environment.get(variable);
    if (!line && words.size() > 5) {
        print(context.console, "zboot: there is no variable '{}' with a command line\n", variable);
        return status_failed;
    }
    auto kept = OwnedArray<char>::create(line.value_or("").size());
    if (!kept)
        return fail(context, "zboot", kept.error());
    std::ranges::copy(line.value_or(""), kept->data());
    context.zboot = {.kernel = {*kernel, *bytes},
                     .initrd = {*initrd, *initrd_bytes},
                     .setup = *setup,
                     .command_line = std::move(*kept),
                     .is_set = true};
    return status_ok;
}

// Nothing, and one line, if it cannot be booted.
std::optional<boot::Boot> prepare(Context& context) {
    if (!context.zboot.is_set && remember(context, {}) != status_ok)
        return std::nullopt;
    const auto& told = context.zboot;
    boot::Request request{.kernel = told.kernel,
                          .command_line =
                              std::string_view(told.command_line.data(), told.command_line.size())};
    if (told.initrd.base != 0)
        request.initrd = told.initrd;
    if (told.setup != 0)
        request.setup = told.setup;
    auto boot = boot::prepare(boot_services(context), request);
    if (boot)
        return std::move(*boot);
    (void)fail_to_boot(context, boot.error());
    return std::nullopt;
}

int show(Context& context) {
    auto boot = prepare(context);
    if (!boot)
        return status_failed;
    print_plan(context.console, boot->plan);
    return status_ok;
}

int go(Context& context, bool shows_plan) {
    auto boot = prepare(context);
    if (!boot)
        return status_failed;
    if (shows_plan)
        print_plan(context.console, boot->plan);
    context.console.write("\nStarting kernel ...\n\n");
    return fail_to_boot(context, boot::start(boot_services(context), *boot));
}

// [addr]: of boot_params that lie there, or else of those that the next step would write.
int dump(Context& context, Arguments words) {
    constexpr usize page_bytes = sizeof(boot::BootParamsPage);
    if (words.empty()) {
        auto boot = prepare(context);
        if (!boot)
            return status_failed;
        Bytes bytes = std::as_bytes(std::span(boot->description.data(), boot->description.size()));
        print_boot_params(context.console, boot->plan.description.base, bytes.first(page_bytes));
        return status_ok;
    }
    auto address = number_argument(context, words[0]);
    auto page = address ? readable_memory(context, *address, page_bytes) : std::nullopt;
    if (!page)
        return status_failed;
    print_boot_params(context.console, *address, *page);
    return status_ok;
}

constexpr std::string_view steps[] = {"load", "setup", "info"};

int zboot(Context& context, Arguments arguments) {
    Arguments words = arguments.subspan(1);
    std::string_view step = words.empty() ? "" : words[0];
    if (step == "start")
        return words.size() > 7 ? status_usage : remember(context, words.subspan(1));
    if (step == "dump")
        return words.size() > 2 ? status_usage : dump(context, words.subspan(1));
    bool is_step = std::ranges::find(steps, step) != std::end(steps);
    if (is_step || step == "go") {
        if (words.size() > 1)
            return status_usage;
        // Nothing is moved before `go`: all of it is found out anew, since memory may have changed.
        return step == "go" ? go(context, false) : show(context);
    }
    if (words.size() > 6)
        return status_usage;
    int status = remember(context, words);
    return status == status_ok ? go(context, true) : status;
}

VIREO_COMMAND(zboot_command) = {
    .name = "zboot",
    .summary = "boot an x86 Linux kernel (bzImage) from memory",
    .usage =
        "zboot [addr [size [initrd_addr [initrd_size [setup [cmdline]]]]]] - boot the kernel at 'addr' "
        "(default\n"
        "     $fileaddr) with the initrd; '-' or 0: none. A size that is missing or 0 is that of the file\n"
        "     that was loaded there. 'setup': where the first sectors lie, if not at 'addr'. 'cmdline': the\n"
        "     variable with the command line (default bootargs).\n"
        "zboot start [addr ...] - remember that for the steps\n"
        "zboot load | setup | info - look at it and show what would lie where\n"
        "zboot go - boot it\n"
        "zboot dump [addr] - show the boot parameters, or those that lie at 'addr'",
    .run = zboot,
    .max_words = 8,
    .subcommands = "dump go info load setup start",
};

} // namespace
} // namespace vireo::shell
