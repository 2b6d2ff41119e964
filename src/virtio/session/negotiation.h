// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "virtio/session/driver.h"
#include "virtio/transport/transport.h"
#include "virtio/wire/features.h"

namespace vireo::virtio {

// The device-independent bits that Session and Queue implement for every driver.
//   ANY_LAYOUT       must be accepted (section 6.3), although requests are framed as if it were not;
//   ACCESS_PLATFORM  every address that a device sees comes from dma/;
//   ORDER_PLATFORM   every barrier in dma/barriers.h is device-grade.
// Each transport takes out what its interface does not know (VERSION_1 on a legacy one, ANY_LAYOUT on a
// modern one).
inline constexpr FeatureSet core_features =
    FeatureSet::of({wire::VIRTIO_F_ANY_LAYOUT, wire::VIRTIO_F_INDIRECT_DESC, wire::VIRTIO_F_EVENT_IDX,
                    wire::VIRTIO_F_VERSION_1, wire::VIRTIO_F_ACCESS_PLATFORM, wire::VIRTIO_F_ORDER_PLATFORM});

// Chooses what to accept (section 2.2.1): of the offer, what driver or core understand, the interface allows,
// and whose prerequisites are accepted too. Offered bits that nobody here knows are ignored, never an error.
// Errors: NotSupported when a required bit is missing, or VERSION_1 on a modern interface.
Result<FeatureSet> negotiate(const FeatureSet& offered, const Transport& transport,
                             const DriverManifest& manifest);

} // namespace vireo::virtio
