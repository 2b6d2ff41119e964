// SPDX-License-Identifier: Apache-2.0
// acpi: shows the ACPI tables that an operating system will find. They are made when they are
// first asked for.
#include "base/parse.h"
#include "boot/acpi/table_header.h"
#include "boot/acpi/table_list.h"
#include "shell/arguments.h"

namespace vireo::shell {
namespace {

using boot::AcpiTable;
using boot::AcpiTables;

bool find_tables(Context& context, AcpiTables& tables) {
    auto made = context.machine.firmware_tables();
    if (!made) {
        (void)fail(context, "ACPI tables", made.error());
        return false;
    }
    if (made->acpi_root == 0) {
        context.console.write("This machine has no ACPI tables\n");
        return false;
    }
    auto listed = boot::list_tables(context.machine, context.memory, made->acpi_root, tables);
    if (!listed)
        (void)fail(context, "ACPI tables", listed.error());
    return listed.has_value();
}

std::string_view field(std::span<const char> text) { return {text.data(), text.size()}; }

void print_table(Writer& out, const AcpiTable& table) {
    print_untrusted(out, table.signature);
    print(out, "  {:08x}  {:6x}", table.address, table.bytes.size());
    auto header = table.has_header ? read_struct<boot::AcpiTableHeader>(table.bytes) : std::nullopt;
    if (header) {
        print(out, "  v{:02x} ", header->revision);
        print_untrusted(out, field(header->oem));
        out.write(" ");
        print_untrusted(out, field(header->oem_table));
        print(out, " {:x} ", header->oem_revision.get());
        print_untrusted(out, field(header->creator));
        print(out, " {:x}", header->creator_revision.get());
    }
    out.write(table.is_whole ? "\n" : "  wrong checksum\n");
}

int list(Context& context, Arguments) {
    AcpiTables tables;
    if (!find_tables(context, tables))
        return status_failed;
    Writer& out = context.console;
    out.write("Name      Base    Size  Detail\n"
              "----  --------  ------  ----------------------------\n");
    for (const AcpiTable& table : tables.tables)
        print_table(out, table);
    if (tables.left_out != 0)
        print(out, "{} tables do not lie in RAM as a whole, or are too many\n", tables.left_out);
    return status_ok;
}

bool is_name(std::string_view name, std::string_view word) {
    auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
    return std::ranges::equal(name, word, {}, {}, upper);
}

// There may be several of one name (SSDT).
int dump(Context& context, Arguments words) {
    if (words.size() != 1)
        return status_usage;
    AcpiTables tables;
    if (!find_tables(context, tables))
        return status_failed;
    bool is_found = false;
    for (const AcpiTable& table : tables.tables) {
        if (!is_name(table.signature, words[0]))
            continue;
        is_found = true;
        print_untrusted(context.console, table.signature);
        print(context.console, " @ {:08x}\n", table.address);
        for (usize at = 0; at < table.bytes.size() && !context.interrupted(); at += 16)
            print_dump_line(context.console, at,
                            table.bytes.subspan(at, std::min<usize>(16, table.bytes.size() - at)), 1);
    }
    if (!is_found)
        print(context.console, "There is no table '{}'\n", words[0]);
    return is_found ? status_ok : status_failed;
}

int acpi(Context& context, Arguments arguments) {
    if (arguments[1] == "list" && arguments.size() == 2)
        return list(context, arguments);
    if (arguments[1] == "dump")
        return dump(context, arguments.subspan(2));
    return status_usage;
}

VIREO_COMMAND(acpi_command) = {
    .name = "acpi",
    .summary = "show the ACPI tables",
    .usage = "acpi list - names, addresses and sizes of the tables that an operating system finds\n"
             "acpi dump NAME - the bytes of each table of that name",
    .run = acpi,
    .min_words = 2,
    .max_words = 3,
    .subcommands = "list dump",
};

} // namespace
} // namespace vireo::shell
