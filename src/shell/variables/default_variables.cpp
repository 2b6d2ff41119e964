// SPDX-License-Identifier: Apache-2.0
#include "autoconf.h"
#include "shell/network.h"
#include "shell/shell.h"
#include "shell/variables/load_addresses.h"
#include "shell/variables/variable_types.h"

namespace vireo::shell {

namespace {

class Defaults {
  public:
    explicit Defaults(Context& context) : context_(context) {}

    // Empty ones are left unset.
    void set(std::string_view name, std::string_view value) {
        if (value.empty())
            return;
        if (auto set = context_.environment.set(name, value); !set)
            print(context_.console, "## Error: cannot set \"{}\": {}\n", name, set.error());
    }
    void set_address(std::string_view name, u64 address) {
        StringBuffer<16> text;
        print(text, "{:x}", address);
        set(name, text.view());
    }

  private:
    Context& context_;
};

void name_machine(Defaults& defaults, const system::Machine& machine) {
    auto names = machine.script_names();
    std::string_view board = names.board.empty() ? machine.board() : names.board;
    defaults.set("arch", names.arch);
    defaults.set("board", board);
    defaults.set("board_name", board);
    defaults.set("cpu", names.cpu);
    defaults.set("soc", names.soc);
    defaults.set("vendor", names.vendor);
}

void name_addresses(Defaults& defaults, const Context& context) {
    u64 load = context.machine.default_load_address();
    if (auto places = place_loads(context.memory, context.machine.kernel_place())) {
        defaults.set_address("kernel_addr_r", places->kernel);
        defaults.set_address("fdt_addr_r", places->device_tree);
        defaults.set_address("scriptaddr", places->script);
        defaults.set_address("pxefile_addr_r", places->pxe_file);
        defaults.set_address("ramdisk_addr_r", places->ramdisk);
        if (!context.memory.check_writable(load, script_bytes))
            load = places->kernel;
    } else {
        context.console.write("No room in RAM for $kernel_addr_r and its like: they are not set\n");
    }
    defaults.set_address("loadaddr", load);
    if (auto tree = context.machine.device_tree()) {
        defaults.set_address("fdt_addr", *tree);
        defaults.set_address("fdtcontroladdr", *tree);
    }
}

} // namespace

void set_default_variables(Context& context) {
    context.environment.clear();
    Defaults defaults(context);
    StringBuffer<20> delay;
    print(delay, "{}", CONFIG_BOOTDELAY);
    defaults.set("bootdelay", delay.view());
    defaults.set("bootcmd", CONFIG_BOOTCOMMAND);
#ifdef CONFIG_CMD_NET
    defaults.set("boot_targets", "virtio0 dhcp");
#else
    defaults.set("boot_targets", "virtio0");
#endif
    defaults.set("baudrate", console_baud_rate);
    for (const ConsoleVariable& variable : console_variables)
        defaults.set(variable.name, system::Console::serial_name);
    name_machine(defaults, context.machine);
    name_addresses(defaults, context);
    set_card_variables(context);
}

} // namespace vireo::shell
