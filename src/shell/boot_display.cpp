// SPDX-License-Identifier: Apache-2.0
#include "shell/boot_display.h"

#include "boot/tree/device_tree.h"
#include "shell/arguments.h"

namespace vireo::shell {

namespace {

void print_range(Writer& out, std::string_view name, const Range& range) {
    print(out, "   {:12} 0x{:08x}..0x{:08x}", name, range.base, range.end() - 1);
}

void print_move(Writer& out, const boot::Placed& part, bool is_in_pieces = false) {
    if (is_in_pieces)
        print(out, ", out of the file at 0x{:08x}", part.now.base);
    else if (part.moves())
        print(out, ", moved from 0x{:08x}", part.now.base);
}

std::string_view name_of(boot::Refusal::Part part, bool by_tree) {
    switch (part) {
    case boot::Refusal::Part::Kernel:
        return "kernel";
    case boot::Refusal::Part::Initrd:
        return "initrd";
    case boot::Refusal::Part::Description:
        return by_tree ? "device tree" : "set of boot parameters";
    }
    return "";
}

void print_refusal(Writer& out, const boot::Refusal& refusal, bool by_tree) {
    using Why = boot::Refusal::Why;
    std::string_view part = name_of(refusal.part, by_tree);
    StringBuffer<40> lead;
    print(lead, "the {} at ", part);
    switch (refusal.why) {
    case Why::NotRam:
        return print_not_free(out, lead.view(), {refusal.range.base, refusal.range.bytes});
    case Why::NotFree:
        return print_not_free(out, lead.view(), {refusal.range.base, refusal.range.bytes, &refusal.owner});
    case Why::NoRoom:
        return print(out, "no free RAM that fits the {}: it takes 0x{:x} bytes\n", part, refusal.range.bytes);
    case Why::TooLarge:
        return print(out, "the {} has 0x{:x} bytes, more than 0x{:x}\n", part, refusal.range.bytes,
                     boot::DeviceTree::max_bytes);
    case Why::Cut:
        print(out, "the {} ", part);
        if (refusal.range.base != 0) // loaded
            print(out, "at 0x{:08x} ", refusal.range.base);
        return print(out, "is cut off: {} of its {} bytes are there\n", refusal.there, refusal.range.bytes);
    case Why::Empty:
        return print(out, "the {} at 0x{:08x} has no bytes\n", part, refusal.range.base);
    }
}

void print_subject(Writer& out, const boot::Failure& failure) {
    if (failure.address)
        print(out, "what lies at 0x{:08x}", *failure.address);
    else
        out.write("what was given as a kernel");
}

std::string_view name_of_description(boot::ImageKind kind) {
    switch (kind) {
    case boot::ImageKind::LinuxX86:
        return "boot_params";
    case boot::ImageKind::Pvh:
        return "start_info";
    case boot::ImageKind::Multiboot:
    case boot::ImageKind::Multiboot2:
        return "information";
    default:
        return "device tree";
    }
}

} // namespace

bool has_tree(std::optional<system::Isa> isa) {
    return isa != system::Isa::X86 && isa != system::Isa::X86_64;
}

void print_plan(Writer& out, const boot::Plan& plan) {
    print_range(out, "kernel", plan.kernel.place);
    print_move(out, plan.kernel, !plan.segments.is_empty());
    print(out, ", {}", boot::name_of(plan.kind));
    if (plan.wrapper)
        print(out, " out of {}", boot::name_of(*plan.wrapper));
    out.write("\n");
    if (plan.initrd) {
        print_range(out, "initrd", plan.initrd->place);
        print_move(out, *plan.initrd);
        out.write("\n");
    }
    print_range(out, name_of_description(plan.kind), plan.description);
    out.write("\n   command line ");
    print_untrusted(out, plan.command_line.value_or("(the device tree's)"));
    out.write("\n");
    if (!plan.added_words.empty())
        print(out, "   added to it {}\n", plan.added_words);
}

int boot_now(Context& context, const boot::Request& request) {
    auto services = boot_services(context);
    auto boot = boot::prepare(services, request);
    if (!boot)
        return fail_to_boot(context, boot.error());
    print_plan(context.console, boot->plan);
    context.console.write("\nStarting kernel ...\n\n");
    return fail_to_boot(context, boot::start(services, *boot));
}

int fail_to_boot(Context& context, const boot::Failure& failure) {
    using Kind = boot::Failure::Kind;
    Writer& out = context.console;
    out.write("Cannot boot: ");
    switch (failure.kind) {
    case Kind::Machine:
        print(out, "{}\n", failure.why);
        break;
    case Kind::Unknown:
        print_subject(out, failure);
        out.write(" is no kernel of a known kind\n");
        break;
    case Kind::CannotYet:
        print_subject(out, failure);
        print(out, " is {}, not {}\n", boot::name_of(failure.image), boot::name_of(failure.wanted));
        break;
    case Kind::Foreign:
        print_subject(out, failure);
        print(out, " is {}, for another machine", boot::name_of(failure.image));
        if (!failure.machine.empty())
            print(out, " ({})", failure.machine);
        out.write("\n");
        break;
    case Kind::Wrapper:
        print_subject(out, failure);
        print(out, " is {} that cannot be used: ", boot::name_of(failure.image));
        print_error(out, failure.why);
        break;
    case Kind::Header:
        out.write("the kernel");
        if (failure.address)
            print(out, " at 0x{:08x}", *failure.address);
        out.write(": ");
        print_error(out, failure.why);
        break;
    case Kind::Place:
        print_refusal(out, failure.refusal, has_tree(context.machine.isa()));
        break;
    case Kind::Tree:
        out.write("the device tree: ");
        print_error(out, failure.why);
        break;
    case Kind::Params:
    case Kind::Host:
    case Kind::Memory:
    case Kind::Entropy:
    case Kind::Devices:
        print_error(out, failure.why);
        break;
    }
    return status_failed;
}

} // namespace vireo::shell
