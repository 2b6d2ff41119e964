// SPDX-License-Identifier: Apache-2.0
#include "boot/x86/boot_params.h"
#include "shell/arguments.h"
#include "shell/commands/boot/zboot.h"

namespace vireo::shell {

namespace {

using boot::AddressRange;
using boot::BootParamsPage;

void print_field(Writer& out, std::string_view name, u64 value) { print(out, "{:20}: {:x}\n", name, value); }

// The names of the bits that are set.
void print_flags(Writer& out, u32 value, std::span<const std::string_view> names) {
    bool is_first = true;
    for (usize bit = 0; bit < names.size(); ++bit) {
        if ((value >> bit & 1) == 0 || names[bit].empty())
            continue;
        print(out, "{}{}", is_first ? "                    : " : ", ", names[bit]);
        is_first = false;
    }
    if (!is_first)
        out.write("\n");
}

constexpr std::string_view load_flags[] = {"loaded-high", "", "", "", "", "quiet", "keep-segments",
                                           "can-use-heap"};
constexpr std::string_view more_load_flags[] = {"64-bit-entry", "can-load-above-4gb", "32-efi-handoff",
                                                "64-efi-handoff", "kexec-efi-runtime"};

void print_address_map(Writer& out, const BootParamsPage& page) {
    constexpr std::string_view types[] = {"", "RAM", "Reserved", "ACPI data", "ACPI NVS", "Unusable"};
    usize count = std::min<usize>(page.address_ranges, std::size(page.address_map));
    print(out, "E820: {} entries\n", count);
    if (count != 0)
        print(out, "{:>12}  {:>10}  Type\n", "Addr", "Size");
    for (const AddressRange& range : std::span(page.address_map).first(count)) {
        print(out, "{:>12x}  {:>10x}  ", range.base.get(), range.bytes.get());
        if (range.type != 0 && range.type < std::size(types))
            print(out, "{}\n", types[range.type]);
        else
            print(out, "{:x}\n", range.type.get());
    }
}

} // namespace

void print_boot_params(Writer& out, u64 address, Bytes bytes) {
    BootParamsPage page; // a private copy, and no second one: it is large for a stack
    std::memcpy(&page, bytes.data(), sizeof(page));
    const boot::LinuxX86Header& header = page.header;
    print(out, "Setup located at {:016x}:\n\n", address);
    print_field(out, "ACPI RSDP addr", page.acpi_root);
    print_address_map(out, page);
    print_field(out, "Setup sectors", header.setup_sectors);
    print_field(out, "Root flags", header.root_flags);
    print_field(out, "Sys size", header.system_paragraphs);
    print_field(out, "RAM size", header.ram_size);
    print_field(out, "Video mode", header.video_mode);
    print_field(out, "Root dev", header.root_device);
    print_field(out, "Boot flag", header.boot_flag);
    print_field(out, "Jump", header.jump | u32{header.bytes_behind} << 8);
    print_field(out, "Header", *read_struct<Le<u32>>(std::as_bytes(std::span(header.magic))));
    print_field(out, "Version", header.protocol);
    print_field(out, "Real mode switch", header.real_mode_switch);
    print_field(out, "Start sys seg", header.start_segment);
    print_field(out, "Kernel version", header.version_offset);
    print_field(out, "Type of loader", header.loader_type);
    print_field(out, "Load flags", header.load_flags);
    print_flags(out, header.load_flags, load_flags);
    print_field(out, "Setup move size", header.setup_move_bytes);
    print_field(out, "Code32 start", header.code32_start);
    print_field(out, "Ramdisk image", u64{page.ramdisk_address_high} << 32 | header.ramdisk_address);
    print_field(out, "Ramdisk size", u64{page.ramdisk_bytes_high} << 32 | header.ramdisk_bytes);
    print_field(out, "Bootsect kludge", header.unused);
    print_field(out, "Heap end ptr", header.heap_end);
    print_field(out, "Ext loader ver", header.loader_version);
    print_field(out, "Ext loader type", header.loader_type_more);
    print_field(out, "Command line ptr",
                u64{page.command_line_address_high} << 32 | header.command_line_address);
    print_field(out, "Initrd addr max", header.initrd_most);
    print_field(out, "Kernel alignment", header.alignment);
    print_field(out, "Relocatable kernel", header.is_relocatable);
    print_field(out, "Min alignment", header.least_alignment);
    print_field(out, "Xload flags", header.more_load_flags);
    print_flags(out, header.more_load_flags, more_load_flags);
    print_field(out, "Cmdline size", header.command_line_most);
    print_field(out, "Hardware subarch", header.subarchitecture);
    print_field(out, "HW subarch data", header.subarchitecture_data);
    print_field(out, "Payload offset", header.payload_offset);
    print_field(out, "Payload length", header.payload_bytes);
    print_field(out, "Setup data", header.setup_data);
    print_field(out, "Pref address", header.preferred_address);
    print_field(out, "Init size", header.memory_bytes);
    print_field(out, "Handover offset", header.handover_offset);
}

} // namespace vireo::shell
