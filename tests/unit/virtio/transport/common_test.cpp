// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/common.h"

#include <gtest/gtest.h>
#include <vector>

namespace vireo::virtio {
namespace {

// covers: gen.feat.05 gen.feat.06 gen.feat.08 mmio.38
TEST(TransportFeatures, reserved_bits_and_bits_of_other_transports_are_never_allowed) {
    for (const FeatureSet* allowed : {&modern_transport_features, &legacy_transport_features})
        for (unsigned bit : {24u, 25u, 26u, 30u, 31u, 37u, 41u, 42u, 44u, 45u, 46u, 47u, 48u, 49u})
            EXPECT_FALSE(allowed->has(bit)) << bit;
    EXPECT_FALSE(modern_transport_features.has(27));
    EXPECT_TRUE(legacy_transport_features.has(27));
    EXPECT_TRUE(
        modern_transport_features.has_all(FeatureSet::of({0, 23, 28, 29, 32, 33, 34, 36, 50, 63, 70, 127})));
    for (unsigned bit = 32; bit < 128; ++bit)
        EXPECT_FALSE(legacy_transport_features.has(bit)) << bit;
}

// Some registers have room for them; which ones, the transport knows.
TEST(TransportFeatures, bits_that_need_registers_are_not_allowed_everywhere) {
    for (unsigned bit : {38u, 39u, 40u, 43u})
        EXPECT_FALSE(modern_transport_features.has(bit)) << bit;
}

TEST(TransportFeatures, feature_bits_above_31_and_63_roundtrip) {
    u32 device[4] = {0x8000'0001, 0x8000'0003, 0x41, 0x8000'0000};
    FeatureSet offered = read_feature_words([&](unsigned word) { return device[word]; });
    EXPECT_TRUE(offered.has_all(FeatureSet::of({0, 31, 32, 33, 63, 64, 70, 127})));
    u32 accepted[4] = {};
    write_feature_words(offered, [&](unsigned word, u32 bits) { accepted[word] = bits; });
    for (unsigned i = 0; i < 4; ++i)
        EXPECT_EQ(accepted[i], device[i]);
}

// QEMU 7.2's virtio-mmio: any selector but 0 means word 1, for reading and for writing.
TEST(TransportFeatures, a_selector_that_knows_two_words_offers_nothing_above_63_and_loses_nothing) {
    u32 device[2] = {0x3000'0044, 0x0000'0003};
    FeatureSet offered = read_feature_words([&](unsigned word) { return device[word != 0]; });
    EXPECT_EQ(offered, FeatureSet::of({2, 6, 28, 29, 32, 33}));
    u32 accepted[2] = {};
    write_feature_words(offered, [&](unsigned word, u32 bits) { accepted[word != 0] = bits; });
    EXPECT_EQ(accepted[0], device[0]);
    EXPECT_EQ(accepted[1], device[1]);
}

QueueAddresses legacy_ring(u64 start, u16 size) {
    u64 driver = start + 16 * u64{size};
    u64 device = (driver + 6 + 2 * u64{size} + 4095) / 4096 * 4096;
    return {{start}, {driver}, {device}};
}

// covers: mmio.legacy.06 pci.legacy.11 pci.legacy.12 ring.legacy.01
TEST(LegacyRing, page_number) {
    EXPECT_EQ(legacy_page_number(256, legacy_ring(0x4000'3000, 256)).value(), 0x40003u);
    EXPECT_EQ(legacy_page_number(1, legacy_ring(0xfff'ffff'f000, 1)).value(), 0xffff'ffffu);
    for (u64 wrong : {u64{0}, u64{0x4000'0800}, u64{0x1000'0000'0000}})
        EXPECT_EQ(legacy_page_number(256, legacy_ring(wrong, 256)).error().code, ErrorCode::InvalidArgument);
}

TEST(LegacyRing, parts_in_other_places_are_refused) {
    for (unsigned part = 0; part < 2; ++part) {
        QueueAddresses ring = legacy_ring(0x10000, 64);
        (part == 0 ? ring.driver : ring.device).value += 4;
        EXPECT_EQ(legacy_page_number(64, ring).error().code, ErrorCode::InvalidArgument);
    }
    // Right for another size.
    EXPECT_FALSE(legacy_page_number(128, legacy_ring(0x10000, 64)));
}

} // namespace
} // namespace vireo::virtio
