// SPDX-License-Identifier: Apache-2.0
#include "base/parse.h"
#include "shell/arguments.h"
#include "shell/disks.h"

namespace vireo::shell {
namespace {

// Text to a variable if one is named, else to the console.
int deliver(Context& context, Arguments variable, std::string_view text) {
    if (variable.empty()) {
        print(context.console, "{}\n", text);
        return status_ok;
    }
    auto set = context.environment.set(variable[0], text);
    return set ? status_ok : fail(context, variable[0], set.error());
}

// The disk as `part` counts; none, and one line, if there is no such disk.
NamedDisk find_disk_for_part(Context& context, std::string_view interface, std::string_view& spec) {
    NamedDisk disk = find_disk(context, interface, spec);
    disk.partition_base = 10;
    return disk;
}

// The disk's table, and what is wrong with it, with a line if there is none.
std::unique_ptr<block::PartitionTable> table_of(Context& context, std::string_view interface,
                                                std::string_view& spec) {
    NamedDisk disk = find_disk_for_part(context, interface, spec);
    auto table = disk ? read_table(context, disk) : nullptr;
    if (!table)
        return nullptr;
    tell_findings(context, disk, disk.text().view(), 0, table->findings);
    if (table->type == block::TableType::None) {
        print(context.console, "** No partition table - {} {} **\n", interface, disk.text().view());
        return nullptr;
    }
    return table;
}

// By number (decimal in `part start`, hexadecimal behind ':', as in U-Boot) or by name.
const block::Partition* pick(Context& context, const block::PartitionTable& table, std::string_view text,
                             unsigned base) {
    auto number = parse_number(text, base);
    const block::Partition* part =
        number && *number <= ~u32{0} ? table.find(static_cast<u32>(*number)) : nullptr;
    if (!part)
        part = table.find_by_name(text);
    if (!part)
        print(context.console, "** Invalid partition {} **\n", text);
    return part;
}

// part list INTERFACE DEV [-bootable] [VARIABLE]
int list(Context& context, Arguments words) {
    bool only_bootable = words.size() > 2 && words[2] == "-bootable";
    Arguments variable = words.subspan(only_bootable ? 3 : 2);
    if (variable.size() > 1)
        return status_usage;
    std::string_view spec = words[1];
    if (variable.empty() && !only_bootable) {
        NamedDisk disk = find_disk_for_part(context, words[0], spec);
        auto table = disk ? read_table(context, disk) : nullptr;
        return table ? print_partitions(context, disk, *table) : status_failed;
    }
    auto table = table_of(context, words[0], spec);
    if (!table)
        return status_failed;
    StringBuffer<block::PartitionTable::max_partitions * 9> numbers;
    for (const block::Partition& part : table->partitions)
        if (!only_bootable || part.bootable)
            print(numbers, "{}{:x}", numbers.view().empty() ? "" : " ", part.number);
    return deliver(context, variable, numbers.view());
}

// part start|size|number INTERFACE DEV PART [VARIABLE]
int describe_part(Context& context, std::string_view what, Arguments words) {
    std::string_view spec = words[1];
    auto table = table_of(context, words[0], spec);
    const block::Partition* part = table ? pick(context, *table, words[2], 10) : nullptr;
    if (!part)
        return status_failed;
    StringBuffer<20> text;
    if (what == "number")
        print(text, "0x{:x}", part->number);
    else
        print(text, "{:x}", what == "start" ? part->first_block : part->block_count);
    return deliver(context, words.subspan(3), text.view());
}

// part uuid INTERFACE DEV:PART [VARIABLE]
int uuid(Context& context, Arguments words) {
    std::string_view spec = words[1];
    auto table = table_of(context, words[0], spec);
    const block::Partition* part =
        table ? pick(context, *table, spec.empty() ? spec : spec.substr(1), 16) : nullptr;
    if (!part)
        return status_failed;
    StringBuffer<40> text;
    if (table->type == block::TableType::Gpt)
        print_guid(text, part->partition_guid);
    else
        print(text, "{:08x}-{:02x}", table->mbr_signature, part->number);
    return deliver(context, words.subspan(2), text.view());
}

int part(Context& context, Arguments arguments) {
    std::string_view what = arguments[1];
    Arguments words = arguments.subspan(2);
    if (what == "types" && words.empty()) {
        context.console.write("Supported partition tables: EFI, DOS\n");
        return status_ok;
    }
    if (what == "list" && words.size() >= 2 && words.size() <= 4)
        return list(context, words);
    if ((what == "start" || what == "size" || what == "number") && words.size() >= 3 && words.size() <= 4)
        return describe_part(context, what, words);
    if (what == "uuid" && words.size() >= 2 && words.size() <= 3)
        return uuid(context, words);
    return status_usage;
}

VIREO_COMMAND(part_command) = {
    .name = "part",
    .summary = "partitions of a disk",
    .usage =
        "part list interface dev - print the partition table\n"
        "part list interface dev [-bootable] variable - set 'variable' to the numbers of the partitions\n"
        "part start interface dev part [variable] - first block, hexadecimal; part: a number or a name\n"
        "part size interface dev part [variable] - size in blocks, hexadecimal\n"
        "part number interface dev part [variable] - the number of the partition with that name\n"
        "part uuid interface dev:part [variable] - its UUID\n"
        "part types - list the kinds of partition tables that are understood",
    .run = part,
    .min_words = 2,
    .max_words = 6,
    .subcommands = "list number size start types uuid",
};

} // namespace
} // namespace vireo::shell
