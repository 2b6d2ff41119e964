// SPDX-License-Identifier: Apache-2.0
// A disk that answers as the input says: wrong ids and lengths, late, twice or never, descriptors and
// ring words overwritten, events and resets out of the blue, on every kind of bus. When it behaves
// again, it works again.
// Input: bus (1 byte), disk (stack.h), then steps until it ends: what the device does from now on, requests.
#include "fuzz/buses.h"

namespace vireo::fuzz {
namespace {

void set_temper(fake::Blk& disk, FuzzedData& input) {
    u16 faults = input.number<u16>();
    set_faults(disk.faults, faults);
    disk.leaves_status_unwritten = faults & 0x400;
    disk.faults.queue_disable_polls = faults & 0x800 ? 30 : 0;
    disk.faults.queue_reset_never_ends = faults & 0x1000;

    Fates fates(input);
    disk.latency = [fates](u64 number) { return fates.latency(number); };
    disk.answer = [fates, number = u64{0}](const fake::Blk::Request&) mutable -> std::optional<u8> {
        u8 what = fates.what(number++);
        return what & 0x80 ? std::optional<u8>(what & 0x7f) : std::nullopt;
    };
    disk.faults.lie = [fates](fake::Completion& completion) { fates.falsify(completion.number, completion); };
}

void strike(fake::Blk& disk, FuzzedData& input) {
    u8 what = input.byte();
    auto& queue = disk.queue(static_cast<u16>(input.below(disk.queue_count())));
    u16 number = input.number<u16>();
    switch (what % 6) {
    case 0:
        disk.raise(static_cast<u8>(number & 3));
        break;
    case 1:
        disk.need_reset();
        break;
    case 2:
        disk.resize(number);
        break;
    case 3:
        if (auto* split = queue.split())
            split->set_used_index(number);
        break;
    case 4:
        if (auto* split = queue.split())
            split->set_used_flags(number);
        break;
    default:
        if (auto* split = queue.split(); split && split->setup().event_idx)
            split->set_avail_event(number);
    }
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    // The device moves the suppression words behind the referee's back, says that it gave back what it still
    // has, and shrinks under requests on their way.
    for (const char* rule : {"ring.split.27", "ring.split.28", "ring.split.30", "ring.split.31",
                             "gen.cleanup.01", "gen.cleanup.02", "dma.taken-back", "blk.13"})
        surroundings.ignore(rule);
    u8 bus = input.byte();
    auto disk = fuzz::fuzzed_disk(input);
    fuzz::AnyBus place(bus, *disk);
    fuzz::Stack stack;
    stack.start(place.source());
    bool is_rightful = true;
    for (int i = 0; i < 32 && !input.is_empty(); ++i)
        switch (input.byte() % 4) {
        case 0:
            is_rightful = false;
            fuzz::set_temper(*disk, input);
            break;
        case 1:
            is_rightful = false;
            hosted::schedule(
                input.byte() * u64{200} * hosted::microsecond,
                [&disk, bytes = std::vector<u8>{input.byte(), input.byte(), input.byte(), input.byte()}] {
                    fuzz::FuzzedData later(bytes.data(), bytes.size());
                    fuzz::strike(*disk, later);
                });
            break;
        default:
            stack.request(input, is_rightful, false);
        }

    // What was to strike strikes now; then it behaves.
    (void)stack.loop.sleep(event::Duration::seconds(1));
    disk->faults = {};
    disk->latency = nullptr;
    disk->answer = nullptr;
    disk->leaves_status_unwritten = false;
    disk->resize(256);
    if (stack.is_aside())
        (void)stack.manager.reset(0); // what it lost never comes back
    for (int i = 0; i < 3; ++i)
        (void)stack.manager.rescan();
    fuzz::Memory memory(512);
    device::BlockDevice* found = stack.registry.block.find(0);
    // What was done to an idle ring comes out with the requests that follow, one at a time: the answer to one
    // is overlooked, or there is one too many. Who waits for an answer that was overlooked resets the disk.
    bool works = found && found->read(3, memory.bytes());
    for (int i = 0; found && !works && i < 2; ++i) {
        bool is_up =
            stack.is_aside() ? stack.manager.reset(0).has_value() : stack.manager.rescan().has_value();
        works = is_up && found->read(3, memory.bytes());
    }
    fuzz::require(works, "a disk that behaves again works again");
    return 0;
}
