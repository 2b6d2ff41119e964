// SPDX-License-Identifier: Apache-2.0
#include "shell/disks.h"

#include "base/parse.h"
#include "shell/arguments.h"

namespace vireo::shell {

void print_disk(Writer& out, const device::BlockDevice& disk) {
    const device::BlockFacts& facts = disk.facts();
    // Tenths of MB and GB, cut off as U-Boot does. At most 2^55 sectors, so the product fits.
    u64 tenths_of_mb = facts.block_count * facts.block_bytes / 512 * 10 / 2048;
    u64 tenths_of_gb = tenths_of_mb / 1024;
    print_untrusted(out, facts.product);
    print(out, "\n            Type: Hard Disk\n");
    print(out, "            Capacity: {}.{} MB = {}.{} GB ({} x {})\n", tenths_of_mb / 10, tenths_of_mb % 10,
          tenths_of_gb / 10, tenths_of_gb % 10, facts.block_count, facts.block_bytes);
}

void print_guid(Writer& out, std::span<const u8, 16> guid) {
    constexpr u8 order[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    for (usize i = 0; i < 16; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out.write("-");
        print(out, "{:02x}", guid[order[i]]);
    }
}

static void print_in_base(Writer& out, u64 number, unsigned base) {
    if (base == 10)
        print(out, "{}", number);
    else
        print(out, "{:x}", number);
}

StringBuffer<24> NamedDisk::text() const {
    StringBuffer<24> text;
    print_in_base(text, number, base);
    return text;
}

static void print_finding(Context& context, const NamedDisk& disk, std::string_view spec,
                          const block::Findings::Finding& finding) {
    using Number = block::FindingKind::Number;
    Writer& out = context.console;
    out.write("warning: virtio ");
    print_untrusted(out, spec);
    print(out, ": {}", finding.kind->subject);
    if (finding.kind->number != Number::None) {
        out.write(" ");
        print_in_base(out, finding.first,
                      finding.kind->number == Number::Partition ? disk.partition_base : 10);
        if (finding.count > 1)
            print(out, " and {} more", finding.count - 1);
    }
    print(out, ": {}", finding.kind->text);
    if (finding.detail[0] != '\0')
        print(out, " ({})", finding.detail);
    out.write("\n");
}

void tell_findings(Context& context, const NamedDisk& disk, std::string_view spec, u64 first_block,
                   const block::Findings& findings) {
    if (context.console.is_quiet())
        return;
    for (const block::Findings::Finding& finding : findings.all())
        if (context.told.is_news(*disk.device, first_block, *finding.kind))
            print_finding(context, disk, spec, finding);
}

static void print_gpt(Writer& out, const block::Partition& part) {
    print(out, "{:3}\t0x{:08x}\t0x{:08x}\t\"", part.number, part.first_block,
          part.first_block + part.block_count - 1);
    print_untrusted(out, part.name);
    print(out, "\"\n\tattrs:\t0x{:016x}\n\ttype:\t", part.attributes);
    print_guid(out, part.type_guid);
    out.write("\n\tguid:\t");
    print_guid(out, part.partition_guid);
    out.write("\n");
}

static bool is_extended(u8 type) { return type == 0x05 || type == 0x0f || type == 0x85; }

static void print_mbr(Writer& out, const block::Partition& part, u32 signature) {
    print(out, "{:3}\t{:<10}\t{:<10}\t{:08x}-{:02x}\t{:02x}{}{}\n", part.number, part.first_block,
          part.block_count, signature, part.number, part.mbr_type, is_extended(part.mbr_type) ? " Extd" : "",
          part.bootable ? " Boot" : "");
}

int print_partitions(Context& context, const NamedDisk& disk, const block::PartitionTable& table) {
    Writer& out = context.console;
    for (const block::Findings::Finding& finding : table.findings.all()) {
        (void)context.told.is_news(*disk.device, 0, *finding.kind);
        print_finding(context, disk, disk.text().view(), finding);
    }
    if (table.type == block::TableType::None) {
        out.write("## Unknown partition table type 0\n");
        return status_failed;
    }
    bool is_gpt = table.type == block::TableType::Gpt;
    print(out, "\nPartition Map for virtio device {}  --   Partition Type: {}\n\n", disk.text().view(),
          is_gpt ? "EFI" : "DOS");
    out.write(is_gpt ? "Part\tStart LBA\tEnd LBA\t\tName\n\tAttributes\n\tType GUID\n\tPartition GUID\n"
                     : "Part\tStart Sector\tNum Sectors\tUUID\t\tType\n");
    for (const block::Partition& part : table.partitions) {
        if (context.interrupted())
            return status_failed;
        if (is_gpt)
            print_gpt(out, part);
        else
            print_mbr(out, part, table.mbr_signature);
    }
    return status_ok;
}

std::unique_ptr<block::PartitionTable> read_table(Context& context, const NamedDisk& disk) {
    auto table = make_owned<block::PartitionTable>();
    Result<> read = table ? block::read_partition_table(*disk.device, **table) : Result<>(table.error());
    if (read)
        return std::move(*table);
    print(context.console, "** Partition table of virtio {}: {} ({}) **\n", disk.text().view(),
          describe(read.error().code), read.error());
    return nullptr;
}

static bool is_absent_storage(std::string_view interface) {
    constexpr std::string_view names[] = {"ide", "mmc", "nvme", "sata", "scsi", "usb"};
    return std::ranges::find(names, interface) != std::ranges::end(names);
}

bool refuse_absent_storage(Context& context, std::string_view interface) {
    if (!is_absent_storage(interface))
        return false;
    print(context.console, "no {} disks on this machine: Vireo drives VirtIO disks (see 'virtio info')\n",
          interface);
    return true;
}

NamedDisk find_disk(Context& context, std::string_view interface, std::string_view& spec) {
    if (refuse_absent_storage(context, interface))
        return {};
    std::string_view device = spec.substr(0, spec.find_first_of(":#"));
    std::string_view whole = std::exchange(spec, spec.substr(device.size()));
    if (device == "-") {
        context.console.write("** No device specified **\n");
        return {};
    }
    // ":2" is on device 0, as in U-Boot.
    auto parsed = device.empty() && !whole.empty() ? Result<u64>(0) : parse_number(device, 16);
    device::BlockDevice* disk =
        parsed && interface == "virtio" ? context.devices.block.find(*parsed) : nullptr;
    if (!disk) {
        print(context.console, "** Bad device specification {} {} **\n", interface, device);
        return {};
    }
    return {disk, *parsed};
}

namespace {

// What is wanted of a disk, from the text behind its number.
struct PartWish {
    enum class Kind : u8 { Default, Number, Name, Bad } kind;
    u64 number = 0;
    std::string_view name{};
};

PartWish parse_wish(std::string_view text) {
    using Kind = PartWish::Kind;
    if (text.empty() || text == ":" || text == ":auto")
        return {Kind::Default};
    if (text.starts_with('#'))
        return {Kind::Name, 0, text.substr(1)};
    auto number = parse_number(text.substr(1), 16);
    return number ? PartWish{Kind::Number, *number} : PartWish{Kind::Bad};
}

const block::Partition* default_partition(const block::PartitionTable& table) {
    for (const block::Partition& part : table.partitions)
        if (part.bootable)
            return &part;
    if (const block::Partition* first = table.find(1))
        return first;
    return table.partitions.is_empty() ? nullptr : &table.partitions[0];
}

const block::Partition* wanted_partition(const PartWish& wish, const block::PartitionTable& table) {
    switch (wish.kind) {
    case PartWish::Kind::Default:
        return default_partition(table);
    case PartWish::Kind::Number:
        return wish.number <= ~u32{0} ? table.find(static_cast<u32>(wish.number)) : nullptr;
    case PartWish::Kind::Name:
        return table.find_by_name(wish.name);
    case PartWish::Kind::Bad:
        break;
    }
    return nullptr;
}

// Without the line about the partition that was not found, which the caller adds.
std::optional<block::Volume> open_volume(Context& context, const NamedDisk& disk, std::string_view spec) {
    PartWish wish = parse_wish(spec);
    if (wish.kind == PartWish::Kind::Bad) {
        print(context.console, "** Bad partition specification virtio {}{} **\n", disk.text().view(), spec);
        return std::nullopt;
    }
    bool wants_whole = wish.kind == PartWish::Kind::Number && wish.number == 0;
    std::unique_ptr<block::PartitionTable> table;
    if (!wants_whole && !(table = read_table(context, disk)))
        return std::nullopt;
    if (table)
        tell_findings(context, disk, disk.text().view(), 0, table->findings);
    bool has_table = table && table->type != block::TableType::None;
    if (wants_whole || (!has_table && wish.kind == PartWish::Kind::Default)) {
        auto volume = block::Volume::whole(*disk.device);
        return volume ? std::optional(std::move(*volume)) : std::nullopt;
    }
    if (!has_table) {
        print(context.console, "** No partition table - virtio {} **\n", disk.text().view());
        return std::nullopt;
    }
    const block::Partition* part = wanted_partition(wish, *table);
    if (!part) {
        context.console.write("** Invalid partition ");
        print_untrusted(context.console, spec.empty() ? std::string_view("1") : spec.substr(1));
        context.console.write(" **\n");
        return std::nullopt;
    }
    auto volume = block::Volume::create(*disk.device, part->first_block, part->block_count);
    if (volume)
        return std::move(*volume);
    fail(context, "Partition", volume.error());
    return std::nullopt;
}

} // namespace

OpenFiles::OpenFiles(Context& context, const NamedDisk& disk, std::string_view spec, u64 first_block,
                     fs::FileSystem files)
    : context_(&context), disk_(disk), spec_(spec), first_block_(first_block), files_(std::move(files)) {
    tell();
}

OpenFiles::OpenFiles(OpenFiles&& other) noexcept
    : context_(other.context_), disk_(other.disk_), spec_(other.spec_), first_block_(other.first_block_),
      files_(other.release()) {}

void OpenFiles::tell() {
    if (files_)
        tell_findings(*context_, disk_, spec_, first_block_, files_->findings());
}

OpenFiles open_file_system(Context& context, std::string_view interface, std::string_view spec) {
    std::string_view rest = spec;
    NamedDisk disk = find_disk(context, interface, rest);
    auto volume = disk ? open_volume(context, disk, rest) : std::nullopt;
    if (!volume) {
        if (!is_absent_storage(interface))
            print(context.console, "Couldn't find partition {} {}\n", interface, spec);
        return {};
    }
    u64 first_block = volume->first_block();
    auto mounted = fs::mount(std::move(*volume));
    if (mounted)
        return {context, disk, spec, first_block, std::move(*mounted)};
    if (mounted.error().code == ErrorCode::NotSupported)
        print(context.console, "** Unrecognized filesystem type ({} {}) **\n", interface, spec);
    else
        print(context.console, "** Cannot mount {} {}: {} ({}) **\n", interface, spec,
              describe(mounted.error().code), mounted.error());
    return {};
}

} // namespace vireo::shell
