// SPDX-License-Identifier: Apache-2.0
// A disk and an entropy source that do whatever comes to mind, repeatably, on every bus and form of ring:
// wrong ids and lengths, buffers given back twice or never, ring memory overwritten, resets that take
// long or never end, queues that cannot be reset, DEVICE_NEEDS_RESET again and again, removal, events and
// configuration changes out of the blue. Every operation ends by its deadline; what it says was read is
// right, unless the device says of a buffer that it was used before it was; no byte outside the buffers
// is touched, nor inside them once the operation has ended; nothing leaks; and when the devices behave
// again they work again.
// VIREO_SEEDS=FIRST-LAST runs other seeds than the few of every day.
#include "unit/support/mischief.h"

#include <deque>

namespace vireo::test {
namespace {

using fake::Blk;

constexpr u64 sectors = 4096;
constexpr u64 patterned_sectors = 3072; // what lies behind is discarded and zeroed

// Memory of a caller, with guards around it. What it holds when the operation has ended stays.
class Guarded {
  public:
    explicit Guarded(usize bytes) : memory_(guard + bytes + guard, std::byte{0xa5}) {}
    MutableBytes bytes() { return MutableBytes(memory_).subspan(guard, memory_.size() - 2 * guard); }
    void operation_ended() {
        for (usize i = 0; i < guard; ++i)
            ASSERT_TRUE(memory_[i] == std::byte{0xa5} && memory_[memory_.size() - 1 - i] == std::byte{0xa5})
                << "a byte outside of the buffer was written";
        at_end_ = memory_;
    }
    bool was_left_alone() const { return memory_ == at_end_; }

  private:
    static constexpr usize guard = 64;
    std::vector<std::byte> memory_;
    std::vector<std::byte> at_end_;
};

// A disk of any shape.
void shape(Blk& disk, Mind& mind) {
    disk.enforce_limits = false;
    if (mind.one_in(2))
        disk.set_seg_max(mind.nasty());
    if (mind.one_in(3))
        disk.set_size_max(mind.one_in(2) ? 512 << mind.below(8) : mind.nasty());
    if (mind.one_in(3))
        disk.set_discard(mind.nasty(), mind.nasty(), mind.nasty());
    if (mind.one_in(3))
        disk.set_write_zeroes(mind.nasty(), mind.nasty());
    bool any_size = disk.offered.has(fake::feature::ring_packed) && mind.one_in(2);
    for (u16 i = 0; i < disk.queue_count(); ++i)
        disk.queue(i).size_max = static_cast<u16>(any_size ? 1 + mind.below(300) : 4 << mind.below(8));
}

class Life {
  public:
    Life(Bus bus, u64 seed)
        : mind(seed), is_liar(mind.one_in(2)), machine(is_legacy(bus) ? bus : Bus(bus, imagine_rings(mind))) {
        ignore_mischief(machine.complaints, is_liar);
        // It changes the configuration under requests that are on their way.
        for (const char* rule : {"blk.13", "blk.42"})
            machine.complaints.ignore(rule);
        // A liar's device carries a request out with another one's header.
        for (const char* rule :
             {"blk.14", "blk.15", "blk.16", "blk.17", "blk.18", "blk.19", "blk.25", "blk.40", "rng.01"})
            if (is_liar)
                machine.complaints.ignore(rule);
        disk = &machine.plug_disk(sectors);
        rng = &machine.plug_rng();
        shape(*disk, mind);
        if (is_mmio(bus))
            machine.slot().has_queue_reset = mind.one_in(2);
        config = disk->config();
        machine.start();
    }

