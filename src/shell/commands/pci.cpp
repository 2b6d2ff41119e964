// SPDX-License-Identifier: Apache-2.0
// `pci`: shows the PCI bus. It changes nothing: where things lie is enumeration's affair, and devices are in use.
#include "base/parse.h"
#include "shell/arguments.h"

namespace vireo::shell {
namespace {

using system::PciInspector;
using system::PciPlace;

constexpr u64 config_bytes = 0x100;
constexpr u8 class_offset = 0x0b;

// Base classes of the PCI Code and ID Assignment Specification, from 0 on. Lists of words take less room than tables.
constexpr std::string_view class_names =
    "Build before PCI Rev2.0|Mass storage controller|Network controller|Display controller|Multimedia device|"
    "Memory controller|Bridge device|Simple comm. controller|Base system peripheral|Input device|Docking "
    "station|"
    "Processor|Serial bus controller|Wireless controller|Intelligent controller|Satellite controller|"
    "Cryptographic device|DSP device";

std::string_view class_name(u32 base_class) {
    std::string_view rest = class_names;
    for (; base_class > 0 && !rest.empty(); --base_class)
        split_first(rest, '|');
    std::string_view name = split_first(rest, '|');
    return name.empty() ? "???" : name;
}

// The registers of the header as `pci header` names them: offset (two digits), width, name. PCI 3.0 section 6.1,
// PCI-to-PCI Bridge 1.2 section 3.2.
constexpr std::string_view all_fields =
    "002vendor ID|022device ID|042command register ID|062status register|081revision ID|0b1class code|"
    "0a1sub class code|091programming interface|0c1cache line|0d1latency time|0e1header type|0f1BIST";
constexpr std::string_view normal_fields =
    "104base address 0|144base address 1|184base address 2|1c4base address 3|204base address 4|244base "
    "address 5|"
    "284cardBus CIS pointer|2c2sub system vendor ID|2e2sub system ID|304expansion ROM base address|"
    "3c1interrupt line|3d1interrupt pin|3e1min Grant|3f1max Latency";
constexpr std::string_view bridge_fields =
    "104base address 0|144base address 1|181primary bus number|191secondary bus number|1a1subordinate bus "
    "number|"
    "1b1secondary latency timer|1c1IO base|1d1IO limit|1e2secondary status|202memory base|222memory limit|"
    "242prefetch memory base|262prefetch memory limit|284prefetch memory base upper|"
    "2c4prefetch memory limit upper|302IO base upper 16 bits|322IO limit upper 16 bits|"
    "384expansion ROM base address|3c1interrupt line|3d1interrupt pin|3e2bridge control";

void print_hex(Writer& out, u32 value, u8 width) {
    if (width == 1)
        print(out, "{:02x}", value);
    else if (width == 2)
        print(out, "{:04x}", value);
    else
        print(out, "{:08x}", value);
}

void print_place(Writer& out, PciPlace place) {
    print(out, "{:02x}.{:02x}.{:02x}", place.bus, place.device, place.function);
}

// The bus behind function `index` if that is a bridge, else its own.
u32 last_bus_of(PciInspector& pci, usize index, PciPlace place) {
    u32 behind = (pci.read(index, 0x0e, 1) & 0x7f) == 1 ? pci.read(index, 0x19, 1) : 0;
    return std::max<u32>(place.bus, behind);
}

void print_fields(Context& context, usize index, std::string_view fields) {
    while (!fields.empty()) {
        std::string_view field = split_first(fields, '|');
        u64 place = parse_number(field.substr(0, 3), 16).value_or(0); // offset and width
        auto width = static_cast<u8>(place & 0xf);
        u32 value = context.pci->read(index, static_cast<u8>(place >> 4), width);
        StringBuffer<80> line; // one write for each line
        StringBuffer<32> name;
        print(name, "{} =", field.substr(3));
        print(line, "  {:<30}0x", name.view());
        print_hex(line, value, width);
        if (place >> 4 == class_offset)
            print(line, " ({})", class_name(value));
        line.write("\n");
        context.console.write(line.view());
    }
}

void print_header(Context& context, usize index) {
    print_fields(context, index, all_fields);
    u32 type = context.pci->read(index, 0x0e, 1) & 0x7f;
    if (type <= 1)
        print_fields(context, index, type == 0 ? normal_fields : bridge_fields);
}

// pci [BUS|*] [long]
int list(Context& context, Arguments words) {
    PciInspector& pci = *context.pci;
    bool is_long = !words.empty() && words.back() == "long";
    if (is_long)
        words = words.first(words.size() - 1);
    if (words.size() > 1)
        return status_usage;
    std::optional<u64> wanted;
    if (!words.empty() && words[0] != "*") {
        auto number = parse_number(words[0], 16);
        if (!number)
            return status_usage;
        wanted = *number;
        bool is_there = false;
        for (usize i = 0; auto place = pci.function(i); ++i)
            is_there = is_there || place->bus == *wanted || last_bus_of(pci, i, *place) == *wanted;
        if (!is_there) {
            context.console.write("No such bus\n");
            return status_failed;
        }
        print(context.console, "Scanning PCI devices on bus {:x}\n", *wanted);
    }
    if (!is_long)
        context.console.write("BusDevFun  VendorId   DeviceId   Device Class       Sub-Class\n"
                              "_____________________________________________________________\n");
    for (usize i = 0; auto place = pci.function(i); ++i) {
        if (wanted && place->bus != *wanted)
            continue;
        if (context.interrupted())
            return status_failed;
        StringBuffer<80> line;
        if (is_long)
            line.write("\nFound PCI device ");
        print_place(line, *place);
        if (is_long) {
            print(context.console, "{}:\n", line.view());
            print_header(context, i);
            continue;
        }
        print(context.console, "{}   0x{:04x}     0x{:04x}     {:<23} 0x{:02x}\n", line.view(),
              pci.read(i, 0, 2), pci.read(i, 2, 2), class_name(pci.read(i, class_offset, 1)),
              pci.read(i, 0x0a, 1));
    }
    return status_ok;
}

// "B.D.F", hexadecimal; ':' and a comma separate as well, as other tools print them.
std::optional<PciPlace> parse_place(std::string_view text) {
    u64 parts[3];
    for (usize i = 0; i < 3; ++i) {
        usize end = i < 2 ? text.find_first_of(".:,") : text.size();
        auto number = parse_number(text.substr(0, end), 16);
        if (!number || end == std::string_view::npos)
            return std::nullopt;
        parts[i] = *number;
        text.remove_prefix(i < 2 ? end + 1 : end);
    }
    if (parts[0] > 0xff || parts[1] > 0x1f || parts[2] > 7)
        return std::nullopt;
    return PciPlace{static_cast<u8>(parts[0]), static_cast<u8>(parts[1]), static_cast<u8>(parts[2])};
}

// The number of the function at the place that the user named, or one line that says why not.
std::optional<usize> function_argument(Context& context, std::string_view text) {
    auto wanted = parse_place(text);
    if (!wanted) {
        print(context.console, "'{}' is no PCI device: bus.device.function, hexadecimal, as in 0.2.0\n",
              text);
        return std::nullopt;
    }
    for (usize i = 0; auto place = context.pci->function(i); ++i)
        if (*place == *wanted)
            return i;
    context.console.write("No such device\n");
    return std::nullopt;
}

void print_bars(Context& context, usize index) {
    context.console.write("ID   Base                Size                Width  Type\n"
                          "----------------------------------------------------------\n");
    for (unsigned number = 0; number < 6; ++number) {
        auto bar = context.pci->bar(index, number);
        if (!bar)
            continue;
        StringBuffer<24> base;
        if (bar->base)
            print(base, "0x{:016x}", *bar->base);
        else
            base.write("no room");
        print(context.console, "{:>2}   {:<18}  0x{:016x}  {}     {}   {}\n", number, base.view(), bar->bytes,
              bar->is_64bit ? 64 : 32, bar->is_io ? "I/O" : "MEM",
              bar->is_prefetchable ? "Prefetchable" : "");
    }
}

int regions(Context& context) {
    PciInspector& pci = *context.pci;
    u32 first = 0;
    u32 last = 0;
    for (usize i = 0; auto place = pci.function(i); ++i) {
        if (i == 0)
            first = last = place->bus;
        last = std::max(last, last_bus_of(pci, i, *place));
    }
    print(context.console, "Buses {:02x}-{:02x}\n", first, last);
    context.console.write("#   Bus start          Phys start         Size                Flags\n");
    for (unsigned number = 0; auto region = pci.region(number); ++number)
        print(context.console, "{}   0x{:016x} 0x{:016x} 0x{:016x}  {}\n", number, region->bus, region->cpu,
              region->bytes, region->kind);
    return status_ok;
}

// The registers of `words`: [ADDRESS [COUNT]].
int display(Context& context, usize index, Arguments words, u8 width) {
    auto address = words.empty() ? std::optional<u64>(0) : number_argument(context, words[0]);
    auto count = words.size() < 2 ? std::optional<u64>(0x40 / width) : number_argument(context, words[1]);
    if (!address || !count)
        return status_failed;
    if (*address >= config_bytes || *address % width != 0) {
        print(context.console,
              "address 0x{:x}: configuration space has addresses below 0x{:x}, in steps of {} here\n",
              *address, config_bytes, width);
        return status_failed;
    }
    u64 end = *address + std::min(*count, (config_bytes - *address) / width) * width;
    for (u64 at = *address; at < end;) {
        StringBuffer<80> line;
        print(line, "{:08x}:", at);
        for (u64 line_end = std::min(at + 16, end); at < line_end; at += width) {
            line.write(" ");
            print_hex(line, context.pci->read(index, static_cast<u8>(at), width), width);
        }
        line.write("\n");
        context.console.write(line.view());
    }
    return status_ok;
}

int pci(Context& context, Arguments arguments) {
    if (!context.pci) {
        context.console.write("no PCI on this machine\n");
        return status_failed;
    }
    Arguments words = arguments.subspan(1);
    std::string_view what = words.empty() ? std::string_view() : words[0];
    if (what == "enum") {
        auto scanned = words.size() == 1 ? context.pci->rescan() : Result<>();
        return words.size() != 1 ? status_usage
               : scanned         ? status_ok
                                 : fail(context, "pci enum", scanned.error());
    }
    if (what == "regions")
        return words.size() == 1 ? regions(context) : status_usage;
    bool shows_all = what == "header" || what == "bar";
    u8 width = what == "display" ? u8{4} : unit_width(what, 0);
    bool displays =
        what.starts_with("display") && what.size() <= 9 && (width == 1 || width == 2 || width == 4);
    if (!shows_all && !displays)
        return list(context, words);
    if (words.size() < 2 || words.size() > (displays ? 4 : 2))
        return status_usage;
    auto index = function_argument(context, words[1]);
    if (!index)
        return status_failed;
    if (displays)
        return display(context, *index, words.subspan(2), width);
    what == "bar" ? print_bars(context, *index) : print_header(context, *index);
    return status_ok;
}

VIREO_COMMAND(pci_command) = {
    .name = "pci",
    .summary = "list and show what is on the PCI bus",
    .usage = "pci [bus|*] [long] - list the devices on one bus or on all; long: with their headers\n"
             "pci enum - look for devices that are new\n"
             "pci header b.d.f - show the header of device `bus.device.function'\n"
             "pci bar b.d.f - show where its registers lie and how large they are\n"
             "pci regions - show the windows of the host bridge\n"
             "pci display[.b, .w, .l] b.d.f [address [count]] - show configuration space (default 40 bytes)",
    .run = pci,
    .max_words = 5,
    .subcommands = "bar display enum header long regions",
};

} // namespace
} // namespace vireo::shell
