// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "unit/support/machine.h"

#include <cstdlib>
#include <random>

// What the adversary's tests share: a mind that makes devices do whatever comes to it, repeatably.
namespace vireo::test {

class Mind {
  public:
    explicit Mind(u64 seed) : random_(seed) {}
    u64 below(u64 limit) { return limit == 0 ? 0 : random_() % limit; }
    bool one_in(u64 n) { return below(n) == 0; }
    // Numbers that break things more often than others do.
    u32 nasty() {
        constexpr u32 favourites[] = {0,      1,      2,      255,      256,         257,
                                      0x7fff, 0x8000, 0xffff, 0x1'0000, 0x7fff'ffff, 0xffff'ffff};
        return one_in(2) ? favourites[below(std::size(favourites))] : static_cast<u32>(random_());
    }
    u16 nasty16() { return static_cast<u16>(nasty()); }

  private:
    std::mt19937_64 random_;
};

inline Rings imagine_rings(Mind& mind) {
    return {.packed = mind.one_in(2),
            .in_order = mind.one_in(4),
            .event_idx = !mind.one_in(3),
            .indirect = !mind.one_in(3),
            .notification_data = mind.one_in(4),
            .ring_reset = mind.one_in(2),
            .queues = static_cast<u16>(mind.one_in(2) ? 1 : 1 + mind.below(4))};
}

// What the device does from now on, until `calm`. A liar also says of buffers that they were
// used which were not.
inline void run_wild(fake::Device& device, Mind& mind, bool is_liar) {
    u64 temper = 2 + mind.below(40);
    device.latency = [&mind](u64) { return mind.below(3) * mind.below(2000) * hosted::microsecond; };
    device.faults.lie = [&mind, temper, is_liar](fake::Completion& c) {
        if (!mind.one_in(temper))
            return;
        switch (mind.below(is_liar ? 5 : 2)) {
        case 0:
            c.bytes_written = mind.nasty();
            break;
        case 1:
            c.times = 0;
            break;
        case 2:
            c.id = mind.nasty();
            break;
        case 3:
            c.id = static_cast<u32>(c.id + 1 + mind.below(3));
            break;
        default:
            c.times = 2 + static_cast<unsigned>(mind.below(3));
        }
    };
    device.in_order_batch = static_cast<u16>(1 + mind.below(6));
    device.faults.scribbles = mind.one_in(3);
    device.faults.no_interrupts = mind.one_in(3);
    device.faults.suppresses_notifications = mind.one_in(4);
    device.faults.never_completes = mind.one_in(10);
    device.faults.deaf = mind.one_in(10);
    device.faults.reset_polls = static_cast<unsigned>(mind.below(50));
    device.faults.queue_disable_polls = static_cast<unsigned>(mind.below(50));
    device.faults.queue_reset_never_ends = mind.one_in(8);
    device.faults.needs_reset_every = mind.one_in(4) ? 1 + mind.below(12) : 0;
    device.faults.refuse_features_ok = mind.one_in(10);
}

inline void strike_ring(fake::SplitRing& ring, Mind& mind, bool is_liar) {
    switch (mind.below(is_liar ? 4 : 2)) {
    case 0:
        return ring.set_used_flags(mind.nasty16());
    case 1:
        if (ring.setup().event_idx)
            ring.set_avail_event(mind.nasty16());
        return;
    case 2:
        return ring.set_used_index(mind.nasty16());
    default:
        ring.set_used_element(static_cast<u16>(mind.below(ring.setup().size)), mind.nasty(), mind.nasty());
    }
}

inline void strike_ring(fake::PackedRing& ring, Mind& mind, bool is_liar) {
    // Where the driver looks next, more often than elsewhere.
    auto entry = mind.one_in(2) ? ring.used_entry() : static_cast<u16>(mind.below(ring.setup().size));
    auto descriptor = ring.descriptor(entry);
    switch (is_liar ? mind.below(5) : 0) {
    case 0:
        return ring.set_device_event(mind.nasty16(),
                                     mind.one_in(2) ? static_cast<u16>(mind.below(4)) : mind.nasty16());
    case 1: // flags that flip
        descriptor.flags ^= static_cast<u16>(mind.one_in(3) ? 0x80 : mind.one_in(2) ? 0x8000 : 0x8080);
        return ring.set_descriptor(entry, descriptor);
    case 2: // used by nobody, with either wrap counter
        return ring.set_used(entry, mind.one_in(2) ? descriptor.id : mind.nasty16(), mind.nasty(),
                             mind.one_in(2), static_cast<u16>(mind.nasty() & 0x7f7f));
    case 3:
        descriptor.id = mind.nasty16();
        descriptor.bytes = mind.nasty();
        descriptor.address = u64{mind.nasty()} << 32 | mind.nasty();
        return ring.set_descriptor(entry, descriptor);
    default:
        ring.set_descriptor(entry, {mind.nasty(), mind.nasty(), mind.nasty16(), mind.nasty16()});
    }
}

// Something that happens while a request is in flight.
inline void strike(fake::Device& device, Mind& mind, bool is_liar) {
    if (device.faults.gone)
        return;
    switch (mind.below(8)) {
    case 0:
        return device.raise(static_cast<u8>(mind.below(4)));
    case 1:
        return device.need_reset();
    case 2:
        return device.change_config([&](auto& config) {
            for (usize i = mind.one_in(2) ? 0 : 8; i < config.size(); ++i)
                config[i] = static_cast<u8>(mind.nasty());
        });
    case 3:
        return device.bump_generation();
    case 4:
        if (mind.one_in(3))
            device.remove();
        return;
    default:
        fake::Device::Queue& queue = device.queue(static_cast<u16>(mind.below(device.queue_count())));
        if (queue.split())
            strike_ring(*queue.split(), mind, is_liar);
        else if (queue.packed())
            strike_ring(*queue.packed(), mind, is_liar);
    }
}

inline void calm(fake::Device& device) {
    if (device.faults.gone)
        device.insert();
    device.faults = {};
    device.latency = nullptr;
}

// What the referee has to say of a machine whose devices are struck.
inline void ignore_mischief(Complaints& complaints, bool is_liar) {
    auto ignore = [&](std::initializer_list<const char*> rules) {
        for (const char* rule : rules)
            complaints.ignore(rule);
    };
    // The adversary moves the words of event suppression and entries of the rings behind the referee's back,
    // and says that it gave back what it still has.
    ignore({"ring.split.27", "ring.split.28", "ring.split.30", "ring.split.31", "ring.packed.05",
            "ring.packed.25", "ring.packed.26", "gen.notif.01", "gen.notif.02", "gen.cleanup.01",
            "gen.cleanup.02", "dma.taken-back"});
    // What a liar says was used and was not, the driver uses again: the device then finds one head twice.
    if (is_liar)
        ignore({"ring.split.04",  "ring.split.07",  "ring.split.08",  "ring.split.09",  "ring.split.10",
                "ring.split.11",  "ring.split.12",  "ring.split.13",  "ring.split.14",  "ring.split.15",
                "ring.split.38",  "ring.packed.04", "ring.packed.08", "ring.packed.09", "ring.packed.10",
                "ring.packed.12", "ring.packed.13", "ring.packed.14", "ring.packed.15", "ring.packed.16",
                "ring.packed.17", "ring.packed.21", "ring.packed.23", "dma.not-shared", "dma.direction"});
}

// And of one into which a device comes back. Nothing tells the driver that it has another device before it
// now, which knows nothing of queues and features, until it asks for the status.
inline void ignore_return(Complaints& complaints) {
    for (const char* rule : {"gen.init.10", "gen.init.14", "gen.cfg.04", "mmio.01", "mmio.21", "mmio.37",
                             "pci.modern.27", "pci.modern.44", "pci.modern.46", "pci.modern.51"})
        complaints.ignore(rule);
}

// Runs `life` with each of the seeds: those of VIREO_SEEDS=FIRST-LAST, else 1 to `last`.
template <typename Life> void for_each_seed(u64 last, Bus bus, Life&& life) {
    u64 first = 1;
    if (const char* seeds = std::getenv("VIREO_SEEDS")) {
        char* rest = nullptr;
        first = last = std::strtoull(seeds, &rest, 10);
        if (*rest == '-')
            last = std::strtoull(rest + 1, nullptr, 10);
    }
    for (u64 seed = first; seed <= last && !testing::Test::HasFatalFailure(); ++seed) {
        SCOPED_TRACE("VIREO_SEEDS=" + std::to_string(seed) + "-" + std::to_string(seed) + " on " +
                     name_of(bus));
        life(seed);
    }
}

} // namespace vireo::test
