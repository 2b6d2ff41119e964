// SPDX-License-Identifier: Apache-2.0
#include "boot/seeds.h"

#include "base/endian.h"
#include "event/clock.h"

namespace vireo::boot {

namespace {

// False if there is no such device, or none that works.
Result<bool> ask_devices(const device::Registry& devices, MutableBytes bytes) {
    for (usize i = 0; i < devices.entropy.count(); ++i) {
        device::EntropySource* source = devices.entropy.find(i);
        if (!source)
            continue;
        auto read = source->read(bytes);
        if (read)
            return true;
        if (read.error().code == ErrorCode::Interrupted)
            return read.error();
    }
    return false;
}

// Every bit of it depends on every bit of `value` (the finaliser of SplitMix64). Linux takes a kernel's place
// from the upper bits, where the time since the start has none.
u64 spread(u64 value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

} // namespace

Result<Seeds> Seeds::gather(const device::Registry& devices, const DeviceTree* tree) {
    Seeds seeds;
    std::array<std::byte, sizeof(general) + sizeof(u64)> fresh;
    if (VIREO_TRY(ask_devices(devices, fresh))) {
        std::ranges::copy(Bytes(fresh).first<sizeof(general)>(), seeds.general.begin());
        seeds.general_bytes = sizeof(general);
        seeds.layout = read_struct<Be<u64>>(fresh, sizeof(general));
        return seeds;
    }
    if (!tree)
        return seeds;
    auto chosen = tree->find("/chosen");
    if (!chosen)
        return seeds;
    const u64 now = spread(event::now().microseconds);
    Bytes given = tree->property(*chosen, "rng-seed").value_or(Bytes());
    seeds.general_bytes = std::min(given.size(), sizeof(general));
    for (usize i = 0; i < seeds.general_bytes; ++i)
        seeds.general[i] = given[i] ^ static_cast<std::byte>(now >> (8 * (i % 8)));
    if (auto layout = read_struct<Be<u64>>(tree->property(*chosen, "kaslr-seed").value_or(Bytes())))
        seeds.layout = spread(*layout ^ now);
    return seeds;
}

} // namespace vireo::boot
