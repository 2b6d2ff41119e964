// SPDX-License-Identifier: Apache-2.0
// `virtio`: the documented subcommands. Others are in files of their own.
#include "shell/commands/devices/virtio.h"
#include "base/math.h"
#include "base/parse.h"
#include "shell/arguments.h"
#include "shell/commands/devices/virtio_inspect.h"
#include "shell/disks.h"

namespace vireo::shell {
namespace {

bool has_disks(const Context& context) {
    for (u64 i = 0; i < context.devices.block.count(); ++i)
        if (find_virtio_disk(context, i))
            return true;
    return false;
}

int scan(Context& context) {
    context.told.forget_all(); // another disk may be in the place of one
    auto found = context.virtio.rescan();
    return found ? status_ok : fail(context, "virtio scan", found.error());
}

int info(Context& context) {
    context.virtio.refresh(); // a disk may have been resized since it was last used
    for (u64 i = 0; i < context.devices.block.count(); ++i) {
        if (const device::BlockDevice* disk = find_virtio_disk(context, i)) {
            print(context.console, "Device {}: ", i);
            print_disk(context.console, *disk);
        }
    }
    return status_ok;
}

int show_current(Context& context) {
    context.console.write("\n");
    if (!has_disks(context)) {
        context.console.write("no virtio devices available\n");
        return status_failed;
    }
    const device::BlockDevice* disk = find_virtio_disk(context, context.current_disk);
    print(context.console, "VirtIO device {}: ", context.current_disk);
    if (!disk) {
        context.console.write("unknown device\n");
        return status_failed;
    }
    print_disk(context.console, *disk);
    return status_ok;
}

int set_current(Context& context, u64 number) {
    print(context.console, "\nDevice {}: ", number);
    const device::BlockDevice* disk = find_virtio_disk(context, number);
    if (!disk) {
        context.console.write("unknown device\n");
        return status_failed;
    }
    print_disk(context.console, *disk);
    context.console.write("... is now current device\n");
    context.current_disk = number;
    return status_ok;
}

NamedDisk disk_in_decimal(Context& context, u64 number) {
    return {find_virtio_disk(context, number), number, 10, 10};
}

// The tables of all disks that have one, an empty line between two.
int all_partitions(Context& context) {
    bool is_found = false;
    for (u64 i = 0; i < context.devices.block.count() && !context.interrupted(); ++i) {
        NamedDisk disk = disk_in_decimal(context, i);
        auto table = disk ? read_table(context, disk) : nullptr;
        if (!table || table->type == block::TableType::None)
            continue;
        if (std::exchange(is_found, true))
            context.console.write("\n");
        print_partitions(context, disk, *table);
    }
    if (!is_found)
        context.console.write("\nno virtio partition table available\n");
    return is_found ? status_ok : status_failed;
}

int partitions(Context& context, u64 number) {
    if (NamedDisk disk = disk_in_decimal(context, number)) {
        auto table = read_table(context, disk);
        return table ? print_partitions(context, disk, *table) : status_failed;
    }
    print(context.console, "\nvirtio device {} not available\n", number);
    return status_failed;
}

int transfer(Context& context, Arguments arguments, bool reads) {
    auto address = number_argument(context, arguments[2]);
    auto first = number_argument(context, arguments[3]);
    auto count = number_argument(context, arguments[4]);
    if (!address || !first || !count)
        return status_failed;
    Writer& out = context.console;
    print(out, "\nvirtio {}: device {} block # {}, count {} ... ", reads ? "read" : "write",
          context.current_disk, *first, *count);
    std::string_view done = reads ? "read" : "written";
    device::BlockDevice* disk = find_virtio_disk(context, context.current_disk);
    if (!disk) {
        print(out, "0 blocks {}: ERROR: no virtio device {}\n", done, context.current_disk);
        return status_failed;
    }
    std::string_view lead = reads ? "0 blocks read: ERROR: " : "0 blocks written: ERROR: ";
    // First: of a disk that was set aside this frees the memory that its unfinished requests still hold.
    if (Result<> ready = *count > 0 ? disk->ready() : Result<>(); !ready) {
        out.write(lead);
        print_error(out, ready.error());
        return status_failed;
    }
    // An absurd count is beyond the end, so the product of one that is not fits.
    const device::BlockFacts& facts = disk->facts();
    if (*count > 0 && !range_fits(*first, *count, facts.block_count)) {
        print(out, "{}beyond the end, the disk has {} blocks\n", lead, facts.block_count);
        return status_failed;
    }
    u64 bytes = *count * facts.block_bytes;
    if (*count > 0) {
        auto memory = reads ? writable_memory(context, *address, bytes, lead)
                            : readable_memory(context, *address, bytes, lead);
        if (!memory)
            return status_failed;
        if (!reads)
            context.told.forget(*disk);
        Result<> outcome = reads ? disk->read(*first, *memory) : disk->write(*first, *memory);
        if (outcome && !reads)
            outcome = disk->flush(); // what the user was told is written survives a power cut
        if (!outcome) {
            out.write(lead);
            print_error(out, outcome.error());
            return status_failed;
        }
    }
    print(out, "{} blocks {}: OK\n", *count, done);
    return status_ok;
}

int virtio(Context& context, Arguments arguments) {
    std::string_view what = arguments[1];
    usize words = arguments.size();
    if (what == "read" || what == "write")
        return words == 5 ? transfer(context, arguments, what == "read") : status_usage;
    if (what == "erase")
        return virtio_erase(context, arguments);
    if (what == "bench")
        return virtio_bench(context, arguments);
    if (what == "scan")
        return words == 2 ? scan(context) : status_usage;
    if (what == "list")
        return virtio_list(context, arguments);
    if (what == "features")
        return virtio_features(context, arguments);
    if (what == "stats")
        return virtio_stats(context, arguments);
    if (what == "reset")
        return virtio_reset(context, arguments);
    if (what.starts_with("inf"))
        return words == 2 ? info(context) : status_usage;
    bool is_device = what.starts_with("dev");
    if ((!is_device && !what.starts_with("part")) || words > 3)
        return status_usage;
    if (words == 2)
        return is_device ? show_current(context) : all_partitions(context);
    auto number = number_argument(context, arguments[2], 10);
    if (!number)
        return status_failed;
    return is_device ? set_current(context, *number) : partitions(context, *number);
}

// The first nine lines are the documented ones, word for word.
VIREO_COMMAND(virtio_command) = {
    .name = "virtio",
    .summary = "virtio block devices sub-system",
    .usage = "virtio scan - initialize virtio bus\n"
             "virtio info - show all available virtio block devices\n"
             "virtio device [dev] - show or set current virtio block device\n"
             "virtio part [dev] - print partition table of one or all virtio block devices\n"
             "virtio read addr blk# cnt - read `cnt' blocks starting at block\n"
             "     `blk#' to memory address `addr'\n"
             "virtio write addr blk# cnt - write `cnt' blocks starting at block\n"
             "     `blk#' from memory address `addr'\n"
             "virtio list - show every VirtIO device: where it is, its features, queues and state\n"
             "virtio erase [-d] blk# cnt - fill `cnt' blocks starting at block `blk#' with zeroes\n"
             "     -d: discard them instead; what is read there later is undefined\n"
             "virtio bench [-1] dev [cnt] - time `cnt' scattered reads of 4 KiB (default 2710), as many in\n"
             "     flight as the disk takes; -1: one at a time\n"
             "virtio features n [feature on|off|default]... - show the features of VirtIO device `n' (as in\n"
             "     `virtio list'), or change them; the next `virtio scan' restarts the device with them\n"
             "virtio stats [n] [reset] - show, or clear, what was counted about VirtIO devices\n"
             "virtio reset n - reset VirtIO device `n' even if it is busy, and start it again; the machine\n"
             "     may stand still until the host's storage answers",
    .run = virtio,
    .min_words = 2,
    .subcommands = "bench device erase features info list part read reset scan stats write",
};

} // namespace
} // namespace vireo::shell
