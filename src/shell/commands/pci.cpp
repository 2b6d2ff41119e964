// SPDX-License-Identifier: Apache-2.0
// `pci`: shows the PCI bus. It changes nothing: where things lie is enumeration's affair, and devices are in use.
#include "base/parse.h"
#include "shell/arguments.h"

namespace vireo::shell {
namespace {

using system::PciInspector;
using system::PciPlace;

constexpr u64 config_bytes = 0x100;

// Base classes of the PCI Code and ID Assignment Specification, by number.
constexpr char class_names[][24] = {"Build before PCI Rev2.0", "Mass storage controller",
                                    "Network controller",      "Display controller",
                                    "Multimedia device",       "Memory controller",
                                    "Bridge device",           "Simple comm. controller",
                                    "Base system peripheral",  "Input device",
                                    "Docking station",         "Processor",
                                    "Serial bus controller",   "Wireless controller",
                                    "Intelligent controller",  "Satellite controller",
                                    "Cryptographic device",    "DSP device"};

std::string_view class_name(u32 base_class) {
    if (base_class < std::size(class_names))
        return class_names[base_class];
    return base_class == 0xff ? "Does not fit any class" : "???";
}

// One register of the header, as `pci header` names it.
struct Field {
    u8 offset;
    u8 width;
    char name[28];
};
constexpr Field common_fields[] = {{0x00, 2, "vendor ID"},           {0x02, 2, "device ID"},
                                   {0x04, 2, "command register ID"}, {0x06, 2, "status register"},
                                   {0x08, 1, "revision ID"},         {0x0b, 1, "class code"},
                                   {0x0a, 1, "sub class code"},      {0x09, 1, "programming interface"},
                                   {0x0c, 1, "cache line"},          {0x0d, 1, "latency time"},
                                   {0x0e, 1, "header type"},         {0x0f, 1, "BIST"},
                                   {0x10, 4, "base address 0"},      {0x14, 4, "base address 1"}};
constexpr usize before_bars = 12; // what every type of header has
constexpr Field normal_fields[] = {{0x18, 4, "base address 2"},      {0x1c, 4, "base address 3"},
                                   {0x20, 4, "base address 4"},      {0x24, 4, "base address 5"},
                                   {0x28, 4, "cardBus CIS pointer"}, {0x2c, 2, "sub system vendor ID"},
                                   {0x2e, 2, "sub system ID"},       {0x30, 4, "expansion ROM base address"},
                                   {0x3c, 1, "interrupt line"},      {0x3d, 1, "interrupt pin"},
                                   {0x3e, 1, "min Grant"},           {0x3f, 1, "max Latency"}};
constexpr Field bridge_fields[] = {{0x18, 1, "primary bus number"},
                                   {0x19, 1, "secondary bus number"},
                                   {0x1a, 1, "subordinate bus number"},
                                   {0x1b, 1, "secondary latency timer"},
                                   {0x1c, 1, "IO base"},
                                   {0x1d, 1, "IO limit"},
                                   {0x1e, 2, "secondary status"},
                                   {0x20, 2, "memory base"},
                                   {0x22, 2, "memory limit"},
                                   {0x24, 2, "prefetch memory base"},
                                   {0x26, 2, "prefetch memory limit"},
                                   {0x28, 4, "prefetch memory base upper"},
                                   {0x2c, 4, "prefetch memory limit upper"},
                                   {0x30, 2, "IO base upper 16 bits"},
                                   {0x32, 2, "IO limit upper 16 bits"},
                                   {0x38, 4, "expansion ROM base address"},
                                   {0x3c, 1, "interrupt line"},
                                   {0x3d, 1, "interrupt pin"},
                                   {0x3e, 2, "bridge control"}};

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

void print_fields(Context& context, usize index, std::span<const Field> fields) {
    for (const Field& field : fields) {
        u32 value = context.pci->read(index, field.offset, field.width);
        StringBuffer<80> line; // one write for each line
        StringBuffer<32> name;
        print(name, "{} =", field.name);
        print(line, "  {:<30}0x", name.view());
        print_hex(line, value, field.width);
        if (field.offset == 0x0b)
            print(line, " ({})", class_name(value));
        line.write("\n");
        context.console.write(line.view());
    }
}

void print_header(Context& context, usize index) {
    u32 type = context.pci->read(index, 0x0e, 1) & 0x7f;
    std::span<const Field> common = common_fields;
    print_fields(context, index, type <= 1 ? common : common.first(before_bars));
    if (type == 0)
        print_fields(context, index, normal_fields);
    else if (type == 1)
        print_fields(context, index, bridge_fields);
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
              pci.read(i, 0, 2), pci.read(i, 2, 2), class_name(pci.read(i, 0x0b, 1)), pci.read(i, 0x0a, 1));
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
