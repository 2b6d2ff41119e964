// SPDX-License-Identifier: Apache-2.0
// Feature negotiation (sections 2.2 and 6) through the whole stack. The referee judges each accepted set; the
// tests arrange the offers.
#include "hosted/access_trace.h"
#include "unit/support/machine.h"
#include "virtio/session/negotiation.h"

namespace vireo::test {
namespace {

using State = virtio::Session::State;
namespace feature = fake::feature;
using fake::Blk;

bool reads(Machine& machine) {
    auto bytes = bytes_of(512);
    return machine.disk() && machine.disk()->read(5, bytes) && has_pattern(bytes, 5);
}

class FeaturesOnBus : public OnBus {};
INSTANTIATE_TEST_SUITE_P(All, FeaturesOnBus, on(all_buses), bus_name);
class FeaturesOnBusEach : public testing::TestWithParam<Bus> {}; // makes its machines itself
INSTANTIATE_TEST_SUITE_P(All, FeaturesOnBusEach, on(all_buses), bus_name);
class FeaturesOnModern : public OnBus {};
INSTANTIATE_TEST_SUITE_P(All, FeaturesOnModern, on(modern_buses), bus_name);
class FeaturesOnLegacy : public OnBus {};
INSTANTIATE_TEST_SUITE_P(All, FeaturesOnLegacy, on(legacy_buses), bus_name);

// What Vireo may accept at most, written out from the standard and the design: everything else is a defect.
fake::Features whitelist(bool legacy, bool disk) {
    fake::Features bits{feature::indirect_desc, feature::event_idx};
    if (legacy)
        bits.add(feature::any_layout);
    else
        for (unsigned bit :
             {feature::version_1, feature::access_platform, feature::order_platform, feature::ring_packed,
              feature::in_order, feature::notification_data, feature::ring_reset, feature::notif_config_data})
            bits.add(bit);
    if (disk)
        for (unsigned bit : {Blk::size_max, Blk::seg_max, Blk::read_only, Blk::blk_size, Blk::flush,
                             Blk::topology, Blk::config_wce, Blk::mq, Blk::discard, Blk::write_zeroes})
            bits.add(bit);
    return bits;
}

// covers: gen.feat.01, gen.feat.04, gen.feat.05, gen.feat.06, gen.feat.07, gen.feat.08, gen.feat.11, gen.resbits.10
// covers: pci.modern.30, pci.modern.31
// covers by not using: gen.resbits.11
// covers: gen.legacy.07, gen.legacy.08, blk.05, blk.06, blk.08, blk.legacy.01, mmio.38
TEST_P(FeaturesOnBus, an_offer_of_everything_is_accepted_in_part) {
    Blk& disk = machine.plug_disk();
    fake::Rng& rng = machine.plug_rng();
    for (fake::Device* device : {static_cast<fake::Device*>(&disk), static_cast<fake::Device*>(&rng)}) {
        device->offered = fake::Features::all();
        if (is_legacy(GetParam()))
            device->offered.words[1] = device->offered.words[2] = device->offered.words[3] = 0;
    }
    disk.set_num_queues(1);
    disk.set_size_max(65536);
    machine.start();
    ASSERT_EQ(machine.state(0), State::Running) << machine.listing(0);
    ASSERT_EQ(machine.state(1), State::Running) << machine.listing(1);
    for (usize i = 0; i < 4; ++i) {
        EXPECT_EQ(disk.accepted().words[i] & ~whitelist(is_legacy(GetParam()), true).words[i], 0u)
            << "word " << i;
        EXPECT_EQ(rng.accepted().words[i] & ~whitelist(is_legacy(GetParam()), false).words[i], 0u)
            << "word " << i;
    }
    EXPECT_FALSE(disk.accepted().has(Blk::zoned));
    // RO was among them: reads work, writes are refused before they reach the device.
    EXPECT_TRUE(reads(machine));
    auto bytes = bytes_of(512);
    EXPECT_EQ(machine.disk()->write(0, bytes).error().code, ErrorCode::ReadOnly);
}

// covers: gen.feat.03, gen.feat.09
// Each bit alone beside what is required.
TEST_P(FeaturesOnBusEach, each_bit_alone_works) {
    for (unsigned bit = 0; bit < (is_legacy(GetParam()) ? 32 : 128); ++bit) {
        if (bit == Blk::mq)
            continue; // needs a sensible num_queues, which has its own test
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.offered = {};
        disk.set_size_max(65536);
        disk.set_seg_max(8);
        disk.set_block_size(512);
        disk.offered = {};
        disk.offered.set(feature::version_1, !is_legacy(GetParam()));
        disk.offered.add(bit);
        each.start();
        EXPECT_EQ(each.state(), State::Running) << "bit " << bit << ": " << each.listing();
        EXPECT_TRUE(reads(each)) << "bit " << bit;
    }
}

// covers: gen.feat.09
TEST_P(FeaturesOnBusEach, each_optional_bit_may_be_missing) {
    for (unsigned bit : {Blk::seg_max, Blk::geometry, Blk::blk_size, Blk::flush, Blk::topology,
                         Blk::config_wce, feature::any_layout, feature::indirect_desc, feature::event_idx}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk();
        disk.offered.remove(bit);
        each.start();
        EXPECT_EQ(each.state(), State::Running) << "without bit " << bit;
        EXPECT_TRUE(reads(each)) << "without bit " << bit;
    }
}

TEST_P(FeaturesOnBus, no_optional_bit_at_all) {
    Blk& disk = machine.plug_disk();
    disk.offered = {};
    disk.offered.set(feature::version_1, !is_legacy(GetParam()));
    machine.start();
    EXPECT_TRUE(reads(machine));
    EXPECT_TRUE(machine.disk()->flush()); // nothing to do without a cache
    EXPECT_EQ(disk.count(Blk::type_flush), 0u);
}

// covers: gen.feat.10, gen.resbits.02, gen.init.12, gen.init.13
TEST_P(FeaturesOnModern, a_modern_device_without_version_1_is_failed) {
    Blk& disk = machine.plug_disk();
    fake::Blk& other = machine.plug_disk();
    disk.offered.remove(feature::version_1);
    machine.start();
    EXPECT_EQ(machine.state(0), State::Broken);
    EXPECT_TRUE(disk.status_log().back() & fake::status::failed || disk.status_log().back() == 0);
    bool failed = false;
    for (u8 value : disk.status_log())
        failed |= (value & fake::status::failed) != 0;
    EXPECT_TRUE(failed);
    // One clear line, and the next disk works.
    EXPECT_NE(machine.complaints.log().find("VERSION_1"), std::string::npos) << machine.complaints.log();
    EXPECT_EQ(machine.state(1), State::Running);
    EXPECT_EQ(other.count(Blk::type_in), 0u);
}

// The platform translates: what the device is told lies elsewhere than the memory (an address that was not
// translated is reported).
// covers: gen.resbits.01, gen.resbits.03, gen.resbits.04, gen.resbits.07
TEST_P(FeaturesOnModern, what_should_be_accepted_is) {
    constexpr u64 base = 0x7000'0000'0000;
    hosted::DmaArena::instance().place_at(base);
    Blk& disk = machine.plug_disk();
    disk.offered.add(feature::order_platform);
    disk.offered.add(feature::access_platform);
    machine.start();
    ASSERT_EQ(machine.state(), State::Running);
    EXPECT_TRUE(disk.accepted().has(feature::version_1));
    EXPECT_TRUE(disk.accepted().has(feature::order_platform));
    EXPECT_TRUE(disk.accepted().has(feature::access_platform));
    for (u64 address : {disk.queue(0).descriptors, disk.queue(0).driver_area, disk.queue(0).device_area})
        EXPECT_GE(address, base);
    EXPECT_TRUE(reads(machine));
}

// covers: gen.legacy.01, gen.legacy.02, gen.legacy.05, gen.legacy.06, gen.legacy.08, pci.legacy.06
TEST_P(FeaturesOnLegacy, a_legacy_device_is_driven_the_legacy_way) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_EQ(machine.state(), State::Running);
    EXPECT_TRUE(disk.accepted().has(feature::any_layout));
    EXPECT_FALSE(disk.accepted().has(feature::notify_on_empty));
    for (u8 value : disk.status_log())
        EXPECT_FALSE(value & fake::status::features_ok);
    EXPECT_TRUE(reads(machine));
}

// defects-seen.txt; covers: gen.init.09, gen.init.12, gen.init.13
TEST_P(FeaturesOnModern, features_ok_refusal_sets_failed) {
    Blk& disk = machine.plug_disk();
    disk.faults.refuse_features_ok = true;
    machine.start();
    EXPECT_EQ(machine.state(), State::Broken);
    auto& log = disk.status_log();
    ASSERT_GE(log.size(), 5u);
    usize at = 0;
    while (at < log.size() && !(log[at] & fake::status::features_ok))
        ++at;
    ASSERT_LT(at + 1, log.size());
    EXPECT_TRUE(log[at + 1] & fake::status::failed);
    EXPECT_FALSE(disk.queue(0).enabled);
    EXPECT_FALSE(machine.complaints.log().empty());
}

// --- what the user wants ------------------------------------------------------------------------------------------

using Wish = system::FeatureWish;

// covers: gen.feat.09
TEST_P(FeaturesOnBus, each_accepted_feature_can_be_forced_off) {
    Blk& disk = machine.plug_disk();
    disk.set_size_max(65536);
    disk.offered.set(feature::ring_packed, !is_legacy(GetParam()));
    machine.start();
    ASSERT_TRUE(reads(machine));
    auto usual = disk.accepted();
    for (unsigned bit = 0; bit < 128; ++bit) {
        if (!usual.has(bit))
            continue;
        if (bit == feature::version_1 || bit == feature::any_layout) {
            EXPECT_EQ(machine.manager.wish(0, std::to_string(bit), Wish::Off).error().code,
                      ErrorCode::InvalidArgument);
            continue;
        }
        ASSERT_TRUE(machine.manager.wish(0, std::to_string(bit), Wish::Off)) << bit;
        EXPECT_TRUE(disk.accepted().has(bit)) << "not before the next scan";
        ASSERT_TRUE(machine.manager.rescan());
        auto expected = usual;
        expected.remove(bit);
        EXPECT_EQ(disk.accepted(), expected) << bit;
        EXPECT_TRUE(reads(machine)) << bit;
        ASSERT_TRUE(machine.manager.wish(0, std::to_string(bit), Wish::Default));
    }
    ASSERT_TRUE(machine.manager.rescan());
    EXPECT_EQ(disk.accepted(), usual);
    u64 resets = disk.resets();
    ASSERT_TRUE(machine.manager.rescan());
    EXPECT_EQ(disk.resets(), resets) << "nothing new was wished";
}

TEST_P(FeaturesOnModern, features_with_a_price_are_accepted_only_on_request) {
    Blk& disk = machine.plug_disk();
    constexpr unsigned bits[] = {feature::in_order, feature::notification_data, feature::ring_reset};
    for (unsigned bit : bits)
        disk.offered.add(bit);
    machine.start();
    ASSERT_TRUE(reads(machine));
    for (unsigned bit : bits)
        EXPECT_FALSE(disk.accepted().has(bit)) << bit;
    for (const char* name : {"in_order", "Notification_Data", "40"})
        ASSERT_TRUE(machine.manager.wish(0, name, Wish::On));
    ASSERT_TRUE(machine.manager.rescan());
    for (unsigned bit : bits)
        EXPECT_TRUE(disk.accepted().has(bit)) << bit;
    EXPECT_TRUE(reads(machine));
    // A device that broke comes back with the same wishes.
    disk.need_reset();
    machine.manager.refresh();
    EXPECT_TRUE(disk.accepted().has(feature::in_order));
    EXPECT_TRUE(reads(machine));
}

TEST_P(FeaturesOnModern, what_cannot_be_had_is_said) {
    machine.plug_disk();
    machine.plug(std::make_unique<fake::Blk>("other", std::make_unique<fake::MemoryDisk>(8, true), 1));
    machine.start();
    auto& manager = machine.manager;
    EXPECT_EQ(manager.wish(0, "VERSION_1", Wish::Off).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(manager.wish(0, "suspend", Wish::On).error().code, ErrorCode::NotSupported);
    EXPECT_EQ(manager.wish(0, "41", Wish::On).error().code, ErrorCode::NotSupported);
    EXPECT_EQ(manager.wish(0, "no_such", Wish::On).error().code, ErrorCode::NotFound);
    EXPECT_EQ(manager.wish(0, "128", Wish::Off).error().code, ErrorCode::NotFound);
    EXPECT_EQ(manager.wish(0, "", Wish::Off).error().code, ErrorCode::NotFound);
    EXPECT_EQ(manager.wish(2, "in_order", Wish::On).error().code, ErrorCode::NotFound);
    EXPECT_FALSE(machine.session(0).has_new_wishes());
    EXPECT_TRUE(manager.wish(0, "flush", Wish::Off));
    EXPECT_TRUE(machine.session(0).has_new_wishes());
    EXPECT_FALSE(machine.session(1).has_new_wishes());
}

TEST_P(FeaturesOnBus, the_listing_of_features_says_what_is_and_what_will_be) {
    Blk& disk = machine.plug_disk();
    disk.offered.add(Blk::zoned);
    disk.offered.set(feature::in_order, !is_legacy(GetParam()));
    machine.start();
    ASSERT_TRUE(machine.manager.wish(0, "event_idx", Wish::Off));
    StringBuffer<8192> text;
    ASSERT_TRUE(machine.manager.print_features(0, text));
    std::string list(text.view());
    auto has = [&](const char* line) {
        EXPECT_NE(list.find(line), std::string::npos) << line << "\n" << list;
    };
    has("\n    9  FLUSH                      accepted    default\n");
    has("\n   17  ZONED                      offered     default  (not used by Vireo)\n");
    has("\n   29  EVENT_IDX                  accepted    off, from the next `virtio scan` on\n");
    if (!is_legacy(GetParam()))
        has("\n   35  IN_ORDER                   offered     default  (only if asked for)\n");
    ASSERT_TRUE(machine.manager.rescan());
    text.clear();
    ASSERT_TRUE(machine.manager.print_features(0, text));
    list = text.view();
    has("\n   29  EVENT_IDX                  offered     off\n");
    EXPECT_EQ(machine.manager.print_features(1, text).error().code, ErrorCode::NotFound);
}

// defects-seen.txt; the register is write-only on MMIO, and PCI's shows what the device makes of it
TEST_P(FeaturesOnBus, driver_features_are_written_whole) {
    machine.plug_disk();
    hosted::start_trace();
    machine.start();
    auto trace = hosted::stop_trace();
    ASSERT_EQ(machine.state(), State::Running);
    u64 base = is_mmio(GetParam())            ? Machine::mmio_base + 0x20
               : GetParam() == Bus::PciLegacy ? machine.function().bar_base(0) + 4
                                              : machine.function().bar_base(fake::VirtioPci::modern_bar) +
                                                    machine.function().capabilities[4].offset + 0x0c;
    unsigned writes = 0;
    for (auto& access : trace)
        if (access.address == base && access.kind != hosted::Access::Kind::Barrier) {
            EXPECT_EQ(access.kind, hosted::Access::Kind::Write);
            ++writes;
        }
    EXPECT_GE(writes, 1u);
}

// defects-seen.txt
TEST(Features, feature_bits_above_31_and_63_roundtrip) {
    for (unsigned bit : {0u, 31u, 32u, 63u, 64u, 70u, 95u, 96u, 127u}) {
        virtio::FeatureSet set;
        set.add(bit);
        for (unsigned other = 0; other < 128; ++other)
            EXPECT_EQ(set.has(other), other == bit);
        EXPECT_EQ(set.word(bit / 32), u32{1} << bit % 32);
        virtio::FeatureSet copy;
        for (unsigned i = 0; i < 4; ++i)
            copy.set_word(i, set.word(i));
        EXPECT_EQ(copy, set);
        set.remove(bit);
        EXPECT_TRUE(set.is_empty());
    }
}

// A transport of which only the negotiation looks.
struct PlainTransport final : virtio::Transport {
    bool legacy = false;
    virtio::FeatureSet allowed = virtio::FeatureSet::range(0, 127);
    u32 device_type() const override { return 99; }
    bool is_legacy() const override { return legacy; }
    virtio::RingLayout ring_layout() const override { return virtio::RingLayout::Separate; }
    virtio::FeatureSet allowed_features() const override { return allowed; }
    u8 status() override { return 0; }
    void set_status(u8) override {}
    virtio::FeatureSet offered_features() override { return {}; }
    void accept_features(const virtio::FeatureSet&) override {}
    std::optional<u16> queue_count() override { return std::nullopt; }
    Result<u16> queue_size_max(virtio::QueueIndex) override { return u16{0}; }
    Result<io::Doorbell> activate_queue(virtio::QueueIndex, u16, const virtio::QueueAddresses&) override {
        return io::Doorbell{};
    }
    Result<dma::ConfirmedReset> reset_queue(virtio::QueueIndex) override {
        return *dma::ConfirmedReset::when_zero(0);
    }
    Result<u32> read_config(u32, u8) override { return u32{0}; }
    Result<> write_config(u32, u8, u32) override { return {}; }
    std::optional<u32> config_generation() override { return std::nullopt; }
    virtio::DeviceEvents take_events() override { return {}; }
    void enable_dma(bool) override {}
    bool is_same_place(const virtio::Transport&) const override { return false; }
    void print_place(Writer&) const override {}
    std::string_view kind() const override { return "plain"; }
};

// covers: gen.feat.02
// Chains of dependencies: 70 needs 5, 5 needs 3. Whatever is missing takes what hangs on it along.
TEST(Features, a_feature_without_its_prerequisite_is_not_accepted) {
    static constexpr virtio::FeatureDependency needs[] = {{70, 5}, {5, 3}};
    virtio::DriverManifest manifest{"plain", 99, {}, virtio::FeatureSet::of({3, 5, 70}), needs, {}, nullptr};
    PlainTransport transport;
    auto choose = [&](std::initializer_list<unsigned> bits) {
        auto offered = virtio::FeatureSet::of(bits);
        offered.add(32);
        auto accepted = virtio::negotiate(offered, transport, manifest);
        EXPECT_TRUE(accepted);
        return accepted ? accepted->without(virtio::FeatureSet::of({32})) : virtio::FeatureSet{};
    };
    EXPECT_EQ(choose({3, 5, 70}), virtio::FeatureSet::of({3, 5, 70}));
    EXPECT_EQ(choose({5, 70}), virtio::FeatureSet{});
    EXPECT_EQ(choose({3, 70}), virtio::FeatureSet::of({3}));
    EXPECT_EQ(choose({3, 5}), virtio::FeatureSet::of({3, 5}));
}

TEST(Features, a_required_feature_cannot_be_forced_off) {
    virtio::DriverManifest manifest{
        "plain", 99, virtio::FeatureSet::of({64}), virtio::FeatureSet::of({5}), {}, {}, nullptr};
    virtio::FeatureWishes wishes;
    EXPECT_EQ(wishes.set(64, Wish::Off, manifest).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(wishes.set(6, Wish::On, manifest).error().code, ErrorCode::NotSupported);
    EXPECT_EQ(wishes, virtio::FeatureWishes{});
    EXPECT_TRUE(wishes.set(5, Wish::Off, manifest));
    EXPECT_TRUE(wishes.set(64, Wish::On, manifest));
    PlainTransport transport;
    auto accepted = virtio::negotiate(virtio::FeatureSet::of({5, 32, 64}), transport, manifest, wishes);
    ASSERT_TRUE(accepted);
    EXPECT_EQ(*accepted, virtio::FeatureSet::of({32, 64}));
    // What hangs on a feature that was forced off goes with it.
    static constexpr virtio::FeatureDependency needs[] = {{6, 5}};
    virtio::DriverManifest dependent{"plain", 99, {}, virtio::FeatureSet::of({5, 6}), needs, {}, nullptr};
    accepted = virtio::negotiate(virtio::FeatureSet::of({5, 6, 32}), transport, dependent, wishes);
    ASSERT_TRUE(accepted);
    EXPECT_EQ(*accepted, virtio::FeatureSet::of({32}));
}

// covers: gen.feat.10
TEST(Features, a_required_feature_that_is_missing_is_an_error) {
    virtio::DriverManifest manifest{"plain", 99, virtio::FeatureSet::of({64}), {}, {}, {}, nullptr};
    PlainTransport transport;
    auto refused = virtio::negotiate(virtio::FeatureSet::of({32}), transport, manifest);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::NotSupported);
    EXPECT_TRUE(virtio::negotiate(virtio::FeatureSet::of({32, 64}), transport, manifest));
    // Required, offered, but not for this transport.
    transport.allowed.remove(64);
    EXPECT_FALSE(virtio::negotiate(virtio::FeatureSet::of({32, 64}), transport, manifest));
}

} // namespace
} // namespace vireo::test
