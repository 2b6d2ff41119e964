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

system::FeatureWish FeatureWishes::of(unsigned feature) const {
    return on.has(feature)    ? system::FeatureWish::On
           : off.has(feature) ? system::FeatureWish::Off
                              : system::FeatureWish::Default;
}

Result<> FeatureWishes::set(unsigned feature, system::FeatureWish wish, const DriverManifest& manifest) {
    // Sections 6.1 and 6.3: these two are not for the driver to choose.
    auto indispensable = manifest.required | FeatureSet::of({VIRTIO_F_VERSION_1, VIRTIO_F_ANY_LAYOUT});
    if (wish == system::FeatureWish::Off && indispensable.has(feature))
        return error(ErrorCode::InvalidArgument, "the device cannot be driven without it");
    if (wish == system::FeatureWish::On && !implemented_features(manifest).has(feature))
        return error(ErrorCode::NotSupported, "Vireo does not implement it");
    on.remove(feature);
    off.remove(feature);
    if (wish == system::FeatureWish::On)
        on.add(feature);
    if (wish == system::FeatureWish::Off)
        off.add(feature);
    return {};
}

FeatureSet implemented_features(const DriverManifest& manifest) {
    return core_features | opt_in_features | manifest.required | manifest.optional;
}

Result<FeatureSet> negotiate(const FeatureSet& offered, const Transport& transport,
                             const DriverManifest& manifest, const FeatureWishes& wishes) {
    if (!transport.is_legacy() && !offered.has(VIRTIO_F_VERSION_1))
        return error(ErrorCode::NotSupported, "modern interface without VERSION_1");

    FeatureSet understood =
        core_features | (opt_in_features & wishes.on) | manifest.required | manifest.optional;
    understood = understood.without(wishes.off);
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
