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
    print(out, "warning: {} ", disk.device->interface());
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
    print(out, "\nPartition Map for {} device {}  --   Partition Type: {}\n\n", disk.device->interface(),
          disk.text().view(), is_gpt ? "EFI" : "DOS");
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

static void print_bad_table(Context& context, const NamedDisk& disk, const Error& why) {
    print(context.console, "** Partition table of {} {}: ", disk.device->interface(), disk.text().view());
    print_error(context.console, why, " **\n");
}

std::unique_ptr<block::PartitionTable> read_table(Context& context, const NamedDisk& disk) {
    auto table = load::read_table(*disk.device);
    if (table)
        return std::move(*table);
    print_bad_table(context, disk, table.error());
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
    device::BlockDevice* disk = parsed ? context.devices.block.find(interface, *parsed) : nullptr;
    if (!disk) {
        print(context.console, "** Bad device specification {} {} **\n", interface, device);
        return {};
    }
    return {disk, *parsed};
}

namespace {

// Tells what the partition table brought to light.
class TableWatcher final : public load::Watcher {
  public:
    TableWatcher(Context& context, const NamedDisk& disk) : context_(context), disk_(disk) {}
    void found(const block::Findings& findings) override {
        tell_findings(context_, disk_, disk_.text().view(), 0, findings);
    }

  private:
    Context& context_;
    const NamedDisk& disk_;
};

// `partition`: what follows the disk's number. What else has to be said of a partition that was not
// found, the caller adds.
void print_no_volume(Context& context, const NamedDisk& disk, std::string_view partition,
                     const load::Failure& failure) {
    using Kind = load::Failure::Kind;
    Writer& out = context.console;
    std::string_view interface = disk.device->interface();
    switch (failure.kind) {
    case Kind::BadPartition:
        return print(out, "** Bad partition specification {} {}{} **\n", interface, disk.text().view(),
                     partition);
    case Kind::Table:
        return print_bad_table(context, disk, failure.why);
    case Kind::NoTable:
        return print(out, "** No partition table - {} {} **\n", interface, disk.text().view());
    case Kind::NoPartition:
        out.write("** Invalid partition ");
        print_untrusted(out, partition.empty() ? std::string_view("1") : partition.substr(1));
        return out.write(" **\n");
    case Kind::Partition:
        (void)fail(context, "Partition", failure.why);
        return;
    default:
        return;
    }
}

std::optional<block::Volume> open_volume(Context& context, const NamedDisk& disk,
                                         std::string_view partition) {
    TableWatcher watcher(context, disk);
    auto volume = load::open_volume(*disk.device, partition, watcher);
    if (volume)
        return std::move(*volume);
    print_no_volume(context, disk, partition, watcher.failure);
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
    load::Failure failure;
    auto mounted = load::mount(std::move(*volume), failure);
    if (mounted)
        return {context, disk, spec, first_block, std::move(*mounted)};
    if (failure.kind == load::Failure::Kind::UnknownFileSystem) {
        print(context.console, "** Unrecognized filesystem type ({} {}) **\n", interface, spec);
    } else {
        print(context.console, "** Cannot mount {} {}: ", interface, spec);
        print_error(context.console, failure.why, " **\n");
    }
    return {};
}

} // namespace vireo::shell
