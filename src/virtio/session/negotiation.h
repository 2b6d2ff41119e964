// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "virtio/session/driver.h"
#include "virtio/transport/transport.h"

namespace vireo::virtio {

// The device-independent bits that Session and Queue implement for every driver.
FeatureSet core_features(bool legacy);

// Chooses what to accept (section 2.2.1): of the offer, what driver or core understand, the interface allows, and
// whose prerequisites are accepted too. Offered bits that nobody here knows are ignored, never an error.
// Errors: NotSupported when a required bit is missing, or VERSION_1 on a modern interface.
Result<FeatureSet> negotiate(const FeatureSet& offered, const Transport& transport,
                             const DriverManifest& manifest);

} // namespace vireo::virtio