    void go_through() {
        if (!machine.disk() || !machine.entropy())
            return;
        for (int round = 0; round < 6; ++round)
            endure(round);
        // What was to strike strikes now; then they behave.
        (void)machine.loop.sleep(event::Duration::seconds(1));
        for (Guarded& memory : used)
            EXPECT_TRUE(memory.was_left_alone()) << "written after the operation had ended";
        calm(*disk);
        calm(*rng);
        disk->config() = config;
        // What they lost never comes back by itself.
        for (usize i : {0u, 1u})
            if (machine.state(i) == virtio::Session::State::Aside)
                (void)machine.manager.reset(i);
        for (int i = 0; i < 2; ++i)
            ASSERT_TRUE(machine.manager.rescan());
        if (machine.complaints.check_leaks)
            EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
        std::vector<std::byte> bytes(8 * machine.disk()->facts().block_bytes);
        std::byte random[16];
        // The first request after a quiet fault may be the one that finds it.
        if (!machine.disk()->read(0, bytes)) {
            ASSERT_TRUE(machine.manager.rescan());
            ASSERT_TRUE(machine.disk()->read(0, bytes)) << machine.listing(0);
        }
        EXPECT_TRUE(has_pattern(bytes, 0));
        if (!machine.entropy()->read(random)) {
            ASSERT_TRUE(machine.manager.rescan());
            EXPECT_TRUE(machine.entropy()->read(random)) << machine.listing(1);
        }
    }

  private:
    void endure(int round) {
        run_wild(*disk, mind, is_liar);
        run_wild(*rng, mind, is_liar);
        for (u64 i = mind.below(5); i > 0; --i)
            hosted::schedule(mind.below(5000) * hosted::microsecond, [this, hits_disk = mind.below(3) != 0] {
                fake::Device& device = hits_disk ? static_cast<fake::Device&>(*disk) : *rng;
                strike(device, mind, is_liar);
                // Nobody can confirm that a device which is gone was reset: what it had is given up for good.
                if (device.faults.gone)
                    machine.complaints.check_leaks = false;
            });
        u64 begin = hosted::clock_now();
        operate(round);
        EXPECT_LT(hosted::clock_now() - begin, 400 * hosted::second);
        if (machine.complaints.check_leaks && machine.state(0) != virtio::Session::State::Aside)
            EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
        if (disk->faults.gone && mind.one_in(2)) {
            ignore_return(machine.complaints);
            disk->insert();
        }
        if (mind.one_in(2))
            (void)machine.manager.rescan();
        for (usize i : {0u, 1u})
            if (machine.state(i) == virtio::Session::State::Aside && mind.one_in(2))
                (void)machine.manager.reset(i);
    }

    void operate(int round) {
        device::BlockDevice& target = *machine.disk();
        u32 block = target.facts().block_bytes;
        u64 patterned = patterned_sectors * 512 / block;
        u64 first = mind.below(patterned);
        u64 count = 1 + mind.below(std::min<u64>(patterned - first, 1 + 200 * 512 / block));
        used.emplace_back(count * block);
        MutableBytes bytes = used.back().bytes();
        u64 sector = first * block / 512;
        // Writes change nothing, so that whatever is read can be told to be right.
        if (mind.one_in(3)) {
            for (usize at = 0; at < bytes.size(); at += 8) {
                u64 word = sector + at / 512;
                std::memcpy(bytes.data() + at, &word, 8);
            }
            (void)target.write(first, bytes);
        } else if (mind.one_in(5)) {
            (void)machine.entropy()->read(bytes);
        } else if (mind.one_in(5)) {
            (void)target.flush();
        } else if (mind.one_in(6)) {
            (void)target.discard(patterned, 1 + mind.below(100));
        } else if (mind.one_in(6)) {
            (void)target.write_zeroes(patterned, 1 + mind.below(100));
        } else if (target.read(first, bytes)) {
            // From a liar anything can come.
            EXPECT_TRUE(is_liar || has_pattern(bytes, sector)) << "round " << round << ", block " << first;
        }
        used.back().operation_ended();
    }

    Mind mind;
    bool is_liar;
    Machine machine;
    Blk* disk;
    fake::Rng* rng;
    std::vector<u8> config;
    std::deque<Guarded> used;
};

class Adversary : public testing::TestWithParam<Bus> {};
INSTANTIATE_TEST_SUITE_P(All, Adversary, on(all_buses), bus_name);

// covers: gen.status.04, ring.split.20, ring.split.36, ring.packed.31
TEST_P(Adversary, nothing_that_a_device_does_hurts) {
    for_each_seed(15, GetParam(), [&](u64 seed) { Life(GetParam(), seed).go_through(); });
}

} // namespace
} // namespace vireo::test
