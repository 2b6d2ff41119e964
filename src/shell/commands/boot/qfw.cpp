// SPDX-License-Identifier: Apache-2.0
// qfw: what the host gives through fw_cfg. Words and variables are U-Boot's, but for `boot`.
#include "base/parse.h"
#include "boot/host_kernel.h"
#include "shell/arguments.h"
#include "shell/boot_display.h"

namespace vireo::shell {
namespace {

class InterruptWatcher final : public system::HostFiles::Watcher {
  public:
    explicit InterruptWatcher(Context& context) : context_(context) {}
    bool goes_on() override { return !context_.interrupted(); }

  private:
    Context& context_;
};

int list(Context& context, system::HostFiles& host) {
    struct Lines final : system::HostFiles::Visitor {
        explicit Lines(Writer& whose) : out(whose) {}
        void visit(std::string_view name, u64 bytes, u32 number) override {
            print(out, "{:>16x} {:>8x} {:>3x} ", 0, bytes, number);
            print_untrusted(out, name);
            out.write("\n");
        }
        Writer& out;
    };
    context.console.write("            Addr     Size Sel Name\n");
    Lines lines(context.console);
    auto listed = host.for_each(lines);
    return listed ? status_ok : fail(context, "qfw", listed.error());
}

int cpus(Context& context, system::HostFiles& host) {
    auto count = host.processors();
    if (!count)
        return fail(context, "qfw", count.error());
    print(context.console, "{} cpu(s) online\n", *count);
    return status_ok;
}

// U-Boot's variables; $kernel_addr and $initrd_addr are for `booti $kernel_addr $initrd_addr`, where without
// an initrd the second one is "-".
Result<> set_variables(Context& context, const boot::HostKernel& loaded) {
    auto& environment = context.environment;
    VIREO_TRY(environment.set_hex("kernel_addr", loaded.kernel.base));
    if (loaded.initrd)
        VIREO_TRY(environment.set_hex("initrd_addr", loaded.initrd->base));
    else
        VIREO_TRY(environment.set("initrd_addr", "-"));
    VIREO_TRY(environment.set_hex("filesize", loaded.initrd.value_or(loaded.kernel).bytes));
    if (std::string_view line = loaded.command_line(); !line.empty())
        VIREO_TRY(environment.set("bootargs", line));
    return {};
}

// Of what the host put into RAM, something was written over by a file that was loaded since. What could not
// be booted from the start on is left to another line.
bool is_written_over(Context& context, system::HostFiles* host) {
    auto given = boot::host_kernel_in_ram(context.machine, host);
    Range initrd = given ? given->initrd.value_or(Range{}) : Range{};
    if (!given || given->kernel.bytes == 0 || initrd.overlaps(given->kernel))
        return false;
    auto is_whole = [&](const Range& range) {
        return range.bytes == 0 || context.loaded.bytes_at(range.base) == range.bytes;
    };
    return !is_whole(given->kernel) || !is_whole(initrd);
}

// Nothing, and one line, if it cannot be loaded.
std::optional<boot::HostKernel> fetch(Context& context, system::HostFiles* host,
                                      const boot::HostKernelPlaces& places) {
    if (is_written_over(context, host)) {
        context.console.write("Cannot boot: something was loaded over the host's kernel or initrd ('reset' "
                              "brings them back)\n");
        return std::nullopt;
    }
    InterruptWatcher watcher(context);
    auto loaded = boot::load_host_kernel(boot_services(context), host, watcher, places);
    if (!loaded && loaded.error().kind == boot::Failure::Kind::Host &&
        loaded.error().why.code == ErrorCode::NotFound) {
        context.console.write("No kernel from the host (QEMU: -kernel)\n");
        return std::nullopt;
    }
    if (!loaded) {
        (void)fail_to_boot(context, loaded.error());
        return std::nullopt;
    }
    context.loaded.remember(loaded->kernel, false);
    print(context.console, "loading kernel to address {:08x} size {:x}", loaded->kernel.base,
          loaded->kernel.bytes);
    if (loaded->initrd) {
        context.loaded.remember(*loaded->initrd, false);
        print(context.console, " initrd {:08x} size {:x}", loaded->initrd->base, loaded->initrd->bytes);
    }
    context.console.write("\n");
    if (auto set = set_variables(context, *loaded); !set) {
        (void)fail(context, "qfw", set.error());
        return std::nullopt;
    }
    return std::move(*loaded);
}

int load(Context& context, system::HostFiles* host, Arguments addresses) {
    boot::HostKernelPlaces places;
    if (!addresses.empty()) {
        std::string_view initrd =
            addresses.size() > 1 ? addresses[1] : context.environment.get("ramdisk_addr_r").value_or("");
        if (!(places.kernel = number_argument(context, addresses[0])) ||
            !(places.initrd = number_argument(context, initrd)))
            return status_failed;
    }
    return fetch(context, host, places) ? status_ok : status_failed;
}

int boot(Context& context, system::HostFiles* host) {
    auto loaded = fetch(context, host, {});
    if (!loaded)
        return status_failed;
    std::optional<boot::DeviceTree> tree;
    if (has_tree(context.machine.isa()) && !(tree = context.working_tree.look(context)))
        return status_failed;
    return boot_now(context, {.kernel = loaded->kernel,
                              .initrd = loaded->initrd,
                              .tree = tree ? &*tree : nullptr,
                              .command_line = context.environment.get("bootargs")});
}

int qfw(Context& context, Arguments arguments) {
    std::string_view what = arguments[1];
    usize words = arguments.size() - 2;
    if (words > (what == "load" ? 2u : 0u))
        return status_usage;
    system::HostFiles* host = context.host_files;
    bool is_kernel = what == "load" || what == "boot";
    if (!host && !(is_kernel && boot::host_gives_kernel(context.machine, nullptr))) {
        context.console.write("The host gives nothing: this machine has no fw_cfg device\n");
        return status_failed;
    }
    if (what == "list")
        return list(context, *host);
    if (what == "cpus")
        return cpus(context, *host);
    if (what == "load")
        return load(context, host, arguments.subspan(2));
    if (what == "boot")
        return boot(context, host);
    return status_usage;
}

VIREO_COMMAND(qfw_command) = {
    .name = "qfw",
    .summary = "what the host gives (QEMU: -kernel, -initrd, -append, -fw_cfg)",
    .usage =
        "qfw list - list the files that the host gives\n"
        "qfw cpus - print the number of processors\n"
        "qfw load [kernel_addr [initrd_addr]] - load the host's kernel and initrd, without addresses to "
        "where\n"
        "     they run, and set bootargs to its command line; without initrd_addr: to $ramdisk_addr_r. Sets\n"
        "     kernel_addr, initrd_addr ('-': none), and filesize to the initrd's size, or else the kernel's\n"
        "qfw boot - load and boot them, as the start does if bootcmd is not set",
    .run = qfw,
    .min_words = 2,
    .max_words = 4,
    .subcommands = "boot cpus list load",
};

} // namespace
} // namespace vireo::shell
