// SPDX-License-Identifier: Apache-2.0
// A disk whose configuration structure and feature bits are what the input says, and change: bring-up and
// requests, on every kind of bus.
// Input: bus (1 byte), disk (stack.h), feature bits 0 to 23 and 30 to turn over (4 bytes), then steps until
// it ends: bytes of the configuration, with or without notice; requests.
#include "fuzz/buses.h"

namespace vireo::fuzz {
namespace {

void change(fake::Blk& disk, FuzzedData& input) {
    u8 how = input.byte();
    usize place = input.below(static_cast<u32>(disk.config().size()));
    Bytes bytes = input.take(1 + how % 8);
    auto write = [&](std::vector<u8>& config) {
        for (usize i = 0; i < bytes.size() && place + i < config.size(); ++i)
            config[place + i] = static_cast<u8>(bytes[i]);
    };
    if (how & 0x80) { // half of a field is read before, half after
        auto written = std::make_shared<std::vector<u8>>(disk.config());
        write(*written);
        disk.faults.before_config_read = [&disk, written, reads = how >> 4 & 7](u32) mutable {
            if (reads-- == 0)
                disk.change_config([&](auto& config) { config = *written; });
        };
    } else if (how & 0x40) {
        disk.change_config(write);
    } else {
        write(disk.config());
    }
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    // A capacity that changes behind the driver's back, and a disk that claims to have no queue at all.
    for (const char* rule : {"blk.13", "blk.42"})
        surroundings.ignore(rule);
    u8 bus = input.byte();
    auto disk = fuzz::fuzzed_disk(input);
    disk->enforce_limits = false; // nobody can keep limits that make no sense
    disk->offered.words[0] ^= input.number<u32>() & 0x40ff'ffff;
    fuzz::change(*disk, input);
    {
        fuzz::AnyBus place(bus, *disk);
        fuzz::Stack stack;
        stack.start(place.source());
        for (int i = 0; i < 32 && !input.is_empty(); ++i)
            if (input.flag())
                stack.request(input, false, false);
            else
                fuzz::change(*disk, input);
    }
    return 0;
}
