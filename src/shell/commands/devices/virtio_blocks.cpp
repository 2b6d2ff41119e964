// SPDX-License-Identifier: Apache-2.0
// `virtio erase` and `virtio bench`: what can be done with a disk beyond reading and writing it.
#include "base/parse.h"
#include "shell/arguments.h"
#include "shell/commands/devices/virtio.h"

namespace vireo::shell {

namespace {

constexpr u64 most_reads = 10'000'000;
constexpr u32 read_bytes = 4096;
constexpr usize batch_reads = 4096;
constexpr usize scratch_bytes = 1024 * 1024;

// The same places in each run, on disks of the same size: runs can be compared, and a defect comes back.
class Scatter {
  public:
    // Places 0 to count - 1; beyond 2^32 of them are not asked for.
    explicit Scatter(u64 count) : count_(std::min<u64>(count, ~u32{0})) {}
    u64 next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return (state_ >> 32) * count_ >> 32;
    }

  private:
    u64 count_;
    u64 state_ = 0x9e37'79b9'7f4a'7c15;
};

struct Bench {
    device::BlockDevice& disk;
    bool one_at_a_time;
    u64 count;
    u32 bytes_each;
};

// The time that the reads took, without that for choosing their places.
Result<event::Duration> run_bench(const Bench& bench) {
    const device::BlockFacts& facts = bench.disk.facts();
    const u32 blocks_each = bench.bytes_each / facts.block_bytes;
    const usize scratch_reads = scratch_bytes / bench.bytes_each;
    auto scratch = VIREO_TRY(OwnedArray<std::byte>::create(scratch_bytes));
    auto extents = VIREO_TRY(OwnedArray<device::BlockExtent>::create(batch_reads));
    Scatter scatter(facts.block_count / blocks_each);
    event::Duration spent;
    for (u64 done = 0; done < bench.count;) {
        usize here = static_cast<usize>(std::min<u64>(batch_reads, bench.count - done));
        for (usize i = 0; i < here; ++i)
            extents[i] = {scatter.next() * blocks_each, scratch.data() + i % scratch_reads * bench.bytes_each,
                          bench.bytes_each};
        std::span<const device::BlockExtent> batch(extents.data(), here);
        event::Instant start = event::now();
        if (bench.one_at_a_time) {
            for (usize i = 0; i < here; ++i)
                VIREO_TRY(bench.disk.read(batch.subspan(i, 1)));
        } else {
            VIREO_TRY(bench.disk.read(batch));
        }
        spent.microseconds += (event::now() - start).microseconds;
        done += here;
    }
    return spent;
}

} // namespace

int virtio_erase(Context& context, Arguments arguments) {
    bool discards = arguments.size() > 2 && arguments[2] == "-d";
    Arguments numbers = arguments.subspan(discards ? 3 : 2);
    if (numbers.size() != 2)
        return status_usage;
    auto first = number_argument(context, numbers[0]);
    auto count = number_argument(context, numbers[1]);
    if (!first || !count)
        return status_failed;
    Writer& out = context.console;
    print(out, "\nvirtio erase: device {} block # {}, count {} ... ", context.current_disk, *first, *count);
    device::BlockDevice* disk = find_virtio_disk(context, context.current_disk);
    if (!disk) {
        print(out, "0 blocks erased: ERROR: no virtio device {}\n", context.current_disk);
        return status_failed;
    }
    context.told.forget(*disk);
    Result<> outcome;
    if (*count > 0)
        outcome = discards ? disk->discard(*first, *count) : disk->write_zeroes(*first, *count);
    if (*count > 0 && outcome)
        outcome = disk->flush(); // what the user was told is erased does not come back after a power cut
    if (!outcome)
        return fail(context, "0 blocks erased: ERROR", outcome.error());
    print(out, "{} blocks erased: OK\n", *count);
    return status_ok;
}

int virtio_bench(Context& context, Arguments arguments) {
    bool one_at_a_time = arguments.size() > 2 && arguments[2] == "-1";
    Arguments rest = arguments.subspan(one_at_a_time ? 3 : 2);
    if (rest.empty() || rest.size() > 2)
        return status_usage;
    auto number = number_argument(context, rest[0], 10);
    auto count = rest.size() > 1 ? number_argument(context, rest[1]) : std::optional<u64>(10'000);
    if (!number || !count)
        return status_failed;
    Writer& out = context.console;
    if (*count == 0 || *count > most_reads) {
        print(out, "virtio bench: 1 to 0x{:x} reads\n", most_reads);
        return status_failed;
    }
    device::BlockDevice* disk = find_virtio_disk(context, *number);
    if (!disk) {
        print(out, "virtio bench: no virtio device {}\n", *number);
        return status_failed;
    }
    const device::BlockFacts& facts = disk->facts();
    u32 bytes_each = std::max(read_bytes, facts.block_bytes);
    if (facts.block_count < bytes_each / facts.block_bytes) {
        print(out, "virtio bench: the disk has no {} bytes\n", bytes_each);
        return status_failed;
    }
    print(out, "\nvirtio bench: device {}, {} reads of {} bytes, {} in flight ... ", *number, *count,
          bytes_each, one_at_a_time ? u16{1} : facts.queue_depth);
    auto spent = run_bench({*disk, one_at_a_time, *count, bytes_each});
    if (!spent)
        return fail(context, "ERROR", spent.error());
    u64 microseconds = std::max<u64>(spent->microseconds, 1);
    u64 tenths = *count * bytes_each / 1024 * 10 * 1'000'000 / 1024 / microseconds;
    print(out, "{} ms, {} reads/s, {}.{} MiB/s\n", microseconds / 1000, *count * 1'000'000 / microseconds,
          tenths / 10, tenths % 10);
    return status_ok;
}

} // namespace vireo::shell
