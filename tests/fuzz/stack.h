// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fuzz/support.h"
#include "hosted/fakes/blk.h"
#include "hosted/fakes/mmio.h"
#include "hosted/fakes/virtio_pci.h"
#include "machine/firmware/device_stack.h"

namespace vireo::fuzz {

// What the fakes and their referee say about a driver. Nothing follows from it where registers lie to the
// driver: it may believe that a device was reset which was not.
inline constexpr const char* judgements[] = {"gen.",           "ring.",        "mmio.", "pci.modern",
                                             "pci.legacy",     "blk.",         "rng.",  "dma.taken-back",
                                             "dma.not-shared", "dma.direction"};

// One falsehood: reads number `first` to `first + count` of this register (modulo 256 KiB and 2^16) differ.
struct Lie {
    u16 place;
    u8 first;
    u8 count;
    bool replaces; // else: these bits are turned over
    u32 value;
};

// 8 bytes each, at most as many as the first byte says.
inline std::vector<Lie> fuzzed_lies(FuzzedData& input) {
    std::vector<Lie> lies(input.byte() % 32);
    for (Lie& lie : lies) {
        lie.place = input.number<u16>();
        lie.first = input.byte();
        lie.count = input.byte();
        lie.replaces = lie.place & 0x8000;
        lie.place &= 0x7fff;
        lie.value = input.number<u32>();
    }
    return lies;
}

// Falsifies what is read.
class Liar {
  public:
    explicit Liar(std::vector<Lie> lies) : lies_(std::move(lies)), reads_(lies_.size()) {}
    u32 tell(u64 place, u32 value) {
        for (usize i = 0; i < lies_.size(); ++i) {
            const Lie& lie = lies_[i];
            if (lie.place != (place & 0x7fff))
                continue;
            u64 number = reads_[i]++;
            if (number >= lie.first && number - lie.first < lie.count)
                value = lie.replaces ? lie.value : value ^ lie.value;
        }
        return value;
    }
    bool is_honest() const { return lies_.empty(); }

  private:
    std::vector<Lie> lies_;
    std::vector<u64> reads_; // of each lie's register so far
};

// Notices, at the status register, whether the driver had reason to give memory up: a reset
// that it saw no end of.
class ResetWitness {
  public:
    void wrote(u8 status) {
        gave_up_ |= resetting_;
        resetting_ = status == 0;
    }
    void read(u32 status) { resetting_ &= (status & 0xff) != 0; }
    bool may_have_given_up() const { return gave_up_ || resetting_; }

  private:
    bool resetting_ = false;
    bool gave_up_ = false;
};

// A disk of 128 KiB that holds the numbers of its sectors, with what the input chooses: queues and their
// sizes, features of rings.
inline std::unique_ptr<fake::Blk> fuzzed_disk(FuzzedData& input) {
    using namespace fake;
    u8 features = input.byte();
    u8 sizes = input.byte();
    usize queues = 1 + (sizes >> 6);
    auto disk = std::make_unique<Blk>("disk", std::make_unique<fake::MemoryDisk>(256, true), queues);
    disk->offered.set(feature::indirect_desc, !(features & 1));
    disk->offered.set(feature::event_idx, !(features & 2));
    disk->offered.set(feature::ring_packed, features & 4);
    disk->offered.set(feature::in_order, features & 8);
    disk->offered.set(feature::ring_reset, features & 16);
    disk->offered.set(feature::notification_data, features & 32);
    disk->offered.set(feature::access_platform, features & 64);
    if (features & 128) {
        disk->set_discard(64, 4);
        disk->set_write_zeroes(48, 1);
    }
    if (queues > 1)
        disk->set_num_queues(static_cast<u16>(queues));
    for (u16 i = 0; i < queues; ++i)
        disk->queue(i).size_max = static_cast<u16>(4u << (sizes & 7));
    return disk;
}

// Vireo's VirtIO stack as the firmware puts it together, and what a user asks of it. What must hold whatever
// the device says: each call ends in time, with nothing of its memory left to the device unless it was given
// up and has not answered, or a reset was not confirmed.
class Stack : public machine::DeviceStack {
  public:
    ~Stack() { (void)manager.quiesce_all(); }

    void start(virtio::TransportSource& source) {
        manager.add_source(source);
        manager.start();
    }
    // One thing that is asked of the first disk, if there is one. `is_rightful`: it must be carried out.
    void request(FuzzedData& input, bool is_rightful, bool may_keep_memory) {
        device::BlockDevice* disk = registry.block.find(0);
        require(disk || !is_rightful, "a rightful disk is found");
        if (!disk)
            return;
        u64 begin = hosted::clock_now();
        u8 what = input.byte();
        u64 first = what & 0x80 ? input.number<u64>() : input.byte();
        u64 blocks = 1 + input.below(8);
        bool is_right = carry_out(*disk, what % 8, first, blocks);
        require(is_right || !is_rightful || !range_fits(first, blocks, disk->facts().block_count),
                "a rightful disk serves");
        require(hosted::clock_now() - begin < longest_call, "a call ends in time");
        require(may_keep_memory || is_aside() || hosted::DmaArena::instance().live_shares() == 0,
                "what a call shared comes back");
        require(hosted::DmaArena::instance().open_shares() == 0, "or is kept from everybody else");
    }
    // The first device was given up: it has what it was given until it answers, or is reset.
    bool is_aside() const {
        const virtio::Session* session = manager.find(0);
        return session && session->state() == virtio::Session::State::Aside;
    }

  private:
    static constexpr u64 longest_call = 400 * hosted::second;

    bool carry_out(device::BlockDevice& disk, unsigned what, u64 first, u64 blocks) {
        constexpr usize guard = 64;
        usize bytes = blocks * disk.facts().block_bytes;
        Memory memory(bytes + guard, 0xa5);
        bool is_right = true;
        switch (what) {
        case 0:
            is_right = disk.write(first, memory.bytes().first(bytes)).has_value();
            break;
        case 1:
            is_right = disk.flush().has_value();
            break;
        case 2:
            is_right = manager.rescan().has_value();
            break;
        case 4:
            is_right = disk.write_zeroes(first, blocks).has_value();
            break;
        case 5:
            (void)disk.discard(first, blocks); // few disks can
            break;
        case 6: // what nobody gets by default
            (void)manager.wish(0, first & 1 ? "IN_ORDER" : "NOTIFICATION_DATA",
                               blocks & 1 ? system::FeatureWish::On : system::FeatureWish::Default);
            is_right = manager.rescan().has_value();
            break;
        default:
            is_right = disk.read(first, memory.bytes().first(bytes)).has_value();
        }
        for (std::byte byte : memory.bytes().last(guard))
            require(byte == std::byte{0xa5}, "no byte behind the memory is written");
        return is_right;
    }
};

} // namespace vireo::fuzz
