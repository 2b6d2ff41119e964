// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/blk.h"
#include "hosted/fakes/mmio.h"
#include "io/access.h"
#include "unit/support/complaints.h"

// A driver played register by register on a disk in an MMIO slot, so that a test can do each thing wrong.
namespace vireo::test {

namespace registers {

inline constexpr u64 base = 0x1000'0000;

// Registers by their offset, as the standard prints them.
inline u32 get(u64 offset) { return io::raw::read32(base + offset); }
inline void put(u64 offset, u32 value) { io::raw::write32(base + offset, value); }
inline constexpr u64 magic = 0, version = 4, device_id = 8, features = 0x10, features_select = 0x14,
                     accepted = 0x20, accepted_select = 0x24, queue_select = 0x30, queue_size_max = 0x34,
                     queue_size = 0x38, queue_ready = 0x44, queue_notify = 0x50, queue_reset = 0xc0,
                     interrupt_ack = 0x64, status = 0x70, descriptors = 0x80, available = 0x90, used = 0xa0;

} // namespace registers
using namespace registers;

class RegisterDriver : public testing::Test {
  protected:
    RegisterDriver() { slot.emplace(base, 2, &disk); }
    ~RegisterDriver() override {
        if (get(status) != 0)
            put(status, 0); // before the ring's memory goes
    }
    void identify() {
        get(magic);
        get(version);
        get(device_id);
    }
    void reset() {
        identify();
        put(status, 0);
        EXPECT_EQ(get(status), 0u);
    }
    void negotiate(u32 low = 0, u32 high = 1) {
        reset();
        put(status, 1);
        put(status, 3);
        put(features_select, 1);
        get(features);
        put(accepted_select, 0);
        put(accepted, low);
        put(accepted_select, 1);
        put(accepted, high); // 1: VERSION_1
        put(status, 11);
        get(status);
    }
    void set_up_queue(u16 size = 4) {
        put(queue_select, 0);
        get(queue_ready);
        get(queue_size_max);
        put(queue_size, size);
        write_addresses();
        put(queue_ready, 1);
    }
    void write_addresses(u64 shift = 0) {
        u64 bus = ring.bus().value;
        put(descriptors, static_cast<u32>(bus + shift));
        put(descriptors + 4, static_cast<u32>(bus >> 32));
        put(available, static_cast<u32>(bus + 1024 + shift));
        put(available + 4, static_cast<u32>(bus >> 32));
        put(used, static_cast<u32>(bus + 2048 + shift));
        put(used + 4, static_cast<u32>(bus >> 32));
    }
    void go_live(u32 low = 0, u32 high = 1) {
        negotiate(low, high);
        set_up_queue();
        put(status, 15);
    }
    void descriptor(u16 index, u64 address, u32 bytes, u16 flags, u16 next) {
        std::byte* at = ring.data() + 16 * index;
        std::memcpy(at, &address, 8);
        std::memcpy(at + 8, &bytes, 4);
        std::memcpy(at + 12, &flags, 2);
        std::memcpy(at + 14, &next, 2);
    }
    // A disk request in descriptors 0, 1 and 2, at the ring's index `index`: header, data, status; sent off.
    void request(u32 type, u64 sector, std::span<const u8> data, u16 index = 0, u16 queue = 0) {
        std::byte* at = ring.data() + 3072;
        std::memset(at, 0, 16);
        std::memcpy(at, &type, 4);
        std::memcpy(at + 8, &sector, 8);
        std::copy_n(reinterpret_cast<const std::byte*>(data.data()), data.size(), at + 16);
        u64 bus = ring.bus().value + 3072;
        descriptor(0, bus, 16, 1, data.empty() ? 2 : 1);
        descriptor(1, bus + 16, static_cast<u32>(data.size()), 1, 2);
        descriptor(2, bus + 1000, 1, 2, 0);
        offer(index, 0);
        put(queue_notify, queue);
    }
    // The status byte of the last request.
    u8 answer() const { return static_cast<u8>(ring.data()[3072 + 1000]); }
    void offer(u16 index, u16 head) {
        std::memcpy(ring.data() + 1024 + 4 + 2 * (index % 4), &head, 2);
        u16 after = static_cast<u16>(index + 1);
        std::memcpy(ring.data() + 1024 + 2, &after, 2);
    }

    Complaints complaints;
    fake::Blk disk{"disk", std::make_unique<fake::MemoryDisk>(100)};
    std::optional<fake::MmioSlot> slot;
    SharedMemory ring{4096};
};

} // namespace vireo::test
