// SPDX-License-Identifier: Apache-2.0
#include "virtio/session/negotiation.h"

namespace vireo::virtio {

using namespace wire;

namespace {

// Takes out, until nothing changes, every feature whose prerequisite is not there. Each pass removes at least
// one, so there are no more passes than dependencies.
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

Result<FeatureSet> negotiate(const FeatureSet& offered, const Transport& transport,
                             const DriverManifest& manifest) {
    if (!transport.is_legacy() && !offered.has(VIRTIO_F_VERSION_1))
        return error(ErrorCode::NotSupported, "modern interface without VERSION_1");

    FeatureSet understood = core_features | manifest.required | manifest.optional;
    for (const FeatureConflict& conflict : manifest.conflicts)
        if (offered.has(conflict.offered))
            understood.remove(conflict.feature);
    FeatureSet accepted =
        close_over(offered & understood & transport.allowed_features(), manifest.dependencies);
    if (!accepted.has_all(manifest.required))
        return error(ErrorCode::NotSupported, "a feature that the driver needs is not offered");
    return accepted;
}

} // namespace vireo::virtio
