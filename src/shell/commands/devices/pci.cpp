// SPDX-License-Identifier: Apache-2.0
// `pci`: shows the PCI bus. It changes nothing: where things lie is enumeration's affair, and
// devices are in use.
#include "base/parse.h"
#include "shell/arguments.h"

namespace vireo::shell {
namespace {

using system::PciInspector;
using system::PciPlace;

constexpr u32 config_bytes = 0x100;
constexpr u8 class_offset = 0x0b;
constexpr u8 header_type_offset = 0x0e;

// Base classes of the PCI Code and ID Assignment Specification, from 0 on. Lists of words take
// less room than tables.
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

// The registers of the header as `pci header` names them: offset (two digits), width, name. PCI 3.0 section
// 6.1, PCI-to-PCI Bridge 1.2 section 3.2.
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

// Everything is written in these steps and not by format strings: many short rows of the same few kinds.
void write_hex(Writer& out, u64 value, unsigned digits) {
    char text[16];
    for (unsigned i = digits; i-- > 0; value >>= 4)
        text[i] = "0123456789abcdef"[value & 0xf];
    out.write({text, digits});
}

[[gnu::noinline]] void write_hex(Writer& out, std::string_view before, u64 value, unsigned digits) {
    out.write(before);
    write_hex(out, value, digits);
}

[[gnu::noinline]] void write_padded(Writer& out, std::string_view text, usize width) {
    out.write(text);
    for (usize i = text.size(); i < width; ++i)
        out.write(" ");
}

void write_place(Writer& out, PciPlace place) {
    write_hex(out, place.bus, 2);
    write_hex(out, ".", place.device, 2);
    write_hex(out, ".", place.function, 2);
}

// Numbers are given out without gaps, so all buses up to this one exist.
u32 last_bus(PciInspector& pci) {
    u32 last = 0;
    for (usize i = 0; auto place = pci.function(i); ++i) {
        bool is_bridge = (pci.read(i, header_type_offset, 1) & 0x7f) == 1;
        last = std::max({last, u32{place->bus}, is_bridge ? pci.read(i, 0x19, 1) : 0});
    }
    return last;
}

void print_fields(Context& context, usize index, std::string_view fields) {
    Writer& out = context.console;
    while (!fields.empty()) {
        std::string_view field = split_first(fields, '|');
        auto place = static_cast<u32>(parse_number(field.substr(0, 3), 16).value_or(0)); // offset and width
        u32 value = context.pci->read(index, static_cast<u8>(place >> 4), place & 0xf);
        out.write("  ");
        out.write(field.substr(3));
        write_padded(out, " =", 33 - field.size());
        write_hex(out, "0x", value, 2 * (place & 0xf));
        if (place >> 4 == class_offset) {
            out.write(" (");
            out.write(class_name(value));
            out.write(")");
        }
        out.write("\n");
    }
}

void print_header(Context& context, usize index) {
    print_fields(context, index, all_fields);
    u32 type = context.pci->read(index, header_type_offset, 1) & 0x7f;
    if (type <= 1)
        print_fields(context, index, type == 0 ? normal_fields : bridge_fields);
}

// True if `word` is `name` or its beginning, as U-Boot takes them.
bool begins(std::string_view name, std::string_view word) { return !word.empty() && name.starts_with(word); }

// pci [BUS|*] [long]
int list(Context& context, Arguments words) {
    PciInspector& pci = *context.pci;
    Writer& out = context.console;
    bool is_long = !words.empty() && begins("long", words.back());
    if (is_long)
        words = words.first(words.size() - 1);
    if (words.size() > 1)
        return status_usage;
    bool is_one = !words.empty() && words[0] != "*";
    u64 bus = 0;
    if (is_one) {
        auto number = parse_number(words[0], 16);
        if (!number)
            return status_usage;
        bus = *number;
        if (auto first = pci.function(0); !first || bus < first->bus || bus > last_bus(pci)) {
            out.write("No such bus\n");
            return status_failed;
        }
        print(out, "Scanning PCI devices on bus {:x}\n", bus);
    }
    if (!is_long)
        out.write("BusDevFun  VendorId   DeviceId   Device Class       Sub-Class\n"
                  "_____________________________________________________________\n");
    for (usize i = 0; auto place = pci.function(i); ++i) {
        if (is_one && place->bus != bus)
            continue;
        if (context.interrupted())
            return status_failed;
        if (is_long)
            out.write("\nFound PCI device ");
        write_place(out, *place);
        if (is_long) {
            out.write(":\n");
            print_header(context, i);
            continue;
        }
        write_hex(out, "   0x", pci.read(i, 0, 2), 4);
        write_hex(out, "     0x", pci.read(i, 2, 2), 4);
        out.write("     ");
        write_padded(out, class_name(pci.read(i, class_offset, 1)), 24);
        write_hex(out, "0x", pci.read(i, 0x0a, 1), 2);
        out.write("\n");
    }
    return status_ok;
}

// "B.D.F", hexadecimal; ':' and a comma separate as well, as other tools print them.
[[gnu::noinline]] std::optional<PciPlace> parse_place(std::string_view text) {
    constexpr u8 highest[] = {0xff, 0x1f, 7};
    u8 parts[3];
    for (usize i = 0; i < 3; ++i) {
        usize end = i < 2 ? text.find_first_of(".:,") : text.size();
        auto number = parse_number(text.substr(0, end), 16);
        if (!number || *number > highest[i] || end == std::string_view::npos)
            return std::nullopt;
        parts[i] = static_cast<u8>(*number);
        text.remove_prefix(i < 2 ? end + 1 : end);
    }
    return PciPlace{parts[0], parts[1], parts[2]};
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
    Writer& out = context.console;
    out.write("ID   Base                Size                Width  Type\n"
              "----------------------------------------------------------\n");
    for (unsigned number = 0; number < 6; ++number) {
        auto bar = context.pci->bar(index, number);
        if (!bar)
            continue;
        write_hex(out, " ", number, 1);
        if (bar->base)
            write_hex(out, "   0x", *bar->base, 16);
        else
            out.write("   no room           ");
        write_hex(out, "  0x", bar->bytes, 16);
        out.write(bar->is_64bit ? "  64     " : "  32     ");
        out.write(bar->is_io ? "I/O   " : "MEM   ");
        out.write(bar->is_prefetchable ? "Prefetchable\n" : "\n");
    }
}

int regions(Context& context) {
    PciInspector& pci = *context.pci;
    Writer& out = context.console;
    auto first = pci.function(0);
    write_hex(out, "Buses ", first ? first->bus : 0, 2);
    write_hex(out, "-", last_bus(pci), 2);
    out.write("\n#   Bus start          Phys start         Size                Flags\n");
    for (unsigned number = 0; auto region = pci.region(number); ++number) {
        write_hex(out, number, 1);
        write_hex(out, "   0x", region->bus, 16);
        write_hex(out, " 0x", region->cpu, 16);
        write_hex(out, " 0x", region->bytes, 16);
        out.write("  ");
        out.write(region->kind);
        out.write("\n");
    }
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
              "address 0x{:x}: configuration space has addresses below 0x100, in steps of {} here\n",
              *address, u64{width});
        return status_failed;
    }
    Writer& out = context.console;
    auto at = static_cast<u32>(*address);
    u32 end = at + static_cast<u32>(std::min<u64>(*count, (config_bytes - at) / width)) * width;
    for (u32 column = 0; at < end; at += width) {
        if (column == 0) {
            write_hex(out, at, 8);
            out.write(":");
        }
        write_hex(out, " ", context.pci->read(index, static_cast<u8>(at), width), 2u * width);
        column = (column + width) % 16;
        if (column == 0 || at + width == end)
            out.write("\n");
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
    bool is_alone = words.size() == 1 && !parse_number(what, 16); // "e" is a bus
    if (is_alone && begins("enum", what)) {
        auto scanned = context.pci->rescan();
        return scanned ? status_ok : fail(context, "pci enum", scanned.error());
    }
    if (is_alone && begins("regions", what))
        return regions(context);
    std::string_view name = what.substr(0, what.find('.'));
    std::string_view unit = what.substr(name.size());
    u8 width = unit.empty() ? u8{4} : unit.size() == 2 ? unit_width(unit, 0) : u8{0};
    bool displays = begins("display", name) && (width == 1 || width == 2 || width == 4);
    bool shows_bars = begins("bar", what);
    bool names_one = words.size() > 1 && !begins("long", words[1]); // "b long" is a bus
    if (!names_one || !(displays || shows_bars || begins("header", what)))
        return list(context, words);
    if (words.size() > (displays ? 4 : 2))
        return status_usage;
    auto index = function_argument(context, words[1]);
    if (!index)
        return status_failed;
    if (displays)
        return display(context, *index, words.subspan(2), width);
    shows_bars ? print_bars(context, *index) : print_header(context, *index);
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
