// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/virtio_inspector.h"
#include "virtio/session/driver.h"
#include "virtio/transport/transport.h"
#include "virtio/wire/features.h"

namespace vireo::virtio {

// The device-independent bits that Session, Queue and the transports implement for every driver. Each
// transport takes out what its interface does not know, or has no registers for (VERSION_1 on a legacy one,
// ANY_LAYOUT on a modern one, NOTIF_CONFIG_DATA on MMIO).
//
// These are accepted whenever they are offered.
//   ANY_LAYOUT       must be accepted (section 6.3), although requests are framed as if it were not;
//   ACCESS_PLATFORM  every address that a device sees comes from dma/;
//   ORDER_PLATFORM   every barrier in dma/barriers.h is device-grade.
inline constexpr FeatureSet core_features =
    FeatureSet::of({wire::VIRTIO_F_ANY_LAYOUT, wire::VIRTIO_F_INDIRECT_DESC, wire::VIRTIO_F_EVENT_IDX,
                    wire::VIRTIO_F_VERSION_1, wire::VIRTIO_F_ACCESS_PLATFORM, wire::VIRTIO_F_RING_PACKED,
                    wire::VIRTIO_F_ORDER_PLATFORM, wire::VIRTIO_F_NOTIF_CONFIG_DATA});

// These only if the user asks for them.
//   IN_ORDER           keeps a device from finishing first what is ready first;
//   NOTIFICATION_DATA  says to a device what it finds in memory anyway;
//   RING_RESET         QEMU's disks confirm it and go on with what was in flight (docs/decisions/0017).
inline constexpr FeatureSet opt_in_features =
    FeatureSet::of({wire::VIRTIO_F_IN_ORDER, wire::VIRTIO_F_NOTIFICATION_DATA, wire::VIRTIO_F_RING_RESET});

// What the user wants of one device's features, for diagnosis.
struct FeatureWishes {
    FeatureSet on;  // opt-in features to accept
    FeatureSet off; // features to refuse although they are offered

    bool operator==(const FeatureWishes&) const = default;
    system::FeatureWish of(unsigned feature) const;
    // Errors: InvalidArgument for a feature without which the device cannot be driven, NotSupported to switch
    // on what Vireo does not implement.
    Result<> set(unsigned feature, system::FeatureWish wish, const DriverManifest& manifest);
};

// Everything that could be accepted from a device of this kind, whatever it offers: by
// default, and on request.
FeatureSet implemented_features(const DriverManifest& manifest);

// Chooses what to accept (section 2.2.1): of the offer, what driver or core understand, the interface allows,
// whose prerequisites are accepted too, and what the user has no objection to. Offered bits that nobody here
// knows are ignored, never an error. Errors: NotSupported when a required bit is missing, or VERSION_1 on a
// modern interface.
Result<FeatureSet> negotiate(const FeatureSet& offered, const Transport& transport,
                             const DriverManifest& manifest, const FeatureWishes& wishes = {});

} // namespace vireo::virtio
