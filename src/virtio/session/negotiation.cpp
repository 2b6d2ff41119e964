// SPDX-License-Identifier: Apache-2.0
#include "virtio/session/negotiation.h"

#include "virtio/wire/features.h"

namespace vireo::virtio {

using namespace wire;

namespace {

// Section 2.2: what belongs to the device types. Bits 41 and 42 do too, on paper, but 41 is ADMIN_VQ as well, and no driver
// here wants either. The legacy interface has 32 bits.
constexpr FeatureSet device_bits(bool legacy) {
    FeatureSet low = FeatureSet::range(0, 23);
    return legacy ? low : low | FeatureSet::range(50, 127);
}

// Takes out, until nothing changes, every feature whose prerequisite is not there. Each pass removes at least one, so there
// are no more passes than dependencies.
FeatureSet close_over(FeatureSet features, std::span<const FeatureDependency> dependencies) {
    for (bool changed = true; changed;) {
        changed = false;
        for (const FeatureDependency& dependency : dependencies) {
            if (features.has(dependency.feature) && !features.has(dependency.needs)) {
                features.remove(dependency.feature);
                changed = true;
            }
        }
    }
    return features;
}

} // namespace

FeatureSet core_features(bool legacy) {
    // ANY_LAYOUT must be accepted (section 6.3), although drivers frame their requests as if it were not. Bit 30 and
    // NOTIFY_ON_EMPTY are never taken.
    if (legacy)
        return FeatureSet::of({VIRTIO_F_ANY_LAYOUT, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX});
    // ACCESS_PLATFORM: every address a device sees comes from dma/. ORDER_PLATFORM: all of dma/barriers.h is device-grade.
    return FeatureSet::of({VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX, VIRTIO_F_VERSION_1,
                           VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_ORDER_PLATFORM});
}

Result<FeatureSet> negotiate(const FeatureSet& offered, const Transport& transport,
                             const DriverManifest& manifest) {
    bool legacy = transport.is_legacy();
    if (!legacy && !offered.has(VIRTIO_F_VERSION_1))
        return error(ErrorCode::NotSupported, "modern interface without VERSION_1");

    FeatureSet device = (manifest.required | manifest.optional) & device_bits(legacy);
    FeatureSet core = core_features(legacy) & transport.allowed_features();
    FeatureSet accepted = close_over(offered & (device | core), manifest.dependencies);
    if (!accepted.has_all(manifest.required))
        return error(ErrorCode::NotSupported, "a feature that the driver needs is not offered");
    return accepted;
}

} // namespace vireo::virtio
