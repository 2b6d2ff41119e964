// SPDX-License-Identifier: Apache-2.0
// A disk and an entropy source that do whatever comes to mind, repeatably: wrong ids and lengths, buffers given back twice
// or never, ring memory overwritten, resets that take long, events and configuration changes out of the blue. Every
// operation ends by its deadline, no byte outside the buffers is touched (the sanitizer and the bouncing DMA watch),
// nothing leaks, and when the devices behave again they work again.
// VIREO_SEEDS=FIRST-LAST runs other seeds than the few of every day.
#include "unit/support/machine.h"

#include <cstdlib>
#include <random>

namespace vireo::test {
namespace {

using State = virtio::Session::State;
using fake::Blk;

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

  private:
    std::mt19937_64 random_;
};

// What the device does from now on, until `calm`.
void run_wild(fake::Device& device, Mind& mind) {
    u64 temper = 2 + mind.below(40);
    device.latency = [&mind](u64) { return mind.below(3) * mind.below(2000) * hosted::microsecond; };
    device.faults.lie = [&mind, temper](fake::Completion& c) {
        if (!mind.one_in(temper))
            return;
        switch (mind.below(4)) {
        case 0:
            c.id = mind.nasty();
            break;
        case 1:
            c.bytes_written = mind.nasty();
            break;
        case 2:
            c.times = 0;
            break;
        default:
            c.times = 2 + static_cast<unsigned>(mind.below(3));
        }
    };
    device.faults.scribbles = mind.one_in(3);
    device.faults.no_interrupts = mind.one_in(3);
    device.faults.suppresses_notifications = mind.one_in(4);
    device.faults.never_completes = mind.one_in(10);
    device.faults.deaf = mind.one_in(10);
    device.faults.reset_polls = static_cast<unsigned>(mind.below(50));
    device.faults.refuse_features_ok = mind.one_in(10);
}

// Something that happens while a request is in flight.
void strike(fake::Device& device, Mind& mind) {
    fake::SplitRing* ring = device.queue(0).split();
    switch (mind.below(8)) {
    case 0:
        device.raise(static_cast<u8>(mind.below(4)));
        break;
    case 1:
        device.need_reset();
        break;
    case 2:
        device.change_config([&](auto& config) {
            for (usize i = 8; i < config.size(); ++i)
                config[i] = static_cast<u8>(mind.nasty());
        });
        break;
    case 3:
        if (ring)
            ring->set_used_index(static_cast<u16>(mind.nasty()));
        break;
    case 4:
        if (ring)
            ring->set_used_element(static_cast<u16>(mind.below(ring->setup().size)), mind.nasty(),
                                   mind.nasty());
        break;
    case 5:
        if (ring)
            ring->set_used_flags(static_cast<u16>(mind.nasty()));
        break;
    case 6:
        if (ring && ring->setup().event_idx)
            ring->set_avail_event(static_cast<u16>(mind.nasty()));
        break;
    default:
        device.bump_generation();
    }
}

void calm(fake::Device& device) {
    device.faults = {};
    device.latency = nullptr;
}

void live_through(Bus bus, u64 seed) {
    SCOPED_TRACE("VIREO_SEEDS=" + std::to_string(seed) + "-" + std::to_string(seed) + " on " + name_of(bus));
    Mind mind(seed);
    Machine machine(bus);
    // The adversary moves the suppression words behind the referee's back, and says that it gave back what it still has.
    for (const char* rule : {"ring.split.27", "ring.split.28", "ring.split.30", "ring.split.31",
                             "gen.cleanup.01", "gen.cleanup.02", "dma.taken-back"})
        machine.complaints.ignore(rule);
    Blk& disk = machine.plug_disk(4096);
    fake::Rng& rng = machine.plug_rng();
    disk.enforce_limits = false;
    if (mind.one_in(2))
        disk.set_seg_max(mind.nasty());
    if (mind.one_in(3))
        disk.set_size_max(mind.one_in(2) ? 512 << mind.below(8) : mind.nasty());
    if (mind.one_in(3))
        disk.offered.remove(fake::feature::indirect_desc);
    if (mind.one_in(3))
        disk.offered.remove(fake::feature::event_idx);
    disk.queue(0).size_max = static_cast<u16>(4 << mind.below(8));
    machine.start();
    if (!machine.disk() || !machine.entropy())
        return;
    auto config = disk.config();
    for (int round = 0; round < 6; ++round) {
        run_wild(disk, mind);
        run_wild(rng, mind);
        for (u64 i = mind.below(4); i > 0; --i)
            hosted::schedule(mind.below(5000) * hosted::microsecond, [&, target = mind.below(2)] {
                strike(target ? static_cast<fake::Device&>(disk) : rng, mind);
            });
        usize blocks = 1 + mind.below(200);
        auto bytes = bytes_of(blocks * 512);
        u64 begin = hosted::clock_now();
        switch (mind.below(4)) {
        case 0:
            (void)machine.disk()->write(mind.below(4096), bytes);
            break;
        case 1:
            (void)machine.entropy()->read(bytes);
            break;
        case 2:
            (void)machine.disk()->flush();
            break;
        default:
            (void)machine.disk()->read(mind.below(4096), bytes);
        }
        EXPECT_LT(hosted::clock_now() - begin, 400 * hosted::second);
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
        if (mind.one_in(2))
            (void)machine.manager.rescan();
    }
    // What was to strike strikes now; then they behave.
    (void)machine.loop.sleep(event::Duration::seconds(1));
    calm(disk);
    calm(rng);
    disk.config() = config;
    for (int i = 0; i < 2; ++i)
        ASSERT_TRUE(machine.manager.rescan());
    auto bytes = bytes_of(8 * 512);
    if (!machine.disk()->read(0,
                              bytes)) { // the first request after a quiet fault may be the one that finds it
        ASSERT_TRUE(machine.manager.rescan());
        ASSERT_TRUE(machine.disk()->read(0, bytes)) << machine.listing(0);
    }
    std::byte random[16];
    if (!machine.entropy()->read(random)) {
        ASSERT_TRUE(machine.manager.rescan());
        EXPECT_TRUE(machine.entropy()->read(random)) << machine.listing(1);
    }
}

class Adversary : public testing::TestWithParam<Bus> {};
INSTANTIATE_TEST_SUITE_P(All, Adversary, on(all_buses), bus_name);

// covers: gen.status.04, ring.split.20, ring.split.36
TEST_P(Adversary, nothing_that_a_device_does_hurts) {
    u64 first = 1;
    u64 last = 15;
    if (const char* seeds = std::getenv("VIREO_SEEDS")) {
        char* rest = nullptr;
        first = last = std::strtoull(seeds, &rest, 10);
        if (*rest == '-')
            last = std::strtoull(rest + 1, nullptr, 10);
    }
    for (u64 seed = first; seed <= last && !HasFatalFailure(); ++seed)
        live_through(GetParam(), seed);
}

} // namespace
} // namespace vireo::test
